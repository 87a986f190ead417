//! Batches: groups of students, many to many with students and with courses.
//!
//! Row scope (`store::reach`): ADMIN, HOD and ADMISSION reach every batch; a teacher the active ones; a student their own;
//! a parent those of their linked children; a reporting key all, by name.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
