//! What the viewer can do with a course, and the rules of it.

use std::{collections::BTreeSet, sync::Arc};

use async_graphql::{Context, Object};

use super::model::CourseRow;
use crate::{
    actions,
    auth::sets::PEOPLE,
    change::{Actor, By, Verdict, reached},
    error::Result,
    graphql::{Call, Loaded, Row, auth, stated},
    read,
};

/// The courses in which somebody does what they do: every one for who does it as ADMIN or ADMISSION, and as HOD those that
/// they head.
#[derive(Clone, Debug)]
pub struct Within {
    every: bool,
    headed: Arc<BTreeSet<i64>>,
}

impl Within {
    /// Where somebody does it who heads these courses.
    #[must_use]
    pub fn of(actor: &Actor, headed: Arc<BTreeSet<i64>>) -> Self {
        Self { every: actor.in_every_course(), headed }
    }

    /// The same for the viewer, who is asked about the rows of a group: read once for all of them.
    pub async fn load<R: Row>(ctx: &Context<'_>, rows: &Loaded<R>, actor: &Actor) -> Result<Self> {
        if !actor.as_head() {
            return Ok(Self::of(actor, Arc::default()));
        }
        let call = Call::of(ctx);
        let read = |_| async move { read!(call.db(), courses_write::headed(call.scope())) };
        Ok(Self::of(actor, rows.load("courses headed by the viewer", read).await?))
    }

    /// Whether it is every course.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.every
    }

    /// Whether a course is one of them.
    #[must_use]
    pub fn has(&self, course: i64) -> bool {
        self.every || self.headed.contains(&course)
    }

    /// Whether all of these courses are.
    pub fn has_all<'a>(&self, courses: impl IntoIterator<Item = &'a i64>) -> bool {
        courses.into_iter().all(|course| self.has(*course))
    }
}

/// A course, and what belongs to one, is changed by who reached it by a role that may do this, and does it in that course.
pub fn change(_: By, course: i64, within: &Within) -> Verdict {
    Verdict::when(within.has(course))
}

actions! {
    /// What the viewer can do with a course. True: with a well-formed input the mutation would not be refused for who the
    /// viewer is, nor for how the course stands; what else an input may be refused for is another matter.
    CourseActions(CourseRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl CourseActions {
    /// Edit it: `editCourse`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_change(ctx, "editCourse").await
    }

    /// Say who heads it: `assignCourseHod`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn assign_hod(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "assignCourseHod", reached)
    }

    /// Export the attendance of its students: `exportAttendance`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn export_attendance(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_change(ctx, "exportAttendance").await
    }

    /// Add a subject to it: `createSubject`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn create_subject(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_change(ctx, "createSubject").await
    }
}

impl CourseActions {
    async fn may_change(&self, ctx: &Context<'_>, mutation: &str) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, mutation) else { return Ok(false) };
        let within = Within::load(ctx, &self.0, &actor).await?;
        Ok(change(by, self.0.id, &within).is_yes())
    }
}
