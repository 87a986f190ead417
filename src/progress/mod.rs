//! Progress: how far students are in their courses (tracking) and in each subject.
//!
//! Row scope (`store::reach_tracking`, `store::reach_subject`): ADMIN reaches everything; an HOD what is in the courses
//! they head, of students who are not archived; ADMISSION and a teacher what is of the students they reach; a student
//! their own; a parent that of their linked children. Notes on a tracking are for those who teach.
//!
//! A course's figures count the students of it whose tracking is `IN_PROGRESS`: on track from 75 % on, at risk below 40 %.
//! They are added up over what ADMIN or the course's HOD reaches, and are nobody else's.
//!
//! A tracking begins with the course, under way, and follows the student's period. Its completion is computed, 70 % of it
//! from the subjects completed and 30 % from attendance, in the transaction of whatever it follows from
//! (`write::recompute`); at 100 % it is completed. ADMIN and the course's HOD enter how far
//! a student is in a subject, and with ADMISSION edit trackings and move active students on, never past the last period.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
