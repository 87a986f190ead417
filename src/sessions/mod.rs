//! Where somebody is signed in: their sessions, listed and ended. How a session begins, and how it is recognised, is in
//! `auth::session`.
//!
//! A session is told by the device that it was begun on, as the `User-Agent` of the sign-in has it, and by its last use,
//! which is kept to five minutes. Its token is in no list. Who ends a session has it removed: it is nobody's at once.
//!
//! Row scope (`store::reach`): everybody reaches their own, ADMIN every one; of either those alone that are in force. Both may
//! end what they reach.

pub mod api;
pub mod can;
pub mod model;
pub mod mutation;
