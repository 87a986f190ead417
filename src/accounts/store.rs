//! Every account's contact, for the operator, who has the database itself: it takes no scope.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Cx;
use crate::{auth::model::Contact, db::schema::accounts, error::Result};

/// The e-mail and phone of every account, by number.
pub async fn contacts(cx: &mut Cx) -> Result<Vec<(i64, Contact)>> {
    Ok(accounts::table.order(accounts::id).select((accounts::id, Contact::as_select())).load(cx).await?)
}
