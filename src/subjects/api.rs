//! Subjects and study files in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};
use chrono::{DateTime, Utc};

use super::{
    can::{StudyFileActions, SubjectActions},
    model::{StudyFileRow, SubjectFilter, SubjectOrder, SubjectOrderField, SubjectQuery as Query, SubjectRow},
};
use crate::{
    auth::{
        RoleSet,
        sets::{PEOPLE, SIGNED_IN, TEACHING},
    },
    clock::utc,
    courses::api::Course,
    error::Result,
    graphql::{Call, Connection, Direction, Listed, Loaded, MAX_LIST, Paging, Stated, auth, root, stated, wants_total},
    ids::Kind,
    read,
    reports::api::{OF_COURSES, SubjectReport},
    staff::api::Staff,
};

/// A subject that a course teaches in one of its periods.
#[derive(Clone, Description)]
pub struct Subject(Loaded<SubjectRow>);

impl Stated for Subject {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Subject {
    const CONNECTION: &'static str = "SubjectConnection";
    const EDGE: &'static str = "SubjectEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Subject {
    /// Global id.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Subject, self.0.id)
    }

    /// Code, unique in the course.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// Name, unique in the period of the course.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The course it is of.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn course(&self, ctx: &Context<'_>) -> Result<Option<Course>> {
        let call = Call::of(ctx);
        self.0.referred("course", |row| Some(row.course_id), |ids| Course::by_ids(call, ids)).await
    }

    /// The period of the course it is taught in; the first is 1.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn period(&self) -> Option<i32> {
        Some(self.0.period)
    }

    /// Address of the syllabus.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn syllabus_url(&self) -> Option<&str> {
        self.0.syllabus_url.as_deref()
    }

    /// The files to study from, as they were entered: 100 at most.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn study_files(&self, ctx: &Context<'_>) -> Result<Option<Vec<StudyFile>>> {
        let call = Call::of(ctx);
        let files = self.0.of_each("study files", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), subjects::files_of_subjects(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(files.await?.unwrap_or_default()))
    }

    /// Who teaches it by the present timetable, by name: 100 at most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn teachers(&self, ctx: &Context<'_>) -> Result<Option<Vec<Staff>>> {
        let call = Call::of(ctx);
        let teachers = self.0.of_each("teachers", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), staff::of_subjects(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(teachers.await?.unwrap_or_default()))
    }

    /// Its figures, in which nobody can be told.
    #[graphql(directive = auth::apply(OF_COURSES))]
    async fn report(&self) -> Option<SubjectReport> {
        Some(SubjectReport::of(&self.0))
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<SubjectActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<SubjectRow>> for Subject {
    fn from(row: Loaded<SubjectRow>) -> Self {
        Self(row)
    }
}

impl Subject {
    /// Those of the numbered subjects that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), subjects::by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: SubjectOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            SubjectOrderField::Name => self.0.name.clone().into(),
            SubjectOrderField::Entry => self.0.id.into(),
        };
        (key, self.0.id)
    }
}

/// A file to study a subject from.
#[derive(Clone, Description)]
pub struct StudyFile(Loaded<StudyFileRow>);

impl Stated for StudyFile {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

#[Object(use_type_description, guard = "stated(self)")]
impl StudyFile {
    /// Global id.
    #[graphql(directive = auth::apply(TEACHING))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::StudyFile, self.0.id)
    }

    /// Title.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What is in it.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Address of the file.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn file_url(&self) -> &str {
        &self.0.file_url
    }

    /// When it was uploaded.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn uploaded_at(&self) -> DateTime<Utc> {
        utc(self.0.uploaded_at)
    }

    /// Who uploaded it; null where that is not known, or one whom the viewer does not reach.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn uploaded_by(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("uploaded by", |row| row.uploaded_by, |ids| Staff::by_ids(call, ids)).await
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn viewer_can(&self) -> Option<StudyFileActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<StudyFileRow>> for StudyFile {
    fn from(row: Loaded<StudyFileRow>) -> Self {
        Self(row)
    }
}

impl StudyFile {
    /// Those of the numbered study files that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), subjects::files_by_ids(call.scope(), &ids))?))
    }
}

/// The subjects' part of the query root.
#[derive(Default)]
pub struct SubjectQuery;

#[Object(guard = "root(\"Query\")")]
impl SubjectQuery {
    /// The subjects that the viewer reaches.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn subjects(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which subjects.")] filter: Option<SubjectFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<SubjectOrder>,
    ) -> Result<Option<Connection<Subject>>> {
        let call = Call::of(ctx);
        let order = order_by.unwrap_or_default();
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let query = opened(call, filter.unwrap_or_default()).await?;
        let rows = read!(call.db(), subjects::page(call.scope(), &query, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), subjects::count(call.scope(), &query))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |subject: &Subject| subject.key(order.field), total).map(Some)
    }
}

async fn opened(call: &Call, filter: SubjectFilter) -> Result<Query> {
    // What a viewer may not read must not tell itself by what it filters out.
    let by_course = filter.course_id.is_some() || filter.period.is_some();
    if by_course {
        call.may_filter(PEOPLE, "subjects", "course or period")?;
    }
    Ok(Query { course: call.reached(Kind::Course, filter.course_id).await?, period: filter.period, name: filter.name })
}
