//! API keys in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::ApiKeyActions,
    model::{ApiKeyFilter, ApiKeyRow},
};
use crate::{
    auth::{Role, RoleSet, api::Account, key::ApiKeyScope},
    clock::utc,
    error::Result,
    graphql::{Call, Connection, Listed, Loaded, Paging, Stated, auth, root, stated, wants_total},
    ids::Kind,
    read,
};

/// Who makes keys, and reads of them.
pub const MANAGING: RoleSet = RoleSet::of(&[Role::Admin]);

/// A key by which a reporting tool or an integration reads. It is sent as `Authorization: Bearer`, as a session's token is;
/// it changes nothing, and is no person: `viewer` is null for it.
#[derive(Clone, Description)]
pub struct ApiKey(Loaded<ApiKeyRow>);

impl Stated for ApiKey {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for ApiKey {
    const CONNECTION: &'static str = "ApiKeyConnection";
    const EDGE: &'static str = "ApiKeyEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl ApiKey {
    /// Global id.
    #[graphql(directive = auth::apply(MANAGING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::ApiKey, self.0.id)
    }

    /// Name, unique among those that are not revoked.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How the key begins, to tell it by.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// What it may read.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn scope(&self) -> ApiKeyScope {
        self.0.scope
    }

    /// Who made it: it is in force as long as they are an administrator who may sign in.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let call = Call::of(ctx);
        self.0.referred("created by", |row| Some(row.created_by), |ids| Account::by_ids(call, ids)).await
    }

    /// When it was made.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn created_at(&self) -> DateTime<Utc> {
        utc(self.0.created_at)
    }

    /// When it ends by itself.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn expires_at(&self) -> DateTime<Utc> {
        utc(self.0.expires_at)
    }

    /// When it was last used, to the minute; null where it never was.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at.map(utc)
    }

    /// When it was revoked; null where it was not.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at.map(utc)
    }

    /// Whether it is in force: neither revoked nor expired, and who made it might make it still.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn active(&self, ctx: &Context<'_>) -> Result<bool> {
        let call = Call::of(ctx);
        let active = self.0.of_each("active", |ids| async move {
            let now = call.services().clock.now();
            let active = read!(call.db(), api_keys::in_force(call.scope(), &ids, now))?;
            Ok(active.into_iter().map(|id| (id, true)).collect())
        });
        Ok(active.await?.unwrap_or_default())
    }

    /// How often it was changed, and once for its making.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn viewer_can(&self) -> Option<ApiKeyActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<ApiKeyRow>> for ApiKey {
    fn from(row: Loaded<ApiKeyRow>) -> Self {
        Self(row)
    }
}

impl ApiKey {
    /// Those of the numbered keys that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), api_keys::by_ids(call.scope(), &ids))?))
    }
}

/// The API keys' part of the query root.
#[derive(Default)]
pub struct ApiKeyQuery;

#[Object(guard = "root(\"Query\")")]
impl ApiKeyQuery {
    /// The API keys, newest first: also those that are not in force any more.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which keys.")] filter: Option<ApiKeyFilter>,
    ) -> Result<Option<Connection<ApiKey>>> {
        let call = Call::of(ctx);
        let (filter, now) = (filter.unwrap_or_default(), call.services().clock.now());
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        let rows = read!(call.db(), api_keys::page(call.scope(), filter, now, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), api_keys::count(call.scope(), filter, now))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |key: &ApiKey| (key.0.id.into(), key.0.id), total).map(Some)
    }
}
