//! What a job of each kind is: the one place that knows.

use crate::{
    error::Result,
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

/// Says, where somebody is to know, that a job is given up. It may be said again, and before a try that goes well after all.
///
/// # Errors
/// When the database fails: then it is not given up yet.
pub async fn give_up(services: &Services, job: &JobRow) -> Result<()> {
    match job.kind {
        JobKind::Export => exports::job::give_up(services, job).await,
        JobKind::Tell | JobKind::Deliver | JobKind::Message | JobKind::CleanUp | JobKind::Recompute => Ok(()),
    }
}
