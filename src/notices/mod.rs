//! Notices: what the institute tells its people, each for an audience.
//!
//! An audience is everybody, a role, the people of a course or those of a batch; a notice may have several.
//!
//! Row scope (`store::reach`): ADMIN reaches every notice; others those whose audience they are in, by one of their roles,
//! and those they published. The people of a course are its HOD, those who teach in it, its students and their parents;
//! those of a batch its students, their parents, and the teachers and HODs of those students.

pub mod api;
pub mod model;
