//! Sessions in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{can::SessionActions, model::SessionRow};
use crate::{
    auth::{RoleSet, api::OWNER, model::AccountRow},
    clock::utc,
    error::Result,
    graphql::{Call, Connection, Listed, Loaded, Paging, Stated, auth, nested, stated},
    ids::Kind,
    read,
};

/// Where somebody is signed in. It is there from sign-in until it ends.
#[derive(Clone, Description)]
pub struct Session(Loaded<SessionRow>);

impl Stated for Session {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Session {
    const CONNECTION: &'static str = "SessionConnection";
    const EDGE: &'static str = "SessionEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Session {
    /// Global id: it ends nothing but by `endSession`, and is no token.
    #[graphql(directive = auth::apply(OWNER))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Session, self.0.id)
    }

    /// The device that it was begun on, as its `User-Agent` says: the first 200 characters, none of which is to be trusted.
    #[graphql(directive = auth::apply(OWNER))]
    async fn device(&self) -> Option<&str> {
        self.0.device.as_deref()
    }

    /// When it was begun.
    #[graphql(directive = auth::apply(OWNER))]
    async fn created_at(&self) -> DateTime<Utc> {
        utc(self.0.created_at)
    }

    /// When it was last used, to five minutes. Unused for as long as the service is configured to, it ends.
    #[graphql(directive = auth::apply(OWNER))]
    async fn last_used_at(&self) -> DateTime<Utc> {
        utc(self.0.last_used_at)
    }

    /// When it ends, however much it is used.
    #[graphql(directive = auth::apply(OWNER))]
    async fn expires_at(&self) -> DateTime<Utc> {
        utc(self.0.expires_at)
    }

    /// Whether it is the one that asks.
    #[graphql(directive = auth::apply(OWNER))]
    async fn current(&self, ctx: &Context<'_>) -> bool {
        Call::of(ctx).viewer().session_id() == Some(self.0.id)
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(OWNER))]
    async fn viewer_can(&self) -> Option<SessionActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<SessionRow>> for Session {
    fn from(row: Loaded<SessionRow>) -> Self {
        Self(row)
    }
}

impl Session {
    /// Those of the numbered sessions that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        let in_force = call.services().sessions.in_force();
        Ok(Loaded::by_number(read!(call.db(), sessions::by_ids(call.scope(), &ids, in_force))?))
    }

    /// A page of an account's sessions.
    pub async fn of_account(
        ctx: &Context<'_>,
        account: &Loaded<AccountRow>,
        paging: &Paging,
    ) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let in_force = call.services().sessions.in_force();
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), sessions::of_accounts(call.scope(), &ids, in_force, page))?))
        };
        let counts =
            |ids: Vec<i64>| async move { read!(call.db(), sessions::count_of_accounts(call.scope(), &ids, in_force)) };
        nested(ctx, account, paging, |session: &Self| (session.0.id.into(), session.0.id), pages, counts).await
    }
}
