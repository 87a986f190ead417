//! Sessions, records and summaries of attendance.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use crate::{
    db::schema::{attendance_records, attendance_sessions},
    text_enum,
};

text_enum! {
    /// How a student attended a class.
    AttendanceStatus {
        /// Was there.
        Present = "PRESENT",
        /// Was not there.
        Absent = "ABSENT",
        /// Came late: counts as attended.
        Late = "LATE",
        /// Was away with leave: counts neither way.
        Excused = "EXCUSED",
    }
}

/// Records counted by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the status of its name")]
pub struct Counts {
    pub present: i64,
    pub absent: i64,
    pub late: i64,
    pub excused: i64,
}

impl Counts {
    /// The share of classes attended, in per cent; `None` where there is nothing to count.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody attends 2^52 classes")]
    pub fn percentage(&self) -> Option<f64> {
        let attended = self.present + self.late;
        let counted = attended + self.absent;
        (counted > 0).then(|| attended as f64 * 100.0 / counted as f64)
    }
}

impl From<(i64, i64, i64, i64)> for Counts {
    fn from((present, absent, late, excused): (i64, i64, i64, i64)) -> Self {
        Self { present, absent, late, excused }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.present += other.present;
        self.absent += other.absent;
        self.late += other.late;
        self.excused += other.excused;
    }
}

/// One class of a routine, as it was marked.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = attendance_sessions)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct SessionRow {
    pub id: i64,
    pub routine_id: i64,
    pub subject_id: i64,
    pub date: NaiveDate,
    pub teacher_id: i64,
    pub held: bool,
    pub teacher_attended: bool,
    pub marked_at: NaiveDateTime,
}

/// How one student attended one session.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = attendance_records)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct RecordRow {
    pub session_id: i64,
    pub student_id: i64,
    pub status: AttendanceStatus,
    pub date: NaiveDate,
    pub subject_id: i64,
    pub held: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_counts_as_attended_and_excused_counts_neither_way() {
        let counts = Counts { present: 2, absent: 1, late: 1, excused: 5 };
        assert_eq!(counts.percentage(), Some(75.0));
        assert_eq!(Counts { excused: 3, ..Counts::default() }.percentage(), None);
    }
}
