//! What the viewer can do with a leave request, and the rules of it.

use async_graphql::{Context, Object};

use super::model::{LeaveRequestRow, LeaveStatus};
use crate::{
    actions,
    auth::sets::PEOPLE,
    change::{Actor, By, Verdict},
    graphql::{UserErrorCode::WrongStatus, auth, stated},
    staff::model::StaffRow,
};

/// Leave of a staff member is asked for by themselves: a student and a parent reach the cards of teachers by roles that may
/// ask, but for others.
pub fn ask_as_staff(actor: &Actor, staff: &StaffRow, _: By) -> Verdict {
    Verdict::when(staff.id == actor.scope.staff())
}

/// A request is taken back while it is pending.
pub fn withdraw(_: &Actor, leave: &LeaveRequestRow, _: By) -> Verdict {
    is(leave, LeaveStatus::Pending, Verdict::default())
}

/// A request of another is decided while it is pending.
pub fn decide(actor: &Actor, leave: &LeaveRequestRow, _: By) -> Verdict {
    is(leave, LeaveStatus::Pending, of_another(actor, leave))
}

/// The approval of a request of another is taken back.
pub fn withdraw_approval(actor: &Actor, leave: &LeaveRequestRow, _: By) -> Verdict {
    is(leave, LeaveStatus::Approved, of_another(actor, leave))
}

/// Nobody decides about their own leave, or about what they asked for: an ADMIN neither.
fn of_another(actor: &Actor, leave: &LeaveRequestRow) -> Verdict {
    let scope = &actor.scope;
    let own = leave.student_id == Some(scope.student())
        || leave.staff_id == Some(scope.staff())
        || leave.requested_by == scope.account();
    Verdict::when(!own)
}

fn is(leave: &LeaveRequestRow, status: LeaveStatus, verdict: Verdict) -> Verdict {
    if leave.status == status {
        return verdict;
    }
    verdict.but(WrongStatus, format!("the request is {}, not {}", leave.status.as_str(), status.as_str()))
}

actions! {
    /// What the viewer can do with a leave request. True: with a well-formed input the mutation would not be refused for who
    /// the viewer is, nor for how the request stands; what else an input may be refused for is another matter.
    LeaveRequestActions(LeaveRequestRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl LeaveRequestActions {
    /// Take it back: `withdrawLeaveRequest`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn withdraw(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "withdrawLeaveRequest", withdraw)
    }

    /// Decide about it: `decideLeaveRequest`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn decide(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "decideLeaveRequest", decide)
    }

    /// Take its approval back: `withdrawLeaveApproval`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn withdraw_approval(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "withdrawLeaveApproval", withdraw_approval)
    }
}
