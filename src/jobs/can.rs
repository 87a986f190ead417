//! What the viewer can do with a job, and the rules of it.

use async_graphql::{Context, Object};

use super::{
    api::MANAGING,
    model::{JobEntryRow, JobState},
};
use crate::{
    actions,
    change::{Actor, By, Verdict},
    graphql::{UserErrorCode::WrongStatus, auth, stated},
};

/// What was given up is tried again; what waits is tried anyhow, and what is done is done.
pub fn requeue(_: &Actor, job: &JobEntryRow, _: By) -> Verdict {
    let waits = job.state == JobState::Pending;
    let message = if waits { "it is waiting, and is tried by itself" } else { "it is done" };
    Verdict::default().provided(job.state == JobState::Dead, WrongStatus, message)
}

actions! {
    /// What the viewer can do with a job. True: the mutation would not be refused for who the viewer is, nor for how the job
    /// stands.
    JobActions(JobEntryRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl JobActions {
    /// Have it tried again: `requeueJob`.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn requeue(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "requeueJob", requeue)
    }
}
