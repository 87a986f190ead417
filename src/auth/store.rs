//! Accounts, sessions and API keys as they are recognised, in the database.
//!
//! What is here is read before there is a viewer, so it takes no scope and gives nothing of a person but who they are.

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*, sql_types::Bool};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx};
use crate::{
    auth::{
        Reach, Role, Scope,
        key::KeyRow,
        model::{AccountRow, Credential, Identifier, StaffRole, ViewerRow},
    },
    db::schema::{
        accounts, api_keys, parents, recovery_codes, second_factor_roles, second_factors, sessions, staff, staff_roles,
        students,
    },
    error::Result,
};

/// The accounts that a viewer reaches: their own; an ADMIN every one.
pub fn reach(scope: &Scope) -> Reach<accounts::table, Backend> {
    Reach::of(scope).all(Role::Admin).when(Role::Own, |viewer| accounts::id.eq(viewer.account()))
}

/// Accounts by number, with the roles by which each was reached.
pub async fn by_ids(cx: &mut Cx, scope: &Scope, ids: &[i64]) -> Result<Vec<(AccountRow, i32)>> {
    let rows = accounts::table
        .filter(accounts::id.eq_any(ids))
        .filter(reach(scope).filter())
        .select((AccountRow::as_select(), reach(scope).granted()))
        .load(cx)
        .await?;
    Ok(rows)
}

/// What the account with this identifier signs in with.
pub async fn credential(cx: &mut Cx, identifier: &Identifier) -> Result<Option<Credential>> {
    let columns = (accounts::id, accounts::password_hash, accounts::active, second_factors::uses.nullable());
    let accounts = accounts::table.left_join(second_factors::table.on(in_force())).select(columns).into_boxed();
    let found = match identifier {
        Identifier::Email(email) => accounts.filter(accounts::email.eq(email)),
        Identifier::Phone(phone) => accounts.filter(accounts::phone.eq(phone)),
    };
    Ok(found.first(cx).await.optional()?)
}

/// The hash that an account's password is compared with.
pub async fn password_hash(cx: &mut Cx, account_id: i64) -> Result<Option<String>> {
    let hash = accounts::table.find(account_id).select(accounts::password_hash);
    Ok(hash.first(cx).await.optional()?.flatten())
}

/// That a second factor is one that signing in to its account takes.
#[dsl::auto_type]
fn in_force() -> _ {
    second_factors::account_id.eq(accounts::id).and(accounts::second_factor_at.is_not_null())
}

/// Whether signing in to an account takes a second factor.
pub async fn has_factor(cx: &mut Cx, account_id: i64) -> Result<bool> {
    let since: Option<Option<NaiveDateTime>> =
        accounts::table.find(account_id).select(accounts::second_factor_at).first(cx).await.optional()?;
    Ok(since.flatten().is_some())
}

/// How many recovery codes an account has that were not used.
pub async fn codes_left(cx: &mut Cx, account_id: i64) -> Result<i64> {
    let codes = recovery_codes::table.filter(recovery_codes::account_id.eq(account_id));
    Ok(codes.filter(recovery_codes::used_at.is_null()).count().get_result(cx).await?)
}

/// What is known of the person whose account it is, and no password should be made of: names, e-mail and phone.
pub async fn about(cx: &mut Cx, account_id: i64) -> Result<Vec<String>> {
    type Known = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);
    let known: Option<Known> = accounts::table
        .find(account_id)
        .left_join(staff::table.on(staff::account_id.eq(accounts::id)))
        .left_join(students::table.on(students::account_id.eq(accounts::id)))
        .left_join(parents::table.on(parents::account_id.eq(accounts::id)))
        .select((
            accounts::email,
            accounts::phone,
            staff::name.nullable(),
            students::name.nullable(),
            parents::name.nullable(),
        ))
        .first(cx)
        .await
        .optional()?;
    let (email, phone, staff, student, parent) = known.unwrap_or_default();
    Ok([email, phone, staff, student, parent].into_iter().flatten().collect())
}

/// Keeps a `renewed` hash of the password whose hash is `proved`, unless the account has another one by now.
pub async fn renew_hash(cx: &mut Cx, account_id: i64, proved: &str, renewed: &str) -> Result<()> {
    let account = accounts::table.find(account_id).filter(accounts::password_hash.eq(proved));
    diesel::update(account).set(accounts::password_hash.eq(renewed)).execute(cx).await?;
    Ok(())
}

/// Notes a sign-in with the password whose hash is `proved`, and by a second factor or not, and keeps a `renewed` hash of the
/// password; false where the account has another one by now, may not sign in any more, or takes a second factor.
pub async fn signed_in(
    cx: &mut Cx,
    account_id: i64,
    (proved, by_factor): (&str, bool),
    renewed: Option<&str>,
    now: NaiveDateTime,
) -> Result<bool> {
    let enough = accounts::second_factor_at.is_null().or(by_factor.into_sql::<Bool>());
    let account = accounts::table
        .find(account_id)
        .filter(accounts::active)
        .filter(accounts::password_hash.eq(proved))
        .filter(enough);
    let changes = (accounts::last_sign_in_at.eq(now), renewed.map(|hash| accounts::password_hash.eq(hash)));
    Ok(diesel::update(account).set(changes).execute(cx).await? == 1)
}

/// Keeps a session by the digest of its token.
pub async fn insert_session(
    cx: &mut Cx,
    account_id: i64,
    token_hash: Vec<u8>,
    now: NaiveDateTime,
    expires_at: NaiveDateTime,
) -> Result<()> {
    let row = (
        sessions::account_id.eq(account_id),
        sessions::token_hash.eq(token_hash),
        sessions::created_at.eq(now),
        sessions::last_used_at.eq(now),
        sessions::expires_at.eq(expires_at),
    );
    diesel::insert_into(sessions::table).values(row).execute(cx).await?;
    Ok(())
}

/// Removes a session.
pub async fn delete_session(cx: &mut Cx, token_hash: Vec<u8>) -> Result<()> {
    diesel::delete(sessions::table.filter(sessions::token_hash.eq(token_hash))).execute(cx).await?;
    Ok(())
}

/// The rows a viewer is made from, for the session with this digest if it has not ended.
pub async fn viewer_of_session(cx: &mut Cx, token_hash: Vec<u8>, now: NaiveDateTime) -> Result<Vec<ViewerRow>> {
    let account = sessions::table
        .filter(sessions::token_hash.eq(token_hash))
        .filter(sessions::expires_at.gt(now))
        .select(sessions::account_id);
    Ok(people().filter(accounts::id.eq_any(account)).load(cx).await?)
}

/// The API key with this digest, if it is in force.
pub async fn viewer_of_key(cx: &mut Cx, key_hash: Vec<u8>, now: NaiveDateTime) -> Result<Option<KeyRow>> {
    let row = api_keys::table
        .filter(api_keys::key_hash.eq(key_hash))
        .filter(key_in_force(now))
        .select((api_keys::id, api_keys::scope, api_keys::last_used_at))
        .first(cx)
        .await
        .optional()?;
    Ok(row)
}

/// That an API key is in force: neither revoked nor expired, and who made it might make it still.
#[dsl::auto_type]
pub fn key_in_force(now: NaiveDateTime) -> _ {
    let administrators: administrators = administrators();
    api_keys::revoked_at.is_null().and(api_keys::expires_at.gt(now)).and(api_keys::created_by.eq_any(administrators))
}

/// The accounts of those who hold ADMIN.
#[dsl::auto_type]
fn administrators() -> _ {
    let role: StaffRole = StaffRole::Admin;
    staff::table
        .inner_join(staff_roles::table)
        .inner_join(accounts::table)
        .filter(staff::archived_at.is_null())
        .filter(staff_roles::role.eq(role))
        .filter(accounts::active)
        .select(staff::account_id)
}

/// Notes when an API key was used, unless it was used after `before`.
pub async fn note_key_use(cx: &mut Cx, id: i64, now: NaiveDateTime, before: NaiveDateTime) -> Result<()> {
    let long_ago = api_keys::last_used_at.is_null().or(api_keys::last_used_at.le(before));
    let key = api_keys::table.find(id).filter(long_ago);
    diesel::update(key).set(api_keys::last_used_at.eq(now)).execute(cx).await?;
    Ok(())
}

/// The rows a viewer is made from, for an account.
pub async fn viewer_of_account(cx: &mut Cx, account_id: i64) -> Result<Vec<ViewerRow>> {
    Ok(people().filter(accounts::id.eq(account_id)).load(cx).await?)
}

/// Every active account with the people behind it who are not archived, once for each role held as staff, and whether that
/// is for those alone who have a second factor.
#[diesel::dsl::auto_type(no_type_alias)]
fn people() -> _ {
    accounts::table
        .left_join(staff::table.on(staff::account_id.eq(accounts::id).and(staff::archived_at.is_null())))
        .left_join(students::table.on(students::account_id.eq(accounts::id).and(students::archived_at.is_null())))
        .left_join(parents::table.on(parents::account_id.eq(accounts::id).and(parents::archived_at.is_null())))
        .left_join(staff_roles::table.on(staff_roles::staff_id.nullable().eq(staff::id.nullable())))
        .left_join(second_factor_roles::table.on(second_factor_roles::role.nullable().eq(staff_roles::role.nullable())))
        .filter(accounts::active)
        .select((
            accounts::id,
            staff::id.nullable(),
            students::id.nullable(),
            parents::id.nullable(),
            staff_roles::role.nullable(),
            second_factor_roles::role.nullable(),
            accounts::second_factor_at,
        ))
}
