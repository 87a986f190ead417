//! The one way to a connection to PostgreSQL, and what each is made to keep.

use std::{
    error::Error as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use diesel::{ConnectionError, ConnectionResult, connection::CacheSize};
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Cx, server::Server, tls};
use crate::{
    db::PoolOptions,
    error::{Error, Result},
};

/// How long a transaction may do nothing: between two of its statements nobody waits for anybody.
const IDLE: Duration = Duration::from_mins(1);

/// What is between this program and PostgreSQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing, or a pooler that keeps a connection for as long as its client does: a connection is a session.
    #[default]
    Session,
    /// A pooler that gives each transaction whichever connection is free, such as `PgBouncer` with
    /// `pool_mode = transaction`: nothing outlives a transaction, be it a setting, a lock or a prepared statement.
    Transaction,
}

/// Makes connections to one server.
pub struct Connector {
    server: Server,
    tls: MakeRustlsConnect,
    pooling: Pooling,
    /// What a session is set to.
    settings: String,
    /// What each transaction is set to, where no session is.
    local: Option<String>,
    /// When the server answered last.
    answered: Mutex<Option<Instant>>,
}

impl Connector {
    /// For the server that `url` names.
    ///
    /// # Errors
    /// What is wrong with the URL, or with the certificates that it names; no password is in that.
    pub fn new(url: &str, options: PoolOptions) -> Result<Self> {
        let mut server = Server::parse(url).map_err(|problem| Error::internal(format!("database: {problem}")))?;
        if server.config.get_connect_timeout().is_none() {
            server.config.connect_timeout(options.acquire_timeout);
        }
        let tls = tls::connector(&server.proof).map_err(|problem| Error::internal(format!("database: {problem}")))?;
        let statement = options.statement_timeout.as_millis();
        // Who lets a statement take as long as it takes does other things meanwhile.
        let idle = if statement == 0 { 0 } else { IDLE.as_millis() };
        let settings = |set| {
            format!(
                "{set} statement_timeout = {statement}; {set} idle_in_transaction_session_timeout = {idle}; \
                 {set} timezone = 'UTC'"
            )
        };
        let local = (options.pooling == Pooling::Transaction).then(|| settings("SET LOCAL"));
        Ok(Self { server, tls, pooling: options.pooling, settings: settings("SET"), local, answered: Mutex::default() })
    }

    /// What is between this program and the server.
    #[must_use]
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// By what a statement that runs on one of its connections can be cancelled, encrypted as they are.
    #[must_use]
    pub fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }

    /// What each transaction has to set for itself, where nothing outlives one.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        self.local.as_deref()
    }

    /// Notes that the server has answered.
    pub fn has_answered(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether the server has answered somebody within a time.
    #[must_use]
    pub fn answered_within(&self, time: Duration) -> bool {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() <= time)
    }

    /// A new connection.
    ///
    /// # Errors
    /// Why there is none; no password is in that.
    pub async fn connect(&self) -> ConnectionResult<Cx> {
        let (client, mut connection) = self.server.config.connect(self.tls.clone()).await.map_err(told)?;
        if self.pooling == Pooling::Session {
            let mut cx = Cx::try_from_client_and_connection(client, connection).await?;
            cx.batch_execute(&self.settings).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
            return Ok(cx);
        }
        // Diesel begins with statements that it prepares and executes apart: in one transaction both meet one server. It
        // drives the connection, and has not got it yet.
        tokio::select! {
            begun = client.batch_execute("BEGIN") => begun.map_err(told)?,
            ended = &mut connection => {
                ended.map_err(told)?;
                return Err(ConnectionError::BadConnection("the server hung up".to_owned()));
            }
        }
        let mut cx = Cx::try_from_client_and_connection(client, connection).await?;
        // One that is prepared anew each time is given up when it has run, before its transaction ends.
        cx.set_prepared_statement_cache_size(CacheSize::Disabled);
        cx.batch_execute("COMMIT").await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(cx)
    }
}

/// What the driver says, and what it says of the cause.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn told(error: tokio_postgres::Error) -> ConnectionError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    ConnectionError::BadConnection(format!("{error}{cause}"))
}
