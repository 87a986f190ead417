//! What SQLite does its own way.

use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection, dsl,
    expression_methods::{EscapeExpressionMethods, TextExpressionMethods},
    query_dsl::methods::{ExecuteDsl, LoadQuery},
};

use super::Cx;

/// Counts the tables that migrations are written down in: none, before the first.
pub const MIGRATED: &str = "SELECT count(*) AS n FROM sqlite_schema WHERE name = '__diesel_schema_migrations'";

/// The most rows of `columns` columns that one statement can insert: SQLite takes 32,766 bind variables.
#[must_use]
pub fn rows_per_insert(columns: usize) -> usize {
    32_000 / columns
}

/// The place in a statement of the value with a number, from 1.
#[must_use]
pub fn place(number: usize) -> String {
    format!("?{number}")
}

/// Whether a text column contains `text`, whatever the case (of ASCII).
pub fn contains<C>(column: C, text: &str) -> dsl::Escape<dsl::Like<C, String>>
where
    C: TextExpressionMethods + diesel::Expression<SqlType = diesel::sql_types::Text>,
{
    column.like(crate::db::contains_pattern(text)).escape('\\')
}

/// Runs an insert of many rows: asynchronously Diesel has none for SQLite, so this is a blocking call on its own thread.
pub async fn execute_batch<S>(cx: &mut Cx, statement: S) -> QueryResult<usize>
where
    S: ExecuteDsl<SqliteConnection> + Send + 'static,
{
    cx.spawn_blocking(move |cx| S::execute(statement, cx)).await
}

/// Runs an insert of many rows that returns them; see [`execute_batch`].
pub async fn load_batch<S, U>(cx: &mut Cx, statement: S) -> QueryResult<Vec<U>>
where
    S: LoadQuery<'static, SqliteConnection, U> + RunQueryDsl<SqliteConnection> + Send + 'static,
    U: Send + 'static,
{
    cx.spawn_blocking(move |cx| RunQueryDsl::get_results(statement, cx)).await
}
