//! What the viewer can do with a batch, and the rules of it.

use std::collections::BTreeSet;

use async_graphql::{Context, Object};

use super::model::BatchRow;
use crate::{
    actions,
    auth::sets::PEOPLE,
    change::{Actor, By, Verdict},
    courses::can::Within,
    error::Result,
    graphql::{Call, auth, stated},
    read,
};

/// Whether a batch, by the courses that it is for, belongs to who does something within some courses: to an HOD one that is
/// for courses that they head, and for no others.
#[must_use]
pub fn is_theirs(courses: Option<&BTreeSet<i64>>, within: &Within) -> bool {
    within.is_everywhere() || courses.is_some_and(|courses| !courses.is_empty() && within.has_all(courses))
}

/// A batch is changed by who reached it by a role that may do this, an HOD those that are theirs.
pub fn change(_: By, courses: Option<&BTreeSet<i64>>, within: &Within) -> Verdict {
    Verdict::when(is_theirs(courses, within))
}

actions! {
    /// What the viewer can do with a batch. True: with a well-formed input the mutation would not be refused for who the
    /// viewer is, nor for how the batch stands; what else an input may be refused for is another matter.
    BatchActions(BatchRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl BatchActions {
    /// Edit it: `editBatch`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "editBatch") else { return Ok(false) };
        let call = Call::of(ctx);
        let within = Within::load(ctx, &self.0, &actor).await?;
        let courses = self
            .0
            .of_each("courses they are for", |ids| async move { read!(call.db(), batches_write::courses_of(&ids)) });
        Ok(change(by, courses.await?.as_ref(), &within).is_yes())
    }

    /// Move on the active students of it who are in a period of some course: `advanceBatchPeriod`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn advance_period(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some(actor) = Actor::of(ctx, "advanceBatchPeriod") else { return Ok(false) };
        let call = Call::of(ctx);
        let within = Within::load(ctx, &self.0, &actor).await?;
        let classes = self.0.of_each("classes that move on", |ids| async move {
            read!(call.db(), progress_advance::classes(call.scope(), &ids))
        });
        let classes = classes.await?.unwrap_or_default();
        Ok(classes.iter().any(|(course, period)| within.has(course.id) && !course.is_last(*period)))
    }
}
