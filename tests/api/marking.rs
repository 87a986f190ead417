//! Marking attendance: the sheet, who may mark it, what it refuses, and what it leaves behind.

use std::collections::BTreeMap;

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    lessons::{FRIDAY, Lesson, SESSION, completion_is_a_recount, leave, person},
    support::{Client, TestApp},
};

const SHEET: &str = "query($routine: ID!, $date: Date!) { attendanceSheet(routineId: $routine, date: $date) { date scheduled \
     routine { id } session { id held } rows { status student { id name } leaveRequest { id status } } } }";

/// The sheet of a routine on a day; null where the viewer may not mark it.
async fn sheet(app: &TestApp, client: &Client, routine: i64, date: &str) -> Value {
    let variables = json!({"routine": app.id(Kind::Routine, routine), "date": date});
    client.ask_with(SHEET, variables).await.ok().data["attendanceSheet"].take()
}

/// The marks in an answer, by student's id.
fn marks(session: &Value) -> BTreeMap<String, String> {
    let edges = session["records"]["edges"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    edges.iter().map(|edge| (text(&edge["node"]["student"]["id"]), text(&edge["node"]["status"]))).collect()
}

/// The corrections of a student's mark in an answer.
fn corrections(app: &TestApp, session: &Value, student: i64) -> Vec<Value> {
    let id = json!(app.id(Kind::Student, student));
    let mut nodes = session["records"]["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]);
    nodes.find(|node| node["student"]["id"] == id).unwrap()["corrections"].as_array().unwrap().clone()
}

fn id(input: &mut Value, index: usize, id: &str) {
    input["marks"][index]["studentId"] = json!(id);
}

on_both! {
    async fn the_sheet_has_the_class_with_its_marks_and_its_leave(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        let away = lesson.students[3];
        let request = leave(&app, away, "APPROVED", "2026-03-19", "2026-03-23").await;
        leave(&app, lesson.students[4], "PENDING", "2026-03-19", "2026-03-23").await;
        for who in [cast::TEACHER, cast::HOD, cast::ADMIN] {
            let client = app.sign_in(who).await;
            let today = sheet(&app, &client, lesson.routine, FRIDAY).await;
            assert_eq!(today["routine"]["id"], app.id(Kind::Routine, lesson.routine));
            assert_eq!((&today["date"], &today["scheduled"], &today["session"]), (&json!(FRIDAY), &json!(true), &Value::Null));
            let rows = today["rows"].as_array().unwrap();
            let mut found: Vec<String> = rows.iter().map(|row| row["student"]["id"].as_str().unwrap().to_owned()).collect();
            let mut expected: Vec<String> = lesson.students.iter().map(|student| app.id(Kind::Student, *student)).collect();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{who}");
            assert!(rows.iter().map(|row| row["student"]["name"].as_str().unwrap()).is_sorted());
            assert!(rows.iter().all(|row| row["status"].is_null()));
            let on_leave: Vec<&Value> = rows.iter().filter(|row| !row["leaveRequest"].is_null()).collect();
            assert_eq!(on_leave.len(), 1, "{who}");
            assert_eq!(on_leave[0]["student"]["id"], app.id(Kind::Student, away));
            assert_eq!(on_leave[0]["leaveRequest"]["id"], app.id(Kind::LeaveRequest, request));
        }
        let teacher = app.sign_in(cast::TEACHER).await;
        assert_eq!(sheet(&app, &teacher, lesson.routine, "2026-03-19").await["scheduled"], false, "a Thursday");
        let marked = sheet(&app, &teacher, lesson.routine, "2026-03-18").await;
        assert_eq!(marked["session"]["id"], app.id(Kind::AttendanceSession, lesson.session(&app, "2026-03-18").await));
        let in_database = lesson.marks(&app, "2026-03-18").await;
        for student in &lesson.students {
            let of = json!(app.id(Kind::Student, *student));
            let row = marked["rows"].as_array().unwrap().iter().find(|row| row["student"]["id"] == of).unwrap();
            let status = in_database.get(student).map(|status| status.trim_end_matches('*').to_owned());
            assert_eq!(row["status"], json!(status));
        }
        app.database.execute(&format!("UPDATE routines SET active = FALSE WHERE id = {}", lesson.routine)).await;
        assert_eq!(sheet(&app, &teacher, lesson.routine, FRIDAY).await["scheduled"], false, "it runs no more");
    }

    async fn the_sheet_is_for_those_who_may_mark_it(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        // HOD_TEACHER teaches this class, and heads another course; HOD_OF_TWO heads others.
        for who in [cast::HOD_TEACHER, cast::HOD_OF_TWO, cast::TEACHER_PARENT, cast::TEACHER_WHO_LEFT_CLASS] {
            let client = app.sign_in(who).await;
            assert_eq!(sheet(&app, &client, lesson.routine, FRIDAY).await, Value::Null, "{who}");
        }
        let teacher = app.sign_in(cast::TEACHER).await;
        let others = format!(
            "SELECT MIN(r.id) FROM routines r JOIN routines l ON l.course_id = r.course_id AND l.period = r.period \
             WHERE l.id = {} AND r.active AND r.teacher_id <> l.teacher_id",
            lesson.routine
        );
        assert_eq!(sheet(&app, &teacher, app.number(&others).await, FRIDAY).await, Value::Null);
        assert_eq!(sheet(&app, &teacher, 999_999, FRIDAY).await, Value::Null);
        for (role, client) in app.everybody().await {
            let code = match role {
                "ADMIN" | "HOD" | "STAFF" => continue,
                "ANONYMOUS" => "UNAUTHENTICATED",
                _ => "FORBIDDEN",
            };
            let variables = json!({"routine": app.id(Kind::Routine, lesson.routine), "date": FRIDAY});
            let answer = client.ask_with(SHEET, variables).await;
            assert_eq!(answer.code_at(&json!(["attendanceSheet"])), code, "{role}");
            assert_eq!(answer.at("/attendanceSheet"), &Value::Null);
        }
    }

    async fn a_class_is_marked_in_parts_and_corrected(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| lesson.students[i]);
        let student = |number| app.id(Kind::Student, number);
        let first = lesson.sheet(&app, FRIDAY, &[(a, "PRESENT"), (b, "ABSENT"), (c, "LATE")]);
        let session = teacher.done("markAttendance", first.clone(), SESSION).await["session"].clone();
        assert_eq!((&session["date"], &session["held"], &session["teacherAttended"]), (&json!(FRIDAY), &json!(true), &json!(true)));
        assert_eq!(session["markedAt"], "2026-03-20T12:00:00+00:00");
        assert_eq!(session["summary"], json!({"present": 1, "absent": 1, "late": 1, "excused": 0}));
        let expected = [(student(a), "PRESENT"), (student(b), "ABSENT"), (student(c), "LATE")];
        assert_eq!(marks(&session), expected.map(|(id, status)| (id, status.to_owned())).into());

        // The same sheet again changes nothing, not even the time; nor does a part of it.
        app.clock.advance(chrono::Duration::minutes(5));
        let written = app.database.contents().await;
        assert_eq!(teacher.done("markAttendance", first, SESSION).await["session"], session);
        let part = lesson.sheet(&app, FRIDAY, &[(c, "LATE")]);
        assert_eq!(teacher.done("markAttendance", part, SESSION).await["session"], session);
        app.database.is_as(&written, "it").await;

        let mut second = lesson.sheet(&app, FRIDAY, &[(b, "LATE"), (c, "LATE"), (d, "PRESENT")]);
        second["reason"] = json!("  Came in late. ");
        second["teacherAttended"] = json!(false);
        let hod = app.sign_in(cast::HOD).await;
        let session = hod.done("markAttendance", second, SESSION).await["session"].clone();
        let expected = [(student(a), "PRESENT"), (student(b), "LATE"), (student(c), "LATE"), (student(d), "PRESENT")];
        assert_eq!(marks(&session), expected.map(|(id, status)| (id, status.to_owned())).into());
        assert_eq!((&session["teacherAttended"], &session["markedAt"]), (&json!(false), &json!("2026-03-20T12:05:00+00:00")));
        let name = app.database.texts(&format!("SELECT name FROM staff WHERE id = {}", person("staff", cast::HOD))).await.remove(0);
        let correction = json!({
            "fromStatus": "ABSENT", "toStatus": "LATE", "reason": "Came in late.", "correctedBy": {"name": name},
            "correctedAt": "2026-03-20T12:05:00+00:00",
        });
        assert_eq!(corrections(&app, &session, b), [correction]);
        for other in [a, c, d] {
            assert_eq!(corrections(&app, &session, other), Vec::<Value>::new());
        }
        completion_is_a_recount(&app, "TRUE", "marked").await;
    }

    async fn who_is_on_leave_is_excused_unless_the_teacher_marks_them(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let [a, b, c] = [0, 1, 2].map(|i| lesson.students[i]);
        for student in [a, b] {
            leave(&app, student, "APPROVED", FRIDAY, FRIDAY).await;
        }
        leave(&app, c, "REJECTED", FRIDAY, FRIDAY).await;
        leave(&app, c, "APPROVED", "2026-03-21", "2026-03-22").await;
        // b is there after all, and nobody says anything of a and c.
        teacher.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(b, "PRESENT")]), "").await;
        let status = |text: &str| text.to_owned();
        assert_eq!(lesson.marks(&app, FRIDAY).await, [(a, status("EXCUSED*")), (b, status("PRESENT"))].into());
        // Once said by hand it is the teacher's mark, though it is the same: no correction, and leave has no part in it.
        teacher.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(a, "EXCUSED")]), "").await;
        assert_eq!(lesson.marks(&app, FRIDAY).await, [(a, status("EXCUSED")), (b, status("PRESENT"))].into());
        assert_eq!(app.number(&format!("SELECT COUNT(*) FROM attendance_corrections WHERE session_id = {}", lesson.session(&app, FRIDAY).await)).await, 0);
        let late = lesson.sheet(&app, FRIDAY, &[(a, "LATE")]);
        let session = teacher.done("markAttendance", late, SESSION).await["session"].clone();
        assert_eq!(corrections(&app, &session, a)[0]["fromStatus"], "EXCUSED");
        // Nobody at all need be sent: those on leave are excused.
        teacher.done("markAttendance", lesson.sheet(&app, "2026-03-18", &[]), "").await;
        lesson.forget(&app).await;
        teacher.done("markAttendance", lesson.sheet(&app, FRIDAY, &[]), "").await;
        assert_eq!(lesson.marks(&app, FRIDAY).await, [(a, status("EXCUSED*")), (b, status("EXCUSED*"))].into());
        completion_is_a_recount(&app, "TRUE", "on leave").await;
    }

    async fn a_class_that_was_not_held_counts_for_nobody_until_it_was(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let [a, b] = [0, 1].map(|i| lesson.students[i]);
        leave(&app, b, "APPROVED", FRIDAY, FRIDAY).await;
        let held = |held: bool, marks: &[(i64, &str)]| {
            let mut input = lesson.sheet(&app, FRIDAY, marks);
            input["held"] = json!(held);
            input
        };
        let called_off = teacher.done("markAttendance", held(false, &[]), SESSION).await["session"].clone();
        assert_eq!((&called_off["held"], marks(&called_off).len()), (&json!(false), 0));
        assert!(lesson.marks(&app, FRIDAY).await.is_empty(), "nobody is excused from a class that was not held");
        let written = app.database.contents().await;
        teacher.done("markAttendance", held(false, &[]), "").await;
        app.database.is_as(&written, "it").await;

        let took_place = teacher.done("markAttendance", held(true, &[(a, "ABSENT")]), SESSION).await["session"].clone();
        assert_eq!(took_place["summary"], json!({"present": 0, "absent": 1, "late": 0, "excused": 1}));
        completion_is_a_recount(&app, "TRUE", "held").await;
        let again = teacher.done("markAttendance", held(false, &[]), SESSION).await["session"].clone();
        assert_eq!((marks(&again).len(), &again["summary"]["absent"]), (2, &json!(0)), "the records stay, and count for nobody");
        completion_is_a_recount(&app, "TRUE", "not held").await;
        let revived = teacher.done("markAttendance", held(true, &[]), SESSION).await["session"].clone();
        assert_eq!(revived["summary"], took_place["summary"]);
        completion_is_a_recount(&app, "TRUE", "held again").await;
        assert_eq!(app.refused(&teacher, "markAttendance", held(false, &[(a, "PRESENT")])).await, ["marks INVALID"]);
    }

    async fn what_is_wrong_with_a_sheet_is_said_at_once(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let [a, b] = [0, 1].map(|i| lesson.students[i]);
        let tomorrow = lesson.sheet(&app, "2026-03-21", &[(a, "PRESENT")]);
        assert_eq!(app.refused(&teacher, "markAttendance", tomorrow).await, ["date IN_FUTURE", "date NOT_SCHEDULED"]);
        let monday = lesson.sheet(&app, "2026-03-23", &[]);
        assert_eq!(app.refused(&teacher, "markAttendance", monday).await, ["date IN_FUTURE"]);
        let thursday = lesson.sheet(&app, "2026-03-19", &[(a, "PRESENT")]);
        assert_eq!(app.refused(&teacher, "markAttendance", thursday).await, ["date NOT_SCHEDULED"]);

        // Who left the class, who is away for long, who is archived, a stranger, nobody, and what is no student at all.
        let first = |condition: &str| format!("SELECT MIN(id) FROM students WHERE {condition}");
        let stranger = app.number(&first("course_id = 2")).await;
        let away = app.number(&first("status = 'LEAVE' AND course_id = 1 AND current_period = 1")).await;
        let archived = lesson.students[5];
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-19 08:00:00' WHERE id = {archived}")).await;
        let moved = lesson.students[6];
        app.database.execute(&format!("UPDATE students SET current_period = 2 WHERE id = {moved}")).await;
        let mut wrong = lesson.sheet(&app, FRIDAY, &[
            (a, "PRESENT"), (stranger, "LATE"), (away, "LATE"), (archived, "LATE"), (moved, "LATE"), (999_999, "LATE"),
            (1, "LATE"), (b, "LATE"), (a, "PRESENT"),
        ]);
        id(&mut wrong, 6, &app.id(Kind::Routine, lesson.routine));
        wrong["reason"] = json!("a\nb");
        let mut expected = vec!["reason INVALID".to_owned()];
        expected.extend((1..=6).map(|i| format!("marks.{i}.studentId NOT_IN_CLASS")));
        expected.push("marks.8.studentId DUPLICATE".to_owned());
        assert_eq!(app.refused(&teacher, "markAttendance", wrong).await, expected);
        let many: Vec<(i64, &str)> = (0..1001).map(|_| (a, "PRESENT")).collect();
        assert_eq!(app.refused(&teacher, "markAttendance", lesson.sheet(&app, FRIDAY, &many)).await[0], "marks OUT_OF_RANGE");

        let unknown = json!({"routineId": app.id(Kind::Student, a), "date": FRIDAY});
        assert_eq!(app.refused(&teacher, "markAttendance", unknown).await, ["routineId NOT_FOUND"]);
        app.database.execute(&format!("UPDATE routines SET active = FALSE WHERE id = {}", lesson.routine)).await;
        let hod = app.sign_in(cast::HOD).await;
        let ended = app.refused(&hod, "markAttendance", lesson.sheet(&app, FRIDAY, &[(a, "PRESENT")])).await;
        assert_eq!(ended, ["routineId WRONG_STATUS"]);
    }

    async fn a_class_that_was_marked_is_corrected_though_the_timetable_has_changed(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        app.database.execute(&format!("UPDATE routines SET weekdays = 2, starts_at = '19:00:00', ends_at = '20:00:00' WHERE id = {}", lesson.routine)).await;
        let a = lesson.students[0];
        teacher.done("markAttendance", lesson.sheet(&app, "2026-03-18", &[(a, "LATE")]), "").await;
        assert_eq!(lesson.marks(&app, "2026-03-18").await[&a], "LATE");
        let other = lesson.sheet(&app, FRIDAY, &[(a, "LATE")]);
        assert_eq!(app.refused(&teacher, "markAttendance", other).await, ["date NOT_SCHEDULED"]);
    }

    async fn only_the_teacher_the_hod_and_admin_mark_and_remove(app: TestApp) {
        let lesson = Lesson::of(&app).await;
        let input = lesson.sheet(&app, FRIDAY, &[(lesson.students[0], "PRESENT")]);
        let session = lesson.session(&app, "2026-03-18").await;
        let remove = json!({"id": app.id(Kind::AttendanceSession, session), "reason": "By mistake."});
        // Who sees the routine and does not teach it; who does not see it.
        let both = app.sign_in(cast::HOD_TEACHER).await;
        assert_eq!(app.denied(&both, "markAttendance", input.clone()).await, "FORBIDDEN");
        assert_eq!(app.refused(&both, "deleteAttendanceSession", remove.clone()).await, ["id NOT_FOUND"]);
        for who in [cast::HOD_OF_TWO, cast::TEACHER_PARENT] {
            let client = app.sign_in(who).await;
            assert_eq!(app.refused(&client, "markAttendance", input.clone()).await, ["routineId NOT_FOUND"], "{who}");
            assert_eq!(app.refused(&client, "deleteAttendanceSession", remove.clone()).await, ["id NOT_FOUND"], "{who}");
        }
        // An admission officer who teaches in the course reaches every routine, and marks none but their own.
        app.database.execute(&format!("INSERT INTO staff_roles (staff_id, role) VALUES ({}, 'TEACHER')", person("staff", cast::ADMISSION))).await;
        let officer = app.sign_in(cast::ADMISSION).await;
        assert_eq!(app.denied(&officer, "markAttendance", input.clone()).await, "FORBIDDEN");
        app.database.execute(&format!("DELETE FROM staff_roles WHERE staff_id = {} AND role = 'TEACHER'", person("staff", cast::ADMISSION))).await;
        for (role, client) in app.everybody().await {
            let code = match role {
                "ADMIN" | "HOD" | "STAFF" => continue,
                "ANONYMOUS" => "UNAUTHENTICATED",
                _ => "FORBIDDEN",
            };
            assert_eq!(app.denied(&client, "markAttendance", input.clone()).await, code, "{role}");
            assert_eq!(app.denied(&client, "deleteAttendanceSession", remove.clone()).await, code, "{role}");
        }
        // A teacher who hands the routine on marks it no more; who has it now does.
        let former = app.sign_in(cast::TEACHER).await;
        app.database.execute(&format!("UPDATE routines SET teacher_id = {}, starts_at = '19:00:00', ends_at = '20:00:00' WHERE id = {}", person("staff", cast::HOD_TEACHER), lesson.routine)).await;
        assert_eq!(app.denied(&former, "markAttendance", input.clone()).await, "FORBIDDEN");
        both.done("markAttendance", input, "").await;
        for (who, date) in [(cast::HOD_TEACHER, "2026-03-18"), (cast::HOD, "2026-03-16"), (cast::ADMIN, "2026-03-13")] {
            let session = lesson.session(&app, date).await;
            let remove = json!({"id": app.id(Kind::AttendanceSession, session), "reason": "By mistake."});
            app.sign_in(who).await.done("deleteAttendanceSession", remove, "").await;
            assert!(lesson.marks(&app, date).await.is_empty(), "{who}");
        }
    }

    async fn a_session_that_was_marked_by_mistake_goes_and_the_audit_keeps_it(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let [a, b, c] = [0, 1, 2].map(|i| lesson.students[i]);
        leave(&app, c, "APPROVED", FRIDAY, FRIDAY).await;
        teacher.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(a, "ABSENT"), (b, "LATE")]), "").await;
        teacher.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(a, "PRESENT")]), "").await;
        let session = app.id(Kind::AttendanceSession, lesson.session(&app, FRIDAY).await);
        let wrong = json!({"id": session, "reason": " "});
        assert_eq!(app.refused(&teacher, "deleteAttendanceSession", wrong).await, ["reason REQUIRED"]);
        let unknown = json!({"id": app.id(Kind::AttendanceSession, 999_999), "reason": "x"});
        assert_eq!(app.refused(&teacher, "deleteAttendanceSession", unknown).await, ["id NOT_FOUND"]);
        let input = json!({"id": session, "reason": "It was the other class."});
        let removed = teacher.done("deleteAttendanceSession", input, "routine { id }").await;
        assert_eq!(removed["routine"]["id"], app.id(Kind::Routine, lesson.routine));
        assert!(lesson.marks(&app, FRIDAY).await.is_empty());
        completion_is_a_recount(&app, "TRUE", "removed").await;

        let admin = app.sign_in(cast::ADMIN).await;
        let query = format!("{{ auditEntries(filter: {{subjectId: \"{session}\"}}) {{ edges {{ node {{ action changes {{ field before after }} }} }} }} }}");
        let data = admin.data(&query).await;
        let entries: Vec<&Value> = data["auditEntries"]["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]).collect();
        assert_eq!(entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect::<Vec<_>>(), ["deleteAttendanceSession", "markAttendance", "markAttendance"]);
        let change = |entry: &Value, field: &str| {
            let changes = entry["changes"].as_array().unwrap();
            let one = changes.iter().find(|change| change["field"] == field);
            one.map(|change| ["before", "after"].map(|side| serde_json::from_str(change[side].as_str().unwrap_or("null")).unwrap_or(Value::Null)))
        };
        let kept = json!({a.to_string(): "PRESENT", b.to_string(): "LATE", c.to_string(): "EXCUSED"});
        assert_eq!(change(entries[0], "marks"), Some([kept, Value::Null]));
        assert_eq!(change(entries[0], "by_leave"), Some([json!([c]), Value::Null]));
        assert_eq!(change(entries[0], "reason"), Some([json!("It was the other class."), Value::Null]));
        assert_eq!(change(entries[0], "corrections").unwrap()[0][0]["from_status"], "ABSENT");
        assert_eq!(change(entries[1], "marks"), Some([json!({a.to_string(): "ABSENT"}), json!({a.to_string(): "PRESENT"})]));
        assert_eq!(change(entries[1], "held"), None);
        assert_eq!(change(entries[2], "by_leave"), Some([Value::Null, json!([c])]));
    }

    async fn a_key_marks_once(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let mut input = lesson.all(&app, FRIDAY, "PRESENT");
        input["clientMutationId"] = json!("friday");
        let first = teacher.done("markAttendance", input.clone(), SESSION).await;
        // Somebody corrects it in between: what was sent before is not done again.
        let hod = app.sign_in(cast::HOD).await;
        let a = lesson.students[0];
        hod.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(a, "LATE")]), "").await;
        let written = app.database.contents().await;
        assert_eq!(teacher.done("markAttendance", input, SESSION).await["session"]["id"], first["session"]["id"]);
        app.database.is_as(&written, "it").await;
        assert_eq!(lesson.marks(&app, FRIDAY).await[&a], "LATE");
    }

    /// Twenty-one at most: the viewer, the zone, begin, the routine, its session, the class, its marks, its leave; the session,
    /// marks, corrections, what leave did (removed, and added), completion read and written, the audit entry, the
    /// events with whom they concern and their jobs, commit; the answer.
    async fn a_class_of_more_than_forty_is_marked_in_as_many_statements_as_three_students(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await.grow(&app, 42).await, app.sign_in(cast::TEACHER).await);
        assert_eq!(lesson.students.len(), 42);
        lesson.forget(&app).await;
        let statements = async |date: &str, marks: &[(i64, &str)]| {
            let before = app.api.services().db.statements();
            teacher.done("markAttendance", lesson.sheet(&app, date, marks), "session { id }").await;
            app.api.services().db.statements() - before
        };
        let mut taken = Vec::new();
        for (date, students) in [("2026-03-13", &lesson.students[..3]), ("2026-03-16", &lesson.students[..])] {
            let (a, others) = students.split_at(students.len() / 3);
            let (b, c) = others.split_at(a.len());
            let with = |students: &[i64], status| students.iter().map(|student| (*student, status)).collect::<Vec<_>>();
            for student in a {
                leave(&app, *student, "APPROVED", date, date).await;
            }
            let first = statements(date, &with(b, "ABSENT")).await;
            for student in c {
                leave(&app, *student, "APPROVED", date, date).await;
            }
            // Some who were on leave are marked by hand, some are corrected, some are excused by now.
            let all = statements(date, &[with(a, "ABSENT"), with(b, "LATE")].concat()).await;
            let nothing = statements(date, &[with(a, "ABSENT"), with(b, "LATE")].concat()).await;
            taken.push([first, all, nothing]);
            assert_eq!(lesson.marks(&app, date).await.len(), students.len());
        }
        assert_eq!(taken[0], taken[1]);
        assert_eq!(taken[0][1], 21, "{taken:?}");
    }

    async fn completion_and_its_status_follow_attendance(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let newcomer = app.number(&format!("SELECT id FROM students WHERE name = '{}'", cast::NEWCOMER)).await;
        let tracking = async || {
            let query = format!("SELECT status || ' ' || completion || ' ' || coalesce(CAST(actual_end AS text), '-') FROM course_trackings WHERE student_id = {newcomer}");
            app.database.texts(&query).await.remove(0).replace(".0 ", " ")
        };
        let mark = async |status: &str| {
            teacher.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(newcomer, status)]), "").await;
            tracking().await
        };
        assert_eq!(tracking().await, "NOT_STARTED 0 -");
        assert_eq!(mark("ABSENT").await, "NOT_STARTED 0 -");
        assert_eq!(mark("PRESENT").await, "IN_PROGRESS 30 -");
        app.database.execute(&format!("DELETE FROM subject_progress WHERE student_id = {newcomer}")).await;
        app.database.execute(&format!("INSERT INTO subject_progress (student_id, subject_id, status, completion) SELECT {newcomer}, id, 'COMPLETED', 100 FROM subjects WHERE course_id = 1")).await;
        assert_eq!(mark("LATE").await, format!("COMPLETED 100 {FRIDAY}"));
        app.clock.advance(chrono::Duration::days(1));
        assert_eq!(mark("PRESENT").await, format!("COMPLETED 100 {FRIDAY}"), "it ended when it ended");
        assert_eq!(mark("ABSENT").await, "IN_PROGRESS 70 -");
        assert_eq!(mark("EXCUSED").await, "IN_PROGRESS 70 -");
        assert_eq!(mark("PRESENT").await, "COMPLETED 100 2026-03-21");
        app.database.execute(&format!("UPDATE course_trackings SET status = 'DROPPED', completion = 12 WHERE student_id = {newcomer}")).await;
        assert_eq!(mark("ABSENT").await, "DROPPED 12 2026-03-21", "who has given up is left alone");
        // A course that the student is not in any more is left alone, too.
        let other = format!("INSERT INTO course_trackings (student_id, course_id, enrolled_on, started_on, expected_end, status, completion, current_period, period_started_on, period_ends_on) \
             SELECT {newcomer}, 2, enrolled_on, started_on, expected_end, 'IN_PROGRESS', 50, 1, period_started_on, period_ends_on FROM course_trackings WHERE student_id = {newcomer}");
        app.database.execute(&other).await;
        mark("LATE").await;
        assert_eq!(app.number(&format!("SELECT CAST(completion AS bigint) FROM course_trackings WHERE student_id = {newcomer} AND course_id = 2")).await, 50);
        completion_is_a_recount(&app, &format!("p.id <> {newcomer}"), "nobody else was touched").await;
    }
}
