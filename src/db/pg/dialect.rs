//! What PostgreSQL does its own way.

use diesel::{QueryResult, dsl, expression_methods::PgTextExpressionMethods};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl,
    methods::{ExecuteDsl, LoadQuery},
};

/// Counts the tables that migrations are written down in: none, before the first.
pub const MIGRATED: &str = "SELECT (to_regclass('__diesel_schema_migrations') IS NOT NULL)::int4::int8 AS n";

/// The most rows of `columns` columns that one statement can insert: the protocol counts bind variables in 16 bits.
#[must_use]
pub fn rows_per_insert(columns: usize) -> usize {
    65_000 / columns
}

/// The place in a statement of the value with a number, from 1.
#[must_use]
pub fn place(number: usize) -> String {
    format!("${number}")
}

/// Whether a text column contains `text`, whatever the case.
pub fn contains<C>(column: C, text: &str) -> dsl::ILike<C, String>
where
    C: PgTextExpressionMethods + diesel::Expression<SqlType = diesel::sql_types::Text>,
{
    column.ilike(crate::db::contains_pattern(text))
}

/// Runs an insert of many rows.
pub async fn execute_batch<S>(cx: &mut AsyncPgConnection, statement: S) -> QueryResult<usize>
where
    S: ExecuteDsl<AsyncPgConnection> + RunQueryDsl<AsyncPgConnection> + Send + 'static,
{
    statement.execute(cx).await
}

/// Runs an insert of many rows that returns them.
pub async fn load_batch<S, U>(cx: &mut AsyncPgConnection, statement: S) -> QueryResult<Vec<U>>
where
    S: LoadQuery<'static, AsyncPgConnection, U> + RunQueryDsl<AsyncPgConnection> + Send + 'static,
    U: Send + 'static,
{
    statement.get_results(cx).await
}
