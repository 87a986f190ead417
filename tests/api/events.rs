//! Events: raised where something was changed, in the transaction that changed it, and nowhere else.

use rollcall::{demo::cast, ids::Kind};
use serde_json::json;

use crate::{
    leave::{about, decide},
    lessons::{FRIDAY, Lesson, one, person},
    meetings::{families, in_may, made, offer, with},
    support::{TestApp, of},
};

/// The events that were raised, with how many topics each has and whom it is about.
async fn events(app: &TestApp) -> Vec<String> {
    app.database
        .texts(
            "SELECT e.kind || ' ' || coalesce(e.student_id, 0) || ' ' || (SELECT count(*) FROM event_topics t WHERE t.event_id = e.id) \
             FROM events e ORDER BY e.kind, e.id",
        )
        .await
}

async fn forget(app: &TestApp) {
    app.database.execute("DELETE FROM events").await;
}

/// The topics of the one event of a kind, in order.
async fn topics(app: &TestApp, kind: &str) -> Vec<String> {
    let query =
        format!("SELECT t.topic FROM event_topics t JOIN events e ON e.id = t.event_id WHERE e.kind = '{kind}'");
    sorted(app.database.texts(&query).await)
}

/// Topics in the order in which they are read.
fn sorted(mut topics: Vec<String>) -> Vec<String> {
    topics.sort();
    topics
}

on_both! {
    async fn marking_a_class_tells_of_the_class_and_of_who_is_absent(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        let [a, b, c] = [0, 1, 2].map(|i| lesson.students[i]);
        let sheet = lesson.sheet(&app, FRIDAY, &[(a, "ABSENT"), (b, "ABSENT"), (c, "PRESENT")]);
        teacher.done("markAttendance", sheet.clone(), "").await;
        let mut expected = vec!["ATTENDANCE_MARKED 0 5".to_owned(), format!("STUDENT_ABSENT {a} 1"), format!("STUDENT_ABSENT {b} 1")];
        expected.sort();
        assert_eq!(sorted(events(&app).await), expected);
        let course = app.number(&format!("SELECT course_id FROM routines WHERE id = {}", lesson.routine)).await;
        let staff = one(&app, &person("staff", cast::TEACHER)).await;
        let students = [a, b, c].map(|student| format!("student:{student}"));
        let expected = [&[format!("course:{course}"), format!("staff:{staff}")][..], &students].concat();
        assert_eq!(topics(&app, "ATTENDANCE_MARKED").await, sorted(expected));
        assert_eq!(app.number("SELECT count(*) FROM jobs WHERE kind = 'TELL'").await, 3, "a job for each");

        // The same sheet again tells nothing, and of a correction only who became absent by it.
        forget(&app).await;
        teacher.done("markAttendance", sheet, "").await;
        assert!(events(&app).await.is_empty());
        teacher.done("markAttendance", lesson.sheet(&app, FRIDAY, &[(a, "LATE"), (c, "ABSENT")]), "").await;
        assert_eq!(sorted(events(&app).await), ["ATTENDANCE_MARKED 0 4".to_owned(), format!("STUDENT_ABSENT {c} 1")]);

        // Nobody is absent from a class that was not held, and whoever was is when it was held after all.
        forget(&app).await;
        let mut sheet = lesson.sheet(&app, FRIDAY, &[]);
        sheet["held"] = json!(false);
        teacher.done("markAttendance", sheet.clone(), "").await;
        assert_eq!(events(&app).await, ["ATTENDANCE_MARKED 0 5"]);
        forget(&app).await;
        sheet["held"] = json!(true);
        teacher.done("markAttendance", sheet, "").await;
        let mut expected = vec!["ATTENDANCE_MARKED 0 5".to_owned(), format!("STUDENT_ABSENT {b} 1"), format!("STUDENT_ABSENT {c} 1")];
        expected.sort();
        assert_eq!(sorted(events(&app).await), expected);
    }

    async fn what_is_refused_tells_nothing(app: TestApp) {
        let (lesson, teacher) = (Lesson::of(&app).await, app.sign_in(cast::TEACHER).await);
        app.refused(&teacher, "markAttendance", lesson.sheet(&app, "2026-03-21", &[(lesson.students[0], "ABSENT")])).await;
        app.refused(&teacher, "offerMeeting", json!({"parentIds": [], "studentIds": [], "startsAt": in_may(4, 4, 0)})).await;
        app.refused(&teacher, "requestLeave", json!({"firstDay": "2026-05-05", "lastDay": "2026-05-04", "message": "m"})).await;
        let admin = app.sign_in(cast::ADMIN).await;
        app.refused(&admin, "publishNotice", json!({"title": "t", "message": "m", "audience": {}})).await;
        assert_eq!(app.number("SELECT count(*) FROM events").await, 0);
        assert_eq!(app.number("SELECT count(*) FROM jobs WHERE kind = 'TELL'").await, 0);
    }

    async fn each_step_of_a_meeting_is_told(app: TestApp) {
        let (families, teacher) = (families(&app).await, app.sign_in(cast::TEACHER).await);
        let meeting = made(&teacher, "offerMeeting", offer(&families[0], &in_may(4, 4, 0))).await;
        let (parent, student) = (app.open(&families[0].0).1, app.open(&families[0].1).1);
        let staff = one(&app, &person("staff", cast::TEACHER)).await;
        let courses = format!("SELECT DISTINCT course_id FROM routines WHERE active AND teacher_id = {staff}");
        let courses = app.database.numbers(&courses).await.into_iter().map(|course| format!("course:{course}"));
        let people = [format!("parent:{parent}"), format!("staff:{staff}"), format!("student:{student}")];
        assert_eq!(topics(&app, "MEETING_SCHEDULED").await, sorted(courses.chain(people).collect()));

        let id = &meeting["id"];
        let moved = made(&teacher, "moveMeeting", json!({"id": id, "version": 1, "startsAt": in_may(5, 4, 0)})).await;
        assert_eq!(moved["status"], "RESCHEDULED");
        teacher.done("cancelMeeting", json!({"id": id, "reason": "Ill."}), "").await;
        let asks = app.sign_in(cast::PARENT).await;
        let request = json!({"staffId": app.staff(cast::TEACHER).await, "studentId": families[0].1, "startsAt": in_may(6, 4, 0)});
        let asked = made(&asks, "requestMeeting", request).await;
        teacher.done("acceptMeeting", json!({"id": asked["id"]}), "").await;
        app.clock.advance(chrono::Duration::days(60));
        teacher_again(&app, &asked["id"]).await;
        let kinds = app.database.texts("SELECT kind FROM events ORDER BY id").await;
        let expected = [
            "MEETING_SCHEDULED", "MEETING_MOVED", "MEETING_CANCELLED", "MEETING_REQUESTED", "MEETING_SCHEDULED", "MEETING_COMPLETED",
        ];
        assert_eq!(kinds, expected);
    }

    async fn meetings_that_end_with_who_leaves_are_told(app: TestApp) {
        let (families, teacher) = (families(&app).await, app.sign_in(cast::TEACHER).await);
        let meeting = made(&teacher, "offerMeeting", with(offer(&families[0], &in_may(4, 4, 0)), "minutes", 30)).await;
        forget(&app).await;
        let input = json!({"id": app.staff(cast::TEACHER).await, "endRoutines": true, "cancelMeetings": true});
        app.sign_in(cast::ADMIN).await.done("archiveStaff", input, "").await;
        let subject = app.open(meeting["id"].as_str().unwrap()).1;
        let told = format!("SELECT count(*) FROM events WHERE kind = 'MEETING_CANCELLED' AND subject_id = {subject}");
        assert_eq!(app.number(&told).await, 1);
    }

    async fn leave_concerns_who_is_away_and_the_course(app: TestApp) {
        let (student, parent) = (app.student(cast::STUDENT).await, app.sign_in(cast::PARENT).await);
        let input = about("studentId", &student, "2026-05-04", "2026-05-06");
        let made = parent.done("requestLeave", input, "leaveRequest { id }").await["leaveRequest"].clone();
        let number = app.open(&student).1;
        let course = app.number(&format!("SELECT course_id FROM students WHERE id = {number}")).await;
        assert_eq!(topics(&app, "LEAVE_REQUESTED").await, [format!("course:{course}"), format!("student:{number}")]);
        let hod = app.sign_in(cast::HOD).await;
        hod.done("decideLeaveRequest", decide(made["id"].as_str().unwrap(), "APPROVE"), "").await;
        hod.done("withdrawLeaveApproval", json!({"id": made["id"]}), "").await;
        let expected = [
            format!("LEAVE_DECIDED {number} 2"), format!("LEAVE_DECIDED {number} 2"), format!("LEAVE_REQUESTED {number} 2"),
        ];
        assert_eq!(events(&app).await, expected);
        let actor = app.number("SELECT actor_account_id FROM events WHERE kind = 'LEAVE_REQUESTED'").await;
        assert_eq!(actor, app.number(&format!("SELECT account_id FROM parents WHERE id = ({})", of("parents", cast::PARENT))).await);
    }

    async fn a_notice_is_told_by_the_mutation_that_is_done_once(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let notice = json!({"title": "t", "message": "m", "audience": {"everybody": true}, "clientMutationId": "k"});
        let first = admin.done("publishNotice", notice.clone(), "notice { id }").await;
        assert_eq!(admin.done("publishNotice", notice, "notice { id }").await, first);
        assert_eq!(events(&app).await, ["NOTICE_PUBLISHED 0 1"]);
        assert_eq!(topics(&app, "NOTICE_PUBLISHED").await, ["everybody"]);
        let subject = app.number("SELECT subject_id FROM events").await;
        assert_eq!(first["notice"]["id"], app.id(Kind::Notice, subject));
    }
}

/// The teacher's session has ended by then.
async fn teacher_again(app: &TestApp, meeting: &serde_json::Value) {
    let teacher = app.sign_in(cast::TEACHER).await;
    teacher.done("completeMeeting", json!({"id": meeting, "notes": "An hour a day."}), "").await;
}
