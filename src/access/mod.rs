//! The access log: who read what is sensitive, and who was denied what.
//!
//! A field that carries `@audited(from: n)` is recorded where a request reads it of `n` rows or more: a citizenship number
//! from the first on, phones in bulk. What people read of themselves and of their children is theirs, and is not recorded.
//! A denial is recorded whatever it is of. Who is not signed in is asked to sign in, which is no denial: a stranger must
//! not fill a table.
//!
//! An entry has the field, how many rows, which of them, who, when, and the request; never a value. It is written after the
//! query was executed and before it is answered: where it cannot be written, nothing is answered. An entry is never
//! changed; the database refuses it.
//!
//! Row scope (`store::reach`): ADMIN alone.

pub mod api;
pub mod model;
