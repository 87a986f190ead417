//! What approved leave does to a student's attendance, and how withdrawing the approval undoes it.

use std::collections::BTreeMap;

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    leave::decide,
    lessons::{FRIDAY, Lesson, completion_is_a_recount, leave},
    support::TestApp,
};

/// The marks of a student on their class's days, by date: those of the lesson alone.
async fn days_of(app: &TestApp, lesson: &Lesson, student: i64, dates: &[&str]) -> BTreeMap<String, String> {
    let mut marks = BTreeMap::new();
    for date in dates {
        if let Some(mark) = lesson.marks(app, date).await.remove(&student) {
            marks.insert((*date).to_owned(), mark);
        }
    }
    marks
}

fn expected(marks: &[(&str, &str)]) -> BTreeMap<String, String> {
    marks.iter().map(|(date, mark)| ((*date).to_owned(), (*mark).to_owned())).collect()
}

/// Mondays, Wednesdays and Fridays up to today: absent, late, present, not marked, not held, not marked at all.
const DATES: [&str; 6] = ["2026-03-09", "2026-03-11", "2026-03-13", "2026-03-16", "2026-03-18", FRIDAY];

/// A student with a mark of each kind on [`DATES`], through the API; and a pending request for all those days.
async fn week(app: &TestApp, lesson: &Lesson) -> (i64, String) {
    let teacher = app.sign_in(cast::TEACHER).await;
    let (student, other) = (lesson.students[0], lesson.students[1]);
    app.database.execute("DELETE FROM attendance_sessions WHERE date >= '2026-03-09'").await;
    for (date, status) in [(DATES[0], "ABSENT"), (DATES[1], "LATE"), (DATES[2], "PRESENT"), (DATES[4], "ABSENT")] {
        teacher.done("markAttendance", lesson.sheet(app, date, &[(student, status), (other, "PRESENT")]), "").await;
    }
    teacher.done("markAttendance", lesson.sheet(app, DATES[3], &[(other, "PRESENT")]), "").await;
    for date in [DATES[4], DATES[5]] {
        let mut not_held = lesson.sheet(app, date, &[]);
        not_held["held"] = json!(false);
        teacher.done("markAttendance", not_held, "").await;
    }
    let request = leave(app, student, "PENDING", DATES[0], DATES[5]).await;
    (student, app.id(Kind::LeaveRequest, request))
}

const BEFORE: [(&str, &str); 4] =
    [(DATES[0], "ABSENT"), (DATES[1], "LATE"), (DATES[2], "PRESENT"), (DATES[4], "ABSENT")];
const AFTER: [(&str, &str); 5] =
    [(DATES[0], "EXCUSED*"), (DATES[1], "LATE"), (DATES[2], "PRESENT"), (DATES[3], "EXCUSED*"), (DATES[4], "EXCUSED*")];

on_both! {
    async fn approval_excuses_and_withdrawing_it_undoes_exactly_that(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        let (student, id) = week(&app, &lesson).await;
        let (hod, parent) = (app.sign_in(cast::HOD).await, app.sign_in(cast::ADMIN).await);
        let summary = async || {
            let query = format!("{{ node(id: \"{}\") {{ ... on Student {{ attendanceSummary(from: \"{}\") {{ present absent late excused }} }} }} }}", app.id(Kind::Student, student), DATES[0]);
            parent.data(&query).await["node"]["attendanceSummary"].clone()
        };
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&BEFORE));
        assert_eq!(summary().await, json!({"present": 1, "absent": 1, "late": 1, "excused": 0}));
        let others = app.database.texts(&format!("SELECT session_id || ' ' || student_id || status FROM attendance_records WHERE student_id <> {student} ORDER BY id")).await;

        hod.done("decideLeaveRequest", decide(&id, "APPROVE"), "").await;
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&AFTER));
        assert_eq!(summary().await, json!({"present": 1, "absent": 0, "late": 1, "excused": 2}), "one of them was not held");
        let corrections = "SELECT c.from_status || ' ' || c.to_status || ' ' || s.date || ' ' || c.reason FROM attendance_corrections c \
             JOIN attendance_sessions s ON s.id = c.session_id WHERE s.date >= '2026-03-09' ORDER BY c.id";
        let excused = |date: &str| format!("ABSENT EXCUSED {date} leave was approved");
        let back = |date: &str| format!("EXCUSED ABSENT {date} approval of leave was withdrawn");
        assert_eq!(app.database.texts(corrections).await, [excused(DATES[0]), excused(DATES[4])]);
        completion_is_a_recount(&app, &format!("p.id = {student}"), "approved").await;

        hod.done("withdrawLeaveApproval", json!({"id": id}), "").await;
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&BEFORE));
        assert_eq!(summary().await, json!({"present": 1, "absent": 1, "late": 1, "excused": 0}));
        assert_eq!(app.database.texts(corrections).await, [excused(DATES[0]), excused(DATES[4]), back(DATES[0]), back(DATES[4])]);
        assert_eq!(app.number("SELECT COUNT(*) FROM attendance_excuses").await, 0);
        completion_is_a_recount(&app, &format!("p.id = {student}"), "withdrawn").await;
        // And again: it is as it was the first time.
        hod.done("decideLeaveRequest", decide(&id, "APPROVE"), "").await;
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&AFTER));
        let now = app.database.texts(&format!("SELECT session_id || ' ' || student_id || status FROM attendance_records WHERE student_id <> {student} ORDER BY id")).await;
        assert_eq!(others, now, "nobody else's marks were touched");

        let data = parent.data(&format!("{{ auditEntries(filter: {{subjectId: \"{id}\"}}) {{ edges {{ node {{ action changes {{ field before after }} }} }} }} }}")).await;
        let entries = data["auditEntries"]["edges"].as_array().unwrap();
        let actions: Vec<&str> = entries.iter().map(|edge| edge["node"]["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["decideLeaveRequest", "withdrawLeaveApproval", "decideLeaveRequest"]);
        let changes = entries[1]["node"]["changes"].as_array().unwrap();
        let marks = changes.iter().find(|change| change["field"] == "marks").unwrap();
        let [before, after] = ["before", "after"].map(|side| serde_json::from_str::<BTreeMap<String, Value>>(marks[side].as_str().unwrap()).unwrap());
        let session = lesson.session(&app, DATES[3]).await.to_string();
        assert_eq!((before.len(), &before[&session], &after[&session]), (3, &json!("EXCUSED"), &Value::Null));
    }

    async fn what_is_marked_by_hand_since_the_approval_stays(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        let (student, id) = week(&app, &lesson).await;
        let (hod, teacher) = (app.sign_in(cast::HOD).await, app.sign_in(cast::TEACHER).await);
        hod.done("decideLeaveRequest", decide(&id, "APPROVE"), "").await;
        teacher.done("markAttendance", lesson.sheet(&app, DATES[0], &[(student, "EXCUSED")]), "").await;
        teacher.done("markAttendance", lesson.sheet(&app, DATES[3], &[(student, "LATE")]), "").await;
        // Held after all: who is not on the sheet is excused there as well, by the same leave.
        teacher.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(lesson.students[1], "PRESENT")]), "").await;
        let during = [(DATES[0], "EXCUSED"), (DATES[1], "LATE"), (DATES[2], "PRESENT"), (DATES[3], "LATE"), (DATES[4], "EXCUSED*"), (FRIDAY, "EXCUSED*")];
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&during));
        hod.done("withdrawLeaveApproval", json!({"id": id}), "").await;
        let since = [(DATES[0], "EXCUSED"), (DATES[1], "LATE"), (DATES[2], "PRESENT"), (DATES[3], "LATE"), (DATES[4], "ABSENT")];
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&since));
        completion_is_a_recount(&app, &format!("p.id = {student}"), "by hand").await;
    }

    async fn days_of_other_approved_leave_stay_excused(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        let (student, id) = week(&app, &lesson).await;
        let hod = app.sign_in(cast::HOD).await;
        hod.done("decideLeaveRequest", decide(&id, "APPROVE"), "").await;
        // From before overlaps were refused.
        let other = leave(&app, student, "APPROVED", DATES[3], DATES[4]).await;
        hod.done("withdrawLeaveApproval", json!({"id": id}), "").await;
        let kept = [(DATES[0], "ABSENT"), (DATES[1], "LATE"), (DATES[2], "PRESENT"), (DATES[3], "EXCUSED*"), (DATES[4], "EXCUSED*")];
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&kept));
        let other = json!({"id": app.id(Kind::LeaveRequest, other)});
        hod.done("withdrawLeaveApproval", other, "").await;
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&BEFORE), "now it is undone, as it was");
    }

    async fn rejection_and_leave_of_who_has_left_the_class_do_nothing_to_marks(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        let (student, id) = week(&app, &lesson).await;
        let (hod, before) = (app.sign_in(cast::HOD).await, days_of(&app, &lesson, lesson.students[0], &DATES).await);
        hod.done("decideLeaveRequest", decide(&id, "REJECT"), "").await;
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, before);
        // Who moved on was absent here, and is excused from that; but the class is not theirs any more.
        let id = app.id(Kind::LeaveRequest, leave(&app, student, "PENDING", DATES[0], DATES[5]).await);
        app.database.execute(&format!("UPDATE students SET current_period = 2 WHERE id = {student}")).await;
        hod.done("decideLeaveRequest", decide(&id, "APPROVE"), "").await;
        let moved = [(DATES[0], "EXCUSED*"), (DATES[1], "LATE"), (DATES[2], "PRESENT"), (DATES[4], "EXCUSED*")];
        assert_eq!(days_of(&app, &lesson, student, &DATES).await, expected(&moved));
    }
}
