//! What the schema says of itself, read once where it is made.

use async_graphql::parser::{parse_schema, types::ServiceDocument};

use super::{Policy, sdl};
use crate::error::{Error, Result};

/// The published schema, read: its types, and its statements. There is no other way to one than to read the SDL, so that
/// what a schema enforces, which is made with it, is what it publishes.
pub struct Described {
    document: ServiceDocument,
    policy: Policy,
}

impl Described {
    /// Prints the SDL and reads it, which takes some tenths of a second in a debug build.
    ///
    /// # Errors
    /// When the schema contradicts itself: a test builds it.
    pub fn read() -> Result<Self> {
        let document = parse_schema(sdl()).map_err(Error::internal)?;
        let policy = Policy::of(&document)?;
        Ok(Self { document, policy })
    }

    /// Every type, with its fields.
    #[must_use]
    pub fn document(&self) -> &ServiceDocument {
        &self.document
    }

    /// Who may read each field.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Gives the types away.
    #[must_use]
    pub fn into_document(self) -> ServiceDocument {
        self.document
    }
}
