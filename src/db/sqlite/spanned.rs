//! Where statements of SQLite run: on a thread of their own, and within the span that they were sent in.

use diesel::SqliteConnection;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use futures_util::future::BoxFuture;
use tracing::Span;

/// Threads as the library takes them, each told the span it works for.
pub struct Spanned(Threads);

/// What the library takes where nothing else is said; it has no name that could be written.
type Threads = <SyncConnectionWrapper<SqliteConnection> as OnThreads>::Threads;

trait OnThreads {
    type Threads;
}

impl<C, T> OnThreads for SyncConnectionWrapper<C, T> {
    type Threads = T;
}

impl SpawnBlocking for Spanned {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn std::error::Error + Send + Sync + 'static>>>
    where
        R: Send + 'static,
    {
        let span = Span::current();
        self.0.spawn_blocking(move || span.in_scope(task))
    }

    fn get_runtime() -> Self {
        Self(SpawnBlocking::get_runtime())
    }
}
