//! Who does the jobs that were handed out.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::Instant;

use super::model::{HandOut, JobRow, Outcome, Priority};
use crate::{
    dispatch,
    error::{Error, Result},
    graphql::Services,
    random::Random,
    read, work,
};

/// The pause before the second try; each further one is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_hours(1);

/// How jobs are done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Jobs at a time.
    pub at_once: usize,
    /// After how long another worker takes over a job whose worker says nothing any more. A try may take half of it.
    pub lease: Duration,
    /// How often a job is tried.
    pub attempts: i32,
}

/// Does jobs.
#[derive(Clone)]
pub struct Worker {
    services: Arc<Services>,
    options: Options,
}

impl Worker {
    /// A worker with what jobs use.
    #[must_use]
    pub fn new(services: Arc<Services>, options: Options) -> Self {
        Self { services, options }
    }

    /// Leases jobs that are due, from one priority to another and `most` at most, and gives them with the name under which
    /// they are handed out, and with whether there may be more.
    pub async fn lease(&self, priorities: (Priority, Priority), most: usize) -> Result<(HandOut, bool)> {
        let lease = self.services.random.token();
        let now = self.services.clock.now();
        let span = (now, now + self.lease_time()?);
        let most = i64::try_from(most).map_err(Error::internal)?;
        let mut cx = self.services.db.write().await?;
        let (ids, more) = dispatch!(cx, jobs::lease(span, priorities, &lease, most))?;
        Ok((HandOut { ids, lease }, more))
    }

    /// Forgets those of what was handed out that somebody has begun, or whose lease has run out.
    pub async fn keep_out(&self, hand_outs: &mut Vec<HandOut>) -> Result<()> {
        if hand_outs.is_empty() {
            return Ok(());
        }
        let now = self.services.clock.now();
        let out: HashSet<i64> = read!(self.services.db, jobs::still_out(hand_outs, now))?.into_iter().collect();
        hand_outs.retain(|hand_out| hand_out.ids.iter().any(|id| out.contains(id)));
        Ok(())
    }

    /// Gives back what was handed out and nobody has begun.
    pub async fn give_back(&self, hand_outs: &[HandOut]) -> Result<()> {
        if hand_outs.is_empty() {
            return Ok(());
        }
        let mut cx = self.services.db.write().await?;
        dispatch!(cx, jobs::give_back(hand_outs))
    }

    /// Does the jobs that were handed out, and gives how many of them were still to be done.
    pub async fn work(&self, HandOut { ids, lease: handed }: &HandOut) -> Result<usize> {
        let own = self.services.random.token();
        let begun = {
            let until = self.services.clock.now() + self.lease_time()?;
            let mut cx = self.services.db.write().await?;
            dispatch!(cx, jobs::begin(ids, (handed.as_str(), own.as_str()), until))?
        };
        let count = begun.len();
        let own = own.as_str();
        let tries = begun.into_iter().map(|job| {
            let (worker, own) = (self.clone(), own.to_owned());
            async move { worker.try_once(&job, &own).await }.boxed()
        });
        let mut done = stream::iter(tries).buffer_unordered(self.options.at_once);
        while let Some(noted) = done.next().await {
            // What could not be noted is done again, when its lease has run out.
            if let Err(error) = noted {
                tracing::error!(cause = error.report(), "what became of a job was not noted");
            }
        }
        Ok(count)
    }

    /// Does all that is due, until nothing is, without an engine: for tests.
    pub async fn work_off(&self) -> Result<usize> {
        let mut all = 0;
        loop {
            let (hand_out, _) = self.lease((Priority::Urgent, Priority::Low), 100).await?;
            if hand_out.ids.is_empty() {
                return Ok(all);
            }
            all += self.work(&hand_out).await?;
        }
    }

    async fn try_once(&self, job: &JobRow, own: &str) -> Result<()> {
        let (began, metrics) = (Instant::now(), &self.services.metrics);
        // A panic is one job's, and not that of those that were handed out with it.
        let tried = AssertUnwindSafe(work::run(&self.services, job)).catch_unwind();
        let outcome = match tokio::time::timeout(self.options.lease / 2, tried).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Again { cause: "it panicked".to_owned(), after: None },
            Err(_) => Outcome::Again { cause: "it took too long".to_owned(), after: None },
        };
        metrics.took(job.kind, began.elapsed());
        let now = self.services.clock.now();
        let kind = job.kind.as_str();
        let mut cx = self.services.db.write().await?;
        match outcome {
            Outcome::Done => {
                if dispatch!(cx, jobs::finish(job.id, own, now))? {
                    metrics.done(job.kind);
                }
            }
            Outcome::Again { cause, after } if job.attempts < self.options.attempts => {
                metrics.failed(job.kind);
                let pause = pause(job.attempts, after, &self.services.random);
                tracing::warn!(job = job.id, kind, cause, pause = pause.as_secs_f64(), "a job is to be tried again");
                let due_at = now + TimeDelta::from_std(pause).map_err(Error::internal)?;
                dispatch!(cx, jobs::postpone(job.id, own, due_at, &cause))?;
            }
            Outcome::Again { cause, .. } | Outcome::Dead { cause } => {
                tracing::error!(job = job.id, kind, cause, "a job was given up");
                metrics.failed(job.kind);
                if dispatch!(cx, jobs::bury(job.id, own, now, &cause))? {
                    metrics.dead(job.kind);
                }
            }
        }
        Ok(())
    }

    fn lease_time(&self) -> Result<TimeDelta> {
        TimeDelta::from_std(self.options.lease).map_err(Error::internal)
    }
}

/// How long to wait before a job is tried again that was tried so often: from half of a doubling span to the whole of it, so
/// that those that failed together do not come back together; and as long as the other side asked for, at least.
fn pause(attempts: i32, after: Option<Duration>, random: &Random) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
    let span = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let [byte] = random.bytes::<1>();
    let jittered = span / 2 + span / 2 * u32::from(byte) / 255;
    jittered.max(after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_are_never_shorter_than_asked_for() {
        let random = Random::seeded(1);
        for (attempts, least, most) in [(1, 1, 2), (2, 2, 4), (5, 16, 32), (20, 1800, 3600), (1000, 1800, 3600)] {
            for _ in 0..50 {
                let pause = pause(attempts, None, &random);
                assert!(
                    (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&pause),
                    "{attempts}: {pause:?}"
                );
            }
        }
        let asked = Duration::from_secs(90);
        assert_eq!(pause(1, Some(asked), &random), asked);
        assert!(pause(20, Some(asked), &random) > asked);
    }
}
