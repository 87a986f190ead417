//! The stores, compiled for PostgreSQL.
#![allow(missing_docs, reason = "the types that Diesel's `auto_type` names after functions cannot be documented")]

/// Diesel's back end.
pub type Backend = diesel::pg::Pg;
/// A connection.
pub type Cx = diesel_async::AsyncPgConnection;

pub mod dialect;

#[path = "../../attendance/store.rs"]
pub mod attendance;
#[path = "../../attendance/counts.rs"]
pub mod attendance_counts;
#[path = "../../audit/store.rs"]
pub mod audit;
#[path = "../../auth/store.rs"]
pub mod auth;
#[path = "../../auth/profile_write.rs"]
pub mod auth_profile_write;
#[path = "../../auth/write.rs"]
pub mod auth_write;
#[path = "../../batches/store.rs"]
pub mod batches;
#[path = "../../batches/write.rs"]
pub mod batches_write;
#[path = "../../change/store.rs"]
pub mod change;
#[path = "../../courses/store.rs"]
pub mod courses;
#[path = "../../courses/write.rs"]
pub mod courses_write;
#[path = "../../demo/store.rs"]
pub(crate) mod demo;
#[path = "../../demo/bulk_pg.rs"]
mod demo_bulk;
#[path = "../../feedback/store.rs"]
pub mod feedback;
#[path = "../../institute/store.rs"]
pub mod institute;
#[path = "../../institute/write.rs"]
pub mod institute_write;
#[path = "../../leave/store.rs"]
pub mod leave;
#[path = "../../meetings/store.rs"]
pub mod meetings;
#[path = "../../notices/store.rs"]
pub mod notices;
#[path = "../../parents/store.rs"]
pub mod parents;
#[path = "../../progress/store.rs"]
pub mod progress;
#[path = "../../routines/store.rs"]
pub mod routines;
#[path = "../../routines/write.rs"]
pub mod routines_write;
#[path = "../../staff/store.rs"]
pub mod staff;
#[path = "../../staff/leaving.rs"]
pub mod staff_leaving;
#[path = "../../staff/write.rs"]
pub mod staff_write;
#[path = "../../students/store.rs"]
pub mod students;
#[path = "../../subjects/store.rs"]
pub mod subjects;
#[path = "../../subjects/write.rs"]
pub mod subjects_write;
