//! Attendance of a term, up to yesterday.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate, TimeDelta, Timelike};

use super::{
    data::{Class, Data, Draw, Plan, Pupil, at, index, number},
    rows::{AttendanceStatus, Correction, Session},
};
use crate::attendance::{marking::Mark, model::Counts};

/// A session for each routine on each school day that it runs. Some classes were not held; of those, some were marked
/// before they were called off, and have records that count for nobody.
pub fn sessions(data: &mut Data, plan: &Plan, staff_away: &HashMap<i64, Vec<(NaiveDate, NaiveDate)>>, draw: &mut Draw) {
    for day in &plan.days {
        let weekday = 1 << day.weekday().num_days_from_monday();
        for (k, class) in data.classes.iter().enumerate() {
            for routine in data.routines[class.routines.clone()].iter().filter(|r| r.weekdays & weekday != 0) {
                let on_leave = staff_away.get(&routine.teacher_id).is_some_and(|away| covers(away, *day));
                let called_off = draw.chance(3);
                let held = !on_leave && !called_off;
                let recorded = held || (called_off && !on_leave && draw.chance(40));
                let ends = routine.ends_at;
                data.sessions.push(Session {
                    id: number(data.sessions.len()),
                    routine_id: routine.id,
                    subject_id: routine.subject_id,
                    date: *day,
                    teacher_id: routine.teacher_id,
                    held,
                    // Now and then somebody else minds the class.
                    teacher_attended: !on_leave && !draw.chance(1),
                    marked_at: at(*day, ends.hour().into(), i64::from(ends.minute()) + draw.between(0, 9)),
                });
                data.session_classes.push((k, recorded));
            }
        }
    }
}

/// Whether a day is in one of the spans.
pub fn covers(spans: &[(NaiveDate, NaiveDate)], day: NaiveDate) -> bool {
    spans.iter().any(|(first, last)| *first <= day && day <= *last)
}

impl Data {
    /// Every record of attendance, session by session.
    pub fn records(&self) -> impl Iterator<Item = Mark> + Send + '_ {
        self.sessions.iter().zip(&self.session_classes).filter(|(_, (_, recorded))| *recorded).flat_map(
            |(session, (class, _))| {
                let present = present_members(self, &self.classes[*class], session.date);
                present.map(|pupil| Mark {
                    session_id: session.id,
                    student_id: pupil.number,
                    status: status(self.seed, pupil, session),
                    date: session.date,
                    subject_id: session.subject_id,
                    held: session.held,
                })
            },
        )
    }
}

/// Who was in a class on a day.
fn present_members<'a>(data: &'a Data, class: &'a Class, day: NaiveDate) -> impl Iterator<Item = &'a Pupil> + Send {
    class
        .members
        .iter()
        .map(|member| &data.pupils[*member])
        .filter(move |pupil| pupil.joined <= day && pupil.until.is_none_or(|until| day <= until))
}

/// How a student attended: excused on approved leave; else absent for whole days, as people are, or late for a lesson.
fn status(seed: u64, pupil: &Pupil, session: &Session) -> AttendanceStatus {
    if covers(&pupil.away, session.date) {
        return AttendanceStatus::Excused;
    }
    if pupil.absence == 0 {
        return AttendanceStatus::Present;
    }
    let of_day = mix(seed, pupil.number, session.date.num_days_from_ce().into());
    let of_lesson = mix(!seed, pupil.number, session.id) % 1000;
    if of_day % 1000 < pupil.absence || of_lesson < 8 {
        AttendanceStatus::Absent
    } else if of_lesson < 55 {
        AttendanceStatus::Late
    } else {
        AttendanceStatus::Present
    }
}

/// A hash that looks like chance (the finalizer of SplitMix64): the same for the same three, in whatever order they come.
fn mix(seed: u64, a: i64, b: i64) -> u64 {
    let mut z = seed.wrapping_add(a.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ b.unsigned_abs()).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Adds the records up by student: progress goes by it.
pub fn count(data: &mut Data) {
    let mut counts = vec![Counts::default(); data.pupils.len()];
    let mut records = 0;
    for record in data.records() {
        records += 1;
        if record.held {
            let counts = &mut counts[index(record.student_id)];
            match record.status {
                AttendanceStatus::Present => counts.present += 1,
                AttendanceStatus::Absent => counts.absent += 1,
                AttendanceStatus::Late => counts.late += 1,
                AttendanceStatus::Excused => counts.excused += 1,
            }
        }
    }
    data.counts = counts;
    data.record_count = records;
}

/// A few marks that were corrected, within the hour or so, by the teacher or the HOD of the course.
pub fn corrections(data: &mut Data, plan: &Plan) {
    use AttendanceStatus::*;
    let mut corrections = Vec::new();
    for (session, (k, _)) in data.sessions.iter().zip(&data.session_classes).filter(|(s, _)| s.held && s.id % 41 == 7) {
        let class = &data.classes[*k];
        let turn = corrections.len();
        let Some(pupil) = present_members(data, class, session.date).nth(turn % 7) else { continue };
        let to_status = status(data.seed, pupil, session);
        let (from_status, reason) = match to_status {
            Present => (Absent, "Was there, and overlooked."),
            Late => (Absent, "Came in after the roll was called."),
            Absent => (Present, "Had left by then."),
            Excused => (Absent, "Is on leave."),
        };
        let by = if turn % 4 == 3 { data.courses[class.course].hod_id } else { session.teacher_id };
        corrections.push(Correction {
            id: number(turn),
            session_id: session.id,
            student_id: pupil.number,
            from_status,
            to_status,
            reason: (turn % 3 != 2).then_some(reason),
            corrected_by: data.staff_account(by),
            corrected_at: session.marked_at + TimeDelta::minutes(40),
        });
        if corrections.len() == 30 + plan.size.classes {
            break;
        }
    }
    data.corrections = corrections;
}
