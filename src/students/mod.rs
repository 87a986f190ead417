//! Students: who is admitted, in which course and period, and who may read what of them.
//!
//! Row scope (`store::reach`): ADMIN and ADMISSION reach every student; an HOD those of the courses they head; a teacher
//! those of the (course, period) of their active routines; a student themselves; a parent their linked children.
//! An archived student is reached by ADMIN alone.
//!
//! Contact details are those of the student's account: nobody else can have the same.

pub mod api;
pub mod model;
