//! Notices in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::NoticeActions,
    model::{AudienceKind, AudienceRole, AudienceRow, NoticeFilter, NoticeOrder, NoticeOrderField, NoticeRow},
};
use crate::{
    auth::{Role, RoleSet, sets::PEOPLE},
    batches::api::Batch,
    clock::utc,
    courses::api::Course,
    error::Result,
    graphql::{Call, Connection, Direction, Listed, Loaded, MAX_LIST, Paging, Stated, auth, root, stated, wants_total},
    ids::Kind,
    read,
    staff::api::Staff,
};

/// Whom else a notice is for: those who publish.
const PUBLISHERS: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod, Role::Own]);

/// What the institute tells its people.
#[derive(Clone, Description)]
pub struct Notice(Loaded<NoticeRow>);

impl Stated for Notice {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Notice {
    const CONNECTION: &'static str = "NoticeConnection";
    const EDGE: &'static str = "NoticeEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Notice {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Notice, self.0.id)
    }

    /// Title.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What is told.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// Address of an image that goes with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn image_url(&self) -> Option<&str> {
        self.0.image_url.as_deref()
    }

    /// Address of a file that goes with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn file_url(&self) -> Option<&str> {
        self.0.file_url.as_deref()
    }

    /// When it was published.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn published_at(&self) -> DateTime<Utc> {
        utc(self.0.published_at)
    }

    /// Who published it, if the viewer reaches them.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn published_by(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("published_by", |row| row.published_by, |ids| Staff::by_ids(call, ids)).await
    }

    /// Whom it is for: 100 groups at most.
    #[graphql(directive = auth::apply(PUBLISHERS))]
    async fn audience(&self, ctx: &Context<'_>) -> Result<Option<Vec<NoticeAudience>>> {
        let call = Call::of(ctx);
        let audiences = self.0.of_each("audience", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), notices::audiences(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(audiences.await?.unwrap_or_default()))
    }

    /// When the viewer read it; null where they have not.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn read_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        let call = Call::of(ctx);
        let reads = self.0.of_each("reads", |ids| async move {
            Ok(read!(call.db(), notices::reads(call.scope(), &ids))?.into_iter().collect())
        });
        Ok(reads.await?.map(utc))
    }

    /// When it was withdrawn; null for every notice that was not.
    #[graphql(directive = auth::apply(RoleSet::of(&[Role::Admin])))]
    async fn withdrawn_at(&self) -> Option<DateTime<Utc>> {
        self.0.withdrawn_at.map(utc)
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<NoticeActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<NoticeRow>> for Notice {
    fn from(row: Loaded<NoticeRow>) -> Self {
        Self(row)
    }
}

impl Notice {
    /// Those of the numbered notices that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), notices::by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: NoticeOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            NoticeOrderField::PublishedAt => serde_json::json!(self.0.published_at),
        };
        (key, self.0.id)
    }
}

/// One of the groups that a notice is for.
#[derive(Clone, Description)]
pub struct NoticeAudience(Loaded<AudienceRow>);

impl Stated for NoticeAudience {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl NoticeAudience {
    /// What the group goes by.
    #[graphql(directive = auth::apply(PUBLISHERS))]
    async fn kind(&self) -> AudienceKind {
        self.0.kind
    }

    /// The role, where it goes by one.
    #[graphql(directive = auth::apply(PUBLISHERS))]
    async fn role(&self) -> Option<AudienceRole> {
        self.0.role
    }

    /// The course, where it goes by one.
    #[graphql(directive = auth::apply(PUBLISHERS))]
    async fn course(&self, ctx: &Context<'_>) -> Result<Option<Course>> {
        let call = Call::of(ctx);
        self.0.referred("course", |row| row.course_id, |ids| Course::by_ids(call, ids)).await
    }

    /// The batch, where it goes by one.
    #[graphql(directive = auth::apply(PUBLISHERS))]
    async fn batch(&self, ctx: &Context<'_>) -> Result<Option<Batch>> {
        let call = Call::of(ctx);
        self.0.referred("batch", |row| row.batch_id, |ids| Batch::by_ids(call, ids)).await
    }
}

impl From<Loaded<AudienceRow>> for NoticeAudience {
    fn from(row: Loaded<AudienceRow>) -> Self {
        Self(row)
    }
}

/// The notices' part of the query root.
#[derive(Default)]
pub struct NoticeQuery;

#[Object(guard = "root(\"Query\")")]
impl NoticeQuery {
    /// The notices that the viewer reaches, newest first unless `orderBy` says otherwise.
    #[graphql(directive = auth::apply(PEOPLE))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn notices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which notices.")] filter: Option<NoticeFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<NoticeOrder>,
    ) -> Result<Option<Connection<Notice>>> {
        let call = Call::of(ctx);
        let (filter, order) = (filter.unwrap_or_default(), order_by.unwrap_or_default());
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let rows = read!(call.db(), notices::page(call.scope(), &filter, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), notices::count(call.scope(), &filter))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |notice: &Notice| notice.key(order.field), total).map(Some)
    }
}
