//! The dashboards of the reference system: each is one query of `docs/queries`, answered without an error and with what
//! SQL finds in the tables.

use std::collections::{BTreeMap, BTreeSet};

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    rules::{VIEWERS, Viewer, rule},
    support::{TestApp, of},
};

/// The last day of classes in the data, a Thursday; nothing is marked after it.
const DAY: &str = "2026-03-19";
/// The bit of Thursdays in a routine's weekdays.
const THURSDAY: &str = "(weekdays / 8) % 2 = 1";

/// The answer to a dashboard's query, which has no errors.
async fn dashboard(app: &TestApp, email: &str, query: &str, today: &str) -> Value {
    let variables = if query.contains("$today") { json!({"today": today}) } else { json!({}) };
    app.sign_in(email).await.ask_with(query, variables).await.ok().data
}

fn viewer(name: &str) -> &'static Viewer {
    VIEWERS.iter().find(|viewer| viewer.name == name).unwrap()
}

/// The number of a person, as a subquery.
fn person(table: &str, email: &str) -> String {
    format!("({})", of(table, email))
}

#[track_caller]
fn nodes(connection: &Value) -> Vec<&Value> {
    connection["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]).collect()
}

#[track_caller]
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().unwrap().iter().collect()
}

/// The ids of these objects, each of which must be there once.
#[track_caller]
fn ids_of(objects: &[&Value]) -> BTreeSet<String> {
    let ids: BTreeSet<String> = objects.iter().map(|object| object["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), objects.len(), "{objects:?}");
    ids
}

/// The ids of the rows that a query numbers; there must be some.
async fn ids(app: &TestApp, kind: Kind, query: &str) -> BTreeSet<String> {
    let ids: BTreeSet<String> =
        app.database.numbers(query).await.into_iter().map(|number| app.id(kind, number)).collect();
    assert!(!ids.is_empty(), "{query}: no rows to compare with");
    ids
}

async fn number(app: &TestApp, query: &str) -> i64 {
    app.database.numbers(query).await[0]
}

/// The four counts of attendance that a summary has.
#[track_caller]
fn counts(summary: &Value) -> [i64; 4] {
    ["present", "absent", "late", "excused"].map(|status| summary[status].as_i64().unwrap())
}

/// The same of the records of held classes for which a condition holds.
async fn recount(app: &TestApp, condition: &str) -> [i64; 4] {
    let mut counts = [0; 4];
    for (count, status) in counts.iter_mut().zip(["PRESENT", "ABSENT", "LATE", "EXCUSED"]) {
        let query = format!(
            "SELECT COUNT(*) FROM attendance_records r JOIN attendance_sessions s ON s.id = r.session_id \
             WHERE s.held AND r.status = '{status}' AND {condition}"
        );
        *count = number(app, &query).await;
    }
    counts
}

/// How many of these objects are in each status.
fn by_status(objects: &[&Value]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for object in objects {
        *counts.entry(object["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// How many rows of a table are in each status.
async fn rows_by_status(app: &TestApp, table: &str, condition: &str) -> BTreeMap<String, i64> {
    let query = format!("SELECT status || ' ' || COUNT(*) FROM {table} WHERE {condition} GROUP BY status");
    let rows = app.database.texts(&query).await;
    rows.iter()
        .map(|row| row.split_once(' ').unwrap())
        .map(|(status, n)| (status.to_owned(), n.parse().unwrap()))
        .collect()
}

/// Numbers that are per cent are compared as the database prints them.
#[track_caller]
fn close(found: &Value, expected: &str) {
    let (found, expected) = (found.as_f64().unwrap(), expected.parse::<f64>().unwrap());
    assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
}

/// Compares each marked class of an answer with a recount of its records, and its routine with the classes of the day.
async fn classes_are_marked(app: &TestApp, marked: &Value, of: &str) -> usize {
    let sessions = nodes(marked);
    let condition = format!("routine_id IN (SELECT id FROM routines WHERE {of})");
    let numbers =
        app.database.numbers(&format!("SELECT id FROM attendance_sessions WHERE date = '{DAY}' AND {condition}")).await;
    assert_eq!(sessions.len(), numbers.len());
    for session in numbers {
        let routine = app.id(
            Kind::Routine,
            number(app, &format!("SELECT routine_id FROM attendance_sessions WHERE id = {session}")).await,
        );
        let found = sessions.iter().find(|found| found["routine"]["id"] == json!(routine)).unwrap();
        assert_eq!(counts(&found["summary"]), recount(app, &format!("s.id = {session}")).await, "session {session}");
        assert_eq!(counts(&found["summary"]) == [0; 4], found["held"] == json!(false), "session {session}");
    }
    sessions.len()
}

on_both! {
    async fn of_an_hod(app: TestApp) {
        let query = include_str!("../../docs/queries/hod.graphql");
        let answer = dashboard(&app, cast::HOD, query, DAY).await;
        let headed = format!("(SELECT id FROM courses WHERE hod_id = {})", person("staff", cast::HOD));

        let courses = list(&answer["viewer"]["staff"]["headedCourses"]);
        assert_eq!(ids_of(&courses), ids(&app, Kind::Course, &headed[1..headed.len() - 1]).await);
        let course = courses[0];
        let students = format!("SELECT COUNT(*) FROM students WHERE archived_at IS NULL AND course_id IN {headed}");
        assert_eq!(course["students"]["totalCount"], number(&app, &students).await);
        assert_eq!(answer["students"]["totalCount"], number(&app, &students).await);
        assert_eq!(answer["staff"]["totalCount"], number(&app, "SELECT COUNT(*) FROM staff WHERE archived_at IS NULL").await);
        let subjects = format!("SELECT id FROM subjects WHERE course_id IN {headed}");
        assert_eq!(ids_of(&list(&course["subjects"])), ids(&app, Kind::Subject, &subjects).await);

        let progress = &course["progress"];
        let under_way = format!(
            "FROM course_trackings t JOIN students s ON s.id = t.student_id \
             WHERE s.archived_at IS NULL AND t.status = 'IN_PROGRESS' AND t.course_id IN {headed}"
        );
        close(&progress["averageCompletion"], &app.database.texts(&format!("SELECT CAST(AVG(completion) AS TEXT) {under_way}")).await[0]);
        for (field, condition) in [("students", "TRUE"), ("onTrack", "t.completion >= 75"), ("atRisk", "t.completion < 40")] {
            let expected = number(&app, &format!("SELECT COUNT(*) {under_way} AND {condition}")).await;
            assert_eq!(progress[field], expected, "{field}");
            assert!(expected > 0, "{field}: nobody to count");
        }

        let of = format!("active AND {THURSDAY} AND course_id IN {headed}");
        assert_eq!(ids_of(&nodes(&answer["classes"])), ids(&app, Kind::Routine, &format!("SELECT id FROM routines WHERE {of}")).await);
        assert!(classes_are_marked(&app, &answer["marked"], &of).await > 1, "classes were marked");
        let next = dashboard(&app, cast::HOD, query, "2026-03-20").await;
        assert!(!nodes(&next["classes"]).is_empty() && nodes(&next["marked"]).is_empty(), "nothing is marked yet");

        let feedback = app.database.numbers(&rule("TeacherFeedback").sql(viewer("HOD"), "TRUE")).await;
        assert_eq!(answer["feedback"]["totalCount"], feedback.len());
        let feedback = rule("TeacherFeedback").sql(viewer("HOD"), "TRUE").replace("ORDER BY x.id", "ORDER BY x.updated_at, x.id");
        let feedback = app.database.numbers(&feedback).await;
        let newest: Vec<String> = feedback.iter().rev().take(5).map(|number| app.id(Kind::TeacherFeedback, *number)).collect();
        let found: Vec<&str> = nodes(&answer["feedback"]).iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(found, newest);
    }

    async fn of_an_admission_officer(app: TestApp) {
        let answer = dashboard(&app, cast::ADMISSION, include_str!("../../docs/queries/admission.graphql"), DAY).await;
        let admitted = app.database.numbers("SELECT id FROM students WHERE archived_at IS NULL ORDER BY id DESC").await;
        assert_eq!(answer["recent"]["totalCount"], admitted.len());
        let recent: Vec<String> = admitted.iter().take(10).map(|number| app.id(Kind::Student, *number)).collect();
        let found: Vec<&str> = nodes(&answer["recent"]).iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(found, recent);
        assert!(nodes(&answer["recent"]).iter().any(|student| student["name"] == cast::NEWCOMER), "who came today");

        for (list, kind, table, members) in [
            ("batches", Kind::Batch, "batches", "id IN (SELECT student_id FROM batch_students WHERE batch_id ="),
            ("courses", Kind::Course, "courses", "(course_id ="),
        ] {
            let numbers = app.database.numbers(&format!("SELECT id FROM {table}")).await;
            let found = nodes(&answer[list]);
            assert_eq!(found.len(), numbers.len(), "{list}");
            for row in numbers {
                let one = found.iter().find(|one| one["id"] == json!(app.id(kind, row))).unwrap();
                let size = format!("SELECT COUNT(*) FROM students WHERE archived_at IS NULL AND {members} {row})");
                assert_eq!(one["students"]["totalCount"], number(&app, &size).await, "{list} {row}");
            }
        }
    }

    async fn of_a_teacher(app: TestApp) {
        let query = include_str!("../../docs/queries/teacher.graphql");
        let answer = dashboard(&app, cast::TEACHER, query, DAY).await;
        let me = person("staff", cast::TEACHER);
        let staff = &answer["viewer"]["staff"];
        let own = format!("active AND teacher_id = {me}");
        assert_eq!(ids_of(&list(&staff["routines"])), ids(&app, Kind::Routine, &format!("SELECT id FROM routines WHERE {own}")).await);
        let subjects = format!("SELECT DISTINCT subject_id FROM routines WHERE {own}");
        assert_eq!(ids_of(&list(&staff["subjects"])), ids(&app, Kind::Subject, &subjects).await);

        let thursdays: Vec<&Value> =
            list(&staff["routines"]).into_iter().filter(|slot| list(&slot["weekdays"]).contains(&&json!("THURSDAY"))).collect();
        let of = format!("{own} AND {THURSDAY}");
        assert_eq!(ids_of(&thursdays), ids(&app, Kind::Routine, &format!("SELECT id FROM routines WHERE {of}")).await);
        assert!(classes_are_marked(&app, &answer["marked"], &of).await > 0, "classes were marked");

        let leave = format!("staff_id = {me}");
        assert_eq!(by_status(&nodes(&staff["leaveRequests"])), rows_by_status(&app, "leave_requests", &leave).await);
        assert_eq!(nodes(&staff["leaveRequests"]).len(), 2, "one approved and one pending");
        let ratings = format!("SELECT COUNT(*) FROM teacher_feedback WHERE teacher_id = {me}");
        assert_eq!(staff["feedbackSummary"]["count"], number(&app, &ratings).await);
        let average = format!("SELECT CAST(AVG(half_stars) AS TEXT) FROM teacher_feedback WHERE teacher_id = {me}");
        close(&json!(staff["feedbackSummary"]["average"].as_f64().unwrap() * 2.0), &app.database.texts(&average).await[0]);
        assert_eq!(answer["students"]["totalCount"], rule("Student").reached(&app, viewer("STAFF")).await.len());
    }

    async fn of_a_student(app: TestApp) {
        let answer = dashboard(&app, cast::STUDENT, include_str!("../../docs/queries/student.graphql"), DAY).await;
        let (me, student) = (person("students", cast::STUDENT), &answer["viewer"]["student"]);
        let slots = format!(
            "SELECT r.id FROM routines r JOIN students s ON s.course_id = r.course_id AND s.current_period = r.period \
             WHERE r.active AND s.id = {me}"
        );
        assert_eq!(ids_of(&list(&student["routines"])), ids(&app, Kind::Routine, &slots).await);

        assert_eq!(counts(&student["attendanceSummary"]), recount(&app, &format!("r.student_id = {me}")).await);
        let subjects = list(&student["attendanceBySubject"]);
        let attended = format!("SELECT DISTINCT subject_id FROM attendance_records WHERE held AND student_id = {me}");
        let attended = app.database.numbers(&attended).await;
        assert_eq!(subjects.len(), attended.len());
        for subject in attended {
            let one = subjects.iter().find(|one| one["subject"]["id"] == json!(app.id(Kind::Subject, subject))).unwrap();
            assert_eq!(counts(&one["summary"]), recount(&app, &format!("r.student_id = {me} AND s.subject_id = {subject}")).await);
        }

        let tracking = format!("SELECT CAST(completion AS TEXT) FROM course_trackings WHERE student_id = {me}");
        close(&student["courseTrackings"][0]["completion"], &app.database.texts(&tracking).await[0]);
        let progress = format!("student_id = {me}");
        assert_eq!(by_status(&list(&student["subjectProgress"])), rows_by_status(&app, "subject_progress", &progress).await);
        let leave = by_status(&nodes(&student["leaveRequests"]));
        assert_eq!(leave, rows_by_status(&app, "leave_requests", &progress).await);
        assert_eq!(leave.keys().collect::<Vec<_>>(), ["APPROVED", "PENDING", "REJECTED"]);

        let notices = rule("Notice").reached(&app, viewer("STUDENT")).await;
        assert_eq!(answer["notices"]["totalCount"], notices.len());
        let read = format!("SELECT notice_id FROM notice_reads WHERE account_id = (SELECT account_id FROM students WHERE id = {me})");
        let read: Vec<String> = app.database.numbers(&read).await.into_iter().map(|n| app.id(Kind::Notice, n)).collect();
        for notice in nodes(&answer["notices"]) {
            assert_eq!(notice["readAt"].is_string(), read.iter().any(|id| notice["id"] == json!(id)), "{notice}");
        }
    }

    async fn of_a_parent(app: TestApp) {
        let query = include_str!("../../docs/queries/parent.graphql");
        let (answer, today) = (dashboard(&app, cast::PARENT, query, DAY).await, dashboard(&app, cast::PARENT, query, "2026-03-20").await);
        let (me, parent) = (person("parents", cast::PARENT), &answer["viewer"]["parent"]);
        let children = app.database.numbers(&format!("SELECT student_id FROM parent_students WHERE parent_id = {me}")).await;
        let found = nodes(&parent["students"]);
        assert_eq!((found.len(), children.len()), (2, 2));
        for child in children {
            let one = found.iter().find(|one| one["id"] == json!(app.id(Kind::Student, child))).unwrap();
            let of = format!("student_id = {child}");
            let present = rows_by_status(&app, "attendance_records", &format!("{of} AND date = '{DAY}'")).await;
            assert_eq!(by_status(&nodes(&one["today"])), present, "child {child}");
            assert!(!present.is_empty(), "child {child} had classes");
            let records = format!("SELECT id FROM attendance_records WHERE {of} AND date = '{DAY}'");
            assert_eq!(ids_of(&nodes(&one["today"])), ids(&app, Kind::AttendanceRecord, &records).await);
            assert_eq!(counts(&one["attendanceSummary"]), recount(&app, &format!("r.{of}")).await, "child {child}");
            let tracking = format!("SELECT CAST(completion AS TEXT) FROM course_trackings WHERE {of}");
            close(&one["courseTrackings"][0]["completion"], &app.database.texts(&tracking).await[0]);
            assert_eq!(by_status(&list(&one["subjectProgress"])), rows_by_status(&app, "subject_progress", &of).await);
            assert_eq!(by_status(&nodes(&one["leaveRequests"])), rows_by_status(&app, "leave_requests", &of).await);
            let slots = format!(
                "SELECT r.id FROM routines r JOIN students s ON s.course_id = r.course_id AND s.current_period = r.period \
                 WHERE r.active AND s.id = {child}"
            );
            assert_eq!(ids_of(&list(&one["routines"])), ids(&app, Kind::Routine, &slots).await);
        }
        for child in nodes(&today["viewer"]["parent"]["students"]) {
            assert!(nodes(&child["today"]).is_empty(), "nothing is marked yet");
        }
        let meetings = rule("Meeting").sql(viewer("PARENT"), "TRUE");
        assert_eq!(ids_of(&nodes(&answer["meetings"])), ids(&app, Kind::Meeting, &meetings).await);
        let feedback = format!("SELECT id FROM teacher_feedback WHERE parent_id = {me}");
        assert_eq!(ids_of(&nodes(&parent["teacherFeedback"])), ids(&app, Kind::TeacherFeedback, &feedback).await);
    }
}
