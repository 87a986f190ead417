//! Row scope: which rows of a table a viewer can ever hold.
//!
//! A [`Scope`] can only be made here, from a viewer that a session or an API key was found for, and every read of a store takes one:
//! there is no unscoped read to call by mistake. Each store states once, in its `reach`, which of its rows each role
//! reaches; the same statement makes the `WHERE` of every read and tells by which roles each row was reached, which is
//! what a field's guard asks (a teacher who is also a parent reads their child as a parent and their class as a teacher).

use std::{collections::BTreeSet, marker::PhantomData};

use diesel::{
    AppearsOnTable, Expression, QueryResult, SelectableExpression,
    backend::Backend,
    expression::{ValidGrouping, is_aggregate},
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Bool, Integer},
};

use super::{Role, RoleSet, Viewer};

/// What a viewer's rows are decided from: their roles and who they are.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    roles: RoleSet,
    account: i64,
    staff: i64,
    student: i64,
    parent: i64,
}

impl Scope {
    /// The scope of a viewer; one who is not signed in has no roles and reaches nothing.
    pub(super) fn of(viewer: &Viewer) -> Self {
        // No row has the number 0, so a person the viewer is not matches nothing.
        Self {
            roles: viewer.roles,
            account: viewer.account_id.unwrap_or(0),
            staff: viewer.staff_id.unwrap_or(0),
            student: viewer.student_id.unwrap_or(0),
            parent: viewer.parent_id.unwrap_or(0),
        }
    }

    /// The scope of an operator at the machine itself, who has the database anyhow: as an ADMIN's, and of no account.
    pub(crate) fn of_operator() -> Self {
        Self::of(&Viewer { roles: RoleSet::of(&[Role::Admin]), ..Viewer::default() })
    }

    /// The narrower scope of one of the viewer's roles: what a rule names as "students of an HOD".
    #[must_use]
    pub fn only(self, role: Role) -> Self {
        Self { roles: self.roles.and(RoleSet::of(&[role])), ..self }
    }

    /// The viewer's roles.
    #[must_use]
    pub fn roles(&self) -> RoleSet {
        self.roles
    }

    /// The viewer's account; 0 if nobody is signed in.
    #[must_use]
    pub fn account(&self) -> i64 {
        self.account
    }

    /// The viewer as staff; 0 if they are not.
    #[must_use]
    pub fn staff(&self) -> i64 {
        self.staff
    }

    /// The viewer as a student; 0 if they are not.
    #[must_use]
    pub fn student(&self) -> i64 {
        self.student
    }

    /// The viewer as a parent; 0 if they are not.
    #[must_use]
    pub fn parent(&self) -> i64 {
        self.parent
    }
}

type Fragment<DB> = Box<dyn QueryFragment<DB> + Send>;

/// The rows of table `T` that a viewer reaches, role by role.
pub struct Reach<T, DB: Backend> {
    scope: Scope,
    /// By which role, and which rows: `None` is all of them.
    arms: Vec<(Role, Option<Fragment<DB>>)>,
    /// What every row must also be, for everybody but an ADMIN.
    provided: Option<Fragment<DB>>,
    table: PhantomData<T>,
}

impl<T, DB: Backend> Reach<T, DB> {
    /// Nothing yet: a role that is not named reaches no row.
    #[must_use]
    pub fn of(scope: &Scope) -> Self {
        Self { scope: *scope, arms: Vec::new(), provided: None, table: PhantomData }
    }

    /// Holders of `role` reach every row.
    #[must_use]
    pub fn all(mut self, role: Role) -> Self {
        if self.scope.roles.has(role) {
            self.arms.push((role, None));
        }
        self
    }

    /// Holders of `holder` reach every row, as `granted` does: where a role is given what another one has, and has more
    /// of its own under its own name.
    #[must_use]
    pub fn all_as(mut self, holder: Role, granted: Role) -> Self {
        if self.scope.roles.has(holder) {
            self.arms.push((granted, None));
        }
        self
    }

    /// Holders of `role` reach the rows for which the condition holds.
    #[must_use]
    pub fn when<E>(mut self, role: Role, condition: impl FnOnce(&Scope) -> E) -> Self
    where
        E: Expression<SqlType = Bool> + AppearsOnTable<T> + QueryFragment<DB> + Send + 'static,
    {
        if self.scope.roles.has(role) {
            self.arms.push((role, Some(Box::new(condition(&self.scope)))));
        }
        self
    }

    /// Only ADMIN reaches rows for which the condition does not hold (archived ones, for instance).
    #[must_use]
    pub fn provided<E>(mut self, condition: E) -> Self
    where
        E: Expression<SqlType = Bool> + AppearsOnTable<T> + QueryFragment<DB> + Send + 'static,
    {
        self.provided = Some(Box::new(condition));
        self
    }

    /// The condition that a row is reached at all: for `WHERE`.
    #[must_use]
    pub fn filter(self) -> Reached<DB> {
        Reached { arms: self.arms, provided: self.provided }
    }

    /// The roles by which a row was reached, as the union of their bits: for `SELECT`.
    #[must_use]
    pub fn granted(self) -> Granted<DB> {
        Granted { arms: self.arms, provided: self.provided }
    }
}

/// The condition that [`Reach::filter`] makes.
pub struct Reached<DB: Backend> {
    arms: Vec<(Role, Option<Fragment<DB>>)>,
    provided: Option<Fragment<DB>>,
}

/// The expression that [`Reach::granted`] makes.
pub struct Granted<DB: Backend> {
    arms: Vec<(Role, Option<Fragment<DB>>)>,
    provided: Option<Fragment<DB>>,
}

/// Writes the condition of one role; without a condition of any kind, what is true of every row.
fn arm<'b, DB: Backend>(
    out: &mut AstPass<'_, 'b, DB>,
    role: Role,
    condition: Option<&'b Fragment<DB>>,
    provided: Option<&'b Fragment<DB>>,
) -> QueryResult<()> {
    let provided = provided.filter(|_| role != Role::Admin);
    match (condition, provided) {
        (None, None) => out.push_sql("1 = 1"),
        (Some(one), None) | (None, Some(one)) => one.walk_ast(out.reborrow())?,
        (Some(condition), Some(provided)) => {
            condition.walk_ast(out.reborrow())?;
            out.push_sql(" AND ");
            provided.walk_ast(out.reborrow())?;
        }
    }
    Ok(())
}

/// Writes that one of the arms holds.
fn any_arm<'b, DB: Backend>(
    out: &mut AstPass<'_, 'b, DB>,
    arms: impl Iterator<Item = &'b (Role, Option<Fragment<DB>>)>,
    provided: Option<&'b Fragment<DB>>,
) -> QueryResult<()> {
    out.push_sql("(");
    for (i, (role, condition)) in arms.enumerate() {
        out.push_sql(if i == 0 { "(" } else { " OR (" });
        arm(out, *role, condition.as_ref(), provided)?;
        out.push_sql(")");
    }
    out.push_sql(")");
    Ok(())
}

impl<DB: Backend> QueryFragment<DB> for Reached<DB> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.arms.is_empty() {
            out.push_sql("1 = 0");
            return Ok(());
        }
        // A role that reaches every row makes the others moot, and the plan should not suffer for them.
        let widest = self.arms.iter().filter(|(_, condition)| condition.is_none()).map(|(role, _)| *role).min();
        if let Some(role) = widest {
            return arm(&mut out, role, None, self.provided.as_ref());
        }
        any_arm(&mut out, self.arms.iter(), self.provided.as_ref())
    }
}

impl<DB: Backend> QueryFragment<DB> for Granted<DB> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let roles: BTreeSet<Role> = self.arms.iter().map(|(role, _)| *role).collect();
        // With one role every row in scope was reached by it: no need to ask the database again.
        if let (Some(role), 1) = (roles.first(), roles.len()) {
            out.push_sql(&role.bit().to_string());
            return Ok(());
        }
        // A role that several arms speak of counts once: its bit must not be added twice.
        out.push_sql("(0");
        for role in roles {
            out.push_sql(" + CASE WHEN ");
            any_arm(&mut out, self.arms.iter().filter(|(of, _)| *of == role), self.provided.as_ref())?;
            out.push_sql(" THEN ");
            out.push_sql(&role.bit().to_string());
            out.push_sql(" ELSE 0 END");
        }
        out.push_sql(")");
        Ok(())
    }
}

/// Diesel's view of an expression whose conditions were checked against the table when they were added.
macro_rules! checked_expression {
    ($name:ident, $sql_type:ty) => {
        impl<DB: Backend> Expression for $name<DB> {
            type SqlType = $sql_type;
        }
        impl<DB: Backend, QS> AppearsOnTable<QS> for $name<DB> {}
        impl<DB: Backend, QS> SelectableExpression<QS> for $name<DB> {}
        impl<DB: Backend, GB> ValidGrouping<GB> for $name<DB> {
            type IsAggregate = is_aggregate::Never;
        }
        impl<DB: Backend> QueryId for $name<DB> {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
    };
}
checked_expression!(Reached, Bool);
checked_expression!(Granted, Integer);

#[cfg(test)]
mod tests {
    use diesel::{debug_query, prelude::*, sqlite::Sqlite};

    use super::*;
    use crate::db::schema::accounts;

    fn viewer(roles: &[Role]) -> Viewer {
        Viewer { account_id: Some(7), roles: RoleSet::of(roles), ..Viewer::default() }
    }

    fn reach(viewer: &Viewer) -> Reach<accounts::table, Sqlite> {
        Reach::of(&viewer.scope())
            .all(Role::Admin)
            .when(Role::Staff, |_| accounts::active)
            .when(Role::Own, |viewer| accounts::id.eq(viewer.account()))
            .when(Role::Own, |_| accounts::active)
            .provided(accounts::created_at.is_not_null())
    }

    fn sql(viewer: &Viewer) -> String {
        let query = accounts::table.filter(reach(viewer).filter()).select(reach(viewer).granted());
        debug_query::<Sqlite, _>(&query).to_string().replace('`', "")
    }

    #[test]
    fn who_holds_no_role_that_is_named_reaches_nothing() {
        assert!(sql(&viewer(&[Role::Hod])).contains("WHERE 1 = 0"));
        assert!(sql(&Viewer::anonymous()).contains("WHERE 1 = 0"));
    }

    #[test]
    fn admin_alone_is_free_of_the_common_condition() {
        assert!(sql(&viewer(&[Role::Admin])).contains("WHERE 1 = 1"));
        assert!(sql(&viewer(&[Role::Staff])).contains("accounts.active AND (accounts.created_at IS NOT NULL)"));
    }

    #[test]
    fn a_role_with_two_arms_is_counted_once() {
        let sql = sql(&viewer(&[Role::Staff, Role::Own]));
        let bits = |role: Role| sql.matches(&format!("THEN {} ELSE 0", role.bit())).count();
        assert_eq!((bits(Role::Staff), bits(Role::Own)), (1, 1), "{sql}");
    }
}
