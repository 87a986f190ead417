//! What a request read and was denied, as it is gathered, written and read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use async_graphql::{ID, InputObject, ServerError, Value};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::{db::schema::access_entries, error::Code, graphql::Row, text_enum};

/// From so many rows in one request on it is recorded how people are reached, and where they live.
pub const BULK: u32 = 10;
/// Rows of one field and request that are named, at most.
const MAX_SUBJECTS: usize = 100;

text_enum! {
    /// What became of an access.
    AccessOutcome {
        /// A sensitive field was read.
        Read = "READ",
        /// A field was denied, or a mutation.
        Denied = "DENIED",
    }
}

/// What is recorded of one field in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether it was read.
    pub outcome: AccessOutcome,
    /// The field's type in the schema.
    pub type_name: String,
    /// The field.
    pub field_name: String,
    /// Of how many rows, counted as often as they were asked for.
    pub row_count: i32,
    /// Which rows, the first hundred of them; none where it was denied.
    pub subjects: BTreeSet<i64>,
}

/// Gathers, while a request is executed, what is sensitive of what it reads.
#[derive(Debug, Default)]
pub struct Accesses(Mutex<BTreeMap<(String, String), Read>>);

#[derive(Debug, Default)]
struct Read {
    count: u32,
    subjects: BTreeSet<i64>,
    /// From how many rows on it is recorded.
    from: u32,
}

impl Accesses {
    /// Notes that a field that is recorded from `from` rows on is read of the row `number`.
    pub fn read(&self, type_name: &str, field: &str, number: Option<i64>, from: u32) {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = reads.entry((type_name.to_owned(), field.to_owned())).or_default();
        read.count = read.count.saturating_add(1);
        read.from = from;
        if read.subjects.len() < MAX_SUBJECTS {
            read.subjects.extend(number);
        }
    }

    /// What is to be recorded of the request that was answered with these errors.
    #[must_use]
    pub fn finish(&self, errors: &[ServerError]) -> Vec<Access> {
        let reads = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let reads = reads.into_iter().filter(|(_, read)| read.count >= read.from);
        let reads = reads.map(|((type_name, field_name), read)| Access {
            outcome: AccessOutcome::Read,
            type_name,
            field_name,
            row_count: i32::try_from(read.count).unwrap_or(i32::MAX),
            subjects: read.subjects,
        });
        let mut denied: BTreeMap<(&str, &str), i32> = BTreeMap::new();
        for coordinate in errors.iter().filter_map(coordinate) {
            *denied.entry(coordinate).or_default() += 1;
        }
        let denied = denied.into_iter().map(|((type_name, field_name), row_count)| Access {
            outcome: AccessOutcome::Denied,
            type_name: type_name.to_owned(),
            field_name: field_name.to_owned(),
            row_count,
            subjects: BTreeSet::new(),
        });
        reads.chain(denied).collect()
    }
}

/// The type and the field that an error denies, if it does.
fn coordinate(error: &ServerError) -> Option<(&str, &str)> {
    let extensions = error.extensions.as_ref()?;
    let (Value::String(code), Value::String(coordinate)) = (extensions.get("code")?, extensions.get("coordinate")?)
    else {
        return None;
    };
    coordinate.split_once('.').filter(|_| code == Code::Forbidden.as_str())
}

/// An entry of the access log.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = access_entries)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct AccessEntryRow {
    pub id: i64,
    pub at: NaiveDateTime,
    pub account_id: Option<i64>,
    pub api_key_id: Option<i64>,
    pub outcome: AccessOutcome,
    pub type_name: String,
    pub field_name: String,
    pub row_count: i32,
    pub request_id: String,
}

impl Row for AccessEntryRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Which entries of the access log to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AccessEntryFilter {
    /// What became of it.
    pub outcome: Option<AccessOutcome>,
    /// By this account.
    pub actor_id: Option<ID>,
    /// Of this row, of any type.
    pub subject_id: Option<ID>,
    /// Of this field, such as `Student.citizenshipNumber`.
    pub coordinate: Option<String>,
    /// At this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}

/// [`AccessEntryFilter`] with its ids opened.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see AccessEntryFilter")]
pub struct AccessQuery {
    pub outcome: Option<AccessOutcome>,
    pub actor: Option<i64>,
    pub subject: Option<(String, i64)>,
    pub coordinate: Option<(String, String)>,
    pub from: Option<NaiveDateTime>,
    pub to: Option<NaiveDateTime>,
}

#[cfg(test)]
mod tests {
    use async_graphql::{ErrorExtensionValues, Pos};

    use super::*;
    use crate::error::Error;

    fn error(error: &Error) -> ServerError {
        error.to_graphql().into_server_error(Pos::default())
    }

    #[test]
    fn a_read_is_recorded_from_so_many_rows_on() {
        let accesses = Accesses::default();
        for number in 1..=3 {
            accesses.read("Parent", "phone", Some(number), 3);
        }
        for number in [7, 7] {
            accesses.read("Parent", "email", Some(number), 3);
        }
        let [access] = &accesses.finish(&[])[..] else { panic!("one of them") };
        assert_eq!((access.outcome, access.field_name.as_str(), access.row_count), (AccessOutcome::Read, "phone", 3));
        assert_eq!(access.subjects, BTreeSet::from([1, 2, 3]));
        assert!(accesses.finish(&[]).is_empty(), "once");
    }

    #[test]
    fn however_many_rows_are_read_a_hundred_are_named() {
        let accesses = Accesses::default();
        for number in 0..1000 {
            accesses.read("Parent", "phone", Some(number), 1);
        }
        let access = accesses.finish(&[]).remove(0);
        assert_eq!((access.row_count, access.subjects.len()), (1000, MAX_SUBJECTS));
    }

    #[test]
    fn denials_are_counted_by_field_and_other_errors_are_none() {
        let denied = error(&Error::forbidden("Student.phone", "no"));
        let mut foreign = ServerError::new("?", None);
        foreign.extensions = Some(ErrorExtensionValues::default());
        let errors = [denied.clone(), denied, error(&Error::bad_input("what?")), foreign];
        let [access] = &Accesses::default().finish(&errors)[..] else { panic!("one of them") };
        let field = (access.type_name.as_str(), access.field_name.as_str());
        assert_eq!((access.outcome, field, access.row_count), (AccessOutcome::Denied, ("Student", "phone"), 2));
    }
}
