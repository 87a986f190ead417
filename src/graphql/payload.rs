//! What the payloads of mutations share.

use async_graphql::{Enum, SimpleObject};

use super::statement::{Stated, auth, stated};
use crate::auth::sets::ANYONE;

/// Why an input was refused.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserErrorCode {
    /// The identifier or the password is wrong, or the account may not sign in.
    InvalidCredentials,
    /// The value is not what this field takes.
    Invalid,
}

/// An expected failure: nothing was written.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(guard = "stated(self)")]
pub struct UserError {
    /// The path of the input field that is at fault; empty where it is the whole input.
    #[graphql(directive = auth::apply(ANYONE))]
    field: Vec<String>,
    /// What is wrong, for programs.
    #[graphql(directive = auth::apply(ANYONE))]
    code: UserErrorCode,
    /// What is wrong, for people.
    #[graphql(directive = auth::apply(ANYONE))]
    message: String,
}

impl Stated for UserError {}

impl UserError {
    /// An error about the input field at `path`, in dots.
    #[must_use]
    pub fn new(path: &str, code: UserErrorCode, message: impl Into<String>) -> Self {
        let field = path.split('.').filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect();
        Self { field, code, message: message.into() }
    }
}
