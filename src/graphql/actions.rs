//! What the types of `viewerCan` share.

use async_graphql::Context;

use super::Loaded;
use crate::change::{Actor, By, Verdict};

impl<R> Loaded<R> {
    /// Whether the viewer could do a mutation with the row, by a rule that goes by nothing else.
    pub fn allows(&self, ctx: &Context<'_>, mutation: &str, rule: impl FnOnce(&Actor, &R, By) -> Verdict) -> bool {
        self.asked(ctx, mutation).is_some_and(|(actor, by)| rule(&actor, self, by).is_yes())
    }

    /// Who asks whether they could do a mutation with the row, and by which roles they reached it; none where they could not,
    /// whatever else there is to it.
    #[must_use]
    pub fn asked(&self, ctx: &Context<'_>, mutation: &str) -> Option<(Actor, By)> {
        let actor = Actor::of(ctx, mutation)?;
        Some((actor, actor.by(self.granted())?))
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
