//! Subjects: what a course teaches in each of its periods, with the files to study from.
//!
//! A subject is of one course and one of its periods, and its name is unique there.
//!
//! Row scope (`store::reach`): ADMIN, HOD and ADMISSION reach every subject; a teacher those of active courses; a student
//! those of their own course; a parent those of their linked children's courses; a reporting key all, by name.
//! A study file is reached with its subject, but by those who teach and learn alone: not by ADMISSION, not by a key.
//!
//! Who teaches what is on a teacher's public card: whoever reaches both the teacher and the subject may know of it.

//!
//! The HOD of the course and ADMIN add, edit and delete a subject; it stays in its period while routines refer to it, and is
//! deleted only where nothing does. Study files are added by them and by who teaches the subject, who remove their own.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
