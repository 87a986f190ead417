//! The SQL of copying. Names of tables and columns in it come from the catalogue of the database, and are quoted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::SubsecRound;
use diesel::{
    QueryResult, QueryableByName,
    deserialize::{self, FromSql},
    query_builder::{BoxedSqlQuery, SqlQuery},
    row::{Field, NamedRow},
    sql_query,
    sql_types::{self, BigInt, Nullable, Text},
};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx, copy_catalog as catalog, demo_bulk, dialect};
use crate::{
    db::copy::model::{Column, Kind, Row, Table, Value, in_order},
    error::{Error, Result},
};

/// Microseconds: see [`Value`].
const DIGITS: u16 = 6;

#[derive(QueryableByName)]
struct ColumnLine {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    #[diesel(sql_type = sql_types::Integer)]
    place: i32,
}

#[derive(QueryableByName)]
struct ReferenceLine {
    #[diesel(sql_type = Text)]
    referring: String,
    #[diesel(sql_type = Text)]
    referred: String,
}

#[derive(QueryableByName)]
struct CounterLine {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = BigInt)]
    last: i64,
}

#[derive(QueryableByName)]
struct IdentityLine {
    #[diesel(sql_type = Text)]
    identity: String,
}

/// A select names each column after its kind, so that a row tells how to read it.
impl QueryableByName<Backend> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Backend>) -> deserialize::Result<Self> {
        let value = |at| -> deserialize::Result<Value> {
            let field = diesel::row::Row::get(row, at).ok_or("a column is missing")?;
            let kind = field.field_name().and_then(Kind::named).ok_or("a column of no known kind")?;
            Ok(match kind {
                Kind::Integer => Value::Integer(read::<BigInt, _, _>(&field)?),
                Kind::Double => Value::Double(read::<sql_types::Double, _, _>(&field)?),
                Kind::Text => Value::Text(read::<Text, _, _>(&field)?),
                Kind::Boolean => Value::Boolean(read::<sql_types::Bool, _, _>(&field)?),
                Kind::Timestamp => Value::Timestamp(
                    read::<sql_types::Timestamp, chrono::NaiveDateTime, _>(&field)?.map(|at| at.trunc_subsecs(DIGITS)),
                ),
                Kind::Date => Value::Date(read::<sql_types::Date, _, _>(&field)?),
                Kind::Time => Value::Time(
                    read::<sql_types::Time, chrono::NaiveTime, _>(&field)?.map(|at| at.trunc_subsecs(DIGITS)),
                ),
                Kind::Bytes => Value::Bytes(read::<sql_types::Binary, _, _>(&field)?),
            })
        };
        (0..row.field_count()).map(value).collect::<deserialize::Result<_>>().map(Row)
    }
}

fn read<'a, S, T: FromSql<S, Backend>, F: Field<'a, Backend>>(field: &F) -> deserialize::Result<Option<T>> {
    field.value().map(T::from_sql).transpose()
}

/// The tables, each after those that it refers to.
pub async fn tables(cx: &mut Cx) -> Result<Vec<Table>> {
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    let columns: Vec<ColumnLine> = sql_query(catalog::COLUMNS).load(cx).await?;
    for ColumnLine { table_name, name, declared, place } in columns {
        let kind = Kind::named(&declared).ok_or_else(|| {
            Error::internal(format!("{table_name}.{name} is of a type that is not copied: {declared}"))
        })?;
        tables.entry(table_name).or_default().push(Column { name, kind, place });
    }
    let references: Vec<ReferenceLine> = sql_query(catalog::REFERENCES).load(cx).await?;
    let references: BTreeSet<_> = references.into_iter().map(|line| (line.referring, line.referred)).collect();
    let tables = tables.into_iter().map(|(name, mut columns)| {
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        Table { name, columns }
    });
    in_order(tables.collect(), references)
}

/// Which database this is.
pub async fn identity(cx: &mut Cx) -> Result<String> {
    let line: IdentityLine = sql_query(catalog::IDENTITY).get_result(cx).await?;
    Ok(line.identity)
}

/// The last numbers that were given, by table.
pub async fn counters(cx: &mut Cx) -> Result<BTreeMap<String, i64>> {
    let lines: Vec<CounterLine> = sql_query(catalog::COUNTERS).load(cx).await?;
    Ok(lines.into_iter().map(|line| (line.table_name, line.last)).collect())
}

/// Lets the numbers of a table go on after `last`.
pub async fn go_on(cx: &mut Cx, table: &str, last: i64) -> Result<()> {
    for statement in catalog::GO_ON {
        sql_query(statement).bind::<Text, _>(table.to_owned()).bind::<BigInt, _>(last).execute(cx).await?;
    }
    Ok(())
}

/// The rows of a table after the one with a key, as many as `most`, in the order of the key.
pub async fn page(cx: &mut Cx, table: &Table, after: Option<&[Value]>, most: usize) -> Result<Vec<Row>> {
    let columns = table.columns.iter().map(|column| {
        let name = quoted(&column.name);
        match column.kind {
            // One width, whichever it has there.
            Kind::Integer => format!("CAST(t.{name} AS bigint) AS \"{}\"", column.kind.name()),
            kind => format!("t.{name} AS \"{}\"", kind.name()),
        }
    });
    let columns = joined(columns);
    let key = joined(table.key().into_iter().map(|at| format!("t.{}", quoted(&table.columns[at].name))));
    let beyond = after.map(|after| format!("WHERE ({key}) > ({})", places(0, after.len())));
    let statement = format!(
        "SELECT {columns} FROM {} AS t {} ORDER BY {key} LIMIT {most}",
        quoted(&table.name),
        beyond.unwrap_or_default()
    );
    let query = with(statement, after.into_iter().flatten().cloned());
    Ok(query.load(cx).await?)
}

/// Inserts rows; where triggers have written to the table, over what they wrote.
pub async fn insert(cx: &mut Cx, table: &Table, rows: Vec<Row>) -> QueryResult<usize> {
    let width = table.columns.len();
    let columns = joined(table.columns.iter().map(|column| quoted(&column.name)));
    let values = joined((0..rows.len()).map(|row| format!("({})", places(row * width, width))));
    let over = if table.is_kept() { over(table) } else { String::new() };
    let statement = format!("INSERT INTO {} ({columns}) VALUES {values} {over}", quoted(&table.name));
    with(statement, rows.into_iter().flat_map(|row| row.0)).execute(cx).await
}

/// After the transaction: what the planner goes by.
pub async fn settle(cx: &mut Cx) -> Result<()> {
    Ok(demo_bulk::settle(cx).await?)
}

/// What an insert does where there is a row of that key.
fn over(table: &Table) -> String {
    let key = joined(table.key().into_iter().map(|at| quoted(&table.columns[at].name)));
    let others = table.columns.iter().filter(|column| column.place == 0).map(|column| quoted(&column.name));
    let set = joined(others.map(|name| format!("{name} = excluded.{name}")));
    if set.is_empty() {
        return format!("ON CONFLICT ({key}) DO NOTHING");
    }
    format!("ON CONFLICT ({key}) DO UPDATE SET {set}")
}

/// A statement with its values bound.
fn with(statement: String, values: impl Iterator<Item = Value>) -> BoxedSqlQuery<'static, Backend, SqlQuery> {
    values.fold(sql_query(statement).into_boxed(), |query, value| match value {
        Value::Integer(value) => query.bind::<Nullable<BigInt>, _>(value),
        Value::Double(value) => query.bind::<Nullable<sql_types::Double>, _>(value),
        Value::Text(value) => query.bind::<Nullable<Text>, _>(value),
        Value::Boolean(value) => query.bind::<Nullable<sql_types::Bool>, _>(value),
        Value::Timestamp(value) => query.bind::<Nullable<sql_types::Timestamp>, _>(value),
        Value::Date(value) => query.bind::<Nullable<sql_types::Date>, _>(value),
        Value::Time(value) => query.bind::<Nullable<sql_types::Time>, _>(value),
        Value::Bytes(value) => query.bind::<Nullable<sql_types::Binary>, _>(value),
    })
}

/// So many places for values, after the first `before`.
fn places(before: usize, count: usize) -> String {
    joined((before + 1..=before + count).map(dialect::place))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A name as both databases quote it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
