//! What the viewer can do with a staff member, and the rules of it.

use std::collections::BTreeSet;

use async_graphql::{Context, Object};

use super::model::StaffRow;
use crate::{
    actions,
    auth::{
        Role,
        can::{Behind, change_contact},
        model::StaffRole,
        sets::PEOPLE,
    },
    change::{Actor, By, Verdict, reached},
    courses::can::Within,
    error::Result,
    graphql::{
        Call,
        UserErrorCode::{InUse, LastAdmin, WrongStatus},
        auth, stated,
    },
    leave::can::ask_as_staff,
    read,
};

/// How a staff member stands, besides what is in their row.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whether their account may sign in.
    pub active: bool,
    /// The roles they hold.
    pub roles: Vec<StaffRole>,
    /// The courses in which they teach by the present timetable.
    pub taught: BTreeSet<i64>,
    /// The names of the courses they head.
    pub heads: Vec<String>,
    /// Whether somebody else could sign in as an administrator.
    pub another_admin: bool,
}

/// ADMIN edits anybody; an HOD, who reached a teacher of their courses, one who holds no other role.
pub fn edit(actor: &Actor, _: By, roles: &[StaffRole]) -> Verdict {
    let may = actor.held().has(Role::Admin) || roles.iter().all(|role| *role == StaffRole::Teacher);
    Verdict::when(may)
}

/// Who may be edited can be let go by who does this in all the courses they teach in; but the last administrator stays, and
/// who heads a course.
pub fn leave(actor: &Actor, by: By, standing: &Standing, within: &Within) -> Verdict {
    let verdict = edit(actor, by, &standing.roles).and(Verdict::when(within.has_all(&standing.taught)));
    let is_admin = standing.roles.contains(&StaffRole::Admin);
    let verdict = if is_admin { verdict.and(an_admin_remains(standing)) } else { verdict };
    verdict.and(heads_nothing(standing))
}

/// Somebody else must be there who runs the institute.
pub fn an_admin_remains(standing: &Standing) -> Verdict {
    Verdict::when(true).provided(standing.another_admin, LastAdmin, "nobody else could sign in as an administrator")
}

/// Who heads a course is followed by somebody first.
pub fn heads_nothing(standing: &Standing) -> Verdict {
    if standing.heads.is_empty() {
        return Verdict::when(true);
    }
    let message = format!("they head {}: somebody else must be appointed first", standing.heads.join(", "));
    Verdict::when(true).but(InUse, message)
}

/// Who is let go is signed out of an account that may sign in. It is closed to everything else its owner is: that is for who
/// could take it over.
pub fn sign_out(actor: &Actor, standing: &Standing, behind: &Behind) -> Verdict {
    let may = change_contact(actor, behind);
    Verdict::when(may).provided(standing.active, WrongStatus, "they may not sign in as it is")
}

/// Who may not sign in is let in again.
pub fn activate(_: By, active: bool) -> Verdict {
    Verdict::default().provided(!active, WrongStatus, "they may sign in as it is")
}

/// Who is let go is archived once.
pub fn archive(staff: &StaffRow) -> Verdict {
    Verdict::when(true).provided(staff.archived_at.is_none(), WrongStatus, "they are archived as it is")
}

/// Who was archived is taken back.
pub fn restore(_: &Actor, staff: &StaffRow, _: By) -> Verdict {
    Verdict::default().provided(staff.archived_at.is_some(), WrongStatus, "they are not archived")
}

actions! {
    /// What the viewer can do with a staff member. True: with a well-formed input the mutation would not be refused for who
    /// the viewer is, nor for how the staff member stands; what else an input may be refused for is another matter.
    StaffActions(StaffRow)
}

#[Object(use_type_description, guard = "stated(self)")]
impl StaffActions {
    /// Edit them: `editStaff`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn edit(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "editStaff") else { return Ok(false) };
        let call = Call::of(ctx);
        let roles = self.0.of_each("roles held", |ids| async move { read!(call.db(), staff_write::roles_of(&ids)) });
        Ok(edit(&actor, by, &roles.await?.unwrap_or_default()).is_yes())
    }

    /// Say which roles they hold: `setStaffRoles`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn set_roles(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "setStaffRoles", reached)
    }

    /// Let them not sign in any more, and end what they teach: `deactivateStaff`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn deactivate(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "deactivateStaff") else { return Ok(false) };
        let (call, standing) = (Call::of(ctx), self.standing(ctx).await?);
        let within = Within::load(ctx, &self.0, &actor).await?;
        let behind = self.0.load("behind their accounts", |staff| async move {
            let accounts: Vec<i64> = staff.iter().map(|staff| staff.account_id).collect();
            read!(call.db(), auth_write::behind(&actor, &accounts))
        });
        let behind = behind.await?.get(&self.0.account_id).cloned().unwrap_or_default();
        let verdict = leave(&actor, by, &standing, &within);
        Ok(verdict.and(sign_out(&actor, &standing, &behind)).is_yes())
    }

    /// Let them sign in again: `activateStaff`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn activate(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((_, by)) = self.0.asked(ctx, "activateStaff") else { return Ok(false) };
        let standing = self.standing(ctx).await?;
        Ok(activate(by, standing.active).is_yes())
    }

    /// Archive them, and end what they teach: `archiveStaff`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn archive(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some((actor, by)) = self.0.asked(ctx, "archiveStaff") else { return Ok(false) };
        let standing = self.standing(ctx).await?;
        let within = Within::load(ctx, &self.0, &actor).await?;
        Ok(leave(&actor, by, &standing, &within).and(archive(&self.0)).is_yes())
    }

    /// Take them out of the archive: `restoreStaff`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn restore(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "restoreStaff", restore)
    }

    /// Ask for leave for them: `requestLeave`.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn request_leave(&self, ctx: &Context<'_>) -> bool {
        self.0.allows(ctx, "requestLeave", ask_as_staff)
    }
}

impl StaffActions {
    async fn standing(&self, ctx: &Context<'_>) -> Result<Standing> {
        let call = Call::of(ctx);
        let read = |ids: Vec<i64>| async move { read!(call.db(), staff_write::standings(&ids)) };
        Ok(self.0.of_each("standing", read).await?.unwrap_or_default())
    }
}
