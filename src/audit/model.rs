//! An entry of the audit log, as it is written and as it is read.

use async_graphql::{ID, InputObject};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{db::schema::audit_entries, graphql::Row, ids::Kind};

/// What a mutation did to one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The row's type.
    pub kind: Kind,
    /// The row's number.
    pub number: i64,
    /// What it was: the fields that changed, or none where it was made.
    pub before: Option<Value>,
    /// What it is now: the fields that changed, or none where it was removed.
    pub after: Option<Value>,
}

impl Change {
    /// A row that was made.
    #[must_use]
    pub fn made(kind: Kind, number: i64, after: impl Serialize) -> Self {
        Self { kind, number, before: None, after: Some(json(after)) }
    }

    /// A row that was removed.
    #[must_use]
    pub fn removed(kind: Kind, number: i64, before: impl Serialize) -> Self {
        Self { kind, number, before: Some(json(before)), after: None }
    }

    /// A row that was one thing and is another: only the fields that differ are kept.
    #[must_use]
    pub fn edited(kind: Kind, number: i64, before: impl Serialize, after: impl Serialize) -> Self {
        let (mut before, mut after) = (json(before), json(after));
        if let (Value::Object(old), Value::Object(new)) = (&mut before, &mut after) {
            let differs = |a: &Map<String, Value>, b: &Map<String, Value>, key: &String| a.get(key) != b.get(key);
            let unchanged: Vec<String> = old.keys().filter(|key| !differs(old, new, key)).cloned().collect();
            for key in unchanged.iter().map(String::as_str).chain(["version"]) {
                old.remove(key);
                new.remove(key);
            }
        }
        Self { kind, number, before: Some(before), after: Some(after) }
    }
}

/// Rows and what is recorded of them are plain: text, numbers, dates, lists.
fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// An entry of the audit log.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_entries)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct AuditEntryRow {
    pub id: i64,
    pub at: NaiveDateTime,
    /// None where it was the operator.
    pub account_id: Option<i64>,
    pub action: String,
    pub subject_type: String,
    pub subject_id: i64,
    pub before: Option<String>,
    pub after: Option<String>,
    pub request_id: String,
}

impl Row for AuditEntryRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Which entries of the audit log to list.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AuditEntryFilter {
    /// About this row, of any type.
    pub subject_id: Option<ID>,
    /// Done by this account.
    pub actor_id: Option<ID>,
    /// This mutation.
    pub action: Option<String>,
    /// At this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
}

/// [`AuditEntryFilter`] with its ids opened.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see AuditEntryFilter")]
pub struct AuditQuery {
    pub subject: Option<(String, i64)>,
    pub actor: Option<i64>,
    pub action: Option<String>,
    pub from: Option<NaiveDateTime>,
    pub to: Option<NaiveDateTime>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_edit_keeps_only_what_differs() {
        let change = Change::edited(
            Kind::Course,
            7,
            json!({"name": "A", "code": "X", "version": 1}),
            json!({"name": "B", "code": "X", "version": 2}),
        );
        assert_eq!((change.before, change.after), (Some(json!({"name": "A"})), Some(json!({"name": "B"}))));
    }
}
