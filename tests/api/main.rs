//! The behaviour of the API over HTTP, on both databases.
#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc)]

#[macro_use]
mod support;

mod admission;
mod attendance;
mod changes;
mod commands;
mod connections;
mod courses;
mod dashboards;
mod database;
mod docs;
mod fields;
mod guards;
mod hard;
mod http;
mod loading;
mod parents;
mod progress;
mod rows;
mod rules;
mod scope;
mod sessions;
mod students;
