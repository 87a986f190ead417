//! Identities in the database.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, auth};
use crate::{
    auth::Scope,
    db::{
        paging::Page,
        schema::{accounts, identities},
    },
    error::Result,
    keyset_of_each,
    openid::model::{IdentityRow, Person},
};

/// The identities of accounts, in the order in which they were linked. They are reached as the accounts are.
pub async fn of_accounts(
    cx: &mut Cx,
    scope: &Scope,
    accounts: &[i64],
    page: &Page,
) -> Result<Vec<(i64, IdentityRow, i32)>> {
    let rows = identities::table
        .inner_join(accounts::table)
        .filter(identities::account_id.eq_any(accounts))
        .filter(auth::reach(scope).filter())
        .into_boxed();
    keyset_of_each!(
        cx,
        rows,
        page,
        identities::id,
        identities::id,
        i64,
        identities::account_id,
        IdentityRow::as_select(),
        auth::reach(scope).granted()
    )
}

/// The account that somebody's identity is linked to, and the identity: read before there is a viewer.
pub async fn known(cx: &mut Cx, person: &Person) -> Result<Option<(i64, i64)>> {
    let identity = identities::table
        .filter(identities::issuer.eq(&person.issuer))
        .filter(identities::subject.eq(&person.subject))
        .select((identities::account_id, identities::id));
    Ok(identity.first(cx).await.optional()?)
}
