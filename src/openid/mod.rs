//! Signing in with an OpenID provider: OpenID Connect Core 1.0, the authorization code flow with PKCE (RFC 7636, S256).
//!
//! The providers are those of the file that `OIDC_PROVIDERS` names ([`provider`]). The client, a page or an app, does the
//! redirecting, for it alone knows where it is:
//!
//! 1. `beginProviderSignIn` gives the provider's address to go to, and a `flow`: state, nonce, PKCE verifier, provider,
//!    redirect URI and the time, sealed ([`flow`]). The client keeps it where it keeps what no other site reads (the
//!    session storage of the page's origin, the memory of the app).
//! 2. The provider sends the browser back to the redirect URI with a `code` and the `state`.
//! 3. `completeProviderSignIn` takes the flow, the code and the state. The service redeems the code ([`client`]), checks
//!    the ID token, and begins a session for the account that it is of.
//!
//! What that is worth against (RFC 9700, sections 2.1 and 4):
//! - Login CSRF and injected codes: whoever makes a browser come back with an attacker's code has no flow in that browser
//!   whose state it would be. A code that was stolen is redeemed by no other flow than its own: the provider compares its
//!   PKCE challenge with the flow's verifier, and the ID token's nonce is the flow's. An app that takes another's custom
//!   scheme gets the code, and has no flow.
//! - Open redirectors: the redirect URI is one of the configured ones, letter by letter. The service itself follows none.
//! - Mix-up: a code goes to the provider that its flow is of; where the answer carried an `iss` (RFC 9207), the client
//!   hands it on and it must be that provider's.
//! - Replay: a code is good once (RFC 6749, section 4.1.2), and a flow without a code for nothing; after ten minutes it
//!   has expired. So nothing needs to be kept here between the steps, and any instance can take the last one.
//! - Forged tokens: the signature is asked for, by a public key of the provider's and never by a shared secret; so are
//!   issuer, audience (this client and nobody else), expiry and nonce.
//!
//! Who it is (`store`, `write`): an identity is an issuer's name for somebody, its subject. The first time, it is linked to
//! the active account with the e-mail that the provider says it has verified, if that account has no identity of the
//! provider's yet; that is written to the audit log. From then on the identity decides, whatever its e-mail has become. No
//! account is ever made, and phone numbers are not used. Whoever is not let in gets one answer, and does not learn why.
//!
//! A provider is trusted with every account whose e-mail it may vouch for: configure those only that you would let reset
//! the passwords of your administrators.
//!
//! Row scope: an identity is reached as its account is (`auth::store::reach`).

pub mod api;
pub mod client;
pub mod flow;
pub mod model;
pub mod mutation;
pub mod provider;
