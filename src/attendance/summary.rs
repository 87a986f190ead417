//! Attendance, counted, in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, Object, SimpleObject};

use super::model::{Counts, MonthRow, Span, SubjectTotalRow};
use crate::{
    auth::{RoleSet, sets::TEACHING},
    db::paging::Page,
    error::{Error, Result},
    graphql::{Call, Date, Loaded, MAX_LIST, MAX_PAGE, Stated, auth, stated},
    read,
    students::model::StudentRow,
    subjects::api::Subject,
};

/// Attendance, counted.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct AttendanceSummary {
    /// Classes attended in time.
    #[graphql(directive = auth::apply(TEACHING))]
    present: i64,
    /// Classes missed.
    #[graphql(directive = auth::apply(TEACHING))]
    absent: i64,
    /// Classes come to late: they count as attended.
    #[graphql(directive = auth::apply(TEACHING))]
    late: i64,
    /// Classes missed with leave: they count neither way.
    #[graphql(directive = auth::apply(TEACHING))]
    excused: i64,
    /// The share of classes attended, in per cent (0 to 100); null where there is nothing to count.
    #[graphql(directive = auth::apply(TEACHING))]
    percentage: Option<f64>,
}

impl Stated for AttendanceSummary {}

impl From<Counts> for AttendanceSummary {
    fn from(counts: Counts) -> Self {
        let Counts { present, absent, late, excused } = counts;
        Self { present, absent, late, excused, percentage: counts.percentage() }
    }
}

impl AttendanceSummary {
    /// The summary of a student: over everything from totals, or over a span of days from its records; of one subject, or
    /// of all.
    pub async fn of(
        ctx: &Context<'_>,
        student: &Loaded<StudentRow>,
        span: Option<Span>,
        subject: Option<i64>,
    ) -> Result<Self> {
        let call = Call::of(ctx);
        let counts = student.of_each(format!("attendance {span:?} {subject:?}"), |ids| async move {
            let Some(span) = span else {
                let totals = read!(call.db(), attendance_counts::lifetime(call.scope(), &ids, subject))?;
                return Ok(totals.into_iter().collect());
            };
            let mut counts: HashMap<i64, Counts> = HashMap::new();
            for (student, status, n) in read!(call.db(), attendance_counts::span(call.scope(), &ids, subject, span))? {
                counts.entry(student).or_default().add(status, n);
            }
            Ok(counts)
        });
        Ok(counts.await?.unwrap_or_default().into())
    }
}

/// A student's attendance of one subject.
#[derive(Clone, Description)]
pub struct SubjectAttendance(Loaded<SubjectTotalRow>);

impl Stated for SubjectAttendance {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl SubjectAttendance {
    /// The subject.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Subject>> {
        let call = Call::of(ctx);
        self.0.referred("subject", |row| Some(row.subject_id), |ids| Subject::by_ids(call, ids)).await
    }

    /// Its classes, counted.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn summary(&self) -> AttendanceSummary {
        self.0.counts().into()
    }
}

impl From<Loaded<SubjectTotalRow>> for SubjectAttendance {
    fn from(row: Loaded<SubjectTotalRow>) -> Self {
        Self(row)
    }
}

impl SubjectAttendance {
    /// A student's attendance by subject.
    pub async fn of(ctx: &Context<'_>, student: &Loaded<StudentRow>) -> Result<Vec<Self>> {
        let call = Call::of(ctx);
        let subjects = student.of_each("attendance by subject", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), attendance_counts::by_subject(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(subjects.await?.unwrap_or_default())
    }
}

/// A student's attendance in one month.
#[derive(Clone, Description)]
pub struct MonthlyAttendance {
    row: MonthRow,
    granted: RoleSet,
}

impl Stated for MonthlyAttendance {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.granted)
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl MonthlyAttendance {
    /// The month, as its first day.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn month(&self) -> Date {
        Date(self.row.month)
    }

    /// Its classes, counted.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn summary(&self) -> AttendanceSummary {
        self.row.counts().into()
    }
}

impl MonthlyAttendance {
    /// A student's attendance in the last so many months that had classes, old to new.
    pub async fn of(ctx: &Context<'_>, student: &Loaded<StudentRow>, last: i32) -> Result<Vec<Self>> {
        if !(1..=MAX_PAGE).contains(&last) {
            return Err(Error::bad_input(format!("`last` must be between 1 and {MAX_PAGE}")));
        }
        let call = Call::of(ctx);
        let page = Page { limit: i64::from(last) - 1, backward: true, descending: false, position: None };
        let months = student.of_each(format!("attendance by month {last}"), |ids| async move {
            let mut months: HashMap<i64, Vec<Self>> = HashMap::new();
            for (student, row, granted) in read!(call.db(), attendance_counts::by_month(call.scope(), &ids, &page))? {
                months.entry(student).or_default().push(Self { row, granted: RoleSet::from_bits(granted) });
            }
            for months in months.values_mut() {
                months.reverse();
            }
            Ok(months)
        });
        Ok(months.await?.unwrap_or_default())
    }
}
