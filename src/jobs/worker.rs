//! Who does the jobs that were handed out.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;

use super::model::{HandOut, JobRow, Lane, Outcome};
use crate::{
    dispatch,
    error::{Error, Result},
    graphql::Services,
    random::Random,
    read,
    telemetry::span,
    work,
};

/// The pause before the second try; each further one is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_hours(1);

/// The pause before what became of a job is noted again; each further one is twice as long, up to [`FIRST`].
const SHORTEST: Duration = Duration::from_millis(100);

/// How jobs are done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Jobs of a lane at a time.
    pub at_once: usize,
    /// After how long another worker takes over a job whose worker says nothing any more. A try may take half of it.
    pub lease: Duration,
    /// How often a job is tried.
    pub attempts: i32,
}

/// A job that was begun.
pub struct Begun {
    job: JobRow,
    /// The name under which its lease goes on.
    own: String,
    /// Since when.
    since: Instant,
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

    /// How many jobs of a lane it does at a time.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.options.at_once
    }

    /// Leases jobs of a lane that are due, `most` at most, and gives them with the name under which they are handed out, and
    /// with whether there may be more.
    pub async fn lease(&self, lane: Lane, most: usize) -> Result<(HandOut, bool)> {
        let lease = self.services.random.token();
        let now = self.services.clock.now();
        let most = i64::try_from(most).map_err(Error::internal)?;
        let due = read!(self.services.db, jobs::due(lane, now, most))?;
        if due.is_empty() {
            return Ok((HandOut { ids: due, lease }, false));
        }
        let more = i64::try_from(due.len()).is_ok_and(|found| found == most);
        let span = (now, now + self.lease_time()?);
        let mut cx = self.services.db.write().await?;
        let ids = dispatch!(cx, jobs::lease(due, span, &lease))?;
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

    /// Begins the jobs that were handed out: those of them that are still to be done, and nobody else's.
    pub async fn begin(&self, HandOut { ids, lease: handed }: &HandOut) -> Result<Vec<Begun>> {
        let own = self.services.random.token();
        let until = self.services.clock.now() + self.lease_time()?;
        let since = Instant::now();
        let mut cx = self.services.db.write().await?;
        let begun = dispatch!(cx, jobs::begin(ids, (handed.as_str(), own.as_str()), until))?;
        Ok(begun.into_iter().map(|job| Begun { job, own: own.clone(), since }).collect())
    }

    /// Does the jobs that were handed out, and gives how many of them were still to be done.
    pub async fn work(&self, hand_out: &HandOut) -> Result<usize> {
        let begun = self.begin(hand_out).await?;
        let count = begun.len();
        let tries = begun.into_iter().map(|begun| {
            let worker = self.clone();
            async move { worker.go_on(begun).await }.boxed()
        });
        stream::iter(tries).buffer_unordered(self.options.at_once).for_each(|_| async {}).await;
        Ok(count)
    }

    /// Does all that is due, until nothing is, without an engine: for tests.
    pub async fn work_off(&self) -> Result<usize> {
        let mut all = 0;
        loop {
            let before = all;
            for lane in Lane::ALL {
                let (hand_out, _) = self.lease(*lane, 100).await?;
                all += self.work(&hand_out).await?;
            }
            if all == before {
                return Ok(all);
            }
        }
    }

    /// Goes on with a job that was begun, and notes what became of it. Gives for how long its whole lane is to rest, where it
    /// is.
    pub async fn go_on(&self, begun: Begun) -> Option<Duration> {
        let outcome = self.try_once(&begun.job).await;
        // While its lease goes on it is nobody else's: what is done, but not noted, would be done again.
        let (last, mut pause) = (begun.since + self.options.lease * 3 / 4, SHORTEST);
        while let Err(error) = self.note(&begun, &outcome).await {
            tracing::error!(
                job = begun.job.id,
                code = error.code().as_str(),
                cause = error.report(),
                "what became of a job was not noted"
            );
            if Instant::now() + pause > last {
                break;
            }
            sleep(self.services.random.jittered(pause)).await;
            pause = (pause * 2).min(FIRST);
        }
        outcome.rest()
    }

    async fn try_once(&self, job: &JobRow) -> Outcome {
        if job.attempts > self.options.attempts {
            // Nobody has lived to note what became of the last try: there is no other.
            return Outcome::Dead { cause: "whoever tried it last has ended over it".to_owned() };
        }
        let began = Instant::now();
        // A panic is one job's, and not that of those that were handed out with it.
        let tried =
            AssertUnwindSafe(work::run(&self.services, job).instrument(span::job(job.kind.as_str(), job.attempts)))
                .catch_unwind();
        let outcome = match timeout(self.options.lease / 2, tried).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Again { cause: "it panicked".to_owned(), after: None },
            Err(_) => Outcome::Again { cause: "it took too long".to_owned(), after: None },
        };
        self.services.metrics.took(job.kind, began.elapsed());
        outcome
    }

    async fn note(&self, Begun { job, own, .. }: &Begun, outcome: &Outcome) -> Result<()> {
        let (metrics, random) = (&self.services.metrics, &self.services.random);
        let now = self.services.clock.now();
        let kind = job.kind.as_str();
        match outcome {
            Outcome::Done => {
                let mut cx = self.services.db.write().await?;
                if dispatch!(cx, jobs::finish(job.id, own, now))? {
                    metrics.done(job.kind);
                }
            }
            Outcome::Later { cause, after, .. } => {
                let due_at = now + TimeDelta::from_std(*after + random.jittered(FIRST)).map_err(Error::internal)?;
                let mut cx = self.services.db.write().await?;
                dispatch!(cx, jobs::postpone(job.id, own, (due_at, job.attempts - 1), cause))?;
            }
            Outcome::Again { cause, after } if job.attempts < self.options.attempts => {
                let pause = pause(job.attempts, *after, random);
                let due_at = now + TimeDelta::from_std(pause).map_err(Error::internal)?;
                let mut cx = self.services.db.write().await?;
                if dispatch!(cx, jobs::postpone(job.id, own, (due_at, job.attempts), cause))? {
                    tracing::warn!(
                        job = job.id,
                        kind,
                        cause,
                        pause = pause.as_secs_f64(),
                        "a job is to be tried again"
                    );
                    metrics.failed(job.kind);
                }
            }
            Outcome::Again { cause, .. } | Outcome::Dead { cause } => {
                work::give_up(&self.services, job).await?;
                let mut cx = self.services.db.write().await?;
                if dispatch!(cx, jobs::bury(job.id, own, now, cause))? {
                    tracing::error!(job = job.id, kind, cause, "a job was given up");
                    metrics.failed(job.kind);
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
    random.jittered(span).max(after.unwrap_or_default())
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
