//! Exports: made in the background for who asked, as who they are when it is made, and told to nobody else.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, of};

const EXPORTS: &str = "{ exports(first: 10) { totalCount edges { node { id state firstDay lastDay createdAt finishedAt content \
                       course { id } } } } }";

/// The course that somebody heads: its number.
async fn headed(app: &TestApp, email: &str) -> i64 {
    let head = of("staff", email);
    app.number(&format!("SELECT MIN(c.id) FROM courses c WHERE c.hod_id = ({head})")).await
}

fn input(app: &TestApp, course: i64, days: (&str, &str)) -> Value {
    json!({"courseId": app.id(Kind::Course, course), "firstDay": days.0, "lastDay": days.1})
}

const MARCH: (&str, &str) = ("2026-03-01", "2026-03-20");

async fn first(client: &Client) -> Value {
    client.data(EXPORTS).await["exports"]["edges"][0]["node"].clone()
}

on_both! {
    async fn who_asks_gets_what_they_reach_when_it_is_made(app: TestApp) {
        let course = headed(&app, cast::HOD).await;
        let hod = app.sign_in(cast::HOD).await;
        let asked = hod.done("exportAttendance", input(&app, course, MARCH), "export { id state content finishedAt }").await;
        assert_eq!((&asked["export"]["state"], &asked["export"]["content"]), (&json!("PENDING"), &Value::Null));
        assert!(app.work().await > 0);
        let export = first(&hod).await;
        assert_eq!((&export["id"], &export["state"]), (&asked["export"]["id"], &json!("READY")));
        assert_eq!(export["course"]["id"], app.id(Kind::Course, course));
        let lines: Vec<String> = export["content"].as_str().unwrap().lines().map(str::to_owned).collect();
        let count = |status: &str| format!(
            "(SELECT COUNT(*) FROM attendance_records r WHERE r.student_id = s.id AND r.held AND r.status = '{status}' \
             AND r.date BETWEEN '2026-03-01' AND '2026-03-20')"
        );
        let expected = app.database.texts(&format!(
            "SELECT s.name || ',' || {} || ',' || {} || ',' || {} || ',' || {} || ',' FROM students s \
             WHERE s.course_id = {course} AND s.archived_at IS NULL ORDER BY s.name, s.id",
            count("PRESENT"), count("LATE"), count("ABSENT"), count("EXCUSED")
        )).await;
        assert_eq!(lines[0], "student,present,late,absent,excused,percentage");
        let mut found: Vec<&str> = lines[1..].iter().map(|line| &line[..=line.rfind(',').unwrap()]).collect();
        let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert!(found.len() > 20 && found.iter().any(|line| !line.ends_with(",0,0,0,0,")));
        // It is made once, however often its job is done.
        app.database.execute("UPDATE jobs SET state = 'PENDING', finished_at = NULL, payload = '{\"export\": 1}' WHERE kind = 'EXPORT'").await;
        app.work().await;
        assert_eq!(first(&hod).await["finishedAt"], export["finishedAt"]);
        assert_eq!(app.number("SELECT COUNT(*) FROM events WHERE kind = 'EXPORT_READY'").await, 1);
    }

    async fn it_is_for_who_asked_and_might_ask_still(app: TestApp) {
        let course = headed(&app, cast::HOD).await;
        let (admin, hod) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::HOD).await);
        let asked = hod.done("exportAttendance", input(&app, course, MARCH), "export { id }").await;
        let node = format!("{{ node(id: {}) {{ id ... on Export {{ content }} }} }}", asked["export"]["id"]);
        for (role, client) in app.everybody().await {
            if role == "HOD" {
                continue;
            }
            assert_eq!(client.data(&node).await["node"], Value::Null, "{role}");
            let code = match role {
                "ADMIN" => {
                    assert_eq!(client.data(EXPORTS).await["exports"]["totalCount"], 0, "it is not theirs");
                    continue;
                }
                "ANONYMOUS" => "UNAUTHENTICATED",
                _ => "FORBIDDEN",
            };
            assert_eq!(client.ask(EXPORTS).await.code_at(&json!(["exports"])), code, "{role}");
            assert_eq!(app.denied(&client, "exportAttendance", input(&app, course, MARCH)).await, code, "{role}");
        }
        let key = app.api_key("ADMIN_READ").await;
        assert_eq!(app.denied(&key, "exportAttendance", input(&app, course, MARCH)).await, "FORBIDDEN");
        let other = app.sign_in(cast::HOD_OF_TWO).await;
        assert_eq!(app.denied(&other, "exportAttendance", input(&app, course, MARCH)).await, "FORBIDDEN");
        // Before it is made they are no head of the course any more.
        app.database.execute(&format!("UPDATE courses SET hod_id = NULL WHERE id = {course}")).await;
        app.work().await;
        assert_eq!(app.database.texts("SELECT state FROM exports").await, ["FAILED"]);
        assert_eq!(app.number("SELECT COUNT(*) FROM events WHERE kind = 'EXPORT_READY'").await, 0);
        assert_eq!(hod.data(&node).await["node"], Value::Null);
        // What an administrator asked for is read by no other.
        let asked = admin.done("exportAttendance", input(&app, course, MARCH), "export { id }").await;
        app.work().await;
        let node = format!("{{ node(id: {}) {{ id ... on Export {{ content }} }} }}", asked["export"]["id"]);
        assert!(admin.data(&node).await["node"]["content"].as_str().unwrap().len() > 100);
    }

    async fn one_that_cannot_be_made_locks_nobody_out(app: TestApp) {
        let (course, hod) = (headed(&app, cast::HOD).await, app.sign_in(cast::HOD).await);
        hod.done("exportAttendance", input(&app, course, MARCH), "").await;
        // Every worker has ended over it.
        app.database.execute(&format!("UPDATE jobs SET attempts = {} WHERE kind = 'EXPORT'", app.config.job_attempts)).await;
        app.work().await;
        assert_eq!(app.database.texts("SELECT state FROM jobs WHERE kind = 'EXPORT'").await, ["DEAD"]);
        assert_eq!(first(&hod).await["state"], "FAILED");
        // An administrator has it tried again, and it goes well.
        let admin = app.sign_in(cast::ADMIN).await;
        assert_eq!(admin.done("requeueJobs", json!({"kind": "EXPORT"}), "requeued").await["requeued"], 1);
        app.work().await;
        assert_eq!(first(&hod).await["state"], "READY");
    }

    async fn what_was_asked_for_long_ago_is_removed(app: TestApp) {
        let (course, hod) = (headed(&app, cast::HOD).await, app.sign_in(cast::HOD).await);
        for _ in 0..2 {
            hod.done("exportAttendance", input(&app, course, MARCH), "").await;
        }
        app.work().await;
        app.database.execute("UPDATE exports SET created_at = '2026-02-18 11:59:59' WHERE id = (SELECT MIN(id) FROM exports)").await;
        app.database
            .execute(
                "INSERT INTO jobs (key, kind, priority, payload, due_at, created_at) \
                 VALUES ('clean', 'CLEAN_UP', 2, '{}', '2026-03-20 12:00:00', '2026-03-20 12:00:00')",
            )
            .await;
        assert_eq!(app.work().await, 1);
        assert_eq!(hod.data(EXPORTS).await["exports"]["totalCount"], 1, "the other is kept for 30 days");
    }

    async fn what_cannot_be_exported_is_refused(app: TestApp) {
        let (course, hod) = (headed(&app, cast::HOD).await, app.sign_in(cast::HOD).await);
        let refused = async |input: Value| app.refused(&hod, "exportAttendance", input).await;
        assert_eq!(refused(input(&app, course, ("2026-03-02", "2026-03-01"))).await, ["lastDay OUT_OF_RANGE"]);
        assert_eq!(refused(input(&app, course, ("2025-03-01", "2026-03-02"))).await, ["lastDay OUT_OF_RANGE"]);
        assert_eq!(refused(input(&app, 999_999, MARCH)).await, ["courseId NOT_FOUND"]);
        for _ in 0..5 {
            hod.done("exportAttendance", input(&app, course, MARCH), "").await;
        }
        assert_eq!(refused(input(&app, course, MARCH)).await, [" OUT_OF_RANGE"], "five are being made");
        app.work().await;
        hod.done("exportAttendance", input(&app, course, MARCH), "").await;
    }
}
