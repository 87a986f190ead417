//! Attendance counted: whatever was inserted, changed or taken away, by whatever statement, every summary is what a recount
//! of the records gives. LATE counts as attended, EXCUSED in neither part, a class that was not held for nobody.

use std::collections::BTreeMap;

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    hard::hard_cases,
    reached::viewers,
    rules::rule,
    support::{Client, TestApp, of},
};

/// Present, absent, late, excused; by the ids of what they are of. What has none of them is left out.
type Counts = BTreeMap<String, [i64; 4]>;

const SUMMARY: &str = "{ present absent late excused percentage }";

/// Counts the records of held classes anew. `key` is SQL: the number of a row, and what else it is counted by.
async fn recount(app: &TestApp, key: &str, kinds: &[Kind], condition: &str) -> Counts {
    let sum = |status: &str| format!("SUM(CASE WHEN r.status = '{status}' THEN 1 ELSE 0 END)");
    let sums = ["PRESENT", "ABSENT", "LATE", "EXCUSED"].map(sum).join(" || ' ' || ");
    let query = format!(
        "SELECT {key} || ' ' || {sums} FROM attendance_records r JOIN attendance_sessions s ON s.id = r.session_id \
         WHERE s.held AND {condition} GROUP BY {key}"
    );
    let mut counts = Counts::new();
    for row in app.database.texts(&query).await {
        let mut words: Vec<String> = row.split(' ').map(str::to_owned).collect();
        let sums = words.split_off(words.len() - 4).iter().map(|sum| sum.parse().unwrap()).collect::<Vec<i64>>();
        for (word, kind) in words.iter_mut().zip(kinds) {
            *word = app.id(*kind, word.parse().unwrap());
        }
        counts.insert(words.join(" "), sums.try_into().unwrap());
    }
    counts
}

/// Takes a summary of an answer to the others, having checked its percentage.
#[track_caller]
fn add(counts: &mut Counts, key: String, summary: &Value) {
    let [present, absent, late, excused] =
        ["present", "absent", "late", "excused"].map(|status| summary[status].as_i64().unwrap());
    let (attended, counted) = (present + late, present + late + absent);
    match summary["percentage"].as_f64() {
        None => assert_eq!(counted, 0, "{key}: {summary}"),
        #[expect(clippy::cast_precision_loss, reason = "numbers of classes")]
        Some(percentage) => {
            let expected = 100.0 * attended as f64 / counted as f64;
            assert!((percentage - expected).abs() < 1e-9, "{key}: {summary}, not {expected}");
        }
    }
    if present + absent + late + excused > 0 {
        counts.insert(key, [present, absent, late, excused]);
    }
}

#[track_caller]
fn same(found: &Counts, expected: &Counts, what: &str) {
    let wrong: Vec<_> = found.iter().filter(|(key, counts)| expected.get(*key) != Some(counts)).take(3).collect();
    let missing: Vec<_> = expected.iter().filter(|(key, _)| !found.contains_key(*key)).take(3).collect();
    assert!(found == expected, "{what}: wrong: {wrong:?}; missing: {missing:?}");
    assert!(!expected.is_empty(), "{what}: there is nothing to count");
}

/// Every student, archived ones too, with these fields.
async fn students(app: &TestApp, client: &Client, fields: &str) -> Vec<(String, Value)> {
    let fields = format!("id {fields}");
    let mut nodes = client.walk("students", "", &fields).await.unwrap().0;
    nodes.extend(client.walk("students", "filter: {archived: true}", &fields).await.unwrap().0);
    assert_eq!(nodes.len(), app.database.numbers("SELECT id FROM students").await.len());
    nodes.into_iter().map(|node| (node["id"].as_str().unwrap().to_owned(), node)).collect()
}

/// Compares what is counted over everything, of every student and of every class, with a recount.
pub async fn everything_is_counted(app: &TestApp, admin: &Client, when: &str) {
    let fields = format!(
        "attendanceSummary {SUMMARY} attendanceBySubject {{ subject {{ id }} summary {SUMMARY} }} \
         attendanceByMonth(last: 100) {{ month summary {SUMMARY} }}"
    );
    let (mut whole, mut by_subject, mut by_month) = (Counts::new(), Counts::new(), Counts::new());
    for (id, student) in students(app, admin, &fields).await {
        add(&mut whole, id.clone(), &student["attendanceSummary"]);
        for one in student["attendanceBySubject"].as_array().unwrap() {
            add(&mut by_subject, format!("{id} {}", one["subject"]["id"].as_str().unwrap()), &one["summary"]);
        }
        let months: Vec<&str> =
            student["attendanceByMonth"].as_array().unwrap().iter().map(|one| one["month"].as_str().unwrap()).collect();
        assert!(months.is_sorted(), "{when}: {id}: {months:?}");
        for one in student["attendanceByMonth"].as_array().unwrap() {
            add(&mut by_month, format!("{id} {}", &one["month"].as_str().unwrap()[..7]), &one["summary"]);
        }
    }
    same(&whole, &recount(app, "r.student_id", &[Kind::Student], "TRUE").await, &format!("{when}: in all"));
    let key = "r.student_id || ' ' || s.subject_id";
    same(
        &by_subject,
        &recount(app, key, &[Kind::Student, Kind::Subject], "TRUE").await,
        &format!("{when}: by subject"),
    );
    let key = "r.student_id || ' ' || substr(CAST(s.date AS TEXT), 1, 7)";
    same(&by_month, &recount(app, key, &[Kind::Student], "TRUE").await, &format!("{when}: by month"));
    classes_are_counted(app, admin, "TRUE", when).await;
}

/// Compares the summary of every class that a viewer reaches with a recount of the records they reach.
async fn classes_are_counted(app: &TestApp, client: &Client, condition: &str, when: &str) {
    let mut counts = Counts::new();
    let fields = format!("id held summary {SUMMARY}");
    for session in client.walk("attendanceSessions", "", &fields).await.unwrap().0 {
        add(&mut counts, session["id"].as_str().unwrap().to_owned(), &session["summary"]);
    }
    let expected = recount(app, "r.session_id", &[Kind::AttendanceSession], condition).await;
    same(&counts, &expected, &format!("{when}: by class"));
}

/// Compares what is counted over spans of days, of every student, with a recount.
pub async fn spans_are_counted(app: &TestApp, admin: &Client, when: &str) {
    let last =
        app.database.texts("SELECT MAX(CAST(date AS TEXT)) FROM attendance_sessions WHERE NOT held AND date IN (SELECT date FROM attendance_records WHERE held)").await.remove(0);
    let subject = app.database.numbers("SELECT MIN(subject_id) FROM attendance_records WHERE held").await[0];
    let subject_id = app.id(Kind::Subject, subject);
    // The last day is the test's own today; 366 days of which it is the last begin on 20 March 2025.
    let spans = [
        (
            r#"from: "2026-02-10", to: "2026-03-05""#.to_owned(),
            "s.date BETWEEN '2026-02-10' AND '2026-03-05'".to_owned(),
        ),
        (format!(r#"from: "{last}", to: "{last}""#), format!("s.date = '{last}'")),
        (r#"from: "2026-03-17""#.to_owned(), "s.date >= '2026-03-17'".to_owned()),
        (r#"to: "2026-03-05""#.to_owned(), "s.date <= '2026-03-05'".to_owned()),
        (r#"from: "2025-03-20", to: "2026-03-20""#.to_owned(), "TRUE".to_owned()),
        (format!(r#"subjectId: "{subject_id}""#), format!("s.subject_id = {subject}")),
        (
            format!(r#"subjectId: "{subject_id}", from: "2026-03-01""#),
            format!("s.subject_id = {subject} AND s.date >= '2026-03-01'"),
        ),
    ];
    let aliases =
        spans.iter().enumerate().map(|(i, (arguments, _))| format!("s{i}: attendanceSummary({arguments}) {SUMMARY}"));
    let all = students(app, admin, &aliases.collect::<Vec<_>>().join(" ")).await;
    for (i, (arguments, condition)) in spans.iter().enumerate() {
        let mut counts = Counts::new();
        for (id, student) in &all {
            add(&mut counts, id.clone(), &student[format!("s{i}")]);
        }
        same(
            &counts,
            &recount(app, "r.student_id", &[Kind::Student], condition).await,
            &format!("{when}: {arguments}"),
        );
    }
}

on_both! {
    async fn summaries_are_a_recount_whatever_was_changed(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let one = async |query: &str| app.database.numbers(query).await[0];
        let held = one("SELECT MIN(id) FROM attendance_sessions WHERE held").await;
        let other = one(&format!("SELECT MIN(id) FROM attendance_sessions WHERE held AND id > {held} + 40")).await;
        let not_held = one("SELECT MIN(session_id) FROM attendance_records WHERE NOT held").await;
        let child = one("SELECT MAX(student_id) FROM attendance_records").await;
        let newcomer = one("SELECT MIN(id) FROM students WHERE id NOT IN (SELECT student_id FROM attendance_records)").await;
        let mark = |session: i64, status: &str| {
            format!(
                "INSERT INTO attendance_records (session_id, student_id, status, date, subject_id, held) \
                 SELECT id, {newcomer}, '{status}', date, subject_id, held FROM attendance_sessions WHERE id = {session}"
            )
        };
        everything_is_counted(&app, &admin, "as it is").await;
        // Those of one step are independent of each other.
        let steps = [
            (
                "marks are entered, one of a class that was not held",
                vec![
                    mark(held, "LATE"),
                    mark(not_held, "ABSENT"),
                    format!("UPDATE attendance_records SET status = 'ABSENT' WHERE session_id = {other} AND status = 'PRESENT'"),
                ],
            ),
            (
                "one class was held, another was not, and of a third everybody has leave",
                vec![
                    format!("UPDATE attendance_sessions SET held = TRUE WHERE id = {not_held}"),
                    format!("UPDATE attendance_sessions SET held = FALSE WHERE id = {held}"),
                    format!("UPDATE attendance_records SET status = 'EXCUSED' WHERE session_id = {other}"),
                ],
            ),
            (
                "marks of a class that was not held are changed, and a class was in another month",
                vec![
                    format!("UPDATE attendance_records SET status = 'ABSENT' WHERE session_id = {held}"),
                    format!("UPDATE attendance_sessions SET date = '2025-02-03' WHERE id = {other}"),
                ],
            ),
            (
                "the class was held after all, and a student's marks are removed",
                vec![
                    format!("UPDATE attendance_sessions SET held = TRUE WHERE id = {held}"),
                    format!("DELETE FROM attendance_records WHERE student_id = {child}"),
                ],
            ),
            (
                "a class is removed, and another was not held",
                vec![
                    format!("DELETE FROM attendance_sessions WHERE id = {other}"),
                    format!("UPDATE attendance_sessions SET held = FALSE WHERE id = {not_held}"),
                ],
            ),
        ];
        for (when, statements) in steps {
            for statement in statements {
                app.database.execute(&statement).await;
            }
            everything_is_counted(&app, &admin, when).await;
        }
    }

    async fn a_class_is_counted_from_the_records_that_the_viewer_reaches(app: TestApp) {
        hard_cases(&app).await;
        for (viewer, client) in viewers(&app).await.into_iter().filter(|(viewer, _)| rule("AttendanceRecord").speaks_of(viewer)) {
            let reached = rule("AttendanceRecord").sql(viewer, "TRUE");
            // Who has no class in this data has none to count.
            if app.database.numbers(&reached).await.is_empty() {
                continue;
            }
            classes_are_counted(&app, &client, &format!("r.id IN ({reached})"), viewer.name).await;
        }
    }

    async fn a_class_is_not_found_by_what_the_viewer_does_not_reach_of_it(app: TestApp) {
        hard_cases(&app).await;
        // They were in a class of a course that is not theirs: they reach it, and neither its routine nor its course.
        let class = format!(
            "FROM attendance_records a JOIN attendance_sessions s ON s.id = a.session_id JOIN routines r ON r.id = s.routine_id \
             JOIN students st ON st.id = a.student_id WHERE r.course_id <> st.course_id AND st.id = ({})",
            of("students", cast::STUDENT)
        );
        let id = async |kind, column: &str| app.id_of(kind, &format!("SELECT {column} {class}")).await;
        let session = id(Kind::AttendanceSession, "s.id").await;
        let (routine, course) = (id(Kind::Routine, "r.id").await, id(Kind::Course, "r.course_id").await);
        let found = async |client: &Client, filter: &str| {
            let sessions = client.walk("attendanceSessions", &format!("filter: {{{filter}}}"), "id").await.unwrap().0;
            sessions.contains(&json!({"id": session}))
        };
        let (student, admin) = (app.sign_in(cast::STUDENT).await, app.sign_in(cast::ADMIN).await);
        assert!(found(&student, "").await);
        for filter in [format!("courseId: \"{course}\""), format!("routineId: \"{routine}\"")] {
            assert_eq!((found(&student, &filter).await, found(&admin, &filter).await), (false, true), "{filter}");
        }
    }

    async fn spans_of_days_are_a_recount_too(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        spans_are_counted(&app, &admin, "as it is").await;
    }

    async fn a_span_counts_the_records_that_could_be_read_one_by_one(app: TestApp) {
        // A span can be a day: what a teacher may not read of another's class must not be counted out of it.
        let teacher = app.sign_in(cast::TEACHER).await;
        let alias = format!(r#"span: attendanceSummary(from: "2025-03-20", to: "2026-03-20") {SUMMARY}"#);
        let mut counts = Counts::new();
        for student in teacher.walk("students", "", &format!("id {alias}")).await.unwrap().0 {
            add(&mut counts, student["id"].as_str().unwrap().to_owned(), &student["span"]);
        }
        let me = format!("(SELECT staff.id FROM staff JOIN accounts a ON a.id = account_id WHERE email = '{}')", cast::TEACHER);
        let own = format!(
            "s.routine_id IN (SELECT id FROM routines WHERE teacher_id = {me}) AND r.student_id IN (SELECT st.id FROM students st \
             JOIN routines ro ON ro.course_id = st.course_id AND ro.period = st.current_period \
             WHERE ro.active AND ro.teacher_id = {me} AND st.archived_at IS NULL)"
        );
        same(&counts, &recount(&app, "r.student_id", &[Kind::Student], &own).await, "their own classes");
        assert!(!counts.is_empty());
    }

    async fn a_span_has_366_days_at_most_and_ends_after_it_begins(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let cases = [
            (r#"from: "2025-03-20", to: "2026-03-20""#, true),
            (r#"from: "2025-03-19", to: "2026-03-20""#, false),
            (r#"from: "2025-03-19""#, false),
            (r#"from: "2026-03-20", to: "2026-03-20""#, true),
            (r#"from: "2026-03-20", to: "2026-03-19""#, false),
            (r#"from: "2026-02-30""#, false),
            (r"from: 20260320", false),
        ];
        for (arguments, good) in cases {
            let query = format!("{{ students(first: 1) {{ edges {{ node {{ id attendanceSummary({arguments}) {{ present }} }} }} }} }}");
            let answer = parent.ask(&query).await;
            if good {
                answer.ok();
                continue;
            }
            let codes: Vec<&Value> = answer.errors.iter().map(|error| &error["extensions"]["code"]).collect();
            assert_eq!(codes, [&json!("BAD_USER_INPUT")], "{arguments}: {answer:#?}");
        }
    }
}
