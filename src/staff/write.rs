//! What changes staff: the rules and the SQL, compiled for both databases.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth_write, courses, dialect, routines_write, staff};
use crate::{
    audit::model::Change,
    auth::{
        Role,
        model::{Contact, ContactEdit, StaffRole, WithContact},
    },
    change::{Act, Changed, Problems},
    db::schema::{self, accounts, staff_roles},
    error::Result,
    graphql::UserErrorCode::{InUse, LastAdmin},
    ids::Kind,
    routines::model::Lesson,
    staff::model::{NewStaff, StaffEdit, StaffRow},
};

/// Adds a staff member, with an account that has no password yet. An HOD of some course adds teachers, and nobody else.
pub async fn add(
    cx: &mut Cx,
    act: &Act,
    person: &NewStaff,
    contact: &Contact,
    roles: &[StaffRole],
    mut problems: Problems,
) -> Changed<i64> {
    use schema::staff as s;
    if !is_admin(act) {
        let heads: bool = dsl::select(dsl::exists(courses::headed(&act.scope))).get_result(cx).await?;
        if !heads || roles != [StaffRole::Teacher] {
            return Err(act.forbidden().into());
        }
    }
    auth_write::contact_is_free(cx, contact, 0, ("email", "phone"), &mut problems).await?;
    problems.born_before(person.birth_date, person.joining_date, "joiningDate");
    problems.stop()?;
    let account = auth_write::create_account(cx, act, contact).await?;
    let row: StaffRow = diesel::insert_into(s::table)
        .values((person, s::account_id.eq(account), s::created_at.eq(act.now)))
        .returning(StaffRow::as_returning())
        .get_result(cx)
        .await?;
    give_roles(cx, row.id, roles).await?;
    let mut made = json!(WithContact { row: &row, contact });
    made["roles"] = json!(roles);
    audit::record(cx, act, vec![Change::made(Kind::Staff, row.id, made)]).await?;
    Ok(row.id)
}

/// Edits a staff member. An HOD edits what they may read of the teachers of their courses.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &StaffEdit,
    contact: &ContactEdit,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::staff as s;
    let before = act.target(&mut problems, "id", staff::by_ids(cx, &act.scope, &[id]).await?)?;
    may_change(cx, act, id).await?;
    if !is_admin(act) && edit.is_personal() {
        return Err(act.forbidden().into());
    }
    problems.fresh(version, before.version);
    let (birth, joining) =
        (edit.birth_date.unwrap_or(before.birth_date), edit.joining_date.unwrap_or(before.joining_date));
    let path = if edit.joining_date.is_some() { "joiningDate" } else { "birthDate" };
    problems.born_before(birth, joining, path);
    let paths = ("email", "phone");
    let (had, has) = auth_write::check_contact(cx, act, before.account_id, contact, paths, &mut problems).await?;
    problems.stop()?;
    let after: StaffRow = diesel::update(s::table.find(id))
        .set((edit, s::version.eq(s::version + 1)))
        .returning(StaffRow::as_returning())
        .get_result(cx)
        .await?;
    auth_write::set_contact(cx, before.account_id, &had, &has).await?;
    let (before, after) = (WithContact { row: &before, contact: &had }, WithContact { row: &after, contact: &has });
    audit::record(cx, act, vec![Change::edited(Kind::Staff, id, before, after)]).await?;
    Ok(id)
}

/// Says which roles a staff member holds.
pub async fn set_roles(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    roles: &[StaffRole],
    mut problems: Problems,
) -> Changed<i64> {
    use schema::staff as s;
    let before = act.target(&mut problems, "id", staff::by_ids(cx, &act.scope, &[id]).await?)?;
    problems.fresh(version, before.version);
    let held = held(cx, id).await?;
    let loses = |role: StaffRole| held.contains(&role) && !roles.contains(&role);
    if loses(StaffRole::Admin) {
        an_admin_remains(cx, id, "roles", &mut problems).await?;
    }
    if loses(StaffRole::Hod) {
        heads_nothing(cx, id, "roles", &mut problems).await?;
    }
    if loses(StaffRole::Teacher) {
        teaches_nothing(&routines_write::taught_by(cx, id).await?, "roles", &mut problems);
    }
    problems.stop()?;
    diesel::delete(staff_roles::table.filter(staff_roles::staff_id.eq(id))).execute(cx).await?;
    give_roles(cx, id, roles).await?;
    diesel::update(s::table.find(id)).set(s::version.eq(s::version + 1)).execute(cx).await?;
    let change = Change::edited(Kind::Staff, id, json!({"roles": held}), json!({"roles": roles}));
    audit::record(cx, act, vec![change]).await?;
    Ok(id)
}

/// Whether the viewer does this as ADMIN.
pub fn is_admin(act: &Act) -> bool {
    act.held().has(Role::Admin)
}

/// Lets go on who may change a staff member whom they reached: ADMIN anybody; an HOD, who reached a teacher of their
/// courses, one who holds no other role.
///
/// # Errors
/// `FORBIDDEN`.
pub async fn may_change(cx: &mut Cx, act: &Act, id: i64) -> Changed<()> {
    if is_admin(act) || held(cx, id).await?.iter().all(|role| *role == StaffRole::Teacher) {
        return Ok(());
    }
    Err(act.forbidden().into())
}

/// The roles that a staff member holds, in the order they are shown.
pub async fn held(cx: &mut Cx, id: i64) -> Result<Vec<StaffRole>> {
    let roles = staff_roles::table.filter(staff_roles::staff_id.eq(id)).select(staff_roles::role);
    let roles: Vec<StaffRole> = roles.load(cx).await?;
    Ok(StaffRole::ALL.iter().filter(|role| roles.contains(role)).copied().collect())
}

/// Says that somebody else must be there who runs the institute: at work, and able to sign in.
pub async fn an_admin_remains(cx: &mut Cx, but: i64, path: &str, problems: &mut Problems) -> Result<()> {
    use schema::staff as s;
    let others = s::table
        .inner_join(staff_roles::table)
        .inner_join(accounts::table)
        .filter(staff_roles::role.eq(StaffRole::Admin))
        .filter(s::id.ne(but))
        .filter(s::archived_at.is_null())
        .filter(accounts::active)
        .filter(accounts::password_hash.is_not_null())
        .select(s::id);
    let remains: bool = dsl::select(dsl::exists(others)).get_result(cx).await?;
    problems.require(remains, path, LastAdmin, "nobody else could sign in as an administrator");
    Ok(())
}

/// Says which courses somebody heads, where they must head none.
pub async fn heads_nothing(cx: &mut Cx, id: i64, path: &str, problems: &mut Problems) -> Result<()> {
    use schema::courses as c;
    let headed: Vec<String> =
        c::table.filter(c::hod_id.eq(id)).order((c::name, c::id)).select(c::name).load(cx).await?;
    let message = format!("they head {}: somebody else must be appointed first", headed.join(", "));
    problems.require(headed.is_empty(), path, InUse, &message);
    Ok(())
}

/// Says what somebody teaches, where they must teach nothing.
pub fn teaches_nothing(lessons: &[Lesson], path: &str, problems: &mut Problems) {
    let taught: Vec<String> = lessons.iter().map(ToString::to_string).collect();
    let message = format!("these are in the timetable: {}", taught.join("; "));
    problems.require(taught.is_empty(), path, InUse, &message);
}

async fn give_roles(cx: &mut Cx, id: i64, roles: &[StaffRole]) -> Result<()> {
    let row = |role: &StaffRole| (staff_roles::staff_id.eq(id), staff_roles::role.eq(*role));
    let rows: Vec<_> = roles.iter().map(row).collect();
    dialect::execute_batch(cx, diesel::insert_into(staff_roles::table).values(rows)).await?;
    Ok(())
}
