//! Work that goes on after an answer was given, in this process: so much at a time, and finished before the process ends.
//!
//! What is started here neither delays an answer nor fails it. It is gone with a process that is killed.

use std::{future::Future, time::Duration};

use tokio_util::task::TaskTracker;

/// Works at a time. What is asked for beyond them is not done: memory has an end, and who floods gets less than they ask for.
const MOST: usize = 1000;

/// What goes on in the background.
#[derive(Clone, Debug, Default)]
pub struct Background(TaskTracker);

impl Background {
    /// Starts `work`, and does not wait for it. Where too much goes on already it is not started, and the log says so of
    /// `what`.
    pub fn start(&self, what: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        if self.0.len() >= MOST {
            tracing::error!(what, "too much goes on in the background: this is not done");
            return;
        }
        self.0.spawn(work);
    }

    /// Waits until nothing goes on any more.
    pub async fn finished(&self) {
        self.0.close();
        self.0.wait().await;
    }

    /// The same, for so long at most; what is under way then ends with the process, and the log says how much that is.
    pub async fn finish_within(&self, time: Duration) {
        if tokio::time::timeout(time, self.finished()).await.is_err() {
            tracing::error!(works = self.0.len(), "what went on in the background was not finished");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn there_is_an_end_to_it_and_it_is_waited_for() {
        let (background, gate) = (Background::default(), Arc::new(Semaphore::new(0)));
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..MOST + 10 {
            let (gate, done) = (Arc::clone(&gate), Arc::clone(&done));
            background.start("count", async move {
                let _ = gate.acquire().await;
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        background.finish_within(Duration::ZERO).await;
        assert_eq!(done.load(Ordering::Relaxed), 0);
        gate.add_permits(1);
        background.finished().await;
        assert_eq!(done.load(Ordering::Relaxed), MOST, "and not those beyond");
    }

    #[tokio::test]
    async fn what_work_starts_is_waited_for_as_well() {
        let (background, done) = (Background::default(), Arc::new(AtomicUsize::new(0)));
        let (again, counted) = (background.clone(), Arc::clone(&done));
        background.start("start", async move {
            tokio::task::yield_now().await;
            again.start("count", async move {
                tokio::task::yield_now().await;
                counted.fetch_add(1, Ordering::Relaxed);
            });
        });
        background.finished().await;
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }
}
