//! What messages are written by, and put into the queue; compiled for both databases.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, auth, jobs};
use crate::{
    auth::{model::Contact, owner::Owners},
    db::schema::notification_settings,
    error::Result,
    messages::{Address, Content, Language},
};

/// The language that the owner of an account is written to in: English, where they chose none.
pub async fn language(cx: &mut Cx, account: i64) -> Result<Language> {
    let chosen = notification_settings::table.find(account).select(notification_settings::language);
    Ok(chosen.first(cx).await.optional()?.unwrap_or(Language::English))
}

/// Puts into the queue what the owner of an account is told, at each address that they have: with the change that makes it
/// true, where there is one. Whoever took one of them over does not keep it from the other.
pub async fn tell(cx: &mut Cx, owners: &Owners, now: NaiveDateTime, account: i64, content: &Content) -> Result<()> {
    let Contact { email, phone } = auth::contact(cx, account).await?.unwrap_or_default();
    let to: Vec<Address> = email.map(Address::Email).into_iter().chain(phone.map(Address::Phone)).collect();
    let language = language(cx, account).await?;
    jobs::enqueue(cx, now, owners.letters(now, (account, language), to, content)?).await
}
