//! The turns of live operations: so many are executed at a time, however many hear of something at once.
//!
//! Whoever waits for a turn holds no connection to the database, and those who have one leave some of them to whatever is
//! answered at once. Turns come in the order in which they are asked for.

use async_graphql::{Response, Value};
use tokio::{
    sync::Semaphore,
    time::{Duration, sleep},
};

use super::Beat;
use crate::{error::Code, random::Random};

/// How often something is tried that fails for now.
const TRIES: u32 = 6;
/// The pause before the second try; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(500);

/// So many turns at a time.
pub struct Turns {
    free: Semaphore,
    random: Random,
}

impl Turns {
    /// `at_once` turns at a time, at least one.
    #[must_use]
    pub fn new(at_once: usize, random: Random) -> Self {
        Self { free: Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS)), random }
    }

    /// Does something in a turn of its own, and again a few times where what it needs is not there just now: a pool that is
    /// full or a database that is gone for a moment ends no subscription. Whatever else it is refused for stands.
    ///
    /// # Errors
    /// With the last beat, where it is refused.
    pub async fn take<T, F: Future<Output = Result<T, Beat>>>(&self, attempt: impl Fn() -> F) -> Result<T, Beat> {
        let mut tries = 1;
        loop {
            // Boxed: most subscribers wait for something to happen, and hold nothing of an execution meanwhile.
            let done = self.once(Box::pin(attempt())).await;
            match &done {
                Err(Beat::Refused(response)) if tries < TRIES && passes(response) => {}
                _ => return done,
            }
            sleep(self.pause(tries)).await;
            tries += 1;
        }
    }

    /// Nobody closes the semaphore, so there always is a turn.
    async fn once<T>(&self, attempt: impl Future<Output = T>) -> T {
        let _turn = self.free.acquire().await;
        attempt.await
    }

    /// How long to wait after so many tries: a part of a doubling span.
    fn pause(&self, tries: u32) -> Duration {
        self.random.jittered(FIRST * 2_u32.pow(tries - 1))
    }
}

/// Whether an answer lacks something that is not there just now.
pub(super) fn passes(response: &Response) -> bool {
    let code = Code::Unavailable.as_str();
    response.errors.iter().any(|error| {
        let own = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        own == Some(&Value::from(code))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;
    use crate::{
        error::{Error, Result},
        graphql::live::refused,
    };

    fn turns(at_once: usize) -> Turns {
        Turns::new(at_once, Random::seeded(1))
    }

    /// Tries something that fails so often as it is said to, and gives what became of it with how often it was tried.
    async fn tried(failures: u32, error: impl Fn() -> Beat) -> (Result<u32, Beat>, u32) {
        let tried = AtomicU32::new(0);
        let done = turns(1)
            .take(|| async {
                let before = tried.fetch_add(1, Ordering::Relaxed);
                if before < failures { Err(error()) } else { Ok(before) }
            })
            .await;
        (done, tried.into_inner())
    }

    fn gone() -> Beat {
        refused(&Error::unavailable("no database connection was free in time"))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_for_a_moment_is_tried_again_after_pauses_that_grow() {
        let began = Instant::now();
        let (done, times) = tried(3, gone).await;
        assert_eq!((done.unwrap(), times), (3, 4));
        let took = began.elapsed();
        assert!(took >= FIRST * 7 / 2 && took <= FIRST * 7, "{took:?}");
        let (done, times) = tried(u32::MAX, gone).await;
        assert!(matches!(done, Err(Beat::Refused(_))) && times == TRIES);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_else_is_tried_again() {
        let refusals: [fn() -> Beat; 5] = [
            || Beat::SignedOut,
            || refused(&Error::forbidden("Query.x", "not for you")),
            || refused(&Error::bad_input("no such thing")),
            || refused(&Error::too_many("too dear", 3)),
            || refused(&Error::internal("a fault")),
        ];
        for refusal in refusals {
            let (done, times) = tried(1, refusal).await;
            assert!(done.is_err() && times == 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_at_a_time_have_their_turn() {
        let (turns, now, most) = (turns(3), AtomicU32::new(0), AtomicU32::new(0));
        let attempt = || async {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::Relaxed);
            Ok(())
        };
        let all = join_all((0..30).map(|_| turns.take(attempt))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(most.into_inner(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_pauses_holds_no_turn() {
        let turns = turns(1);
        let failing = turns.take(|| async { Err::<(), _>(gone()) });
        let other = async {
            // Once the first try of the one that fails is over.
            tokio::task::yield_now().await;
            let began = Instant::now();
            turns.take(|| async { Ok(()) }).await.unwrap();
            began.elapsed()
        };
        let (failed, waited) = tokio::join!(failing, other);
        assert!(failed.is_err() && waited < FIRST / 2, "{waited:?}");
    }
}
