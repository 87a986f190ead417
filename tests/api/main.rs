//! The behaviour of the API over HTTP, on both databases.
#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc)]

#[macro_use]
mod support;

mod access;
mod admission;
mod api_keys;
mod arguments;
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
mod judge;
mod leave;
mod leave_marks;
mod leaving;
mod lessons;
mod limits;
mod loading;
mod marking;
mod matrix;
mod meeting_steps;
mod meetings;
mod notices;
mod oracles;
mod parents;
mod paths;
mod persisted;
mod profile;
mod progress;
mod reached;
mod reports;
mod rows;
mod rules;
mod scope;
mod sessions;
mod staff;
mod stores;
mod students;
mod subjects;
mod timetable;
mod ways;
mod visible;
