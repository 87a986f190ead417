//! Meetings in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::MeetingActions,
    model::{MeetingFilter, MeetingOrder, MeetingOrderField, MeetingQuery as Query, MeetingRow, MeetingStatus},
};
use crate::{
    auth::{Role, RoleSet, sets::TEACHING},
    clock::utc,
    error::Result,
    graphql::{
        Call, Connection, Direction, Listed, Loaded, MAX_LIST, Paging, Stated, auth, nested, root, stated, wants_total,
    },
    ids::Kind,
    parents::{api::Parent, model::ParentRow},
    read,
    staff::{api::Staff, model::StaffRow},
    students::{api::Student, model::StudentRow},
};

/// What is said between teacher and parents, and the way in: not for the student.
const TALK: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod, Role::Staff, Role::Parent]);

/// A meeting of a teacher with parents, about one or more students.
#[derive(Clone, Description)]
pub struct Meeting(Loaded<MeetingRow>);

impl Stated for Meeting {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Meeting {
    const CONNECTION: &'static str = "MeetingConnection";
    const EDGE: &'static str = "MeetingEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Meeting {
    /// Global id.
    #[graphql(directive = auth::apply(TEACHING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Meeting, self.0.id)
    }

    /// When it begins.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn starts_at(&self) -> DateTime<Utc> {
        utc(self.0.starts_at)
    }

    /// How many minutes it takes.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn minutes(&self) -> i64 {
        (self.0.ends_at - self.0.starts_at).num_minutes()
    }

    /// When it ends.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn ends_at(&self) -> DateTime<Utc> {
        utc(self.0.ends_at)
    }

    /// Where it stands.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn status(&self) -> MeetingStatus {
        self.0.status
    }

    /// What is to be talked about.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn agenda(&self) -> Option<&str> {
        self.0.agenda.as_deref()
    }

    /// What was talked about.
    #[graphql(directive = auth::apply(TALK))]
    async fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }

    /// Why it was called off.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn cancellation_reason(&self) -> Option<&str> {
        self.0.cancellation_reason.as_deref()
    }

    /// Whether it takes place online.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn online(&self) -> bool {
        self.0.online
    }

    /// Where it takes place online.
    #[graphql(directive = auth::apply(TALK))]
    async fn link(&self) -> Option<&str> {
        self.0.link.as_deref()
    }

    /// Who holds it, if the viewer reaches them.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn staff(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("staff", |row| Some(row.staff_id), |ids| Staff::by_ids(call, ids)).await
    }

    /// The parents who take part whom the viewer reaches, by name: 100 at most.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn parents(&self, ctx: &Context<'_>) -> Result<Option<Vec<Parent>>> {
        let call = Call::of(ctx);
        let parents = self.0.of_each("parents", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), parents::of_meetings(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(parents.await?.unwrap_or_default()))
    }

    /// The students it is about whom the viewer reaches, by name: 100 at most.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn students(&self, ctx: &Context<'_>) -> Result<Option<Vec<Student>>> {
        let call = Call::of(ctx);
        let students = self.0.of_each("students", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), students::of_meetings(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(students.await?.unwrap_or_default()))
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn viewer_can(&self) -> Option<MeetingActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<MeetingRow>> for Meeting {
    fn from(row: Loaded<MeetingRow>) -> Self {
        Self(row)
    }
}

impl Meeting {
    /// Those of the numbered meetings that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), meetings::by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: MeetingOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            MeetingOrderField::StartsAt => serde_json::json!(self.0.starts_at),
        };
        (key, self.0.id)
    }

    /// A page of the meetings that a parent takes part in.
    pub async fn of_parent(ctx: &Context<'_>, parent: &Loaded<ParentRow>, paging: &Paging) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), meetings::of_parents(call.scope(), &ids, page))?))
        };
        let counts = |ids: Vec<i64>| async move { read!(call.db(), meetings::count_of_parents(call.scope(), &ids)) };
        nested(ctx, parent, paging, |one: &Self| one.key(MeetingOrderField::StartsAt), pages, counts).await
    }

    /// A page of the meetings that a staff member holds.
    pub async fn of_staff(ctx: &Context<'_>, staff: &Loaded<StaffRow>, paging: &Paging) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), meetings::of_staff(call.scope(), &ids, page))?))
        };
        let counts = |ids: Vec<i64>| async move { read!(call.db(), meetings::count_of_staff(call.scope(), &ids)) };
        nested(ctx, staff, paging, |one: &Self| one.key(MeetingOrderField::StartsAt), pages, counts).await
    }

    /// A page of the meetings about a student.
    pub async fn of_student(
        ctx: &Context<'_>,
        student: &Loaded<StudentRow>,
        paging: &Paging,
    ) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), meetings::of_students(call.scope(), &ids, page))?))
        };
        let counts = |ids: Vec<i64>| async move { read!(call.db(), meetings::count_of_students(call.scope(), &ids)) };
        nested(ctx, student, paging, |meeting: &Self| meeting.key(MeetingOrderField::StartsAt), pages, counts).await
    }
}

/// The meetings' part of the query root.
#[derive(Default)]
pub struct MeetingQuery;

#[Object(guard = "root(\"Query\")")]
impl MeetingQuery {
    /// The meetings that the viewer reaches, newest first unless `orderBy` says otherwise.
    #[graphql(directive = auth::apply(TEACHING))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn meetings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which meetings.")] filter: Option<MeetingFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<MeetingOrder>,
    ) -> Result<Option<Connection<Meeting>>> {
        let call = Call::of(ctx);
        let order = order_by.unwrap_or_default();
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let query = opened(call, filter.unwrap_or_default()).await?;
        let rows = read!(call.db(), meetings::page(call.scope(), &query, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), meetings::count(call.scope(), &query))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |meeting: &Meeting| meeting.key(order.field), total).map(Some)
    }
}

async fn opened(call: &Call, filter: MeetingFilter) -> Result<Query> {
    Ok(Query {
        status: filter.status,
        from: filter.from.map(|from| from.naive_utc()),
        to: filter.to.map(|to| to.naive_utc()),
        staff: call.reached(Kind::Staff, filter.staff_id).await?,
    })
}
