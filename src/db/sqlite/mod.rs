//! The stores, compiled for SQLite.
#![allow(missing_docs, reason = "the types that Diesel's `auto_type` names after functions cannot be documented")]

/// Diesel's back end.
pub type Backend = diesel::sqlite::Sqlite;
/// A connection.
pub type Cx = diesel_async::sync_connection_wrapper::SyncConnectionWrapper<diesel::SqliteConnection>;

pub mod dialect;

#[path = "../../attendance/store.rs"]
pub mod attendance;
#[path = "../../attendance/counts.rs"]
pub mod attendance_counts;
#[path = "../../attendance/leave.rs"]
pub mod attendance_leave;
#[path = "../../attendance/marks.rs"]
pub mod attendance_marks;
#[path = "../../attendance/write.rs"]
pub mod attendance_write;
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
#[path = "../../demo/bulk_sqlite.rs"]
mod demo_bulk;
#[path = "../../feedback/store.rs"]
pub mod feedback;
#[path = "../../feedback/write.rs"]
pub mod feedback_write;
#[path = "../../institute/store.rs"]
pub mod institute;
#[path = "../../institute/write.rs"]
pub mod institute_write;
#[path = "../../leave/store.rs"]
pub mod leave;
#[path = "../../leave/write.rs"]
pub mod leave_write;
#[path = "../../meetings/store.rs"]
pub mod meetings;
#[path = "../../meetings/leaving.rs"]
pub mod meetings_leaving;
#[path = "../../meetings/write.rs"]
pub mod meetings_write;
#[path = "../../notices/store.rs"]
pub mod notices;
#[path = "../../notices/write.rs"]
pub mod notices_write;
#[path = "../../parents/store.rs"]
pub mod parents;
#[path = "../../parents/family.rs"]
pub mod parents_family;
#[path = "../../parents/write.rs"]
pub mod parents_write;
#[path = "../../progress/store.rs"]
pub mod progress;
#[path = "../../progress/advance.rs"]
pub mod progress_advance;
#[path = "../../progress/tracking.rs"]
pub mod progress_tracking;
#[path = "../../progress/write.rs"]
pub mod progress_write;
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
#[path = "../../students/admission.rs"]
pub mod students_admission;
#[path = "../../students/write.rs"]
pub mod students_write;
#[path = "../../subjects/store.rs"]
pub mod subjects;
#[path = "../../subjects/write.rs"]
pub mod subjects_write;
