//! Signing in and out: who proves to be the owner of an account gets a session.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use secrecy::SecretString;

use super::{
    api::ViewerObject,
    factor::{Challenge, Code, Tried},
    model::Identifier,
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
    fn refused() -> Self {
        let message = "the e-mail or phone and the password do not match an account that may sign in";
        Self::nobody(vec![UserError::new("input", UserErrorCode::InvalidCredentials, message)])
    }

    fn nobody(user_errors: Vec<UserError>) -> Self {
        Self { token: None, viewer: None, second_factor_required: false, challenge: None, user_errors }
    }
}

/// Who has proved to be the owner of an account.
struct Proved {
    account_id: i64,
    /// The hash that the password was compared with.
    hash: String,
    /// A hash of the same password with today's parameters, where the kept one took less work.
    renewed: Option<String>,
    /// What of a second factor they have proved.
    factor: Factor,
}

/// What of an account's second factor somebody has proved.
enum Factor {
    /// It has none.
    None,
    /// Nothing yet; the account has used so many codes so far.
    Missing(i32),
    /// That they have it.
    Proved,
}

/// Compares a password with that of the account with this identifier; `None` where it may not sign in with it. The work is
/// the same whether there is such an account.
async fn prove(call: &Call, identifier: &Identifier, password: SecretString) -> Result<Option<Proved>> {
    let passwords = &call.services().passwords;
    let credential = read!(call.db(), auth::credential(identifier))?.filter(|credential| credential.active);
    let factor = credential.as_ref().and_then(|found| found.codes_used).map_or(Factor::None, Factor::Missing);
    let (account_id, hash) = credential.map_or((0, None), |found| (found.account_id, found.password_hash));
    let matches = passwords.verify(password.clone(), hash.clone()).await?;
    let Some(hash) = hash.filter(|_| matches) else { return Ok(None) };
    let renewed = if is_outdated(&hash) { Some(passwords.hash(password).await?) } else { None };
    Ok(Some(Proved { account_id, hash, renewed, factor }))
}

/// What who has proved the password is to go on with, whose account has used so many codes so far.
async fn challenge(call: &Call, proved: &Proved, codes_used: i32) -> Result<SignInPayload> {
    let Proved { account_id, hash, renewed, .. } = proved;
    if let Some(renewed) = renewed {
        let mut cx = call.db().write().await?;
        dispatch!(cx, auth::renew_hash(*account_id, hash, renewed))?;
    }
    let services = call.services();
    let hash = renewed.as_ref().unwrap_or(hash);
    let challenge = Challenge::new(*account_id, codes_used, hash, services.clock.now()).sealed(&services.seal)?;
    let payload = SignInPayload::nobody(Vec::new());
    Ok(SignInPayload { second_factor_required: true, challenge: Some(challenge), ..payload })
}

/// Begins the session of who has proved who they are. Where their account takes a second factor that they have not proved,
/// it does not stay.
async fn begin(ctx: &Context<'_>, proved: &Proved, transport: SessionTransport) -> Result<SignInPayload> {
    let call = Call::of(ctx);
    let services = call.services();
    let token = services.sessions.begin(proved.account_id).await?;
    let noted = {
        let (Proved { account_id, hash, renewed, factor }, now) = (proved, services.clock.now());
        let by_factor = matches!(factor, Factor::Proved);
        let mut cx = call.db().write().await?;
        dispatch!(cx, auth::signed_in(*account_id, (hash, by_factor), renewed.as_deref(), now))?
    };
    // Who changes a password, deactivates an account or sets a second factor up ends its sessions: one that begins meanwhile
    // must not stay.
    if !noted {
        services.sessions.end(&token).await?;
        return Ok(SignInPayload::refused());
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
    Ok(SignInPayload { token, viewer: Some(ViewerObject), ..SignInPayload::nobody(Vec::new()) })
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
    /// Begins a session, or gives the challenge that `completeSignIn` takes with a code, where the account has a second factor.
    /// An unknown identifier, a wrong password, and an account that may not sign in get the same answer after the same work.
    /// One try a request.
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
        match proved.factor {
            Factor::Missing(codes_used) => challenge(call, &proved, codes_used).await.map(Some),
            _ => begin(ctx, &proved, input.session).await.map(Some),
        }
    }

    /// Begins the session of who has proved their password by `signIn`, and now their second factor. One try a request; after
    /// five wrong codes of an account none is taken for 15 minutes.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn complete_sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The challenge, and the code.")] input: CompleteSignInInput,
    ) -> Result<Option<SignInPayload>> {
        let call = Call::of(ctx);
        if !call.may_try_sign_in() {
            return Err(Error::bad_input("sign in once a request"));
        }
        let over = || Ok(Some(SignInPayload::nobody(Tried::Over.user_errors())));
        let services = call.services();
        let Some(challenge) = Challenge::open(&services.seal, &input.challenge, services.clock.now()) else {
            return over();
        };
        let account_id = challenge.account_id;
        let hash = read!(call.db(), auth::password_hash(account_id))?;
        let Some(hash) = hash.filter(|hash| challenge.is_for(hash)) else { return over() };
        let act = Act::of(ctx, None).await?;
        let (seal, code, of) = (&services.seal, Code::read(&input.code), (account_id, challenge.uses));
        let done = change!(call, &act, auth_factor_write::complete(seal, of, &code));
        match done.value.unwrap_or(Tried::Over) {
            Tried::Right => {
                let proved = Proved { account_id, hash, renewed: None, factor: Factor::Proved };
                begin(ctx, &proved, input.session).await.map(Some)
            }
            tried => Ok(Some(SignInPayload::nobody(tried.user_errors()))),
        }
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
