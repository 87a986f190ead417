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
//! neither their name nor the time it was written. The author of signed feedback is named to those who reach that person,
//! and the time of that is for its author alone too.
//!
//! What is written one after the other does not stand one after the other: numbers, and with them the order of every list
//! that holds feedback without an author, tell the month of entry and are random within it (`model::number`).
//!
//! A student rates who teaches them now, a parent who teaches their child now, nobody themselves; everybody the institute,
//! once for each type. Sending again replaces. Feedback on a teacher keeps its row then, and the audit log has both. Feedback
//! on the institute leaves no trace but itself: nothing in the audit log, and no key of the client's is kept. Whoever makes
//! it anonymous, or signs it, replaces the row by another one, with another id and time, so that nothing tells that the two
//! are of one author.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
