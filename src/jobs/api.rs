//! Jobs in the schema: what an administrator sees of the queue.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::JobActions,
    model::{JobEntryRow, JobFilter, JobKind, JobOrder, JobOrderField, JobState, Priority},
};
use crate::{
    auth::{Role, RoleSet},
    clock::utc,
    error::Result,
    graphql::{Call, Connection, Direction, Listed, Loaded, Paging, Stated, auth, root, stated, wants_total},
    ids::Kind,
    read,
};

/// Who sees the queue, and has what was given up tried again.
pub const MANAGING: RoleSet = RoleSet::of(&[Role::Admin]);

/// Work that is done after an answer: a message to be sent, an event to be told of. What it holds is not to be read.
#[derive(Clone, Description)]
pub struct Job(Loaded<JobEntryRow>);

impl Stated for Job {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Job {
    const CONNECTION: &'static str = "JobConnection";
    const EDGE: &'static str = "JobEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Job {
    /// Global id.
    #[graphql(directive = auth::apply(MANAGING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Job, self.0.id)
    }

    /// What is to be done.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn kind(&self) -> JobKind {
        self.0.kind
    }

    /// What became of it.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn state(&self) -> JobState {
        self.0.state
    }

    /// What goes first.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn priority(&self) -> Priority {
        Priority::of(self.0.priority)
    }

    /// How often it was tried.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When it is tried next, at the earliest; of one that has ended, when it was tried last.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn due_at(&self) -> DateTime<Utc> {
        utc(self.0.due_at)
    }

    /// When it was put into the queue.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn created_at(&self) -> DateTime<Utc> {
        utc(self.0.created_at)
    }

    /// When it was done, or given up; null while it waits.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at.map(utc)
    }

    /// Why the last try failed, for who operates the service; null where none did, and of what is done.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn viewer_can(&self) -> Option<JobActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<JobEntryRow>> for Job {
    fn from(row: Loaded<JobEntryRow>) -> Self {
        Self(row)
    }
}

impl Job {
    /// Those of the numbered jobs that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), jobs::by_ids(call.scope(), &ids))?))
    }

    fn key(&self, order: JobOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            JobOrderField::Entry => self.0.id.into(),
            JobOrderField::DueAt => serde_json::json!(self.0.due_at),
        };
        (key, self.0.id)
    }
}

/// The queue's part of the query root.
#[derive(Default)]
pub struct JobQuery;

#[Object(guard = "root(\"Query\")")]
impl JobQuery {
    /// The jobs of the queue, newest first where nothing is said: those that were given up are `filter: {state: DEAD}`. What
    /// is done is listed for a week.
    #[graphql(directive = auth::apply(MANAGING))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which jobs.")] filter: Option<JobFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<JobOrder>,
    ) -> Result<Option<Connection<Job>>> {
        let call = Call::of(ctx);
        let (filter, order) = (filter.unwrap_or_default(), order_by.unwrap_or_default());
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let rows = read!(call.db(), jobs::page(call.scope(), filter, order.field, paging.page()))?;
        let total = if wants_total(ctx) { Some(read!(call.db(), jobs::count(call.scope(), filter))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |job: &Job| job.key(order.field), total).map(Some)
    }
}
