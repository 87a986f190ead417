//! The schema: what every domain's part is made with, the roots, and the way a request is answered.

use async_graphql::{Enum, MergedObject, MergedSubscription, Schema, SchemaBuilder};

mod actions;
mod api;
mod call;
mod complete;
mod connection;
mod described;
mod documents;
mod limits;
mod live;
mod loaded;
mod moment;
mod node;
mod page;
mod payload;
mod published;
mod scalars;
mod statement;
mod visible;

pub use api::{Api, Options};
pub use call::{Asker, Call, FilterId, Services};
pub use connection::{Connection, Edge, Listed, MAX_PAGE, PageInfo, Paging, nested, wants_total};
pub use described::Described;
pub use documents::{Documents, Opened};
pub use limits::{Limits, Refusal};
pub use live::{Asking, Beat};
pub use loaded::{Loaded, Row};
pub use moment::{Once, Told, once, told};
pub use node::{Node, NodeQuery, find_all};
pub use page::authorization_page;
pub use payload::{UserError, UserErrorCode};
pub use published::Published;
pub use scalars::{Date, Time};
pub use statement::{FieldGuard, Policy, Stated, Statement, audited, auth, root, stated};
pub use visible::sdl_for;

use crate::{
    access::api::AccessQuery,
    api_keys::{api::ApiKeyQuery, mutation::ApiKeyMutation},
    attendance::{api::AttendanceQuery, mutation::AttendanceMutation, subscription::AttendanceSubscription},
    audit::api::AuditQuery,
    auth::{
        api::ViewerQuery, code_mutation::CodeMutation, factor_mutation::FactorMutation, mutation::ProfileMutation,
        sign_in::SignInMutation,
    },
    batches::{api::BatchQuery, mutation::BatchMutation},
    courses::{api::CourseQuery, mutation::CourseMutation},
    db::paging::Page,
    exports::{api::ExportQuery, mutation::ExportMutation},
    feedback::{api::FeedbackQuery, mutation::FeedbackMutation},
    institute::{api::InstituteQuery, mutation::InstituteMutation},
    jobs::{api::JobQuery, mutation::JobMutation},
    leave::{api::LeaveRequestQuery, mutation::LeaveMutation},
    meetings::{api::MeetingQuery, mutation::MeetingMutation, subscription::MeetingSubscription},
    notices::{api::NoticeQuery, mutation::NoticeMutation, subscription::NoticeSubscription},
    notifications::{
        api::NotificationQuery, device_api::DeviceQuery, device_mutation::DeviceMutation,
        mutation::NotificationMutation, settings_api::NotificationSettingsQuery,
        subscription::NotificationSubscription,
    },
    openid::{api::ProviderQuery, mutation::ProviderMutation},
    parents::{api::ParentQuery, mutation::ParentMutation},
    progress::{api::ProgressQuery, mutation::ProgressMutation},
    reports::api::ReportQuery,
    routines::{api::RoutineQuery, mutation::RoutineMutation},
    sessions::mutation::SessionMutation,
    staff::{api::StaffQuery, leaving_mutation::StaffLeavingMutation, mutation::StaffMutation},
    students::{admitting::AdmissionMutation, mutation::StudentMutation, query::StudentQuery},
    subjects::{api::SubjectQuery, mutation::SubjectMutation},
    telemetry::RootFields,
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
    NodeQuery,
    AccessQuery,
    ApiKeyQuery,
    AttendanceQuery,
    AuditQuery,
    BatchQuery,
    CourseQuery,
    ExportQuery,
    DeviceQuery,
    FeedbackQuery,
    InstituteQuery,
    JobQuery,
    LeaveRequestQuery,
    MeetingQuery,
    NoticeQuery,
    NotificationQuery,
    NotificationSettingsQuery,
    ParentQuery,
    ProgressQuery,
    ProviderQuery,
    ReportQuery,
    RoutineQuery,
    StaffQuery,
    StudentQuery,
    SubjectQuery,
);

/// What can be done.
#[derive(MergedObject, Default)]
pub struct Mutation(
    SignInMutation,
    CodeMutation,
    AdmissionMutation,
    ApiKeyMutation,
    AttendanceMutation,
    BatchMutation,
    CourseMutation,
    ExportMutation,
    DeviceMutation,
    FactorMutation,
    FeedbackMutation,
    InstituteMutation,
    JobMutation,
    LeaveMutation,
    MeetingMutation,
    NoticeMutation,
    NotificationMutation,
    ParentMutation,
    ProfileMutation,
    ProgressMutation,
    ProviderMutation,
    RoutineMutation,
    SessionMutation,
    StaffLeavingMutation,
    StaffMutation,
    StudentMutation,
    SubjectMutation,
);

/// What can be listened for. An operation has one of these fields, and is answered once for each thing that happens.
#[derive(MergedSubscription, Default)]
pub struct Subscription(AttendanceSubscription, MeetingSubscription, NoticeSubscription, NotificationSubscription);

/// The schema.
pub type RollcallSchema = Schema<Query, Mutation, Subscription>;

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    // A document that comes here is within `Limits`: the library, which would count again, has nothing to limit.
    Schema::build(Query::default(), Mutation::default(), Subscription::default()).limit_recursive_depth(usize::MAX)
}

/// Makes the schema, which enforces what is stated of it; its root fields have spans where it is `traced`. It does not
/// introspect: that is for the viewer's view of it.
#[must_use]
pub fn schema(policy: &Policy, traced: bool) -> RollcallSchema {
    let builder = builder().data(policy.clone()).disable_introspection();
    let builder = if traced { builder.extension(RootFields) } else { builder };
    builder.finish()
}

/// The schema in SDL, with every field's statement.
#[must_use]
pub fn sdl() -> String {
    builder().finish().sdl()
}
