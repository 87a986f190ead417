//! The relay: takes what is due from the table of jobs to the engine's workers, never more than they are about to do.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join_all};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    engine::{Engine, Room},
    model::{HandOut, Lane},
    schedule,
    wake::Wake,
    worker::{Options, Worker},
};
use crate::{error::Result, graphql::Services, metrics::oldest_of, read, redis::Server};

/// How long to wait for what nobody told of: jobs whose time comes, and those whose worker died.
const LOOK: Duration = Duration::from_secs(1);
/// How often to see to what comes again and again, and to how the queue stands.
const EVERY: Duration = Duration::from_mins(1);
/// How often to tidy up in Redis.
const TIDY: Duration = Duration::from_secs(10);
/// For how long something may be due before the log says so, in seconds.
const LATE: i64 = 300;
/// How long what is being worked on may go on when the process is told to stop.
const LAST_JOBS: Duration = Duration::from_secs(20);
/// The pause before the channel of Redis by which workers are woken is listened to again.
const AGAIN: Duration = Duration::from_secs(2);

/// Does the queue's work in this process.
pub struct Relay {
    services: Arc<Services>,
    worker: Worker,
    lanes: Vec<Engine>,
    stop: CancellationToken,
    taken: Arc<Notify>,
    tasks: TaskTracker,
    redis: Option<Server>,
}

impl Relay {
    /// A relay with workers that do jobs so, until it is told to `stop`; `redis` is where the other instances are.
    #[must_use]
    pub fn new(services: &Arc<Services>, options: Options, redis: Option<Server>, stop: CancellationToken) -> Self {
        let (taken, tasks) = (Arc::new(Notify::new()), TaskTracker::new());
        let worker = Worker::new(Arc::clone(services), options);
        // What is pushed by one version is read by that version alone.
        let queue = format!("{}:jobs:2", services.seal.namespace());
        let engine = |lane: &Lane| {
            let redis = services.redis.clone().map(|redis| (redis, queue.as_str()));
            let worker = (worker.clone(), services.random.clone());
            Engine::new(*lane, redis, worker, (Arc::clone(&taken), tasks.clone()), stop.clone())
        };
        let lanes = Lane::ALL.iter().map(engine).collect();
        Self { services: Arc::clone(services), worker, lanes, stop, taken, tasks, redis }
    }

    /// Works until it is told to stop; then what is being worked on is finished, for so long at most, and what has not been
    /// begun is given back.
    pub async fn run(&self) {
        let upkeep = async { tokio::join!(self.hear(), self.see_to(), self.tidy()) };
        let work = async {
            tokio::join!(self.feed(), join_all(self.lanes.iter().map(Engine::run)));
            self.tasks.close();
            self.tasks.wait().await;
        };
        let too_long = async {
            self.stop.cancelled().await;
            sleep(LAST_JOBS).await;
        };
        tokio::select! {
            () = work => {}
            _ = upkeep => {}
            () = too_long => tracing::warn!("jobs are under way still: others do them again"),
        }
    }

    /// Hands out what is due, as it becomes due and as there is room.
    async fn feed(&self) {
        let mut out: Vec<Vec<HandOut>> = self.lanes.iter().map(|_| Vec::new()).collect();
        while !self.stop.is_cancelled() {
            let mut more = false;
            for (engine, out) in self.lanes.iter().zip(&mut out) {
                match self.hand_out(engine, out).await {
                    Ok(others) => more |= others,
                    Err(error) => tracing::error!(
                        code = error.code().as_str(),
                        cause = error.report(),
                        "what is due was not handed out: again soon"
                    ),
                }
            }
            tokio::select! {
                () = self.services.wake.woken() => {}
                () = self.taken.notified(), if more => {}
                () = sleep(LOOK) => {}
                () = self.stop.cancelled() => {}
            }
        }
        for out in out {
            if let Err(error) = self.worker.give_back(&out).await {
                tracing::warn!(cause = error.report(), "jobs were not given back: they are free when their lease ends");
            }
        }
    }

    /// Hands out as much as there is room for; whether there may be more.
    async fn hand_out(&self, engine: &Engine, out: &mut Vec<HandOut>) -> Result<bool> {
        if engine.rests() {
            return Ok(false);
        }
        self.worker.keep_out(out).await?;
        let Room { together, most, .. } = engine.room;
        let left = most.saturating_sub(out.iter().map(|hand_out| hand_out.ids.len()).sum());
        // Many at once take no more statements than one, and who works has enough to go on with.
        if left < most / 2 {
            return Ok(true);
        }
        let (leased, more) = self.worker.lease(engine.lane, left).await?;
        let part = |ids: &[i64]| HandOut { ids: ids.to_vec(), lease: leased.lease.clone() };
        let parts: Vec<HandOut> = leased.ids.chunks(together).map(part).collect();
        if parts.is_empty() {
            return Ok(more);
        }
        if let Err(error) = engine.push(parts.clone()).await {
            self.worker.give_back(&parts).await?;
            return Err(error);
        }
        out.extend(parts);
        Ok(more)
    }

    /// Sees to schedules, and says where the queue is late.
    async fn see_to(&self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = schedule::look(&self.services).await {
                tracing::error!(
                    code = error.code().as_str(),
                    cause = error.report(),
                    "what is scheduled was not looked at: again in a minute"
                );
            }
            if let Err(error) = self.warn_where_late().await {
                tracing::error!(
                    code = error.code().as_str(),
                    cause = error.report(),
                    "how the queue stands is not known"
                );
            }
        }
    }

    async fn warn_where_late(&self) -> Result<()> {
        let now = self.services.clock.now();
        let figures = read!(self.services.db, jobs::figures(now))?;
        let (seconds, due) = (oldest_of(figures.iter(), now), figures.iter().map(|figure| figure.due).sum::<i64>());
        if seconds > LATE {
            tracing::warn!(seconds, due, "the queue is late: the first of what is due has waited for so long");
        }
        Ok(())
    }

    async fn tidy(&self) {
        let mut ticks = interval(TIDY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for engine in &self.lanes {
                engine.tidy().await;
            }
        }
    }

    /// Hears from other instances that there is something to do.
    async fn hear(&self) {
        let Some(server) = &self.redis else { return std::future::pending().await };
        loop {
            if let Err(error) = self.listen(server).await {
                tracing::debug!(cause = error.report(), "other instances are not heard: this one looks by itself");
            }
            sleep(AGAIN).await;
        }
    }

    async fn listen(&self, server: &Server) -> Result<()> {
        let mut told = server.hear(&Wake::channel(&self.services.seal)).await?;
        // Something may have been told before.
        self.services.wake.wake_here();
        while told.next().await.is_some() {
            self.services.wake.wake_here();
        }
        Ok(())
    }
}
