//! Mutations of leave requests.

use async_graphql::{Context, ID, InputObject, Object};

use super::{
    api::LeaveRequest,
    model::{LeaveDecision, NewLeave, Person},
};
use crate::{
    auth::{
        Role::{Admin, Hod, Own, Parent, Student},
        RoleSet, Scope,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{
        Call, Date,
        UserErrorCode::{Invalid, Required},
        auth, root, stated,
    },
    ids::Kind,
    payload,
};

/// Who asks for leave, and takes it back: a student, their parents, and staff for themselves.
const ASKING: RoleSet = RoleSet::of(&[Student, Parent, Own]);
/// Who decides; an HOD about students of the courses they head, and those who teach in them.
pub const DECIDING: RoleSet = RoleSet::of(&[Admin, Hod]);

/// Leave to ask for: a student for themself, a parent for their child, a staff member for themself.
#[derive(InputObject)]
pub struct RequestLeaveInput {
    /// The student who will be away: the viewer, or a child of theirs. Where neither this nor `staffId` is given it is the
    /// viewer, who must be a student or staff then, and not both.
    student_id: Option<ID>,
    /// The staff member who will be away: the viewer.
    staff_id: Option<ID>,
    /// The first day away, 30 days ago at the earliest.
    first_day: Date,
    /// The last day away: 366 days in all, at most.
    last_day: Date,
    /// Why.
    message: String,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A leave request to take back.
#[derive(InputObject)]
pub struct WithdrawLeaveRequestInput {
    /// The request.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to decide about a leave request.
#[derive(InputObject)]
pub struct DecideLeaveRequestInput {
    /// The request.
    id: ID,
    /// The decision.
    decision: LeaveDecision,
    /// What is said to it.
    remark: Option<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// An approval to take back.
#[derive(InputObject)]
pub struct WithdrawLeaveApprovalInput {
    /// The request.
    id: ID,
    /// What is said to it.
    remark: Option<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The leave that was asked for.
    RequestLeavePayload {
        /// The request.
        leave_request: LeaveRequest,
    }
}
payload! {
    /// The request that was taken back.
    WithdrawLeaveRequestPayload {
        /// The request.
        leave_request: LeaveRequest,
    }
}
payload! {
    /// The request that was decided.
    DecideLeaveRequestPayload {
        /// The request.
        leave_request: LeaveRequest,
    }
}
payload! {
    /// The request whose approval was taken back.
    WithdrawLeaveApprovalPayload {
        /// The request.
        leave_request: LeaveRequest,
    }
}

/// The leave requests' part of the mutation root.
#[derive(Default)]
pub struct LeaveMutation;

#[Object(guard = "root(\"Mutation\")")]
impl LeaveMutation {
    /// Asks for leave. There must be no other request of that person, pending or approved, for any of the days.
    #[graphql(directive = auth::apply(ASKING))]
    async fn request_leave(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who will be away, when and why.")] input: RequestLeaveInput,
    ) -> Result<Option<RequestLeavePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let student = input.student_id.map(|id| call.number(Kind::Student, &id));
        let staff = input.staff_id.map(|id| call.number(Kind::Staff, &id));
        let new = NewLeave {
            person: person(&mut problems, call.scope(), student, staff),
            first_day: input.first_day.0,
            last_day: input.last_day.0,
            message: problems.text("message", &input.message),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, leave_write::request(&new, problems.clone()));
        RequestLeavePayload::of(done, |ids| LeaveRequest::by_ids(call, ids)).await
    }

    /// Takes back a request that is pending: by the person it is about, or a parent of theirs.
    #[graphql(directive = auth::apply(ASKING))]
    async fn withdraw_leave_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request.")] input: WithdrawLeaveRequestInput,
    ) -> Result<Option<WithdrawLeaveRequestPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::LeaveRequest, &input.id);
        let done = change!(call, &act, leave_write::withdraw(id, Problems::default()));
        WithdrawLeaveRequestPayload::of(done, |ids| LeaveRequest::by_ids(call, ids)).await
    }

    /// Decides about a request that is pending: a student's by the HOD of the course or ADMIN, a staff member's by the HOD
    /// of a course they teach in or ADMIN; never one's own, nor one that one asked for. Approval excuses a student from the
    /// classes of those days: from those they were marked absent in, and from those that were held without a mark of theirs.
    #[graphql(directive = auth::apply(DECIDING))]
    async fn decide_leave_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request and the decision.")] input: DecideLeaveRequestInput,
    ) -> Result<Option<DecideLeaveRequestPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let remark = problems.maybe_text("remark", input.remark.as_deref());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::LeaveRequest, &input.id);
        let decision = (input.decision, remark.as_deref());
        let done = change!(call, &act, leave_write::decide(id, decision, problems.clone()));
        DecideLeaveRequestPayload::of(done, |ids| LeaveRequest::by_ids(call, ids)).await
    }

    /// Takes back an approval: the request is pending again, and what the approval did to the student's attendance is
    /// undone. What was marked by hand since stays. By those who may decide about it.
    #[graphql(directive = auth::apply(DECIDING))]
    async fn withdraw_leave_approval(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request.")] input: WithdrawLeaveApprovalInput,
    ) -> Result<Option<WithdrawLeaveApprovalPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let remark = problems.maybe_text("remark", input.remark.as_deref());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::LeaveRequest, &input.id);
        let done = change!(call, &act, leave_write::withdraw_approval(id, remark.as_deref(), problems.clone()));
        WithdrawLeaveApprovalPayload::of(done, |ids| LeaveRequest::by_ids(call, ids)).await
    }
}

/// Whom a request is about: who is named, or the viewer themself where that can mean one person only.
fn person(problems: &mut Problems, scope: &Scope, student: Option<i64>, staff: Option<i64>) -> Option<Person> {
    match (student, staff) {
        (Some(_), Some(_)) => problems.add("staffId", Invalid, "a request is about a student or a staff member"),
        (Some(student), None) => return Some(Person::Student(student)),
        (None, Some(staff)) => return Some(Person::Staff(staff)),
        (None, None) => match (scope.student(), scope.staff()) {
            (0, 0) => problems.add("studentId", Required, "say who will be away"),
            (student, 0) => return Some(Person::Student(student)),
            (0, staff) => return Some(Person::Staff(staff)),
            _ => problems.add("studentId", Required, "say as whom you will be away: as a student or as staff"),
        },
    }
    None
}
