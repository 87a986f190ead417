//! The databases: pools, connections, migrations, and the one dispatch between the two back ends.
//!
//! A store is written once, in plain Diesel, against the names `Backend` and `Cx` of its parent module, and compiled for
//! each back end: as `db::pg::<store>` and as `db::sqlite::<store>`. [`dispatch!`](crate::dispatch) calls the one that
//! fits the connection at hand.

use std::{collections::BTreeSet, time::Duration};

use diesel::{
    ConnectionError, QueryDsl,
    migration::MigrationSource,
    result::{DatabaseErrorKind, Error::DatabaseError},
};
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, AsyncMigrationHarness, SimpleAsyncConnection, TransactionManager,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, PoolableConnection, RecyclingMethod,
        bb8::{Pool, PooledConnection},
    },
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_util::{FutureExt, future::ready};
use tokio::time::timeout;

use self::pg::held::Held;
use crate::{
    error::{Error, Result},
    telemetry::sql::{Counts, Watch},
};

pub mod copy;
pub mod expressions;
pub mod paging;
pub mod pg;
#[expect(missing_docs, reason = "generated")]
pub mod schema;
pub mod sqlite;
pub mod text_enum;

const PG_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

diesel::table! {
    /// Where Diesel notes what was applied.
    #[sql_name = "__diesel_schema_migrations"]
    applied_migrations (version) {
        /// The beginning of its name.
        version -> Text,
    }
}

/// How long it may take to make a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How pools are made.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// Connections at most, for reads on SQLite and for everything on PostgreSQL.
    pub size: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL works on one statement.
    pub statement_timeout: Duration,
    /// From when on a statement is slow, and logged.
    pub slow: Option<Duration>,
}

/// An open database.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    statements: Counts,
}

#[derive(Clone)]
enum Pools {
    Pg(Pool<pg::Cx>),
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
                let done = $crate::db::pg::$store::$function(held.start(), $($argument),*).await;
                held.end();
                done
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
            Pools::open_pg(url, options, &statements).await?
        };
        Ok(Self { pools, statements })
    }

    /// A connection to read with.
    pub async fn read(&self) -> Result<Connection<'_>> {
        Ok(match &self.pools {
            Pools::Pg(pool) => Connection::Pg(Held::new(pool.get().await?)),
            Pools::Sqlite { read, .. } => Connection::Sqlite(read.get().await?),
        })
    }

    /// A connection to write with.
    pub async fn write(&self) -> Result<Connection<'_>> {
        Ok(match &self.pools {
            Pools::Pg(pool) => Connection::Pg(Held::new(pool.get().await?)),
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
        match &self.pools {
            Pools::Pg(pool) => vec![("all", pool.state())],
            Pools::Sqlite { read, write } => vec![("read", read.state()), ("write", write.state())],
        }
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        match self.read().await? {
            Connection::Pg(mut held) => {
                let answered = held.start().batch_execute("SELECT 1").await;
                held.end();
                answered?;
            }
            Connection::Sqlite(mut cx) => cx.batch_execute("SELECT 1").await?,
        }
        Ok(())
    }

    /// How many of this program's migrations the database has not. It is asked over a connection of the pool, and so answers
    /// as well whether the database does.
    pub async fn missing_migrations(&self) -> Result<usize> {
        use self::applied_migrations::dsl::{applied_migrations, version};
        use diesel_async::RunQueryDsl;

        let applied: Vec<String> = match self.read().await? {
            Connection::Pg(mut held) => {
                let found = applied_migrations.select(version).load(held.start()).await;
                held.end();
                found?
            }
            Connection::Sqlite(mut cx) => applied_migrations.select(version).load(&mut *cx).await?,
        };
        // Their names are the same in both.
        let known = MigrationSource::<pg::Backend>::migrations(&PG_MIGRATIONS).map_err(Error::migration)?;
        Ok(known.iter().filter(|known| !applied.contains(&known.name().version().to_string())).count())
    }

    /// Names of the migrations that were not applied yet, in order.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        self.migrations(Direction::Look).await
    }

    /// Applies every pending migration and names them.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        self.migrations(Direction::Up).await
    }

    /// Reverts every applied migration, newest first, and names them. All data is lost.
    pub async fn revert(&self) -> Result<Vec<String>> {
        self.migrations(Direction::Down).await
    }

    /// Versions of the migrations that were applied and that this program does not know: a newer one applied them.
    pub async fn unknown_migrations(&self) -> Result<Vec<String>> {
        self.migrations(Direction::Unknown).await
    }

    async fn migrations(&self, direction: Direction) -> Result<Vec<String>> {
        match &self.pools {
            Pools::Pg(pool) => {
                let connection = pool.dedicated_connection().await.map_err(pool_error)?;
                run_migrations(AsyncMigrationHarness::new(connection), || PG_MIGRATIONS, direction)
            }
            Pools::Sqlite { write, .. } => {
                let connection = write.get_owned().await?;
                run_migrations(AsyncMigrationHarness::new(connection), || SQLITE_MIGRATIONS, direction)
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Look,
    Unknown,
    Up,
    Down,
}

fn run_migrations<DB: diesel::backend::Backend>(
    mut harness: impl MigrationHarness<DB>,
    source: impl Fn() -> EmbeddedMigrations,
    direction: Direction,
) -> Result<Vec<String>> {
    let pending = harness.pending_migrations(source()).map_err(Error::migration)?;
    let pending = pending.iter().map(|migration| migration.name().to_string()).collect();
    match direction {
        Direction::Look => Ok(pending),
        Direction::Unknown => {
            let known = MigrationSource::<DB>::migrations(&source()).map_err(Error::migration)?;
            let known: BTreeSet<String> = known.iter().map(|known| known.name().version().to_string()).collect();
            let applied = harness.applied_migrations().map_err(Error::migration)?;
            Ok(applied.iter().map(ToString::to_string).filter(|version| !known.contains(version)).rev().collect())
        }
        Direction::Up => {
            harness.run_pending_migrations(source()).map_err(Error::migration)?;
            Ok(pending)
        }
        Direction::Down => {
            let reverted = harness.revert_all_migrations(source()).map_err(Error::migration)?;
            Ok(reverted.iter().map(ToString::to_string).collect())
        }
    }
}

impl Connection<'_> {
    /// Opens a transaction by the statement that fits.
    async fn begin(mut self, pg: &'static str, sqlite: &'static str) -> Result<Self> {
        match &mut self {
            Connection::Pg(held) => {
                let opened = AnsiTransactionManager::begin_transaction_sql(held.start(), pg).await;
                held.end();
                opened?;
            }
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
    /// answered: then nobody knows, and the message says so.
    pub async fn commit(mut self) -> Result<()> {
        match &mut self {
            Connection::Pg(held) => {
                let ended = <pg::Cx as AsyncConnection>::TransactionManager::commit_transaction(held.start()).await;
                held.end();
                ended.map_err(|error| Error::from(error).of_commit())?;
            }
            Connection::Sqlite(cx) => {
                <sqlite::Cx as AsyncConnection>::TransactionManager::commit_transaction(&mut **cx).await?;
            }
        }
        Ok(())
    }

    /// Ends the transaction and keeps nothing of it.
    pub async fn rollback(mut self) -> Result<()> {
        match &mut self {
            Connection::Pg(held) => {
                let ended = <pg::Cx as AsyncConnection>::TransactionManager::rollback_transaction(held.start()).await;
                held.end();
                ended?;
            }
            Connection::Sqlite(cx) => {
                <sqlite::Cx as AsyncConnection>::TransactionManager::rollback_transaction(&mut **cx).await?;
            }
        }
        Ok(())
    }
}

impl Pools {
    async fn open_pg(url: &str, options: PoolOptions, statements: &Counts) -> Result<Self> {
        let setup = format!("SET statement_timeout = {}; SET timezone = 'UTC'", options.statement_timeout.as_millis());
        let manager = manager::<pg::Cx>(url, setup, Watch::new("postgresql", statements.clone(), options.slow));
        let pool = builder(options.size, options).build(manager).await.map_err(pool_error)?;
        Ok(Self::Pg(pool))
    }

    async fn open_sqlite(path: &str, options: PoolOptions, statements: &Counts) -> Result<Self> {
        // `synchronous = NORMAL` with WAL survives a crash of the process; `FULL` is not needed for that.
        let setup = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                     PRAGMA foreign_keys = ON;";
        let watch = Watch::new("sqlite", statements.clone(), options.slow);
        let writer = manager::<sqlite::Cx>(path, setup.to_owned(), watch.clone());
        let write = builder(1, options).build(writer).await.map_err(pool_error)?;
        let reader = manager::<sqlite::Cx>(path, format!("{setup} PRAGMA query_only = ON;"), watch);
        let read = builder(options.size, options).build(reader).await.map_err(pool_error)?;
        Ok(Self::Sqlite { read, write })
    }
}

fn builder<M: bb8::ManageConnection>(size: u32, options: PoolOptions) -> bb8::Builder<M> {
    bb8::Pool::builder().max_size(size).min_idle(Some(1)).connection_timeout(options.acquire_timeout)
}

/// Makes connections that are set up alike, and watched as to what is sent over them.
fn manager<C>(url: &str, setup: String, watch: Watch) -> AsyncDieselConnectionManager<C>
where
    C: AsyncConnection + SimpleAsyncConnection + PoolableConnection + 'static,
{
    let mut config = ManagerConfig::default();
    // No question at each check-out: a connection that was hung up on is known to be by the one who holds it.
    config.recycling_method = RecyclingMethod::CustomFunction(Box::new(|connection: &mut C| {
        let closed = || DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new("connection closed".to_owned()));
        ready(if connection.is_broken() { Err(closed()) } else { Ok(()) }).boxed()
    }));
    config.custom_setup = Box::new(move |url| {
        let (url, setup, watch) = (url.to_owned(), setup.clone(), watch.clone());
        let make = async move {
            let mut connection = C::establish(&url).await?;
            connection.batch_execute(&setup).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
            connection.set_instrumentation(watch);
            Ok(connection)
        };
        // Who does not answer has a place of the pool until then.
        let late = || ConnectionError::BadConnection("it took too long to connect".to_owned());
        async move { timeout(CONNECT, make).await.unwrap_or_else(|_| Err(late())) }.boxed()
    });
    AsyncDieselConnectionManager::new_with_config(url, config)
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
