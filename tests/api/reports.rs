//! Reports: figures that are those of the rows, for those who may read them, and in which nobody can be told.

use rollcall::demo::cast;
use serde_json::{Value, json};

use super::support::{Client, TestApp, of};

const COURSES: &str = "{ courses(first: 100) { edges { node { code report { students attendancePercentage \
                       progress { students averageCompletion onTrack atRisk } } } } } }";
const BATCHES: &str = "{ batches(first: 100) { edges { node { name report { students attendancePercentage } } } } }";
const SUBJECTS: &str = "{ subjects(first: 100) { edges { node { id report { attendancePercentage } } } } }";
const INSTITUTE: &str = "{ report { studentsByStatus { status students } attendanceByMonth { month attendancePercentage } \
                         studentLeave { status requests } staffLeave { status requests } teacherRating instituteRatings { type average } } }";

/// The nodes of a list that is read whole.
async fn nodes(client: &Client, query: &str) -> Vec<Value> {
    let data = client.data(query).await;
    let list = data.as_object().unwrap().values().next().unwrap();
    list["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
}

/// The number that a query counts, if it is of five persons or more.
async fn persons(app: &TestApp, query: &str) -> Value {
    let number = app.number(query).await;
    if number < 5 { Value::Null } else { json!(number) }
}

/// The share of classes attended of some records `r` of students `s`, counted record by record.
#[expect(clippy::cast_precision_loss, reason = "there are not that many")]
async fn attended(app: &TestApp, condition: &str) -> Value {
    let count = async |what: &str, status: &str| {
        let query = format!(
            "SELECT count({what}) FROM attendance_records r JOIN students s ON s.id = r.student_id \
             WHERE r.held AND s.archived_at IS NULL AND r.status IN ({status}) AND {condition}"
        );
        app.number(&query).await
    };
    let all = "'PRESENT', 'LATE', 'ABSENT'";
    if count("DISTINCT r.student_id", all).await < 5 {
        return Value::Null;
    }
    let share = count("*", "'PRESENT', 'LATE'").await as f64 * 100.0 / count("*", all).await as f64;
    json!(share.round())
}

/// An average of half stars in tenths of a star, unless fewer than five persons are on either side.
#[expect(clippy::cast_precision_loss, reason = "there are not that many")]
async fn rated(app: &TestApp, from: &str, persons: &[&str]) -> Value {
    for person in persons {
        if app.number(&format!("SELECT count(DISTINCT {person}) FROM {from}")).await < 5 {
            return Value::Null;
        }
    }
    let sum = app.number(&format!("SELECT CAST(sum(half_stars) AS bigint) FROM {from}")).await;
    let count = app.number(&format!("SELECT count(*) FROM {from}")).await;
    json!((sum as f64 / 2.0 / count as f64 * 10.0).round() / 10.0)
}

/// How many of the figures are told.
fn told<'a>(figures: impl IntoIterator<Item = &'a Value>) -> usize {
    figures.into_iter().filter(|figure| !figure.is_null()).count()
}

on_both! {
    async fn the_figures_of_courses_are_those_of_their_students(app: TestApp) {
        let tool = app.api_key("AGGREGATES").await;
        let courses = nodes(&tool, COURSES).await;
        let mut shown = 0;
        for course in &courses {
            let id = app.number(&format!("SELECT id FROM courses WHERE code = '{}'", course["code"].as_str().unwrap())).await;
            let report = &course["report"];
            let students = persons(&app, &format!("SELECT count(*) FROM students WHERE archived_at IS NULL AND course_id = {id}")).await;
            assert_eq!(report["students"], students, "{course}");
            assert_eq!(report["attendancePercentage"], attended(&app, &format!("s.course_id = {id}")).await, "{course}");
            let trackings = format!(
                "course_trackings t JOIN students s ON s.id = t.student_id WHERE s.archived_at IS NULL AND t.status = 'IN_PROGRESS' AND t.course_id = {id}"
            );
            let under_way = persons(&app, &format!("SELECT count(*) FROM {trackings}")).await;
            if under_way.is_null() {
                assert_eq!(report["progress"], Value::Null, "{course}");
                continue;
            }
            shown += 1;
            let average = app.number(&format!("SELECT CAST(round(CAST(avg(completion) AS numeric)) AS bigint) FROM {trackings}")).await;
            let progress = &report["progress"];
            assert_eq!((&progress["students"], progress["averageCompletion"].as_f64()), (&under_way, f64::from(u32::try_from(average).unwrap()).into()));
            let on_track = app.number(&format!("SELECT count(*) FROM {trackings} AND completion >= 75")).await;
            let at_risk = app.number(&format!("SELECT count(*) FROM {trackings} AND completion < 40")).await;
            for (figure, number) in [("onTrack", on_track), ("atRisk", at_risk)] {
                assert!(progress[figure] == json!(number) || progress[figure].is_null(), "{course}: {figure} {number}");
                assert!(progress[figure].is_null() || number >= 5, "{course}: {figure} {number}");
            }
        }
        assert!(shown > 1 && courses.len() > shown, "some courses are told of, and one is too small: {courses:#?}");
    }

    async fn the_figures_of_batches_and_subjects_are_those_of_their_students(app: TestApp) {
        let tool = app.api_key("AGGREGATES").await;
        let batches = nodes(&tool, BATCHES).await;
        for batch in &batches {
            let name = batch["name"].as_str().unwrap();
            let members = format!("(SELECT student_id FROM batch_students JOIN batches b ON b.id = batch_id WHERE b.name = '{name}')");
            let students = persons(&app, &format!("SELECT count(*) FROM students WHERE archived_at IS NULL AND id IN {members}")).await;
            assert_eq!(batch["report"]["students"], students, "{batch}");
            let share = attended(&app, &format!("s.id IN {members}")).await;
            assert!(batch["report"]["attendancePercentage"].is_null() || batch["report"]["attendancePercentage"] == share, "{batch}: {share}");
        }
        assert!(told(batches.iter().map(|batch| &batch["report"]["attendancePercentage"])) > 1, "{batches:#?}");

        let subjects = nodes(&tool, SUBJECTS).await;
        let ids = app.database.numbers("SELECT id FROM subjects").await;
        for id in ids {
            let global = app.id(rollcall::ids::Kind::Subject, id);
            let subject = subjects.iter().find(|subject| subject["id"] == global).unwrap();
            assert_eq!(subject["report"]["attendancePercentage"], attended(&app, &format!("r.subject_id = {id}")).await);
        }
        assert!(told(subjects.iter().map(|subject| &subject["report"]["attendancePercentage"])) > 5, "{subjects:#?}");
    }

    async fn the_figures_of_the_institute_are_those_of_its_rows(app: TestApp) {
        let tool = app.api_key("AGGREGATES").await;
        // Enough of each status that all is told.
        for status in ["LEAVE", "COMPLETED"] {
            let some = "SELECT id FROM students WHERE archived_at IS NULL AND status = 'ACTIVE' ORDER BY id LIMIT 6";
            app.database.execute(&format!("UPDATE students SET status = '{status}' WHERE id IN ({some})")).await;
        }
        let report = tool.data(INSTITUTE).await["report"].clone();
        for status in report["studentsByStatus"].as_array().unwrap() {
            let name = status["status"].as_str().unwrap();
            let number = app.number(&format!("SELECT count(*) FROM students WHERE archived_at IS NULL AND status = '{name}'")).await;
            assert_eq!(status["students"], number, "{name}");
        }
        let months = report["attendanceByMonth"].as_array().unwrap();
        assert!(months.len() > 1 && months.windows(2).all(|two| two[0]["month"].as_str() < two[1]["month"].as_str()), "{months:?}");
        for month in months {
            let first = month["month"].as_str().unwrap();
            let within = format!("r.date >= '{first}' AND CAST(r.date AS text) LIKE '{}-%'", &first[..7]);
            assert_eq!(month["attendancePercentage"], attended(&app, &within).await, "{first}");
        }
        let last = tool.data("{ report { attendanceByMonth(last: 1) { month } } }").await;
        assert_eq!(last["report"]["attendanceByMonth"], json!([{"month": months.last().unwrap()["month"]}]));
        for (field, table, person) in [("studentLeave", "students", "student_id"), ("staffLeave", "staff", "staff_id")] {
            for status in report[field].as_array().unwrap() {
                let name = status["status"].as_str().unwrap();
                let from = format!("leave_requests l JOIN {table} p ON p.id = l.{person} WHERE p.archived_at IS NULL AND l.status = '{name}'");
                let few = persons(&app, &format!("SELECT count(DISTINCT l.{person}) FROM {from}")).await.is_null();
                let number = app.number(&format!("SELECT count(*) FROM {from}")).await;
                assert_eq!(status["requests"], if few { Value::Null } else { json!(number) }, "{field} {name}");
            }
        }
        assert!(told(report["studentLeave"].as_array().unwrap().iter().map(|status| &status["requests"])) > 1, "{report:#}");
        assert_eq!(report["teacherRating"], rated(&app, "teacher_feedback", &["teacher_id", "coalesce(-parent_id, student_id)"]).await);
        assert!(report["teacherRating"].is_number());
        for rating in report["instituteRatings"].as_array().unwrap() {
            let from = format!("institute_feedback WHERE type = '{}'", rating["type"].as_str().unwrap());
            assert_eq!(rating["average"], rated(&app, &from, &["account_id"]).await, "{rating}");
        }
        assert!(told(report["instituteRatings"].as_array().unwrap().iter().map(|rating| &rating["average"])) > 1, "{report:#}");
    }

    async fn reports_are_for_those_who_answer_for_them_and_for_reporting(app: TestApp) {
        let query = "{ courses(first: 1) { edges { node { report { students } } } } batches(first: 1) { edges { node { report { students } } } } \
                     subjects(first: 1) { edges { node { report { attendancePercentage } } } } report { teacherRating } }";
        let mut clients = app.everybody().await;
        for scope in ["AGGREGATES", "ADMISSION_READ", "ADMIN_READ"] {
            clients.push((scope, app.api_key(scope).await));
        }
        for (role, client) in clients {
            let answer = client.ask(query).await;
            if role == "ANONYMOUS" {
                let denied = ["courses", "batches", "subjects", "report"].map(|list| answer.code_at(&json!([list])));
                assert_eq!(denied, ["UNAUTHENTICATED"; 4]);
                continue;
            }
            let all = ["ADMIN", "ADMIN_READ", "AGGREGATES"].contains(&role);
            for (list, may) in [("courses", all || role == "HOD"), ("batches", all), ("subjects", all || role == "HOD")] {
                let report = answer.at(&format!("/{list}/edges/0/node/report"));
                assert_eq!(report.is_object(), may, "{role} {list}");
                if !may {
                    assert_eq!(answer.code_at(&json!([list, "edges", 0, "node", "report"])), "FORBIDDEN", "{role} {list}");
                }
            }
            assert_eq!(answer.at("/report").is_object(), all, "{role}");
            assert!(all || answer.code_at(&json!(["report"])) == "FORBIDDEN", "{role}");
        }
    }

    async fn an_hod_reads_the_figures_of_the_courses_that_they_head(app: TestApp) {
        let (hod, tool) = (app.sign_in(cast::HOD).await, app.api_key("AGGREGATES").await);
        let headed = format!("SELECT code FROM courses WHERE hod_id = ({})", of("staff", cast::HOD));
        let headed = app.database.texts(&headed).await;
        let (own, all) = (nodes(&hod, COURSES).await, nodes(&tool, COURSES).await);
        assert_eq!(own.len(), all.len());
        let nothing = json!({"students": null, "attendancePercentage": null, "progress": null});
        for (own, all) in own.iter().zip(&all) {
            let heads = headed.iter().any(|code| own["code"] == *code);
            assert_eq!(own["report"], if heads { all["report"].clone() } else { nothing.clone() }, "{own}");
            assert!(!heads || all["report"]["attendancePercentage"].is_number(), "{all}");
        }
        let (own, all) = (nodes(&hod, SUBJECTS).await, nodes(&tool, SUBJECTS).await);
        let subjects = format!("SELECT s.id FROM subjects s JOIN courses c ON c.id = s.course_id WHERE c.hod_id = ({})", of("staff", cast::HOD));
        let subjects: Vec<String> = app.database.numbers(&subjects).await.into_iter().map(|id| app.id(rollcall::ids::Kind::Subject, id)).collect();
        let mut elsewhere = 0;
        for (own, all) in own.iter().zip(&all) {
            if subjects.iter().any(|id| own["id"] == *id) {
                assert_eq!(own, all);
            } else {
                elsewhere += told([&all["report"]["attendancePercentage"]]);
                assert_eq!(own["report"]["attendancePercentage"], Value::Null, "{own}");
            }
        }
        assert!(elsewhere > 0);
    }

    async fn fewer_than_five_are_not_told_of(app: TestApp) {
        let tool = app.api_key("AGGREGATES").await;
        let all_but = |number: i64| {
            format!(
                "UPDATE students SET archived_at = '2026-03-19 08:00:00' WHERE course_id = 1 AND id NOT IN (SELECT s.id FROM students s \
                 JOIN course_trackings t ON t.student_id = s.id AND t.course_id = 1 AND t.status = 'IN_PROGRESS' WHERE s.course_id = 1 \
                 AND s.archived_at IS NULL AND s.id IN (SELECT student_id FROM attendance_records WHERE held AND status <> 'EXCUSED') \
                 ORDER BY s.id LIMIT {number})"
            )
        };
        let course = async || {
            let code = app.database.texts("SELECT code FROM courses WHERE id = 1").await.remove(0);
            nodes(&tool, COURSES).await.into_iter().find(|course| course["code"] == code).unwrap()["report"].take()
        };
        app.database.execute(&all_but(5)).await;
        let five = course().await;
        assert_eq!((&five["students"], &five["progress"]["students"]), (&json!(5), &json!(5)));
        assert!(five["attendancePercentage"].is_number());
        app.database.execute(&all_but(4)).await;
        assert_eq!(course().await, json!({"students": null, "attendancePercentage": null, "progress": null}));
        // Not to an administrator either: who may know reads the students themselves.
        let admin = app.sign_in(cast::ADMIN).await;
        assert_eq!(nodes(&admin, COURSES).await, nodes(&tool, COURSES).await);
        // Nor of the few of one status, nor of those whom the others leave over.
        app.database.execute("UPDATE students SET status = 'ACTIVE'").await;
        let some = |from: i64| format!("(SELECT id FROM students WHERE archived_at IS NULL AND course_id = 2 ORDER BY id LIMIT {from})");
        app.database.execute(&format!("UPDATE students SET status = 'LEAVE' WHERE id IN {}", some(11))).await;
        app.database.execute(&format!("UPDATE students SET status = 'COMPLETED' WHERE id IN {}", some(2))).await;
        let statuses = tool.data("{ report { studentsByStatus { status students } } }").await;
        let active = app.number("SELECT count(*) FROM students WHERE archived_at IS NULL AND status = 'ACTIVE'").await;
        assert!(active > 9);
        let expected = json!([{"status": "ACTIVE", "students": active}, {"status": "LEAVE", "students": null}, {"status": "COMPLETED", "students": null}]);
        assert_eq!(statuses["report"]["studentsByStatus"], expected);
        // Nor ratings by few, or of few.
        app.database.execute("DELETE FROM institute_feedback WHERE account_id NOT IN (SELECT account_id FROM institute_feedback WHERE type = 'GENERAL' ORDER BY account_id LIMIT 4)").await;
        app.database.execute("DELETE FROM teacher_feedback WHERE teacher_id NOT IN (SELECT DISTINCT teacher_id FROM teacher_feedback ORDER BY teacher_id LIMIT 4)").await;
        let report = tool.data(INSTITUTE).await["report"].clone();
        assert_eq!(report["teacherRating"], Value::Null);
        assert_eq!(told(report["instituteRatings"].as_array().unwrap().iter().map(|rating| &rating["average"])), 0);
        for last in [0, 101] {
            let answer = tool.ask(&format!("{{ report {{ attendanceByMonth(last: {last}) {{ month }} }} }}")).await;
            assert_eq!(answer.code_at(&json!(["report", "attendanceByMonth"])), "BAD_USER_INPUT");
        }
    }

    async fn a_batch_that_is_a_course_but_for_a_few_has_no_attendance(app: TestApp) {
        let tool = app.api_key("AGGREGATES").await;
        let course = "SELECT id FROM students WHERE archived_at IS NULL AND course_id = 1 ORDER BY id";
        let size = app.database.numbers(course).await.len();
        let elsewhere = "SELECT id FROM students WHERE archived_at IS NULL AND course_id = 2 ORDER BY id";
        app.database.execute("INSERT INTO batches (name) VALUES ('Course')").await;
        for (members, others, told) in [(size, 0, true), (size - 1, 0, false), (size - 4, 0, false), (size - 5, 0, true), (size, 4, false), (size, 5, true), (size - 2, 2, false), (size - 2, 3, true)] {
            app.database.execute("DELETE FROM batch_students WHERE batch_id = (SELECT id FROM batches WHERE name = 'Course')").await;
            for (students, number) in [(course, members), (elsewhere, others)] {
                let join = format!("INSERT INTO batch_students (batch_id, student_id) SELECT (SELECT id FROM batches WHERE name = 'Course'), id FROM ({students} LIMIT {number}) AS s");
                app.database.execute(&join).await;
            }
            let batch = nodes(&tool, BATCHES).await.into_iter().find(|batch| batch["name"] == "Course").unwrap();
            assert_eq!(batch["report"]["students"], members + others);
            assert_eq!(batch["report"]["attendancePercentage"].is_number(), told, "{members} and {others} of {size}");
        }
    }
}
