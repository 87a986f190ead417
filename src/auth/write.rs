//! What makes accounts and changes what they are reached by: for whoever adds or edits the person behind one. Compiled for
//! both databases.
//!
//! Who holds an account's e-mail or phone can set a new password, so to change them is to be able to take the account over:
//! [`may_change_contact`] lets nobody gain by it what they have no right to.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, courses, dialect};
use crate::{
    auth::{
        can::{self, Behind},
        model::{Contact, ContactEdit, StaffRole},
    },
    change::{Act, Actor, Changed, Problems},
    db::schema::{accounts, parent_students, parents, sessions, staff, staff_roles, students},
    error::{Error, Result},
    graphql::UserErrorCode::{Required, Taken},
};

/// Makes an account without a password: an invitation to set one. That nobody else has its contact is the caller's to
/// check ([`contact_is_free`]).
pub async fn create_account(cx: &mut Cx, act: &Act, contact: &Contact) -> Result<i64> {
    let row = (contact, accounts::created_at.eq(act.now));
    Ok(diesel::insert_into(accounts::table).values(row).returning(accounts::id).get_result(cx).await?)
}

/// The same for several, whose contacts differ: their numbers, in order.
pub async fn create_accounts(cx: &mut Cx, act: &Act, contacts: &[Contact]) -> Result<Vec<i64>> {
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    let row = |contact: &Contact| (contact.clone(), accounts::created_at.eq(act.now));
    let rows: Vec<_> = contacts.iter().map(row).collect();
    let statement =
        diesel::insert_into(accounts::table).values(rows).returning((accounts::id, Contact::as_returning()));
    let made: Vec<(i64, Contact)> = dialect::load_batch(cx, statement).await?;
    let number = |contact: &Contact| {
        let made = made.iter().find(|(_, of)| of == contact);
        made.map(|(id, _)| *id).ok_or_else(|| Error::internal("an account was not made"))
    };
    contacts.iter().map(number).collect()
}

/// Says `TAKEN` at the paths of the e-mail and the phone that another account has; `own` is the account that may have
/// them, 0 for one that is still to be made.
pub async fn contact_is_free(
    cx: &mut Cx,
    contact: &Contact,
    own: i64,
    (email, phone): (&str, &str),
    problems: &mut Problems,
) -> Result<()> {
    let others: Vec<Contact> = accounts::table
        .filter(accounts::id.ne(own))
        .filter(accounts::email.eq(&contact.email).or(accounts::phone.eq(&contact.phone)))
        .select(Contact::as_select())
        .load(cx)
        .await?;
    let free = |field: fn(&Contact) -> &Option<String>| {
        field(contact).is_none() || others.iter().all(|other| field(other) != field(contact))
    };
    problems.require(free(|contact| &contact.email), email, Taken, "somebody else has this e-mail address");
    problems.require(free(|contact| &contact.phone), phone, Taken, "somebody else has this phone number");
    Ok(())
}

/// Lets go on who may change the e-mail and phone of an account: see [`can::change_contact`].
///
/// # Errors
/// `FORBIDDEN`.
pub async fn may_change_contact(cx: &mut Cx, act: &Act, account: i64) -> Changed<()> {
    let behind = behind(cx, &act.actor(), &[account]).await?.remove(&account).unwrap_or_default();
    if can::change_contact(&act.actor(), &behind) { Ok(()) } else { Err(act.forbidden().into()) }
}

/// Who is behind accounts, by account; nothing of one that there is nobody behind of whom a rule asks.
pub async fn behind(cx: &mut Cx, actor: &Actor, accounts: &[i64]) -> Result<HashMap<i64, Behind>> {
    let mut behind: HashMap<i64, Behind> = HashMap::new();
    // Archived or not: who comes back has their roles again.
    let roles: Vec<(i64, StaffRole)> = staff::table
        .inner_join(staff_roles::table)
        .filter(staff::account_id.eq_any(accounts))
        .select((staff::account_id, staff_roles::role))
        .load(cx)
        .await?;
    for (account, role) in roles {
        behind.entry(account).or_default().roles.push(role);
    }
    let elsewhere = || {
        students::course_id.is_null().or(students::course_id.assume_not_null().ne_all(courses::headed(&actor.scope)))
    };
    let pupils = students::table.filter(students::account_id.eq_any(accounts)).filter(elsewhere());
    let mut others: Vec<i64> = pupils.select(students::account_id).load(cx).await?;
    let parents = parents::table
        .inner_join(parent_students::table.inner_join(students::table))
        .filter(parents::account_id.eq_any(accounts))
        .filter(elsewhere());
    others.extend(parents.select(parents::account_id).load::<i64>(cx).await?);
    for account in others {
        behind.entry(account).or_default().answers_for_others = true;
    }
    Ok(behind)
}

/// Checks a change of an account's e-mail and phone, and gives them before and after; [`set_contact`] writes it. Where
/// nothing differs everybody may. Nobody who can be reached is left without both.
///
/// # Errors
/// `FORBIDDEN`, see [`may_change_contact`].
pub async fn check_contact(
    cx: &mut Cx,
    act: &Act,
    account: i64,
    edit: &ContactEdit,
    (email, phone): (&str, &str),
    problems: &mut Problems,
) -> Changed<(Contact, Contact)> {
    let before: Contact = accounts::table.find(account).select(Contact::as_select()).first(cx).await?;
    let after = edit.of(&before);
    if after != before {
        may_change_contact(cx, act, account).await?;
        contact_is_free(cx, &after, account, (email, phone), problems).await?;
        let path = if edit.email.is_some() { email } else { phone };
        problems.require(
            after != Contact::default(),
            path,
            Required,
            "there must be an e-mail address or a phone number",
        );
    }
    Ok((before, after))
}

/// Gives an account an e-mail and a phone that were checked, where they are others than `before`.
pub async fn set_contact(cx: &mut Cx, account: i64, before: &Contact, contact: &Contact) -> Result<()> {
    if contact != before {
        diesel::update(accounts::table.find(account)).set(contact).execute(cx).await?;
    }
    Ok(())
}

/// Lets nobody sign in to an account any more, and ends its sessions.
pub async fn close_account(cx: &mut Cx, account: i64) -> Result<()> {
    diesel::update(accounts::table.find(account)).set(accounts::active.eq(false)).execute(cx).await?;
    end_sessions(cx, account, 0).await
}

/// Ends the sessions of an account, but for the one with the number `keep`; 0 keeps none. For a change that has written to
/// the account before: so nobody who signs in meanwhile is missed.
pub async fn end_sessions(cx: &mut Cx, account: i64, keep: i64) -> Result<()> {
    let ended = sessions::table.filter(sessions::account_id.eq(account)).filter(sessions::id.ne(keep));
    diesel::delete(ended).execute(cx).await?;
    Ok(())
}

/// Gives a session another token, kept by its digest: the one that it had is worth nothing any more. For what is proved or
/// changed by who holds the session, in the same transaction, so that whoever else has got hold of the old token has no
/// part in it. When the session ends stays as it is.
pub async fn rotate_session(cx: &mut Cx, session: i64, token_hash: &[u8]) -> Result<()> {
    let row = sessions::table.find(session);
    diesel::update(row).set(sessions::token_hash.eq(token_hash)).execute(cx).await?;
    Ok(())
}

/// Whether an account may be signed in to.
pub async fn may_sign_in(cx: &mut Cx, account: i64) -> Result<bool> {
    Ok(accounts::table.find(account).select(accounts::active).first(cx).await?)
}

/// Lets an account be signed in to again.
pub async fn open_account(cx: &mut Cx, account: i64) -> Result<()> {
    diesel::update(accounts::table.find(account)).set(accounts::active.eq(true)).execute(cx).await?;
    Ok(())
}
