//! Signing in and out: who proves to be the owner of an account gets a session.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use secrecy::SecretString;

use super::{
    api::ViewerObject,
    model::{Identifier, Proof},
    password::is_outdated,
    sets::{ANYONE, NO_KEY},
};
use crate::{
    dispatch,
    error::{Error, Result},
    graphql::{Call, Stated, UserError, UserErrorCode, auth, root, stated},
    read,
};

/// How the session's token is carried.
#[derive(Enum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionTransport {
    /// In the payload, to be sent as `Authorization: Bearer`: for apps and tools.
    #[default]
    Token,
    /// In a cookie that scripts cannot read: for browsers. The payload has no token.
    Cookie,
}

/// What to sign in with.
#[derive(InputObject)]
pub struct SignInInput {
    /// E-mail address or phone number (E.164).
    identifier: String,
    /// Password.
    #[graphql(secret)]
    password: String,
    /// How the session's token is carried.
    #[graphql(default)]
    session: SessionTransport,
}

/// The session that was begun, or why none was.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct SignInPayload {
    /// The session's token: shown once, to be kept secret. Null where the session is in a cookie.
    #[graphql(directive = auth::apply(ANYONE))]
    token: Option<String>,
    /// Who is signed in.
    #[graphql(directive = auth::apply(ANYONE))]
    viewer: Option<ViewerObject>,
    /// Why nobody was signed in; empty when somebody was.
    #[graphql(directive = auth::apply(ANYONE))]
    user_errors: Vec<UserError>,
}

impl Stated for SignInPayload {}

impl SignInPayload {
    /// That nobody was signed in, and why.
    #[must_use]
    pub fn refused(error: UserError) -> Self {
        Self { token: None, viewer: None, user_errors: vec![error] }
    }
}

/// The one answer to whoever has not the password of an account that may sign in.
fn refused() -> SignInPayload {
    let message = "the e-mail or phone and the password do not match an account that may sign in";
    SignInPayload::refused(UserError::new("input", UserErrorCode::InvalidCredentials, message))
}

/// Who has proved to be the owner of an account.
pub struct Proved {
    /// The account.
    pub account_id: i64,
    /// By what.
    pub by: Proof,
}

/// Compares a password with that of the account with this identifier; `None` where it may not sign in with it. The work is
/// the same whether there is such an account.
async fn prove(call: &Call, identifier: &Identifier, password: SecretString) -> Result<Option<Proved>> {
    let passwords = &call.services().passwords;
    let credential = read!(call.db(), auth::credential(identifier))?.filter(|credential| credential.active);
    let (account_id, hash) = credential.map_or((0, None), |found| (found.account_id, found.password_hash));
    let matches = passwords.verify(password.clone(), hash.clone()).await?;
    let Some(hash) = hash.filter(|_| matches) else { return Ok(None) };
    let renewed = if is_outdated(&hash) { Some(passwords.hash(password).await?) } else { None };
    Ok(Some(Proved { account_id, by: Proof::Password { hash, renewed } }))
}

/// Begins the session of who has proved who they are; `None` where that proves nothing any more, or the account may not
/// sign in.
pub async fn begin(ctx: &Context<'_>, proved: &Proved, transport: SessionTransport) -> Result<Option<SignInPayload>> {
    let call = Call::of(ctx);
    let services = call.services();
    let token = services.sessions.begin(proved.account_id).await?;
    let noted = {
        let mut cx = call.db().write().await?;
        dispatch!(cx, auth::signed_in(proved.account_id, &proved.by, services.clock.now()))?
    };
    // Who changes a password, unlinks an identity or deactivates an account ends its sessions: one that begins meanwhile
    // must not stay.
    if !noted {
        services.sessions.end(&token).await?;
        return Ok(None);
    }
    let viewer = services.sessions.viewer(&token).await?;
    call.sign_in(viewer.ok_or_else(|| Error::internal("a session that has just begun is not there"))?);
    let token = match transport {
        SessionTransport::Token => Some(token),
        SessionTransport::Cookie => {
            ctx.append_http_header("set-cookie", services.cookie(&token));
            None
        }
    };
    Ok(Some(SignInPayload { token, viewer: Some(ViewerObject), user_errors: Vec::new() }))
}

/// Whether the session was ended.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct SignOutPayload {
    /// True also where there was no session to end.
    #[graphql(directive = auth::apply(ANYONE))]
    success: bool,
}

impl Stated for SignOutPayload {}

/// Signing in and out: a part of the mutation root.
#[derive(Default)]
pub struct SignInMutation;

#[Object(guard = "root(\"Mutation\")")]
impl SignInMutation {
    /// Begins a session. An unknown identifier, a wrong password, and an account that may not sign in get the same answer
    /// after the same work. One try a request.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to sign in with.")] input: SignInInput,
    ) -> Result<Option<SignInPayload>> {
        let call = Call::of(ctx);
        if !call.may_try_sign_in() {
            return Err(Error::bad_input("sign in once a request"));
        }
        let proved = prove(call, &Identifier::parse(&input.identifier), input.password.into()).await?;
        let Some(proved) = proved else { return Ok(Some(refused())) };
        let begun = begin(ctx, &proved, input.session).await?;
        Ok(Some(begun.unwrap_or_else(refused)))
    }

    /// Ends the session that the request came with, and takes the cookie back.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<Option<SignOutPayload>> {
        let call = Call::of(ctx);
        if let Some(token) = call.token() {
            call.services().sessions.end(token).await?;
            ctx.append_http_header("set-cookie", call.services().expired_cookie());
        }
        Ok(Some(SignOutPayload { success: true }))
    }
}
