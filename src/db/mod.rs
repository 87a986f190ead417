//! The databases: pools, connections, migrations, and the one dispatch between the two back ends.
//!
//! A store is written once, in plain Diesel, against the names `Backend` and `Cx` of its parent module, and compiled for
//! each back end: as `db::pg::<store>` and as `db::sqlite::<store>`. [`dispatch!`](crate::dispatch) calls the one that
//! fits the connection at hand.

use std::{future::ready, sync::Arc, time::Duration};

use diesel::{ConnectionError, ConnectionResult, result::Error as DieselError};
use diesel_async::{
    AsyncConnection, SimpleAsyncConnection, TransactionManager,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, PoolableConnection, RecyclingMethod,
        bb8::{Pool, PooledConnection},
    },
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::timeout;

pub use self::pg::connector::Pooling;
use self::{
    pg::held::Held,
    replicas::{Replica, Replicas},
};
use crate::{
    error::{Error, Result},
    telemetry::sql::{Counts, Watch},
};

pub mod copy;
pub mod expressions;
mod migrations;
pub mod paging;
pub mod pg;
pub mod reading;
pub mod replicas;
#[expect(missing_docs, reason = "generated")]
pub mod schema;
pub mod sqlite;
pub mod text_enum;

/// How pools are made.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// Connections at most, for reads on SQLite and for everything on PostgreSQL.
    pub size: u32,
    /// How long a request waits for a connection, and a new one may take to be made.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL works on one statement.
    pub statement_timeout: Duration,
    /// From when on a statement is slow, and logged.
    pub slow: Option<Duration>,
    /// What is between this program and PostgreSQL.
    pub pooling: Pooling,
}

/// An open database.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    statements: Counts,
    replicas: Option<Arc<Replicas>>,
    /// The replica that is read from; none where that is the primary.
    reads: Option<Arc<Replica>>,
}

#[derive(Clone)]
enum Pools {
    Pg(pg::pool::Pool),
    /// SQLite has one writer; readers go on beside it.
    Sqlite {
        read: Pool<sqlite::Cx>,
        write: Pool<sqlite::Cx>,
    },
}

/// A connection to either back end, given back when dropped.
#[expect(clippy::large_enum_variant, reason = "lives on the stack for a statement or two; a box would cost each read")]
pub enum Connection<'a> {
    /// PostgreSQL.
    Pg(Held<'a>),
    /// SQLite.
    Sqlite(PooledConnection<'a, sqlite::Cx>),
}

/// Calls a store's function on the back end that a [`Connection`] is of:
/// `dispatch!(connection, students::page(&scope, …))`.
#[macro_export]
macro_rules! dispatch {
    ($connection:expr, $store:ident :: $function:ident ( $($argument:expr),* $(,)? )) => {
        match &mut $connection {
            $crate::db::Connection::Pg(held) => {
                let started = held.start().await;
                match started {
                    Ok(cx) => {
                        let done = $crate::db::pg::$store::$function(cx, $($argument),*).await;
                        held.end(done).await
                    }
                    Err(error) => Err(error.into()),
                }
            }
            $crate::db::Connection::Sqlite(cx) => $crate::db::sqlite::$store::$function(&mut **cx, $($argument),*).await,
        }
    };
}

/// Reads with a store's function on a connection of its own: `read!(call.db(), students::page(…))`.
#[macro_export]
macro_rules! read {
    ($db:expr, $store:ident :: $function:ident ( $($argument:expr),* $(,)? )) => {{
        let mut cx = $db.read().await?;
        $crate::dispatch!(cx, $store::$function($($argument),*))
    }};
}

impl Db {
    /// Opens the database that `url` names: `sqlite:<path>` or `postgres://…`. Nothing is created but an absent SQLite file.
    ///
    /// # Errors
    /// When the URL is of another kind or no connection can be made; the message has no credentials in it.
    pub async fn open(url: &str, options: PoolOptions) -> Result<Self> {
        let statements = Counts::default();
        let pools = if let Some(path) = url.strip_prefix("sqlite:") {
            Pools::open_sqlite(path, options, &statements).await?
        } else {
            Pools::Pg(pg::pool::Pool::open(url, options, &statements).await?)
        };
        Ok(Self { pools, statements, replicas: None, reads: None })
    }

    /// A connection to read with.
    pub async fn read(&self) -> Result<Connection<'_>> {
        if let Some(replica) = &self.reads {
            return Ok(Connection::Pg(replica.connection().await?));
        }
        Ok(match &self.pools {
            Pools::Pg(pool) => Connection::Pg(pool.get().await?),
            Pools::Sqlite { read, .. } => Connection::Sqlite(read.get().await?),
        })
    }

    /// A connection to write with.
    pub async fn write(&self) -> Result<Connection<'_>> {
        Ok(match &self.pools {
            Pools::Pg(pool) => Connection::Pg(pool.get().await?),
            Pools::Sqlite { write, .. } => Connection::Sqlite(write.get().await?),
        })
    }

    /// A connection in a transaction that nothing else seems to run beside; it ends with [`Connection::commit`] or
    /// [`Connection::rollback`]. One that is dropped instead is closed.
    pub async fn begin(&self) -> Result<Connection<'_>> {
        self.write().await?.begin("BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN IMMEDIATE").await
    }

    /// A connection that reads everything as it is at one moment, whatever is written meanwhile, until
    /// [`Connection::rollback`].
    pub async fn snapshot(&self) -> Result<Connection<'_>> {
        self.read().await?.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "BEGIN").await
    }

    /// How many SQL statements were sent since the database was opened.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.sent()
    }

    /// How many of them had to be prepared: the others were found in the cache of their connection.
    #[must_use]
    pub fn prepared(&self) -> u64 {
        self.statements.prepared()
    }

    /// How the pools stand, by name.
    #[must_use]
    pub fn pools(&self) -> Vec<(&'static str, bb8::State)> {
        let mut pools = match &self.pools {
            Pools::Pg(pool) => vec![("all", pool.state())],
            Pools::Sqlite { read, write } => vec![("read", read.state()), ("write", write.state())],
        };
        pools.extend(self.replicas.iter().flat_map(|replicas| replicas.pools()).map(|state| ("replica", state)));
        pools
    }

    /// Whether the database has answered somebody within a time: where nobody finds a connection free, that tells whether it is
    /// busy or away. Of `SQLite` it is not known.
    #[must_use]
    pub fn answered_within(&self, time: Duration) -> bool {
        matches!(&self.pools, Pools::Pg(pool) if pool.connector().answered_within(time))
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        match self.read().await? {
            Connection::Pg(mut held) => {
                let answered = held.start().await?.batch_execute("SELECT 1").await;
                held.end(answered).await?;
            }
            Connection::Sqlite(mut cx) => cx.batch_execute("SELECT 1").await?,
        }
        Ok(())
    }
}

impl Connection<'_> {
    /// Opens a transaction by the statement that fits.
    async fn begin(mut self, pg: &'static str, sqlite: &'static str) -> Result<Self> {
        match &mut self {
            Connection::Pg(held) => held.begin(pg).await?,
            Connection::Sqlite(cx) => {
                use diesel::connection::AnsiTransactionManager;
                cx.spawn_blocking(move |cx| AnsiTransactionManager::begin_transaction_sql(cx, sqlite)).await?;
            }
        }
        Ok(self)
    }

    /// Ends the transaction and keeps what it wrote.
    ///
    /// # Errors
    /// When it met another one ([`Error::met_another`]): then nothing is kept. When the connection ends before the database has
    /// answered: then nobody knows ([`Error::of_commit`]).
    pub async fn commit(mut self) -> Result<()> {
        match &mut self {
            Connection::Pg(held) => held.finish(true).await?,
            Connection::Sqlite(cx) => {
                <sqlite::Cx as AsyncConnection>::TransactionManager::commit_transaction(&mut **cx).await?;
            }
        }
        Ok(())
    }

    /// Ends the transaction and keeps nothing of it.
    pub async fn rollback(mut self) -> Result<()> {
        match &mut self {
            Connection::Pg(held) => held.finish(false).await?,
            Connection::Sqlite(cx) => {
                <sqlite::Cx as AsyncConnection>::TransactionManager::rollback_transaction(&mut **cx).await?;
            }
        }
        Ok(())
    }
}

impl Pools {
    async fn open_sqlite(path: &str, options: PoolOptions, statements: &Counts) -> Result<Self> {
        // `synchronous = NORMAL` with WAL survives a crash of the process; `FULL` is not needed for that.
        let setup = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                     PRAGMA foreign_keys = ON;";
        let watch = Watch::new("sqlite", statements.clone(), options.slow);
        let file = |setup: String| {
            let path = path.to_owned();
            move || set_up(path.clone(), setup.clone()).boxed()
        };
        let in_time = options.acquire_timeout;
        let writer = manager::<sqlite::Cx>(file(setup.to_owned()), watch.clone(), in_time);
        let write = builder(1, options).build(writer).await.map_err(pool_error)?;
        let reader = manager::<sqlite::Cx>(file(format!("{setup} PRAGMA query_only = ON;")), watch, in_time);
        let read = builder(options.size, options).build(reader).await.map_err(pool_error)?;
        Ok(Self::Sqlite { read, write })
    }
}

fn builder<M: bb8::ManageConnection>(size: u32, options: PoolOptions) -> bb8::Builder<M> {
    bb8::Pool::builder().max_size(size).min_idle(Some(1)).connection_timeout(options.acquire_timeout)
}

async fn set_up(path: String, setup: String) -> ConnectionResult<sqlite::Cx> {
    let mut connection = sqlite::Cx::establish(&path).await?;
    connection.batch_execute(&setup).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Makes connections by `connect`, each within a time, that are watched as to what is sent over them.
fn manager<C>(
    connect: impl Fn() -> BoxFuture<'static, ConnectionResult<C>> + Send + Sync + 'static,
    watch: Watch,
    in_time: Duration,
) -> AsyncDieselConnectionManager<C>
where
    C: PoolableConnection + 'static,
{
    let mut config = ManagerConfig::default();
    // No question at each check-out: a connection that has broken is known by what became of it, even where that happened
    // while it was idle.
    config.recycling_method = RecyclingMethod::CustomFunction(Box::new(|connection: &mut C| {
        let whole = if connection.is_broken() { Err(DieselError::BrokenTransactionManager) } else { Ok(()) };
        ready(whole).boxed()
    }));
    config.custom_setup = Box::new(move |_| {
        let (connecting, watch) = (connect(), watch.clone());
        async move {
            let late = |_| ConnectionError::BadConnection("no connection was made in time".to_owned());
            let mut connection = timeout(in_time, connecting).await.map_err(late)??;
            connection.set_instrumentation(watch);
            Ok(connection)
        }
        .boxed()
    });
    AsyncDieselConnectionManager::new_with_config("", config)
}

fn pool_error(error: diesel_async::pooled_connection::PoolError) -> Error {
    Error::from(bb8::RunError::User(error))
}

/// A text to look for. PostgreSQL takes no NUL and no row has one: a text with one finds nothing, as on SQLite.
#[must_use]
pub fn sought(text: &str) -> String {
    text.replace('\0', "\u{fffe}")
}

/// The pattern of `LIKE` that matches what contains `text`, its special characters taken as they are.
fn contains_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in sought(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
