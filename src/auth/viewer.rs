//! Who is asking.

use super::{Role, RoleSet, Scope};

/// The viewer of a request: an account with its roles and the person behind it, an API key, or nobody.
///
/// It is read from the database for every request, so that a role taken away or an account deactivated is felt by the
/// very next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    pub(super) account_id: Option<i64>,
    pub(super) session_id: Option<i64>,
    pub(super) key_id: Option<i64>,
    pub(super) roles: RoleSet,
    pub(super) staff_id: Option<i64>,
    pub(super) student_id: Option<i64>,
    pub(super) parent_id: Option<i64>,
    pub(super) has_factor: bool,
    pub(super) needs_factor: bool,
}

impl Viewer {
    /// Nobody signed in: reads what is public and reaches no row.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { roles: RoleSet::of(&[Role::Anonymous]), ..Self::default() }
    }

    /// The rows this viewer reaches.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::of(self)
    }

    /// The roles held, with `SELF` for every person and `ANONYMOUS` for nobody. An API key holds its role for reading.
    #[must_use]
    pub fn roles(&self) -> RoleSet {
        self.roles
    }

    /// The account signed in.
    #[must_use]
    pub fn account_id(&self) -> Option<i64> {
        self.account_id
    }

    /// The session that they came with, or have begun in this very request.
    #[must_use]
    pub fn session_id(&self) -> Option<i64> {
        self.session_id
    }

    /// The API key, where the viewer is one and no person.
    #[must_use]
    pub fn key_id(&self) -> Option<i64> {
        self.key_id
    }

    /// The viewer as a staff member.
    #[must_use]
    pub fn staff_id(&self) -> Option<i64> {
        self.staff_id
    }

    /// The viewer as a student.
    #[must_use]
    pub fn student_id(&self) -> Option<i64> {
        self.student_id
    }

    /// Whether their account has a second factor: then this viewer has proved it, or set it up.
    #[must_use]
    pub fn has_factor(&self) -> bool {
        self.has_factor
    }

    /// Whether they were given a role that is withheld from whoever has no second factor.
    #[must_use]
    pub fn needs_factor(&self) -> bool {
        self.needs_factor
    }

    /// The viewer as a parent.
    #[must_use]
    pub fn parent_id(&self) -> Option<i64> {
        self.parent_id
    }
}
