//! Leave: days that a student or a staff member asks to be away.
//!
//! A request is about one student or one staff member, and is PENDING until somebody else decides it.
//!
//! Row scope (`store::reach`): ADMIN reaches every request; an HOD those of their students and of the teachers of the
//! courses they head; ADMISSION those of students; a teacher the approved ones of their students; every staff member and
//! student their own; a parent those of their linked children. What a request says (message, remark, who, when) is for those
//! who decide it and those it is about: a teacher and ADMISSION read the days and the status alone. Who asked for it and who
//! decided it are shown, of those, to who reaches them anyway.
//!
//! A student asks for themself, a parent for a linked student, staff for themselves; never for days that another request of
//! the same person has. While it is pending, those may withdraw it, and it is withdrawn when the person leaves. A student's
//! is decided by the HOD of the course or an ADMIN, a staff member's by the HOD of a course they teach in or an ADMIN:
//! nobody decides what is about them, or what they asked for. Approval excuses a student's classes of those days;
//! withdrawing it undoes that (`attendance/leave.rs`).

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
