//! Replicas of a PostgreSQL: which of them may be read from.
//!
//! What a replica has not got yet nobody may miss for long. So a process asks the primary every now and then how far its
//! write-ahead log is, and notes when it asked; and it asks each replica how far it has come. A replica that has come as far as
//! the primary had been at some moment shows all that was committed before that moment, and is read from only for as long as
//! that moment is no longer ago than the bound. Nothing has to be written for that, no clock but this process's own is looked
//! at, and a primary that has nothing to write makes nobody late. One whose answers do not come ages by itself.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use diesel::{
    QueryableByName, define_sql_function,
    pg::data_types::PgLsn,
    select, sql_query,
    sql_types::{self, Text},
};
use diesel_async::RunQueryDsl;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{Notify, futures::Notified},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    Db, PoolOptions, Pools,
    pg::{Cx, held::Held, pool::Pool},
};
use crate::error::{Error, Result};

define_sql_function! {
    /// How much of its log a primary has written to its disk: what replicas can have.
    fn pg_current_wal_flush_lsn() -> sql_types::PgLsn;
}
define_sql_function! {
    /// Where a primary writes next: behind everything that was committed.
    fn pg_current_wal_insert_lsn() -> sql_types::PgLsn;
}
define_sql_function! {
    /// How far a replica has come; null where it never was one.
    fn pg_last_wal_replay_lsn() -> Nullable<sql_types::PgLsn>;
}
define_sql_function! {
    /// Whether a server is a replica.
    fn pg_is_in_recovery() -> Bool;
}

/// How long a server may take to say how far it is, and to be connected to for that.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it takes until a server that did not is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a server is asked within the bound: a replica is seldom further than the primary was at the question before, so
/// less often than three times is too late.
const QUESTIONS: u32 = 4;
/// How often it is asked where the bound is wide.
const SELDOM: Duration = Duration::from_millis(250);

/// A place in the primary's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

impl Position {
    /// Before everything.
    pub const START: Self = Self(0);
    /// Where it is not known: no replica has come so far.
    pub const UNKNOWN: Self = Self(u64::MAX);
}

/// The replicas of a primary.
pub struct Replicas {
    primary: Pool,
    all: Vec<Arc<Replica>>,
    bound: Duration,
    primary_was: Mutex<History>,
    /// Whose turn it is.
    next: AtomicUsize,
}

/// One of them.
pub struct Replica {
    number: u64,
    pool: Pool,
    bound: Duration,
    seen: Mutex<Option<Seen>>,
    lost: Notify,
}

/// How a replica was last seen.
#[derive(Clone, Copy)]
struct Seen {
    /// Everything is there that was committed before.
    as_of: Instant,
    replayed: Position,
}

/// How a replica stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Its number among those that are configured, from 1.
    pub number: u64,
    /// Whether it is read from.
    pub in_use: bool,
    /// How late it is at most; none where that is not known.
    pub lag: Option<Duration>,
}

/// Whose data a server has.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
struct Identity {
    #[diesel(sql_type = Text)]
    cluster: String,
    #[diesel(sql_type = Text)]
    database: String,
}

impl Identity {
    async fn of(cx: &mut Cx) -> Result<Self> {
        let query =
            "SELECT system_identifier::text AS cluster, current_database()::text AS database FROM pg_control_system()";
        patiently(sql_query(query).get_result(cx)).await
    }
}

/// Where the primary was, and when it was asked.
#[derive(Default)]
struct History {
    of: Option<Identity>,
    places: VecDeque<(Instant, Position)>,
}

impl History {
    /// Notes where the primary was; what is older than the bound is of use to nobody.
    fn note(&mut self, asked: Instant, at: Position, bound: Duration) {
        self.places.push_back((asked, at));
        while self.places.front().is_some_and(|(asked, _)| asked.elapsed() > bound) {
            self.places.pop_front();
        }
    }

    /// Whether the primary was not yet here at some moment after `since`: then it has another history.
    fn lacks(&self, place: Position, since: Instant) -> bool {
        self.places.iter().any(|(asked, at)| *asked > since && *at < place)
    }

    /// The last moment at which the primary was no further than this.
    fn as_of(&self, replayed: Position) -> Option<Instant> {
        self.places.iter().rev().find(|(_, at)| *at <= replayed).map(|(asked, _)| *asked)
    }
}

impl Db {
    /// The same database with replicas, by their URLs, that may be read from while they are no later than `bound`. None of them
    /// is connected to yet: one that is away keeps nobody from anything.
    ///
    /// # Errors
    /// Where it is no PostgreSQL, or what is wrong with a URL.
    pub fn with_replicas(mut self, urls: &[SecretString], bound: Duration, options: PoolOptions) -> Result<Self> {
        if urls.is_empty() {
            return Ok(self);
        }
        let Pools::Pg(primary) = &self.pools else { return Err(Error::internal("only PostgreSQL has replicas")) };
        let replica = |(number, url): (u64, &SecretString)| {
            let pool = Pool::later(url.expose_secret(), options, &self.statements)?;
            Ok(Arc::new(Replica { number, pool, bound, seen: Mutex::default(), lost: Notify::new() }))
        };
        let all = (1..).zip(urls).map(replica).collect::<Result<_>>()?;
        let (primary, next) = (primary.clone(), AtomicUsize::new(0));
        self.replicas = Some(Arc::new(Replicas { primary, all, bound, primary_was: Mutex::default(), next }));
        Ok(self)
    }

    /// The replicas, where there are any.
    #[must_use]
    pub fn replicas(&self) -> Option<&Arc<Replicas>> {
        self.replicas.as_ref()
    }

    /// The same database, read from a replica; what is written goes where it always does.
    #[must_use]
    pub fn read_from(&self, replica: &Arc<Replica>) -> Self {
        Self { reads: Some(Arc::clone(replica)), ..self.clone() }
    }
}

impl Replicas {
    /// A replica that has all up to a place in the log, and all that is older than the bound: each in turn, of several.
    #[must_use]
    pub fn choose(&self, from: Position) -> Option<Arc<Replica>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let (before, after) = self.all.split_at(turn);
        let mut in_turn = after.iter().chain(before);
        in_turn.find(|replica| replica.serves(from)).cloned()
    }

    /// How late a replica that is read from may be.
    #[must_use]
    pub fn bound(&self) -> Duration {
        self.bound
    }

    /// A place behind everything that is committed by now.
    ///
    /// # Errors
    /// When the primary does not say so in time.
    pub async fn position(&self) -> Result<Position> {
        let asked = async {
            let mut held = self.primary.get().await?;
            let at = select(pg_current_wal_insert_lsn()).get_result::<PgLsn>(held.start().await?).await;
            Ok(Position(held.end(at).await?.0))
        };
        timeout(PATIENCE, asked).await.map_err(|_| Error::unavailable("no answer in time"))?
    }

    /// How each of them stands.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        let standing = |replica: &Arc<Replica>| Standing {
            number: replica.number,
            in_use: replica.serves(Position::START),
            lag: replica.seen().map(|seen| seen.as_of.elapsed()),
        };
        self.all.iter().map(standing).collect()
    }

    /// The states of their pools.
    pub(super) fn pools(&self) -> impl Iterator<Item = bb8::State> {
        self.all.iter().map(|replica| replica.pool.state())
    }

    /// Watches all of them for as long as this is waited for. Until then, and after it, none is read from.
    pub async fn watch(self: &Arc<Self>) {
        // Tasks of their own, which what else goes on does not keep waiting; they end with the set.
        let mut watches = JoinSet::new();
        watches.spawn(Arc::clone(self).watch_primary());
        for replica in &self.all {
            watches.spawn(Arc::clone(self).watch_replica(Arc::clone(replica)));
        }
        while watches.join_next().await.is_some() {}
    }

    async fn watch_primary(self: Arc<Self>) {
        loop {
            // Requests, and readiness, tell of a primary that is away.
            let Err(error) = self.follow_primary().await;
            tracing::debug!(cause = error.report(), "the primary does not say how far it is");
            sleep(PAUSE).await;
        }
    }

    async fn follow_primary(&self) -> Result<Infallible> {
        let mut cx = self.primary.dedicated(PATIENCE).await?;
        let identity = Identity::of(&mut cx).await?;
        // It may be another server than before, of which what was noted says nothing.
        *lock(&self.primary_was) = History { of: Some(identity), ..History::default() };
        loop {
            let asked = Instant::now();
            let at: PgLsn = patiently(select(pg_current_wal_flush_lsn()).get_result(&mut cx)).await?;
            lock(&self.primary_was).note(asked, Position(at.0), self.bound);
            sleep(self.interval()).await;
        }
    }

    async fn watch_replica(self: Arc<Self>, replica: Arc<Replica>) {
        let number = replica.number;
        let mut told = false;
        loop {
            let Err(error) = self.follow_replica(&replica, &mut told).await;
            replica.lose();
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(replica = number, cause = error.report(), "a replica is not to be read from");
            }
            sleep(PAUSE).await;
        }
    }

    /// Sees how far a replica comes; `told` is whether the log has it as one that is not to be read from.
    async fn follow_replica(&self, replica: &Replica, told: &mut bool) -> Result<Infallible> {
        let mut cx = replica.pool.dedicated(PATIENCE).await?;
        let identity = Identity::of(&mut cx).await?;
        let mut before = None;
        loop {
            let question = select((pg_is_in_recovery(), pg_last_wal_replay_lsn()));
            let (is_replica, at): (bool, Option<PgLsn>) = patiently(question.get_result(&mut cx)).await?;
            let Some(PgLsn(at)) = at.filter(|_| is_replica) else {
                return Err(Error::internal("it is no replica, or none any more"));
            };
            let as_of = {
                let primary_was = lock(&self.primary_was);
                if primary_was.of.as_ref().is_some_and(|primary| *primary != identity) {
                    return Err(Error::internal("it is a replica of another database"));
                }
                if before.is_some_and(|(since, place)| primary_was.lacks(place, since)) {
                    return Err(Error::internal("it is further than its primary: one of them was restored"));
                }
                primary_was.as_of(Position(at))
            };
            before = Some((Instant::now(), Position(at)));
            replica.note(Position(at), as_of);
            if as_of.is_some() && std::mem::take(told) {
                tracing::info!(replica = replica.number, "a replica is to be read from again");
            }
            sleep(self.interval()).await;
        }
    }

    fn interval(&self) -> Duration {
        (self.bound / QUESTIONS).min(SELDOM)
    }
}

impl Replica {
    /// Its number among those that are configured, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When there is none, or it has become too late meanwhile: then what is read is to be read elsewhere.
    pub(super) async fn connection(&self) -> Result<Held<'_>> {
        let held = self.pool.get().await?;
        if self.serves(Position::START) { Ok(held) } else { Err(Error::unavailable("the replica is too late")) }
    }

    /// Takes it out of use until it is seen again.
    pub fn suspect(&self) {
        *lock(&self.seen) = None;
    }

    /// Ends when it is seen no more: what waits for it then waits in vain.
    pub fn lost(&self) -> Notified<'_> {
        self.lost.notified()
    }

    fn lose(&self) {
        self.suspect();
        self.lost.notify_waiters();
    }

    fn seen(&self) -> Option<Seen> {
        *lock(&self.seen)
    }

    fn note(&self, replayed: Position, as_of: Option<Instant>) {
        let mut seen = lock(&self.seen);
        // Where it is behind all that is known of the primary, it is as of when it was.
        let as_of = as_of.or(seen.map(|seen| seen.as_of));
        *seen = as_of.map(|as_of| Seen { as_of, replayed });
    }

    fn serves(&self, from: Position) -> bool {
        self.seen().is_some_and(|seen| seen.replayed >= from && seen.as_of.elapsed() <= self.bound)
    }
}

async fn patiently<T>(answer: impl Future<Output = diesel::QueryResult<T>>) -> Result<T> {
    match timeout(PATIENCE, answer).await {
        Ok(answered) => Ok(answered?),
        Err(_) => Err(Error::unavailable("no answer in time")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_millis(100);

    fn at(places: &[(u64, u64)], began: Instant) -> History {
        let mut history = History::default();
        for (milliseconds, place) in places {
            history.places.push_back((began + Duration::from_millis(*milliseconds), Position(*place)));
        }
        history
    }

    #[test]
    fn a_replica_is_as_of_when_the_primary_was_no_further() {
        let began = Instant::now();
        let history = at(&[(0, 10), (25, 20), (50, 20), (75, 30)], began);
        let as_of = |replayed| history.as_of(Position(replayed)).map(|as_of| (as_of - began).as_millis());
        assert_eq!([as_of(9), as_of(10), as_of(19)], [None, Some(0), Some(0)]);
        assert_eq!([as_of(20), as_of(29)], [Some(50), Some(50)], "it stood still meanwhile");
        assert_eq!([as_of(30), as_of(1000)], [Some(75), Some(75)]);
    }

    #[test]
    fn a_primary_that_was_not_yet_where_its_replica_is_has_another_history() {
        let began = Instant::now();
        let history = at(&[(0, 10), (50, 20)], began);
        let lacks = |place, since| history.lacks(Position(place), began + Duration::from_millis(since));
        assert!(lacks(21, 25), "it had come to 20 after the replica was at 21");
        assert!(!lacks(20, 25) && !lacks(15, 25));
        assert!(!lacks(21, 50), "it has not been asked since");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_the_bound_is_forgotten() {
        let mut history = History::default();
        for place in 0..1000 {
            history.note(Instant::now(), Position(place), BOUND);
            tokio::time::advance(BOUND / QUESTIONS).await;
        }
        assert!(history.places.len() <= 2 + QUESTIONS as usize, "{}", history.places.len());
        assert_eq!(history.as_of(Position(900)), None);
        assert!(history.as_of(Position(999)).is_some());
    }
}
