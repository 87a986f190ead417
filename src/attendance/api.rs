//! Attendance sessions and records in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::AttendanceSessionActions,
    model::{
        AttendanceSessionFilter, AttendanceSessionOrder, AttendanceStatus, CorrectionRow, Counts, RecordRow,
        SessionQuery as Query, SessionRow,
    },
    sheet::AttendanceSheet,
    summary::AttendanceSummary,
};
use crate::{
    auth::{Role, RoleSet, sets::TEACHING},
    clock::utc,
    error::Result,
    graphql::{
        Call, Connection, Date, Direction, Listed, Loaded, MAX_LIST, Paging, Stated, auth, nested, root, stated,
        wants_total,
    },
    ids::Kind,
    read,
    routines::api::Routine,
    staff::api::Staff,
    students::api::Student,
    subjects::api::Subject,
};

/// Who marks (a teacher the classes of their routines), and may know that a mark was another one before.
pub const MARKING: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod, Role::Staff]);

/// One class of a routine, as it was marked.
#[derive(Clone, Description)]
pub struct AttendanceSession(Loaded<SessionRow>);

impl Stated for AttendanceSession {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for AttendanceSession {
    const CONNECTION: &'static str = "AttendanceSessionConnection";
    const EDGE: &'static str = "AttendanceSessionEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl AttendanceSession {
    /// Global id.
    #[graphql(directive = auth::apply(TEACHING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::AttendanceSession, self.0.id)
    }

    /// The day of the class.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn date(&self) -> Date {
        Date(self.0.date)
    }

    /// The slot of the timetable that it is of; null where that is one that the viewer does not reach (any more).
    #[graphql(directive = auth::apply(TEACHING))]
    async fn routine(&self, ctx: &Context<'_>) -> Result<Option<Routine>> {
        let call = Call::of(ctx);
        self.0.referred("routine", |row| Some(row.routine_id), |ids| Routine::by_ids(call, ids)).await
    }

    /// The subject that was taught.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Subject>> {
        let call = Call::of(ctx);
        self.0.referred("subject", |row| Some(row.subject_id), |ids| Subject::by_ids(call, ids)).await
    }

    /// Whose class it was; null where it is one whom the viewer does not reach (any more).
    #[graphql(directive = auth::apply(TEACHING))]
    async fn teacher(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("teacher", |row| Some(row.teacher_id), |ids| Staff::by_ids(call, ids)).await
    }

    /// Whether the class was held: one that was not counts for nobody.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn held(&self) -> bool {
        self.0.held
    }

    /// Whether the teacher was there.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn teacher_attended(&self) -> bool {
        self.0.teacher_attended
    }

    /// When it was last marked.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn marked_at(&self) -> DateTime<Utc> {
        utc(self.0.marked_at)
    }

    /// Its records that the viewer reaches, as they were entered.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<AttendanceRecord>>> {
        let call = Call::of(ctx);
        let paging = Paging::read(ctx, (first, after), (last, before), false)?;
        let records = nested(
            ctx,
            &self.0,
            &paging,
            AttendanceRecord::entered,
            |ids| {
                let page = paging.page();
                async move {
                    Ok(Loaded::by_parent(read!(call.db(), attendance::records_of_sessions(call.scope(), &ids, page))?))
                }
            },
            |ids| async move { read!(call.db(), attendance::count_of_sessions(call.scope(), &ids)) },
        );
        records.await.map(Some)
    }

    /// Its records that the viewer reaches, counted; nothing where the class was not held.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn summary(&self, ctx: &Context<'_>) -> Result<Option<AttendanceSummary>> {
        let call = Call::of(ctx);
        let counts = self.0.of_each("summary", |ids| async move {
            let mut counts: HashMap<i64, Counts> = HashMap::new();
            for (session, status, n) in read!(call.db(), attendance_counts::of_sessions(call.scope(), &ids))? {
                counts.entry(session).or_default().add(status, n);
            }
            Ok(counts)
        });
        Ok(Some(counts.await?.unwrap_or_default().into()))
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn viewer_can(&self) -> Option<AttendanceSessionActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<SessionRow>> for AttendanceSession {
    fn from(row: Loaded<SessionRow>) -> Self {
        Self(row)
    }
}

impl AttendanceSession {
    /// Those of the numbered sessions that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), attendance::by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in the order of dates: there is no other.
    #[must_use]
    pub fn key(&self) -> (serde_json::Value, i64) {
        (serde_json::json!(self.0.date), self.0.id)
    }
}

/// How one student attended one class.
#[derive(Clone, Description)]
pub struct AttendanceRecord(Loaded<RecordRow>);

impl Stated for AttendanceRecord {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for AttendanceRecord {
    const CONNECTION: &'static str = "AttendanceRecordConnection";
    const EDGE: &'static str = "AttendanceRecordEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl AttendanceRecord {
    /// Global id.
    #[graphql(directive = auth::apply(TEACHING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::AttendanceRecord, self.0.id)
    }

    /// The class.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<AttendanceSession>> {
        let call = Call::of(ctx);
        self.0.referred("session", |row| Some(row.session_id), |ids| AttendanceSession::by_ids(call, ids)).await
    }

    /// The student; null where it is one whom the viewer does not reach (any more).
    #[graphql(directive = auth::apply(TEACHING))]
    async fn student(&self, ctx: &Context<'_>) -> Result<Option<Student>> {
        let call = Call::of(ctx);
        self.0.referred("student", |row| Some(row.student_id), |ids| Student::by_ids(call, ids)).await
    }

    /// How the student attended.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn status(&self) -> AttendanceStatus {
        self.0.status
    }

    /// The day of the class.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn date(&self) -> Date {
        Date(self.0.date)
    }

    /// The subject that was taught.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Subject>> {
        let call = Call::of(ctx);
        self.0.referred("subject", |row| Some(row.subject_id), |ids| Subject::by_ids(call, ids)).await
    }

    /// What the mark was before, correction by correction: 100 at most.
    #[graphql(directive = auth::apply(MARKING))]
    async fn corrections(&self, ctx: &Context<'_>) -> Result<Option<Vec<AttendanceCorrection>>> {
        let call = Call::of(ctx);
        let corrections = self.0.of_each("corrections", |ids| async move {
            let rows = read!(call.db(), attendance::corrections_of_records(call.scope(), &ids, &MAX_LIST))?;
            Ok(Loaded::by_parent(rows))
        });
        Ok(Some(corrections.await?.unwrap_or_default()))
    }
}

impl From<Loaded<RecordRow>> for AttendanceRecord {
    fn from(row: Loaded<RecordRow>) -> Self {
        Self(row)
    }
}

impl AttendanceRecord {
    /// Those of the numbered records that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), attendance::records_by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in the order in which records were entered.
    #[must_use]
    pub fn entered(&self) -> (serde_json::Value, i64) {
        (self.0.id.into(), self.0.id)
    }

    /// The key and number a cursor holds, in the order of dates.
    #[must_use]
    pub fn dated(&self) -> (serde_json::Value, i64) {
        (serde_json::json!(self.0.date), self.0.id)
    }
}

/// A change of a mark.
#[derive(Clone, Description)]
pub struct AttendanceCorrection(Loaded<CorrectionRow>);

impl Stated for AttendanceCorrection {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl AttendanceCorrection {
    /// What the mark was.
    #[graphql(directive = auth::apply(MARKING))]
    async fn from_status(&self) -> AttendanceStatus {
        self.0.from_status
    }

    /// What it became.
    #[graphql(directive = auth::apply(MARKING))]
    async fn to_status(&self) -> AttendanceStatus {
        self.0.to_status
    }

    /// Why, where a reason was given.
    #[graphql(directive = auth::apply(MARKING))]
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Who changed it, or decided about the leave that did; null where it is one whom the viewer does not reach.
    #[graphql(directive = auth::apply(MARKING))]
    async fn corrected_by(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("corrected by", |row| Some(row.corrected_by), |ids| Staff::by_accounts(call, ids)).await
    }

    /// When it was changed.
    #[graphql(directive = auth::apply(MARKING))]
    async fn corrected_at(&self) -> DateTime<Utc> {
        utc(self.0.corrected_at)
    }
}

impl From<Loaded<CorrectionRow>> for AttendanceCorrection {
    fn from(row: Loaded<CorrectionRow>) -> Self {
        Self(row)
    }
}

/// Attendance's part of the query root.
#[derive(Default)]
pub struct AttendanceQuery;

#[Object(guard = "root(\"Query\")")]
impl AttendanceQuery {
    /// The classes that were marked, of those that the viewer reaches: newest first where no order is given.
    #[graphql(directive = auth::apply(TEACHING))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn attendance_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which sessions.")] filter: Option<AttendanceSessionFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<AttendanceSessionOrder>,
    ) -> Result<Option<Connection<AttendanceSession>>> {
        let call = Call::of(ctx);
        let order = order_by.unwrap_or_default();
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let query = opened(call, filter.unwrap_or_default()).await?;
        let rows = read!(call.db(), attendance::page(call.scope(), &query, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), attendance::count(call.scope(), &query))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), AttendanceSession::key, total).map(Some)
    }

    /// What the teacher of a routine marks on a day: the students of the class, with their marks and their leave. Null
    /// where the viewer may not mark it: that is for its teacher, the HOD of its course and ADMIN.
    #[graphql(directive = auth::apply(MARKING))]
    async fn attendance_sheet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The slot of the timetable.")] routine_id: ID,
        #[graphql(desc = "The day.")] date: Date,
    ) -> Result<Option<AttendanceSheet>> {
        let call = Call::of(ctx);
        AttendanceSheet::of(call, call.number(Kind::Routine, &routine_id), date).await
    }
}

async fn opened(call: &Call, filter: AttendanceSessionFilter) -> Result<Query> {
    Ok(Query {
        date: filter.date.map(|Date(date)| date),
        from: filter.from.map(|Date(date)| date),
        to: filter.to.map(|Date(date)| date),
        course: call.reached(Kind::Course, filter.course_id).await?,
        teacher: call.reached(Kind::Staff, filter.teacher_id).await?,
        routine: call.reached(Kind::Routine, filter.routine_id).await?,
    })
}
