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
//!
//! A class is marked by its routine's teacher, the HOD of the course or an ADMIN, on a day that the routine runs on and that
//! is not in the future. A sheet may be partial: who is not on it keeps the mark they have, and who has none and is on
//! approved leave is excused. Marking again updates; a changed mark leaves a correction behind, and the same sheet again
//! changes nothing. What leave did to a mark is kept beside it (`attendance_excuses`) until somebody marks by hand or the
//! approval is withdrawn, which undoes it. With the records, the completion of the students' courses is worked out again.

pub mod api;
pub mod can;
pub mod marking;
pub mod model;
pub mod mutation;
pub mod sheet;
pub mod subscription;
pub mod summary;
