//! The institute itself: one row a deployment. "Today" and timetable hours are in its time zone.

pub mod api;
pub mod model;
