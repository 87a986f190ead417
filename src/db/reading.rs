//! Whose queries are read from a replica, so that everybody finds there what they have done.
//!
//! After a mutation, the place that the primary's log has come to is kept for the account that made it. A query of that account,
//! with whatever session and on whatever process, is read from a replica that has come to that place, or from the primary. Places
//! are kept in Redis where there is one, and else in the process. They are kept a little longer than replicas may be late: after
//! that, every replica that is read from has come there anyhow.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use redis::{Script, aio::ConnectionManager};
use tokio::time::{Instant, sleep_until};

use super::{
    Db,
    replicas::{Position, Replica, Replicas},
};
use crate::{ids::Seal, redis::Patient};

/// How much longer than replicas may be late a place is kept: what lies between a look at it and the choice of a replica.
const MARGIN: Duration = Duration::from_secs(1);

/// Of two places that are kept for one account at a time, the further one stays. They are hexadecimal digits, as many of each:
/// Lua's numbers do not hold them.
static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local place, kept = ARGV[1], redis.call('GET', KEYS[1])
if kept and kept > place then place = kept end
redis.call('SET', KEYS[1], place, 'PX', ARGV[2])
return 1
",
    )
});

static KEPT: LazyLock<Script> = LazyLock::new(|| Script::new("return redis.call('GET', KEYS[1]) or ''"));

/// Says where to read.
pub struct Reading {
    db: Db,
    places: Places,
}

impl Reading {
    /// Of `db`, with what is known of accounts in `redis`, or in the process where there is none.
    #[must_use]
    pub fn new(db: Db, seal: Seal, redis: Option<ConnectionManager>) -> Self {
        let places = match redis {
            Some(redis) => Places::Shared {
                redis: Patient::new(redis, "Redis does not keep who has changed something: queries go to the primary"),
                seal: Box::new(seal),
            },
            None => Places::Here(Mutex::default()),
        };
        Self { db, places }
    }

    /// The replica that a query of an account may be read from, or of nobody's; none where it is to be read from the primary.
    pub async fn replica_for(&self, account: Option<i64>) -> Option<Arc<Replica>> {
        let replicas = self.db.replicas()?;
        let from = match account {
            Some(account) => self.places.of(account).await?,
            None => Position::START,
        };
        replicas.choose(from)
    }

    /// Notes that an account may have changed something by now: what it reads from here on has that in it. An account that is
    /// nobody's reads what everybody may, and that is no later than replicas may be.
    pub async fn has_changed(&self, account: Option<i64>) {
        let (Some(replicas), Some(account)) = (self.db.replicas(), account) else { return };
        let done = Instant::now();
        if !self.keep(replicas, account).await {
            // Nobody knows of it, so nobody hears of it before every replica that is read from has it.
            sleep_until(done + replicas.bound()).await;
        }
    }

    /// The same of an account that is told of something, and may ask for more of it. It is told at once: where nobody can note
    /// it, queries of accounts are not read from replicas either.
    pub async fn was_told(&self, account: Option<i64>) {
        let (Some(replicas), Some(account)) = (self.db.replicas(), account) else { return };
        self.keep(replicas, account).await;
    }

    /// Keeps the place that the primary's log has come to; false where that cannot be done.
    async fn keep(&self, replicas: &Replicas, account: i64) -> bool {
        let place = replicas.position().await.unwrap_or_else(|error| {
            tracing::warn!(cause = error.report(), "who has changed something reads from the primary for a while");
            Position::UNKNOWN
        });
        self.places.keep(account, place, replicas.bound() + MARGIN).await
    }

    /// Watches the replicas, if there are any, for as long as this is waited for; it does not end.
    pub async fn watch(&self) {
        if let Some(replicas) = self.db.replicas() {
            replicas.watch().await;
        }
        std::future::pending::<()>().await;
    }
}

/// The places that accounts have to find.
enum Places {
    /// With when each is forgotten.
    Here(Mutex<HashMap<i64, (Position, Instant)>>),
    Shared {
        redis: Patient,
        seal: Box<Seal>,
    },
}

impl Places {
    /// The place for an account; none where that is not known.
    async fn of(&self, account: i64) -> Option<Position> {
        match self {
            Self::Here(places) => {
                let places = places.lock().unwrap_or_else(PoisonError::into_inner);
                let kept = places.get(&account).filter(|(_, until)| Instant::now() < *until);
                Some(kept.map_or(Position::START, |(place, _)| *place))
            }
            Self::Shared { redis, seal } => {
                let mut script = KEPT.prepare_invoke();
                script.key(name(seal, account));
                let kept: String = redis.ask(&script).await?;
                if kept.is_empty() {
                    return Some(Position::START);
                }
                u64::from_str_radix(&kept, 16).ok().map(Position)
            }
        }
    }

    /// Keeps a place for an account, for so long; false where that cannot be done.
    async fn keep(&self, account: i64, place: Position, time: Duration) -> bool {
        match self {
            Self::Here(places) => {
                let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Instant::now();
                // There are no more than accounts that have changed something within a second or so.
                places.retain(|_, (_, until)| now < *until);
                let kept = places.entry(account).or_insert((place, now));
                *kept = (kept.0.max(place), now + time);
                true
            }
            Self::Shared { redis, seal } => {
                let mut script = KEEP.prepare_invoke();
                let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                script.key(name(seal, account)).arg(format!("{:016x}", place.0)).arg(milliseconds);
                redis.ask::<i64>(&script).await.is_some()
            }
        }
    }
}

/// The namespace, its version, and a digest of the account.
fn name(seal: &Seal, account: i64) -> Vec<u8> {
    let account = seal.digest(&["place", &account.to_string()]);
    [b"rollcall:1:place:", account.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_furthest_place_is_kept_for_a_while() {
        let places = Places::Here(Mutex::default());
        let time = Duration::from_secs(1);
        assert_eq!(places.of(1).await, Some(Position::START));
        for (place, kept) in [(7, 7), (5, 7), (9, 9)] {
            assert!(places.keep(1, Position(place), time).await);
            assert_eq!(places.of(1).await, Some(Position(kept)));
        }
        assert_eq!(places.of(2).await, Some(Position::START), "of others nothing is known");
        tokio::time::advance(time).await;
        assert_eq!(places.of(1).await, Some(Position::START));
        assert!(places.keep(2, Position(3), time).await);
        let Places::Here(kept) = &places else { unreachable!() };
        assert_eq!(kept.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
