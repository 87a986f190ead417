//! The schema: what every domain's part is made with, the roots, and the way a request is answered.

use async_graphql::{EmptySubscription, Enum, MergedObject, Schema};

mod call;
mod connection;
mod loaded;
mod payload;
mod statement;

pub use call::{Call, Services};
pub use connection::{Connection, Edge, Listed, MAX_PAGE, PageInfo, Paging, nested, wants_total};
pub use loaded::{Loaded, Row};
pub use payload::{UserError, UserErrorCode};
pub use statement::{FieldGuard, Policy, Stated, auth, root, stated};

use crate::{
    auth::api::{SignInMutation, ViewerQuery},
    batches::api::BatchQuery,
    courses::api::CourseQuery,
    db::paging::Page,
    error::Result,
    feedback::api::FeedbackQuery,
    institute::api::InstituteQuery,
    leave::api::LeaveRequestQuery,
    meetings::api::MeetingQuery,
    notices::api::NoticeQuery,
    progress::api::ProgressQuery,
    students::api::StudentQuery,
};

/// What a nested list that is no connection holds at most.
pub const MAX_LIST: Page = Page { limit: MAX_PAGE as i64 - 1, backward: false, descending: false, position: None };

/// Upwards or downwards.
#[derive(Enum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Upwards: A to Z, old to new.
    #[default]
    Asc,
    /// Downwards: Z to A, new to old.
    Desc,
}

/// What can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    ViewerQuery,
    InstituteQuery,
    StudentQuery,
    CourseQuery,
    BatchQuery,
    MeetingQuery,
    LeaveRequestQuery,
    FeedbackQuery,
    NoticeQuery,
    ProgressQuery,
);

/// What can be done.
#[derive(MergedObject, Default)]
pub struct Mutation(SignInMutation);

/// The schema.
pub type RollcallSchema = Schema<Query, Mutation, EmptySubscription>;

/// Makes the schema, with the policy that its own SDL states.
pub fn schema() -> Result<RollcallSchema> {
    let build = || Schema::build(Query::default(), Mutation::default(), EmptySubscription);
    let policy = Policy::from_sdl(&build().finish().sdl())?;
    Ok(build().data(policy).finish())
}
