//! Accounts, sessions and API keys as they are recognised, in the database.
//!
//! What is here is read before there is a viewer, so it takes no scope and gives nothing of a person but who they are.

use chrono::NaiveDateTime;
use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx};
use crate::{
    auth::{
        Reach, Role, Scope,
        key::KeyRow,
        model::{AccountRow, Credential, Identifier, Proof, StaffRole, ViewerRow},
    },
    db::schema::{accounts, api_keys, identities, parents, sessions, staff, staff_roles, students},
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
    let columns = (accounts::id, accounts::password_hash, accounts::active);
    let accounts = accounts::table.select(columns).into_boxed();
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

/// Notes a sign-in by what was proved, and keeps the renewed hash of a password; false where that proves nothing any more
/// (another password by now, an identity that was unlinked), or the account may not sign in.
pub async fn signed_in(cx: &mut Cx, account_id: i64, proof: &Proof, now: NaiveDateTime) -> Result<bool> {
    let account = accounts::table.find(account_id).filter(accounts::active);
    let at = accounts::last_sign_in_at.eq(now);
    let noted = match proof {
        Proof::Password { hash, renewed } => {
            let changes = (at, renewed.as_ref().map(|hash| accounts::password_hash.eq(hash)));
            diesel::update(account.filter(accounts::password_hash.eq(hash))).set(changes).execute(cx).await?
        }
        Proof::Identity(id) => {
            // Who unlinks it meanwhile has deleted this row, or tries again when it has been written to.
            let identity =
                identities::table.find(*id).filter(identities::account_id.eq_any(account.select(accounts::id)));
            let used = diesel::update(identity).set(identities::last_used_at.eq(now)).execute(cx).await?;
            if used == 1 { diesel::update(account).set(at).execute(cx).await? } else { 0 }
        }
    };
    Ok(noted == 1)
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

/// Every active account with the people behind it who are not archived, once for each role held as staff.
#[diesel::dsl::auto_type(no_type_alias)]
fn people() -> _ {
    accounts::table
        .left_join(staff::table.on(staff::account_id.eq(accounts::id).and(staff::archived_at.is_null())))
        .left_join(students::table.on(students::account_id.eq(accounts::id).and(students::archived_at.is_null())))
        .left_join(parents::table.on(parents::account_id.eq(accounts::id).and(parents::archived_at.is_null())))
        .left_join(staff_roles::table.on(staff_roles::staff_id.nullable().eq(staff::id.nullable())))
        .filter(accounts::active)
        .select((
            accounts::id,
            staff::id.nullable(),
            students::id.nullable(),
            parents::id.nullable(),
            staff_roles::role.nullable(),
        ))
}
