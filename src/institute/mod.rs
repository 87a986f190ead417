//! The institute itself: one row a deployment. "Today" and timetable hours are in its time zone.
//!
//! ADMIN edits it. Times that were written are UTC and stay what they are when the zone changes; "today" and the hours of the
//! timetable are in the new one from then on.

pub mod api;
pub mod model;
pub mod mutation;
