//! What the viewer can do with a class that was marked, and the rules of it.

use async_graphql::{Context, Object};

use super::{marking::may_mark, model::SessionRow};
use crate::{
    actions,
    auth::sets::TEACHING,
    change::{Actor, By, Verdict, reached},
    error::Result,
    graphql::{Call, UserErrorCode::WrongStatus, auth, stated},
    routines::{api::Routine, model::RoutineRow},
};

/// A class is marked, and marked again, by who may mark its routine, while that is in the timetable.
pub fn mark(actor: &Actor, routine: &RoutineRow, by: By) -> Verdict {
    let may = may_mark(&actor.scope, routine, by.roles().and(actor.may));
    Verdict::when(may).provided(routine.active, WrongStatus, "this routine is not in the timetable any more")
}

actions! {
    /// What the viewer can do with a class that was marked. True: with a well-formed input the mutation would not be refused
    /// for who the viewer is, nor for how the class stands; what else an input may be refused for is another matter.
    AttendanceSessionActions(SessionRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl AttendanceSessionActions {
    /// Correct it, by marking it again: `markAttendance`.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn mark(&self, ctx: &Context<'_>) -> Result<bool> {
        let call = Call::of(ctx);
        let routine = self.0.referred("routine", |row| Some(row.routine_id), |ids| Routine::by_ids(call, ids)).await?;
        Ok(routine.is_some_and(|routine| routine.row().allows(ctx, "markAttendance", mark)))
    }

    /// Remove it, with its marks: `deleteAttendanceSession`.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn delete(&self, ctx: &Context<'_>) -> bool {
        // As STAFF a class is reached by its routine's teacher, and as HOD by who heads the course: those who mark it.
        self.0.allows(ctx, "deleteAttendanceSession", reached)
    }
}
