//! Counters in the process, and the arithmetic of counting; `shared` has the same in Lua.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a counter is found by: a digest.
pub type Key = [u8; 32];

/// How tries slow down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failures after which the next try need not wait.
    pub free: u32,
    /// Failures from which on each makes the next try wait the longest.
    pub lock: u32,
    /// The longest wait, in milliseconds.
    pub longest: i64,
    /// How long a failure is remembered at least, in milliseconds.
    pub memory: i64,
}

impl Policy {
    /// How long the next try waits after so many failures: 1 s after the first that is not free, and then twice as long each.
    fn delay(self, failures: u32) -> i64 {
        match failures {
            _ if failures >= self.lock => self.longest,
            _ if failures < self.free => 0,
            _ => (1000 << (failures - self.free).min(30)).min(self.longest),
        }
    }
}

/// Failures, the time from which on another try may be made, and the time at which they are forgotten.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    failures: u32,
    next: i64,
    until: i64,
}

/// Shares of a point that a bucket is measured in: each millisecond of a minute gives back as many as there are points.
pub const SHARES: u64 = 60_000;

/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;

/// What was taken from a bucket that is full again after a minute; of what is counted by the minute, how many there were since
/// it began.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    taken: u64,
    at: i64,
}

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether there was too little left: then nothing was taken.
    pub refused: bool,
    /// What is taken of the bucket now, in shares.
    pub shares: u64,
}

/// Counters in memory, never more than so many: those that were not looked at for the longest are dropped.
///
/// There are two generations. What is looked at is moved to the young one; when that is full, it becomes the old one, and
/// what was left in the old one is forgotten.
struct Generations<V> {
    young: HashMap<Key, V>,
    old: HashMap<Key, V>,
    size: usize,
}

impl<V: Default> Generations<V> {
    fn of(size: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), size }
    }

    fn entry(&mut self, key: Key) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= self.size {
            let left = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            // What is looked at just now is not forgotten.
            self.old.extend(left.into_iter().filter(|(own, _)| *own == key));
        }
        let old = &mut self.old;
        self.young.entry(key).or_insert_with(|| old.remove(&key).unwrap_or_default())
    }

    fn remove(&mut self, key: &Key) {
        self.young.remove(key);
        self.old.remove(key);
    }
}

/// Counters in a generation: some 100 bytes each. To have a lock forgotten, as many others must be made, and each address is
/// slowed down long before.
const GENERATION: usize = 50_000;

/// The counters of this process.
pub struct Local {
    tries: Mutex<Generations<Tries>>,
    buckets: Mutex<Generations<Bucket>>,
}

impl Default for Local {
    fn default() -> Self {
        Self { tries: Generations::of(GENERATION).into(), buckets: Generations::of(GENERATION).into() }
    }
}

impl Local {
    /// Counts a failure with each counter and gives their numbers; or counts nothing and gives the milliseconds to wait, where
    /// one of them says so.
    pub fn reserve(&self, counters: &[(Key, Policy)], now: i64) -> Result<Vec<u32>, i64> {
        let mut tries = lock(&self.tries);
        let mut wait = 0;
        for (key, _) in counters {
            let found = tries.entry(*key);
            if found.until <= now {
                *found = Tries::default();
            }
            wait = wait.max(found.next - now);
        }
        if wait > 0 {
            return Err(wait);
        }
        let count = |(key, policy): &(Key, Policy)| {
            let found = tries.entry(*key);
            let failures = found.failures.saturating_add(1);
            let delay = policy.delay(failures);
            *found = Tries { failures, next: now + delay, until: now + policy.memory.max(delay) };
            failures
        };
        Ok(counters.iter().map(count).collect())
    }

    /// Forgets some counters, and takes one failure back from others.
    pub fn release(&self, forgotten: &[Key], given_back: &[(Key, Policy)], now: i64) {
        let mut tries = lock(&self.tries);
        for key in forgotten {
            tries.remove(key);
        }
        for (key, policy) in given_back {
            let found = tries.entry(*key);
            found.failures = found.failures.saturating_sub(1);
            found.next = found.next.min(now + policy.delay(found.failures));
        }
    }

    /// Takes `shares` from a bucket of `points`, if so much is left.
    pub fn take(&self, key: Key, shares: u64, points: u64, now: i64) -> Taken {
        let mut buckets = lock(&self.buckets);
        let found = buckets.entry(key);
        let passed = u64::try_from(now - found.at).unwrap_or(0).min(SHARES);
        let taken = found.taken.saturating_sub(passed * points);
        let refused = taken + shares > points * SHARES;
        let shares = if refused { taken } else { taken + shares };
        *found = Bucket { taken: shares, at: found.at.max(now) };
        Taken { refused, shares }
    }

    /// Counts one of `most` a minute, which begins with the first, and gives 0; or the milliseconds that are left of it.
    pub fn count(&self, key: Key, most: u64, now: i64) -> i64 {
        let mut buckets = lock(&self.buckets);
        let found = buckets.entry(key);
        if now >= found.at.saturating_add(MINUTE) {
            *found = Bucket { taken: 0, at: now };
        }
        if found.taken >= most {
            return found.at + MINUTE - now;
        }
        found.taken += 1;
        0
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { free: 3, lock: 10, longest: 900_000, memory: 86_400_000 };

    fn key(n: u64) -> Key {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    }

    #[test]
    fn delays_double_up_to_a_lock() {
        let delays: Vec<i64> = (1..=11).map(|failures| POLICY.delay(failures) / 1000).collect();
        assert_eq!(delays, [0, 0, 1, 2, 4, 8, 16, 32, 64, 900, 900]);
        let slow = Policy { free: 100, lock: 106, longest: 60_000, ..POLICY };
        assert_eq!(
            [99, 100, 105, 106, u32::MAX].map(|failures| slow.delay(failures)),
            [0, 1000, 32_000, 60_000, 60_000]
        );
    }

    #[test]
    fn a_refused_try_is_not_counted_and_one_given_back_neither() {
        let (local, counters) = (Local::default(), [(key(1), POLICY)]);
        for failures in 1..=3 {
            assert_eq!(local.reserve(&counters, 0), Ok(vec![failures]));
        }
        for now in [0, 400, 999] {
            assert_eq!(local.reserve(&counters, now), Err(1000 - now));
        }
        assert_eq!(local.reserve(&counters, 1000), Ok(vec![4]));
        local.release(&[], &counters, 1000);
        assert_eq!(local.reserve(&counters, 1000), Err(1000), "as after three");
        local.release(&[key(1)], &[], 1000);
        assert_eq!(local.reserve(&counters, 1000), Ok(vec![1]));
        assert_eq!(local.reserve(&counters, 1000 + POLICY.memory), Ok(vec![1]), "forgotten");
    }

    #[test]
    fn where_one_counter_refuses_none_counts() {
        let local = Local::default();
        let (one, both) = ([(key(1), POLICY)], [(key(2), POLICY), (key(1), POLICY)]);
        for _ in 0..3 {
            local.reserve(&one, 0).unwrap();
        }
        assert_eq!(local.reserve(&both, 0), Err(1000));
        assert_eq!(local.reserve(&both, 1000), Ok(vec![1, 4]));
    }

    #[test]
    fn a_bucket_is_full_again_after_a_minute() {
        let local = Local::default();
        let take = |points: u64, now| {
            let Taken { refused, shares } = local.take(key(1), points * SHARES, 600, now);
            (refused, shares.div_ceil(SHARES))
        };
        assert_eq!([take(500, 0), take(100, 0), take(1, 0)], [(false, 500), (false, 600), (true, 600)]);
        assert_eq!([take(11, 1000), take(10, 1000)], [(true, 590), (false, 600)]);
        assert_eq!(take(1, 500), (true, 600), "a clock that is behind gives nothing back");
        assert_eq!(take(600, 61_000), (false, 600));
    }

    #[test]
    fn a_minute_has_so_many_and_the_next_one_as_many_again() {
        let local = Local::default();
        let count = |now| local.count(key(1), 2, now);
        assert_eq!([count(100_000), count(130_000), count(130_000), count(159_999)], [0, 0, 30_000, 1]);
        assert_eq!(count(90_000), 70_000, "a clock that is behind begins no minute");
        assert_eq!([count(160_000), count(160_000), count(160_000)], [0, 0, 60_000]);
        assert_eq!(local.count(key(2), 2, 160_000), 0, "others are counted for themselves");
    }

    #[test]
    fn a_million_keys_take_no_more_room_than_there_is() {
        let local = Local::default();
        for n in 0..1_000_000 {
            local.reserve(&[(key(n), POLICY), (key(u64::MAX), POLICY)], i64::try_from(n).unwrap() * 900_000).unwrap();
            local.take(key(n), 1, 1, 0);
        }
        let tries = lock(&local.tries);
        assert!(tries.young.len() <= GENERATION && tries.old.len() <= GENERATION + 1);
        let buckets = lock(&local.buckets);
        assert!(buckets.young.len() <= GENERATION && buckets.old.len() <= GENERATION + 1);
        let kept = tries.young.get(&key(u64::MAX)).or_else(|| tries.old.get(&key(u64::MAX))).unwrap();
        assert_eq!(kept.failures, 1_000_000, "what is in use is not dropped");
    }
}
