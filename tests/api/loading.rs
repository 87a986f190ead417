//! Loading: the number of SQL statements depends on a query's shape, never on how many rows it returns.

use std::collections::BTreeSet;

use async_graphql::parser::{
    parse_query,
    types::{Selection, SelectionSet},
};
use rollcall::{demo::cast, ids::Kind};
use serde_json::json;

use crate::{
    hard::jobs,
    support::{Client, TestApp, of, schema::SCHEMA},
};

/// A big query for each root of those who ask it (a sheet is of the class `$routine` on `$date`, which has corrections), with how many rows are few and how many are many: already among the few
/// there is something of everything that is nested, so that the same statements have something to find.
const ROOTS: [(&str, &str, i32, i32); 26] = [
    (cast::ADMIN, "exports(first: $first) { totalCount edges { node { content course { name } } } }", 2, 8),
    (
        cast::ADMIN,
        "accessEntries(first: $first, filter: {coordinate: \"Student.citizenshipNumber\"}) { totalCount edges { node { \
         actor { email } apiKey { scope } subjects { id } } } }",
        2,
        8,
    ),
    (
        cast::ADMIN,
        "auditEntries(first: $first) { totalCount edges { node { actor { email } subject { id } changes { after } } } }",
        2,
        8,
    ),
    (
        cast::ADMIN,
        "apiKeys(first: $first) { totalCount edges { node { active createdBy { email identities { issuer } } viewerCan { revoke } } } } \
         jobs(first: $first) { totalCount edges { node { lastError viewerCan { requeue } } } } \
         signInProviders { title } \
         report { studentsByStatus { students } attendanceByMonth { attendancePercentage } studentLeave { requests } \
         staffLeave { requests } teacherRating instituteRatings { average } }",
        2,
        8,
    ),
    (
        cast::ADMIN,
        "viewer { sessions(first: $first) { totalCount edges { node { device current viewerCan { end } } } } } \
         students(first: $first) { edges { node { account { active sessions(first: 2) { totalCount edges { node { lastUsedAt } } } } } } } \
         parents(first: $first) { edges { node { account { email } } } } staff(first: $first) { edges { node { account { email } } } }",
        2,
        8,
    ),
    (
        cast::HOD,
        "students(first: $first) { totalCount edges { node { phone email viewerCan { enrol advancePeriod } course { hod { name } } batches { courses { code } } \
         parents { name phone teacherFeedback(first: 2) { totalCount edges { node { teacher { name } } } } } \
         routines { subject { code } } attendanceSummary { percentage } march: attendanceSummary(from: \"2026-03-01\") { present } \
         attendanceBySubject { subject { name } summary { late } } attendanceByMonth { month summary { absent } } \
         attendanceRecords(first: 3) { totalCount edges { node { session { markedAt } subject { code } corrections { reason } } } } \
         meetings(first: 2) { totalCount edges { node { staff { name } } } } \
         leaveRequests(first: 2) { totalCount edges { node { message } } } \
         teacherFeedback(first: 2) { totalCount edges { node { rating } } } \
         courseTrackings { course { code } } subjectProgress { subject { code } } } } }",
        6,
        60,
    ),
    (
        cast::ADMIN,
        "parents(first: $first) { totalCount edges { node { phone email viewerCan { edit } students(first: 2) { totalCount edges { node { phone \
         course { code } batches { name } parents { name } } } } meetings(first: 2) { totalCount edges { node { parents { name } \
         students { name } } } } teacherFeedback(first: 2) { totalCount edges { node { student { name } parent { name } } } } } } }",
        5,
        60,
    ),
    (
        cast::ADMIN,
        "staff(first: $first) { totalCount edges { node { phone email roles viewerCan { edit deactivate } subjects { course { code } teachers { name } } \
         routines { course { code } teacher { name } } headedCourses { hod { name } progress { onTrack } } \
         meetings(first: 2) { totalCount edges { node { parents { phone } } } } \
         leaveRequests(first: 2) { totalCount edges { node { staff { name } } } } \
         feedback(first: 2) { totalCount edges { node { student { name } parent { name } } } } feedbackSummary { average } } } }",
        7,
        14,
    ),
    (
        cast::ADMIN,
        "courses(first: $first) { totalCount edges { node { viewerCan { edit } hod { phone roles } report { students attendancePercentage progress { onTrack } } \
         subjects(period: 2) { report { attendancePercentage } studyFiles { uploadedBy { name } } teachers { name } } \
         routines { subject { name } attendanceSessions(first: 2) { totalCount edges { node { summary { present } } } } } \
         batches { report { students attendancePercentage } students(first: 2) { totalCount edges { node { name } } } } \
         students(first: $first) { totalCount edges { node { parents { students { edges { node { name } } } } } } } \
         progress { averageCompletion } } } }",
        1,
        4,
    ),
    (
        cast::ADMISSION,
        "batches(first: $first) { totalCount edges { node { viewerCan { edit advancePeriod } courses { subjects { name } hod { name } } \
         students(first: $first) { totalCount edges { node { email parents { email } courseTrackings { completion } } } } } } }",
        1,
        5,
    ),
    (
        cast::STUDENT,
        "subjects(first: $first) { totalCount edges { node { viewerCan { edit } course { name } studyFiles { viewerCan { remove } uploadedBy { designation } } \
         teachers { subjects { code } } } } }",
        3,
        20,
    ),
    (
        cast::TEACHER,
        "routines(first: $first) { totalCount edges { node { viewerCan { mark } course { batches { name } } subject { studyFiles { title } } \
         teacher { name subjects { name } } attendanceSessions(first: 3) { totalCount edges { node { summary { percentage } \
         records(first: 2) { totalCount edges { node { student { name } } } } } } } } } }",
        1,
        40,
    ),
    (
        cast::TEACHER,
        "attendanceSessions(first: $first) { totalCount edges { node { viewerCan { mark } routine { period } subject { name } teacher { name } \
         summary { present } records(first: 40) { totalCount edges { node { student { name attendanceSummary { percentage } } \
         session { held } corrections { toStatus } } } } } } }",
        1,
        60,
    ),
    (
        cast::HOD,
        "attendanceSheet(routineId: $routine, date: $date) { routine { subject { name } } \
         session { records(first: 100) { totalCount edges { node { corrections { correctedBy { name } } } } } } \
         rows { status leaveRequest { status } student { name attendanceRecords(first: $first) { totalCount edges { node { id } } } } } }",
        1,
        8,
    ),
    (
        cast::ADMIN,
        "meetings(first: $first) { totalCount edges { node { staff { email } parents { phone students { totalCount } } \
         students { course { code } attendanceSummary { percentage } } } } }",
        1,
        20,
    ),
    (
        cast::PARENT,
        "meetings(first: $first) { totalCount edges { node { viewerCan { cancel } staff { name } parents { name } students { name } } } }",
        1,
        20,
    ),
    (
        cast::HOD,
        "leaveRequests(first: $first) { totalCount edges { node { viewerCan { decide } student { course { code } parents { phone } } \
         staff { phone routines { room } } decidedBy { name } requestedBy { ... on Student { phone } ... on Parent { phone } \
         ... on Staff { phone } } } } }",
        5,
        40,
    ),
    (
        cast::HOD,
        "teacherFeedback(first: $first) { totalCount edges { node { viewerCan { withdraw } teacher { name feedbackSummary { average } } \
         student { parents { name } } parent { students { totalCount } } } } }",
        8,
        40,
    ),
    (
        cast::ADMIN,
        "instituteFeedback(first: $first) { totalCount edges { node { viewerCan { withdraw } authorName mine createdAt } } }",
        8,
        40,
    ),
    (
        cast::ADMIN,
        "notices(first: $first) { totalCount edges { node { viewerCan { edit } readAt publishedBy { name } audience { kind course { hod { name } } \
         batch { courses { code } } } } } }",
        8,
        18,
    ),
    (
        cast::HOD,
        "courseTrackings(first: $first) { totalCount edges { node { viewerCan { edit advancePeriod } student { phone subjectProgress { student { name } } } \
         course { progress { atRisk } } } } }",
        1,
        20,
    ),
    (
        cast::PARENT,
        "students(first: $first) { totalCount edges { node { attendanceRecords(first: 5) { totalCount edges { node { status } } } \
         attendanceSummary { percentage } courseTrackings { student { name } } routines { teacher { name } } \
         leaveRequests(first: 5) { totalCount edges { node { student { name } } } } } } }",
        1,
        2,
    ),
    (
        cast::PARENT,
        "viewer { viewerCan { requestMeeting } secondFactor { recoveryCodesLeft } account { email } parent { email students(first: $first) { edges { node { meetings(first: 2) { edges { node { \
         staff { name } } } } attendanceByMonth { summary { percentage } } } } } } }",
        1,
        2,
    ),
    (
        cast::TEACHER,
        "viewer { staff { phone routines { attendanceSessions(first: $first) { edges { node { summary { present } } } } } \
         feedback(first: $first) { edges { node { rating teacher { name } } } } } }",
        1,
        20,
    ),
    (
        cast::PARENT,
        "notifications(first: $first) { totalCount edges { node { kind subject { id } student { name } } } } \
         devices { platform } notificationSettings { choices { wanted } }",
        2,
        8,
    ),
    (
        cast::STUDENT,
        "viewer { student { phone attendanceRecords(first: $first) { edges { node { session { teacher { name } } subject { name } } } } \
         meetings(first: $first) { edges { node { staff { name } } } } } }",
        2,
        20,
    ),
];

async fn statements(app: &TestApp, client: &Client, query: &str, first: i32) -> u64 {
    statements_and_rows(app, client, query, first).await.0
}

/// The number of statements that a query takes, and of the rows that its answer has at any depth.
async fn statements_and_rows(app: &TestApp, client: &Client, query: &str, first: i32) -> (u64, usize) {
    let mut variables = json!({"first": first});
    if query.contains("$routine") {
        let corrected = "SELECT s.routine_id || ' ' || s.date FROM attendance_corrections c JOIN attendance_sessions s \
             ON s.id = c.session_id JOIN routines r ON r.id = s.routine_id WHERE r.course_id = 1 ORDER BY c.id LIMIT 1";
        let corrected = app.database.texts(corrected).await.remove(0);
        let (routine, date) = corrected.split_once(' ').unwrap();
        variables["routine"] = json!(app.id(Kind::Routine, routine.parse().unwrap()));
        variables["date"] = json!(date);
    }
    let recorded = "SELECT count(*) FROM access_entries";
    let (before, entries) = (app.api.services().db.statements(), app.number(recorded).await);
    let answer = client.ask_with(query, variables).await.ok();
    let statements = app.api.services().db.statements() - before;
    // What is read in bulk is recorded: a statement for each field, one for all the rows, and the transaction's two.
    let entries = u64::try_from(app.number(recorded).await - entries).unwrap();
    let recording = if entries == 0 { 0 } else { entries + 3 };
    (statements - recording, answer.text.matches("\"node\":").count())
}

/// Notes each field that leads to an object and is selected below an object of a type.
fn note(of: &str, selected: &SelectionSet, seen: &mut BTreeSet<String>) {
    for selection in &selected.items {
        let Selection::Field(field) = &selection.node else { panic!("these queries have no fragments") };
        let Some(of) = SCHEMA.objects.get(of) else { return };
        let field_of = of.field(&field.node.name.node);
        if SCHEMA.objects.contains_key(&field_of.leads_to) {
            seen.insert(format!("{}.{}", of.name, field_of.name));
            note(&field_of.leads_to, &field.node.selection_set.node, seen);
        }
    }
}

#[test]
fn the_big_queries_touch_everything_that_is_nested() {
    let mut seen = BTreeSet::new();
    for (_, query, ..) in ROOTS {
        let document = parse_query(format!("{{ {query} }}")).unwrap();
        for (_, operation) in document.operations.iter() {
            note("Query", &operation.node.selection_set.node, &mut seen);
        }
    }
    // What a subscription tells is of one row.
    let told: BTreeSet<&str> = SCHEMA.object("Subscription").fields.iter().map(|field| &*field.leads_to).collect();
    let own = |name: &str| {
        let ending = ["Connection", "Edge", "Payload"].iter().any(|ending| name.ends_with(ending));
        ending || ["Mutation", "Subscription"].contains(&name) || told.contains(name)
    };
    let mut untouched = Vec::new();
    for of in SCHEMA.objects.values().filter(|of| !own(&of.name)) {
        let relations = of.fields.iter().filter(|field| SCHEMA.objects.contains_key(&field.leads_to));
        let names = relations.map(|field| format!("{}.{}", of.name, field.name));
        untouched.extend(names.filter(|name| !seen.contains(name)));
    }
    // The institute is one row, and has nothing nested.
    assert_eq!(untouched, ["Query.institute"]);
}

on_both! {
    async fn a_page_of_students_takes_at_most_six_statements(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let query = "query($first: Int) { students(first: $first) { edges { node { id name batches { name } \
                       attendanceSummary { present absent late excused percentage } } } } }";
        let few = statements(&app, &hod, query, 2).await;
        let many = statements(&app, &hod, query, 50).await;
        assert_eq!(few, many);
        assert!(many <= 6, "{many} statements");
    }

    async fn a_deep_query_takes_as_many_statements_for_many_rows_as_for_few(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let query = "query($first: Int) { courses(first: $first) { totalCount edges { node { name hod { name } batches { name } \
                       students(first: $first) { totalCount edges { node { name phone email course { code } batches { name students(first: 2) { totalCount edges { node { name } } } } \
                         parents { name phone students { edges { node { name } } } } attendanceSummary { percentage } } } } } } } }";
        let few = statements(&app, &admin, query, 1).await;
        let many = statements(&app, &admin, query, 50).await;
        assert_eq!(few, many);
    }

    async fn every_root_takes_as_many_statements_for_many_rows_as_for_few(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        for _ in 1..=8 {
            app.api_key("AGGREGATES").await;
            admin.data("{ students(first: 1) { edges { node { citizenshipNumber } } } }").await;
        }
        app.database.execute(&jobs("DEAD", 9)).await;
        for statement in [
            format!(
                "INSERT INTO exports (account_id, course_id, first_day, last_day, state, content, created_at, finished_at) \
                 SELECT a.id, c.id, '2026-03-01', '2026-03-20', 'READY', 'student', '2026-03-20 09:00:00', '2026-03-20 09:00:00' \
                 FROM accounts a, courses c, (SELECT id FROM batches LIMIT 3) x WHERE a.email = '{}'",
                cast::ADMIN
            ),
            "INSERT INTO events (kind, subject_id, student_id, at) SELECT 'STUDENT_ABSENT', session_id, student_id, \
             '2026-03-18 09:00:00' FROM attendance_records"
                .to_owned(),
            format!(
                "INSERT INTO notifications (account_id, event_id, at) SELECT p.account_id, e.id, e.at FROM events e \
                 JOIN parent_students l ON l.student_id = e.student_id JOIN parents p ON p.id = l.parent_id \
                 WHERE p.id = ({})",
                of("parents", cast::PARENT)
            ),
        ] {
            app.database.execute(&statement).await;
        }
        // The newest entries of the audit log are about rows of one type: those of a page, and the one after it.
        for version in 1..=9 {
            admin.done("editCourse", json!({"id": app.id(Kind::Course, 1), "version": version, "description": format!("{version}")}), "").await;
        }
        let mut wrong = Vec::new();
        for (who, query, few, many) in ROOTS {
            let client = app.sign_in(who).await;
            let of = if query.contains("$routine") { ", $routine: ID!, $date: Date!" } else { "" };
            let query = format!("query($first: Int{of}) {{ {query} }}");
            let (with_few, fewer) = statements_and_rows(&app, &client, &query, few).await;
            let (with_many, more) = statements_and_rows(&app, &client, &query, many).await;
            assert!(fewer < more, "{who}: {fewer} rows, {more} rows: {query}");
            if with_few != with_many {
                wrong.push(format!("{who}: {with_few} statements for {few} rows, {with_many} for {many}: {query}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
