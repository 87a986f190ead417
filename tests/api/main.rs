//! The behaviour of the API over HTTP, on both databases.
#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc)]

#[macro_use]
mod support;

mod actions;
mod admission;
mod attendance;
mod attendance_property;
mod attendance_races;
mod changes;
mod commands;
mod connections;
mod courses;
mod dashboards;
mod database;
mod day;
mod docs;
mod feedback;
mod fields;
mod guards;
mod hard;
mod http;
mod institute;
mod leave;
mod leave_marks;
mod lessons;
mod loading;
mod marking;
mod meeting_steps;
mod meetings;
mod notices;
mod parents;
mod profile;
mod progress;
mod rows;
mod rules;
mod scope;
mod sessions;
mod staff;
mod students;
mod subjects;
mod timetable;
mod viewer_can;
