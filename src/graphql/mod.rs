//! The schema: what every domain's part is made with, the roots, and the way a request is answered.

use async_graphql::{EmptySubscription, Enum, MergedObject, Schema};

mod actions;
mod api;
mod call;
mod complete;
mod connection;
mod loaded;
mod node;
mod payload;
mod scalars;
mod statement;

pub use api::Api;
pub use call::{Call, Services};
pub use connection::{Connection, Edge, Listed, MAX_PAGE, PageInfo, Paging, nested, wants_total};
pub use loaded::{Loaded, Row};
pub use node::{Node, NodeQuery, find_all};
pub use payload::{UserError, UserErrorCode};
pub use scalars::{Date, Time};
pub use statement::{FieldGuard, Policy, Stated, auth, root, stated};

use crate::{
    attendance::{api::AttendanceQuery, mutation::AttendanceMutation},
    audit::api::AuditQuery,
    auth::{
        api::{SignInMutation, ViewerQuery},
        mutation::ProfileMutation,
    },
    batches::{api::BatchQuery, mutation::BatchMutation},
    courses::{api::CourseQuery, mutation::CourseMutation},
    db::paging::Page,
    error::Result,
    feedback::{api::FeedbackQuery, mutation::FeedbackMutation},
    institute::{api::InstituteQuery, mutation::InstituteMutation},
    leave::{api::LeaveRequestQuery, mutation::LeaveMutation},
    meetings::{api::MeetingQuery, mutation::MeetingMutation},
    notices::{api::NoticeQuery, mutation::NoticeMutation},
    parents::{api::ParentQuery, mutation::ParentMutation},
    progress::{api::ProgressQuery, mutation::ProgressMutation},
    routines::{api::RoutineQuery, mutation::RoutineMutation},
    staff::{api::StaffQuery, leaving_mutation::StaffLeavingMutation, mutation::StaffMutation},
    students::{admitting::AdmissionMutation, api::StudentQuery, mutation::StudentMutation},
    subjects::{api::SubjectQuery, mutation::SubjectMutation},
};

/// What a nested list that is no connection holds at most.
pub const MAX_LIST: Page = Page { limit: MAX_PAGE as i64 - 1, backward: false, descending: false, position: None };

/// How deep a query may go.
const MAX_DEPTH: usize = 16;
/// How many fields a query may name, fragments counted wherever they are spread.
const MAX_FIELDS: usize = 1000;
/// How many values an answer may have: every field of every object in it is one.
const MAX_VALUES: i64 = 50_000;

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
    NodeQuery,
    AttendanceQuery,
    AuditQuery,
    BatchQuery,
    CourseQuery,
    FeedbackQuery,
    InstituteQuery,
    LeaveRequestQuery,
    MeetingQuery,
    NoticeQuery,
    ParentQuery,
    ProgressQuery,
    RoutineQuery,
    StaffQuery,
    StudentQuery,
    SubjectQuery,
);

/// What can be done.
#[derive(MergedObject, Default)]
pub struct Mutation(
    SignInMutation,
    AdmissionMutation,
    AttendanceMutation,
    BatchMutation,
    CourseMutation,
    FeedbackMutation,
    InstituteMutation,
    LeaveMutation,
    MeetingMutation,
    NoticeMutation,
    ParentMutation,
    ProfileMutation,
    ProgressMutation,
    RoutineMutation,
    StaffLeavingMutation,
    StaffMutation,
    StudentMutation,
    SubjectMutation,
);

/// The schema.
pub type RollcallSchema = Schema<Query, Mutation, EmptySubscription>;

/// Makes the schema, with the policy that its own SDL states.
pub fn schema() -> Result<RollcallSchema> {
    let build = || Schema::build(Query::default(), Mutation::default(), EmptySubscription);
    let policy = Policy::from_sdl(&build().finish().sdl())?;
    Ok(build().data(policy).limit_depth(MAX_DEPTH).limit_complexity(MAX_FIELDS).limit_recursive_depth(64).finish())
}

/// The schema in SDL, with every field's statement.
pub fn sdl() -> Result<String> {
    Ok(schema()?.sdl())
}
