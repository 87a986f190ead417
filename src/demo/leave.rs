//! Leave: asked for by students, their parents and staff; decided by the HOD of the course, or an ADMIN.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::{
    cast,
    data::{Data, Draw, Kind, Plan, at, number, shift},
    people,
    rows::Leave,
};

const STUDENT_REASONS: [&str; 6] = [
    "A cold, and the doctor says to stay in bed.",
    "My sister is getting married.",
    "An appointment at the hospital.",
    "A match with the county team.",
    "We are moving house.",
    "A visit to my grandparents in the hills.",
];
const STAFF_REASONS: [&str; 4] =
    ["A conference.", "My daughter's graduation.", "An operation, long put off.", "A few days of rest."];

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Approved,
    Rejected,
    Pending,
}

struct Request {
    student: Option<i64>,
    staff: Option<i64>,
    requested_by: i64,
    decided_by: i64,
    span: (NaiveDate, NaiveDate),
    fate: Fate,
    message: &'static str,
}

fn ask(data: &mut Data, plan: &Plan, draw: &mut Draw, request: &Request) {
    let decided = request.fate != Fate::Pending;
    let latest = if decided { shift(plan.yesterday(), -1) } else { plan.yesterday() };
    let asked = shift(request.span.0, -draw.between(2, 6)).min(latest);
    data.leave.push(Leave {
        id: number(data.leave.len()),
        student_id: request.student,
        staff_id: request.staff,
        requested_by: request.requested_by,
        first_day: request.span.0,
        last_day: request.span.1,
        message: request.message,
        status: match request.fate {
            Fate::Approved => "APPROVED",
            Fate::Rejected => "REJECTED",
            Fate::Pending => "PENDING",
        },
        decided_by: decided.then_some(request.decided_by),
        decided_at: decided.then(|| at(shift(asked, 1), 16, 30)),
        remark: match request.fate {
            Fate::Rejected => Some("There is an examination in that week."),
            Fate::Approved if draw.chance(30) => Some("Get the notes from a classmate."),
            _ => None,
        },
        created_at: at(asked, 18, draw.between(0, 59)),
    });
}

/// Students' requests. Approved leave is kept with the student: attendance goes by it.
pub fn of_students(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    for i in 0..data.pupils.len() {
        let pupil = &data.pupils[i];
        let Some(class) = pupil.class else { continue };
        let hod = data.staff_account(data.courses[data.classes[class].course].hod_id);
        let own = pupil.account;
        let parent = pupil.parents.first().map_or(own, |parent| data.parents[*parent].account_id);
        let wanted: Vec<(Fate, bool)> = match pupil.kind {
            Kind::Cast(cast::STUDENT) => vec![(Fate::Approved, true), (Fate::Rejected, true), (Fate::Pending, false)],
            Kind::Cast(cast::SIBLING) => vec![(Fate::Pending, false)],
            Kind::Cast(_) => vec![(Fate::Approved, true)],
            Kind::Plain if draw.chance(24) => {
                let fate = draw.pick(&[Fate::Approved, Fate::Approved, Fate::Approved, Fate::Rejected, Fate::Pending]);
                vec![(fate, fate != Fate::Pending && draw.chance(80))]
            }
            _ => continue,
        };
        for (fate, past) in wanted {
            let first = if past { plan.some_day(draw) } else { plan.ahead(draw.between(1, 14)) };
            let span = (first, shift(first, draw.between(0, 2)));
            let by_parent = match data.pupils[i].kind {
                Kind::Cast(who) => who == cast::SIBLING,
                _ => draw.chance(40),
            };
            let decided_by = if draw.chance(10) { data.staff_account(people::ADMIN) } else { hod };
            let message = draw.pick(&STUDENT_REASONS);
            let requested_by = if by_parent { parent } else { own };
            let student = Some(number(i));
            ask(data, plan, draw, &Request { student, staff: None, requested_by, decided_by, span, fate, message });
            if fate == Fate::Approved {
                data.pupils[i].away.push(span);
            }
        }
    }
}

/// Requests of the staff who teach, and the days on which each is away.
pub fn of_staff(data: &mut Data, plan: &Plan, draw: &mut Draw) -> HashMap<i64, Vec<(NaiveDate, NaiveDate)>> {
    let mut hods: HashMap<i64, i64> = HashMap::new();
    for routine in data.routines.iter().filter(|routine| routine.active) {
        let hod = data.courses[super::data::index(routine.course_id)].hod_id;
        if hod != routine.teacher_id {
            hods.entry(routine.teacher_id).or_insert(hod);
        }
    }
    let mut away: HashMap<i64, Vec<(NaiveDate, NaiveDate)>> = HashMap::new();
    for i in 0..data.staff.len() {
        let staff = number(i);
        let wanted: Vec<(Fate, bool)> = match i64::try_from(plan.size.courses).map_or(0, |courses| staff - 2 - courses)
        {
            // The first teachers are in the cast: one request of each kind.
            1 => vec![(Fate::Approved, true), (Fate::Pending, false)],
            2 => vec![(Fate::Rejected, false)],
            _ if staff > 2 && draw.chance(35) => {
                vec![draw.pick(&[(Fate::Approved, true), (Fate::Rejected, true), (Fate::Pending, false)])]
            }
            _ => continue,
        };
        for (fate, past) in wanted {
            let first = if past { plan.some_day(draw) } else { plan.ahead(draw.between(2, 20)) };
            let span = (first, shift(first, draw.between(0, 1)));
            let request = Request {
                student: None,
                staff: Some(staff),
                requested_by: data.staff_account(staff),
                decided_by: data.staff_account(hods.get(&staff).copied().unwrap_or(people::ADMIN)),
                span,
                fate,
                message: draw.pick(&STAFF_REASONS),
            };
            ask(data, plan, draw, &request);
            if fate == Fate::Approved {
                away.entry(staff).or_default().push(span);
            }
        }
    }
    away
}
