//! An export's row, and what its CSV is made of.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    attendance::model::AttendanceStatus::{self, Absent, Excused, Late, Present},
    db::schema::exports,
    error::{Error, Result},
    graphql::Row,
    text_enum,
};

/// Days that an export is of, at most.
pub const MAX_DAYS: i64 = 366;
/// Exports of one account that are being made, at most.
pub const MAX_PENDING: i64 = 5;

text_enum! {
    /// How far an export is.
    ExportState {
        /// It is being made.
        Pending = "PENDING",
        /// It is there.
        Ready = "READY",
        /// It was not made: who asked for it might not ask for it any more when it was to be made, or it went wrong too often.
        /// An administrator may have what went wrong tried again; it is `READY` then.
        Failed = "FAILED",
    }
}

/// An export, without what is in it.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = exports)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct ExportRow {
    pub id: i64,
    pub account_id: i64,
    pub course_id: i64,
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
    pub state: ExportState,
    pub created_at: NaiveDateTime,
    pub finished_at: Option<NaiveDateTime>,
}

impl Row for ExportRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// What is to be exported.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewExport {
    pub course: i64,
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
}

/// How often a student attended in one way.
pub type Attended = (i64, AttendanceStatus, i64);

/// The register as CSV (RFC 4180): a line for each student, in the order given, with how often they were present, late, absent
/// and excused, and the share of classes attended in per cent, to which being excused does not count.
///
/// # Errors
/// When it cannot be written.
pub fn csv(students: Vec<(i64, String)>, attended: Vec<Attended>) -> Result<String> {
    let times: HashMap<(i64, AttendanceStatus), i64> =
        attended.into_iter().map(|(student, status, times)| ((student, status), times)).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["student", "present", "late", "absent", "excused", "percentage"]).map_err(Error::internal)?;
    for (student, name) in students {
        let [present, late, absent, excused] =
            [Present, Late, Absent, Excused].map(|status| times.get(&(student, status)).copied().unwrap_or_default());
        let (attended, all) = (present + late, present + late + absent);
        let share = if all == 0 { String::new() } else { ((attended * 200 + all) / (all * 2)).to_string() };
        let [present, late, absent, excused] = [present, late, absent, excused].map(|count| count.to_string());
        writer.write_record([harmless(name), present, late, absent, excused, share]).map_err(Error::internal)?;
    }
    let bytes = writer.into_inner().map_err(Error::internal)?;
    String::from_utf8(bytes).map_err(Error::internal)
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV Injection).
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_has_a_line_for_each_student() {
        let students = vec![(1, "Asha, K".to_owned()), (3, "Bina".to_owned()), (2, "=HYPERLINK(1)".to_owned())];
        let attended = vec![(1, Present, 4), (2, Excused, 2), (1, Late, 1), (1, Absent, 3)];
        assert_eq!(
            csv(students, attended).unwrap(),
            "student,present,late,absent,excused,percentage\n\"Asha, K\",4,1,3,0,63\nBina,0,0,0,0,\n\
             '=HYPERLINK(1),0,0,0,2,\n"
        );
        assert_eq!(csv(Vec::new(), Vec::new()).unwrap().lines().count(), 1);
    }
}
