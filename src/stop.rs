//! How a process is told to stop: once, to finish what is under way; and again, to end at once.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// What everything goes by that is to end with the process.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// No more requests are wanted: readiness says so, and those that come are answered still.
    pub leaving: CancellationToken,
    /// Nothing new is begun; what is under way is finished.
    pub stopping: CancellationToken,
}

impl Stop {
    /// Does `work`, which ends when it is told to stop: at SIGTERM or SIGINT that is said at once to whoever asks for readiness,
    /// and to all others `delay` later.
    ///
    /// # Errors
    /// When there was another signal before the end: then what was under way is given up.
    pub async fn ends(&self, work: impl Future<Output = ()>, delay: Duration) -> Result<()> {
        tokio::select! {
            () = work => Ok(()),
            () = self.told_twice(delay) => Err(Error::internal("told to stop again: what was under way is given up")),
        }
    }

    async fn told_twice(&self, delay: Duration) {
        let mut signals = Signals::new();
        signals.next().await;
        tracing::info!("stopping");
        self.leaving.cancel();
        tokio::select! {
            () = sleep(delay) => {}
            () = signals.next() => return,
        }
        self.stopping.cancel();
        signals.next().await;
    }
}

/// SIGINT and SIGTERM, from now on.
#[cfg(unix)]
struct Signals([Option<tokio::signal::unix::Signal>; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self([SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok()))
    }

    async fn next(&mut self) {
        async fn of(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        }
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            () = of(interrupt) => {}
            () = of(terminate) => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
