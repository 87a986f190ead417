//! Mutants: what `scripts/mutants` puts in the place of each guard and each line of scope, in a copy of the sources. One of
//! them is awake at a time, the one that `ROLLCALL_MUTANT` numbers; the others do what the line did.
#![allow(missing_docs, clippy::all, clippy::pedantic)]

use std::sync::OnceLock;

use async_graphql::{Context, Guard};
use diesel::{IntoSql, sql_types::Bool};

use crate::auth::{RoleSet, sets::ANYONE};

/// Whether mutant `n` is the one that is awake.
pub fn on(n: u32) -> bool {
    static AWAKE: OnceLock<u32> = OnceLock::new();
    #[allow(clippy::disallowed_methods)]
    let awake = AWAKE.get_or_init(|| std::env::var("ROLLCALL_MUTANT").ok().and_then(|n| n.parse().ok()).unwrap_or(0));
    n == *awake
}

/// Awake, it does away with all guards at once: for `scripts/mutants/cost.py`.
const NO_GUARDS: u32 = u32::MAX;

/// The roles of a field statement: everybody where the mutant is awake.
pub fn roles(n: u32, roles: RoleSet) -> RoleSet {
    if on(n) { ANYONE } else { roles }
}

/// A guard that lets everything through where the mutant is awake.
pub fn guard<G: Guard>(n: u32, guard: G) -> MaybeGuard<G> {
    MaybeGuard(n, guard)
}

pub struct MaybeGuard<G>(u32, G);

impl<G: Guard + Sync> Guard for MaybeGuard<G> {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        if on(self.0) || on(NO_GUARDS) { Ok(()) } else { self.1.check(ctx).await }
    }
}

pub type Flag = diesel::dsl::AsExprOf<bool, Bool>;

/// A condition that holds where the mutant is awake: for `OR`.
pub fn flag(n: u32) -> Flag {
    on(n).into_sql::<Bool>()
}
