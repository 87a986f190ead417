//! Attendance in the schema.

use std::collections::HashMap;

use async_graphql::{Context, SimpleObject};

use super::model::Counts;
use crate::{
    auth::sets::TEACHING,
    error::Result,
    graphql::{Call, Loaded, Stated, auth, stated},
    read,
    students::model::StudentRow,
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
    /// The summary of a student over everything.
    pub async fn of(ctx: &Context<'_>, student: &Loaded<StudentRow>) -> Result<Self> {
        let call = Call::of(ctx);
        let totals = student.of_each("attendance totals", |ids| async move {
            let mut totals: HashMap<i64, Counts> = HashMap::new();
            for (student, _, counts) in read!(call.db(), attendance::totals(call.scope(), &ids))? {
                *totals.entry(student).or_default() += counts;
            }
            Ok(totals)
        });
        Ok(totals.await?.unwrap_or_default().into())
    }
}
