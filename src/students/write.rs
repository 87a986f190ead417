//! What changes students: the rules and the SQL, compiled for both databases.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth_write, batches, dialect, leave_write, meetings_leaving, students};
use crate::{
    audit::model::Change,
    auth::{
        Role, RoleSet,
        model::{ContactEdit, WithContact},
    },
    batches::model::BatchRow,
    change::{Act, Changed, Problems},
    db::schema::{self, accounts, batch_students, parents, staff},
    error::Result,
    graphql::UserErrorCode::{Duplicate, WrongStatus},
    ids::Kind,
    leave::model::Person,
    students::{
        can,
        model::{StudentEdit, StudentRow, StudentStatus},
    },
};

/// Who writes what identifies a citizen: nobody writes what they may not read.
pub const CIVIL: RoleSet = RoleSet::of(&[Role::Admin, Role::Admission]);

/// The student that a mutation is about, and the roles by which the viewer may change them.
///
/// # Errors
/// `NOT_FOUND` at `path`, or `FORBIDDEN`: see [`Act::target`].
pub async fn target(
    cx: &mut Cx,
    act: &Act,
    problems: &mut Problems,
    path: &str,
    id: i64,
) -> Changed<(StudentRow, RoleSet)> {
    let (student, by) = act.found(problems, path, students::by_ids(cx, &act.scope, &[id]).await?)?;
    act.heed(can::change(&act.actor(), &student, by), path, problems)?;
    Ok((student, by.roles().and(act.may)))
}

/// Edits what is known of a student.
pub async fn edit(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    edit: &StudentEdit,
    contact: &ContactEdit,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::students::{self as s};
    let (before, may) = target(cx, act, &mut problems, "id", id).await?;
    if (edit.citizenship_number.is_some() || edit.marital_status.is_some()) && !may.meets(CIVIL) {
        return Err(act.forbidden().into());
    }
    problems.fresh(version, before.version);
    let account = before.account_id;
    let (old, new) = auth_write::check_contact(cx, act, account, contact, ("email", "phone"), &mut problems).await?;
    let path = if edit.birth_date.is_some() { "birthDate" } else { "joiningDate" };
    let (birth, joining) =
        (edit.birth_date.unwrap_or(before.birth_date), edit.joining_date.unwrap_or(before.joining_date));
    problems.born_before(birth, joining, path);
    problems.stop()?;
    let after: StudentRow = diesel::update(s::table.find(id))
        .set((edit, s::version.eq(s::version + 1)))
        .returning(StudentRow::as_returning())
        .get_result(cx)
        .await?;
    auth_write::set_contact(cx, account, &old, &new).await?;
    let (before, after) = (WithContact { row: &before, contact: &old }, WithContact { row: &after, contact: &new });
    audit::record(cx, act, vec![Change::edited(Kind::Student, id, before, after)]).await?;
    Ok(id)
}

/// Says where a student stands with the institute.
pub async fn set_status(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    status: StudentStatus,
    mut problems: Problems,
) -> Changed<i64> {
    use schema::students::{self as s};
    let (before, _) = target(cx, act, &mut problems, "id", id).await?;
    problems.fresh(version, before.version);
    problems.require(before.status != status, "status", WrongStatus, "the student has this status");
    problems.stop()?;
    let after: StudentRow = diesel::update(s::table.find(id))
        .set((s::status.eq(status), s::version.eq(s::version + 1)))
        .returning(StudentRow::as_returning())
        .get_result(cx)
        .await?;
    audit::record(cx, act, vec![Change::edited(Kind::Student, id, &before, &after)]).await?;
    Ok(id)
}

/// Lets a student join batches and leave others.
pub async fn set_batches(
    cx: &mut Cx,
    act: &Act,
    (id, version): (i64, i32),
    (add, remove): (&BTreeSet<i64>, &BTreeSet<i64>),
    mut problems: Problems,
) -> Changed<i64> {
    use schema::students::{self as s};
    let (before, _) = target(cx, act, &mut problems, "studentId", id).await?;
    problems.fresh(version, before.version);
    let of = batch_students::table.filter(batch_students::student_id.eq(id)).select(batch_students::batch_id);
    let joined: BTreeSet<i64> = of.load::<i64>(cx).await?.into_iter().collect();
    let join = joinable(cx, act, add, "add", &mut problems).await?;
    problems.require(add.is_disjoint(remove), "remove", Duplicate, "a batch is to be joined and to be left");
    if !remove.is_subset(&joined) {
        problems.not_found("remove");
    }
    let joining = before.joining_date.or(first_day(&join, act.today));
    problems.born_before(before.birth_date, joining, "add");
    problems.stop()?;
    let new: Vec<i64> = add.difference(&joined).copied().collect();
    let leave: Vec<i64> = remove.iter().copied().collect();
    diesel::delete(batch_students::table)
        .filter(batch_students::student_id.eq(id))
        .filter(batch_students::batch_id.eq_any(leave))
        .execute(cx)
        .await?;
    self::join(cx, id, &new).await?;
    let after: StudentRow = diesel::update(s::table.find(id))
        .set((s::joining_date.eq(joining), s::version.eq(s::version + 1)))
        .returning(StudentRow::as_returning())
        .get_result(cx)
        .await?;
    let now: BTreeSet<i64> = joined.union(add).copied().filter(|batch| !remove.contains(batch)).collect();
    let (before, after) = (
        json!({"joining_date": before.joining_date, "batches": joined}),
        json!({"joining_date": after.joining_date, "batches": now}),
    );
    audit::record(cx, act, vec![Change::edited(Kind::Student, id, before, after)]).await?;
    Ok(id)
}

/// Archives a student: ADMIN alone reaches them from then on, and nobody signs in as them.
pub async fn archive(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let (before, _) = target(cx, act, &mut problems, "id", id).await?;
    problems.stop()?;
    shelve(cx, act, &before, true).await
}

/// Takes a student back from the archive.
pub async fn restore(cx: &mut Cx, act: &Act, id: i64, mut problems: Problems) -> Changed<i64> {
    let before = act.target_by(&mut problems, "id", students::by_ids(cx, &act.scope, &[id]).await?, can::restore)?;
    problems.stop()?;
    shelve(cx, act, &before, false).await
}

/// Archives a student or takes them back, and closes or opens the account where it is nobody else's. Nobody waits for who
/// is archived: meetings to come lose their family, and what leave is pending is withdrawn.
async fn shelve(cx: &mut Cx, act: &Act, before: &StudentRow, archived: bool) -> Changed<i64> {
    use schema::students::{self as s};
    let account = before.account_id;
    let after: StudentRow = diesel::update(s::table.find(before.id))
        .set((s::archived_at.eq(archived.then_some(act.now)), s::version.eq(s::version + 1)))
        .returning(StudentRow::as_returning())
        .get_result(cx)
        .await?;
    let mut changes = vec![Change::edited(Kind::Student, before.id, before, &after)];
    if archived {
        let reason = "the student has left the institute";
        changes.extend(meetings_leaving::without_family(cx, act, before.id, reason).await?);
        changes.extend(leave_write::withdraw_all(cx, Person::Student(before.id)).await?);
    }
    if let Some(active) = is_open(cx, account).await? {
        if archived {
            auth_write::close_account(cx, account).await?;
        } else {
            auth_write::open_account(cx, account).await?;
        }
        let (before, after) = (json!({"active": active}), json!({"active": !archived}));
        changes.push(Change::edited(Kind::Account, account, before, after));
    }
    audit::record(cx, act, changes).await?;
    Ok(before.id)
}

/// Whether an account that is nobody's but a student's may be signed in to; none where there is a staff member or a parent
/// behind it as well.
async fn is_open(cx: &mut Cx, account: i64) -> Result<Option<bool>> {
    let staff = dsl::exists(staff::table.filter(staff::account_id.eq(account)));
    let parent = dsl::exists(parents::table.filter(parents::account_id.eq(account)));
    let alone = accounts::table.find(account).filter(dsl::not(staff.or(parent)));
    Ok(alone.select(accounts::active).first(cx).await.optional()?)
}

/// Moves students of one course to a period of it; their trackings are to follow.
pub async fn set_period(cx: &mut Cx, ids: &[i64], period: i32) -> Result<Vec<StudentRow>> {
    use schema::students::{self as s};
    let after = diesel::update(s::table.filter(s::id.eq_any(ids)))
        .set((s::current_period.eq(period), s::version.eq(s::version + 1)))
        .returning(StudentRow::as_returning())
        .get_results(cx)
        .await?;
    Ok(after)
}

/// The batches to join, if all of them are there and in use.
pub async fn joinable(
    cx: &mut Cx,
    act: &Act,
    ids: &BTreeSet<i64>,
    path: &str,
    problems: &mut Problems,
) -> Result<Vec<BatchRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Vec<i64> = ids.iter().copied().collect();
    let found: Vec<BatchRow> =
        batches::by_ids(cx, &act.scope, &wanted).await?.into_iter().map(|(batch, _)| batch).collect();
    if found.len() < wanted.len() {
        problems.not_found(path);
    }
    let closed: Vec<&str> = found.iter().filter(|batch| !batch.active).map(|batch| batch.name.as_str()).collect();
    problems.require(closed.is_empty(), path, WrongStatus, &format!("not in use: {}", closed.join(", ")));
    Ok(found)
}

/// Makes a student a member of batches.
pub async fn join(cx: &mut Cx, student: i64, batches: &[i64]) -> Result<()> {
    let row = |batch: &i64| (batch_students::batch_id.eq(*batch), batch_students::student_id.eq(student));
    let rows: Vec<_> = batches.iter().map(row).collect();
    dialect::execute_batch(cx, diesel::insert_into(batch_students::table).values(rows)).await?;
    Ok(())
}

/// The day on which somebody joins who joins these batches: when the first of them began. None of them has, nothing is
/// known yet: nobody joined in the future.
pub fn first_day(batches: &[BatchRow], today: NaiveDate) -> Option<NaiveDate> {
    batches.iter().filter_map(|batch| batch.start_date).filter(|day| *day <= today).min()
}
