//! API keys for reporting tools and integrations: made, listed and revoked by ADMIN.
//!
//! A key has a name, a scope and a last day, a year away at most. It reads as the role of its scope and is no person: it
//! has no account and no SELF, `viewer` is null for it, and every mutation is denied to it. It is shown once, in the
//! payload that makes it; kept are its SHA-256, by which it is found, and how it begins, by which people tell it from
//! others. When it was used last is kept to the minute.
//!
//! A key is in force until it is revoked or expires, and as long as who made it is an ADMIN who may sign in: nobody goes
//! on reading by a key what they may not read themselves any more. How it is recognised is in `auth::key`.
//!
//! Row scope (`store::reach`): ADMIN reaches every key, nobody else any.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
