//! Accounts, and what a person signs in with.

use async_graphql::MaybeUndefined;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::{Role, RoleSet, Viewer};
use crate::{
    change::Problems,
    db::{schema::accounts, sought},
    text_enum,
};

/// An account as the API shows it: no password hash in it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct AccountRow {
    /// Number.
    pub id: i64,
    /// E-mail, lower case.
    pub email: Option<String>,
    /// Phone, E.164.
    pub phone: Option<String>,
    /// Whether it may sign in.
    pub active: bool,
    /// Last sign-in, UTC.
    pub last_sign_in_at: Option<NaiveDateTime>,
    /// When it was made, UTC.
    pub created_at: NaiveDateTime,
}

/// What sign-in compares a password with.
#[derive(Clone, Debug, Queryable)]
pub struct Credential {
    /// The account.
    pub account_id: i64,
    /// PHC string, or none where the account was never activated.
    pub password_hash: Option<String>,
    /// Whether the account may sign in.
    pub active: bool,
}

/// By what somebody has proved to be the owner of an account.
#[derive(Clone)]
pub enum Proof {
    /// By its password.
    Password {
        /// The hash that the password was compared with, or that was set just now.
        hash: String,
        /// A hash of the same password with today's parameters, where the kept one took less work.
        renewed: Option<String>,
    },
    /// By an identity at an OpenID provider that is linked to it, of this number.
    Identity(i64),
}

/// The e-mail and the phone that an account has or is to have: nobody else can have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Queryable, Selectable, Insertable, AsChangeset, Serialize)]
#[diesel(table_name = accounts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Contact {
    /// E-mail, lower case.
    pub email: Option<String>,
    /// Phone, E.164.
    pub phone: Option<String>,
}

/// What to change of an account's e-mail and phone: `None` keeps it, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct ContactEdit {
    /// E-mail, lower case.
    pub email: Option<Option<String>>,
    /// Phone, E.164.
    pub phone: Option<Option<String>>,
}

impl ContactEdit {
    /// Reads the `email` and the `phone` of an input. What is no address or number is said, and changes nothing else.
    #[must_use]
    pub fn read(email: MaybeUndefined<String>, phone: MaybeUndefined<String>, problems: &mut Problems) -> Self {
        let edit = |value: MaybeUndefined<String>, check: &mut dyn FnMut(&str) -> Option<String>| match value {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Value(text) if !text.trim().is_empty() => check(&text).map(Some),
            MaybeUndefined::Null | MaybeUndefined::Value(_) => Some(None),
        };
        Self {
            email: edit(email, &mut |email| problems.maybe_email("email", Some(email))),
            phone: edit(phone, &mut |phone| problems.maybe_phone("phone", Some(phone))),
        }
    }

    /// What becomes of a contact.
    #[must_use]
    pub fn of(&self, before: &Contact) -> Contact {
        Contact {
            email: self.email.clone().unwrap_or_else(|| before.email.clone()),
            phone: self.phone.clone().unwrap_or_else(|| before.phone.clone()),
        }
    }
}

/// A person's row with the contact of their account, as the audit log keeps it.
#[derive(Debug, Serialize)]
pub struct WithContact<'a, R> {
    /// The person.
    #[serde(flatten)]
    pub row: &'a R,
    /// What their account has.
    #[serde(flatten)]
    pub contact: &'a Contact,
}

text_enum! {
    /// What a staff member is at the institute.
    StaffRole {
        /// Teaches the subjects that active routines give them.
        Teacher = "TEACHER",
        /// Heads one or more courses.
        Hod = "HOD",
        /// Admits students.
        Admission = "ADMISSION",
        /// Runs the institute.
        Admin = "ADMIN",
    }
}

impl StaffRole {
    /// The role that authorization knows it by.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Teacher => Role::Staff,
            Self::Hod => Role::Hod,
            Self::Admission => Role::Admission,
            Self::Admin => Role::Admin,
        }
    }
}

/// One row of what a viewer is read from: a session with its account's people, once for each role the staff member holds.
#[derive(Clone, Debug, Queryable)]
pub struct ViewerRow {
    /// The session that they came with.
    pub session_id: i64,
    /// When that was used last, so far as it was noted.
    pub last_used_at: NaiveDateTime,
    /// Whose it is.
    pub account_id: i64,
    staff_id: Option<i64>,
    student_id: Option<i64>,
    parent_id: Option<i64>,
    role: Option<StaffRole>,
    /// The role again, where the institute withholds it from whoever has no second factor.
    guarded: Option<StaffRole>,
    second_factor_at: Option<NaiveDateTime>,
}

impl Viewer {
    /// The viewer that the rows of one session describe; `None` without a row: no such session, or not active. A role that
    /// takes a second factor is none of theirs as long as they have none.
    #[must_use]
    pub fn from_rows(rows: &[ViewerRow]) -> Option<Self> {
        let first = rows.first()?;
        let has_factor = first.second_factor_at.is_some();
        let held = rows.iter().filter(|row| has_factor || row.guarded.is_none());
        let held = held.filter_map(|row| row.role).map(StaffRole::role);
        let student = first.student_id.map(|_| Role::Student);
        let parent = first.parent_id.map(|_| Role::Parent);
        let roles: RoleSet = held.chain(student).chain(parent).chain([Role::Own]).collect();
        Some(Self {
            account_id: Some(first.account_id),
            session_id: Some(first.session_id),
            roles,
            staff_id: first.staff_id,
            student_id: first.student_id,
            parent_id: first.parent_id,
            key_id: None,
            has_factor,
            needs_factor: rows.iter().any(|row| row.guarded.is_some()),
        })
    }
}

/// What somebody typed to say who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// An e-mail address, folded to lower case.
    Email(String),
    /// A phone number in E.164.
    Phone(String),
}

impl Identifier {
    /// Reads an e-mail address or a phone number; spaces, hyphens and brackets in a number are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = &sought(text.trim());
        if text.contains('@') {
            return Self::Email(text.to_lowercase());
        }
        Self::Phone(text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect())
    }
}
