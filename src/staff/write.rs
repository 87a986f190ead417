//! What changes staff: the rules and the SQL, compiled for both databases.

use std::collections::HashMap;

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
    graphql::UserErrorCode::InUse,
    ids::Kind,
    routines::model::Lesson,
    staff::{
        can::{self, Standing},
        model::{NewStaff, StaffEdit, StaffRow},
    },
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
    let roles = roles_of(cx, &[id]).await?.remove(&id).unwrap_or_default();
    let found = staff::by_ids(cx, &act.scope, &[id]).await?;
    let before = act.target_by(&mut problems, "id", found, |actor, _, by| can::edit(actor, by, &roles))?;
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
    let standing = standing(cx, id).await?;
    let loses = |role: StaffRole| standing.roles.contains(&role) && !roles.contains(&role);
    if loses(StaffRole::Admin) {
        act.heed(can::an_admin_remains(&standing), "roles", &mut problems)?;
    }
    if loses(StaffRole::Hod) {
        act.heed(can::heads_nothing(&standing), "roles", &mut problems)?;
    }
    if loses(StaffRole::Teacher) {
        teaches_nothing(&routines_write::taught_by(cx, id).await?, "roles", &mut problems);
    }
    problems.stop()?;
    diesel::delete(staff_roles::table.filter(staff_roles::staff_id.eq(id))).execute(cx).await?;
    give_roles(cx, id, roles).await?;
    diesel::update(s::table.find(id)).set(s::version.eq(s::version + 1)).execute(cx).await?;
    let change = Change::edited(Kind::Staff, id, json!({"roles": standing.roles}), json!({"roles": roles}));
    audit::record(cx, act, vec![change]).await?;
    Ok(id)
}

/// Whether the viewer does this as ADMIN.
fn is_admin(act: &Act) -> bool {
    act.held().has(Role::Admin)
}

/// The roles that staff hold, in the order they are shown; nothing of who holds none.
pub async fn roles_of(cx: &mut Cx, ids: &[i64]) -> Result<HashMap<i64, Vec<StaffRole>>> {
    let rows = staff_roles::table.filter(staff_roles::staff_id.eq_any(ids));
    let rows: Vec<(i64, StaffRole)> = rows.select((staff_roles::staff_id, staff_roles::role)).load(cx).await?;
    let mut roles: HashMap<i64, Vec<StaffRole>> = HashMap::new();
    for role in StaffRole::ALL {
        for (id, _) in rows.iter().filter(|(_, held)| held == role) {
            roles.entry(*id).or_default().push(*role);
        }
    }
    Ok(roles)
}

/// How a staff member stands, for rules.
pub async fn standing(cx: &mut Cx, id: i64) -> Result<Standing> {
    Ok(standings(cx, &[id]).await?.remove(&id).unwrap_or_default())
}

/// The same for several: a few statements, however many they are.
pub async fn standings(cx: &mut Cx, ids: &[i64]) -> Result<HashMap<i64, Standing>> {
    use schema::{courses as c, staff as s};
    let active: Vec<(i64, bool)> = s::table
        .inner_join(accounts::table)
        .filter(s::id.eq_any(ids))
        .select((s::id, accounts::active))
        .load(cx)
        .await?;
    let mut roles = roles_of(cx, ids).await?;
    let taught = routines_write::taught_in(cx, ids).await?;
    let headed: Vec<(i64, String)> = c::table
        .filter(c::hod_id.eq_any(ids))
        .order((c::name, c::id))
        .select((c::hod_id.assume_not_null(), c::name))
        .load(cx)
        .await?;
    let admins = admins(cx).await?;
    let standing = |(id, active): (i64, bool)| {
        let standing = Standing {
            active,
            roles: roles.remove(&id).unwrap_or_default(),
            taught: taught.iter().filter(|(teacher, _)| *teacher == id).map(|(_, course)| *course).collect(),
            heads: headed.iter().filter(|(head, _)| *head == id).map(|(_, name)| name.clone()).collect(),
            another_admin: admins.iter().any(|admin| *admin != id),
        };
        (id, standing)
    };
    Ok(active.into_iter().map(standing).collect())
}

/// Who runs the institute: at work, and able to sign in.
pub async fn admins(cx: &mut Cx) -> Result<Vec<i64>> {
    use schema::staff as s;
    let admins = s::table
        .inner_join(staff_roles::table)
        .inner_join(accounts::table)
        .filter(staff_roles::role.eq(StaffRole::Admin))
        .filter(s::archived_at.is_null())
        .filter(accounts::active)
        .filter(accounts::password_hash.is_not_null())
        .select(s::id);
    Ok(admins.load(cx).await?)
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
