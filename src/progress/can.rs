//! What the viewer can do with a course tracking, and the rules of who is moved on.

use async_graphql::{Context, Object};

use super::model::CourseTrackingRow;
use crate::{
    actions,
    auth::sets::PEOPLE,
    change::{Verdict, reached},
    courses::model::CourseRow,
    error::Result,
    graphql::{
        Call,
        UserErrorCode::{OutOfRange, WrongStatus},
        auth, stated,
    },
    students::{
        api::Student,
        can::can_move_on,
        model::{StudentRow, StudentStatus},
    },
};

/// So many names are in a message at most.
const NAMED: usize = 5;

/// An active student is moved on within the course they are in, never past its last period. Whether the student may be
/// changed is asked before.
pub fn moves_on(student: &StudentRow, course: Option<&CourseRow>) -> Verdict {
    let active = student.status == StudentStatus::Active;
    let verdict = Verdict::when(true).provided(active, WrongStatus, "only active students are moved on");
    match (student.course_id.zip(student.current_period), course) {
        (None, _) => verdict.but(WrongStatus, "the student is in no course"),
        (Some(_), None) => Verdict::when(false),
        (Some((_, period)), Some(course)) if course.is_last(period) => {
            verdict.but(OutOfRange, in_last_period(course, std::slice::from_ref(student)))
        }
        _ => verdict,
    }
}

/// Who stays where they are, in words.
#[must_use]
pub fn in_last_period(course: &CourseRow, students: &[StudentRow]) -> String {
    let names: Vec<&str> = students.iter().take(NAMED).map(|student| student.name.as_str()).collect();
    let more = students.len() - names.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("in the last of {} periods: {}{more}", course.periods(), names.join(", "))
}

actions! {
    /// What the viewer can do with a course tracking. True: with a well-formed input the mutation would not be refused for
    /// who the viewer is, nor for how the tracking and its student stand; what else an input may be refused for is another
    /// matter.
    CourseTrackingActions(CourseTrackingRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl CourseTrackingActions {
    /// Edit it: `editCourseTracking`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "editCourseTracking", reached)
    }

    /// Move the student on to the next period of the course: `advanceStudentPeriod`. Not in a course that the student is not
    /// in any more.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn advance_period(&self, ctx: &Context<'_>) -> Result<bool> {
        let call = Call::of(ctx);
        let student = self.0.referred("student", |row| Some(row.student_id), |ids| Student::by_ids(call, ids)).await?;
        let Some(student) = student else { return Ok(false) };
        let moves_on = can_move_on(ctx, student.row()).await?;
        Ok(moves_on && student.row().course_id == Some(self.0.course_id))
    }
}
