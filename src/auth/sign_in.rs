//! Signing in and out: who proves to be the owner of an account gets a session.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use secrecy::SecretString;

use super::{
    api::ViewerObject,
    model::Identifier,
    password::is_outdated,
    sets::{ANYONE, NO_KEY},
};
use crate::{
    dispatch,
    error::{Error, Result},
    graphql::{Call, Stated, UserError, UserErrorCode, auth, root, stated},
    read,
    throttle::{LOCK_MINUTES, Subject},
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
    fn refused() -> Self {
        let message = "the e-mail or phone and the password do not match an account that may sign in";
        Self::nobody(vec![UserError::new("input", UserErrorCode::InvalidCredentials, message)])
    }

    /// That nobody was signed in, and why.
    pub(super) fn nobody(user_errors: Vec<UserError>) -> Self {
        Self { token: None, viewer: None, user_errors }
    }
}

/// Who has proved to be the owner of an account.
pub(super) struct Proved {
    pub(super) account_id: i64,
    /// The hash of the password that the account has: the one that was compared, or that was set just now.
    pub(super) hash: String,
    /// A hash of the same password with today's parameters, where the kept one took less work.
    pub(super) renewed: Option<String>,
    /// What the device is known by from now on.
    pub(super) device: String,
}

/// Compares a password with that of the account with this identifier; `None` where it may not sign in with it. The work is
/// the same whether there is such an account.
///
/// # Errors
/// When there were too many tries before.
async fn prove(call: &Call, identifier: &Identifier, password: SecretString) -> Result<Option<Proved>> {
    let (passwords, throttle) = (&call.services().passwords, &call.services().throttle);
    let subject = Subject::SignIn(identifier);
    let attempt = throttle.attempt(&subject, call.client()).await?;
    let credential = read!(call.db(), auth::credential(identifier))?.filter(|credential| credential.active);
    let (account_id, hash) = credential.map_or((0, None), |found| (found.account_id, found.password_hash));
    let matches = passwords.verify(password.clone(), hash.clone()).await?;
    let Some(hash) = hash.filter(|_| matches) else {
        if attempt.failed().await && account_id != 0 {
            on_lock(call, account_id);
        }
        return Ok(None);
    };
    attempt.succeeded().await;
    let device = throttle.device(&subject, call.client())?;
    let renewed = if is_outdated(&hash) { Some(passwords.hash(password).await?) } else { None };
    Ok(Some(Proved { account_id, hash, renewed, device }))
}

/// An account's password was guessed at until it was locked for who did: its owner is told, once a day at most.
pub(super) fn on_lock(call: &Call, account_id: i64) {
    tracing::warn!(account = account_id, "locked for who guesses at its password");
    call.services().owners.tell_locked(account_id, LOCK_MINUTES);
}

/// Hands a session's token to who sent the request: in the payload, or in a cookie.
pub fn hand_over(ctx: &Context<'_>, token: String, transport: SessionTransport) -> Option<String> {
    match transport {
        SessionTransport::Token => Some(token),
        SessionTransport::Cookie => {
            ctx.append_http_header("set-cookie", Call::of(ctx).services().cookie(&token));
            None
        }
    }
}

/// Takes the session's cookie back from who came with one.
pub fn take_back_cookie(ctx: &Context<'_>) {
    let call = Call::of(ctx);
    if call.transport() == SessionTransport::Cookie {
        ctx.append_http_header("set-cookie", call.services().expired_cookie());
    }
}

/// Begins the session of who has proved who they are, in place of the one that the request came with.
pub(super) async fn begin(ctx: &Context<'_>, proved: &Proved, transport: SessionTransport) -> Result<SignInPayload> {
    let call = Call::of(ctx);
    let services = call.services();
    let (session, token) = services.sessions.begin(proved.account_id, call.client()).await?;
    let noted = {
        let (Proved { account_id, hash, renewed, .. }, now) = (proved, services.clock.now());
        let mut cx = call.db().write().await?;
        dispatch!(cx, auth::signed_in(*account_id, hash, renewed.as_deref(), now))?
    };
    // Who changes a password or deactivates an account ends its sessions: one that begins meanwhile must not stay.
    if !noted {
        services.sessions.end(session).await?;
        return Ok(SignInPayload::refused());
    }
    if let Some(before) = call.viewer().session_id() {
        services.sessions.end(before).await?;
    }
    let viewer = services.sessions.viewer(&token).await?;
    call.sign_in(viewer.ok_or_else(|| Error::internal("a session that has just begun is not there"))?);
    let token = hand_over(ctx, token, transport);
    ctx.append_http_header("set-cookie", services.device_cookie(&proved.device));
    Ok(SignInPayload { token, viewer: Some(ViewerObject), user_errors: Vec::new() })
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
    /// Begins a session, and ends the one that the request came with. An unknown identifier, a wrong password, and an account
    /// that may not sign in get the same answer after the same work. One try a request; after three failures the next one
    /// has to wait (`LIMIT_EXCEEDED`, with the seconds in `extensions.retryAfter`).
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
        let Some(proved) = proved else { return Ok(Some(SignInPayload::refused())) };
        begin(ctx, &proved, input.session).await.map(Some)
    }

    /// Ends the session that the request came with, and takes its cookie back.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<Option<SignOutPayload>> {
        let call = Call::of(ctx);
        if let Some(session) = call.viewer().session_id() {
            call.services().sessions.end(session).await?;
        }
        take_back_cookie(ctx);
        Ok(Some(SignOutPayload { success: true }))
    }
}
