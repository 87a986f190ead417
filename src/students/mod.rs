//! Students: who is admitted, in which course and period, and who may read what of them.
//!
//! Row scope (`store::reach`): ADMIN and ADMISSION reach every student; an HOD those of the courses they head; a teacher
//! those of the (course, period) of their active routines; a student themselves; a parent their linked children.
//! An archived student is reached by ADMIN alone.
//!
//! Contact details are those of the student's account: nobody else can have the same.
//!
//! ADMIN and ADMISSION admit, enrol and edit students, an HOD in the courses they head, who does not write what they may not
//! read; an HOD also archives theirs, and ADMIN everybody, whom nobody but ADMIN restores. Nothing else is done with an
//! archived student, nor is anything expected of them: meetings to come and pending leave end with it. Whatever gives a
//! student a course or a period keeps their course tracking in step, in the same transaction.

pub mod admitting;
pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
pub mod query;
