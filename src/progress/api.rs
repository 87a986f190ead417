//! Course tracking and subject progress in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object, SimpleObject};

use super::{
    can::CourseTrackingActions,
    model::{
        CourseTrackingFilter, CourseTrackingOrder, CourseTrackingOrderField, CourseTrackingQuery, CourseTrackingRow,
        Figures, ProgressStatus, SubjectProgressRow, completion_key,
    },
};
use crate::{
    auth::{Role, RoleSet, sets::PEOPLE},
    courses::{api::Course, model::CourseRow},
    error::Result,
    graphql::{
        Call, Connection, Date, Direction, Listed, Loaded, MAX_LIST, Paging, Stated, auth, root, stated, wants_total,
    },
    ids::Kind,
    read,
    students::{api::Student, model::StudentRow},
    subjects::api::Subject,
};

/// What teachers note among themselves.
const TEACHERS: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod, Role::Staff]);
/// A course as a whole: those who answer for it.
pub const ANSWERABLE: RoleSet = RoleSet::of(&[Role::Admin, Role::Hod]);

/// How far a student is in a course.
#[derive(Clone, Description)]
pub struct CourseTracking(Loaded<CourseTrackingRow>);

impl Stated for CourseTracking {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for CourseTracking {
    const CONNECTION: &'static str = "CourseTrackingConnection";
    const EDGE: &'static str = "CourseTrackingEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl CourseTracking {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::CourseTracking, self.0.id)
    }

    /// The student.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn student(&self, ctx: &Context<'_>) -> Result<Option<Student>> {
        let call = Call::of(ctx);
        self.0.referred("student", |row| Some(row.student_id), |ids| Student::by_ids(call, ids)).await
    }

    /// The course.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn course(&self, ctx: &Context<'_>) -> Result<Option<Course>> {
        let call = Call::of(ctx);
        self.0.referred("course", |row| Some(row.course_id), |ids| Course::by_ids(call, ids)).await
    }

    /// The day the student enrolled.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn enrolled_on(&self) -> Date {
        Date(self.0.enrolled_on)
    }

    /// The day the course began for the student.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn started_on(&self) -> Date {
        Date(self.0.started_on)
    }

    /// The day the course should end.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn expected_end(&self) -> Date {
        Date(self.0.expected_end)
    }

    /// The day the course ended.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn actual_end(&self) -> Option<Date> {
        self.0.actual_end.map(Date)
    }

    /// How far along.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn status(&self) -> ProgressStatus {
        self.0.status
    }

    /// How much is done, in per cent (0 to 100).
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn completion(&self) -> f64 {
        self.0.completion
    }

    /// The period the student is in; the first is 1.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn current_period(&self) -> i32 {
        self.0.current_period
    }

    /// The day that period began.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn period_started_on(&self) -> Date {
        Date(self.0.period_started_on)
    }

    /// The day that period ends.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn period_ends_on(&self) -> Date {
        Date(self.0.period_ends_on)
    }

    /// What teachers noted.
    #[graphql(directive = auth::apply(TEACHERS))]
    async fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<CourseTrackingActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<CourseTrackingRow>> for CourseTracking {
    fn from(row: Loaded<CourseTrackingRow>) -> Self {
        Self(row)
    }
}

impl CourseTracking {
    /// Those of the numbered trackings that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), progress::tracking_by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: CourseTrackingOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            CourseTrackingOrderField::Completion => completion_key(self.0.completion),
            CourseTrackingOrderField::Entry => self.0.id.into(),
        };
        (key, self.0.id)
    }

    /// The trackings of a student: 100 at most.
    pub async fn of_student(ctx: &Context<'_>, student: &Loaded<StudentRow>) -> Result<Vec<Self>> {
        let call = Call::of(ctx);
        let trackings = student.of_each("course trackings", |ids| async move {
            let rows = read!(call.db(), progress::trackings_of_students(call.scope(), &ids, &MAX_LIST))?;
            Ok(Loaded::by_parent(rows))
        });
        Ok(trackings.await?.unwrap_or_default())
    }
}

/// How far a student is in a subject.
#[derive(Clone, Description)]
pub struct SubjectProgress(Loaded<SubjectProgressRow>);

impl Stated for SubjectProgress {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl SubjectProgress {
    /// Global id.
    #[graphql(directive = auth::apply(PEOPLE))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::SubjectProgress, self.0.id)
    }

    /// The student.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn student(&self, ctx: &Context<'_>) -> Result<Option<Student>> {
        let call = Call::of(ctx);
        self.0.referred("student", |row| Some(row.student_id), |ids| Student::by_ids(call, ids)).await
    }

    /// The subject.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Subject>> {
        let call = Call::of(ctx);
        self.0.referred("subject", |row| Some(row.subject_id), |ids| Subject::by_ids(call, ids)).await
    }

    /// How far along.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn status(&self) -> ProgressStatus {
        self.0.status
    }

    /// How much is done, in per cent (0 to 100).
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn completion(&self) -> f64 {
        self.0.completion
    }

    /// What teachers noted.
    #[graphql(directive = auth::apply(TEACHERS))]
    async fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }
}

impl From<Loaded<SubjectProgressRow>> for SubjectProgress {
    fn from(row: Loaded<SubjectProgressRow>) -> Self {
        Self(row)
    }
}

impl SubjectProgress {
    /// Those of the numbered that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), progress::subject_by_ids(call.scope(), &ids))?))
    }

    /// The subject progress of a student: 100 at most.
    pub async fn of_student(ctx: &Context<'_>, student: &Loaded<StudentRow>) -> Result<Vec<Self>> {
        let call = Call::of(ctx);
        let progress = student.of_each("subject progress", |ids| async move {
            let rows = read!(call.db(), progress::subjects_of_students(call.scope(), &ids, &MAX_LIST))?;
            Ok(Loaded::by_parent(rows))
        });
        Ok(progress.await?.unwrap_or_default())
    }
}

/// The progress of a course's students who are under way.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct CourseProgress {
    /// How much they have done on average, in per cent (0 to 100).
    #[graphql(directive = auth::apply(ANSWERABLE))]
    average_completion: f64,
    /// How many have done 75 per cent or more.
    #[graphql(directive = auth::apply(ANSWERABLE))]
    on_track: i64,
    /// How many have done less than 40 per cent.
    #[graphql(directive = auth::apply(ANSWERABLE))]
    at_risk: i64,
    /// How many they are.
    #[graphql(directive = auth::apply(ANSWERABLE))]
    students: i64,
}

impl Stated for CourseProgress {}

impl From<Figures> for CourseProgress {
    fn from(figures: Figures) -> Self {
        let Figures { average_completion, on_track, at_risk, students } = figures;
        Self { average_completion, on_track, at_risk, students }
    }
}

impl CourseProgress {
    /// The progress of a course's students, where the viewer answers for the course and there are any.
    pub async fn of(ctx: &Context<'_>, course: &Loaded<CourseRow>) -> Result<Option<Self>> {
        let call = Call::of(ctx);
        let figures = course.of_each("progress", |ids| async move {
            Ok(read!(call.db(), progress::figures(call.scope(), &ids))?.into_iter().collect())
        });
        Ok(figures.await?.map(|figures: Figures| figures.into()))
    }
}

/// The part of progress in the query root.
#[derive(Default)]
pub struct ProgressQuery;

#[Object(guard = "root(\"Query\")")]
impl ProgressQuery {
    /// The course trackings that the viewer reaches.
    #[graphql(directive = auth::apply(PEOPLE))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn course_trackings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which course trackings.")] filter: Option<CourseTrackingFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<CourseTrackingOrder>,
    ) -> Result<Option<Connection<CourseTracking>>> {
        let call = Call::of(ctx);
        let order = order_by.unwrap_or_default();
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let query = opened(call, filter.unwrap_or_default()).await?;
        let rows = read!(call.db(), progress::page(call.scope(), &query, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), progress::count(call.scope(), &query))?) } else { None };
        let key = |tracking: &CourseTracking| tracking.key(order.field);
        paging.connection(ctx, Loaded::list(rows), key, total).map(Some)
    }
}

async fn opened(call: &Call, filter: CourseTrackingFilter) -> Result<CourseTrackingQuery> {
    Ok(CourseTrackingQuery {
        course: call.reached(Kind::Course, filter.course_id).await?,
        status: filter.status,
        min_completion: filter.min_completion,
        max_completion: filter.max_completion,
    })
}
