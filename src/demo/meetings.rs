//! Parents' meetings with the teachers of their children.

use std::collections::HashSet;

use chrono::{NaiveDate, TimeDelta};

use super::{
    cast,
    data::{Data, Draw, Kind, Plan, at, number, shift},
    people,
    rows::{Meeting, MeetingParent, MeetingStudent},
};

/// Where a meeting stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Took place, with notes.
    Completed,
    /// Is to come.
    Scheduled,
    /// Is to come, at another time than first agreed.
    Rescheduled,
    /// Was to come, and will not.
    Cancelled,
    /// Was to be, and did not take place.
    CancelledPast,
    /// Is over, and waits for its notes.
    Overdue,
}

const STATES: [State; 8] = [
    State::Completed,
    State::Scheduled,
    State::Completed,
    State::Cancelled,
    State::Rescheduled,
    State::Scheduled,
    State::Overdue,
    State::CancelledPast,
];

/// What has been agreed: nobody is in two meetings at once.
#[derive(Default)]
struct Agreed(HashSet<(bool, i64, NaiveDate, i64)>);

impl Agreed {
    /// The first half hour from a day on in which everybody is free, after lessons; taken from now on.
    fn slot(&mut self, staff: i64, parents: &[i64], from: NaiveDate, step: i64) -> (NaiveDate, i64) {
        let mut day = from;
        loop {
            for slot in 0..4 {
                let who = || parents.iter().map(|parent| (true, *parent)).chain([(false, staff)]);
                if who().all(|(parent, id)| !self.0.contains(&(parent, id, day, slot))) {
                    self.0.extend(who().map(|(parent, id)| (parent, id, day, slot)));
                    return (day, slot);
                }
            }
            day = shift(day, step);
        }
    }
}

/// Meetings in every state, for one student in five; first those of the cast.
pub fn all(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    let mut agreed = Agreed::default();
    for i in 0..data.pupils.len() {
        let states: &[State] = match data.pupils[i].kind {
            Kind::Cast(cast::STUDENT) => &[State::Completed, State::Scheduled, State::Overdue, State::Cancelled],
            Kind::Cast(cast::ONLY_CHILD) => &[State::Completed, State::Scheduled, State::Rescheduled],
            Kind::Cast(_) => &[State::Scheduled],
            _ => continue,
        };
        for state in states {
            meeting(data, plan, draw, &mut agreed, i, *state);
        }
    }
    let mut turn = 0;
    for i in 0..data.pupils.len() {
        if matches!(data.pupils[i].kind, Kind::Plain | Kind::Late) && draw.chance(20) {
            meeting(data, plan, draw, &mut agreed, i, STATES[turn % STATES.len()]);
            turn += 1;
        }
    }
}

fn meeting(data: &mut Data, plan: &Plan, draw: &mut Draw, agreed: &mut Agreed, i: usize, state: State) {
    let pupil = &data.pupils[i];
    let Some(class) = pupil.class else { return };
    let teachers = data.teachers_of(&data.classes[class]);
    let of_cast = people::teacher(plan, 0);
    let cast = matches!(pupil.kind, Kind::Cast(_)) && teachers.contains(&of_cast);
    let staff = if cast { of_cast } else { draw.pick(&teachers) };
    let parents: Vec<i64> =
        pupil.parents.iter().take(if draw.chance(30) { 2 } else { 1 }).map(|p| number(*p)).collect();
    let past = matches!(state, State::Completed | State::CancelledPast | State::Overdue);
    let (day, slot) = if past {
        agreed.slot(staff, &parents, plan.some_day(draw), -1)
    } else {
        agreed.slot(staff, &parents, plan.ahead(draw.between(1, 21)), 1)
    };
    let starts_at = at(day, 17, 30 + 30 * slot);
    let ends_at = starts_at + TimeDelta::minutes(30);
    let cancelled = matches!(state, State::Cancelled | State::CancelledPast);
    let open = matches!(state, State::Scheduled | State::Rescheduled | State::Overdue);
    let online = draw.chance(35);
    let id = number(data.meetings.len());
    data.meetings.push(Meeting {
        id,
        staff_id: staff,
        starts_at,
        ends_at,
        status: match state {
            State::Completed => "COMPLETED",
            State::Scheduled | State::Overdue => "SCHEDULED",
            State::Rescheduled => "RESCHEDULED",
            State::Cancelled | State::CancelledPast => "CANCELLED",
        },
        open,
        agenda: draw.pick(&[
            "Attendance in the last weeks.",
            "How the term has begun.",
            "Choice of the project.",
            "Preparing for the examinations.",
        ]),
        notes: (state == State::Completed).then_some("Agreed on an hour of reading a day, and to meet again."),
        cancellation_reason: cancelled.then_some("The parent is travelling."),
        online,
        link: online.then(|| format!("https://meet.example.org/demo-{id}")),
        created_at: at(shift(day, -draw.between(5, 10)).min(plan.yesterday()), 12, 15),
    });
    data.meeting_students.push(MeetingStudent { meeting_id: id, student_id: number(i) });
    data.meeting_parents.extend(parents.into_iter().map(|parent_id| MeetingParent {
        meeting_id: id,
        parent_id,
        starts_at,
        ends_at,
        open,
    }));
}
