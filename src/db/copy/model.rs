//! What is carried from one database to another: tables as the catalogue has them, and rows in a form that both have.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Tables that triggers keep, each with the table whose rows they follow. They are written after it, over what the triggers
/// have made of the copied rows by then: the source may have rows there that no row accounts for any more, such as totals
/// that have come down to zero.
const KEPT: [(&str, &str); 3] = [
    ("course_periods", "courses"),
    ("attendance_totals", "attendance_records"),
    ("attendance_months", "attendance_records"),
];

/// The types of columns, without what is one database's own: SQLite's integers are all of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers of either width.
    Integer,
    /// Floating point, 64 bits.
    Double,
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// A day and a time, in UTC.
    Timestamp,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// Bytes.
    Bytes,
}

impl Kind {
    /// The kind of a type by the name that either catalogue gives it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "integer" | "bigint" => Self::Integer,
            "double" | "double precision" => Self::Double,
            "text" => Self::Text,
            "boolean" => Self::Boolean,
            "timestamp" | "timestamp without time zone" => Self::Timestamp,
            "date" => Self::Date,
            "time" | "time without time zone" => Self::Time,
            "blob" | "bytea" => Self::Bytes,
            _ => return None,
        })
    }

    /// A name that [`Kind::named`] takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Time => "time",
            Self::Bytes => "blob",
        }
    }
}

/// A value of a row; none is NULL. Times are to the microsecond, which is as far as PostgreSQL keeps them.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "as the kinds of the same names")]
pub enum Value {
    Integer(Option<i64>),
    Double(Option<f64>),
    Text(Option<String>),
    Boolean(Option<bool>),
    Timestamp(Option<NaiveDateTime>),
    Date(Option<NaiveDate>),
    Time(Option<NaiveTime>),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// The value in bytes that are the same whichever database it came from.
    fn canonical(&self) -> Option<Vec<u8>> {
        match self {
            Self::Integer(value) => value.map(|value| value.to_string().into_bytes()),
            // The shortest digits that give the same number again; zero has no sign.
            Self::Double(value) => value.map(|value| format!("{:?}", value + 0.0).into_bytes()),
            Self::Text(value) => value.as_ref().map(|value| value.clone().into_bytes()),
            Self::Boolean(value) => value.map(|value| value.to_string().into_bytes()),
            Self::Timestamp(value) => value.map(|value| value.format("%F %T%.6f").to_string().into_bytes()),
            Self::Date(value) => value.map(|value| value.to_string().into_bytes()),
            Self::Time(value) => value.map(|value| value.format("%T%.6f").to_string().into_bytes()),
            Self::Bytes(value) => value.clone(),
        }
    }
}

/// A row: a value for each column of its table, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for value in &self.0 {
            // With its length before it no value can be taken for the end of one and the beginning of the next.
            match value.canonical() {
                None => hash.update(b"-"),
                Some(bytes) => {
                    hash.update(format!("{}:", bytes.len()));
                    hash.update(bytes);
                }
            }
        }
        hash.finalize().into()
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Its place in the primary key, from 1; 0 where it has none.
    pub place: i32,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, by name.
    pub columns: Vec<Column>,
}

impl Table {
    /// Where the columns of the primary key are, in the key's order.
    #[must_use]
    pub fn key(&self) -> Vec<usize> {
        let mut key: Vec<usize> = (0..self.columns.len()).filter(|&at| self.columns[at].place > 0).collect();
        key.sort_by_key(|&at| self.columns[at].place);
        key
    }

    /// Whether triggers write to it.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        KEPT.iter().any(|(kept, _)| *kept == self.name)
    }
}

/// What a table holds: how many rows, and a digest of them in whatever order they are read, for the databases do not sort
/// texts alike. Every row has its primary key in it, so no two cancel each other out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Rows.
    pub rows: u64,
    digest: [u8; 32],
}

impl Sum {
    /// Counts rows in.
    pub fn add(&mut self, rows: &[Row]) {
        for row in rows {
            self.rows += 1;
            for (sum, byte) in self.digest.iter_mut().zip(row.hash()) {
                *sum ^= byte;
            }
        }
    }

    /// The digest as it is printed.
    #[must_use]
    pub fn digest(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.digest)
    }
}

/// The tables, each after those that it refers to.
///
/// # Errors
/// When they refer to each other in a circle.
pub fn in_order(tables: Vec<Table>, mut references: BTreeSet<(String, String)>) -> Result<Vec<Table>> {
    references.extend(KEPT.map(|(kept, followed)| (kept.to_owned(), followed.to_owned())));
    let mut waiting: BTreeMap<String, Table> = tables.into_iter().map(|table| (table.name.clone(), table)).collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let waits = |name: &str| references.iter().any(|(from, to)| from == name && waiting.contains_key(to));
        let Some(next) = waiting.keys().find(|name| !waits(name)).cloned() else {
            return Err(Error::internal("foreign keys in a circle"));
        };
        ordered.extend(waiting.remove(&next));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[Vec<Value>]) -> String {
        let mut sum = Sum::default();
        sum.add(&rows.iter().cloned().map(Row).collect::<Vec<_>>());
        sum.digest()
    }

    fn text(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }

    fn table(name: &str) -> Table {
        Table { name: name.to_owned(), columns: Vec::new() }
    }

    #[test]
    fn sums_tell_rows_apart_and_not_their_order() {
        let (one, two) = (vec![Value::Integer(Some(1)), text("a")], vec![Value::Integer(Some(2)), text("b")]);
        assert_eq!(sum(&[one.clone(), two.clone()]), sum(&[two.clone(), one.clone()]));
        assert_ne!(sum(std::slice::from_ref(&one)), sum(&[one, two]));
        assert_ne!(sum(&[vec![text("ab"), text("c")]]), sum(&[vec![text("a"), text("bc")]]));
        assert_ne!(sum(&[vec![text("")]]), sum(&[vec![Value::Text(None)]]));
        assert_ne!(sum(&[vec![text("-")]]), sum(&[vec![Value::Text(None)]]));
        assert_eq!(sum(&[vec![Value::Double(Some(0.0))]]), sum(&[vec![Value::Double(Some(-0.0))]]));
        assert_ne!(sum(&[vec![Value::Double(Some(0.1))]]), sum(&[vec![Value::Double(Some(0.1 + f64::EPSILON))]]));
    }

    #[test]
    fn kinds_are_found_by_the_names_they_give() {
        use Kind::*;
        for kind in [Integer, Double, Text, Boolean, Timestamp, Date, Time, Bytes] {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert_eq!(Kind::named("numeric"), None);
    }

    #[test]
    fn tables_come_after_what_they_refer_to() {
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let tables = || ["a", "attendance_records", "attendance_totals", "b"].map(table).to_vec();
        let references = BTreeSet::from([pair("a", "b"), pair("b", "attendance_totals")]);
        let names: Vec<String> =
            in_order(tables(), references.clone()).unwrap().into_iter().map(|table| table.name).collect();
        assert_eq!(names, ["attendance_records", "attendance_totals", "b", "a"]);
        let circle = references.into_iter().chain([pair("attendance_totals", "a")]).collect();
        assert!(in_order(tables(), circle).is_err());
    }
}
