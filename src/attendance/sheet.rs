//! The sheet that a class is marked on, in the schema.

use std::collections::HashMap;

use async_graphql::SimpleObject;

use super::{
    api::{AttendanceSession, MARKING},
    marking::may_mark,
    model::AttendanceStatus,
};
use crate::{
    auth::RoleSet,
    error::Result,
    graphql::{Call, Date, Loaded, Stated, auth, stated},
    leave::api::LeaveRequest,
    read,
    routines::api::Routine,
    students::api::Student,
};

/// A class on a day, to be marked.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct AttendanceSheet {
    /// The slot of the timetable.
    #[graphql(directive = auth::apply(MARKING))]
    routine: Routine,
    /// The day.
    #[graphql(directive = auth::apply(MARKING))]
    date: Date,
    /// Whether there is a class that day: the routine is in the timetable, and runs on that day of the week.
    #[graphql(directive = auth::apply(MARKING))]
    scheduled: bool,
    /// The class as it was marked; null where it was not yet.
    #[graphql(directive = auth::apply(MARKING))]
    session: Option<AttendanceSession>,
    /// The students of the class, by name: all of them.
    #[graphql(directive = auth::apply(MARKING))]
    rows: Vec<AttendanceSheetRow>,
}

/// A student on a sheet.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct AttendanceSheetRow {
    /// The student.
    #[graphql(directive = auth::apply(MARKING))]
    student: Student,
    /// The mark; null where the student has none yet.
    #[graphql(directive = auth::apply(MARKING))]
    status: Option<AttendanceStatus>,
    /// The approved leave that the student is on that day; null where they are not.
    #[graphql(directive = auth::apply(MARKING))]
    leave_request: Option<LeaveRequest>,
}

impl Stated for AttendanceSheet {}
impl Stated for AttendanceSheetRow {}

impl AttendanceSheet {
    /// The sheet of a routine on a day, if the viewer may mark it.
    pub async fn of(call: &Call, routine: i64, date: Date) -> Result<Option<Self>> {
        let scope = call.scope();
        let found = read!(call.db(), routines::by_ids(scope, &[routine]))?;
        let Some((slot, granted)) = found.first().cloned() else { return Ok(None) };
        if !may_mark(scope, &slot, RoleSet::from_bits(granted)) {
            return Ok(None);
        }
        let session = read!(call.db(), attendance::of_day(scope, routine, date.0))?;
        let marks: HashMap<i64, AttendanceStatus> = match &session {
            Some((session, _)) => {
                read!(call.db(), attendance::marks_of_session(scope, session.id))?.into_iter().collect()
            }
            None => HashMap::new(),
        };
        let class = read!(call.db(), students::of_class(scope, (slot.course_id, slot.period)))?;
        let ids: Vec<i64> = class.iter().map(|(student, _)| student.id).collect();
        let leave = read!(call.db(), leave::approved_on(scope, &ids, date.0))?;
        let mut leave: HashMap<i64, Vec<LeaveRequest>> = Loaded::by_parent(leave);
        let row = |(student, id): (Student, &i64)| AttendanceSheetRow {
            student,
            status: marks.get(id).copied(),
            leave_request: leave.remove(id).and_then(|requests| requests.into_iter().next()),
        };
        let rows = Loaded::list(class).into_iter().zip(&ids).map(row).collect();
        let Some(routine) = Loaded::list(found).into_iter().next() else { return Ok(None) };
        Ok(Some(Self {
            routine,
            date,
            scheduled: slot.active && slot.runs_on(date.0),
            session: Loaded::list(session.into_iter().collect()).into_iter().next(),
            rows,
        }))
    }
}
