//! The behaviour of the API over HTTP, on both databases.
#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc)]

#[macro_use]
mod support;

mod attendance;
mod changes;
mod commands;
mod connections;
mod courses;
mod dashboards;
mod database;
mod docs;
mod feedback;
mod fields;
mod guards;
mod hard;
mod http;
mod loading;
mod meeting_steps;
mod meetings;
mod notices;
mod rows;
mod rules;
mod scope;
mod sessions;
