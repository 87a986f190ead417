//! Signing in and out: who proves to be the owner of an account gets a session.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use secrecy::SecretString;

use super::{
    api::ViewerObject,
    factor::{Challenge, Code, Tried},
    model::{Identifier, Proof},
    password::is_outdated,
    sets::{ANYONE, NO_KEY},
};
use crate::{
    change,
    change::Act,
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

/// The second step of signing in, where there is one.
#[derive(InputObject)]
pub struct CompleteSignInInput {
    /// What `signIn` gave.
    #[graphql(secret)]
    challenge: String,
    /// The six digits that the authenticator shows, or a recovery code.
    #[graphql(secret)]
    code: String,
    /// How the session's token is carried.
    #[graphql(default)]
    session: SessionTransport,
}

/// The session that was begun, or what is to be proved first, or why none was.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct SignInPayload {
    /// The session's token: shown once, to be kept secret. Null where the session is in a cookie.
    #[graphql(directive = auth::apply(ANYONE))]
    token: Option<String>,
    /// Who is signed in.
    #[graphql(directive = auth::apply(ANYONE))]
    viewer: Option<ViewerObject>,
    /// Whether the password was right and a code is to follow: nobody is signed in yet.
    #[graphql(directive = auth::apply(ANYONE))]
    second_factor_required: bool,
    /// What `completeSignIn` takes with the code, for five minutes and once. Null where no code is to follow.
    #[graphql(directive = auth::apply(ANYONE))]
    challenge: Option<String>,
    /// Why nobody was signed in; empty when somebody was, or a code is to follow.
    #[graphql(directive = auth::apply(ANYONE))]
    user_errors: Vec<UserError>,
}

impl Stated for SignInPayload {}

impl SignInPayload {
    /// That nobody was signed in, and why.
    #[must_use]
    pub fn nobody(user_errors: Vec<UserError>) -> Self {
        Self { token: None, viewer: None, second_factor_required: false, challenge: None, user_errors }
    }

    /// The same, for one reason.
    #[must_use]
    pub fn refused(error: UserError) -> Self {
        Self::nobody(vec![error])
    }
}

/// The one answer to whoever has not the password of an account that may sign in.
pub(super) fn refused() -> SignInPayload {
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
///
/// # Errors
/// When there were too many tries before.
async fn prove(ctx: &Context<'_>, identifier: &Identifier, password: SecretString) -> Result<Option<Proved>> {
    let call = Call::of(ctx);
    let (passwords, throttle) = (&call.services().passwords, &call.services().throttle);
    let attempt = throttle.attempt(&Subject::SignIn(identifier), call.client()).await?;
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
    remember_device(ctx, identifier)?;
    let renewed = if is_outdated(&hash) { Some(passwords.hash(password).await?) } else { None };
    Ok(Some(Proved { account_id, by: Proof::Password { hash, renewed } }))
}

/// An account's password was guessed at until it was locked for who did: its owner is told, once a day at most.
pub(super) fn on_lock(call: &Call, account_id: i64) {
    tracing::warn!(account = account_id, "locked for who guesses at its password");
    call.services().owners.tell_locked(account_id, LOCK_MINUTES);
}

/// Has who sent the request known from now on as one who had the password, or a code, of the account with this identifier.
pub(super) fn remember_device(ctx: &Context<'_>, identifier: &Identifier) -> Result<()> {
    let (call, services) = (Call::of(ctx), Call::of(ctx).services());
    let device = services.throttle.device(&Subject::SignIn(identifier), call.client())?;
    ctx.append_http_header("set-cookie", services.device_cookie(&device));
    Ok(())
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

/// Goes on with who has proved to be the owner of an account: begins a session or, where the account has a second factor,
/// asks for it. `None` where what was proved is worth nothing any more, or the account may not sign in.
pub async fn go_on(ctx: &Context<'_>, proved: Proved, transport: SessionTransport) -> Result<Option<SignInPayload>> {
    let call = Call::of(ctx);
    let Some(codes_used) = read!(call.db(), auth::codes_used(proved.account_id))? else {
        return begin(ctx, &proved, false, transport).await;
    };
    let Proved { account_id, by } = proved;
    if let Proof::Password { hash, renewed: Some(renewed) } = &by {
        let mut cx = call.db().write().await?;
        dispatch!(cx, auth::renew_hash(account_id, hash, renewed))?;
    }
    let services = call.services();
    let challenge = Challenge::new(account_id, codes_used, &by, services.clock.now()).sealed(&services.seal)?;
    let payload = SignInPayload::nobody(Vec::new());
    Ok(Some(SignInPayload { second_factor_required: true, challenge: Some(challenge), ..payload }))
}

/// Begins the session of who has proved who they are, by a second factor or not, in place of the one that the request came
/// with. Where their account takes a second factor that they have not proved, it does not stay.
async fn begin(
    ctx: &Context<'_>,
    proved: &Proved,
    by_factor: bool,
    transport: SessionTransport,
) -> Result<Option<SignInPayload>> {
    let call = Call::of(ctx);
    let services = call.services();
    let (session, token) = services.sessions.begin(proved.account_id, call.client()).await?;
    let noted = {
        let mut cx = call.db().write().await?;
        dispatch!(cx, auth::signed_in(proved.account_id, (&proved.by, by_factor), services.clock.now()))?
    };
    // Who changes a password, deactivates an account, unlinks an identity or sets a second factor up ends its sessions: one
    // that begins meanwhile must not stay.
    if !noted {
        services.sessions.end(session).await?;
        return Ok(None);
    }
    if let Some(before) = call.viewer().session_id() {
        services.sessions.end(before).await?;
    }
    let viewer = services.sessions.viewer(&token).await?;
    call.sign_in(viewer.ok_or_else(|| Error::internal("a session that has just begun is not there"))?);
    let token = hand_over(ctx, token, transport);
    Ok(Some(SignInPayload { token, viewer: Some(ViewerObject), ..SignInPayload::nobody(Vec::new()) }))
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
    /// Begins a session, and ends the one that the request came with; or gives the challenge that `completeSignIn` takes with
    /// a code, where the account has a second factor. An unknown identifier, a wrong password, and an account that may not
    /// sign in get the same answer after the same work. One try a request; after three failures the next one has to wait
    /// (`LIMIT_EXCEEDED`, with the seconds in `extensions.retryAfter`).
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to sign in with.")] input: SignInInput,
    ) -> Result<Option<SignInPayload>> {
        Call::of(ctx).one_try()?;
        let proved = prove(ctx, &Identifier::parse(&input.identifier), input.password.into()).await?;
        let Some(proved) = proved else { return Ok(Some(refused())) };
        let signed_in = go_on(ctx, proved, input.session).await?;
        Ok(Some(signed_in.unwrap_or_else(refused)))
    }

    /// Begins the session of who has proved to be the owner of an account before, and now their second factor. One try a
    /// request; after five wrong codes of an account none is taken for 15 minutes.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn complete_sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The challenge, and the code.")] input: CompleteSignInInput,
    ) -> Result<Option<SignInPayload>> {
        let call = Call::of(ctx);
        call.one_try()?;
        let over = || SignInPayload::nobody(Tried::Over.user_errors());
        let services = call.services();
        let challenge = Challenge::open(&services.seal, &input.challenge, services.clock.now());
        let Some(Challenge { account_id, uses, proved, .. }) = challenge else { return Ok(Some(over())) };
        let hash = read!(call.db(), auth::password_hash(account_id))?;
        let Some(by) = proved.proof(hash) else { return Ok(Some(over())) };
        let act = Act::of(ctx, None).await?;
        let (seal, code) = (&services.seal, Code::read(&input.code));
        let done = change!(call, &act, auth_factor_write::complete(seal, (account_id, uses), &code));
        match done.value.unwrap_or(Tried::Over) {
            Tried::Right => {
                let begun = begin(ctx, &Proved { account_id, by }, true, input.session).await?;
                Ok(Some(begun.unwrap_or_else(over)))
            }
            tried => Ok(Some(SignInPayload::nobody(tried.user_errors()))),
        }
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
