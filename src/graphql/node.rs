//! Global object identification: <https://relay.dev/graphql/objectidentification.htm>.

use std::collections::HashMap;

use async_graphql::{Context, ID, Interface, Object};

use super::{
    Call,
    statement::{auth, root},
};
use crate::{
    auth::{api::Account, sets::ANYONE},
    batches::api::Batch,
    courses::api::Course,
    error::Result,
    ids::Kind,
    institute::api::{self as institute, Institute},
    parents::api::Parent,
    staff::api::Staff,
    students::api::Student,
};

/// Whatever has a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id: opaque, and of this type alone."))]
pub enum Node {
    /// An account.
    Account(Account),
    /// A batch.
    Batch(Batch),
    /// A course.
    Course(Course),
    /// The institute.
    Institute(Institute),
    /// A parent.
    Parent(Parent),
    /// A staff member.
    Staff(Staff),
    /// A student.
    Student(Student),
}

/// The part of the query root that finds by global id.
#[derive(Default)]
pub struct NodeQuery;

#[Object(guard = "root(\"Query\")")]
impl NodeQuery {
    /// The object with a global id; null where there is none that the viewer reaches, and where the id is none of ours.
    #[graphql(directive = auth::apply(ANYONE))]
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Global id.")] id: ID) -> Result<Option<Node>> {
        let call = Call::of(ctx);
        let Some((kind, number)) = call.services().seal.open(&id) else { return Ok(None) };
        let ids = vec![number];
        Ok(match kind {
            Kind::Account => only(Account::by_ids(call, ids).await?),
            Kind::Batch => only(Batch::by_ids(call, ids).await?),
            Kind::Course => only(Course::by_ids(call, ids).await?),
            Kind::Institute => institute::load(call).await?.map(Node::from),
            Kind::Parent => only(Parent::by_ids(call, ids).await?),
            Kind::Staff => only(Staff::by_ids(call, ids).await?),
            Kind::Student => only(Student::by_ids(call, ids).await?),
            _ => None,
        })
    }
}

fn only<T: Into<Node>>(found: HashMap<i64, T>) -> Option<Node> {
    found.into_values().next().map(Into::into)
}
