//! Loading an empty database at once, on SQLite.

use diesel::{QueryResult, SqliteConnection, query_dsl::methods::ExecuteDsl};
use diesel_async::SimpleAsyncConnection;

use super::Cx;

/// An insert of many rows.
pub trait Batch: ExecuteDsl<SqliteConnection> + Send + 'static {}
impl<S> Batch for S where S: ExecuteDsl<SqliteConnection> + Send + 'static {}

/// Before rows are written, inside of the transaction. Triggers count attendance here as ever.
#[expect(clippy::unused_async, reason = "the other back end awaits")]
pub async fn begin(_: &mut Cx) -> QueryResult<()> {
    Ok(())
}

/// After they are.
#[expect(clippy::unused_async, reason = "the other back end awaits")]
pub async fn finish(_: &mut Cx) -> QueryResult<()> {
    Ok(())
}

/// After the transaction: what the planner goes by; and the log is written back.
pub async fn settle(cx: &mut Cx) -> QueryResult<()> {
    cx.batch_execute("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);").await
}
