//! The SQL of which migrations were applied: read as anything is, so that it takes no lock, makes no table and needs no session.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::RunQueryDsl;

use super::{Cx, dialect};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The versions of the migrations that were applied, in order.
pub async fn versions(cx: &mut Cx) -> QueryResult<Vec<String>> {
    let Count { n } = sql_query(dialect::MIGRATED).get_result(cx).await?;
    if n == 0 {
        return Ok(Vec::new());
    }
    let applied: Vec<Applied> =
        sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load(cx).await?;
    Ok(applied.into_iter().map(|applied| applied.version).collect())
}
