//! Mutations of signing in with a provider.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{flow::Flow, model::Person};
use crate::{
    auth::{
        api::{Account, OWNER},
        model::{Identifier, Proof},
        sets::{ANYONE, NO_KEY, PEOPLE},
        sign_in::{Proved, SessionTransport, SignInPayload, go_on},
    },
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{
        Call, Stated, UserError,
        UserErrorCode::{Invalid, InvalidCredentials, NotFound},
        auth, root, stated,
    },
    ids::Kind,
    payload, read,
};

/// With which provider to sign in, and where it is to send back to.
#[derive(InputObject)]
pub struct BeginProviderSignInInput {
    /// The provider's `name`.
    provider: String,
    /// One of those that are configured for the provider, letter by letter.
    redirect_uri: String,
}

/// What the provider sent back with, and what was begun.
#[derive(InputObject)]
pub struct CompleteProviderSignInInput {
    /// The `flow` that `beginProviderSignIn` gave.
    #[graphql(secret)]
    flow: String,
    /// The `code` that came with the redirect.
    #[graphql(secret)]
    code: String,
    /// The `state` that came with the redirect.
    #[graphql(secret)]
    state: String,
    /// The `iss` that came with the redirect, where one did (RFC 9207).
    issuer: Option<String>,
    /// How the session's token is carried.
    #[graphql(default)]
    session: SessionTransport,
}

/// The account and the identity to take off it.
#[derive(InputObject)]
pub struct UnlinkIdentityInput {
    /// The account.
    account_id: ID,
    /// The `issuer` of the identity.
    issuer: String,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// Where to go to sign in, and what to keep until the provider sends back.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct BeginProviderSignInPayload {
    /// Where to send the browser.
    #[graphql(directive = auth::apply(ANYONE))]
    authorization_url: Option<String>,
    /// What the provider sends back with the code. A redirect that comes with another one was not asked for.
    #[graphql(directive = auth::apply(ANYONE))]
    state: Option<String>,
    /// To be kept by the client, out of other sites' reach, and handed to `completeProviderSignIn` within ten minutes.
    #[graphql(directive = auth::apply(ANYONE))]
    flow: Option<String>,
    /// Why nothing was begun; empty where it was.
    #[graphql(directive = auth::apply(ANYONE))]
    user_errors: Vec<UserError>,
}

impl Stated for BeginProviderSignInPayload {}

payload! {
    /// The account that the identity was taken off.
    UnlinkIdentityPayload {
        /// The account.
        account: Account,
    }
}

/// The account that somebody is to sign in to, and their identity: the one that is known, or one that is linked now. `None`
/// where there is no such account.
async fn recognise(ctx: &Context<'_>, person: &Person) -> Result<Option<(i64, i64)>> {
    let call = Call::of(ctx);
    if let Some(known) = read!(call.db(), openid::known(person))? {
        return Ok(Some(known));
    }
    let Some(email) = person.email.clone() else { return Ok(None) };
    let Some(found) = read!(call.db(), auth::credential(&Identifier::Email(email)))? else { return Ok(None) };
    let act = Act::of(ctx, None).await?;
    let linked = change!(call, &act, openid_write::link(found.account_id, person, Problems::default())).value;
    Ok(linked.map(|identity| (found.account_id, identity)))
}

/// The one answer to whoever is not let in.
fn refused() -> SignInPayload {
    let message = "the provider did not say who you are, or it is nobody with an account that may sign in";
    SignInPayload::refused(UserError::new("input", InvalidCredentials, message))
}

/// Signing in with a provider: a part of the mutation root.
#[derive(Default)]
pub struct ProviderMutation;

#[Object(guard = "root(\"Mutation\")")]
impl ProviderMutation {
    /// Begins to sign in with a provider: send the browser to `authorizationUrl`, and keep the `flow`. When the provider
    /// sends back to the redirect URI, hand both to `completeProviderSignIn`.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn begin_provider_sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "With which provider.")] input: BeginProviderSignInInput,
    ) -> Result<Option<BeginProviderSignInPayload>> {
        let (services, mut problems) = (Call::of(ctx).services(), Problems::default());
        let provider = services.providers.named(&input.provider);
        problems.require(provider.is_some(), "provider", NotFound, "there is no such provider");
        let returns = provider.is_none_or(|provider| provider.returns_to(&input.redirect_uri));
        problems.require(returns, "redirectUri", Invalid, "the provider does not send back there");
        let (Some(provider), true) = (provider, problems.is_empty()) else {
            let user_errors = problems.into_vec();
            return Ok(Some(BeginProviderSignInPayload {
                authorization_url: None,
                state: None,
                flow: None,
                user_errors,
            }));
        };
        let flow = Flow::begin(&services.random, services.clock.now(), &input.provider, input.redirect_uri);
        Ok(Some(BeginProviderSignInPayload {
            authorization_url: Some(provider.authorization_url(&flow).await?.into()),
            flow: Some(flow.sealed(&services.seal)?),
            state: Some(flow.state),
            user_errors: Vec::new(),
        }))
    }

    /// Begins the session of who comes back from a provider. The first time, the e-mail that the provider has verified must
    /// be an account's; from then on the account is known by who they are there. Whoever is not let in gets the same
    /// answer. One try a request.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn complete_provider_sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the provider sent back with.")] input: CompleteProviderSignInInput,
    ) -> Result<Option<SignInPayload>> {
        let call = Call::of(ctx);
        let services = call.services();
        let flow = Flow::open(&services.seal, &input.flow, &input.state, services.clock.now());
        let begun = flow.and_then(|flow| Some((services.providers.named(&flow.provider)?, flow)));
        let answered = begun
            .filter(|(provider, _)| input.issuer.is_none_or(|issuer| provider.settings().issuer.as_str() == issuer));
        let Some((provider, flow)) = answered else {
            let message = "this was not begun here, has another state or issuer, or took too long: begin again";
            return Ok(Some(SignInPayload::refused(UserError::new("flow", Invalid, message))));
        };
        call.one_try()?;
        let Some(person) = provider.redeem(&flow, input.code).await? else { return Ok(Some(refused())) };
        let Some((account_id, identity)) = recognise(ctx, &person).await? else { return Ok(Some(refused())) };
        let proved = Proved { account_id, by: Proof::Identity(identity) };
        Ok(Some(go_on(ctx, proved, input.session).await?.unwrap_or_else(refused)))
    }

    /// Takes a provider's identity off an account and ends all its sessions but the one that asks: nobody signs in with it
    /// any more, unless the provider vouches for the account's e-mail again.
    #[graphql(directive = auth::apply(OWNER))]
    async fn unlink_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and the identity.")] input: UnlinkIdentityInput,
    ) -> Result<Option<UnlinkIdentityPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let account = call.number(Kind::Account, &input.account_id);
        let keep = call.viewer().session_id().unwrap_or(0);
        let done = change!(call, &act, openid_write::unlink(account, &input.issuer, keep, Problems::default()));
        UnlinkIdentityPayload::of(done, |ids| Account::by_ids(call, ids)).await
    }
}
