//! Rollcall: a student management system served as one GraphQL API, with role-based authorization on every field and
//! every row.
//!
//! The way of a request: `http` finds the session and its [`auth::Viewer`]; `graphql` parses, executes and completes; each
//! domain's `api` states who may read its fields; each domain's `store` reads the rows that the viewer's [`auth::Scope`]
//! reaches. Dependencies point one way: `main → app → http → graphql → <domain>/api → <domain>/store → db`.
#![recursion_limit = "256"]

pub mod access;
pub mod accounts;
pub mod api_keys;
pub mod app;
pub mod attendance;
pub mod audit;
pub mod auth;
pub mod background;
pub mod batches;
pub mod change;
pub mod client;
pub mod clock;
pub mod config;
pub mod courses;
pub mod db;
pub mod demo;
pub mod error;
pub mod events;
pub mod exports;
pub mod feedback;
pub mod graphql;
pub mod http;
pub mod ids;
pub mod institute;
pub mod jobs;
pub mod leave;
pub mod live;
pub mod meetings;
pub mod messages;
pub mod metrics;
pub mod notices;
pub mod notifications;
pub mod openid;
pub mod parents;
pub mod people;
pub mod progress;
pub mod random;
pub mod redis;
pub mod reports;
pub mod routines;
pub mod sessions;
pub mod staff;
pub mod stop;
pub mod students;
pub mod subjects;
pub mod telemetry;
pub mod throttle;
pub mod work;
