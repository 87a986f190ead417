//! The schema as it is published and executed. It is of the program alone: whatever the configuration, it is the same.

use std::sync::{Arc, OnceLock};

use super::{Described, RollcallSchema, complete::Completer, schema, visible::Views};
use crate::error::Result;

/// The schema, with all that is made from what it says of itself. All that serve it may share one.
pub struct Published {
    schema: RollcallSchema,
    traced: OnceLock<RollcallSchema>,
    completer: Completer,
    views: Views,
}

impl Published {
    /// Reads the schema, which takes some tenths of a second in a debug build.
    ///
    /// # Errors
    /// When it contradicts itself: a test reads it.
    pub fn read() -> Result<Arc<Self>> {
        let described = Described::read()?;
        let (schema, views) = (schema(described.policy(), false), Views::new(&described));
        let completer = Completer::new(described.into_document());
        Ok(Arc::new(Self { schema, traced: OnceLock::new(), completer, views }))
    }

    /// What executes, made where it is first asked for. With spans for its root fields, where it is `traced`, it takes longer for each field.
    pub(super) fn schema(&self, traced: bool) -> &RollcallSchema {
        if traced { self.traced.get_or_init(|| schema(self.views.policy(), true)) } else { &self.schema }
    }

    /// What the schema's types are.
    pub(super) fn completer(&self) -> &Completer {
        &self.completer
    }

    /// What each set of roles sees of it.
    pub(super) fn views(&self) -> &Views {
        &self.views
    }
}
