//! The viewer and their account, in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    Role, RoleSet,
    can::ViewerActions,
    model::AccountRow,
    sets::{ANYONE, PEOPLE},
};
use crate::{
    clock::utc,
    error::Result,
    graphql::{Call, Connection, Loaded, MAX_LIST, Paging, Row, Stated, auth, root, stated},
    ids::Kind,
    openid::api::Identity,
    parents::api::Parent,
    read,
    sessions::api::Session,
    staff::api::Staff,
    students::api::Student,
};

/// Who may see an account: its owner, and ADMIN.
pub const OWNER: RoleSet = RoleSet::of(&[Role::Admin, Role::Own]);

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

    /// Where it is signed in, newest first: the sessions that are in force.
    #[graphql(directive = auth::apply(OWNER))]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Session>>> {
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        Session::of_account(ctx, &self.0, &paging).await.map(Some)
    }

    /// Who it is at the providers that it has been signed in to with: one identity a provider.
    #[graphql(directive = auth::apply(OWNER))]
    async fn identities(&self, ctx: &Context<'_>) -> Result<Option<Vec<Identity>>> {
        let call = Call::of(ctx);
        let identities = self.0.of_each("identities", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), openid::of_accounts(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(identities.await?.unwrap_or_default()))
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

    /// Where they are signed in, newest first: the sessions of their account that are in force.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Session>>> {
        let Some(account) = self.account(ctx).await? else { return Ok(None) };
        account.sessions(ctx, first, after, last, before).await
    }

    /// The viewer's second factor, whether they have one or not.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn second_factor(&self) -> Option<SecondFactor> {
        Some(SecondFactor)
    }

    /// What the viewer can do that is about no row yet.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<ViewerActions> {
        Some(ViewerActions)
    }
}

/// What the viewer signs in with besides their password: codes of an authenticator.
#[derive(Description)]
pub struct SecondFactor;

impl Stated for SecondFactor {}

#[Object(use_type_description, guard = "stated(self)")]
impl SecondFactor {
    /// Whether signing in takes a code, because an authenticator was set up.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn confirmed(&self, ctx: &Context<'_>) -> bool {
        Call::of(ctx).viewer().has_factor()
    }

    /// Whether the institute requires one for a role that the viewer was given: as long as they have none, that role is
    /// withheld from them, and is not among `roles`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn required(&self, ctx: &Context<'_>) -> bool {
        Call::of(ctx).viewer().needs_factor()
    }

    /// How many recovery codes were not used: with few left, `renewRecoveryCodes`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn recovery_codes_left(&self, ctx: &Context<'_>) -> Result<i64> {
        let call = Call::of(ctx);
        read!(call.db(), auth::codes_left(call.scope().account()))
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
