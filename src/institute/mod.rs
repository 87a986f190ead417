//! The institute itself: one row a deployment. "Today" and timetable hours are in its time zone.
//!
//! ADMIN edits it. Times that were written are UTC and stay what they are when the zone changes; "today" and the hours of the
//! timetable are in the new one from then on.
//!
//! It can require a second factor of ADMIN, HOD and ADMISSION: the role is withheld from whoever has none, in the sessions
//! that are open as well, until they have set one up. Who requires it has one, so that they cannot lock themselves out.
//! API keys sign in to nothing, and go on.

pub mod api;
pub mod model;
pub mod mutation;
