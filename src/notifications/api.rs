//! Inboxes in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::model::{NotificationCategory, NotificationFilter, NotificationOrder, NotificationRow};
use crate::{
    auth::{RoleSet, mutation::OWN},
    clock::utc,
    error::Result,
    events::model::EventKind,
    graphql::{
        Call, Connection, Direction, Listed, Loaded, Node, Paging, Stated, auth, find_all, root, stated, wants_total,
    },
    ids::Kind,
    read,
    students::api::Student,
};

/// A row of somebody's inbox: something happened that concerns them. It is there for nobody else, and where it is about a
/// student, as long as they reach that student.
#[derive(Clone, Description)]
pub struct Notification(Loaded<NotificationRow>);

impl Stated for Notification {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Notification {
    const CONNECTION: &'static str = "NotificationConnection";
    const EDGE: &'static str = "NotificationEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Notification {
    /// Global id.
    #[graphql(directive = auth::apply(OWN))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Notification, self.0.inbox.id)
    }

    /// What happened.
    #[graphql(directive = auth::apply(OWN))]
    async fn kind(&self) -> EventKind {
        self.0.event.kind
    }

    /// What it is about, as channels are chosen by.
    #[graphql(directive = auth::apply(OWN))]
    async fn category(&self) -> Option<NotificationCategory> {
        NotificationCategory::of(self.0.event.kind)
    }

    /// When it came.
    #[graphql(directive = auth::apply(OWN))]
    async fn at(&self) -> DateTime<Utc> {
        utc(self.0.inbox.at)
    }

    /// When the viewer read it; null where they have not.
    #[graphql(directive = auth::apply(OWN))]
    async fn read_at(&self) -> Option<DateTime<Utc>> {
        self.0.inbox.read_at.map(utc)
    }

    /// What it is about: a class, a meeting, a leave request, a notice or an export; null where the viewer does not reach it any more.
    #[graphql(directive = auth::apply(OWN))]
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        let call = Call::of(ctx);
        let subjects = self.0.load("subject", |rows| async move {
            let mut numbers: HashMap<Kind, Vec<i64>> = HashMap::new();
            for event in rows.iter().map(|row| &row.event) {
                numbers.entry(event.kind.subject()).or_default().push(event.subject_id);
            }
            let mut subjects: HashMap<(Kind, i64), Node> = HashMap::new();
            for (kind, numbers) in numbers {
                let found = find_all(call, kind, numbers).await?;
                subjects.extend(found.into_iter().map(|(number, node)| ((kind, number), node)));
            }
            Ok(subjects)
        });
        let event = &self.0.event;
        Ok(subjects.await?.get(&(event.kind.subject(), event.subject_id)).cloned())
    }

    /// The student whom it is about, where it is about one.
    #[graphql(directive = auth::apply(OWN))]
    async fn student(&self, ctx: &Context<'_>) -> Result<Option<Student>> {
        let call = Call::of(ctx);
        self.0.referred("student", |row| row.event.student_id, |ids| Student::by_ids(call, ids)).await
    }
}

impl From<Loaded<NotificationRow>> for Notification {
    fn from(row: Loaded<NotificationRow>) -> Self {
        Self(row)
    }
}

impl Notification {
    /// Those of the numbered notifications that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), notifications::by_ids(call.scope(), &ids))?))
    }
}

/// The inboxes' part of the query root.
#[derive(Default)]
pub struct NotificationQuery;

#[Object(guard = "root(\"Query\")")]
impl NotificationQuery {
    /// The viewer's inbox, newest first unless `orderBy` says otherwise. How many are unread tells `totalCount` with
    /// `filter: {unread: true}`.
    #[graphql(directive = auth::apply(OWN))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which notifications.")] filter: Option<NotificationFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<NotificationOrder>,
    ) -> Result<Option<Connection<Notification>>> {
        let call = Call::of(ctx);
        let (filter, order) = (filter.unwrap_or_default(), order_by.unwrap_or_default());
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let rows = read!(call.db(), notifications::page(call.scope(), &filter, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), notifications::count(call.scope(), &filter))?) } else { None };
        let key = |row: &Notification| (row.0.inbox.id.into(), row.0.inbox.id);
        paging.connection(ctx, Loaded::list(rows), key, total).map(Some)
    }
}
