//! What a job of each kind is: the one place that knows.

use crate::{
    exports,
    graphql::Services,
    jobs::{
        clean_up,
        model::{JobKind, JobRow, Outcome},
    },
    messages, notifications,
};

/// Does a job. What it does may be done again, where the worker dies before that is noted: so each is known to the other side
/// by the job's key, and whatever it writes is written once.
pub async fn run(services: &Services, job: &JobRow) -> Outcome {
    match job.kind {
        JobKind::Tell => notifications::tell::run(services, job).await,
        JobKind::Deliver => notifications::deliver::run(services, job).await,
        JobKind::Message => messages::queued::run(services, job).await,
        JobKind::Export => exports::job::run(services, job).await,
        JobKind::CleanUp => clean_up::remove(services).await,
        JobKind::Recompute => clean_up::recompute(services, job).await,
    }
}
