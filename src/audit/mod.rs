//! The audit log: who changed what, when, from what to what, written in the transaction of the change itself.
//!
//! An entry is never changed; the database refuses it. Nothing that is secret is in it (no password, no code), and nothing
//! of institute feedback, whose authors may be anonymous.
//!
//! Row scope (`store::reach`): ADMIN reaches every entry, everybody else those of what they did themselves. What was
//! written is for ADMIN alone: who did something once may not be allowed to read it any more.

pub mod api;
pub mod model;
