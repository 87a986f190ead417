//! What changes parents and whose they are: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{
    Cx, audit, auth_write, meetings_leaving, parents,
    parents_family::{self, Found},
    students_write,
};
use crate::{
    audit::model::Change,
    auth::model::{Contact, ContactEdit, WithContact},
    change::{Act, Changed, Problems},
    db::schema::{self, accounts, parent_students},
    error::{Error, Result},
    ids::Kind,
    parents::{
        can,
        model::{NewParent, ParentEdit, ParentRow},
    },
};

/// Links a parent with a student; who is linked already stays so.
pub async fn link(cx: &mut Cx, act: &Act, student: i64, parent: &NewParent, mut problems: Problems) -> Changed<i64> {
    let (row, _) = students_write::target(cx, act, &mut problems, "studentId", student).await?;
    let own: Contact = accounts::table.find(row.account_id).select(Contact::as_select()).first(cx).await?;
    let wanted = std::slice::from_ref(parent);
    let found = parents_family::find(cx, act, wanted, &own, &mut problems).await?;
    problems.stop()?;
    let before = linked(cx, student).await?;
    if let [Found::Parent(id, _)] = found[..]
        && before.contains(&id)
    {
        return Ok(id);
    }
    let (ids, mut changes) = parents_family::link(cx, act, student, wanted, &found).await?;
    changes.push(relinked(student, &before, &linked(cx, student).await?));
    audit::record(cx, act, changes).await?;
    Ok(ids.into_iter().next().ok_or_else(|| Error::internal("no parent was linked"))?)
}

/// Takes a parent from a student.
pub async fn unlink(cx: &mut Cx, act: &Act, student: i64, parent: i64, mut problems: Problems) -> Changed<i64> {
    students_write::target(cx, act, &mut problems, "studentId", student).await?;
    let reached = !parents::by_ids(cx, &act.scope, &[parent]).await?.is_empty();
    let before = linked(cx, student).await?;
    if !reached || !before.contains(&parent) {
        problems.not_found("parentId");
    }
    problems.stop()?;
    diesel::delete(parent_students::table.find((parent, student))).execute(cx).await?;
    let after: Vec<i64> = before.iter().copied().filter(|id| *id != parent).collect();
    let mut changes = vec![relinked(student, &before, &after)];
    let reason = "nobody who was to take part is a parent of the student any more";
    changes.extend(meetings_leaving::without_family(cx, act, student, reason).await?);
    audit::record(cx, act, changes).await?;
    Ok(student)
}

/// Edits a parent.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &ParentEdit,
    contact: &ContactEdit,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::parents::{self as p};
    let before = act.target_by(&mut problems, "id", parents::by_ids(cx, &act.scope, &[id]).await?, can::change)?;
    problems.fresh(version, before.version);
    let account = before.account_id;
    let (old, new) = auth_write::check_contact(cx, act, account, contact, ("email", "phone"), &mut problems).await?;
    problems.stop()?;
    let after: ParentRow = diesel::update(p::table.find(id))
        .set((edit, p::version.eq(p::version + 1)))
        .returning(ParentRow::as_returning())
        .get_result(cx)
        .await?;
    auth_write::set_contact(cx, account, &old, &new).await?;
    let (before, after) = (WithContact { row: &before, contact: &old }, WithContact { row: &after, contact: &new });
    audit::record(cx, act, vec![Change::edited(Kind::Parent, id, before, after)]).await?;
    Ok(id)
}

/// The parents of a student, archived ones too.
async fn linked(cx: &mut Cx, student: i64) -> Result<Vec<i64>> {
    let parents = parent_students::table.filter(parent_students::student_id.eq(student));
    Ok(parents.order(parent_students::parent_id).select(parent_students::parent_id).load(cx).await?)
}

fn relinked(student: i64, before: &[i64], after: &[i64]) -> Change {
    Change::edited(Kind::Student, student, json!({"parents": before}), json!({"parents": after}))
}
