//! Leave requests in the schema.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::LeaveRequestActions,
    model::{
        LeaveRequestFilter, LeaveRequestOrder, LeaveRequestOrderField, LeaveRequestQuery as Query, LeaveRequestRow,
        LeaveStatus,
    },
};
use crate::{
    auth::{Role, RoleSet, sets::PEOPLE},
    clock::utc,
    error::Result,
    graphql::{
        Call, Connection, Date, Direction, Listed, Loaded, Node, Paging, Stated, auth, nested, root, stated,
        wants_total,
    },
    ids::Kind,
    parents::api::Parent,
    read,
    staff::{api::Staff, model::StaffRow},
    students::{api::Student, model::StudentRow},
};

/// What a request says: those who decide, and those it is about. A teacher needs their students' days, and ADMISSION too.
const REASON: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod, Role::Student, Role::Parent, Role::Own]);

/// Days that a student or a staff member asks to be away.
#[derive(Clone, Description)]
pub struct LeaveRequest(Loaded<LeaveRequestRow>);

impl Stated for LeaveRequest {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for LeaveRequest {
    const CONNECTION: &'static str = "LeaveRequestConnection";
    const EDGE: &'static str = "LeaveRequestEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl LeaveRequest {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::LeaveRequest, self.0.id)
    }

    /// The student it is about; null where it is about a staff member.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn student(&self, ctx: &Context<'_>) -> Result<Option<Student>> {
        let call = Call::of(ctx);
        self.0.referred("student", |row| row.student_id, |ids| Student::by_ids(call, ids)).await
    }

    /// The staff member it is about; null where it is about a student.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn staff(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("staff", |row| row.staff_id, |ids| Staff::by_ids(call, ids)).await
    }

    /// The first day away.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn first_day(&self) -> Date {
        Date(self.0.first_day)
    }

    /// The last day away.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn last_day(&self) -> Date {
        Date(self.0.last_day)
    }

    /// Where it stands.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn status(&self) -> LeaveStatus {
        self.0.status
    }

    /// Why it is asked for.
    #[graphql(directive = auth::apply(REASON))]
    async fn message(&self) -> Option<&str> {
        Some(&self.0.message)
    }

    /// What was said to the decision.
    #[graphql(directive = auth::apply(REASON))]
    async fn remark(&self) -> Option<&str> {
        self.0.remark.as_deref()
    }

    /// Who decided it; null where nobody did, and where the viewer does not reach them.
    #[graphql(directive = auth::apply(REASON))]
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("decided by", |row| row.decided_by, |accounts| Staff::by_accounts(call, accounts)).await
    }

    /// When it was decided.
    #[graphql(directive = auth::apply(REASON))]
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.0.decided_at.map(utc)
    }

    /// Who asked for it: the student or the staff member that it is about, or a parent of the student. Null where the viewer
    /// does not reach them.
    #[graphql(directive = auth::apply(REASON))]
    async fn requested_by(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        let call = Call::of(ctx);
        let requesters = self.0.load("requested by", |rows| async move { requesters(call, &rows).await });
        Ok(requesters.await?.get(&self.0.id).cloned())
    }

    /// When it was asked for.
    #[graphql(directive = auth::apply(REASON))]
    async fn created_at(&self) -> Option<DateTime<Utc>> {
        Some(utc(self.0.created_at))
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<LeaveRequestActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<LeaveRequestRow>> for LeaveRequest {
    fn from(row: Loaded<LeaveRequestRow>) -> Self {
        Self(row)
    }
}

/// Those who asked for leave whom the viewer reaches, by the requests' numbers.
async fn requesters(call: &Call, rows: &[Arc<LeaveRequestRow>]) -> Result<HashMap<i64, Node>> {
    let accounts: Vec<i64> = rows.iter().map(|row| row.requested_by).collect();
    let students = Student::by_ids(call, rows.iter().filter_map(|row| row.student_id).collect()).await?;
    let parents = Parent::by_accounts(call, accounts.clone()).await?;
    let staff = Staff::by_accounts(call, accounts).await?;
    // Who has the account may be several: what the request is about tells as whom they asked.
    let requester = |row: &LeaveRequestRow| match row.student_id {
        None => staff.get(&row.requested_by).cloned().map(Node::from),
        Some(id) => match students.get(&id).filter(|student| student.row().account_id == row.requested_by) {
            Some(student) => Some(student.clone().into()),
            None => parents.get(&row.requested_by).cloned().map(Node::from),
        },
    };
    Ok(rows.iter().filter_map(|row| Some((row.id, requester(row)?))).collect())
}

impl LeaveRequest {
    /// Those of the numbered requests that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), leave::by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: LeaveRequestOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            LeaveRequestOrderField::FirstDay => serde_json::json!(self.0.first_day),
        };
        (key, self.0.id)
    }

    /// A page of the requests of a staff member.
    pub async fn of_staff(ctx: &Context<'_>, staff: &Loaded<StaffRow>, paging: &Paging) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), leave::of_staff(call.scope(), &ids, page))?))
        };
        let counts = |ids: Vec<i64>| async move { read!(call.db(), leave::count_of_staff(call.scope(), &ids)) };
        nested(ctx, staff, paging, |one: &Self| one.key(LeaveRequestOrderField::FirstDay), pages, counts).await
    }

    /// A page of the requests of a student.
    pub async fn of_student(
        ctx: &Context<'_>,
        student: &Loaded<StudentRow>,
        paging: &Paging,
    ) -> Result<Connection<Self>> {
        let (call, page) = (Call::of(ctx), paging.page());
        let pages = |ids: Vec<i64>| async move {
            Ok(Loaded::by_parent(read!(call.db(), leave::of_students(call.scope(), &ids, page))?))
        };
        let counts = |ids: Vec<i64>| async move { read!(call.db(), leave::count_of_students(call.scope(), &ids)) };
        nested(ctx, student, paging, |request: &Self| request.key(LeaveRequestOrderField::FirstDay), pages, counts)
            .await
    }
}

/// The leave requests' part of the query root.
#[derive(Default)]
pub struct LeaveRequestQuery;

#[Object(guard = "root(\"Query\")")]
impl LeaveRequestQuery {
    /// The leave requests that the viewer reaches, newest first unless `orderBy` says otherwise.
    #[graphql(directive = auth::apply(PEOPLE))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn leave_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which leave requests.")] filter: Option<LeaveRequestFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<LeaveRequestOrder>,
    ) -> Result<Option<Connection<LeaveRequest>>> {
        let call = Call::of(ctx);
        let order = order_by.unwrap_or_default();
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let query = opened(call, filter.unwrap_or_default()).await?;
        let rows = read!(call.db(), leave::page(call.scope(), &query, order.field, paging.page()))?;
        let total = if wants_total(ctx) { Some(read!(call.db(), leave::count(call.scope(), &query))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |request: &LeaveRequest| request.key(order.field), total).map(Some)
    }
}

async fn opened(call: &Call, filter: LeaveRequestFilter) -> Result<Query> {
    Ok(Query {
        status: filter.status,
        student: call.reached(Kind::Student, filter.student_id).await?,
        staff: call.reached(Kind::Staff, filter.staff_id).await?,
        from: filter.from.map(|Date(date)| date),
        to: filter.to.map(|Date(date)| date),
    })
}
