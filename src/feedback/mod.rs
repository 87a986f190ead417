//! Feedback: on a teacher, by their students and those students' parents; and on the institute, by everybody.
//!
//! Row scope of feedback on teachers (`store::reach_teacher`): ADMIN reaches all; an HOD what is about the teachers of the
//! courses they head, but not about themselves; a teacher what is about themselves, without its author; a student and a
//! parent what they wrote. Nothing that a teacher is given tells who wrote it: not the author, not the time, no filter and
//! no order by either, and no way through the author (`store::authored` leaves the teacher's arm out: a teacher who is
//! also a parent does not find in their child's feedback what the child wrote of them).
//!
//! Row scope of feedback on the institute (`store::reach_institute`): ADMIN reaches all; everybody their own, and staff,
//! students and parents what is public. The author of anonymous feedback is for nobody but its author, ADMIN included:
//! neither their name nor the time it was written; lists are in the order of entry and by nothing else, and so the time of
//! signed feedback is for its author alone too. The author of signed feedback is named to those who reach that person.

pub mod api;
pub mod model;
