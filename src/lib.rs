//! Rollcall: a student management system served as one GraphQL API.
#![recursion_limit = "256"]

pub mod attendance;
pub mod auth;
pub mod batches;
pub mod clock;
pub mod courses;
pub mod db;
pub mod demo;
pub mod error;
pub mod graphql;
pub mod ids;
pub mod institute;
pub mod random;
pub mod students;
