//! Mutations of jobs.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    api::{Job, MANAGING},
    model::JobKind,
};
use crate::{
    auth::sets::PEOPLE,
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, Stated, UserError, UserErrorCode, auth, root, stated},
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

/// Which jobs to try again.
#[derive(InputObject)]
pub struct RequeueJobsInput {
    /// What is to be done by them; all kinds where it is left out.
    kind: Option<JobKind>,
    /// Those that were given up until then, which is not in the future; all where it is left out.
    until: Option<DateTime<Utc>>,
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

/// How many jobs are tried again.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct RequeueJobsPayload {
    /// How many it were: 500 at most, and where it is as many there may be more.
    #[graphql(directive = auth::apply(PEOPLE))]
    requeued: Option<i32>,
    /// The key that the input carried.
    #[graphql(directive = auth::apply(PEOPLE))]
    client_mutation_id: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for RequeueJobsPayload {}

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

    /// Has jobs that were given up tried again, now, and as often as new ones: the oldest first, 500 at a time. It is for what
    /// was given up together, because the other side was down for long.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn requeue_jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them.")] input: RequeueJobsInput,
    ) -> Result<Option<RequeueJobsPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let until = input.until.map_or(act.now, |until| until.naive_utc());
        problems.require(until <= act.now, "until", UserErrorCode::InFuture, "it must not be in the future");
        let done = change!(call, &act, jobs_write::requeue_all(input.kind, until, problems.clone()));
        Ok(Some(RequeueJobsPayload {
            requeued: done.value,
            client_mutation_id: done.client_mutation_id,
            user_errors: done.user_errors,
        }))
    }
}
