//! A whole institute from one database into another: `rollcall db copy`.
//!
//! What is copied, and how, the catalogue says: every table with every column, in the order of the foreign keys, so that a
//! table that a migration adds is copied without a word here. The source is read as it is at one moment; the target is
//! written in one transaction, its constraints and triggers in force, and read again before that is committed: each table
//! must have as many rows as the source, and the same digest of them. Numbers stay as they are, and go on after the last
//! that was ever given, so that what names a row (global ids, the audit log) names no other.

use std::{collections::BTreeMap, path::Path, time::Duration};

use self::model::{Row, Sum, Table, Value};
use crate::{
    db::{Connection, Db, PoolOptions, Pooling},
    dispatch,
    error::{Error, Result},
};

pub mod model;

/// Rows in memory at a time. A statement takes a value for each of their columns: far less than either database allows.
const PAGE: usize = 500;

/// What a table has in both databases.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The table.
    pub table: String,
    /// Its rows.
    pub sum: Sum,
}

/// Copies what is in the database of one URL to that of another, and prints what was copied.
///
/// # Errors
/// As [`copy`], and when a URL names no database.
pub async fn run(from: &str, to: &str, options: PoolOptions) -> Result<()> {
    // A table takes as long as it takes, and settings are changed for it.
    let options = PoolOptions { size: 1, statement_timeout: Duration::ZERO, pooling: Pooling::Session, ..options };
    let (from, to) = (open("source", from, options).await?, open("target", to, options).await?);
    let copied = copy(&from, &to).await?;
    for Copied { table, sum } in &copied {
        println!("{table:<24} {:>12}  {}", sum.rows, sum.digest());
    }
    let rows: u64 = copied.iter().map(|copied| copied.sum.rows).sum();
    println!("{} tables, {rows} rows: the same in both", copied.len());
    settle(&to).await
}

/// Opens a database that must be there, with all that this program knows of migrations, and no others.
async fn open(which: &str, url: &str, options: PoolOptions) -> Result<Db> {
    // A URL can hold a password: it is not repeated.
    match url.strip_prefix("sqlite:") {
        Some(path) if !Path::new(path).is_file() => {
            return Err(Error::bad_input(format!("the {which} is no file")));
        }
        None if !url.starts_with("postgres://") && !url.starts_with("postgresql://") => {
            return Err(Error::bad_input(format!("the {which} is neither sqlite:<path> nor postgres://…")));
        }
        _ => {}
    }
    let db = Db::open(url, options).await?;
    let (pending, unknown) = (db.pending_migrations().await?, db.unknown_migrations().await?);
    if !pending.is_empty() {
        let pending = pending.join(", ");
        return Err(Error::bad_input(format!(
            "the {which} lacks migrations ({pending}): run `rollcall migrate` on it"
        )));
    }
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(Error::bad_input(format!(
            "the {which} has migrations that this program does not know ({unknown}): use the newer one"
        )));
    }
    Ok(db)
}

/// Copies everything from one database into another, which has the same migrations and no row, and says what it was.
///
/// # Errors
/// When they are one and the same, when there is anything in the target, when a row is refused there, or when the two differ
/// in the end. Then nothing is written.
pub async fn copy(from: &Db, to: &Db) -> Result<Vec<Copied>> {
    let (mut source, mut target) = (from.snapshot().await?, to.begin().await?);
    let copied = transfer(&mut source, &mut target).await;
    source.rollback().await?;
    match copied {
        Ok(copied) => {
            target.commit().await?;
            Ok(copied)
        }
        Err(error) => {
            target.rollback().await?;
            Err(error)
        }
    }
}

async fn transfer(source: &mut Connection<'_>, target: &mut Connection<'_>) -> Result<Vec<Copied>> {
    if dispatch!(*source, copy::identity())? == dispatch!(*target, copy::identity())? {
        return Err(Error::bad_input("the source and the target are the same database"));
    }
    let tables = dispatch!(*source, copy::tables())?;
    if tables != dispatch!(*target, copy::tables())? {
        return Err(Error::bad_input("the two databases do not have the same tables"));
    }
    let mut taken = Vec::new();
    for table in &tables {
        if !dispatch!(*target, copy::page(table, None, 1))?.is_empty() {
            taken.push(table.name.as_str());
        }
    }
    if !taken.is_empty() {
        let taken = taken.join(", ");
        return Err(Error::bad_input(format!(
            "there are rows in the target already, and nothing is written over ({taken})"
        )));
    }

    let mut last_given = dispatch!(*source, copy::counters())?;
    let mut copied = Vec::new();
    for table in tables {
        let sum = write(source, target, &table, &mut last_given).await?;
        tracing::info!(table = table.name, rows = sum.rows, "written");
        copied.push((table, sum));
    }
    compare(target, &copied).await?;
    for (table, last) in last_given {
        dispatch!(*target, copy::go_on(&table, last))?;
    }
    Ok(copied.into_iter().map(|(table, sum)| Copied { table: table.name, sum }).collect())
}

/// Copies the rows of a table. A number that is in it was given, whatever the counter says.
async fn write(
    source: &mut Connection<'_>,
    target: &mut Connection<'_>,
    table: &Table,
    last_given: &mut BTreeMap<String, i64>,
) -> Result<Sum> {
    let (mut sum, mut after) = (Sum::default(), None);
    while let Some((rows, last)) = next(source, table, after.as_deref()).await? {
        sum.add(&rows);
        dispatch!(*target, copy::insert(table, rows))
            .map_err(|error| Error::internal(format!("{}: {error}", table.name)))?;
        after = Some(last);
    }
    if let (Some(counter), Some([Value::Integer(Some(number))])) = (last_given.get_mut(&table.name), after.as_deref()) {
        *counter = (*counter).max(*number);
    }
    Ok(sum)
}

/// Reads everything that was written again: whatever a database made of it, it must be the same.
async fn compare(target: &mut Connection<'_>, copied: &[(Table, Sum)]) -> Result<()> {
    let mut different = Vec::new();
    for (table, expected) in copied {
        let (mut sum, mut after) = (Sum::default(), None);
        while let Some((rows, last)) = next(target, table, after.as_deref()).await? {
            sum.add(&rows);
            after = Some(last);
        }
        if sum != *expected {
            different.push(format!("{} ({} rows, and {} in the source)", table.name, sum.rows, expected.rows));
        }
    }
    if different.is_empty() {
        return Ok(());
    }
    let different = different.join(", ");
    Err(Error::internal(format!("nothing was copied: the target would not be the same as the source in {different}")))
}

/// The next rows of a table, and the key of the last of them.
async fn next(
    connection: &mut Connection<'_>,
    table: &Table,
    after: Option<&[Value]>,
) -> Result<Option<(Vec<Row>, Vec<Value>)>> {
    let rows = dispatch!(*connection, copy::page(table, after, PAGE))?;
    let last = rows.last().map(|row| table.key().into_iter().map(|at| row.0[at].clone()).collect());
    Ok(last.map(|last| (rows, last)))
}

async fn settle(db: &Db) -> Result<()> {
    let mut connection = db.write().await?;
    dispatch!(connection, copy::settle())
}
