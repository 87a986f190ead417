//! What an operator changes of accounts: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth, auth_factor_write, auth_write, institute, institute_write, staff_write};
use crate::{
    accounts::Task,
    audit::model::Change,
    auth::model::{Contact, Credential, Identifier, StaffRole},
    change::{Act, Changed, Problems},
    db::schema::{accounts, staff},
    graphql::UserErrorCode::{NotFound, Required, WrongStatus},
    ids::Kind,
    staff::model::NewStaff,
};

/// Does a task; gives the number of the account, or of accounts, where it is about all of them.
pub async fn carry_out(cx: &mut Cx, act: &Act, task: &Task) -> Changed<i64> {
    match task {
        Task::CreateAdmin { person, contact, password_hash, institute, problems } => {
            let problems = set_up(cx, act, institute.as_ref(), problems.clone()).await?;
            create_admin(cx, act, (person, contact), password_hash.as_deref(), problems).await
        }
        Task::Reset { identifier, second_factor } => reset(cx, act, identifier, *second_factor).await,
        Task::Deactivate { identifier } => deactivate(cx, act, identifier).await,
        Task::Reseal { seal } => Ok(auth_factor_write::reseal(cx, seal).await?),
    }
}

/// Sets up the institute that the first administrator is of, where there is none; what is wrong with that comes with the rest.
async fn set_up(cx: &mut Cx, act: &Act, named: Option<&(String, String)>, mut problems: Problems) -> Changed<Problems> {
    let there = institute::card(cx).await?.is_some();
    match named {
        Some(_) if there => {
            problems.add("institute", WrongStatus, "there is one, for an administrator to edit: `editInstitute`");
        }
        None if !there => problems.add("institute", Required, "there is none yet: what is it called?"),
        Some((name, time_zone)) if problems.is_empty() => institute_write::set_up(cx, act, name, time_zone).await?,
        _ => {}
    }
    Ok(problems)
}

/// Adds a staff member who is ADMIN, where there is none who could sign in: others are added by the first.
async fn create_admin(
    cx: &mut Cx,
    act: &Act,
    (person, contact): (&NewStaff, &Contact),
    password_hash: Option<&str>,
    mut problems: Problems,
) -> Changed<i64> {
    let first = staff_write::admins(cx).await?.is_empty();
    problems.require(first, "", WrongStatus, "there is an administrator, who adds others: `addStaff`");
    let id = staff_write::add(cx, act, person, contact, &[StaffRole::Admin], problems).await?;
    let account: i64 = staff::table.find(id).select(staff::account_id).first(cx).await?;
    if password_hash.is_some() {
        let password = accounts::password_hash.eq(password_hash);
        diesel::update(accounts::table.find(account)).set(password).execute(cx).await?;
    }
    Ok(account)
}

async fn reset(cx: &mut Cx, act: &Act, identifier: &Identifier, second_factor: bool) -> Changed<i64> {
    let account = find(cx, identifier).await?.account_id;
    let none = accounts::password_hash.eq(None::<String>);
    diesel::update(accounts::table.find(account)).set(none).execute(cx).await?;
    let mut after = json!({"password": "reset"});
    if second_factor && auth_factor_write::forget(cx, account).await? {
        after["second_factor"] = json!("reset");
    }
    auth_write::end_sessions(cx, account, 0).await?;
    audit::record(cx, act, vec![Change::edited(Kind::Account, account, json!({}), after)]).await?;
    Ok(account)
}

async fn deactivate(cx: &mut Cx, act: &Act, identifier: &Identifier) -> Changed<i64> {
    let Credential { account_id: account, active, .. } = find(cx, identifier).await?;
    let mut problems = Problems::default();
    problems.require(active, "identifier", WrongStatus, "nobody may sign in to the account as it is");
    problems.stop()?;
    auth_write::close_account(cx, account).await?;
    let change = Change::edited(Kind::Account, account, json!({"active": true}), json!({"active": false}));
    audit::record(cx, act, vec![change]).await?;
    Ok(account)
}

async fn find(cx: &mut Cx, identifier: &Identifier) -> Changed<Credential> {
    let found = auth::credential(cx, identifier).await?;
    found.ok_or_else(|| {
        let mut problems = Problems::default();
        problems.add("identifier", NotFound, "no account has this e-mail or phone");
        problems.refusal()
    })
}
