//! Routines in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};

use super::{
    can::RoutineActions,
    model::{RoutineFilter, RoutineOrder, RoutineOrderField, RoutineQuery as Query, RoutineRow, Weekday},
};
use crate::{
    attendance::api::AttendanceSession,
    auth::{
        RoleSet,
        sets::{PEOPLE, TEACHING},
    },
    courses::api::Course,
    error::Result,
    graphql::{
        Call, Connection, Date, Direction, Listed, Loaded, Paging, Stated, Time, auth, nested, root, stated,
        wants_total,
    },
    ids::Kind,
    read,
    staff::api::Staff,
    subjects::api::Subject,
};

/// A weekly slot of the timetable.
#[derive(Clone, Description)]
pub struct Routine(Loaded<RoutineRow>);

impl Stated for Routine {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Routine {
    const CONNECTION: &'static str = "RoutineConnection";
    const EDGE: &'static str = "RoutineEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Routine {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Routine, self.0.id)
    }

    /// The course it is of.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn course(&self, ctx: &Context<'_>) -> Result<Option<Course>> {
        let call = Call::of(ctx);
        self.0.referred("course", |row| Some(row.course_id), |ids| Course::by_ids(call, ids)).await
    }

    /// The subject that is taught.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Subject>> {
        let call = Call::of(ctx);
        self.0.referred("subject", |row| Some(row.subject_id), |ids| Subject::by_ids(call, ids)).await
    }

    /// Who teaches it; null where it is one whom the viewer does not reach.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn teacher(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("teacher", |row| Some(row.teacher_id), |ids| Staff::by_ids(call, ids)).await
    }

    /// The period of the course whose class it is for; the first is 1.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn period(&self) -> i32 {
        self.0.period
    }

    /// The days it runs on, from Monday.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn weekdays(&self) -> Vec<Weekday> {
        Weekday::of_bits(self.0.weekdays)
    }

    /// When it starts, in the institute's time zone.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn starts_at(&self) -> Time {
        Time(self.0.starts_at)
    }

    /// When it ends, in the institute's time zone.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn ends_at(&self) -> Time {
        Time(self.0.ends_at)
    }

    /// The room, where one was named.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn room(&self) -> Option<&str> {
        self.0.room.as_deref()
    }

    /// Whether it is in the timetable at present.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn active(&self) -> bool {
        self.0.active
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<RoutineActions> {
        Some((&self.0).into())
    }

    /// Its classes as they were marked, of those that the viewer reaches: newest first.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn attendance_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<AttendanceSession>>> {
        let call = Call::of(ctx);
        let paging = Paging::read(ctx, (first, after), (last, before), true)?;
        let sessions = nested(
            ctx,
            &self.0,
            &paging,
            AttendanceSession::key,
            |ids| {
                let page = paging.page();
                async move { Ok(Loaded::by_parent(read!(call.db(), attendance::of_routines(call.scope(), &ids, page))?)) }
            },
            |ids| async move { read!(call.db(), attendance::count_of_routines(call.scope(), &ids)) },
        );
        sessions.await.map(Some)
    }
}

impl From<Loaded<RoutineRow>> for Routine {
    fn from(row: Loaded<RoutineRow>) -> Self {
        Self(row)
    }
}

impl Routine {
    /// Those of the numbered routines that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), routines::by_ids(call.scope(), &ids))?))
    }

    /// The row itself, for rules that go by it.
    #[must_use]
    pub fn row(&self) -> &Loaded<RoutineRow> {
        &self.0
    }

    /// The course and period that the slot is of.
    #[must_use]
    pub fn class(&self) -> (i64, i32) {
        (self.0.course_id, self.0.period)
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: RoutineOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            RoutineOrderField::StartsAt => serde_json::json!(self.0.starts_at),
        };
        (key, self.0.id)
    }
}

/// The routines' part of the query root.
#[derive(Default)]
pub struct RoutineQuery;

#[Object(guard = "root(\"Query\")")]
impl RoutineQuery {
    /// The routines that the viewer reaches: where nothing else is asked, those of the present timetable.
    #[graphql(directive = auth::apply(PEOPLE))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn routines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which routines.")] filter: Option<RoutineFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<RoutineOrder>,
    ) -> Result<Option<Connection<Routine>>> {
        let call = Call::of(ctx);
        let order = order_by.unwrap_or_default();
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let query = opened(call, filter.unwrap_or_default()).await?;
        let rows = read!(call.db(), routines::page(call.scope(), &query, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), routines::count(call.scope(), &query))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |routine: &Routine| routine.key(order.field), total).map(Some)
    }
}

async fn opened(call: &Call, filter: RoutineFilter) -> Result<Query> {
    Ok(Query {
        course: call.reached(Kind::Course, filter.course_id).await?,
        period: filter.period,
        teacher: call.reached(Kind::Staff, filter.teacher_id).await?,
        weekday: filter.weekday,
        date: filter.date.map(|Date(date)| date),
        active: filter.active,
    })
}
