//! A connection out of the pool, and what becomes of a statement that nobody waits for any more.

use std::{mem::take, time::Duration};

use diesel::{QueryResult, result::Error};
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, TransactionManager, pooled_connection::bb8::PooledConnection,
};
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};
use tokio_postgres::CancelToken;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Cx, connector::Connector};

/// How long a server has to be told that a statement is to be given up, which it may be too busy to hear.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is given back when it is dropped. Where that happens in the middle of a statement, because the client
/// has hung up or the request has taken too long, the server is told to give the statement up, and the connection is
/// closed: else the statement would go on until it times out, and whoever got the connection next would wait for it.
///
/// Behind a pooler of transactions whatever runs on it, runs in one: in that which was begun, or in one of its own.
pub struct Held<'a> {
    connection: PooledConnection<'a, Cx>,
    by: &'a Connector,
    running: bool,
    /// It is in a transaction that was begun with [`Held::begin`].
    begun: bool,
    /// It is in one that [`Held::start`] began for what runs now.
    own: bool,
}

impl<'a> Held<'a> {
    /// Holds `connection`, which was made by `by`.
    #[must_use]
    pub fn new(connection: PooledConnection<'a, Cx>, by: &'a Connector) -> Self {
        Self { connection, by, running: false, begun: false, own: false }
    }

    /// Begins a transaction by this statement.
    pub async fn begin(&mut self, statement: &str) -> QueryResult<()> {
        self.open(statement).await?;
        self.begun = true;
        self.running = false;
        Ok(())
    }

    /// The connection, for statements that run until [`Held::end`].
    pub async fn start(&mut self) -> QueryResult<&mut Cx> {
        self.running = true;
        if !self.begun && self.by.local().is_some() {
            // In a box, for this is awaited wherever anything is read.
            Box::pin(self.open("BEGIN")).await?;
            self.own = true;
        }
        Ok(&mut self.connection)
    }

    /// Says that they have run, and what came of it.
    pub async fn end<T, E: From<Error>>(&mut self, done: Result<T, E>) -> Result<T, E> {
        let done = if take(&mut self.own) { Box::pin(self.close(done)).await } else { done };
        self.running = false;
        if done.is_ok() {
            self.by.has_answered();
        }
        done
    }

    /// Ends the transaction, and keeps what it wrote or nothing of it.
    pub async fn finish(&mut self, keep: bool) -> QueryResult<()> {
        self.running = true;
        let connection = &mut *self.connection;
        let ended = if keep {
            <Cx as AsyncConnection>::TransactionManager::commit_transaction(connection).await
        } else {
            <Cx as AsyncConnection>::TransactionManager::rollback_transaction(connection).await
        };
        self.running = false;
        ended
    }

    async fn open(&mut self, statement: &str) -> QueryResult<()> {
        // Where it fails, or nobody waits for it, the connection is none for anybody else.
        self.running = true;
        match self.by.local() {
            Some(local) => {
                let both = format!("{statement}; {local}");
                AnsiTransactionManager::begin_transaction_sql(&mut *self.connection, &both).await
            }
            None => AnsiTransactionManager::begin_transaction_sql(&mut *self.connection, statement).await,
        }
    }

    async fn close<T, E: From<Error>>(&mut self, done: Result<T, E>) -> Result<T, E> {
        let ended = self.finish(done.is_ok()).await;
        let done = done?;
        ended?;
        Ok(done)
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
            runtime.spawn(timeout(PATIENCE, cancel(connection.cancel_token(), self.by.tls())));
        }
    }
}

async fn cancel(statement: CancelToken, tls: MakeRustlsConnect) {
    // The second time is for a server too busy to have begun with the statement when it was told the first time.
    for pause in [Duration::ZERO, Duration::from_secs(1)] {
        sleep(pause).await;
        if let Err(error) = statement.cancel_query(tls.clone()).await {
            tracing::warn!(%error, "a statement that nobody waits for could not be cancelled");
        }
    }
}
