//! Attendance and leave changed by several at once: nothing is lost, and it ends as one after the other would have.

use rollcall::{demo::cast, ids::Kind};
use serde_json::json;

use crate::{
    leave::{REQUEST, about, days, decide, pending},
    lessons::{Lesson, SESSION, account, completion_is_a_recount, leave, one},
    support::errors,
};

/// Fridays before this one, the first of them today.
fn fridays(rounds: u64) -> Vec<String> {
    let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 20).unwrap();
    (0..rounds).map(|week| (today - chrono::Days::new(7 * week)).to_string()).collect()
}

on_both! {
    async fn two_who_mark_halves_of_a_class_at_once_lose_nothing(app: TestApp) {
        let (lesson, teacher, hod) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD).await);
        lesson.forget(&app).await;
        let half = lesson.students.len() / 2;
        for date in fridays(25) {
            let marks = |students: &[i64], status| students.iter().map(|student| (*student, status)).collect::<Vec<_>>();
            let a = lesson.sheet(&app, &date, &marks(&lesson.students[..half], "PRESENT"));
            let b = lesson.sheet(&app, &date, &marks(&lesson.students[half..], "ABSENT"));
            tokio::join!(teacher.done("markAttendance", a, ""), hod.done("markAttendance", b, ""));
            let found = lesson.marks(&app, &date).await;
            assert_eq!(found.len(), lesson.students.len(), "{date}");
            for (i, student) in lesson.students.iter().enumerate() {
                assert_eq!(found[student], if i < half { "PRESENT" } else { "ABSENT" }, "{date}");
            }
        }
        assert_eq!(app.number(&format!("SELECT COUNT(*) FROM attendance_corrections c JOIN attendance_sessions s ON s.id = c.session_id WHERE s.routine_id = {}", lesson.routine)).await, 0);
        completion_is_a_recount(&app, "TRUE", "halves").await;
    }

    async fn two_who_mark_the_same_student_at_once_leave_one_mark_and_one_correction(app: TestApp) {
        let (lesson, teacher, hod) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD).await);
        lesson.forget(&app).await;
        for (i, date) in fridays(25).into_iter().enumerate() {
            let student = lesson.students[i % lesson.students.len()];
            let [a, b] = ["PRESENT", "ABSENT"].map(|status| lesson.sheet(&app, &date, &[(student, status)]));
            tokio::join!(teacher.done("markAttendance", a, ""), hod.done("markAttendance", b, ""));
            let query = format!(
                "SELECT c.from_status || ' ' || c.to_status || ' ' || r.status FROM attendance_corrections c JOIN attendance_records r \
                 ON r.session_id = c.session_id AND r.student_id = c.student_id WHERE c.session_id = {}",
                lesson.session(&app, &date).await
            );
            let left = app.database.texts(&query).await;
            assert!(left == ["PRESENT ABSENT ABSENT"] || left == ["ABSENT PRESENT PRESENT"], "{left:?}");
        }
        completion_is_a_recount(&app, "TRUE", "same").await;
    }

    async fn the_same_sheet_with_the_same_key_twice_at_once_is_done_once(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        lesson.forget(&app).await;
        for date in fridays(25) {
            let mut input = lesson.all(&app, &date, "LATE");
            input["clientMutationId"] = json!(date);
            let (a, b) = tokio::join!(teacher.done("markAttendance", input.clone(), SESSION), teacher.done("markAttendance", input, SESSION));
            assert_eq!(a, b);
            assert_eq!(lesson.marks(&app, &date).await.len(), lesson.students.len());
        }
        let me = account(cast::TEACHER);
        for table in ["audit_entries", "client_mutations"] {
            assert_eq!(app.number(&format!("SELECT COUNT(*) FROM {table} WHERE account_id = {me}")).await, 25, "{table}");
        }
    }

    async fn approval_and_marking_at_once_end_as_one_after_the_other(app: TestApp) {
        let (lesson, teacher, hod) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD).await);
        lesson.forget(&app).await;
        let (away, others) = lesson.students.split_first().unwrap();
        let mut orders = [0, 0];
        for (round, date) in fridays(50).into_iter().enumerate() {
            let request = leave(&app, *away, "PENDING", &date, &date).await;
            let approve = json!({"id": app.id(Kind::LeaveRequest, request), "decision": "APPROVE"});
            let mut marks: Vec<(i64, &str)> = others.iter().take(5).map(|student| (*student, "PRESENT")).collect();
            if round % 2 == 1 {
                marks.push((*away, "ABSENT"));
            }
            let sheet = lesson.sheet(&app, &date, &marks);
            tokio::join!(teacher.done("markAttendance", sheet, ""), hod.done("decideLeaveRequest", approve, ""));
            let mark = lesson.marks(&app, &date).await.remove(away).unwrap();
            // Who is not on the sheet is excused, whatever came first. A teacher's word after the approval stands.
            match mark.as_str() {
                "EXCUSED*" => orders[0] += round % 2,
                "ABSENT" if round % 2 == 1 => orders[1] += 1,
                _ => panic!("{date}: {mark}"),
            }
        }
        assert_eq!(orders[0] + orders[1], 25, "{orders:?}");
        completion_is_a_recount(&app, "TRUE", "approval and marking").await;
    }

    async fn of_two_decisions_at_once_one_is_made(app: TestApp) {
        let (hod, admin) = (app.sign_in(cast::HOD).await, app.sign_in(cast::ADMIN).await);
        for round in 0..50 {
            let id = pending(&app, cast::STUDENT).await;
            let other = if round % 2 == 0 { "REJECT" } else { "APPROVE" };
            let (a, b) = (decide(&id, "APPROVE"), decide(&id, other));
            let (a, b) = tokio::join!(hod.change("decideLeaveRequest", &a, REQUEST), admin.change("decideLeaveRequest", &b, REQUEST));
            let mut outcomes = [errors(&a), errors(&b)];
            outcomes.sort();
            assert_eq!(outcomes, [vec![], vec!["id WRONG_STATUS".to_owned()]]);
            let decided = if errors(&a).is_empty() { account(cast::HOD) } else { account(cast::ADMIN) };
            let by = app.number("SELECT decided_by FROM leave_requests WHERE id = (SELECT MAX(id) FROM leave_requests)").await;
            assert_eq!(by, one(&app, &decided).await);
        }
    }

    async fn of_two_requests_for_the_same_days_at_once_one_is_made(app: TestApp) {
        let (pupil, parent) = (app.sign_in(cast::STUDENT).await, app.sign_in(cast::PARENT).await);
        let me = app.student(cast::STUDENT).await;
        for day in 1..=25 {
            let (first, last) = (format!("2026-08-{day:02}"), format!("2026-08-{day:02}"));
            let (a, b) = (days(&first, &last), about("studentId", &me, &first, &last));
            let (a, b) = tokio::join!(pupil.change("requestLeave", &a, ""), parent.change("requestLeave", &b, ""));
            let mut outcomes = [errors(&a), errors(&b)];
            outcomes.sort();
            assert_eq!(outcomes, [vec![], vec!["firstDay OVERLAPS".to_owned()]]);
        }
    }
}
