//! Who the parents of a student are: found by phone or made, and linked. Compiled for both databases.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, auth_write, dialect};
use crate::{
    audit::model::Change,
    auth::{
        Role,
        model::{Contact, WithContact},
    },
    change::{Act, Problems},
    db::schema::{accounts, parent_students, parents, staff, students},
    error::Result,
    graphql::UserErrorCode::{Duplicate, Taken},
    ids::Kind,
    parents::model::{NewParent, ParentRow},
};

/// Who has the phone of a parent to link.
#[derive(Clone, Copy, Debug)]
pub enum Found {
    /// A parent, by number and account.
    Parent(i64, i64),
    /// A staff member, by their account: a teacher may be a parent.
    Staff(i64),
    /// Nobody.
    Nobody,
}

/// An account that has one of the phones or e-mails, and the people behind it.
#[derive(Queryable)]
struct Holder {
    account: i64,
    contact: (Option<String>, Option<String>),
    /// A staff member who is not archived.
    staff: Option<i64>,
    student: Option<i64>,
    parent: Option<(i64, Option<chrono::NaiveDateTime>)>,
}

/// Finds who has the phones of the parents to link with a student whose own contact is `student`, and says what is wrong
/// with them. One statement, however many they are.
///
/// # Errors
/// `FORBIDDEN` where the viewer would make themselves a parent, which is for ADMIN alone.
pub async fn find(
    cx: &mut Cx,
    act: &Act,
    wanted: &[NewParent],
    student: &Contact,
    problems: &mut Problems,
) -> Result<Vec<Found>> {
    let phones: Vec<&str> = wanted.iter().filter_map(|parent| parent.contact.phone.as_deref()).collect();
    let emails: Vec<&str> = wanted.iter().filter_map(|parent| parent.contact.email.as_deref()).collect();
    let holders: Vec<Holder> = accounts::table
        .left_join(staff::table.on(staff::account_id.eq(accounts::id).and(staff::archived_at.is_null())))
        .left_join(students::table.on(students::account_id.eq(accounts::id)))
        .left_join(parents::table.on(parents::account_id.eq(accounts::id)))
        .filter(accounts::phone.eq_any(&phones).or(accounts::email.eq_any(&emails)))
        .select((
            accounts::id,
            (accounts::email, accounts::phone),
            staff::id.nullable(),
            students::id.nullable(),
            (parents::id, parents::archived_at).nullable(),
        ))
        .load(cx)
        .await?;
    let mut found = Vec::with_capacity(wanted.len());
    for (i, parent) in wanted.iter().enumerate() {
        let earlier = &wanted[..i];
        let who = one(parent, earlier, student, &holders, problems);
        if matches!(who, Found::Staff(account) | Found::Parent(_, account) if act.scope.account() == account)
            && !act.scope.roles().has(Role::Admin)
        {
            return Err(act.forbidden());
        }
        found.push(who);
    }
    Ok(found)
}

fn one(
    parent: &NewParent,
    earlier: &[NewParent],
    student: &Contact,
    holders: &[Holder],
    problems: &mut Problems,
) -> Found {
    let Some(phone) = &parent.contact.phone else { return Found::Nobody };
    let path = format!("{}.phone", parent.path);
    if earlier.iter().any(|other| other.contact.phone.as_ref() == Some(phone)) {
        problems.add(&path, Duplicate, "another parent in the list has this phone number");
        return Found::Nobody;
    }
    if student.phone.as_ref() == Some(phone) {
        problems.add(&path, Taken, "this is the student's own phone number");
        return Found::Nobody;
    }
    let holder = holders.iter().find(|holder| holder.contact.1.as_ref() == Some(phone));
    match holder {
        Some(Holder { student: Some(_), .. }) => {
            problems.add(&path, Taken, "this is a student's phone number");
            Found::Nobody
        }
        Some(Holder { account, parent: Some((id, None)), .. }) => Found::Parent(*id, *account),
        Some(Holder { parent: Some((_, Some(_))), .. }) => {
            problems.add(&path, Taken, "the parent with this phone number is archived");
            Found::Nobody
        }
        Some(Holder { account, staff: Some(_), .. }) => Found::Staff(*account),
        Some(_) => {
            problems.add(&path, Taken, "somebody else has this phone number");
            Found::Nobody
        }
        None => {
            if let Some(email) = &parent.contact.email {
                let path = format!("{}.email", parent.path);
                let twice = earlier.iter().any(|other| other.contact.email.as_ref() == Some(email));
                problems.require(!twice, &path, Duplicate, "another parent in the list has this e-mail address");
                let taken = student.email.as_ref() == Some(email)
                    || holders.iter().any(|holder| holder.contact.0.as_ref() == Some(email));
                problems.require(!taken, &path, Taken, "somebody else has this e-mail address");
            }
            Found::Nobody
        }
    }
}

/// Links a student with the parents that were found, and makes those that are not there yet: their numbers, in order, and
/// what was made. Who is there keeps what is known of them.
pub async fn link(
    cx: &mut Cx,
    act: &Act,
    student: i64,
    wanted: &[NewParent],
    found: &[Found],
) -> Result<(Vec<i64>, Vec<Change>)> {
    let accounts = accounts_of(cx, act, wanted, found).await?;
    let (made, changes) = make(cx, act, wanted, &accounts).await?;
    let number = |(found, account): (&Found, &Option<i64>)| match found {
        Found::Parent(id, _) => Some(*id),
        Found::Staff(_) | Found::Nobody => account.and_then(|account| made.get(&account).copied()),
    };
    let ids: Vec<i64> = found.iter().zip(&accounts).filter_map(number).collect();
    let row = |parent: &i64| (parent_students::parent_id.eq(*parent), parent_students::student_id.eq(student));
    let rows: Vec<_> = ids.iter().map(row).collect();
    dialect::execute_batch(cx, diesel::insert_into(parent_students::table).values(rows)).await?;
    Ok((ids, changes))
}

/// The account of each parent who is to be made: the one that is there, or a new one.
async fn accounts_of(cx: &mut Cx, act: &Act, wanted: &[NewParent], found: &[Found]) -> Result<Vec<Option<i64>>> {
    let new = wanted.iter().zip(found).filter(|(_, found)| matches!(found, Found::Nobody));
    let new: Vec<Contact> = new.map(|(parent, _)| parent.contact.clone()).collect();
    let mut new = auth_write::create_accounts(cx, act, &new).await?.into_iter();
    let account = |found: &Found| match found {
        Found::Parent(..) => None,
        Found::Staff(account) => Some(*account),
        Found::Nobody => new.next(),
    };
    Ok(found.iter().map(account).collect())
}

/// Makes the parents who have an account to be made with: their numbers by account.
async fn make(
    cx: &mut Cx,
    act: &Act,
    wanted: &[NewParent],
    accounts: &[Option<i64>],
) -> Result<(HashMap<i64, i64>, Vec<Change>)> {
    let new: Vec<(&NewParent, i64)> =
        wanted.iter().zip(accounts).filter_map(|(parent, account)| Some((parent, (*account)?))).collect();
    if new.is_empty() {
        return Ok((HashMap::new(), Vec::new()));
    }
    let row = |(parent, account): &(&NewParent, i64)| {
        (
            parents::account_id.eq(*account),
            parents::name.eq(parent.name.clone()),
            parents::address.eq(parent.address.clone()),
            parents::created_at.eq(act.now),
        )
    };
    let rows: Vec<_> = new.iter().map(row).collect();
    let statement = diesel::insert_into(parents::table).values(rows).returning(ParentRow::as_returning());
    let made: Vec<ParentRow> = dialect::load_batch(cx, statement).await?;
    let change = |row: &ParentRow| {
        let (parent, _) = new.iter().find(|(_, account)| *account == row.account_id)?;
        let after = WithContact { row, contact: &parent.contact };
        Some(Change::made(Kind::Parent, row.id, after))
    };
    let changes = made.iter().filter_map(change).collect();
    Ok((made.iter().map(|row| (row.account_id, row.id)).collect(), changes))
}
