//! A connection out of the pool, and what becomes of a statement that nobody waits for any more.

use std::time::Duration;

use diesel_async::{AsyncConnection, TransactionManager, pooled_connection::bb8::PooledConnection};
use tokio::runtime::Handle;
use tokio_postgres::{CancelToken, NoTls};

use super::Cx;

/// A connection that is given back when it is dropped. Where that happens in the middle of a statement, because the client
/// has hung up or the request has taken too long, the server is told to give the statement up, and the connection is
/// closed: else the statement would go on until it times out, and whoever got the connection next would wait for it.
pub struct Held<'a> {
    connection: PooledConnection<'a, Cx>,
    running: bool,
}

impl<'a> Held<'a> {
    /// Holds `connection`.
    #[must_use]
    pub fn new(connection: PooledConnection<'a, Cx>) -> Self {
        Self { connection, running: false }
    }

    /// The connection, for statements that run until [`Held::end`].
    pub fn start(&mut self) -> &mut Cx {
        self.running = true;
        &mut self.connection
    }

    /// Says that they have run.
    pub fn end(&mut self) {
        self.running = false;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.running {
            return;
        }
        // The pool looks at this, and closes it.
        let connection = &mut *self.connection;
        <Cx as AsyncConnection>::TransactionManager::transaction_manager_status_mut(connection).set_in_error();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(cancel(connection.cancel_token()));
        }
    }
}

async fn cancel(statement: CancelToken) {
    // The second time is for a server too busy to have begun with the statement when it was told the first time.
    for pause in [Duration::ZERO, Duration::from_secs(1)] {
        tokio::time::sleep(pause).await;
        if let Err(error) = statement.cancel_query(NoTls).await {
            tracing::warn!(%error, "a statement that nobody waits for could not be cancelled");
        }
    }
}
