//! Notices: what the institute tells its people, each for an audience.
//!
//! An audience is everybody, a role, the people of a course or those of a batch; a notice may have several.
//!
//! Row scope (`store::reach`): ADMIN reaches every notice; others those whose audience they are in, by one of their roles,
//! and those they published. The people of a course are its HOD, those who teach in it, its students and their parents;
//! those of a batch its students, their parents, and the teachers and HODs of those students.
//! A notice that was withdrawn is for an ADMIN alone, in a list of its own.
//!
//! ADMIN publishes to anybody; an HOD to the people of courses that they head, and to those of batches that are for such
//! courses and no others. Who published a notice edits and withdraws it while they might still publish it, and ADMIN does so
//! with any. What somebody has read is known to nobody else, and not in the audit log either.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
pub mod subscription;
