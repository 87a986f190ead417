//! What the viewer can do with a slot of the timetable, and the rules of it.

use async_graphql::{Context, Object};

use super::model::RoutineRow;
use crate::{
    actions,
    attendance::can::mark,
    auth::sets::PEOPLE,
    change::{Actor, By, Verdict},
    courses::can::{self as courses, Within},
    graphql::{UserErrorCode::WrongStatus, auth, stated},
    subjects::model::SubjectRow,
};

/// A subject is put into the timetable by who may change it, where its course is offered.
pub fn plan(by: By, subject: &SubjectRow, within: &Within, offered: bool) -> Verdict {
    courses::change(by, subject.course_id, within).provided(
        offered,
        WrongStatus,
        "its course is not offered at present",
    )
}

/// A slot is changed, and ended, while it is in the timetable. An HOD reaches as HOD those of the courses they head, and no
/// others.
pub fn change(_: &Actor, routine: &RoutineRow, _: By) -> Verdict {
    Verdict::default().provided(routine.active, WrongStatus, "it is in the timetable no more")
}

actions! {
    /// What the viewer can do with a slot of the timetable. True: with a well-formed input the mutation would not be refused
    /// for who the viewer is, nor for how the slot stands; what else an input may be refused for is another matter.
    RoutineActions(RoutineRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl RoutineActions {
    /// Mark attendance of its classes: `markAttendance`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn mark(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "markAttendance", mark)
    }

    /// Move it or give it to another teacher: `changeRoutine`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn change(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "changeRoutine", change)
    }

    /// Take it out of the timetable: `endRoutine`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn end(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "endRoutine", change)
    }
}
