//! Attendance: sessions of a routine on a date, and a record for each student of the class.
//!
//! Row scope (`store::reach`, `store::records_reach`): ADMIN reaches everything; an HOD the sessions of the courses they
//! head; a teacher the sessions of their routines (of one that was handed on, its present teacher); and both the records of these. A student and a
//! parent reach the records that are theirs or their children's, and the sessions of those. Others reach none.
//! What is counted of a student over everything is in scope where the student is.
//!
//! A summary costs the same however long the history is: the database keeps totals by subject and by month as records come
//! and go (triggers in the migration). LATE counts as attended; EXCUSED counts in neither part of a percentage; a class
//! that was not held counts for nobody.

pub mod api;
pub mod model;
pub mod summary;
