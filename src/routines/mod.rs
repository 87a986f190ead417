//! Routines: the weekly slots of the timetable. Which subject is taught by whom, when and where.
//!
//! Hours are the institute's. No teacher, no room and no class (course and period) is in two active slots at once: the
//! database keeps that. Active routines say who teaches what and whom, which is what much of the row scope is made of.
//!
//! Row scope (`store::reach`): ADMIN and ADMISSION reach every routine; an HOD those of the courses they head; a teacher
//! their own and those of the courses that their active routines are of; a student those of their course and current
//! period; a parent those of their linked children's. A reporting key reaches none.

//!
//! The HOD of the course and ADMIN put a subject into the timetable, move the slot and end it. A slot that would clash is
//! refused with every clash named: who or what is taken, by which lesson, when. Attendance that was marked stays as it was.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
