//! What an event is about, as somebody who is told of it may know it: asked by their own row scope, whenever they are told.

use super::due::local;
use crate::{
    attendance::model::{AttendanceStatus, SessionRow},
    auth::{Role, RoleSet, Scope, Viewer},
    change::Actor,
    error::Result,
    events::model::{EventKind, EventRow},
    exports::model::ExportRow,
    graphql::{MAX_LIST, Services},
    ids::Kind,
    leave::{
        can,
        model::{LeaveRequestRow, LeaveStatus},
        mutation::DECIDING,
    },
    meetings::model::{MeetingRow, MeetingStatus},
    messages::News,
    notices::model::{AudienceKind, AudienceRole, AudienceRow, NoticeRow},
    read,
    students::model::StudentRow,
};

/// As whom somebody is told of a decision about leave: as who is away, or as a parent.
const AWAY: RoleSet = RoleSet::of(&[Role::Student, Role::Parent, Role::Own]);

/// What an event is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A student who is absent from a class.
    Absence(Box<StudentRow>, SessionRow),
    /// A meeting.
    Meeting(Box<MeetingRow>),
    /// A leave request.
    Leave(Box<LeaveRequestRow>),
    /// A notice.
    Notice(Box<NoticeRow>),
    /// An export that they asked for.
    Export(Box<ExportRow>),
}

/// The row that was read, and the roles by which it was reached.
fn one<R>(rows: Vec<(R, i32)>) -> Option<(R, RoleSet)> {
    rows.into_iter().next().map(|(row, granted)| (row, RoleSet::from_bits(granted)))
}

/// What an event is about, where somebody reaches it and it is so still. That a child is absent is told to who reaches the
/// child as a parent, and that leave is asked for to who may decide about it.
pub async fn reached(services: &Services, viewer: &Viewer, event: &EventRow) -> Result<Option<Subject>> {
    let (db, scope, id) = (&services.db, viewer.scope(), event.subject_id);
    Ok(match event.kind {
        EventKind::StudentAbsent => absence(services, &scope.only(Role::Parent), event).await?,
        EventKind::MeetingRequested
        | EventKind::MeetingScheduled
        | EventKind::MeetingMoved
        | EventKind::MeetingCancelled => {
            let meeting = one(read!(db, meetings::by_ids(&scope, &[id]))?).map(|(meeting, _)| meeting);
            meeting.filter(|meeting| is_so(event.kind, meeting)).map(|meeting| Subject::Meeting(Box::new(meeting)))
        }
        EventKind::LeaveRequested => {
            let actor = Actor { scope, may: DECIDING, now: services.clock.now() };
            let may_decide = |(row, granted): &(LeaveRequestRow, RoleSet)| {
                actor.by(*granted).is_some_and(|by| can::decide(&actor, row, by).is_yes())
            };
            let request = one(read!(db, leave::by_ids(&scope, &[id]))?).filter(may_decide);
            request.map(|(row, _)| Subject::Leave(Box::new(row)))
        }
        EventKind::LeaveDecided => {
            let is_so = |(row, granted): &(LeaveRequestRow, RoleSet)| {
                granted.meets(AWAY) && row.status != LeaveStatus::Withdrawn
            };
            let request = one(read!(db, leave::by_ids(&scope, &[id]))?).filter(is_so);
            request.map(|(row, _)| Subject::Leave(Box::new(row)))
        }
        EventKind::NoticePublished => notice(services, &scope, id).await?,
        EventKind::ExportReady => {
            let export = one(read!(db, exports::by_ids(&scope, &[id]))?);
            export.map(|(row, _)| Subject::Export(Box::new(row)))
        }
        EventKind::AttendanceMarked | EventKind::MeetingCompleted => None,
    })
}

async fn absence(services: &Services, scope: &Scope, event: &EventRow) -> Result<Option<Subject>> {
    let (db, student) = (&services.db, event.student_id.unwrap_or(0));
    let Some((student, _)) = one(read!(db, students::by_ids(scope, &[student]))?) else { return Ok(None) };
    let Some((session, _)) = one(read!(db, attendance::by_ids(scope, &[event.subject_id]))?) else { return Ok(None) };
    let marks = read!(db, attendance::marks_of_session(scope, session.id))?;
    let absent = marks.contains(&(student.id, AttendanceStatus::Absent)) && session.held;
    Ok(absent.then(|| Subject::Absence(Box::new(student), session)))
}

/// A notice whose audience somebody is in. An ADMIN reaches every notice, and is told of those that are for administrators.
async fn notice(services: &Services, scope: &Scope, id: i64) -> Result<Option<Subject>> {
    let Some((notice, granted)) = one(read!(services.db, notices::by_ids(scope, &[id]))?) else { return Ok(None) };
    if notice.withdrawn_at.is_some() {
        return Ok(None);
    }
    if granted.within(RoleSet::of(&[Role::Admin, Role::Own])) {
        let audience = read!(services.db, notices::audiences(scope, &[id], &MAX_LIST))?;
        let is_in =
            |group: &AudienceRow| group.kind == AudienceKind::Everybody || group.role == Some(AudienceRole::Admin);
        if !audience.iter().any(|(_, group, _)| is_in(group)) {
            return Ok(None);
        }
    }
    Ok(Some(Subject::Notice(Box::new(notice))))
}

/// Whether a meeting stands as an event has it: of what has become of it since, another event tells.
fn is_so(kind: EventKind, meeting: &MeetingRow) -> bool {
    match kind {
        EventKind::MeetingRequested => meeting.status == MeetingStatus::Requested,
        EventKind::MeetingCancelled => meeting.status == MeetingStatus::Cancelled,
        _ => meeting.status.is_open(),
    }
}

impl Subject {
    /// What somebody is told of it, as the notification with this number has it.
    pub async fn news(self, services: &Services, viewer: &Viewer, event: &EventRow, notification: i64) -> Result<News> {
        let (db, seal, scope) = (&services.db, &services.seal, viewer.scope());
        let news = News {
            kind: event.kind,
            notification: seal.id(Kind::Notification, notification).to_string(),
            subject: seal.id(event.kind.subject(), event.subject_id).to_string(),
            student: None,
            title: None,
            days: None,
            time: None,
            granted: None,
        };
        Ok(match self {
            Self::Absence(student, session) => {
                let scope = scope.only(Role::Parent);
                let subject = one(read!(db, subjects::by_ids(&scope, &[session.subject_id]))?);
                let routine = one(read!(db, routines::by_ids(&scope, &[session.routine_id]))?);
                News {
                    student: Some(student.name),
                    title: subject.map(|(subject, _)| subject.name),
                    days: Some((session.date, session.date)),
                    time: routine.map(|(routine, _)| session.date.and_time(routine.starts_at)),
                    ..news
                }
            }
            Self::Meeting(meeting) => {
                let students = read!(db, students::of_meetings(&scope, &[meeting.id], &MAX_LIST))?;
                let names: Vec<String> = students.into_iter().map(|(_, student, _)| student.name).collect();
                let zone = read!(db, institute::zone())?;
                News {
                    student: Some(names.join(", ")).filter(|names| !names.is_empty()),
                    time: Some(local(meeting.starts_at, zone)),
                    ..news
                }
            }
            Self::Leave(request) => {
                let student = match request.student_id {
                    Some(student) => one(read!(db, students::by_ids(&scope, &[student]))?),
                    None => None,
                };
                News {
                    student: student.map(|(student, _)| student.name),
                    days: Some((request.first_day, request.last_day)),
                    granted: match request.status {
                        LeaveStatus::Approved => Some(true),
                        LeaveStatus::Rejected => Some(false),
                        LeaveStatus::Pending | LeaveStatus::Withdrawn => None,
                    },
                    ..news
                }
            }
            Self::Notice(notice) => News { title: Some(notice.title), ..news },
            Self::Export(export) => {
                let course = one(read!(db, courses::by_ids(&scope, &[export.course_id]))?);
                let days = Some((export.first_day, export.last_day));
                News { title: course.map(|(course, _)| course.name), days, ..news }
            }
        })
    }
}
