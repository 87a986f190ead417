//! Query nodes that Diesel lacks, for both back ends.

use diesel::{
    AppearsOnTable, Expression, QueryResult, SelectableExpression,
    backend::Backend,
    expression::ValidGrouping,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType},
};

/// `expression AS position`: the row number that [`first_of_each`] cuts by.
#[derive(Debug, Clone, Copy)]
pub struct Position<E>(pub E);

impl<E: Expression> Expression for Position<E> {
    type SqlType = E::SqlType;
}
impl<E: Expression + AppearsOnTable<QS>, QS> AppearsOnTable<QS> for Position<E> {}
impl<E: Expression + AppearsOnTable<QS>, QS> SelectableExpression<QS> for Position<E> {}
impl<E: ValidGrouping<GB>, GB> ValidGrouping<GB> for Position<E> {
    type IsAggregate = E::IsAggregate;
}
impl<E> QueryId for Position<E> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl<E: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Position<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" AS position");
        Ok(())
    }
}

/// The first rows of each group of a query that selects a [`Position`], in order of position.
#[derive(Debug, Clone)]
pub struct FirstOfEach<Q> {
    query: Q,
    limit: i64,
}

/// Keeps of `query` the rows whose [`Position`] is at most `limit`.
pub fn first_of_each<Q>(query: Q, limit: i64) -> FirstOfEach<Q> {
    FirstOfEach { query, limit }
}

impl<Q: Query> Query for FirstOfEach<Q> {
    type SqlType = Q::SqlType;
}
impl<Q> QueryId for FirstOfEach<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl<Q, C> diesel::RunQueryDsl<C> for FirstOfEach<Q> {}
impl<Q, DB> QueryFragment<DB> for FirstOfEach<Q>
where
    Q: QueryFragment<DB>,
    DB: Backend + HasSqlType<BigInt>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("SELECT * FROM (");
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(") AS of_each WHERE of_each.position <= ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(" ORDER BY of_each.position");
        Ok(())
    }
}
