//! The second factor: the rules and the SQL, compiled for both databases.
//!
//! Whatever changes it writes to the account's row before it ends sessions, so that nobody who signs in meanwhile is missed:
//! see [`auth_write::end_sessions`].

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth, auth_write, dialect, parents, staff, students};
use crate::{
    audit::model::Change,
    auth::{
        factor::{Code, FactorRow, MOST_FAILURES, PAUSE, Tried, sealed},
        totp,
    },
    change::{Act, Changed, Problems},
    db::schema::{accounts, recovery_codes, second_factors},
    error::{Error, Result},
    graphql::UserErrorCode::{Invalid, InvalidCredentials, WrongStatus},
    ids::{Kind, Seal},
};

/// Keeps a sealed secret for the viewer's account, which has no second factor until [`confirm`]; one that was kept before and
/// never confirmed is forgotten. `proved` is the hash that the current password was compared with.
pub async fn begin(cx: &mut Cx, act: &Act, secret: &[u8], proved: &str, mut problems: Problems) -> Changed<i64> {
    let account = act.scope.account();
    password_is(cx, account, proved, &mut problems).await?;
    let message = "you have a second factor: remove it first";
    problems.require(!auth::has_factor(cx, account).await?, "", WrongStatus, message);
    problems.stop()?;
    let row = (
        second_factors::account_id.eq(account),
        second_factors::secret.eq(secret),
        second_factors::created_at.eq(act.now),
    );
    diesel::delete(second_factors::table.find(account)).execute(cx).await?;
    diesel::insert_into(second_factors::table).values(row).execute(cx).await?;
    Ok(account)
}

/// Makes the secret that was begun with the second factor of the viewer's account, as the code shows that an authenticator
/// has it. Sessions that began without it end, for they would gain what it guards, but for one, by its number, which gets
/// another token, by its digest.
pub async fn confirm(
    cx: &mut Cx,
    act: &Act,
    seal: &Seal,
    code: &Code,
    hashes: &[Vec<u8>],
    (session, token_hash): (i64, &[u8]),
    mut problems: Problems,
) -> Changed<Tried> {
    let account = act.scope.account();
    let begun = if auth::has_factor(cx, account).await? { None } else { factor(cx, account).await? };
    let Some(begun) = begun else {
        problems.add("", WrongStatus, "there is nothing to confirm: begin with `beginSecondFactor`");
        return Err(problems.refusal());
    };
    let tried = attempt(cx, act, seal, &begun, code).await?;
    if tried == Tried::Right {
        let since = accounts::second_factor_at.eq(act.now);
        diesel::update(accounts::table.find(account)).set(since).execute(cx).await?;
        keep_codes(cx, account, hashes).await?;
        auth_write::end_sessions(cx, account, session).await?;
        auth_write::rotate_session(cx, session, token_hash).await?;
        record(cx, act, account, json!(null), json!("confirmed")).await?;
    }
    Ok(tried)
}

/// Seals every secret anew, under the present key; gives how many there are.
///
/// # Errors
/// When one does not open under any key that is known: then none is sealed anew.
pub async fn reseal(cx: &mut Cx, seal: &Seal) -> Result<i64> {
    let factors = second_factors::table.order(second_factors::account_id).select(FactorRow::as_select());
    let factors: Vec<FactorRow> = factors.load(cx).await?;
    for factor in &factors {
        let secret = sealed(seal, factor.account_id, &factor.open(seal)?)?;
        let row = second_factors::table.find(factor.account_id);
        diesel::update(row).set(second_factors::secret.eq(secret)).execute(cx).await?;
    }
    i64::try_from(factors.len()).map_err(Error::internal)
}

/// Goes on with a sign-in by a code of the account's, which must have used so many codes before, and no more.
pub async fn complete(cx: &mut Cx, act: &Act, seal: &Seal, (account, uses): (i64, i32), code: &Code) -> Changed<Tried> {
    let has = auth::has_factor(cx, account).await?;
    match factor(cx, account).await? {
        Some(factor) if has && factor.uses == uses => Ok(attempt(cx, act, seal, &factor, code).await?),
        _ => Ok(Tried::Over),
    }
}

/// Tries a code and uses it up if it is right. A wrong one is counted, so this is to be committed whatever comes of it.
async fn attempt(cx: &mut Cx, act: &Act, seal: &Seal, factor: &FactorRow, code: &Code) -> Result<Tried> {
    if factor.is_paused(act.now) {
        return Ok(Tried::Paused);
    }
    let row = second_factors::table.find(factor.account_id);
    let step = match code {
        Code::Totp(code) => totp::matching(&factor.open(seal)?, code, act.now, factor.last_step),
        Code::Recovery(hash) => {
            let code = recovery_codes::table.find((factor.account_id, hash)).filter(recovery_codes::used_at.is_null());
            let used = diesel::update(code).set(recovery_codes::used_at.eq(act.now)).execute(cx).await?;
            (used == 1).then_some(factor.last_step)
        }
    };
    if let Some(step) = step {
        let used = (
            second_factors::last_step.eq(step),
            second_factors::uses.eq(factor.uses + 1),
            second_factors::failures.eq(0),
        );
        diesel::update(row).set(used).execute(cx).await?;
        return Ok(Tried::Right);
    }
    if factor.failures + 1 < MOST_FAILURES {
        diesel::update(row).set(second_factors::failures.eq(factor.failures + 1)).execute(cx).await?;
    } else {
        let paused = (second_factors::failures.eq(0), second_factors::paused_until.eq(act.now + PAUSE));
        diesel::update(row).set(paused).execute(cx).await?;
    }
    Ok(Tried::Wrong)
}

/// Tries a code of the viewer's own.
async fn own(cx: &mut Cx, act: &Act, seal: &Seal, code: &Code, mut problems: Problems) -> Changed<Tried> {
    let account = act.scope.account();
    let has = auth::has_factor(cx, account).await?;
    problems.require(has, "", WrongStatus, "you have no second factor");
    problems.stop()?;
    let Some(factor) = factor(cx, account).await? else { return Ok(Tried::Over) };
    Ok(attempt(cx, act, seal, &factor, code).await?)
}

/// Replaces the recovery codes of the viewer's account by new ones, for a code.
pub async fn renew(cx: &mut Cx, act: &Act, seal: &Seal, code: &Code, hashes: &[Vec<u8>]) -> Changed<Tried> {
    let account = act.scope.account();
    let tried = own(cx, act, seal, code, Problems::default()).await?;
    if tried == Tried::Right {
        diesel::delete(recovery_codes::table.filter(recovery_codes::account_id.eq(account))).execute(cx).await?;
        keep_codes(cx, account, hashes).await?;
        let change = Change::edited(Kind::Account, account, json!({}), json!({"recovery_codes": "renewed"}));
        audit::record(cx, act, vec![change]).await?;
    }
    Ok(tried)
}

/// Takes the second factor of the viewer's account away, for the password and a code, and ends its sessions but for the one
/// with the number `keep`. `proved` is the hash that the current password was compared with.
pub async fn remove(
    cx: &mut Cx,
    act: &Act,
    seal: &Seal,
    proved: &str,
    code: &Code,
    keep: i64,
    mut problems: Problems,
) -> Changed<Tried> {
    let account = act.scope.account();
    password_is(cx, account, proved, &mut problems).await?;
    let tried = own(cx, act, seal, code, problems).await?;
    if tried == Tried::Right {
        forget(cx, account).await?;
        auth_write::end_sessions(cx, account, keep).await?;
        record(cx, act, account, json!("confirmed"), json!("removed")).await?;
    }
    Ok(tried)
}

/// Takes the second factor of somebody else's account away, and ends its sessions. The account may be named by the person
/// whose it is.
pub async fn reset(cx: &mut Cx, act: &Act, of: Option<(Kind, i64)>, mut problems: Problems) -> Changed<i64> {
    let (scope, path) = (&act.scope, "accountId");
    let accounts: Vec<(i64, i32)> = match of {
        Some((Kind::Account, id)) => {
            auth::by_ids(cx, scope, &[id]).await?.into_iter().map(|(row, by)| (row.id, by)).collect()
        }
        Some((Kind::Staff, id)) => {
            staff::by_ids(cx, scope, &[id]).await?.into_iter().map(|(row, by)| (row.account_id, by)).collect()
        }
        Some((Kind::Student, id)) => {
            students::by_ids(cx, scope, &[id]).await?.into_iter().map(|(row, by)| (row.account_id, by)).collect()
        }
        Some((Kind::Parent, id)) => {
            parents::by_ids(cx, scope, &[id]).await?.into_iter().map(|(row, by)| (row.account_id, by)).collect()
        }
        _ => Vec::new(),
    };
    let account = act.target(&mut problems, path, accounts)?;
    let others = account != scope.account();
    problems.require(others, path, Invalid, "your own you remove by your password and a code");
    let had = !others || forget(cx, account).await?;
    problems.require(had, path, WrongStatus, "they have no second factor");
    problems.stop()?;
    auth_write::end_sessions(cx, account, 0).await?;
    record(cx, act, account, json!("confirmed"), json!("reset")).await?;
    Ok(account)
}

/// Takes an account's second factor away, with its recovery codes; false where it had none.
pub async fn forget(cx: &mut Cx, account: i64) -> Result<bool> {
    let had = accounts::table.find(account).filter(accounts::second_factor_at.is_not_null());
    let none = accounts::second_factor_at.eq(None::<chrono::NaiveDateTime>);
    let had = diesel::update(had).set(none).execute(cx).await? == 1;
    diesel::delete(second_factors::table.find(account)).execute(cx).await?;
    Ok(had)
}

async fn factor(cx: &mut Cx, account: i64) -> Result<Option<FactorRow>> {
    Ok(second_factors::table.find(account).select(FactorRow::as_select()).first(cx).await.optional()?)
}

async fn keep_codes(cx: &mut Cx, account: i64, hashes: &[Vec<u8>]) -> Result<()> {
    let row = |hash: &Vec<u8>| (recovery_codes::account_id.eq(account), recovery_codes::code_hash.eq(hash.clone()));
    let rows: Vec<_> = hashes.iter().map(row).collect();
    dialect::execute_batch(cx, diesel::insert_into(recovery_codes::table).values(rows)).await?;
    Ok(())
}

/// What was proved a moment ago may have changed since.
async fn password_is(cx: &mut Cx, account: i64, proved: &str, problems: &mut Problems) -> Result<()> {
    let same = auth::password_hash(cx, account).await?.as_deref() == Some(proved);
    problems.require(same, "currentPassword", InvalidCredentials, "it is not your password any more");
    Ok(())
}

async fn record(
    cx: &mut Cx,
    act: &Act,
    account: i64,
    before: serde_json::Value,
    after: serde_json::Value,
) -> Result<()> {
    let (before, after) = (json!({"second_factor": before}), json!({"second_factor": after}));
    audit::record(cx, act, vec![Change::edited(Kind::Account, account, before, after)]).await
}
