//! How far students are in their courses and subjects.

use super::{
    academics,
    data::{Class, Data, Draw, Kind, Plan, index, number, shift, shift_months},
    rows::{Progress, Tracking},
};
use crate::progress::model::completion;

/// Trackings of all who are in a course, and the progress in its subjects that they follow from.
pub fn trackings(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    let mut subjects: Vec<Vec<(i64, i32)>> = vec![Vec::new(); data.courses.len()];
    for subject in &data.subjects {
        subjects[index(subject.course_id)].push((subject.id, subject.period));
    }
    let mut steady = 0;
    for i in 0..data.pupils.len() {
        let Some(k) = data.pupils[i].class else { continue };
        let (kind, intake, course) = (data.pupils[i].kind, data.classes[k].intake, data.classes[k].course);
        let dropped = kind == Kind::Away && i % 2 == 0;
        let before = data.progress.len();
        for &(subject, period) in subjects[course].iter().filter(|(_, period)| *period <= data.classes[k].period) {
            let class = &data.classes[k];
            let (status, completion) = in_subject(data, plan, draw, class, kind, dropped, period);
            data.progress.push(Progress {
                id: number(data.progress.len()),
                student_id: number(i),
                subject_id: subject,
                status,
                completion,
                notes: (status == "IN_PROGRESS" && period < class.period).then_some("To be taken again."),
            });
        }
        let completed = data.progress[before..].iter().filter(|progress| progress.status == "COMPLETED").count();
        let [completed, subjects_in_all] = [completed, subjects[course].len()].map(|n| i64::try_from(n).unwrap_or(0));
        let completion = completion(completed, subjects_in_all, &data.counts[i]);
        let mut tracking = tracking(data, plan, i, k, completion, dropped);
        if kind == Kind::Plain && intake > 0 {
            steady += 1;
            if steady % 40 == 3 {
                changed_course(data, plan, &mut tracking, &subjects);
            }
        }
        tracking.id = number(data.trackings.len());
        data.trackings.push(tracking);
    }
}

fn in_subject(
    data: &Data,
    plan: &Plan,
    draw: &mut Draw,
    class: &Class,
    kind: Kind,
    dropped: bool,
    period: i32,
) -> (&'static str, f64) {
    let percent = |whole: i64| f64::from(i32::try_from(whole).unwrap_or(0));
    if kind == Kind::Done {
        return ("COMPLETED", 100.0);
    }
    if period < class.period {
        // Now and then something is left behind.
        return if draw.chance(4) { ("IN_PROGRESS", percent(draw.between(30, 60))) } else { ("COMPLETED", 100.0) };
    }
    let (begins, ends) = academics::period_of(data, plan, class);
    let elapsed = (100 * (plan.today - begins).num_days() / (ends - begins).num_days().max(1)).clamp(1, 90);
    match kind {
        Kind::Newcomer => ("NOT_STARTED", 0.0),
        _ if dropped => ("DROPPED", percent(elapsed / 2)),
        _ if draw.chance(9) => ("COMPLETED", 100.0),
        _ => ("IN_PROGRESS", percent((elapsed * draw.between(70, 120) / 100).clamp(1, 95))),
    }
}

fn tracking(data: &Data, plan: &Plan, i: usize, k: usize, completion: f64, dropped: bool) -> Tracking {
    let (pupil, class) = (&data.pupils[i], &data.classes[k]);
    let years = data.courses[class.course].duration_years;
    let (period_started_on, period_ends_on) = academics::period_of(data, plan, class);
    let (status, actual_end, notes) = match pupil.kind {
        Kind::Done => ("COMPLETED", pupil.until, Some("Finished with every subject completed.")),
        Kind::Newcomer => ("NOT_STARTED", None, None),
        _ if dropped => ("DROPPED", pupil.until, Some("Left to work abroad.")),
        _ => ("IN_PROGRESS", None, None),
    };
    Tracking {
        id: 0,
        student_id: pupil.number,
        course_id: number(class.course),
        enrolled_on: pupil.enrolled,
        started_on: pupil.joined,
        expected_end: shift_months(pupil.joined, 12 * years),
        actual_end,
        status,
        completion,
        current_period: class.period,
        period_started_on,
        period_ends_on,
        notes,
    }
}

/// Lets a student have begun another course, six weeks before this one.
fn changed_course(data: &mut Data, plan: &Plan, tracking: &mut Tracking, subjects: &[Vec<(i64, i32)>]) {
    let other = index(tracking.course_id) + 1;
    let other = if other == plan.size.courses { 0 } else { other };
    let course = &data.courses[other];
    let months = i32::try_from(course.months()).unwrap_or(12);
    let (enrolled_on, started_on) = (tracking.enrolled_on, tracking.started_on);
    let changed = shift(started_on, 45);
    data.trackings.push(Tracking {
        id: number(data.trackings.len()),
        student_id: tracking.student_id,
        course_id: course.id,
        enrolled_on,
        started_on,
        expected_end: shift_months(started_on, 12 * course.duration_years),
        actual_end: Some(changed),
        status: "DROPPED",
        completion: 0.0,
        current_period: 1,
        period_started_on: started_on,
        period_ends_on: shift(shift_months(started_on, months), -1),
        notes: Some("Changed course."),
    });
    data.progress.push(Progress {
        id: number(data.progress.len()),
        student_id: tracking.student_id,
        subject_id: subjects[other][0].0,
        status: "DROPPED",
        completion: 20.0,
        notes: None,
    });
    tracking.enrolled_on = changed;
    tracking.started_on = changed;
    tracking.expected_end = shift_months(changed, 12 * data.courses[index(tracking.course_id)].duration_years);
}
