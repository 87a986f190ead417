//! Students in the query root.

use async_graphql::{Context, Object};

use super::{
    api::Student,
    model::{StudentFilter, StudentOrder, StudentQuery as Query},
};
use crate::{
    auth::sets::PEOPLE,
    error::Result,
    graphql::{Call, Connection, Direction, Loaded, Paging, auth, root, wants_total},
    ids::Kind,
    read,
};

/// The students' part of the query root.
#[derive(Default)]
pub struct StudentQuery;

#[Object(guard = "root(\"Query\")")]
impl StudentQuery {
    /// The students that the viewer reaches.
    #[graphql(directive = auth::apply(PEOPLE))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn students(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which students.")] filter: Option<StudentFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<StudentOrder>,
    ) -> Result<Option<Connection<Student>>> {
        let call = Call::of(ctx);
        let order = order_by.unwrap_or_default();
        let paging = Paging::read(ctx, (first, after), (last, before), order.direction == Direction::Desc)?;
        let query = opened(call, filter.unwrap_or_default()).await?;
        let rows = read!(call.db(), students::page(call.scope(), &query, order.field, paging.page()))?;
        let total =
            if wants_total(ctx) { Some(read!(call.db(), students::count(call.scope(), &query))?) } else { None };
        paging.connection(ctx, Loaded::list(rows), |student: &Student| student.key(order.field), total).map(Some)
    }
}

async fn opened(call: &Call, filter: StudentFilter) -> Result<Query> {
    Ok(Query {
        name: filter.name,
        status: filter.status,
        course: call.reached(Kind::Course, filter.course_id).await?,
        period: filter.period,
        batch: call.reached(Kind::Batch, filter.batch_id).await?,
        archived: filter.archived,
    })
}
