//! Batches in the schema.

use std::collections::HashMap;

use super::{
    can::BatchActions,
    model::{BatchFilter, BatchOrder, BatchOrderField, BatchRow},
};
use crate::{
    auth::{
        RoleSet,
        sets::{PEOPLE, SIGNED_IN},
    },
    courses::api::Course,
    error::Result,
    graphql::{
        Call, Connection, Date, Direction, Listed, Loaded, MAX_LIST, Paging, Stated, auth, nested, root, stated,
        wants_total,
    },
    ids::Kind,
    read,
    reports::api::{BatchReport, REPORTED},
    students::{api::Student, model::StudentOrderField},
};
use async_graphql::{Context, Description, ID, Object};

/// A group of students.
#[derive(Clone, Description)]
pub struct Batch(Loaded<BatchRow>);

impl Stated for Batch {
    fn granted(&self) -> Option<RoleSet> {
        Some(self.0.granted())
    }
}

impl Listed for Batch {
    const CONNECTION: &'static str = "BatchConnection";
    const EDGE: &'static str = "BatchEdge";
}

#[Object(use_type_description, guard = "stated(self)")]
impl Batch {
    /// Global id.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    pub async fn id(&self, ctx: &Context<'_>) -> ID {
        Call::of(ctx).id(Kind::Batch, self.0.id)
    }

    /// Name, unique.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The day the batch starts.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn start_date(&self) -> Option<Date> {
        self.0.start_date.map(Date)
    }

    /// Whether the batch is in use.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn active(&self) -> Option<bool> {
        Some(self.0.active)
    }

    /// The courses it is of, by name: 100 at most.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn courses(&self, ctx: &Context<'_>) -> Result<Option<Vec<Course>>> {
        let call = Call::of(ctx);
        let courses = self.0.of_each("courses", |ids| async move {
            Ok(Loaded::by_parent(read!(call.db(), courses::of_batches(call.scope(), &ids, &MAX_LIST))?))
        });
        Ok(Some(courses.await?.unwrap_or_default()))
    }

    /// Its members that the viewer reaches, by name.
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
                async move { Ok(Loaded::by_parent(read!(call.db(), students::of_batches(call.scope(), &ids, page))?)) }
            },
            |ids| async move { read!(call.db(), students::count_of_batches(call.scope(), &ids)) },
        );
        students.await.map(Some)
    }

    /// Its figures, in which nobody can be told.
    #[graphql(directive = auth::apply(REPORTED))]
    async fn report(&self) -> Option<BatchReport> {
        Some(BatchReport::of(&self.0))
    }

    /// How often it was changed, and once for its making: an edit gives back what it read.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn version(&self) -> Option<i32> {
        Some(self.0.version)
    }

    /// What the viewer can do with it.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn viewer_can(&self) -> Option<BatchActions> {
        Some((&self.0).into())
    }
}

impl From<Loaded<BatchRow>> for Batch {
    fn from(row: Loaded<BatchRow>) -> Self {
        Self(row)
    }
}

impl Batch {
    /// Those of the numbered batches that the viewer reaches, by number.
    pub async fn by_ids(call: &Call, ids: Vec<i64>) -> Result<HashMap<i64, Self>> {
        Ok(Loaded::by_number(read!(call.db(), batches::by_ids(call.scope(), &ids))?))
    }

    /// The key and number a cursor holds, in an order.
    #[must_use]
    pub fn key(&self, order: BatchOrderField) -> (serde_json::Value, i64) {
        let key = match order {
            BatchOrderField::Name => self.0.name.clone().into(),
            BatchOrderField::Entry => self.0.id.into(),
        };
        (key, self.0.id)
    }
}

/// The batches' part of the query root.
#[derive(Default)]
pub struct BatchQuery;

#[Object(guard = "root(\"Query\")")]
impl BatchQuery {
    /// The batches that the viewer reaches.
    #[graphql(directive = auth::apply(SIGNED_IN))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn batches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which batches.")] filter: Option<BatchFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<BatchOrder>,
    ) -> Result<Option<Connection<Batch>>> {
        let call = Call::of(ctx);
        let (filter, order) = (filter.unwrap_or_default(), order_by.unwrap_or_default());
        if filter.active.is_some() {
            call.may_filter(PEOPLE, "batches", "whether they are active")?;
        }
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let rows = read!(call.db(), batches::page(call.scope(), &filter, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), batches::count(call.scope(), &filter))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |batch: &Batch| batch.key(order.field), total).map(Some)
    }
}
