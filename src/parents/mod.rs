//! Parents: who answers for which students, and who may read what of them.
//!
//! Row scope (`store::reach`): ADMIN and ADMISSION reach every parent; an HOD and a teacher those of the students they
//! reach as such; a student their own; a parent the other parents of their linked children, and themselves. Teachers,
//! students and other parents read no more than the name. An archived parent is reached by ADMIN alone.
//!
//! Contact details are those of the parent's account: nobody else can have the same.
//!
//! A student is linked with the parent who has a phone number, or with a new one, whose account has no password: there is no
//! default one. Who is there already keeps what is known of them. ADMIN, ADMISSION and, in the courses they head, an HOD
//! link, unlink and edit; nobody but ADMIN makes themselves a parent.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
