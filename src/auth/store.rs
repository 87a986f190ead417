//! Accounts, sessions and API keys as they are recognised, in the database.
//!
//! What is here is read before there is a viewer, so it takes no scope and gives nothing of a person but who they are.

use chrono::NaiveDateTime;
use diesel::{
    dsl,
    prelude::*,
    sql_types::{BigInt, Bool},
};
use diesel_async::RunQueryDsl;

use super::{Backend, Cx};
use crate::{
    auth::{
        Reach, Role, Scope,
        key::KeyRow,
        model::{AccountRow, Contact, Credential, Identifier, Proof, StaffRole, ViewerRow},
        session::{InForce, NewSession},
    },
    db::schema::{
        accounts, api_keys, identities, parents, recovery_codes, second_factor_roles, second_factors, sessions, staff,
        staff_roles, students,
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
    let columns = (accounts::id, accounts::password_hash, accounts::active);
    Ok(identified(identifier).select(columns).first(cx).await.optional()?)
}

/// The account with this identifier: one at most.
pub fn identified(identifier: &Identifier) -> accounts::BoxedQuery<'_, Backend> {
    let accounts = accounts::table.into_boxed();
    match identifier {
        Identifier::Email(email) => accounts.filter(accounts::email.eq(email)),
        Identifier::Phone(phone) => accounts.filter(accounts::phone.eq(phone)),
    }
}

/// How the owner of an account is reached.
pub async fn contact(cx: &mut Cx, account_id: i64) -> Result<Option<Contact>> {
    Ok(accounts::table.find(account_id).select(Contact::as_select()).first(cx).await.optional()?)
}

/// The hash that an account's password is compared with.
pub async fn password_hash(cx: &mut Cx, account_id: i64) -> Result<Option<String>> {
    let hash = accounts::table.find(account_id).select(accounts::password_hash);
    Ok(hash.first(cx).await.optional()?.flatten())
}

/// How many codes were taken of an account's second factor; `None` where signing in takes none.
pub async fn codes_used(cx: &mut Cx, account_id: i64) -> Result<Option<i32>> {
    let confirmed = accounts::table.filter(accounts::second_factor_at.is_not_null()).select(accounts::id);
    let factor = second_factors::table.find(account_id).filter(second_factors::account_id.eq_any(confirmed));
    Ok(factor.select(second_factors::uses).first(cx).await.optional()?)
}

/// Whether signing in to an account takes a second factor.
pub async fn has_factor(cx: &mut Cx, account_id: i64) -> Result<bool> {
    Ok(codes_used(cx, account_id).await?.is_some())
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

/// Notes a sign-in by what was proved, and by a second factor or not, and keeps the renewed hash of a password; false where
/// that proves nothing any more (another password by now, an identity that was unlinked), the account may not sign in, or it takes a second factor.
pub async fn signed_in(
    cx: &mut Cx,
    account_id: i64,
    (proof, by_factor): (&Proof, bool),
    now: NaiveDateTime,
) -> Result<bool> {
    let enough = accounts::second_factor_at.is_null().or(by_factor.into_sql::<Bool>());
    let account = accounts::table.find(account_id).filter(accounts::active).filter(enough);
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

/// Keeps a session, and returns its number.
pub async fn insert_session(cx: &mut Cx, session: &NewSession) -> Result<i64> {
    Ok(diesel::insert_into(sessions::table).values(session).returning(sessions::id).get_result(cx).await?)
}

/// Removes a session.
pub async fn delete_session(cx: &mut Cx, id: i64) -> Result<()> {
    diesel::delete(sessions::table.find(id)).execute(cx).await?;
    Ok(())
}

/// Removes the sessions of an account that have ended by themselves.
pub async fn delete_ended_sessions(cx: &mut Cx, account_id: i64, in_force: InForce) -> Result<()> {
    let of_account = sessions::table.filter(sessions::account_id.eq(account_id));
    diesel::delete(of_account.filter(dsl::not(session_in_force(in_force)))).execute(cx).await?;
    Ok(())
}

/// That a session is in force: it has neither lasted nor been idle for too long.
#[dsl::auto_type]
pub fn session_in_force(in_force: InForce) -> _ {
    let now: NaiveDateTime = in_force.now;
    let used_after: NaiveDateTime = in_force.used_after;
    sessions::expires_at.gt(now).and(sessions::last_used_at.gt(used_after))
}

/// Notes when a session was used, unless it was used after `before`.
pub async fn note_session_use(cx: &mut Cx, id: i64, now: NaiveDateTime, before: NaiveDateTime) -> Result<()> {
    let session = sessions::table.find(id).filter(sessions::last_used_at.le(before));
    diesel::update(session).set(sessions::last_used_at.eq(now)).execute(cx).await?;
    Ok(())
}

/// The rows a viewer is made from, for the session with this digest if it is in force: its active account with the people
/// behind it who are not archived, once for each role held as staff, and whether that is for those alone who have a second
/// factor.
pub async fn viewer_of_session(cx: &mut Cx, token_hash: Vec<u8>, in_force: InForce) -> Result<Vec<ViewerRow>> {
    let rows = sessions::table
        .inner_join(accounts::table)
        .left_join(staff::table.on(staff::account_id.eq(accounts::id).and(staff::archived_at.is_null())))
        .left_join(students::table.on(students::account_id.eq(accounts::id).and(students::archived_at.is_null())))
        .left_join(parents::table.on(parents::account_id.eq(accounts::id).and(parents::archived_at.is_null())))
        .left_join(staff_roles::table.on(staff_roles::staff_id.nullable().eq(staff::id.nullable())))
        .left_join(second_factor_roles::table.on(second_factor_roles::role.nullable().eq(staff_roles::role.nullable())))
        .filter(sessions::token_hash.eq(token_hash))
        .filter(session_in_force(in_force))
        .filter(accounts::active)
        .select((
            sessions::id,
            sessions::last_used_at,
            accounts::id,
            staff::id.nullable(),
            students::id.nullable(),
            parents::id.nullable(),
            staff_roles::role.nullable(),
            second_factor_roles::role.nullable(),
            accounts::second_factor_at,
        ))
        .load(cx)
        .await?;
    Ok(rows)
}

/// The rows that viewers are made from, for accounts whose owners are not here: as whom it is decided what they are told. As
/// in [`viewer_of_session`], and without a session.
pub async fn viewers_of_accounts(cx: &mut Cx, ids: &[i64]) -> Result<Vec<ViewerRow>> {
    let rows = accounts::table
        .left_join(staff::table.on(staff::account_id.eq(accounts::id).and(staff::archived_at.is_null())))
        .left_join(students::table.on(students::account_id.eq(accounts::id).and(students::archived_at.is_null())))
        .left_join(parents::table.on(parents::account_id.eq(accounts::id).and(parents::archived_at.is_null())))
        .left_join(staff_roles::table.on(staff_roles::staff_id.nullable().eq(staff::id.nullable())))
        .left_join(second_factor_roles::table.on(second_factor_roles::role.nullable().eq(staff_roles::role.nullable())))
        .filter(accounts::id.eq_any(ids))
        .filter(accounts::active)
        .select((
            0.into_sql::<BigInt>(),
            accounts::created_at,
            accounts::id,
            staff::id.nullable(),
            students::id.nullable(),
            parents::id.nullable(),
            staff_roles::role.nullable(),
            second_factor_roles::role.nullable(),
            accounts::second_factor_at,
        ))
        .load(cx)
        .await?;
    Ok(rows)
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
