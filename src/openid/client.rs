//! What is asked of a provider: its metadata and keys, and what a code stands for.

use std::{borrow::Cow, path::Path, pin::Pin, sync::Arc, time::Duration as Time};

use chrono::{Duration, NaiveDateTime};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, SignatureVerificationError, TokenResponse,
    core::{
        CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdTokenClaims, CoreJwsSigningAlgorithm,
        CoreProviderMetadata, CoreResponseType, CoreTokenResponse,
    },
    http,
    url::Url,
};
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, OnceCell};

use super::{
    flow::Flow,
    model::Person,
    provider::{self, Settings, is_safe},
};
use crate::{
    auth::model::Identifier,
    clock::Clock,
    error::{Error, Result},
    telemetry::span,
};

/// How long a provider's metadata and keys are kept. A token signed by a key that is not among them has them read anew.
const KEPT: Duration = Duration::hours(1);
/// How long a provider that was not to be reached is left alone.
const LEFT_ALONE: Duration = Duration::seconds(10);
/// How long a provider may take to take a connection, and to answer.
const TIMES: (Time, Time) = (Time::from_secs(5), Time::from_secs(10));
/// Bytes that an answer of a provider has at most.
const MOST_BYTES: usize = 256 * 1024;

/// The algorithms by which an ID token may be signed: those with a public key. With a shared secret, everybody who knows
/// it could sign, and with `none` everybody at all.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// The configured providers, in the order of the file.
#[derive(Default)]
pub struct Providers(Vec<Provider>);

impl Providers {
    /// The providers of a file, see [`provider::read`]; none of them is asked for anything yet.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn read(path: &Path, loopback: bool, clock: &Clock) -> Result<Self> {
        let settings = provider::read(path, loopback).map_err(|problems| {
            Error::internal(format!("OIDC_PROVIDERS: {}:\n  {}", path.display(), problems.join("\n  ")))
        })?;
        let http = Arc::new(Http { client: OnceCell::new(), loopback });
        let provider =
            |settings| Provider { settings, http: Arc::clone(&http), clock: clock.clone(), kept: Mutex::default() };
        Ok(Self(settings.into_iter().map(provider).collect()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// The one with a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Provider> {
        self.iter().find(|provider| provider.settings.name == name)
    }

    /// The one with an issuer.
    #[must_use]
    pub fn of_issuer(&self, issuer: &str) -> Option<&Provider> {
        self.iter().find(|provider| provider.settings.issuer.as_str() == issuer)
    }
}

/// A provider, and what is known of it.
pub struct Provider {
    settings: Settings,
    http: Arc<Http>,
    clock: Clock,
    /// Held while it is asked, so that many who want to know ask once.
    kept: Mutex<Option<Kept>>,
}

/// What a provider said of itself; nothing where it was not to be reached.
struct Kept {
    at: NaiveDateTime,
    metadata: Option<CoreProviderMetadata>,
}

impl Provider {
    /// How it is configured.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether it may send back to `uri`: one that is configured, letter by letter (RFC 9700, section 4.1.3).
    #[must_use]
    pub fn returns_to(&self, uri: &str) -> bool {
        self.settings.redirect_uris.iter().any(|known| known.as_str() == uri)
    }

    /// Where to send the browser for a flow.
    ///
    /// # Errors
    /// When the provider is not to be reached and not known.
    pub async fn authorization_url(&self, flow: &Flow) -> Result<Url> {
        let client = self.client(&self.metadata().await?);
        let (state, nonce) = (CsrfToken::new(flow.state.clone()), Nonce::new(flow.nonce.clone()));
        let code = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let request = client.authorize_url(code, || state, || nonce).add_scopes(self.settings.scopes.iter().cloned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(flow.verifier.clone()));
        let (url, ..) = request.set_pkce_challenge(challenge).set_redirect_uri(self.redirect_uri(flow)?).url();
        Ok(url)
    }

    /// Who somebody is by the code that they came back with; `None` where the code is good for nothing (any more), or the
    /// token that it stands for is not right: the log says why.
    ///
    /// # Errors
    /// When the provider is not to be reached, or does not answer as it should.
    pub async fn redeem(&self, flow: &Flow, code: String) -> Result<Option<Person>> {
        let metadata = self.metadata().await?;
        let Some(tokens) = self.exchange(&self.client(&metadata), flow, code).await? else { return Ok(None) };
        let verified = match self.verify(&metadata, &tokens, flow) {
            // It may have made new keys since.
            Err(Wrong::UnknownKey) => self.verify(&self.renewed().await?, &tokens, flow),
            verified => verified,
        };
        let claims = match verified {
            Ok(claims) => claims,
            Err(wrong) => {
                tracing::warn!(provider = self.settings.name, wrong = %wrong, "an ID token was refused");
                return Ok(None);
            }
        };
        let vouched = claims.email().filter(|_| claims.email_verified() == Some(true));
        let email = vouched.map(|email| Identifier::parse(email)).and_then(|email| match email {
            Identifier::Email(email) => Some(email),
            Identifier::Phone(_) => None,
        });
        let (issuer, subject) = (claims.issuer().to_string(), claims.subject().to_string());
        Ok(Some(Person { issuer, subject, email }))
    }

    /// What a code stands for; `None` where it is good for nothing.
    async fn exchange(&self, client: &Client, flow: &Flow, code: String) -> Result<Option<CoreTokenResponse>> {
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| self.unavailable(error))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()));
        let request = request.set_redirect_uri(self.redirect_uri(flow)?);
        match request.request_async(&*self.http).await {
            Ok(tokens) => Ok(Some(tokens)),
            Err(RequestTokenError::ServerResponse(refusal)) => match refusal.error() {
                CoreErrorResponseType::InvalidGrant => {
                    tracing::info!(provider = self.settings.name, "a code was refused");
                    Ok(None)
                }
                // Its own words may repeat what was sent.
                code => Err(self.unavailable(format!("the token endpoint says {}", code.as_ref()))),
            },
            Err(RequestTokenError::Request(error)) => Err(self.unavailable(error)),
            // What could not be read may have been a token.
            Err(_) => Err(self.unavailable("the token endpoint's answer is none (RFC 6749, section 5)")),
        }
    }

    /// The claims of the ID token, if it is of this provider's, for this service, for this flow, and now.
    fn verify(
        &self,
        metadata: &CoreProviderMetadata,
        tokens: &CoreTokenResponse,
        flow: &Flow,
    ) -> Result<CoreIdTokenClaims, Wrong> {
        let token = tokens.id_token().ok_or(Wrong::Absent)?;
        let client = self.client(metadata);
        let verifier =
            client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(|| self.clock.now().and_utc());
        let claims = token.claims(&verifier, &Nonce::new(flow.nonce.clone()));
        claims.cloned().map_err(|error| match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                Wrong::UnknownKey
            }
            ClaimsVerificationError::SignatureVerification(error) => Wrong::Other(error.to_string()),
            error => Wrong::Other(error.to_string()),
        })
    }

    /// The configured redirect URI of a flow: it must be there still.
    fn redirect_uri(&self, flow: &Flow) -> Result<Cow<'_, RedirectUrl>> {
        let known = self.settings.redirect_uris.iter().find(|known| known.as_str() == flow.redirect_uri);
        known.map(Cow::Borrowed).ok_or_else(|| self.unavailable("a redirect URI is configured no more"))
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Client {
        let Settings { client_id, client_secret, .. } = &self.settings;
        let secret = ClientSecret::new(client_secret.expose_secret().to_owned());
        let client = CoreClient::from_provider_metadata(metadata.clone(), client_id.clone(), Some(secret));
        let takes = metadata.token_endpoint_auth_methods_supported();
        // Where nothing is said it takes the header (OpenID Connect Discovery, section 3).
        let header = takes.is_none_or(|takes| takes.contains(&CoreClientAuthMethod::ClientSecretBasic));
        client.set_auth_type(if header { AuthType::BasicAuth } else { AuthType::RequestBody })
    }

    /// The provider's metadata with its keys, read at most an hour ago.
    async fn metadata(&self) -> Result<CoreProviderMetadata> {
        let mut kept = self.kept.lock().await;
        if let Some(Kept { at, metadata }) = &*kept {
            let lasts = if metadata.is_some() { KEPT } else { LEFT_ALONE };
            if self.clock.now() < *at + lasts {
                return metadata.clone().ok_or_else(|| self.unavailable("it was not to be reached a moment ago"));
            }
        }
        self.ask(&mut kept).await
    }

    /// The same, read just now.
    async fn renewed(&self) -> Result<CoreProviderMetadata> {
        self.ask(&mut *self.kept.lock().await).await
    }

    async fn ask(&self, kept: &mut Option<Kept>) -> Result<CoreProviderMetadata> {
        let metadata = CoreProviderMetadata::discover_async(self.settings.issuer.clone(), &*self.http).await;
        let metadata = metadata.map_err(|error| self.unavailable(in_full(&error))).and_then(|metadata| {
            let fine = is_safe(metadata.authorization_endpoint().url(), self.http.loopback);
            fine.then_some(metadata).ok_or_else(|| self.unavailable("its authorization endpoint is not HTTPS"))
        });
        *kept = Some(Kept { at: self.clock.now(), metadata: metadata.as_ref().ok().cloned() });
        metadata
    }

    fn unavailable(&self, cause: impl std::fmt::Display) -> Error {
        Error::unavailable(format!("the provider {:?}: {cause}", self.settings.name))
    }
}

/// What is wrong with an ID token.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("there is none")]
    Absent,
    #[error("it is signed by a key that the provider does not publish")]
    UnknownKey,
    #[error("{0}")]
    Other(String),
}

/// An error with what it came from.
fn in_full(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How providers are asked: by HTTPS, without following redirects, and neither long nor for much: where a provider's
/// metadata lead is not to become where this service can be sent (OWASP, Server-Side Request Forgery).
struct Http {
    /// Made when it is first needed: it reads the certificates that this machine trusts.
    client: OnceCell<reqwest::Client>,
    /// Whether HTTP will do for loopback addresses.
    loopback: bool,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("{0}: only https:// URLs are asked")]
    Unsafe(Url),
    #[error("the answer has more than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("{}", in_full(.0))]
    Http(reqwest::Error),
}

impl From<reqwest::Error> for Unanswered {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

impl Http {
    async fn client(&self) -> Result<&reqwest::Client, Unanswered> {
        let (connect, answer) = TIMES;
        let make = || async {
            let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
            Ok(client.connect_timeout(connect).timeout(answer).build()?)
        };
        self.client.get_or_try_init(make).await
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
        let request = reqwest::Request::try_from(request)?;
        if !is_safe(request.url(), self.loopback) {
            return Err(Unanswered::Unsafe(request.url().clone()));
        }
        let mut response = span::execute(self.client().await?, request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(Unanswered::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body);
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.answer(request))
    }
}
