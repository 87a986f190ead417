//! What the types of `viewerCan` share.

use async_graphql::Context;

use super::Loaded;
use crate::{
    auth::RoleSet,
    change::{Actor, Verdict},
};

impl<R> Loaded<R> {
    /// Whether the viewer could do a mutation with the row, by a rule that goes by nothing else.
    pub fn allows(&self, ctx: &Context<'_>, mutation: &str, rule: impl FnOnce(&Actor, &R, RoleSet) -> Verdict) -> bool {
        Actor::of(ctx, mutation).is_some_and(|actor| rule(&actor, self, self.granted()).is_yes())
    }
}

/// Declares the object that tells what the viewer can do with a row, and who may read it: who reached the row by a role of
/// the field's statement.
///
/// `actions! { /// What it is. CourseActions(CourseRow) }`; each action is a method of an `#[Object]`.
#[macro_export]
macro_rules! actions {
    ($(#[$meta:meta])* $name:ident($row:ty)) => {
        $(#[$meta])*
        #[derive(Clone, async_graphql::Description)]
        pub struct $name($crate::graphql::Loaded<$row>);

        impl $crate::graphql::Stated for $name {
            fn granted(&self) -> Option<$crate::auth::RoleSet> {
                Some(self.0.granted())
            }
        }

        impl From<&$crate::graphql::Loaded<$row>> for $name {
            fn from(row: &$crate::graphql::Loaded<$row>) -> Self {
                Self(row.clone())
            }
        }
    };
}
