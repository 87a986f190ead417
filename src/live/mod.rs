//! What happens, as it happens: events on their way to whoever listens, on this instance and, by Redis, on all others.
//!
//! An occurrence holds numbers and topics, and nothing that anybody reads: a subscriber who has one of its topics looks what
//! it is about up as themself, by their own scope, as a query would ([`crate::graphql::Beat`]).
//!
//! What Redis hands out it keeps for nobody. An instance that was away from it tells all of its listeners so
//! ([`Heard::Missed`]), and they read what there was from the events themselves. For as long as it hears nothing by Redis, it
//! looks into the database now and then whether anything was told of, and has them read where it was.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time};
use tracing::Instrument;

use crate::{
    db::Db,
    error::{Error, Result},
    ids::Seal,
    random::Random,
    read,
    redis::Server,
    telemetry::span,
};

mod far;
mod interest;

use far::{Far, MISSED};
pub use interest::{Happened, Interest, Latest, Source, Topics};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Occurrence {
    /// The number of the event.
    pub event: i64,
    /// What happened, as its kind is kept; [`NOTIFIED`] where an event has come into inboxes.
    pub kind: String,
    /// The number of the row that it is about.
    pub subject: i64,
    /// Whom it concerns, as [`crate::events::model::Topic::text`] has it.
    pub topics: Vec<String>,
}

/// The kind of an occurrence that says: this event is in the inboxes of these accounts (its topics) now.
pub const NOTIFIED: &str = "NOTIFIED";

/// How often each instance says over Redis that it is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// After how long without anything from Redis it is taken to be gone: a connection can end without a word.
const SILENCE: Duration = Duration::from_secs(50);
/// How long it takes until Redis is asked again, at least.
const PAUSE: Duration = Duration::from_millis(500);

/// Takes occurrences to whoever listens.
#[derive(Clone)]
pub struct Hub {
    local: Arc<Local>,
    far: Option<Far>,
}

/// Who listens here.
#[derive(Default)]
struct Local {
    buffer: usize,
    listeners: Mutex<Listeners>,
    /// Whether what happens elsewhere is heard, by Redis.
    hears: AtomicBool,
}

#[derive(Default)]
struct Listeners {
    next: u64,
    all: HashMap<u64, Ear>,
    /// Those who listen for a topic.
    by_topic: HashMap<String, HashSet<u64>>,
    /// Those who listen for whatever happens.
    of_all: HashSet<u64>,
}

/// A listener, as the hub has it.
struct Ear {
    interest: Interest,
    sender: mpsc::Sender<Heard>,
    lagged: Arc<AtomicBool>,
}

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something happened.
    Occurrence(Arc<Occurrence>),
    /// Something may have happened that was not heard: what there was is to be read.
    Missed,
}

/// A listener was too slow: more happened than waits for anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged;

/// Hears what happens, until it is dropped or too slow.
pub struct Listener {
    id: u64,
    local: Arc<Local>,
    receiver: mpsc::Receiver<Heard>,
    lagged: Arc<AtomicBool>,
}

impl Hub {
    /// A hub of this process, and with `redis` of all instances of the deployment; a listener has `buffer` occurrences waiting
    /// at most.
    #[must_use]
    pub fn new(redis: Option<ConnectionManager>, seal: &Seal, buffer: usize) -> Self {
        let far = redis.map(|redis| Far::new(redis, seal));
        Self { local: Arc::new(Local { buffer, ..Local::default() }), far }
    }

    /// Says what happened: to all instances where there is Redis, to those who listen here otherwise, and while it is away.
    ///
    /// # Errors
    /// Never, unless an occurrence could not be written as JSON.
    pub async fn publish(&self, occurrence: &Occurrence) -> Result<()> {
        if let Some(far) = &self.far {
            let text = serde_json::to_string(occurrence).map_err(Error::internal)?;
            if far.say(&text).instrument(span::redis("PUBLISH")).await.is_ok() {
                return Ok(());
            }
        }
        self.local.hand_out(&Arc::new(occurrence.clone()));
        Ok(())
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self, interest: &Interest) -> Listener {
        let (sender, receiver) = mpsc::channel(self.local.buffer.max(1));
        let lagged = Arc::new(AtomicBool::new(false));
        let ear = Ear { interest: interest.clone(), sender, lagged: Arc::clone(&lagged) };
        let id = self.local.listeners().add(ear);
        Listener { id, local: Arc::clone(&self.local), receiver, lagged }
    }

    /// Hands out what comes over the Redis at `server`, for ever, and looks into the database `every` so often while nothing does.
    pub async fn run(&self, server: Option<&Server>, db: &Db, random: &Random, every: Duration) {
        let hear = async {
            let (Some(far), Some(server)) = (&self.far, server) else { return };
            let mut told = false;
            loop {
                let Err(error) = self.hear(server, far, &mut told).await;
                self.local.hears.store(false, Ordering::Relaxed);
                // Once: it is asked again and again.
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(
                        code = error.code().as_str(),
                        cause = error.report(),
                        "live: Redis is not heard, the database is looked at instead"
                    );
                }
                // Not all instances at once.
                time::sleep(PAUSE + random.part_of(PAUSE * 2)).await;
            }
        };
        tokio::join!(hear, self.look(db, every));
    }

    /// Looks whether anything was told of, for as long as that is not heard.
    async fn look(&self, db: &Db, every: Duration) {
        let mut looks = time::interval(every);
        looks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut before = None;
        loop {
            looks.tick().await;
            if self.local.hears.load(Ordering::Relaxed) || self.local.listeners().all.is_empty() {
                before = None;
                continue;
            }
            match latest(db).await {
                Ok(now) if before == Some(now) => {}
                Ok(now) => {
                    before = Some(now);
                    self.local.miss();
                }
                Err(error) => tracing::debug!(cause = error.report(), "live: nobody knows whether anything happened"),
            }
        }
    }

    /// Hands out what comes over Redis, for as long as it comes.
    async fn hear(&self, server: &Server, far: &Far, told: &mut bool) -> Result<Infallible> {
        let mut messages = server.hear(far.channel()).await?;
        self.local.hears.store(true, Ordering::Relaxed);
        if std::mem::replace(told, false) {
            tracing::info!("live: Redis is heard again");
        }
        // What was said until here nobody has heard, nor what this process, or one before it, could not say.
        self.local.miss();
        far.owe();
        let mut alive = time::interval(SIGN_OF_LIFE);
        let mut heard = time::Instant::now();
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message else { return Err(Error::unavailable("Redis hung up")) };
                    heard = time::Instant::now();
                    let text: String = message.get_payload()?;
                    // An empty one is a sign of life.
                    if let Ok(occurrence) = serde_json::from_str(&text) {
                        self.local.hand_out(&Arc::new(occurrence));
                    } else if text == MISSED {
                        self.local.miss();
                    }
                }
                _ = alive.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Err(Error::unavailable("Redis is silent"));
                    }
                    far.live().await?;
                }
            }
        }
    }
}

/// What there is by now that was told of.
async fn latest(db: &Db) -> Result<Latest> {
    read!(db, live::latest())
}

impl Local {
    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_out(&self, occurrence: &Arc<Occurrence>) {
        let mut listeners = self.listeners();
        let of_topic = occurrence.topics.iter().filter_map(|topic| listeners.by_topic.get(topic)).flatten();
        let ids: BTreeSet<u64> = of_topic.chain(&listeners.of_all).copied().collect();
        for id in ids {
            if listeners.all.get(&id).is_some_and(|ear| ear.interest.source.has(&occurrence.kind)) {
                listeners.tell(id, Heard::Occurrence(Arc::clone(occurrence)));
            }
        }
    }

    fn miss(&self) {
        let mut listeners = self.listeners();
        let ids: Vec<u64> = listeners.all.keys().copied().collect();
        for id in ids {
            listeners.tell(id, Heard::Missed);
        }
    }
}

impl Listeners {
    fn add(&mut self, ear: Ear) -> u64 {
        let id = self.next;
        self.next += 1;
        self.enter(id, &ear.interest);
        self.all.insert(id, ear);
        id
    }

    fn enter(&mut self, id: u64, interest: &Interest) {
        match &interest.topics {
            Topics::All => drop(self.of_all.insert(id)),
            Topics::Of(topics) => {
                for topic in topics {
                    self.by_topic.entry(topic.clone()).or_default().insert(id);
                }
            }
        }
    }

    fn strike(&mut self, id: u64, interest: &Interest) {
        self.of_all.remove(&id);
        let Topics::Of(topics) = &interest.topics else { return };
        for topic in topics {
            if let Some(those) = self.by_topic.get_mut(topic) {
                those.remove(&id);
                if those.is_empty() {
                    self.by_topic.remove(topic);
                }
            }
        }
    }

    fn remove(&mut self, id: u64) {
        if let Some(ear) = self.all.remove(&id) {
            self.strike(id, &ear.interest);
        }
    }

    /// Whoever is too slow to take it hears nothing more, and then that they were.
    fn tell(&mut self, id: u64, heard: Heard) {
        let Some(ear) = self.all.get(&id) else { return };
        if ear.sender.try_send(heard).is_err() {
            ear.lagged.store(true, Ordering::Relaxed);
            self.remove(id);
        }
    }
}

impl Listener {
    /// What is heard next; `None` once there is nothing to be heard any more.
    ///
    /// # Errors
    /// When more happened than waits for a listener.
    pub async fn next(&mut self) -> Option<Result<Heard, Lagged>> {
        match self.receiver.recv().await {
            Some(heard) => Some(Ok(heard)),
            None => self.lagged.swap(false, Ordering::Relaxed).then_some(Err(Lagged)),
        }
    }

    /// Listens for something else from now on.
    pub fn turn_to(&self, interest: &Interest) {
        let mut listeners = self.local.listeners();
        let Some(ear) = listeners.all.get_mut(&self.id) else { return };
        let before = std::mem::replace(&mut ear.interest, interest.clone());
        listeners.strike(self.id, &before);
        listeners.enter(self.id, interest);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.local.listeners().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::model::{EventKind, Topic};

    fn hub(buffer: usize) -> Hub {
        Hub::new(None, &Seal::new("secret"), buffer)
    }

    fn interest(topics: &[Topic]) -> Interest {
        let source = Source::Events(&[EventKind::NoticePublished]);
        Interest { source, topics: Topics::of(topics.iter().copied()) }
    }

    fn occurrence(event: i64, kind: EventKind, topics: &[Topic]) -> Occurrence {
        let topics = topics.iter().map(|topic| topic.text()).collect();
        Occurrence { event, kind: kind.as_str().to_owned(), subject: 1, topics }
    }

    /// The number of what is heard next, without waiting for it.
    async fn number(listener: &mut Listener) -> Option<Result<i64, Lagged>> {
        let heard = time::timeout(Duration::ZERO, listener.next()).await.ok()??;
        Some(heard.map(|heard| match heard {
            Heard::Occurrence(occurrence) => occurrence.event,
            Heard::Missed => -1,
        }))
    }

    #[tokio::test]
    async fn each_hears_of_their_own_topics_and_kinds_once() {
        let hub = hub(8);
        let (one, two) = (Topic::Student(1), Topic::Parent(1));
        let mut both = hub.listen(&interest(&[one, two]));
        let mut other = hub.listen(&interest(&[Topic::Student(2)]));
        let mut all = hub.listen(&Interest { topics: Topics::All, ..interest(&[]) });
        hub.publish(&occurrence(1, EventKind::NoticePublished, &[one, two])).await.unwrap();
        hub.publish(&occurrence(2, EventKind::LeaveDecided, &[one, two])).await.unwrap();
        assert_eq!((number(&mut both).await, number(&mut both).await), (Some(Ok(1)), None));
        assert_eq!(number(&mut other).await, None);
        assert_eq!((number(&mut all).await, number(&mut all).await), (Some(Ok(1)), None));
        other.turn_to(&interest(&[one]));
        hub.publish(&occurrence(3, EventKind::NoticePublished, &[one])).await.unwrap();
        hub.publish(&occurrence(4, EventKind::NoticePublished, &[Topic::Student(2)])).await.unwrap();
        assert_eq!((number(&mut other).await, number(&mut other).await), (Some(Ok(3)), None));
    }

    #[tokio::test]
    async fn who_is_too_slow_hears_what_waited_and_then_that_they_were() {
        let hub = hub(2);
        let (mut slow, mut quick) =
            (hub.listen(&interest(&[Topic::Everybody])), hub.listen(&interest(&[Topic::Everybody])));
        for event in 1..=3 {
            hub.publish(&occurrence(event, EventKind::NoticePublished, &[Topic::Everybody])).await.unwrap();
            assert_eq!(number(&mut quick).await, Some(Ok(event)));
        }
        assert_eq!((number(&mut slow).await, number(&mut slow).await), (Some(Ok(1)), Some(Ok(2))));
        assert_eq!((number(&mut slow).await, number(&mut slow).await), (Some(Err(Lagged)), None));
    }

    #[tokio::test]
    async fn nobody_is_kept_who_listens_no_more() {
        let hub = hub(2);
        let listener = hub.listen(&interest(&[Topic::Everybody]));
        drop(listener);
        let listeners = hub.local.listeners();
        assert!(listeners.all.is_empty() && listeners.by_topic.is_empty());
    }

    #[tokio::test]
    async fn all_are_told_that_something_may_have_been_missed() {
        let hub = hub(2);
        let mut listener = hub.listen(&interest(&[Topic::Student(1)]));
        hub.local.miss();
        assert_eq!(number(&mut listener).await, Some(Ok(-1)));
    }
}
