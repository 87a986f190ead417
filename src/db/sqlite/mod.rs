//! The stores, compiled for SQLite.
#![allow(missing_docs, reason = "the types that Diesel's `auto_type` names after functions cannot be documented")]

/// Diesel's back end.
pub type Backend = diesel::sqlite::Sqlite;
/// A connection.
pub type Cx = diesel_async::sync_connection_wrapper::SyncConnectionWrapper<diesel::SqliteConnection>;

pub mod dialect;

#[path = "../../attendance/store.rs"]
pub mod attendance;
#[path = "../../auth/store.rs"]
pub mod auth;
#[path = "../../batches/store.rs"]
pub mod batches;
#[path = "../../courses/store.rs"]
pub mod courses;
#[path = "../../demo/store.rs"]
pub(crate) mod demo;
#[path = "../../demo/bulk_sqlite.rs"]
mod demo_bulk;
#[path = "../../institute/store.rs"]
pub mod institute;
#[path = "../../students/store.rs"]
pub mod students;
