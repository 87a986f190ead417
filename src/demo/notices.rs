//! Notices to everybody, to roles, to courses and to batches, and who has read them.

use super::{
    data::{Data, Draw, Plan, at, index, number},
    people,
    rows::{Audience, Notice, NoticeRead, StaffRole},
};

/// Whom a notice is for.
#[derive(Clone, Copy)]
enum Group {
    Everybody,
    Role(&'static str),
    Course(i64),
    Batch(i64),
}

const OF_ADMIN: [(&str, &str, &[Group]); 9] = [
    ("The term has begun", "Welcome, and welcome back.", &[Group::Everybody]),
    ("Library hours", "The library is open until nine on weekdays.", &[Group::Everybody]),
    ("Water on Thursday", "There is no water on Thursday morning.", &[Group::Everybody]),
    ("Marks are due", "Please enter the marks of the first test by Friday.", &[Group::Role("STAFF")]),
    (
        "Heads of department meet",
        "On the first Monday of the month, at ten.",
        &[Group::Role("HOD"), Group::Role("ADMIN")],
    ),
    ("Admission figures", "The figures of this intake are on the shared board.", &[Group::Role("ADMISSION")]),
    ("Student council", "Who would like to stand for the council?", &[Group::Role("STUDENT")]),
    ("Parents' evening", "Every teacher has half an hour for you: ask for a meeting.", &[Group::Role("PARENT")]),
    ("Sports day", "Bring water and a hat.", &[Group::Role("STUDENT"), Group::Role("PARENT")]),
];

/// The ADMIN's, then one of the HOD for each course and each batch.
pub fn all(data: &mut Data, plan: &Plan, draw: &mut Draw) {
    for (title, message, groups) in OF_ADMIN {
        publish(data, plan, draw, people::ADMIN, (title.to_owned(), message.to_owned()), groups);
    }
    for c in 0..data.courses.len() {
        let course = &data.courses[c];
        let text = (
            format!("{}: timetable", course.name),
            format!("The timetable of {} is out. Ask me where it clashes with your work.", course.name),
        );
        publish(data, plan, draw, course.hod_id, text, &[Group::Course(number(c))]);
    }
    for b in 0..data.batches.len() {
        let name = &data.batches[b].name;
        let course = data.batch_courses.iter().find(|row| row.batch_id == number(b)).map_or(1, |row| row.course_id);
        let text = (format!("{name}: group photograph"), format!("{name} meets in the yard at noon on Friday."));
        publish(data, plan, draw, data.courses[index(course)].hod_id, text, &[Group::Batch(number(b))]);
    }
}

fn publish(data: &mut Data, plan: &Plan, draw: &mut Draw, by: i64, (title, message): (String, String), to: &[Group]) {
    let id = number(data.notices.len());
    let day = plan.some_day(draw);
    let published_at = at(day, 8, draw.between(0, 59));
    data.notices.push(Notice { id, title, message, published_by: by, published_at });
    let mut readers = Vec::new();
    for group in to {
        let none = Audience { id: 0, notice_id: id, kind: "EVERYBODY", role: None, course_id: None, batch_id: None };
        let audience = match *group {
            Group::Everybody => none,
            Group::Role(role) => Audience { kind: "ROLE", role: Some(role), ..none },
            Group::Course(course) => Audience { kind: "COURSE", course_id: Some(course), ..none },
            Group::Batch(batch) => Audience { kind: "BATCH", batch_id: Some(batch), ..none },
        };
        data.audiences.push(Audience { id: number(data.audiences.len()), ..audience });
        readers.extend(readers_of(data, *group));
    }
    readers.sort_unstable();
    readers.dedup();
    for account_id in readers {
        // Who was there then and can sign in may have read it since.
        let account = &data.accounts[index(account_id)];
        let able = account.active && account.password_hash.is_some() && account.created_at < published_at;
        if able && draw.chance(40) {
            let read_at = at(day, 18, draw.between(0, 59));
            data.reads.push(NoticeRead { notice_id: id, account_id, read_at });
        }
    }
}

/// Accounts in the audience (of courses and batches the students alone).
fn readers_of(data: &Data, group: Group) -> Vec<i64> {
    let with_role = |role: StaffRole| {
        data.roles.iter().filter(|held| held.role == role).map(|held| data.staff_account(held.staff_id)).collect()
    };
    match group {
        Group::Everybody => data.accounts.iter().map(|account| account.id).collect(),
        Group::Role("ADMIN") => with_role(StaffRole::Admin),
        Group::Role("HOD") => with_role(StaffRole::Hod),
        Group::Role("ADMISSION") => with_role(StaffRole::Admission),
        Group::Role("STAFF") => with_role(StaffRole::Teacher),
        Group::Role("PARENT") => data.parents.iter().map(|parent| parent.account_id).collect(),
        Group::Role(_) => data.pupils.iter().map(|pupil| pupil.account).collect(),
        Group::Course(course) => {
            data.students.iter().filter(|s| s.course_id == Some(course)).map(|s| s.account_id).collect()
        }
        Group::Batch(batch) => {
            let members = data.batch_students.iter().filter(|row| row.batch_id == batch);
            members.map(|row| data.pupils[index(row.student_id)].account).collect()
        }
    }
}
