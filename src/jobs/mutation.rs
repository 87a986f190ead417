//! Mutations of jobs.

use async_graphql::{Context, ID, InputObject, Object};

use super::api::{Job, MANAGING};
use crate::{
    auth::sets::PEOPLE,
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, auth, root, stated},
    ids::Kind,
    payload,
};

/// The job to try again.
#[derive(InputObject)]
pub struct RequeueJobInput {
    /// The job.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The job that is tried again.
    RequeueJobPayload {
        /// The job.
        job: Job,
    }
}

/// The queue's part of the mutation root.
#[derive(Default)]
pub struct JobMutation;

#[Object(guard = "root(\"Mutation\")")]
impl JobMutation {
    /// Has a job that was given up tried again, now, and as often as a new one.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn requeue_job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job.")] input: RequeueJobInput,
    ) -> Result<Option<RequeueJobPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Job, &input.id);
        let done = change!(call, &act, jobs_write::requeue(id, Problems::default()));
        RequeueJobPayload::of(done, |ids| Job::by_ids(call, ids)).await
    }
}
