//! Migrations: which there are, and how they are applied by one process at a time, and give way to who is at work.
//!
//! On PostgreSQL a lock of the session keeps others out, and each migration has a transaction of its own; none waits for a
//! table for longer than a moment, for whoever comes after it would wait as well. On SQLite all of them are one transaction,
//! which nobody else writes beside.

use std::{collections::BTreeSet, time::Duration};

use diesel::{
    define_sql_function, migration::MigrationSource, result::Error as DieselError, select, sql_types::BigInt,
};
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, SimpleAsyncConnection, TransactionManager,
    pooled_connection::bb8::{Pool, PooledConnection},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::time::sleep;

use super::{
    Db, Pools,
    pg::connector::{Connector, Pooling},
    sqlite,
};
use crate::{
    dispatch,
    error::{Error, Result},
};

const PG: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

define_sql_function! {
    /// Takes a lock of the session, if nobody has it.
    fn pg_try_advisory_lock(key: BigInt) -> Bool;
}

/// The lock of who migrates a database: "rollcall" in ASCII.
const LOCK: i64 = 0x726f_6c6c_6361_6c6c;
/// How often a migration is tried whose tables are locked.
const TRIES: u32 = 20;
/// The pause between two of these, in which others get at the tables.
const PAUSE: Duration = Duration::from_secs(2);
/// What a session that migrates is set to. A statement takes as long as it takes; for a lock it waits less than anybody notices.
const SETTINGS: &str =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '2s'";

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// What a step came to.
enum Step {
    /// This migration was applied.
    Applied(String),
    /// What this one changes is locked by somebody.
    Locked(String),
    /// There is nothing more to do.
    Nothing,
}

impl Db {
    /// Names of the migrations that were not applied yet, in order.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        let (applied, mut pending) = (self.applied().await?, Vec::new());
        for (version, name) in self.known()? {
            if !applied.contains(&version) {
                pending.push(name);
            }
        }
        pending.sort();
        Ok(pending)
    }

    /// Versions of the migrations that were applied and that this program does not know: a newer one applied them.
    pub async fn unknown_migrations(&self) -> Result<Vec<String>> {
        let known: BTreeSet<String> = self.known()?.into_iter().map(|(version, _)| version).collect();
        Ok(self.applied().await?.into_iter().filter(|version| !known.contains(version)).collect())
    }

    /// Applies every pending migration and names those that it applied: another process may have applied others meanwhile.
    ///
    /// # Errors
    /// When one fails, or the database has others that this program does not know besides.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        let (pending, unknown) = (self.pending_migrations().await?, self.unknown_migrations().await?);
        if !pending.is_empty() && !unknown.is_empty() {
            let (pending, unknown) = (pending.join(", "), unknown.join(", "));
            return Err(Error::bad_input(format!(
                "the database has migrations that this program does not know ({unknown}), and lacks others ({pending}): \
                 migrate it with the newer program"
            )));
        }
        self.run(Direction::Up).await
    }

    /// Reverts every applied migration, newest first, and names them. All data is lost.
    pub async fn revert(&self) -> Result<Vec<String>> {
        self.run(Direction::Down).await
    }

    async fn applied(&self) -> Result<Vec<String>> {
        let mut connection = self.read().await?;
        Ok(dispatch!(connection, applied::versions())?)
    }

    /// The versions and names of the migrations that this program knows.
    fn known(&self) -> Result<Vec<(String, String)>> {
        match &self.pools {
            Pools::Pg(_) => known::<diesel::pg::Pg>(&PG),
            Pools::Sqlite { .. } => known::<diesel::sqlite::Sqlite>(&SQLITE),
        }
    }

    async fn run(&self, direction: Direction) -> Result<Vec<String>> {
        match &self.pools {
            Pools::Pg(pool) => on_pg(pool.connector(), direction).await,
            Pools::Sqlite { write, .. } => on_sqlite(write, direction).await,
        }
    }
}

fn known<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<(String, String)>> {
    let known = MigrationSource::<DB>::migrations(source).map_err(Error::migration)?;
    Ok(known.iter().map(|known| (known.name().version().to_string(), known.name().to_string())).collect())
}

async fn on_pg(by: &Connector, direction: Direction) -> Result<Vec<String>> {
    use diesel_async::RunQueryDsl;

    if by.pooling() == Pooling::Transaction {
        return Err(Error::internal("migrations need a session of their own: set DATABASE_MIGRATION_URL"));
    }
    let mut cx = by.connect().await.map_err(|error| Error::unavailable(format!("database: {error}")))?;
    cx.batch_execute(SETTINGS).await?;
    // Given up when the connection is closed. It is not waited for in a statement, which an index that is made concurrently
    // would wait for in turn.
    let mut told = false;
    while !select(pg_try_advisory_lock(LOCK)).get_result::<bool>(&mut cx).await? {
        if !std::mem::replace(&mut told, true) {
            tracing::info!("another process migrates this database: waiting for it");
        }
        sleep(PAUSE / 4).await;
    }
    let mut harness = AsyncMigrationHarness::new(cx);
    let (mut done, mut tries) = (Vec::new(), 0);
    loop {
        match step(&mut harness, PG, direction)? {
            Step::Nothing => return Ok(done),
            Step::Applied(name) => {
                done.push(name);
                tries = 0;
            }
            Step::Locked(name) => {
                tries += 1;
                if tries == TRIES {
                    return Err(Error::unavailable(format!(
                        "migration {name}: what it changes is locked by a transaction that does not end; nothing of it \
                         was applied: try again"
                    )));
                }
                tracing::warn!(
                    migration = name,
                    tries,
                    "what it changes is locked: others go first, and then it is tried again"
                );
                sleep(PAUSE).await;
            }
        }
    }
}

async fn on_sqlite(write: &Pool<sqlite::Cx>, direction: Direction) -> Result<Vec<String>> {
    type Manager = <sqlite::Cx as AsyncConnection>::TransactionManager;
    let mut connection = write.get_owned().await?;
    while let Err(error) = alone(&mut connection).await {
        if !is_locked(&error.to_string()) {
            return Err(error.into());
        }
        tracing::info!("another process writes to this database: waiting for it");
    }
    let mut harness = AsyncMigrationHarness::new(connection);
    let mut done = Vec::new();
    let ended = loop {
        match step(&mut harness, SQLITE, direction) {
            Ok(Step::Applied(name)) => done.push(name),
            Ok(Step::Nothing) => break Ok(()),
            Ok(Step::Locked(name)) => {
                break Err(Error::unavailable(format!("migration {name}: the database is locked")));
            }
            Err(error) => break Err(error),
        }
    };
    let mut connection = harness.into_inner();
    if ended.is_ok() {
        Manager::commit_transaction(&mut *connection).await?;
    } else {
        Manager::rollback_transaction(&mut *connection).await?;
    }
    ended.map(|()| done)
}

/// Begins a transaction beside which nobody writes; the time to wait for it is that of `PRAGMA busy_timeout`.
async fn alone(connection: &mut PooledConnection<'static, sqlite::Cx>) -> Result<(), DieselError> {
    use diesel::connection::AnsiTransactionManager;
    connection.spawn_blocking(|cx| AnsiTransactionManager::begin_transaction_sql(cx, "BEGIN IMMEDIATE")).await
}

/// Applies or reverts the next migration, in a transaction of its own.
fn step<DB: diesel::backend::Backend>(
    harness: &mut impl MigrationHarness<DB>,
    source: EmbeddedMigrations,
    direction: Direction,
) -> Result<Step> {
    let ran = match direction {
        Direction::Up => {
            let pending = harness.pending_migrations(source).map_err(Error::migration)?;
            let Some(next) = pending.first() else { return Ok(Step::Nothing) };
            (next.name().to_string(), harness.run_migration(&**next).map(|_| ()))
        }
        Direction::Down => {
            let Some(last) = harness.applied_migrations().map_err(Error::migration)?.into_iter().next() else {
                return Ok(Step::Nothing);
            };
            (last.to_string(), harness.revert_last_migration(source).map(|_| ()))
        }
    };
    match ran {
        (name, Ok(())) => Ok(Step::Applied(name)),
        (name, Err(error)) if is_locked(&error.to_string()) => Ok(Step::Locked(name)),
        (_, Err(error)) => Err(Error::migration(error)),
    }
}

/// Whether it was a lock that was waited for in vain: the databases say so in words, and Diesel hands on no more.
fn is_locked(told: &str) -> bool {
    ["canceling statement due to lock timeout", "database is locked"].iter().any(|words| told.contains(words))
}
