//! One-time codes in the database: issued, and redeemed. Compiled for both databases.

use chrono::{Duration, NaiveDateTime};
use diesel::{
    dsl::{auto_type, case_when},
    prelude::*,
    query_dsl::methods,
    sql_types::{Integer, Timestamp},
    upsert::excluded,
};
use diesel_async::RunQueryDsl;
use secrecy::ExposeSecret;
use serde_json::json;
use subtle::ConstantTimeEq;

use super::{Backend, Cx, audit, auth, auth_write, dialect, messages};
use crate::{
    audit::model::Change,
    auth::{
        code::{CodePurpose, EVERY, IN_AN_HOUR, LIFETIME, Redeemed, TRIES},
        model::{Contact, Identifier},
        password::check_new,
    },
    change::{Act, Changed, Problems},
    db::schema::{accounts, one_time_codes},
    error::Result,
    ids::Kind,
    messages::Content,
};

/// The account that a code for `purpose` is for: it may be signed in to, and has no password yet to activate it, or one to
/// reset.
fn owned(identifier: &Identifier, purpose: CodePurpose) -> accounts::BoxedQuery<'_, Backend> {
    let accounts = auth::identified(identifier).filter(accounts::active);
    match purpose {
        CodePurpose::Activation => accounts.filter(accounts::password_hash.is_null()),
        CodePurpose::Reset => accounts.filter(accounts::password_hash.is_not_null()),
    }
}

/// The account with this identifier, where there is a code for `purpose` to be had, and how its owner is reached.
pub async fn owner(cx: &mut Cx, identifier: &Identifier, purpose: CodePurpose) -> Result<Option<(i64, Contact)>> {
    let columns = (accounts::id, (accounts::email, accounts::phone));
    Ok(owned(identifier, purpose).select(columns).first(cx).await.optional()?)
}

/// Keeps a new code in the place of the old one; false where it is too soon for another, and the old one stays. One
/// statement: of two at once, one is too soon.
pub async fn issue(
    cx: &mut Cx,
    account: i64,
    purpose: CodePurpose,
    code_hash: Vec<u8>,
    now: NaiveDateTime,
) -> Result<bool> {
    use one_time_codes as t;
    let hour_is_over = || t::hour_began_at.le(now - Duration::hours(1));
    let due = t::created_at.le(now - EVERY).and(hour_is_over().or(t::issued.lt(IN_AN_HOUR)));
    let row = (
        t::account_id.eq(account),
        t::purpose.eq(purpose),
        t::code_hash.eq(code_hash),
        t::created_at.eq(now),
        t::expires_at.eq(now + LIFETIME),
        t::attempts.eq(0),
        t::hour_began_at.eq(now),
        t::issued.eq(1),
    );
    let upsert = diesel::insert_into(t::table).values(row).on_conflict((t::account_id, t::purpose)).do_update().set((
        t::code_hash.eq(excluded(t::code_hash)),
        t::created_at.eq(excluded(t::created_at)),
        t::expires_at.eq(excluded(t::expires_at)),
        t::attempts.eq(0),
        t::used_at.eq(None::<NaiveDateTime>),
        t::hour_began_at.eq(case_when(hour_is_over(), now.into_sql::<Timestamp>()).otherwise(t::hour_began_at)),
        t::issued.eq(case_when(hour_is_over(), 1.into_sql::<Integer>()).otherwise(t::issued + 1)),
    ));
    Ok(dialect::execute_batch(cx, methods::FilterDsl::filter(upsert, due)).await? == 1)
}

/// Whether a code can be used: it was not, its time is not over, and there are tries left.
#[auto_type]
fn can_be_used(now: NaiveDateTime) -> _ {
    let tries: i32 = TRIES;
    one_time_codes::used_at.is_null().and(one_time_codes::expires_at.gt(now)).and(one_time_codes::attempts.lt(tries))
}

/// Whether a code is the one of an account and a purpose, and can be used.
pub async fn is_good(
    cx: &mut Cx,
    account: i64,
    purpose: CodePurpose,
    code_hash: &[u8],
    now: NaiveDateTime,
) -> Result<bool> {
    use one_time_codes as t;
    let code = t::table.find((account, purpose)).filter(t::code_hash.eq(code_hash)).filter(can_be_used(now));
    Ok(code.count().get_result::<i64>(cx).await? == 1)
}

/// Tries a code and, where it is the right one, gives the account its password, ends its sessions, has its owner told, and says
/// whose it is.
/// None where it is not, or there is no such code: that is a try as well, and is to be committed. The work is the same
/// whether there is such an account.
///
/// # Errors
/// Where the code is right and the password is made of what is known of the owner: then the code is good still.
pub async fn redeem(cx: &mut Cx, act: &Act, redeemed: &Redeemed<'_>) -> Changed<Option<i64>> {
    use one_time_codes as t;
    let &Redeemed { identifier, purpose, code, password, hash, seal, owners } = redeemed;
    let in_force = t::table
        .filter(t::account_id.eq_any(owned(identifier, purpose).select(accounts::id)))
        .filter(t::purpose.eq(purpose))
        .filter(can_be_used(act.now));
    let tried: Option<(i64, Vec<u8>)> = diesel::update(in_force)
        .set(t::attempts.eq(t::attempts + 1))
        .returning((t::account_id, t::code_hash))
        .get_result(cx)
        .await
        .optional()?;
    let (account, kept) = tried.unwrap_or_else(|| (0, vec![0; 32]));
    let right = purpose.digest(seal, account, code).ct_eq(&*kept);
    if account == 0 || !bool::from(right) {
        return Ok(None);
    }
    let mut problems = Problems::default();
    check_new(&mut problems, "newPassword", password.expose_secret(), &auth::about(cx, account).await?);
    problems.stop()?;
    diesel::update(t::table.find((account, purpose))).set(t::used_at.eq(act.now)).execute(cx).await?;
    diesel::update(accounts::table.find(account)).set(accounts::password_hash.eq(hash)).execute(cx).await?;
    auth_write::end_sessions(cx, account, 0).await?;
    let change = Change::edited(Kind::Account, account, json!({}), json!({"password": "changed"}));
    audit::record_of(cx, act, account, vec![change]).await?;
    messages::tell(cx, owners, act.now, account, &Content::PasswordChanged).await?;
    act.raised.note();
    Ok(Some(account))
}
