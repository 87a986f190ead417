//! What students and parents say of teachers, and everybody of the institute.

use super::{
    cast,
    data::{Data, Draw, Kind, Plan, at, number},
    people,
    rows::{InstituteFeedback, TeacherFeedback},
};
use crate::feedback::model;

const OF_TEACHERS: [(i64, &str); 6] = [
    (10, "Explains until the last of us has understood."),
    (9, "The best lessons of the week."),
    (8, "Clear, and always on time."),
    (6, "Good, though a little fast."),
    (4, "Few examples, and the board is hard to read."),
    (3, "Homework is not always returned."),
];
const OF_INSTITUTE: [(i64, &str); 5] = [
    (9, "Friendly people, and things work."),
    (8, "The library is open late: thank you."),
    (6, "More sockets in the reading room, please."),
    (4, "The canteen queue is too long."),
    (2, "The projector in our room has been broken for a month."),
];
const TYPES: [&str; 5] = ["GENERAL", "FACILITIES", "TEACHING", "INFRASTRUCTURE", "ADMINISTRATION"];

/// Stars in halves, and some words or none.
fn opinion(draw: &mut Draw, of: &[(i64, &'static str)]) -> (i32, Option<&'static str>) {
    let (half_stars, message) = draw.pick(of);
    let half_stars = (half_stars + draw.between(-1, 1)).clamp(2, 10);
    (i32::try_from(half_stars).unwrap_or(5), draw.chance(80).then_some(message))
}

/// Feedback about teachers, by students whom they teach and by those students' parents.
pub fn of_teachers(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    for i in 0..data.pupils.len() {
        let pupil = &data.pupils[i];
        let Some(class) = pupil.class else { continue };
        let kind = pupil.kind;
        let star = matches!(kind, Kind::Cast(cast::STUDENT | cast::ONLY_CHILD));
        if kind == Kind::Newcomer || kind == Kind::Archived {
            continue;
        }
        let mut teachers = data.teachers_of(&data.classes[class]);
        draw.shuffle(&mut teachers);
        // The cast speaks of the teacher in the cast.
        teachers.sort_by_key(|teacher| *teacher != people::teacher(plan, 0));
        let parents: Vec<i64> = pupil.parents.iter().map(|parent| number(*parent)).collect();
        let written = if star || draw.chance(25) { 2 } else { usize::from(draw.chance(20)) };
        for teacher in teachers.iter().take(written) {
            say(data, plan, draw, *teacher, number(i), None);
        }
        for parent in parents {
            if star || draw.chance(14) {
                say(data, plan, draw, teachers[0], number(i), Some(parent));
            }
        }
    }
    let mut chance = Draw::new(plan.size.seed);
    for row in &mut data.teacher_feedback {
        row.id = model::number(row.created_at, chance.bytes());
    }
}

fn say(data: &mut Data, plan: &Plan, draw: &mut Draw, teacher_id: i64, student_id: i64, parent_id: Option<i64>) {
    let (half_stars, message) = opinion(draw, &OF_TEACHERS);
    let created_at = at(plan.some_day(draw), 19, draw.between(0, 59));
    data.teacher_feedback.push(TeacherFeedback {
        id: 0,
        teacher_id,
        student_id,
        parent_id,
        half_stars,
        message,
        created_at,
        updated_at: created_at,
    });
}

/// Feedback about the institute, some of it anonymous, some public, in all four ways to combine that.
pub fn of_institute(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    let cast = [cast::STUDENT, cast::PARENT, cast::ONLY_CHILD, cast::TEACHER];
    for account in 0..data.accounts.len() {
        let author = &data.accounts[account];
        if author.password_hash.is_none() || !author.active {
            continue;
        }
        let turn = cast.iter().position(|email| author.email.as_deref() == Some(email));
        let account_id = author.id;
        if turn.is_none() && !draw.chance(14) {
            continue;
        }
        let mut types = TYPES;
        draw.shuffle(&mut types);
        for (n, type_) in types.into_iter().take(1 + usize::from(turn.is_some() || draw.chance(20))).enumerate() {
            let (half_stars, message) = opinion(draw, &OF_INSTITUTE);
            let created_at = at(plan.some_day(draw), 20, draw.between(0, 59));
            let (anonymous, public) =
                turn.map_or_else(|| (draw.chance(30), draw.chance(55)), |turn| (n == 0, (turn + n) % 2 == 0));
            data.institute_feedback.push(InstituteFeedback {
                id: 0,
                account_id,
                type_,
                half_stars,
                message,
                anonymous,
                public,
                created_at,
                updated_at: created_at,
            });
        }
    }
    let mut chance = Draw::new(plan.size.seed);
    for row in &mut data.institute_feedback {
        row.id = model::number(row.created_at, chance.bytes());
    }
}
