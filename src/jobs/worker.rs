//! Who does the jobs that were handed out.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};

use super::model::{JobRow, Outcome};
use crate::{
    dispatch,
    error::{Error, Result},
    graphql::Services,
    random::Random,
    work,
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

    /// Leases jobs that are due, `most` at most and only urgent ones where `urgent` says so, and gives them with the name
    /// under which they are handed out.
    pub async fn lease(&self, urgent: bool, most: usize) -> Result<(Vec<i64>, String)> {
        let lease = self.services.random.token();
        let now = self.services.clock.now();
        let span = (now, now + self.lease_time()?);
        let most = i64::try_from(most).map_err(Error::internal)?;
        let mut cx = self.services.db.write().await?;
        let ids = dispatch!(cx, jobs::lease(span, urgent, &lease, most))?;
        Ok((ids, lease))
    }

    /// Does the jobs that were handed out under the name `handed`, and gives how many of them were still to be done.
    pub async fn work(&self, ids: &[i64], handed: &str) -> Result<usize> {
        let own = self.services.random.token();
        let begun = {
            let until = self.services.clock.now() + self.lease_time()?;
            let mut cx = self.services.db.write().await?;
            dispatch!(cx, jobs::begin(ids, (handed, &own), until))?
        };
        let count = begun.len();
        let own = own.as_str();
        let done = stream::iter(begun).map(|job| async move { self.try_once(&job, own).await });
        // What could not be noted is done again, when its lease has run out.
        let failed = done.buffer_unordered(self.options.at_once).filter_map(async |noted| noted.err());
        failed
            .for_each(async |error| tracing::error!(cause = error.report(), "what became of a job was not noted"))
            .await;
        Ok(count)
    }

    /// Does all that is due, until nothing is, without an engine: for tests.
    pub async fn work_off(&self) -> Result<usize> {
        let mut all = 0;
        loop {
            let (ids, handed) = self.lease(false, 100).await?;
            if ids.is_empty() {
                return Ok(all);
            }
            all += self.work(&ids, &handed).await?;
        }
    }

    async fn try_once(&self, job: &JobRow, own: &str) -> Result<()> {
        let outcome = match tokio::time::timeout(self.options.lease / 2, work::run(&self.services, job)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Again { cause: "it took too long".to_owned(), after: None },
        };
        let now = self.services.clock.now();
        let kind = job.kind.as_str();
        let mut cx = self.services.db.write().await?;
        match outcome {
            Outcome::Done => {
                dispatch!(cx, jobs::finish(job.id, own, now))?;
            }
            Outcome::Again { cause, after } if job.attempts < self.options.attempts => {
                let pause = pause(job.attempts, after, &self.services.random);
                tracing::warn!(job = job.id, kind, cause, pause = pause.as_secs_f64(), "a job is to be tried again");
                let due_at = now + TimeDelta::from_std(pause).map_err(Error::internal)?;
                dispatch!(cx, jobs::postpone(job.id, own, due_at, &cause))?;
            }
            Outcome::Again { cause, .. } | Outcome::Dead { cause } => {
                tracing::error!(job = job.id, kind, cause, "a job was given up");
                dispatch!(cx, jobs::bury(job.id, own, now, &cause))?;
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
