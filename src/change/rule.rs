//! Rules: who may do something with a row, as the row stands. Each is written once, as a function of what it goes by, and
//! asked by the mutation that does it and by `viewerCan`, which tells beforehand.

use std::borrow::Cow;

use async_graphql::Context;
use chrono::NaiveDateTime;

use crate::{
    auth::{Role, RoleSet, Scope},
    graphql::{Call, Policy, UserErrorCode},
};

/// Who does something, by which statement, and when: what every rule is asked with.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    /// The rows of who acts.
    pub scope: Scope,
    /// The mutation's statement: a row may be changed by who reached it by one of these roles.
    pub may: RoleSet,
    /// Now, UTC.
    pub now: NaiveDateTime,
}

impl Actor {
    /// Who asks whether they could do a mutation; none where they hold none of the roles of its statement, and none of an API
    /// key, which changes nothing.
    #[must_use]
    pub fn of(ctx: &Context<'_>, mutation: &str) -> Option<Self> {
        let call = Call::of(ctx);
        let may = ctx.data_unchecked::<Policy>().requires("Mutation", mutation);
        let actor = Self { scope: *call.scope(), may, now: call.services().clock.now() };
        (call.viewer().key_id().is_none() && actor.held() != RoleSet::EMPTY).then_some(actor)
    }

    /// The roles by which they do this: those of the mutation's statement that they hold.
    #[must_use]
    pub fn held(&self) -> RoleSet {
        self.scope.roles().and(self.may)
    }

    /// Whether they do this in every course, and not only as HOD in those that they head.
    #[must_use]
    pub fn in_every_course(&self) -> bool {
        self.held().meets(RoleSet::of(&[Role::Admin, Role::Admission]))
    }

    /// Whether they do this as HOD, in the courses that they head and no others.
    #[must_use]
    pub fn as_head(&self) -> bool {
        self.held().has(Role::Hod) && !self.in_every_course()
    }

    /// What every rule begins with: a row is for who reached it by a role that may do this; none where nobody did.
    #[must_use]
    pub fn by(&self, granted: RoleSet) -> Option<By> {
        granted.meets(self.may).then_some(By(granted))
    }
}

/// The roles by which somebody reached a row who may do this with it, as far as those are asked. Rules take it, and it is
/// made by [`Actor::by`] alone: so that no rule can be asked without.
#[derive(Clone, Copy, Debug)]
pub struct By(RoleSet);

impl By {
    /// All roles by which the row was reached, one or more of which may do this.
    #[must_use]
    pub fn roles(self) -> RoleSet {
        self.0
    }
}

/// The rule that has no more to it than that.
pub fn reached<R>(_: &Actor, _: &R, _: By) -> Verdict {
    Verdict::default()
}

/// What a rule says: that it may be done, or that it is not for this viewer, or what of the row's state is in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    forbidden: bool,
    problems: Vec<(UserErrorCode, Cow<'static, str>)>,
}

impl Verdict {
    /// That it is for this viewer, or not.
    pub fn when(may: bool) -> Self {
        Self { forbidden: !may, problems: Vec::new() }
    }

    /// That something is in the way unless `fine`.
    pub fn provided(self, fine: bool, code: UserErrorCode, message: &'static str) -> Self {
        if fine { self } else { self.but(code, message) }
    }

    /// That something is in the way.
    pub fn but(mut self, code: UserErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        self.problems.push((code, message.into()));
        self
    }

    /// What this rule and another one say together.
    pub fn and(mut self, other: Self) -> Self {
        self.forbidden |= other.forbidden;
        self.problems.extend(other.problems);
        self
    }

    /// Whether it may be done.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        !self.forbidden && self.problems.is_empty()
    }

    /// What is in the way; none where it is not for this viewer at all.
    #[must_use]
    pub fn problems(self) -> Option<Vec<(UserErrorCode, Cow<'static, str>)>> {
        (!self.forbidden).then_some(self.problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_yes_where_nothing_is_said_against_it() {
        let archived = |archived: bool| Verdict::when(true).provided(!archived, UserErrorCode::WrongStatus, "archived");
        assert!(archived(false).is_yes());
        assert!(!archived(true).is_yes() && !Verdict::when(false).is_yes());
        assert!(!archived(false).and(Verdict::when(false)).is_yes());
        assert!(!archived(false).and(archived(true)).is_yes());
        assert_eq!(archived(true).problems().map(|problems| problems.len()), Some(1));
        assert_eq!(archived(true).and(Verdict::when(false)).problems(), None, "who may not is not told how it stands");
    }
}
