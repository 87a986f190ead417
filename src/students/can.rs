//! What the viewer can do with a student, and the rules of it.

use std::collections::BTreeSet;

use async_graphql::{Context, Object};

use super::model::StudentRow;
use crate::{
    actions,
    auth::sets::PEOPLE,
    change::{Actor, By, Verdict, reached},
    courses::{api::Course, can::Within, model::CourseRow},
    error::Result,
    graphql::{Call, Loaded, UserErrorCode::WrongStatus, auth, stated},
    progress::can::moves_on,
    read,
};

/// A student is changed while they are not archived.
pub fn change(_: &Actor, student: &StudentRow, _: By) -> Verdict {
    Verdict::default().provided(student.archived_at.is_none(), WrongStatus, "the student is archived")
}

/// A student who is archived is taken back, and nothing else is done with them.
pub fn restore(_: &Actor, student: &StudentRow, _: By) -> Verdict {
    Verdict::default().provided(student.archived_at.is_some(), WrongStatus, "the student is not archived")
}

/// A course is begun by the doing of who does this in that course, where it is offered.
pub fn begin(course: &CourseRow, within: &Within) -> Verdict {
    Verdict::when(within.has(course.id)).provided(course.active, WrongStatus, "this course is not offered at present")
}

/// A student is enrolled in another course than the one they are in, and in none that they have `completed`.
pub fn enrol_in(student: &StudentRow, course: i64, completed: &BTreeSet<(i64, i64)>) -> Verdict {
    let elsewhere = student.course_id != Some(course);
    let done = elsewhere && completed.contains(&(student.id, course));
    Verdict::when(true).provided(elsewhere, WrongStatus, "the student is in this course").provided(
        !done,
        WrongStatus,
        "the student has completed this course",
    )
}

/// Whether somebody can move a student of a group on.
pub async fn can_move_on(ctx: &Context<'_>, student: &Loaded<StudentRow>) -> Result<bool> {
    let Some((actor, by)) = student.asked(ctx, "advanceStudentPeriod") else { return Ok(false) };
    let call = Call::of(ctx);
    let course = student.referred("course", |row| row.course_id, |ids| Course::by_ids(call, ids)).await?;
    let rule = moves_on(student, course.as_ref().map(|course| &**course.row()));
    Ok(change(&actor, student, by).and(rule).is_yes())
}

actions! {
    /// What the viewer can do with a student. True: with a well-formed input the mutation would not be refused for who the
    /// viewer is, nor for how the student stands; what else an input may be refused for is another matter.
    StudentActions(StudentRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl StudentActions {
    /// Edit what is known of them: `editStudent`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "editStudent", change)
    }

    /// Say where they stand: `changeStudentStatus`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn change_status(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "changeStudentStatus", change)
    }

    /// Let them join and leave batches: `setStudentBatches`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn set_batches(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "setStudentBatches", change)
    }

    /// Archive them: `archiveStudent`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn archive(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "archiveStudent", change)
    }

    /// Take them back from the archive: `restoreStudent`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn restore(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "restoreStudent", restore)
    }

    /// Enrol them in another course, or in their first: `enrolStudent`. True where there is such a course.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn enrol(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "enrolStudent") else { return Ok(false) };
        let call = Call::of(ctx);
        let within = Within::load(ctx, &self.0, &actor).await?;
        let courses =
            self.0.load("all courses", |_| async move { read!(call.db(), courses::all(call.scope())) }).await?;
        let completed = self.0.load("completed courses", |students| async move {
            let ids: Vec<i64> = students.iter().map(|student| student.id).collect();
            read!(call.db(), progress_tracking::completed(&ids))
        });
        let completed = completed.await?;
        let open = |course: &CourseRow| begin(course, &within).and(enrol_in(&self.0, course.id, &completed)).is_yes();
        Ok(change(&actor, &self.0, by).is_yes() && courses.iter().any(open))
    }

    /// Move them on to the next period of their course: `advanceStudentPeriod`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn advance_period(&self, ctx: &Context<'_>) -> Result<bool> {
        can_move_on(ctx, &self.0).await
    }

    /// Enter how far they are in a subject of their course: `setSubjectProgress`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn set_subject_progress(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "setSubjectProgress", change)
    }

    /// Link a parent with them: `linkParent`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn link_parent(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "linkParent", change)
    }

    /// Take a parent from them: `unlinkParent`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn unlink_parent(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "unlinkParent", change)
    }

    /// Ask for leave for them: `requestLeave`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn request_leave(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "requestLeave", reached)
    }
}
