//! What links identities to accounts and takes them off again: the rules and the SQL, compiled for both databases.

use diesel::{dsl, prelude::*};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::{Cx, audit, auth, auth_write, openid};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema::{accounts, identities},
    graphql::UserErrorCode::{InvalidCredentials, NotFound},
    ids::Kind,
    openid::model::Person,
};

/// Links an identity to an account, and gives the identity's number. The account has the e-mail that was verified,
/// is active, and has no identity of the same provider: who has one is not who comes with another.
pub async fn link(cx: &mut Cx, act: &Act, account: i64, person: &Person, mut problems: Problems) -> Changed<i64> {
    // Somebody who comes twice at once is linked once.
    if let Some((known, id)) = openid::known(cx, person).await?
        && known == account
    {
        return Ok(id);
    }
    let is_theirs = accounts::table.find(account).filter(accounts::active).filter(accounts::email.eq(&person.email));
    let taken = identities::table
        .filter(identities::issuer.eq(&person.issuer))
        .filter(identities::account_id.eq(account).or(identities::subject.eq(&person.subject)));
    let may: bool = dsl::select(dsl::exists(is_theirs).and(dsl::not(dsl::exists(taken)))).get_result(cx).await?;
    problems.require(may, "input", InvalidCredentials, "it is no account's that may sign in");
    problems.stop()?;
    let id: i64 = diesel::insert_into(identities::table)
        .values((
            identities::account_id.eq(account),
            identities::issuer.eq(&person.issuer),
            identities::subject.eq(&person.subject),
            identities::created_at.eq(act.now),
            identities::last_used_at.eq(act.now),
        ))
        .returning(identities::id)
        .get_result(cx)
        .await?;
    let linked = json!({"issuer": person.issuer, "subject": person.subject});
    // They do it themselves: the provider has said who they are.
    audit::record_of(cx, act, account, vec![Change::edited(Kind::Account, account, json!({}), linked)]).await?;
    Ok(id)
}

/// Takes the identity of a provider off an account and ends the account's sessions, but for the one with the number `keep`:
/// any of them may have been begun with it.
pub async fn unlink(
    cx: &mut Cx,
    act: &Act,
    account: i64,
    issuer: &str,
    keep: i64,
    mut problems: Problems,
) -> Changed<i64> {
    let accounts = auth::by_ids(cx, &act.scope, &[account]).await?;
    let account = act.target(&mut problems, "accountId", accounts)?.id;
    let identity = identities::table.filter(identities::account_id.eq(account)).filter(identities::issuer.eq(issuer));
    // Before the sessions: who signs in with it meanwhile is either seen below, or finds it gone.
    let removed = diesel::delete(identity).returning(identities::subject).get_result(cx).await;
    let removed: Option<String> = removed.optional()?;
    problems.require(removed.is_some(), "issuer", NotFound, "the account has no identity of this issuer");
    problems.stop()?;
    auth_write::end_sessions(cx, account, keep).await?;
    let unlinked = json!({"issuer": issuer, "subject": removed});
    audit::record(cx, act, vec![Change::edited(Kind::Account, account, unlinked, json!({}))]).await?;
    Ok(account)
}
