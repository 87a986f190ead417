//! Roles, and the sets of them that fields are stated with.

use std::{borrow::Cow, str::FromStr};

use async_graphql::{
    Enum, InputType, InputValueError, InputValueResult, Value, registry::Registry, resolver_utils::EnumType,
};

/// Who may read or do something: a role somebody holds, or a relation to the row at hand.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Administrator of the institute.
    Admin,
    /// Head of department: heads one or more courses.
    Hod,
    /// Admission officer.
    Admission,
    /// Any teacher.
    Staff,
    /// A student.
    Student,
    /// A parent of one or more students.
    Parent,
    /// An API key of a reporting tool: aggregates, and no person.
    Reporting,
    /// The person that the row is about, whatever their role.
    #[graphql(name = "SELF")]
    Own,
    /// Nobody signed in.
    Anonymous,
}

impl Role {
    /// Every role, in the order they are shown.
    pub const ALL: [Self; 9] = [
        Self::Admin,
        Self::Hod,
        Self::Admission,
        Self::Staff,
        Self::Student,
        Self::Parent,
        Self::Reporting,
        Self::Own,
        Self::Anonymous,
    ];

    /// The role's bit in a [`RoleSet`], also where SQL computes one.
    #[must_use]
    pub const fn bit(self) -> i32 {
        1 << self as u8
    }
}

/// The role with a name of the schema, in any case.
impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let item = Self::items().iter().find(|item| item.name.eq_ignore_ascii_case(name));
        item.map(|item| item.value).ok_or_else(|| {
            let names: Vec<&str> = Self::items().iter().map(|item| item.name).collect();
            format!("there is no such role; there are {}", names.join(", "))
        })
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoleSet(i32);

impl RoleSet {
    /// Nobody.
    pub const EMPTY: Self = Self(0);

    /// The set of `roles`.
    #[must_use]
    pub const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < roles.len() {
            bits |= roles[i].bit();
            i += 1;
        }
        Self(bits)
    }

    /// The set as SQL computed it: the sum of the roles' bits.
    #[must_use]
    pub const fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    /// The set with one more role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// What a viewer who was given these roles holds: a person is `SELF` as well.
    #[must_use]
    pub const fn held(self) -> Self {
        if self.meets(sets::PEOPLE) { self.with(Role::Own) } else { self }
    }

    /// Whether `role` is in the set.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether the sets share a role.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every role of the set is in the other.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The roles of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The roles in the order they are shown.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// The sets that many fields share; a field with a set of its own spells it out where it is defined.
pub mod sets {
    use super::{Role::*, RoleSet};

    /// Everybody, signed in or not: the institute's public card and the ways in.
    pub const ANYONE: RoleSet =
        RoleSet::of(&[Admin, Hod, Admission, Staff, Student, Parent, Reporting, Own, Anonymous]);
    /// Everybody who signed in, and API keys.
    pub const SIGNED_IN: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Staff, Student, Parent, Reporting, Own]);
    /// Everybody but API keys, signed in or not.
    pub const NO_KEY: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Staff, Student, Parent, Own, Anonymous]);
    /// Every person who signed in: everybody but API keys.
    pub const PEOPLE: RoleSet = RoleSet::of(&[Admin, Hod, Admission, Staff, Student, Parent, Own]);
    /// Who may change anything at all: people, and who is about to sign in. An API key reads.
    pub const CHANGING: RoleSet = RoleSet::of(&[Own, Anonymous]);
    /// Those who teach a student or answer for a course, the student, and their parents.
    pub const TEACHING: RoleSet = RoleSet::of(&[Admin, Hod, Staff, Student, Parent]);
}

/// So that the `@auth` directive takes a set where the schema shows a list of roles.
impl InputType for RoleSet {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Vec::<Role>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<Role>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let roles = Vec::<Role>::parse(value).map_err(InputValueError::propagate)?;
        Ok(roles.into_iter().collect())
    }

    fn to_value(&self) -> Value {
        self.iter().collect::<Vec<_>>().to_value()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}
