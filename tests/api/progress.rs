//! Progress in subjects, course trackings, and students who move on to their next period.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::{
    admission::course,
    support::{Client, TestApp, errors, of},
};

const PROGRESS: &str = "subjectProgress { id status completion notes version subject { code } student { id } }";
const TRACKING: &str = "courseTracking { id status expectedEnd actualEnd completion version }";

async fn student(app: &TestApp, email: &str) -> (i64, String) {
    let number = app.number(&of("students", email)).await;
    (number, app.id(Kind::Student, number))
}

/// The id and the number of a student's tracking of their course.
async fn tracking(app: &TestApp, student: i64) -> (i64, String) {
    let query = format!(
        "SELECT t.id FROM course_trackings t JOIN students s ON s.id = t.student_id AND s.course_id = t.course_id WHERE s.id = {student}"
    );
    let number = app.number(&query).await;
    (number, app.id(Kind::CourseTracking, number))
}

/// The completion that a student's course should have, from the rows that it follows from.
async fn completion(app: &TestApp, student: i64) -> f64 {
    let course = format!("(SELECT course_id FROM students WHERE id = {student})");
    let count = |query: String| async move { f64::from(i32::try_from(app.number(&query).await).unwrap()) };
    let subjects = count(format!("SELECT count(*) FROM subjects WHERE course_id = {course}")).await;
    let done = count(format!(
        "SELECT count(*) FROM subject_progress p JOIN subjects s ON s.id = p.subject_id WHERE p.student_id = {student} AND p.status = 'COMPLETED' \
         AND s.course_id = {course}"
    ))
    .await;
    let attended = |statuses: &str| {
        format!(
            "SELECT count(*) FROM attendance_records r JOIN subjects s ON s.id = r.subject_id WHERE r.student_id = {student} AND r.held \
             AND s.course_id = {course} AND r.status IN ({statuses})"
        )
    };
    let (there, counted) =
        (count(attended("'PRESENT', 'LATE'")).await, count(attended("'PRESENT', 'LATE', 'ABSENT'")).await);
    70.0 * done / subjects + 30.0 * there / counted
}

/// What the API says of it.
async fn shown(client: &Client, tracking: &str) -> f64 {
    let query = "query($id: ID!) { node(id: $id) { ... on CourseTracking { completion } } }";
    client.ask_with(query, json!({"id": tracking})).await.ok().at("/node/completion").as_f64().unwrap()
}

async fn denied_to_others(app: &TestApp, mutation: &str, input: &Value, may: &[&str]) {
    for (role, client) in app.everybody().await {
        if !may.contains(&role) {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(app.denied(&client, mutation, input.clone()).await, code, "{role} {mutation}");
        }
    }
}

/// How many students are in another period than their tracking says.
async fn out_of_step(app: &TestApp) -> i64 {
    let query = "SELECT count(*) FROM students s JOIN course_trackings t ON t.student_id = s.id AND t.course_id = s.course_id \
                 WHERE t.current_period <> s.current_period";
    app.number(query).await
}

/// Puts the students of a course and their trackings back into its first period.
async fn begin_again(app: &TestApp, code: &str) {
    let course = format!("course_id = (SELECT id FROM courses WHERE code = '{code}')");
    for table in ["students", "course_trackings"] {
        app.database.execute(&format!("UPDATE {table} SET current_period = 1 WHERE {course}")).await;
    }
}

/// The id of the evening batch, which is across courses.
async fn evening(app: &TestApp) -> (i64, String) {
    let number = app.number("SELECT batch_id FROM batch_courses GROUP BY batch_id HAVING count(*) = 3").await;
    (number, app.id(Kind::Batch, number))
}

on_both! {
    async fn progress_in_a_subject_is_entered_and_completion_follows(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (number, id) = student(&app, cast::STUDENT).await;
        let (_, course) = tracking(&app, number).await;
        let subject = "SELECT max(s.id) FROM subjects s JOIN students t ON t.course_id = s.course_id WHERE t.id =";
        let subject = app.number(&format!("{subject} {number}")).await;
        app.database.execute(&format!("DELETE FROM subject_progress WHERE student_id = {number} AND subject_id = {subject}")).await;
        let set = |version: Option<i32>, status: &str, rest: Value| {
            let mut input = json!({"studentId": id, "subjectId": app.id(Kind::Subject, subject), "version": version, "status": status});
            input.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            input
        };
        let mut last = -100.0;
        let steps = [
            (set(None, "IN_PROGRESS", json!({"completion": 40.5, "notes": " Half. "})), "IN_PROGRESS", 40.5, json!("Half.")),
            (set(Some(1), "COMPLETED", json!({})), "COMPLETED", 100.0, json!("Half.")),
            (set(Some(2), "IN_PROGRESS", json!({"completion": 99, "notes": null})), "IN_PROGRESS", 99.0, Value::Null),
            (set(Some(3), "NOT_STARTED", json!({})), "NOT_STARTED", 0.0, Value::Null),
        ];
        for (i, (input, status, completed, notes)) in steps.into_iter().enumerate() {
            let row = hod.done("setSubjectProgress", input, PROGRESS).await["subjectProgress"].clone();
            assert_eq!((&row["status"], &row["completion"], &row["notes"]), (&json!(status), &json!(completed), &notes));
            assert_eq!((&row["version"], &row["student"]["id"]), (&json!(i + 1), &json!(id)));
            let (now, expected) = (shown(&hod, &course).await, completion(&app, number).await);
            assert!((now - expected).abs() < 1e-9, "{now} instead of {expected}");
            assert!((now - last).abs() > 1.0 || i == 3, "it moves");
            last = now;
        }
        let entries = app.database.texts("SELECT subject_type || coalesce(before, '-') FROM audit_entries ORDER BY id").await;
        assert_eq!(entries.len(), 4);
        assert!(entries[0] == "SubjectProgress-" && entries[1].contains("40.5"), "{entries:?}");
    }

    async fn progress_in_a_subject_keeps_its_rules(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (number, id) = student(&app, cast::STUDENT).await;
        let of_course = |comparison: &str| format!("SELECT min(id) FROM subjects WHERE course_id {comparison} (SELECT course_id FROM students WHERE id = {number})");
        let (own, other) = (app.number(&of_course("=")).await, app.number(&of_course("<>")).await);
        let version = app.number(&format!("SELECT CAST(version AS bigint) FROM subject_progress WHERE student_id = {number} AND subject_id = {own}")).await;
        let own = app.id(Kind::Subject, own);
        let set = |subject: &str, version: Option<i64>, status: &str, completion: f64| {
            json!({"studentId": id, "subjectId": subject, "version": version, "status": status, "completion": completion})
        };
        for (input, expected) in [
            (set(&app.id(Kind::Subject, other), None, "IN_PROGRESS", 5.0), vec!["subjectId NOT_IN_CLASS"]),
            (set(&id, None, "IN_PROGRESS", 5.0), vec!["subjectId NOT_FOUND"]),
            (set(&own, None, "IN_PROGRESS", 5.0), vec!["version STALE"]),
            (set(&own, Some(version + 1), "IN_PROGRESS", 100.5), vec!["completion OUT_OF_RANGE", "version STALE"]),
            (set(&own, Some(version), "IN_PROGRESS", -0.5), vec!["completion OUT_OF_RANGE"]),
            (set(&own, Some(version), "IN_PROGRESS", 100.0), vec!["completion OUT_OF_RANGE"]),
            (set(&own, Some(version), "COMPLETED", 99.9), vec!["completion OUT_OF_RANGE"]),
            (set(&own, Some(version), "NOT_STARTED", 1.0), vec!["completion OUT_OF_RANGE"]),
            (set(&own, Some(version), "DROPPED", 100.0), vec!["completion OUT_OF_RANGE"]),
        ] {
            assert_eq!(app.refused(&hod, "setSubjectProgress", input.clone()).await, expected, "{input}");
        }
        let mut input = set(&own, Some(version), "IN_PROGRESS", 5.0);
        input["notes"] = json!("a\u{0}");
        assert_eq!(app.refused(&hod, "setSubjectProgress", input).await, ["notes INVALID"]);
        let input = set(&own, Some(version), "IN_PROGRESS", 5.0);
        denied_to_others(&app, "setSubjectProgress", &input, &["ADMIN", "HOD"]).await;
        assert_eq!(app.denied(&app.sign_in(cast::HOD_TEACHER).await, "setSubjectProgress", input.clone()).await, "FORBIDDEN");
        assert_eq!(app.refused(&app.sign_in(cast::HOD_OF_TWO).await, "setSubjectProgress", input.clone()).await, ["studentId NOT_FOUND"]);
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-01 00:00:00' WHERE id = {number}")).await;
        let admin = app.sign_in(cast::ADMIN).await;
        assert_eq!(app.refused(&admin, "setSubjectProgress", input).await, ["studentId WRONG_STATUS"]);
    }

    async fn of_two_who_enter_the_first_progress_one_is_told_that_there_is_some(app: TestApp) {
        let (number, id) = student(&app, cast::STUDENT).await;
        let subjects = app.database.numbers(&format!("SELECT s.id FROM subjects s JOIN students t ON t.course_id = s.course_id WHERE t.id = {number} ORDER BY 1")).await;
        let (hod, admin) = (app.sign_in(cast::HOD).await, app.sign_in(cast::ADMIN).await);
        for round in 0..25 {
            let subject = subjects[round % subjects.len()];
            app.database.execute(&format!("DELETE FROM subject_progress WHERE student_id = {number} AND subject_id = {subject}")).await;
            let set = |status: &str| json!({"studentId": id, "subjectId": app.id(Kind::Subject, subject), "status": status});
            let (a, b) = (set("IN_PROGRESS"), set("COMPLETED"));
            let (a, b) = tokio::join!(hod.change("setSubjectProgress", &a, ""), admin.change("setSubjectProgress", &b, ""));
            let mut outcomes = [errors(&a), errors(&b)];
            outcomes.sort();
            assert_eq!(outcomes, [vec![], vec!["version STALE".to_owned()]]);
        }
    }

    async fn a_tracking_is_edited(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (number, _) = student(&app, cast::STUDENT).await;
        let (row, id) = tracking(&app, number).await;
        let edit = json!({"id": id, "version": 1, "status": "DROPPED", "expectedEnd": "2030-01-31", "notes": "Moved away."});
        let after = hod.done("editCourseTracking", edit, "courseTracking { status expectedEnd actualEnd notes version }").await["courseTracking"].clone();
        assert_eq!(after, json!({"status": "DROPPED", "expectedEnd": "2030-01-31", "actualEnd": "2026-03-20", "notes": "Moved away.", "version": 2}));
        app.database.execute(&format!("UPDATE course_trackings SET completion = 0 WHERE id = {row}")).await;
        let again = json!({"id": id, "version": 2, "status": "IN_PROGRESS", "notes": null});
        let after = hod.done("editCourseTracking", again, TRACKING).await["courseTracking"].clone();
        assert_eq!((&after["status"], &after["actualEnd"], &after["version"]), (&json!("IN_PROGRESS"), &Value::Null, &json!(3)));
        assert!((after["completion"].as_f64().unwrap() - completion(&app, number).await).abs() < 1e-9, "it is computed anew");
        let admission = app.sign_in(cast::ADMISSION).await;
        admission.done("editCourseTracking", json!({"id": id, "version": 3, "expectedEnd": "2030-02-28"}), TRACKING).await;
        let audited = app.database.texts("SELECT after FROM audit_entries ORDER BY id").await;
        assert_eq!(audited[2], "{\"expected_end\":\"2030-02-28\"}");
    }

    async fn a_tracking_keeps_its_rules(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (number, student) = student(&app, cast::STUDENT).await;
        let (row, id) = tracking(&app, number).await;
        let started = app.database.texts(&format!("SELECT CAST(started_on AS text) FROM course_trackings WHERE id = {row}")).await.remove(0);
        let edit = |version: i32, fields: Value| {
            let mut input = json!({"id": id, "version": version});
            input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            input
        };
        for (input, expected) in [
            (edit(2, json!({"status": null, "expectedEnd": null, "notes": "a\u{0}"})), vec!["status REQUIRED", "expectedEnd REQUIRED", "notes INVALID", "version STALE"]),
            (edit(1, json!({"expectedEnd": started})), vec!["expectedEnd OUT_OF_RANGE"]),
            (edit(1, json!({"status": "COMPLETED"})), vec!["status WRONG_STATUS"]),
        ] {
            assert_eq!(app.refused(&hod, "editCourseTracking", input).await, expected);
        }
        assert_eq!(app.refused(&hod, "editCourseTracking", json!({"id": student, "version": 1})).await, ["id NOT_FOUND"]);
        let plain = edit(1, json!({"expectedEnd": "2031-01-01"}));
        denied_to_others(&app, "editCourseTracking", &plain, &["ADMIN", "HOD", "ADMISSION"]).await;
        let admission = app.sign_in(cast::ADMISSION).await;
        assert_eq!(app.denied(&admission, "editCourseTracking", edit(1, json!({"notes": "X"}))).await, "FORBIDDEN");
        assert_eq!(app.denied(&app.sign_in(cast::HOD_TEACHER).await, "editCourseTracking", plain.clone()).await, "FORBIDDEN");
        assert_eq!(app.refused(&app.sign_in(cast::HOD_OF_TWO).await, "editCourseTracking", plain).await, ["id NOT_FOUND"]);
        // Every subject completed and every class attended: completion follows from that, whatever is written beside it.
        app.database
            .execute(&format!(
                "INSERT INTO subject_progress (student_id, subject_id, status, completion) \
                 SELECT {number}, j.id, 'COMPLETED', 100 FROM subjects j JOIN students s ON s.course_id = j.course_id \
                 WHERE s.id = {number} ON CONFLICT (student_id, subject_id) DO UPDATE SET status = 'COMPLETED', completion = 100"
            ))
            .await;
        app.database.execute(&format!("UPDATE attendance_totals SET absent = 0 WHERE student_id = {number}")).await;
        // At 100 % it is completed and nothing else; where the student has left it is under way no more.
        app.database.execute(&format!("UPDATE course_trackings SET completion = 100, status = 'DROPPED', actual_end = '2026-03-20' WHERE id = {row}")).await;
        assert_eq!(app.refused(&hod, "editCourseTracking", edit(1, json!({"status": "IN_PROGRESS"}))).await, ["status WRONG_STATUS"]);
        let done = hod.done("editCourseTracking", edit(1, json!({"status": "COMPLETED"})), TRACKING).await["courseTracking"].clone();
        assert_eq!((&done["status"], &done["actualEnd"]), (&json!("COMPLETED"), &json!("2026-03-20")));
        app.database.execute(&format!("UPDATE course_trackings SET completion = 50, status = 'DROPPED' WHERE id = {row}")).await;
        app.database.execute(&format!("UPDATE students SET course_id = (SELECT id FROM courses WHERE code = 'DSN') WHERE id = {number}")).await;
        assert_eq!(app.refused(&hod, "editCourseTracking", edit(2, json!({"status": "NOT_STARTED"}))).await, ["status WRONG_STATUS"]);
        assert_eq!(app.refused(&admission, "editCourseTracking", edit(2, json!({"status": "IN_PROGRESS"}))).await, ["status WRONG_STATUS"]);
    }

    async fn a_student_moves_on_with_the_tracking(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let (number, id) = student(&app, cast::SIBLING).await;
        let (row, _) = tracking(&app, number).await;
        app.database.execute(&format!("UPDATE students SET current_period = 2 WHERE id = {number}")).await;
        app.database.execute(&format!("UPDATE course_trackings SET current_period = 2, status = 'NOT_STARTED' WHERE id = {row}")).await;
        let fields = "student { currentPeriod version courseTrackings { status currentPeriod periodStartedOn periodEndsOn version } }";
        let moved = admission.done("advanceStudentPeriod", json!({"studentId": id, "version": 1}), fields).await["student"].clone();
        let tracking = json!([{"status": "IN_PROGRESS", "currentPeriod": 3, "periodStartedOn": "2026-03-20", "periodEndsOn": "2026-09-19", "version": 2}]);
        assert_eq!(moved, json!({"currentPeriod": 3, "version": 2, "courseTrackings": tracking}));
        // A tracking that is missing is made.
        app.database.execute(&format!("DELETE FROM course_trackings WHERE id = {row}")).await;
        let moved = admission.done("advanceStudentPeriod", json!({"studentId": id, "version": 2}), fields).await["student"].clone();
        let tracking = json!([{"status": "IN_PROGRESS", "currentPeriod": 4, "periodStartedOn": "2026-03-20", "periodEndsOn": "2026-09-19", "version": 1}]);
        assert_eq!(moved, json!({"currentPeriod": 4, "version": 3, "courseTrackings": tracking}));
        let entries = app.database.texts("SELECT subject_type || coalesce(before, '-') FROM audit_entries ORDER BY id").await;
        assert_eq!((entries.len(), &entries[0], &entries[3]), (4, &"Student{\"current_period\":2}".to_owned(), &"CourseTracking-".to_owned()));
        // The last period is the last.
        assert_eq!(app.refused(&admission, "advanceStudentPeriod", json!({"studentId": id, "version": 3})).await, ["studentId OUT_OF_RANGE"]);
        let name = app.database.texts(&format!("SELECT name FROM students WHERE id = {number}")).await.remove(0);
        let answer = admission.change("advanceStudentPeriod", &json!({"studentId": id, "version": 3}), "").await;
        assert!(answer["userErrors"][0]["message"].as_str().unwrap().contains(&name), "{answer}");
    }

    async fn who_moves_on_is_active_and_in_a_course(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (number, id) = student(&app, cast::STUDENT).await;
        app.database.execute(&format!("UPDATE students SET current_period = 1 WHERE id = {number}")).await;
        app.database.execute(&format!("UPDATE course_trackings SET current_period = 1 WHERE student_id = {number}")).await;
        let input = json!({"studentId": id, "version": 1});
        denied_to_others(&app, "advanceStudentPeriod", &input, &["ADMIN", "HOD", "ADMISSION"]).await;
        assert_eq!(app.denied(&app.sign_in(cast::HOD_TEACHER).await, "advanceStudentPeriod", input.clone()).await, "FORBIDDEN");
        assert_eq!(app.refused(&app.sign_in(cast::HOD_OF_TWO).await, "advanceStudentPeriod", input.clone()).await, ["studentId NOT_FOUND"]);
        for status in ["LEAVE", "COMPLETED"] {
            app.database.execute(&format!("UPDATE students SET status = '{status}' WHERE id = {number}")).await;
            assert_eq!(app.refused(&hod, "advanceStudentPeriod", input.clone()).await, ["studentId WRONG_STATUS"], "{status}");
        }
        app.database.execute(&format!("UPDATE students SET status = 'ACTIVE', version = 2 WHERE id = {number}")).await;
        assert_eq!(app.refused(&hod, "advanceStudentPeriod", input.clone()).await, ["version STALE"]);
        hod.done("advanceStudentPeriod", json!({"studentId": id, "version": 2}), "").await;
        let admin = app.sign_in(cast::ADMIN).await;
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-01 00:00:00', current_period = 1 WHERE id = {number}")).await;
        assert_eq!(app.refused(&admin, "advanceStudentPeriod", json!({"studentId": id, "version": 3})).await, ["studentId WRONG_STATUS"]);
        app.database.execute(&format!("UPDATE students SET archived_at = NULL, course_id = NULL, current_period = NULL WHERE id = {number}")).await;
        assert_eq!(app.refused(&admin, "advanceStudentPeriod", json!({"studentId": id, "version": 3})).await, ["studentId WRONG_STATUS"]);
    }

    async fn a_batch_moves_on_and_nobody_else_does(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (batch, id) = evening(&app).await;
        let business = course(&app, "BUS").await;
        let members = |condition: &str| {
            format!(
                "SELECT s.id FROM students s JOIN batch_students b ON b.student_id = s.id WHERE b.batch_id = {batch} AND {condition} \
                 AND s.course_id = (SELECT id FROM courses WHERE code = 'BUS') ORDER BY s.id"
            )
        };
        begin_again(&app, "BUS").await;
        // Somebody of each kind who stays: on leave, archived, in another period, and those of other courses and batches.
        let mut first = app.database.numbers(&members("s.current_period = 1 AND s.status = 'ACTIVE' AND s.archived_at IS NULL")).await;
        assert!(first.len() > 3, "{first:?}");
        let (away, gone, further) = (first.remove(0), first.remove(0), first.remove(0));
        for table in ["students", "course_trackings"] {
            let who = if table == "students" { "id" } else { "student_id" };
            let course = "course_id = (SELECT id FROM courses WHERE code = 'BUS')";
            app.database.execute(&format!("UPDATE {table} SET current_period = 2 WHERE {who} = {further} AND {course}")).await;
        }
        app.database.execute(&format!("UPDATE students SET status = 'LEAVE' WHERE id = {away}")).await;
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-01 00:00:00' WHERE id = {gone}")).await;
        let list: Vec<String> = first.iter().map(ToString::to_string).collect();
        let others = format!(
            "SELECT id || ' ' || coalesce(CAST(current_period AS text), '-') || ' ' || version FROM students WHERE id NOT IN ({}) ORDER BY id",
            list.join(", ")
        );
        let before = app.database.texts(&others).await;
        let advance = json!({"batchId": id, "courseId": business, "fromPeriod": 1});
        let done = hod.done("advanceBatchPeriod", advance.clone(), "batch { id } students").await;
        assert_eq!((&done["batch"]["id"], &done["students"]), (&json!(id), &json!(first.len())));
        assert_eq!(app.database.texts(&others).await, before);
        let moved = format!("SELECT count(*) FROM students WHERE current_period = 2 AND version = 2 AND id IN ({})", list.join(", "));
        assert_eq!(app.number(&moved).await, i64::try_from(first.len()).unwrap());
        assert_eq!(out_of_step(&app).await, 0);
        let begun = format!(
            "SELECT count(*) FROM course_trackings WHERE period_started_on = '2026-03-20' AND period_ends_on = '2027-03-19' AND version = 2 AND \
             student_id IN ({})",
            list.join(", ")
        );
        assert_eq!(app.number(&begun).await, i64::try_from(first.len()).unwrap());
        assert_eq!(app.number("SELECT count(*) FROM audit_entries WHERE action = 'advanceBatchPeriod'").await, 2 * i64::try_from(first.len()).unwrap());
        // Sent again, there is nobody left in that period; and from the last one nobody goes on.
        // Nor for who reaches those as well who are archived.
        for client in [&hod, &app.sign_in(cast::ADMIN).await] {
            assert_eq!(app.refused(client, "advanceBatchPeriod", advance.clone()).await, ["fromPeriod WRONG_STATUS"]);
        }
        let second = json!({"batchId": id, "courseId": business, "fromPeriod": 2});
        assert_eq!(app.refused(&hod, "advanceBatchPeriod", second.clone()).await, ["fromPeriod OUT_OF_RANGE"]);
        let answer = hod.change("advanceBatchPeriod", &second, "").await;
        let names = app.database.texts(&members("s.current_period = 2 AND s.status = 'ACTIVE' AND s.archived_at IS NULL").replace("SELECT s.id", "SELECT s.name")
            .replace("ORDER BY s.id", "ORDER BY s.name, s.id")).await;
        let message = answer["userErrors"][0]["message"].as_str().unwrap();
        assert!(names.iter().take(5).all(|name| message.contains(name)), "{message}: {names:?}");
    }

    async fn a_batch_is_moved_by_who_may_in_the_course(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (_, id) = evening(&app).await;
        begin_again(&app, "BUS").await;
        let (business, computing) = (course(&app, "BUS").await, course(&app, "CMP").await);
        let advance = |batch: &str, course: &str| json!({"batchId": batch, "courseId": course, "fromPeriod": 1});
        assert_eq!(app.denied(&hod, "advanceBatchPeriod", advance(&id, &computing)).await, "FORBIDDEN");
        assert_eq!(app.denied(&app.sign_in(cast::HOD_TEACHER).await, "advanceBatchPeriod", advance(&id, &business)).await, "FORBIDDEN");
        denied_to_others(&app, "advanceBatchPeriod", &advance(&id, &business), &["ADMIN", "HOD", "ADMISSION"]).await;
        assert_eq!(app.refused(&hod, "advanceBatchPeriod", advance(&business, &business)).await, ["batchId NOT_FOUND"]);
        assert_eq!(app.refused(&hod, "advanceBatchPeriod", advance(&business, &id)).await, ["batchId NOT_FOUND", "courseId NOT_FOUND"]);
        app.sign_in(cast::ADMISSION).await.done("advanceBatchPeriod", advance(&id, &business), "").await;
    }

    async fn a_batch_of_many_takes_as_many_statements_as_one_of_few(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let business = course(&app, "BUS").await;
        app.database.execute("INSERT INTO batches (name) VALUES ('Few'), ('Many')").await;
        let student = "s.course_id = (SELECT id FROM courses WHERE code = 'BUS') AND s.current_period = 1 AND s.status = 'ACTIVE' AND s.archived_at IS NULL";
        let few = format!("SELECT min(s.id) FROM students s WHERE {student}");
        let few = format!("SELECT s.id FROM students s WHERE s.id = ({few}) OR s.id = ({few} AND s.id > ({few}))");
        app.database.execute(&format!("INSERT INTO batch_students (batch_id, student_id) SELECT b.id, f.id FROM batches b, ({few}) f WHERE b.name = 'Few'")).await;
        let many = format!("SELECT s.id FROM students s WHERE {student} AND s.id NOT IN ({few})");
        app.database.execute(&format!("INSERT INTO batch_students (batch_id, student_id) SELECT b.id, m.id FROM batches b, ({many}) m WHERE b.name = 'Many'")).await;
        let mut counted = Vec::new();
        for name in ["Few", "Many"] {
            let batch = app.id_of(Kind::Batch, &format!("SELECT id FROM batches WHERE name = '{name}'")).await;
            let before = app.api.services().db.statements();
            let done = admission.done("advanceBatchPeriod", json!({"batchId": batch, "courseId": business, "fromPeriod": 1}), "students").await;
            counted.push((done["students"].as_i64().unwrap(), app.api.services().db.statements() - before));
        }
        assert!(counted[0].0 == 2 && counted[1].0 > 20, "{counted:?}");
        assert_eq!(counted[0].1, counted[1].1, "{counted:?}");
    }

    async fn two_at_once_never_skip_a_period(app: TestApp) {
        let (admin, admission) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::ADMISSION).await);
        let (number, id) = student(&app, cast::SIBLING).await;
        let (row, _) = tracking(&app, number).await;
        for round in 0..25 {
            app.database.execute(&format!("UPDATE students SET current_period = 1 WHERE id = {number}")).await;
            app.database.execute(&format!("UPDATE course_trackings SET current_period = 1 WHERE id = {row}")).await;
            let input = json!({"studentId": id, "version": round + 1});
            let (a, b) = tokio::join!(admin.change("advanceStudentPeriod", &input, ""), admission.change("advanceStudentPeriod", &input, ""));
            let mut outcomes = [errors(&a), errors(&b)];
            outcomes.sort();
            assert_eq!(outcomes, [vec![], vec!["version STALE".to_owned()]]);
            assert_eq!(app.number(&format!("SELECT CAST(current_period AS bigint) FROM students WHERE id = {number}")).await, 2);
            assert_eq!(out_of_step(&app).await, 0);
        }
    }

    async fn two_at_once_never_move_a_batch_twice(app: TestApp) {
        let (hod, admission) = (app.sign_in(cast::HOD_TEACHER).await, app.sign_in(cast::ADMISSION).await);
        let (batch, id) = evening(&app).await;
        let computing = course(&app, "CMP").await;
        let input = json!({"batchId": id, "courseId": computing, "fromPeriod": 1});
        let members = format!(
            "SELECT s.id FROM students s JOIN batch_students b ON b.student_id = s.id WHERE b.batch_id = {batch} AND s.status = 'ACTIVE' \
             AND s.course_id = (SELECT id FROM courses WHERE code = 'CMP')"
        );
        for _ in 0..25 {
            begin_again(&app, "CMP").await;
            let (a, b) = tokio::join!(hod.change("advanceBatchPeriod", &input, "students"), admission.change("advanceBatchPeriod", &input, "students"));
            let mut outcomes = [errors(&a), errors(&b)];
            outcomes.sort();
            assert_eq!(outcomes, [vec![], vec!["fromPeriod WRONG_STATUS".to_owned()]]);
            assert_eq!(app.number(&format!("SELECT count(*) FROM students WHERE current_period <> 2 AND id IN ({members})")).await, 0);
            assert_eq!(out_of_step(&app).await, 0);
        }
    }

    async fn a_tracking_stays_in_step_whatever_is_done(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (business, computing) = (course(&app, "BUS").await, course(&app, "CMP").await);
        let made = admin.done("admitStudent", json!({"name": "N", "courseId": computing, "period": 2}), "student { id }").await["student"].clone();
        assert_eq!(out_of_step(&app).await, 0);
        let id = made["id"].clone();
        for (mutation, input) in [
            ("advanceStudentPeriod", json!({"studentId": id, "version": 1})),
            ("enrolStudent", json!({"studentId": id, "version": 2, "courseId": business})),
            ("advanceStudentPeriod", json!({"studentId": id, "version": 3})),
            ("enrolStudent", json!({"studentId": id, "version": 4, "courseId": computing, "period": 4})),
            ("archiveStudent", json!({"id": id})),
            ("restoreStudent", json!({"id": id})),
        ] {
            admin.done(mutation, input, "").await;
            assert_eq!(out_of_step(&app).await, 0, "{mutation}");
        }
    }
}
