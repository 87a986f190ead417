//! What happened that somebody is to be told of: a transactional outbox.
//!
//! A mutation raises its event in its own transaction ([`crate::db::pg::events_write::raise`]), with the job that tells of
//! it: so there is an event exactly where the change that it speaks of was made, and nothing is told that was taken back.
//! An event holds numbers of rows and nothing of a person: what is told, and to whom, is decided when it is told, by the row
//! scope of who is told ([`crate::notifications`]). Whom it concerns is written as topics, by which live subscriptions
//! find it ([`crate::live`]).

pub mod model;
