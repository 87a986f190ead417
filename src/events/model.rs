//! Events, and whom they concern.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::{db::schema::events, ids::Kind, text_enum};

text_enum! {
    /// What happened.
    EventKind {
        /// A class was marked, or a mark was corrected. The subject is the session.
        AttendanceMarked = "ATTENDANCE_MARKED",
        /// A student is absent from a class. The subject is the session.
        StudentAbsent = "STUDENT_ABSENT",
        /// A parent asks for a meeting.
        MeetingRequested = "MEETING_REQUESTED",
        /// A meeting was offered, or what a parent asked for was accepted.
        MeetingScheduled = "MEETING_SCHEDULED",
        /// A meeting was moved to another time.
        MeetingMoved = "MEETING_MOVED",
        /// A meeting was called off.
        MeetingCancelled = "MEETING_CANCELLED",
        /// A meeting took place.
        MeetingCompleted = "MEETING_COMPLETED",
        /// Leave is asked for.
        LeaveRequested = "LEAVE_REQUESTED",
        /// Leave was decided about, or the decision was taken back.
        LeaveDecided = "LEAVE_DECIDED",
        /// A notice was published.
        NoticePublished = "NOTICE_PUBLISHED",
        /// An export is ready.
        ExportReady = "EXPORT_READY",
    }
}

impl EventKind {
    /// The type of the row that such an event is about.
    #[must_use]
    pub fn subject(self) -> Kind {
        match self {
            Self::AttendanceMarked | Self::StudentAbsent => Kind::AttendanceSession,
            Self::MeetingRequested
            | Self::MeetingScheduled
            | Self::MeetingMoved
            | Self::MeetingCancelled
            | Self::MeetingCompleted => Kind::Meeting,
            Self::LeaveRequested | Self::LeaveDecided => Kind::LeaveRequest,
            Self::NoticePublished => Kind::Notice,
            Self::ExportReady => Kind::Export,
        }
    }
}

/// Whom an event concerns, and of whom a subscriber wants to hear: one that has a topic of the other's is looked at, and
/// whether the viewer reaches what it is about is asked then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Everybody who may hear of such events at all.
    Everybody,
    /// The owner of an account.
    Account(i64),
    /// A student: themself, and their parents.
    Student(i64),
    /// A parent, themself.
    Parent(i64),
    /// A staff member, themself.
    Staff(i64),
    /// A course: who heads it.
    Course(i64),
}

impl Topic {
    /// How it is kept, and how instances tell it to each other.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Everybody => "everybody".to_owned(),
            Self::Account(id) => format!("account:{id}"),
            Self::Student(id) => format!("student:{id}"),
            Self::Parent(id) => format!("parent:{id}"),
            Self::Staff(id) => format!("staff:{id}"),
            Self::Course(id) => format!("course:{id}"),
        }
    }
}

/// An event to raise.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// The number of the row that it is about, of the type that the kind says.
    pub subject: i64,
    /// The student whom it is about, where it is about one.
    pub student: Option<i64>,
    /// Whom it concerns.
    pub topics: Vec<Topic>,
}

/// An event.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = events)]
#[expect(missing_docs, reason = "the columns' comments say what they are")]
pub struct EventRow {
    pub id: i64,
    pub kind: EventKind,
    pub subject_id: i64,
    pub student_id: Option<i64>,
    pub actor_account_id: Option<i64>,
    pub at: NaiveDateTime,
}
