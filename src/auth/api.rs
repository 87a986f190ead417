//! Signing in and out, and the viewer, in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{
    Role, RoleSet,
    can::ViewerActions,
    model::{AccountRow, Identifier},
    password::is_outdated,
    sets::{ANYONE, NO_KEY, PEOPLE},
};
use crate::{
    clock::utc,
    dispatch,
    error::{Error, Result},
    graphql::{Call, Loaded, Row, Stated, UserError, UserErrorCode, auth, root, stated},
    ids::Kind,
    parents::api::Parent,
    read,
    staff::api::Staff,
    students::api::Student,
};

/// Who may see an account: its owner, and ADMIN.
const OWNER: RoleSet = RoleSet::of(&[Role::Admin, Role::Own]);

/// What somebody signs in with.
#[derive(Clone, Description)]
pub struct Account(Loaded<AccountRow>);

impl Row for AccountRow {
    fn number(&self) -> i64 {
        self.id
    }
}

impl From<Loaded<AccountRow>> for Account {
    fn from(row: Loaded<AccountRow>) -> Self {
        Self(row)
    }
}

impl Stated for Account {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl Account {
    /// Global id.
    #[graphql(directive = auth::apply(OWNER))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Account, self.0.id)
    }

    /// E-mail address, lower case: nobody else can have it.
    #[graphql(directive = auth::apply(OWNER))]
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Phone number, E.164: nobody else can have it.
    #[graphql(directive = auth::apply(OWNER))]
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// Whether it may sign in.
    #[graphql(directive = auth::apply(OWNER))]
    async fn active(&self) -> bool {
        self.0.active
    }

    /// The last sign-in.
    #[graphql(directive = auth::apply(OWNER))]
    async fn last_sign_in_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_sign_in_at.map(utc)
    }

    /// When it was made.
    #[graphql(directive = auth::apply(OWNER))]
    async fn created_at(&self) -> DateTime<Utc> {
        utc(self.0.created_at)
    }
}

impl Account {
    /// Those of the numbered accounts that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), auth::by_ids(call.scope(), &ids))?))
    }
}

/// Who is signed in: their account, their roles, and the person behind it.
#[derive(Description)]
pub struct ViewerObject;

impl Stated for ViewerObject {}

#[Object(name = "Viewer", use_type_description, guard = "stated(self)")]
impl ViewerObject {
    /// The account signed in.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let call = Call::of(ctx);
        let Some(id) = call.viewer().account_id() else { return Ok(None) };
        Ok(Account::by_ids(call, vec![id]).await?.remove(&id))
    }

    /// The roles held. Together they reach what each of them reaches, row by row.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn roles(&self, ctx: &Context<'_>) -> Vec<Role> {
        Call::of(ctx).viewer().roles().iter().filter(|role| *role != Role::Own).collect()
    }

    /// The viewer as a student, if they are one.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn student(&self, ctx: &Context<'_>) -> Result<Option<Student>> {
        let call = Call::of(ctx);
        let Some(id) = call.viewer().student_id() else { return Ok(None) };
        Ok(Student::by_ids(call, vec![id]).await?.remove(&id))
    }

    /// The viewer as a parent, if they are one.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Parent>> {
        let call = Call::of(ctx);
        let Some(id) = call.viewer().parent_id() else { return Ok(None) };
        Ok(Parent::by_ids(call, vec![id]).await?.remove(&id))
    }

    /// The viewer as a staff member, if they are one.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn staff(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        let Some(id) = call.viewer().staff_id() else { return Ok(None) };
        Ok(Staff::by_ids(call, vec![id]).await?.remove(&id))
    }

    /// What the viewer can do that is about no row yet.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<ViewerActions> {
        Some(ViewerActions)
    }
}

/// The viewer's part of the query root.
#[derive(Default)]
pub struct ViewerQuery;

#[Object(guard = "root(\"Query\")")]
impl ViewerQuery {
    /// Who is signed in; null where nobody is, and for an API key, which is nobody.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn viewer(&self, ctx: &Context<'_>) -> Option<ViewerObject> {
        Call::of(ctx).viewer().account_id().map(|_| ViewerObject)
    }
}

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
        let error = UserError::new("input", UserErrorCode::InvalidCredentials, message);
        Self { token: None, viewer: None, user_errors: vec![error] }
    }
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
        let services = call.services();
        let identifier = Identifier::parse(&input.identifier);
        let credential = read!(call.db(), auth::credential(&identifier))?;
        let (account_id, hash) = match credential {
            Some(credential) if credential.active => (Some(credential.account_id), credential.password_hash),
            _ => (None, None),
        };
        let password = SecretString::from(input.password);
        let proved = services.passwords.verify(password.clone(), hash.clone()).await?;
        let (Some(account_id), Some(hash), true) = (account_id, hash, proved) else {
            return Ok(Some(SignInPayload::refused()));
        };
        let renewed = if is_outdated(&hash) { Some(services.passwords.hash(password).await?) } else { None };
        let token = services.sessions.begin(account_id).await?;
        let noted = {
            let mut cx = call.db().write().await?;
            dispatch!(cx, auth::signed_in(account_id, &hash, renewed.as_deref(), services.clock.now()))?
        };
        // Who changes a password or deactivates an account ends its sessions: one that begins meanwhile must not stay.
        if !noted {
            services.sessions.end(&token).await?;
            return Ok(Some(SignInPayload::refused()));
        }
        let viewer = services.sessions.viewer(&token).await?;
        let viewer = viewer.ok_or_else(|| Error::internal("a session that has just begun is not there"))?;
        call.sign_in(viewer);
        let token = match input.session {
            SessionTransport::Token => Some(token),
            SessionTransport::Cookie => {
                ctx.append_http_header("set-cookie", services.cookie(&token));
                None
            }
        };
        Ok(Some(SignInPayload { token, viewer: Some(ViewerObject), user_errors: Vec::new() }))
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
