//! Exports: reports of persons that are made in the background, for who asked for them and nobody else.
//!
//! There is one of them: the attendance of a course's students over some days, as CSV. ADMIN asks for it of any course, an HOD
//! of those that they head. A job makes it by the row scope of who asked, as it is then, and tells them that it is there
//! ([`crate::events`]). It is kept for as long as events are.
//!
//! Row scope (`store::reach`): one's own, as long as one might still ask for it: who is HOD of the course no more does not
//! reach it, and an ADMIN does not reach what others asked for.

pub mod api;
pub mod job;
pub mod model;
pub mod mutation;
