//! That something became of meetings, and whom it concerns; compiled for both databases.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, events_write};
use crate::{
    change::Act,
    db::schema::{meeting_parents, meeting_students, routines},
    error::Result,
    events::model::{EventKind, NewEvent, Topic},
    meetings::model::MeetingRow,
};

/// Raises what became of meetings. It concerns who holds one, the parents who take part, the students whom it is about, and
/// the courses in which the teacher teaches: whoever heads one of those reaches the meeting.
pub async fn raise(cx: &mut Cx, act: &Act, kind: EventKind, meetings: &[MeetingRow]) -> Result<()> {
    if meetings.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = meetings.iter().map(|meeting| meeting.id).collect();
    let teachers: Vec<i64> = meetings.iter().map(|meeting| meeting.staff_id).collect();
    let parents = meeting_parents::table
        .filter(meeting_parents::meeting_id.eq_any(&ids))
        .select((meeting_parents::meeting_id, meeting_parents::parent_id));
    let parents: Vec<(i64, i64)> = parents.load(cx).await?;
    let students = meeting_students::table
        .filter(meeting_students::meeting_id.eq_any(&ids))
        .select((meeting_students::meeting_id, meeting_students::student_id));
    let students: Vec<(i64, i64)> = students.load(cx).await?;
    let courses = routines::table
        .filter(routines::active)
        .filter(routines::teacher_id.eq_any(&teachers))
        .select((routines::teacher_id, routines::course_id))
        .distinct();
    let courses: Vec<(i64, i64)> = courses.load(cx).await?;

    let mut topics: HashMap<i64, Vec<Topic>> = HashMap::new();
    for (meeting, topic) in parents
        .into_iter()
        .map(|(meeting, parent)| (meeting, Topic::Parent(parent)))
        .chain(students.into_iter().map(|(meeting, student)| (meeting, Topic::Student(student))))
    {
        topics.entry(meeting).or_default().push(topic);
    }
    let event = |meeting: &MeetingRow| {
        let mut topics = topics.remove(&meeting.id).unwrap_or_default();
        topics.push(Topic::Staff(meeting.staff_id));
        let taught = courses.iter().filter(|(teacher, _)| *teacher == meeting.staff_id);
        topics.extend(taught.map(|(_, course)| Topic::Course(*course)));
        NewEvent { kind, subject: meeting.id, student: None, topics }
    };
    let events = meetings.iter().map(event).collect();
    events_write::raise_all(cx, act, events).await
}
