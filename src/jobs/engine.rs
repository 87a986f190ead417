//! The job engine, apalis: it carries hand-outs to workers, so many at a time.
//!
//! In process it is a channel; with Redis it is a queue there, which the workers of every instance take from. It holds
//! nothing that the table of jobs has not: what it loses is handed out again when its lease has run out, and what it brings
//! twice is begun once. So its own retries, results and locks are not used. While Redis is away, a process does what it has
//! handed out itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use apalis::prelude::{
    BackendExt, BoxDynError, MemorySink, MemoryStorage, MemoryStorageError, Task, TaskBuilder, TaskSink, WorkerBuilder,
    WorkerBuilderExt, WorkerContext, WorkerError,
};
use apalis_core::backend::Vacuum;
use apalis_redis::{Config, RedisStorage};
use futures_util::{SinkExt, future::BoxFuture, sink, stream};
use redis::{AsyncCommands, aio::ConnectionManager};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    model::{HandOut, Lane},
    worker::{Begun, Worker},
};
use crate::{
    error::{Error, Result},
    random::Random,
    redis::{Away, PATIENCE},
};

/// How often a worker asks Redis for what other instances have pushed.
const LOOK: Duration = Duration::from_millis(500);
/// How often a worker says to Redis that it lives; six times as long without, and what it had is another's.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The shortest pause before a worker that has ended is made anew; the longest is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest that a lane rests: a server that asks for more may have mended before.
const LONGEST_REST: Duration = Duration::from_mins(15);

/// How much goes by a lane.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Jobs in a hand-out, at most.
    pub together: usize,
    /// Jobs that are worked on at a time in this process.
    pub at_once: usize,
    /// Jobs that are handed out by this process and not begun, at most.
    pub most: usize,
}

impl Room {
    /// The room of a lane in a process that does so many jobs at once. Codes go one by one, what there is much of a few
    /// together, which takes fewer statements; of what takes long there is little at a time, for it takes from what is served.
    #[must_use]
    pub fn of(lane: Lane, at_once: usize) -> Self {
        let (together, at_once) = match lane {
            Lane::Codes => (1, at_once),
            Lane::Events => (1, (at_once / 2).max(1)),
            Lane::Push | Lane::Mail | Lane::Text => ((at_once / 4).clamp(1, 16), at_once),
            Lane::Upkeep => (1, (at_once / 8).max(1)),
        };
        Self { together, at_once, most: at_once * 4 }
    }
}

/// The engine of one lane.
pub struct Engine {
    /// Which.
    pub lane: Lane,
    /// How much goes by it.
    pub room: Room,
    line: Line,
    random: Random,
    hands: Hands,
}

/// Who works on what a lane brings.
#[derive(Clone)]
struct Hands {
    lane: Lane,
    worker: Worker,
    /// A place for each job that is worked on at a time. It is free again when that one is done, whatever was handed out with
    /// it.
    places: Arc<Semaphore>,
    /// How many there are.
    most: usize,
    /// Until when the lane rests.
    rests: Arc<Mutex<Option<Instant>>>,
    /// Told whenever there may be room for others.
    taken: Arc<Notify>,
    /// What is being worked on, whatever became of the worker of apalis that took it.
    tasks: TaskTracker,
    /// Told when nothing more is to be begun.
    stop: CancellationToken,
}

/// Where hand-outs wait for a worker.
#[expect(clippy::large_enum_variant, reason = "there are few of them in a process")]
enum Line {
    Here {
        to: mpsc::Sender<HandOut>,
        from: Arc<Mutex<mpsc::Receiver<HandOut>>>,
    },
    Redis {
        storage: RedisStorage<HandOut>,
        redis: ConnectionManager,
        away: Away,
        /// Told when something is pushed here, so that nobody waits for the next look.
        pushed: mpsc::Sender<()>,
        look: Arc<Mutex<mpsc::Receiver<()>>>,
    },
}

/// A worker of apalis on a storage, until it ends or is told to. Its two storages have types that no function could name in a
/// line, and nothing else is different.
macro_rules! tend {
    ($engine:expr, $name:expr, $storage:expr, $stop:expr) => {{
        let (engine, stop): (&Engine, &CancellationToken) = ($engine, $stop);
        let context = WorkerContext::new($name);
        let hands = engine.hands.clone();
        let run = WorkerBuilder::new(context.clone())
            .backend($storage)
            .concurrency(engine.room.at_once)
            .build(move |hand_out: HandOut| {
                let hands = hands.clone();
                async move {
                    hands.take(hand_out).await;
                    Ok::<(), BoxDynError>(())
                }
            })
            .run();
        // As a type that can be named: what holds it is spawned, and the compiler gets lost in it otherwise.
        let mut run: BoxFuture<'static, std::result::Result<(), WorkerError>> = Box::pin(run);
        let ended = tokio::select! {
            biased;
            ended = &mut run => ended,
            () = stop.cancelled() => {
                // One that has not begun has nothing to finish.
                let _ = context.stop();
                run.await
            }
        };
        ended.map_err(|error| error.to_string())
    }};
}

impl Engine {
    /// The engine of a lane: under `queue` in Redis where there is Redis, in process otherwise.
    #[must_use]
    pub fn new(
        lane: Lane,
        redis: Option<(ConnectionManager, &str)>,
        (worker, random): (Worker, Random),
        (taken, tasks): (Arc<Notify>, TaskTracker),
        stop: CancellationToken,
    ) -> Self {
        let room = Room::of(lane, worker.at_once());
        let way = match redis {
            None => {
                let (to, from) = mpsc::channel(room.most);
                Line::Here { to, from: Arc::new(Mutex::new(from)) }
            }
            Some((redis, queue)) => {
                let config = Config::default()
                    .queue(format!("{queue}:{}", lane.as_str().to_lowercase()))
                    // What waits in a worker could be done by another; and one that holds some says nothing of itself.
                    .batch_size(1)
                    .heartbeat_interval(HEARTBEAT)
                    .missed_heartbeats(6)
                    .lock_tasks(false)
                    .emit_events(false)
                    // By its result a hand-out is known to have been worked on: it is null.
                    .persist_results(true);
                let (pushed, look) = mpsc::channel(1);
                let storage = RedisStorage::new(redis.clone()).with_config(config);
                Line::Redis { storage, redis, away: Away::default(), pushed, look: Arc::new(Mutex::new(look)) }
            }
        };
        let (places, rests) = (Arc::new(Semaphore::new(room.at_once)), Arc::default());
        let hands = Hands { lane, worker, places, most: room.at_once, rests, taken, tasks, stop };
        Self { lane, room, line: way, random, hands }
    }

    /// Whether nothing is to go by the lane now.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.hands.rests()
    }

    /// Hands jobs to the workers.
    ///
    /// # Errors
    /// When the workers of this process have ended.
    pub async fn push(&self, hand_outs: Vec<HandOut>) -> Result<()> {
        match &self.line {
            Line::Here { to, .. } => {
                for hand_out in hand_outs {
                    to.send(hand_out)
                        .await
                        .map_err(|_| Error::unavailable("the workers of this process have ended"))?;
                }
            }
            Line::Redis { storage, away, pushed, .. } => {
                if !away.is() {
                    let mut storage = storage.clone();
                    let cause = match timeout(PATIENCE, storage.push_bulk(hand_outs.clone())).await {
                        Ok(Ok(())) => {
                            // Where one is told already, that is enough.
                            let _ = pushed.try_send(());
                            return Ok(());
                        }
                        Ok(Err(error)) => error.to_string(),
                        Err(_) => "it took too long".to_owned(),
                    };
                    away.note();
                    let lane = self.lane.as_str();
                    tracing::warn!(lane, cause, "Redis takes no jobs: this process does what it has handed out");
                }
                // Some of them may have arrived there all the same: each is begun once.
                for hand_out in hand_outs {
                    self.hands.tasks.spawn(self.hands.clone().take(hand_out));
                }
            }
        }
        Ok(())
    }

    /// Has workers work, and makes another where one has ended, until it is time to stop: then what is being worked on is
    /// finished.
    pub async fn run(&self) {
        let stop = &self.hands.stop;
        while !stop.is_cancelled() {
            let name = self.random.token();
            if let Err(cause) = self.live(&name, stop).await {
                tracing::warn!(lane = self.lane.as_str(), cause, "a worker has ended, and is made anew");
            }
            self.forget(&name).await;
            tokio::select! {
                () = sleep(PAUSE + self.random.part_of(PAUSE)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn live(&self, name: &str, stop: &CancellationToken) -> Result<(), String> {
        match &self.line {
            Line::Here { from, .. } => {
                let from = Arc::clone(from);
                let waiting = stream::poll_fn(move |cx| {
                    let mut from = from.lock().unwrap_or_else(PoisonError::into_inner);
                    from.poll_recv(cx).map(|next| next.map(|hand_out| TaskBuilder::new(hand_out).build()))
                });
                // Nothing is put in by this end.
                let none = sink::drain::<Task<HandOut>>().sink_map_err(|never| MemoryStorageError::Other(never.into()));
                let none = MemorySink::new(Arc::new(futures_util::lock::Mutex::new(Box::new(none))));
                tend!(self, name, MemoryStorage::new_with(none, Box::pin(waiting)), stop)
            }
            Line::Redis { storage, look, .. } => {
                let (look, mut ticks) = (Arc::clone(look), interval(LOOK));
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                // It is never ready: what is read of it wakes the worker, which looks at Redis then.
                let looks = stream::poll_fn(move |cx| {
                    while ticks.poll_tick(cx).is_ready() {}
                    let mut look = look.lock().unwrap_or_else(PoisonError::into_inner);
                    while let Poll::Ready(Some(())) = look.poll_recv(cx) {}
                    Poll::<Option<()>>::Pending
                });
                tend!(self, name, storage.clone().poll_with_stream(looks), stop)
            }
        }
    }

    /// Removes what apalis keeps in Redis of what was done, which it never does by itself.
    pub async fn tidy(&self) {
        let Line::Redis { storage, redis, .. } = &self.line else { return };
        let (mut storage, mut redis) = (storage.clone(), redis.clone());
        let config = storage.get_config();
        let (done, dead) = (config.done_jobs_set(), config.dead_jobs_set());
        if let Err(error) = storage.vacuum().await {
            tracing::debug!(cause = %error, "what was done was not removed from Redis: next time");
            return;
        }
        let removed: redis::RedisResult<()> = redis.del(&[done, dead]).await;
        if let Err(error) = removed {
            tracing::debug!(cause = error.category(), "what was done was not removed from Redis: next time");
        }
    }

    /// Removes what apalis keeps in Redis of a worker that has ended.
    async fn forget(&self, name: &str) {
        let Line::Redis { storage, redis, .. } = &self.line else { return };
        let about = format!("{}:workers:metadata:{name}", storage.get_config().queue.as_ref());
        // Where Redis is gone there is nothing to remove.
        let _: redis::RedisResult<()> = redis.clone().del(about).await;
    }
}

impl Hands {
    /// Takes a hand-out when there is a place for its jobs, and begins them, each in a task of its own: neither does one end
    /// with the worker of apalis that took it, nor that one with it. They are not waited for: the table knows what is under way.
    async fn take(self, hand_out: HandOut) {
        if self.rests() {
            if let Err(error) = self.worker.give_back(&[hand_out]).await {
                tracing::warn!(cause = error.report(), "jobs were not given back: they are free when their lease ends");
            }
            self.taken.notify_one();
            return;
        }
        // Another instance may hand out more together than there are places here.
        let jobs = hand_out.ids.len().min(self.most);
        let Ok(jobs) = u32::try_from(jobs) else { return };
        let places = tokio::select! {
            places = Arc::clone(&self.places).acquire_many_owned(jobs) => places,
            // What is not begun is given back.
            () = self.stop.cancelled() => return,
        };
        let Ok(places) = places else { return };
        let begins = self.tasks.clone().spawn(self.begin(hand_out, places));
        if let Err(error) = begins.await {
            tracing::error!(cause = %error, "jobs were not begun");
        }
    }

    async fn begin(self, hand_out: HandOut, mut places: OwnedSemaphorePermit) {
        let begun = self.worker.begin(&hand_out).await;
        self.taken.notify_one();
        match begun {
            Ok(begun) => {
                for begun in begun {
                    self.tasks.spawn(self.clone().go_on(begun, places.split(1)));
                }
            }
            // They are handed out again when their lease has run out.
            Err(error) => tracing::error!(code = error.code().as_str(), cause = error.report(), "jobs were not begun"),
        }
    }

    async fn go_on(self, begun: Begun, place: Option<OwnedSemaphorePermit>) {
        if let Some(rest) = self.worker.go_on(begun).await {
            self.rest(rest.min(LONGEST_REST));
        }
        drop(place);
    }

    /// Has nothing more go by the lane for so long. Codes go by mail and as text messages: neither has the other wait.
    fn rest(&self, rest: Duration) {
        if self.lane == Lane::Codes {
            return;
        }
        let until = Instant::now() + rest;
        let mut rests = self.rests.lock().unwrap_or_else(PoisonError::into_inner);
        if rests.is_none_or(|before| before < until) {
            *rests = Some(until);
            tracing::warn!(
                lane = self.lane.as_str(),
                seconds = rest.as_secs_f64(),
                "nothing goes this way for a while"
            );
        }
    }

    fn rests(&self) -> bool {
        let rests = self.rests.lock().unwrap_or_else(PoisonError::into_inner);
        rests.is_some_and(|until| Instant::now() < until)
    }
}
