//! Courses in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Description, ID, Object};

use super::{
    can::CourseActions,
    model::{CourseFilter, CourseOrder, CourseOrderField, CourseRow, DurationType},
};
use crate::{
    auth::{
        RoleSet,
        sets::{PEOPLE, SIGNED_IN},
    },
    batches::api::Batch,
    error::Result,
    graphql::{
        Call, Connection, Direction, Listed, Loaded, MAX_LIST, Paging, Stated, auth, nested, root, stated, wants_total,
    },
    ids::Kind,
    progress::api::{ANSWERABLE, CourseProgress},
    read,
    reports::api::{CourseReport, OF_COURSES},
    routines::api::Routine,
    staff::api::Staff,
    students::{api::Student, model::StudentOrderField},
    subjects::api::Subject,
};

/// A course that the institute offers.
#[derive(Clone, Description)]
pub struct Course(Loaded<CourseRow>);

impl Stated for Course {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Course {
    const CONNECTION: &'static str = "CourseConnection";
    const EDGE: &'static str = "CourseEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Course {
    /// Global id.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Course, self.0.id)
    }

    /// Name.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What the course is about.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Code, unique.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// How many years it takes.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn duration_years(&self) -> Option<i32> {
        Some(self.0.duration_years)
    }

    /// How its years are divided.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn duration_type(&self) -> Option<DurationType> {
        Some(self.0.duration_type)
    }

    /// How many periods it has: one a year, or two.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn periods(&self) -> Option<i32> {
        Some(self.0.periods())
    }

    /// Whether the course is offered at present.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn active(&self) -> Option<bool> {
        Some(self.0.active)
    }

    /// Who heads it; null where nobody does, or one whom the viewer does not reach.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn hod(&self, ctx: &Context<'_>) -> Result<Option<Staff>> {
        let call = Call::of(ctx);
        self.0.referred("hod", |row| row.hod_id, |ids| Staff::by_ids(call, ids)).await
    }

    /// Its subjects, or those of one of its periods, by period: 100 at most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn subjects(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Those of this period alone.")] period: Option<i32>,
    ) -> Result<Option<Vec<Subject>>> {
        let call = Call::of(ctx);
        let subjects = self.0.of_each(format!("subjects {period:?}"), |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), subjects::of_courses(call.scope(), &ids, period, &MAX_LIST))?))
        });
        Ok(Some(subjects.await?.unwrap_or_default()))
    }

    /// Its slots in the present timetable, or those of one of its periods, of those that the viewer reaches, by the hour
    /// they start at: 100 at most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn routines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Those of this period alone.")] period: Option<i32>,
    ) -> Result<Option<Vec<Routine>>> {
        let call = Call::of(ctx);
        let routines = self.0.of_each(format!("routines {period:?}"), |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), routines::of_courses(call.scope(), &ids, period, &MAX_LIST))?))
        });
        Ok(Some(routines.await?.unwrap_or_default()))
    }

    /// Its batches that the viewer reaches, by name: 100 at most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn batches(&self, ctx: &Context<'_>) -> Result<Option<Vec<Batch>>> {
        let call = Call::of(ctx);
        let batches = self.0.of_each("batches", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), batches::of_courses(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(batches.await?.unwrap_or_default()))
    }

    /// Its students that the viewer reaches, by name.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn students(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Student>>> {
        let call = Call::of(ctx);
        let paging = Paging::read(ctx, (first, after), (last, before), false)?;
        let students = nested(
            ctx,
            &self.0,
            &paging,
            |student: &Student| student.key(StudentOrderField::Name),
            |ids| {
                let page = paging.page();
                async move { Ok(Loaded::by_parent(read!(call.db(), students::of_courses(call.scope(), &ids, page))?)) }
            },
            |ids| async move { read!(call.db(), students::count_of_courses(call.scope(), &ids)) },
        );
        students.await.map(Some)
    }

    /// How far its students are: of those under way, added up. Null where the viewer answers for none of them.
    #[graphql(directive = auth::apply(ANSWERABLE))]
    async fn progress(&self, ctx: &Context<'_>) -> Result<Option<CourseProgress>> {
        CourseProgress::of(ctx, &self.0).await
    }

    /// Its figures, in which nobody can be told.
    #[graphql(directive = auth::apply(OF_COURSES))]
    async fn report(&self) -> Option<CourseReport> {
        Some(CourseReport::of(&self.0))
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<CourseActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<CourseRow>> for Course {
    fn from(row: Loaded<CourseRow>) -> Self {
        Self(row)
    }
}

impl Course {
    /// Those of the numbered courses that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), courses::by_ids(call.scope(), &ids))?))
    }

    /// The row itself, for rules that go by it.
    #[must_use]
    pub fn row(&self) -> &Loaded<CourseRow> {
        &self.0
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: CourseOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            CourseOrderField::Name => self.0.name.clone().into(),
            CourseOrderField::Code => self.0.code.clone().into(),
        };
        (key, self.0.id)
    }
}

/// The courses' part of the query root.
#[derive(Default)]
pub struct CourseQuery;

#[Object(guard = "root(\"Query\")")]
impl CourseQuery {
    /// The courses that the viewer reaches.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn courses(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which courses.")] filter: Option<CourseFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<CourseOrder>,
    ) -> Result<Option<Connection<Course>>> {
        let call = Call::of(ctx);
        let (filter, order) = (filter.unwrap_or_default(), order_by.unwrap_or_default());
        if filter.active.is_some() {
            call.may_filter(PEOPLE, "courses", "whether they are active")?;
        }
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let rows = read!(call.db(), courses::page(call.scope(), &filter, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), courses::count(call.scope(), &filter))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |course: &Course| course.key(order.field), total).map(Some)
    }
}
