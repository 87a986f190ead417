//! Global object identification: <https://relay.dev/graphql/objectidentification.htm>.

use std::collections::HashMap;

use async_graphql::{Context, ID, Interface, Object};

use super::{
    Call,
    statement::{auth, root},
};
use crate::{
    access::api::AccessEntry,
    api_keys::api::ApiKey,
    attendance::api::{AttendanceRecord, AttendanceSession},
    audit::api::AuditEntry,
    auth::{api::Account, sets::ANYONE},
    batches::api::Batch,
    courses::api::Course,
    error::Result,
    exports::api::Export,
    feedback::api::{InstituteFeedback, TeacherFeedback},
    ids::Kind,
    institute::api::{self as institute, Institute},
    jobs::api::Job,
    leave::api::LeaveRequest,
    meetings::api::Meeting,
    notices::api::Notice,
    notifications::{api::Notification, device_api::Device},
    parents::api::Parent,
    progress::api::{CourseTracking, SubjectProgress},
    routines::api::Routine,
    sessions::api::Session,
    staff::api::Staff,
    students::api::Student,
    subjects::api::{StudyFile, Subject},
};

/// Whatever has a global id.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id: opaque, and of this type alone."))]
pub enum Node {
    /// An entry of the access log.
    AccessEntry(AccessEntry),
    /// An account.
    Account(Account),
    /// An API key.
    ApiKey(ApiKey),
    /// How a student attended a session.
    AttendanceRecord(AttendanceRecord),
    /// One class of a routine, as it was marked.
    AttendanceSession(AttendanceSession),
    /// An entry of the audit log.
    AuditEntry(AuditEntry),
    /// A batch.
    Batch(Batch),
    /// A course.
    Course(Course),
    /// A student's way through a course.
    CourseTracking(CourseTracking),
    /// A device that push messages go to.
    Device(Device),
    /// The institute.
    Institute(Institute),
    /// Feedback on the institute.
    InstituteFeedback(InstituteFeedback),
    /// An export of attendance.
    Export(Export),
    /// A job of the queue.
    Job(Job),
    /// A leave request.
    LeaveRequest(LeaveRequest),
    /// A meeting.
    Meeting(Meeting),
    /// A notice.
    Notice(Notice),
    /// A row of an inbox.
    Notification(Notification),
    /// A parent.
    Parent(Parent),
    /// A weekly slot.
    Routine(Routine),
    /// Where somebody is signed in.
    Session(Session),
    /// A staff member.
    Staff(Staff),
    /// A student.
    Student(Student),
    /// A file to study.
    StudyFile(StudyFile),
    /// A subject.
    Subject(Subject),
    /// A student's way through a subject.
    SubjectProgress(SubjectProgress),
    /// Feedback on a teacher.
    TeacherFeedback(TeacherFeedback),
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
        find(call, kind, number).await
    }
}

/// The object of a type with a number, if the viewer reaches it.
pub(super) async fn find(call: &Call, kind: Kind, number: i64) -> Result<Option<Node>> {
    Ok(find_all(call, kind, vec![number]).await?.remove(&number))
}

/// The objects of a type with these numbers that the viewer reaches, by number.
pub async fn find_all(call: &Call, kind: Kind, ids: Vec<i64>) -> Result<HashMap<i64, Node>> {
    Ok(match kind {
        Kind::AccessEntry => nodes(AccessEntry::by_ids(call, ids).await?),
        Kind::Account => nodes(Account::by_ids(call, ids).await?),
        Kind::ApiKey => nodes(ApiKey::by_ids(call, ids).await?),
        Kind::AttendanceRecord => nodes(AttendanceRecord::by_ids(call, ids).await?),
        Kind::AttendanceSession => nodes(AttendanceSession::by_ids(call, ids).await?),
        Kind::AuditEntry => nodes(AuditEntry::by_ids(call, ids).await?),
        Kind::Batch => nodes(Batch::by_ids(call, ids).await?),
        Kind::Course => nodes(Course::by_ids(call, ids).await?),
        Kind::CourseTracking => nodes(CourseTracking::by_ids(call, ids).await?),
        Kind::Export => nodes(Export::by_ids(call, ids).await?),
        Kind::Device => nodes(Device::by_ids(call, ids).await?),
        Kind::Institute => institute::load(call).await?.map(|institute| (1, institute.into())).into_iter().collect(),
        Kind::InstituteFeedback => nodes(InstituteFeedback::by_ids(call, ids).await?),
        Kind::LeaveRequest => nodes(LeaveRequest::by_ids(call, ids).await?),
        Kind::Meeting => nodes(Meeting::by_ids(call, ids).await?),
        Kind::Notice => nodes(Notice::by_ids(call, ids).await?),
        Kind::Job => nodes(Job::by_ids(call, ids).await?),
        Kind::Notification => nodes(Notification::by_ids(call, ids).await?),
        Kind::Parent => nodes(Parent::by_ids(call, ids).await?),
        Kind::Routine => nodes(Routine::by_ids(call, ids).await?),
        Kind::Session => nodes(Session::by_ids(call, ids).await?),
        Kind::Staff => nodes(Staff::by_ids(call, ids).await?),
        Kind::Student => nodes(Student::by_ids(call, ids).await?),
        Kind::StudyFile => nodes(StudyFile::by_ids(call, ids).await?),
        Kind::Subject => nodes(Subject::by_ids(call, ids).await?),
        Kind::SubjectProgress => nodes(SubjectProgress::by_ids(call, ids).await?),
        Kind::TeacherFeedback => nodes(TeacherFeedback::by_ids(call, ids).await?),
    })
}

fn nodes<T: Into<Node>>(found: HashMap<i64, T>) -> HashMap<i64, Node> {
    found.into_iter().map(|(number, object)| (number, object.into())).collect()
}
