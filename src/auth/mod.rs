//! Who is asking, what they may read, and how they come in.
//!
//! - [`Viewer`]: the account behind a request and its roles, read anew for each request.
//! - [`Scope`] and [`Reach`]: the rows a viewer can ever hold, as SQL.
//! - [`Role`] and [`RoleSet`]: what fields are stated with; the statement and its guard are in `graphql::statement`.
//! - [`sign_in`], [`password`] and [`session`]: signing in. A token has 256 random bits and is stored as its SHA-256 only; an unknown
//!   identifier costs as much time as a wrong password and gets the same answer. Sessions are listed and ended in `sessions`.
//! - [`code`]: one-time codes, by which an account is activated or its password reset; [`owner`] sends them.
//! - [`factor`] and [`totp`]: the second factor, which an institute can require for roles: they are withheld from who has none.
//! - `openid`, beside this: who proves to be an account's owner at an OpenID provider is signed in.
//! - [`key`]: API keys, which read as a role and are no person. They are made and revoked in `api_keys`.
//! - [`recipient`]: viewers whose owners are not here, as whom it is decided what they are told.
//! - [`mutation`] and [`profile`]: what everybody changes of their own. A new password ends all other sessions.

mod role;
mod scope;
mod viewer;

pub mod api;
pub mod can;
pub mod code;
pub mod code_mutation;
pub mod factor;
pub mod factor_mutation;
pub mod key;
pub mod model;
pub mod mutation;
pub mod owner;
pub mod password;
pub mod profile;
pub mod recipient;
pub mod session;
pub mod sign_in;
pub mod totp;

pub use role::{Role, RoleSet, sets};
pub use scope::{Granted, Reach, Reached, Scope};
pub use viewer::Viewer;
