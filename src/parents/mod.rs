//! Parents: who answers for which students, and who may read what of them.
//!
//! Row scope (`store::reach`): ADMIN and ADMISSION reach every parent; an HOD and a teacher those of the students they
//! reach as such; a student their own; a parent the other parents of their linked children, and themselves. Teachers,
//! students and other parents read no more than the name. An archived parent is reached by ADMIN alone.
//!
//! Contact details are those of the parent's account: nobody else can have the same.

pub mod api;
pub mod model;
