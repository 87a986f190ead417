//! Leave: days that a student or a staff member asks to be away.
//!
//! A request is about one student or one staff member, and is PENDING until somebody else decides it.
//!
//! Row scope (`store::reach`): ADMIN reaches every request; an HOD those of their students and of the teachers of the
//! courses they head; ADMISSION those of students; a teacher the approved ones of their students; every staff member and
//! student their own; a parent those of their linked children. What a request says (message, remark, when) is for those
//! who decide it and those it is about: a teacher and ADMISSION read the days and the status alone.

pub mod api;
pub mod model;
