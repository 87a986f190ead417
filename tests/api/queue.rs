//! The queue: what becomes of a job, who sees it, and that nothing is lost or done twice.

use std::sync::Arc;

use chrono::{Duration, NaiveDateTime};
use rollcall::{
    demo::cast,
    dispatch,
    http::Connections,
    ids::Kind,
    jobs::{
        model::{HandOut, JobKind, Lane, NewJob, Priority},
        schedule,
        worker::{Options, Worker},
    },
    stop::Stop,
};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, http_client};

/// What does nothing and is done: there is no student after this one.
pub const NOTHING: &str = r#"{"after": 9000000000000}"#;
/// What no worker can read.
const NONSENSE: &str = r#""nonsense""#;
const FIELDS: &str = "id kind state priority attempts dueAt createdAt finishedAt lastError viewerCan { requeue }";

/// Puts a job into the queue, due now: by the lane of codes, where it is urgent.
pub async fn enqueue(app: &TestApp, key: &str, (kind, priority): (JobKind, Priority), payload: &str) {
    let services = app.api.services();
    let now = services.clock.now();
    let payload: Value = serde_json::from_str(payload).unwrap();
    let lane = if priority == Priority::Urgent { Lane::Codes } else { Lane::Upkeep };
    let job = NewJob { key: key.to_owned(), kind, lane, priority, payload, batch: None, due_at: now };
    let mut cx = services.db.write().await.unwrap();
    dispatch!(cx, jobs::enqueue(now, vec![job.clone()])).unwrap();
}

/// The states of the jobs whose keys begin so, each with how often it was begun.
pub async fn states(app: &TestApp, key: &str) -> Vec<String> {
    let query = format!("SELECT state || ' ' || attempts FROM jobs WHERE key LIKE '{key}%' ORDER BY id");
    app.database.texts(&query).await
}

fn worker(app: &TestApp) -> Worker {
    let options =
        Options { at_once: app.config.jobs_at_once, lease: app.config.job_lease, attempts: app.config.job_attempts };
    Worker::new(Arc::clone(app.api.services()), options)
}

async fn lease(worker: &Worker, most: usize) -> HandOut {
    worker.lease(Lane::Upkeep, most).await.unwrap().0
}

/// The jobs with these keys, by number.
async fn keys(app: &TestApp, ids: &[i64]) -> Vec<String> {
    let mut keys = Vec::new();
    for id in ids {
        keys.extend(app.database.texts(&format!("SELECT key FROM jobs WHERE id = {id}")).await);
    }
    keys
}

async fn dead(admin: &Client) -> Vec<Value> {
    admin.walk("jobs", "filter: {state: DEAD}", FIELDS).await.unwrap().0
}

/// Lets no event be removed: whoever cleans up fails.
async fn let_no_event_go(app: &TestApp) {
    app.database
        .execute("INSERT INTO events (kind, subject_id, at) VALUES ('NOTICE_PUBLISHED', 1, '2020-01-01 00:00:00')")
        .await;
    app.database
        .execute(match app.backend {
            crate::support::Backend::Sqlite => {
                "CREATE TRIGGER kept BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'kept as it was'); END"
            }
            crate::support::Backend::Postgres => {
                "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'kept as it was'; END $$; \
                 CREATE TRIGGER kept BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION kept()"
            }
        })
        .await;
}

async fn let_it_go(app: &TestApp) {
    let on = if app.backend == crate::support::Backend::Postgres { " ON events" } else { "" };
    app.database.execute(&format!("DROP TRIGGER kept{on}")).await;
}

on_both! {
    async fn a_job_that_fails_is_tried_again_given_up_and_requeued(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let_no_event_go(&app).await;
        enqueue(&app, "fails", (JobKind::CleanUp, Priority::Low), "{}").await;
        app.work().await;
        assert_eq!(states(&app, "fails").await, ["PENDING 1"]);
        // The pause is one to two seconds first.
        app.work().await;
        assert_eq!(states(&app, "fails").await, ["PENDING 1"], "not before its time");
        app.clock.advance(Duration::seconds(2));
        app.work().await;
        assert_eq!(states(&app, "fails").await, ["PENDING 2"]);
        assert_eq!(dead(&admin).await, Vec::<Value>::new());

        for _ in 0..app.config.job_attempts {
            app.clock.advance(Duration::hours(1));
            app.work().await;
        }
        assert_eq!(states(&app, "fails").await, [format!("DEAD {}", app.config.job_attempts)]);
        let seen = dead(&admin).await;
        assert_eq!(seen.len(), 1, "{seen:#?}");
        let job = &seen[0];
        let expected = json!([job["id"], "CLEAN_UP", "DEAD", "LOW", app.config.job_attempts, true]);
        let told = json!([job["id"], job["kind"], job["state"], job["priority"], job["attempts"], job["viewerCan"]["requeue"]]);
        assert_eq!(told, expected);
        assert!(job["lastError"].as_str().unwrap().contains("kept as it was"), "{job}");
        assert!(job["finishedAt"].is_string(), "{job}");

        let_it_go(&app).await;
        let requeued = admin.done("requeueJob", json!({"id": job["id"]}), &format!("job {{ {FIELDS} }}")).await;
        let requeued = &requeued["job"];
        let now = json!(format!("{}+00:00", app.clock.now().format("%Y-%m-%dT%H:%M:%S")));
        assert_eq!(
            json!([requeued["state"], requeued["attempts"], requeued["dueAt"], requeued["finishedAt"], requeued["viewerCan"]["requeue"]]),
            json!(["PENDING", 0, now, null, false])
        );
        assert_eq!(app.refused(&admin, "requeueJob", json!({"id": job["id"]})).await, ["id WRONG_STATUS"], "it waits");
        app.work().await;
        assert_eq!(states(&app, "fails").await, ["DONE 1"]);
        assert_eq!(app.refused(&admin, "requeueJob", json!({"id": job["id"]})).await, ["id WRONG_STATUS"], "it is done");
        let query = format!("{{ auditEntries(filter: {{subjectId: {}}}) {{ edges {{ node {{ action actor {{ email }} }} }} }} }}", job["id"]);
        let audited = admin.data(&query).await;
        assert_eq!(audited["auditEntries"]["edges"], json!([{"node": {"action": "requeueJob", "actor": {"email": cast::ADMIN}}}]));
    }

    async fn what_cannot_be_read_is_given_up_at_once_and_what_it_holds_is_nobodys(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        enqueue(&app, "nonsense", (JobKind::Recompute, Priority::Normal), NONSENSE).await;
        app.work().await;
        assert_eq!(states(&app, "nonsense").await, ["DEAD 1"]);
        let seen = dead(&admin).await;
        assert_eq!(seen[0]["lastError"], "its payload cannot be read");
        assert!(!seen[0].to_string().contains("nonsense"), "{seen:?}");
        let sdl = rollcall::graphql::sdl();
        let job = sdl.split("type Job ").nth(1).unwrap().split("\n}").next().unwrap();
        assert!(!job.contains("payload") && !job.contains("key"), "{job}");
    }

    async fn the_queue_is_for_administrators(app: TestApp) {
        enqueue(&app, "nonsense", (JobKind::Recompute, Priority::Normal), NONSENSE).await;
        app.work().await;
        let id = app.id_of(Kind::Job, "SELECT id FROM jobs WHERE key = 'nonsense'").await;
        let node = format!("{{ node(id: \"{id}\") {{ id }} }}");
        for (role, client) in app.everybody().await {
            if role == "ADMIN" {
                assert_eq!(client.data(&node).await["node"]["id"], id);
                continue;
            }
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(client.walk("jobs", "", "id").await.unwrap_err(), code, "{role}");
            assert_eq!(app.denied(&client, "requeueJob", json!({"id": id})).await, code, "{role}");
            assert_eq!(client.data(&node).await["node"], Value::Null, "{role}");
        }
        let key = app.api_key("ADMIN_READ").await;
        assert_eq!(key.walk("jobs", "filter: {state: DEAD}", "id").await.unwrap().1, 1, "it reads as they do");
        assert_eq!(app.denied(&key, "requeueJob", json!({"id": id})).await, "FORBIDDEN");
        assert_eq!(states(&app, "nonsense").await, ["DEAD 1"]);
    }

    async fn jobs_are_filtered_and_ordered(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        enqueue(&app, "dead", (JobKind::Recompute, Priority::Normal), NONSENSE).await;
        enqueue(&app, "done", (JobKind::CleanUp, Priority::Low), "{}").await;
        app.work().await;
        app.database.execute("UPDATE jobs SET due_at = '2026-03-21 00:00:00' WHERE key = 'dead'").await;
        let kinds = async |arguments: &str| {
            let (nodes, total) = admin.walk("jobs", arguments, "kind").await.unwrap();
            assert_eq!(nodes.len(), total, "{arguments}");
            nodes.iter().map(|node| node["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(kinds("filter: {state: DEAD}").await, ["RECOMPUTE"]);
        assert_eq!(kinds("filter: {kind: CLEAN_UP}").await, ["CLEAN_UP"]);
        assert_eq!(kinds("filter: {state: DEAD, kind: CLEAN_UP}").await, [""; 0]);
        assert_eq!(kinds("orderBy: {field: ENTRY}").await, ["RECOMPUTE", "CLEAN_UP"]);
        assert_eq!(kinds("orderBy: {field: DUE_AT}").await, ["CLEAN_UP", "RECOMPUTE"]);
        assert_eq!(kinds("").await, ["CLEAN_UP", "RECOMPUTE"], "the newest first");
    }

    async fn of_several_with_one_key_one_is_done(app: TestApp) {
        for payload in [NOTHING, NONSENSE] {
            enqueue(&app, "once", (JobKind::Recompute, Priority::Normal), payload).await;
        }
        assert_eq!(app.work().await, 1);
        enqueue(&app, "once", (JobKind::Recompute, Priority::Normal), NOTHING).await;
        assert_eq!(app.work().await, 0, "nor when it is done");
        assert_eq!(states(&app, "once").await, ["DONE 1"]);
        assert_eq!(app.database.texts("SELECT payload FROM jobs WHERE key = 'once'").await, ["{}"], "what it held is gone");
    }

    async fn what_is_handed_out_twice_is_done_once(app: TestApp) {
        let beside = app.beside().await;
        for i in 0..10 {
            enqueue(&app, &format!("twice {i}"), (JobKind::Recompute, Priority::Normal), NOTHING).await;
        }
        let (one, other) = (worker(&app), worker(&beside));
        let out = lease(&one, 10).await;
        assert_eq!(out.ids.len(), 10);
        assert_eq!(lease(&other, 10).await.ids, [0; 0], "what is leased is nobody else's");
        let (by_one, by_other) = tokio::join!(one.work(&out), other.work(&out));
        assert_eq!(by_one.unwrap() + by_other.unwrap(), 10);
        assert_eq!(states(&app, "twice").await, ["DONE 1"; 10]);
        assert_eq!(one.work(&out).await.unwrap(), 0, "nor later");
    }

    async fn a_lease_that_runs_out_is_taken_over_and_one_given_back_at_once(app: TestApp) {
        enqueue(&app, "left", (JobKind::Recompute, Priority::Normal), NOTHING).await;
        let (dies, lives) = (worker(&app), worker(&app));
        let before = lease(&dies, 10).await;
        app.clock.advance(Duration::from_std(app.config.job_lease).unwrap() - Duration::seconds(1));
        assert_eq!(lease(&lives, 10).await.ids, [0; 0]);
        app.clock.advance(Duration::seconds(1));
        let after = lease(&lives, 10).await;
        assert_eq!(after.ids, before.ids);
        assert_eq!(dies.work(&before).await.unwrap(), 0, "who comes too late finds it another's");
        // It was never begun, so it is nobody's when it is given back.
        lives.give_back(std::slice::from_ref(&before)).await.unwrap();
        assert_eq!(lease(&dies, 10).await.ids, [0; 0], "one cannot give back what is another's");
        lives.give_back(std::slice::from_ref(&after)).await.unwrap();
        assert_eq!(lives.work(&after).await.unwrap(), 0, "nor do what one has given back");
        let again = lease(&dies, 10).await;
        assert_eq!(dies.work(&again).await.unwrap(), 1);
        assert_eq!(states(&app, "left").await, ["DONE 1"]);
    }

    async fn what_was_begun_or_ran_out_is_not_out_any_more(app: TestApp) {
        for i in 0..2 {
            enqueue(&app, &format!("out {i}"), (JobKind::Recompute, Priority::Normal), NOTHING).await;
        }
        let worker = worker(&app);
        let mut out = vec![lease(&worker, 1).await, lease(&worker, 1).await];
        worker.keep_out(&mut out).await.unwrap();
        assert_eq!(out.len(), 2);
        worker.work(&out[0]).await.unwrap();
        worker.keep_out(&mut out).await.unwrap();
        assert_eq!(keys(&app, &out[0].ids).await, ["out 1"]);
        app.clock.advance(Duration::from_std(app.config.job_lease).unwrap());
        worker.keep_out(&mut out).await.unwrap();
        assert_eq!(out, []);
    }

    async fn what_matters_goes_first_and_a_lane_by_itself(app: TestApp) {
        for (key, priority) in [("low", Priority::Low), ("normal", Priority::Normal), ("code", Priority::Urgent), ("lower", Priority::Low)] {
            enqueue(&app, key, (JobKind::Recompute, priority), NOTHING).await;
            app.clock.advance(Duration::seconds(1));
        }
        let worker = worker(&app);
        let (code, more) = worker.lease(Lane::Codes, 10).await.unwrap();
        assert_eq!((keys(&app, &code.ids).await, more), (vec!["code".to_owned()], false));
        let (first, more) = worker.lease(Lane::Upkeep, 2).await.unwrap();
        assert_eq!((keys(&app, &first.ids).await, more), (vec!["normal".to_owned(), "low".to_owned()], true));
        let (rest, more) = worker.lease(Lane::Upkeep, 2).await.unwrap();
        assert_eq!((keys(&app, &rest.ids).await, more), (vec!["lower".to_owned()], false));
        assert_eq!(worker.lease(Lane::Mail, 10).await.unwrap().0.ids, [0; 0]);
    }

    async fn a_job_that_ends_its_worker_is_given_up_in_the_end(app: TestApp) {
        enqueue(&app, "kills", (JobKind::Recompute, Priority::Normal), NOTHING).await;
        let worker = worker(&app);
        for _ in 0..app.config.job_attempts {
            // It is begun, and nobody lives to note what becomes of it.
            let out = lease(&worker, 1).await;
            assert_eq!(worker.begin(&out).await.unwrap().len(), 1);
            app.clock.advance(Duration::from_std(app.config.job_lease).unwrap());
        }
        assert_eq!(states(&app, "kills").await, [format!("PENDING {}", app.config.job_attempts)]);
        app.work().await;
        let dead = app.database.texts("SELECT state || ' ' || last_error FROM jobs WHERE key = 'kills'").await;
        assert_eq!(dead, ["DEAD whoever tried it last has ended over it"]);
    }

    async fn what_was_given_up_together_is_requeued_together(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        for i in 0..3 {
            enqueue(&app, &format!("many {i}"), (JobKind::Recompute, Priority::Normal), NONSENSE).await;
        }
        enqueue(&app, "other", (JobKind::Export, Priority::Low), "{}").await;
        enqueue(&app, "waits", (JobKind::CleanUp, Priority::Low), "{}").await;
        app.database.execute("UPDATE jobs SET due_at = '2027-01-01 00:00:00' WHERE key = 'waits'").await;
        app.work().await;
        assert_eq!(states(&app, "many").await, ["DEAD 1"; 3]);
        let requeue = async |input: Value| admin.done("requeueJobs", input, "requeued").await["requeued"].clone();
        assert_eq!(requeue(json!({"kind": "DELIVER"})).await, 0);
        assert_eq!(requeue(json!({"until": "2026-03-20T11:59:59Z"})).await, 0);
        assert_eq!(app.refused(&admin, "requeueJobs", json!({"until": "2026-03-21T12:00:00Z"})).await, ["until IN_FUTURE"]);
        assert_eq!(requeue(json!({"kind": "RECOMPUTE"})).await, 3);
        assert_eq!((states(&app, "many").await, states(&app, "other").await), (vec!["PENDING 0".to_owned(); 3], vec!["DEAD 1".to_owned()]));
        let entries = app.number("SELECT count(*) FROM audit_entries WHERE action = 'requeueJobs'").await;
        assert_eq!(entries, 3, "each of them");
        app.work().await;
        assert_eq!(requeue(json!({})).await, 4, "all kinds, and none that waits");
        let due = app.database.texts("SELECT CAST(due_at AS text) FROM jobs WHERE key = 'waits'").await;
        assert!(due[0].starts_with("2027-01-01"), "{due:?}");
        for (role, email, code) in [("an HOD", cast::HOD, "FORBIDDEN"), ("a parent", cast::PARENT, "FORBIDDEN")] {
            let client = app.sign_in(email).await;
            assert_eq!(app.denied(&client, "requeueJobs", json!({})).await, code, "{role}");
        }
        assert_eq!(app.denied(&app.anonymous(), "requeueJobs", json!({})).await, "UNAUTHENTICATED");
    }

    async fn what_is_scheduled_comes_once_over_all_instances(app: TestApp) {
        let beside = app.beside().await;
        let (one, other) = (app.api.services(), beside.api.services());
        let look = async || {
            let (a, b) = tokio::join!(schedule::look(one), schedule::look(other));
            a.and(b).unwrap();
        };
        look().await;
        assert_eq!(states(&app, "clean-up").await, [""; 0], "at the next full hour");
        for hours in 1..=3 {
            app.clock.advance(Duration::hours(1));
            look().await;
            look().await;
            assert_eq!(states(&app, "clean-up").await.len(), hours);
        }
        assert_eq!(states(&app, "recompute").await, [""; 0]);
        // The night comes in Kathmandu; and hours in which nobody looked are not made up for.
        app.clock.advance(Duration::hours(12));
        look().await;
        assert_eq!((states(&app, "clean-up").await.len(), states(&app, "recompute").await.len()), (4, 1));
        app.work().await;
        assert!(states(&app, "").await.iter().all(|state| state == "DONE 1"), "{:?}", states(&app, "").await);
    }

    async fn cleaning_up_removes_what_it_says_and_nothing_else(app: TestApp) {
        app.sign_in(cast::STUDENT).await;
        app.clock.advance(Duration::days(8));
        app.sign_in(cast::ADMIN).await;
        let sessions = "SELECT a.email FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.email IN";
        let sessions = format!("{sessions} ('{}', '{}') ORDER BY 1", cast::ADMIN, cast::STUDENT);
        let kept = |key: &str| format!("INSERT INTO jobs (key, kind, priority, payload, state, due_at, created_at, finished_at) VALUES ('{key}', 'TELL', 1, '{{}}', ");
        let now: NaiveDateTime = app.clock.now();
        let ago = |span: Duration| format!("'{}'", (now - span).format("%Y-%m-%d %H:%M:%S"));
        for (key, state, days) in [("done 8", "DONE", 8), ("done 6", "DONE", 6), ("dead 29", "DEAD", 29), ("dead 31", "DEAD", 31)] {
            let at = ago(Duration::days(days));
            app.database.execute(&format!("{}'{state}', {at}, {at}, {at})", kept(key))).await;
        }
        let old = ago(Duration::days(100));
        app.database.execute(&format!("{}'PENDING', '2027-01-01 00:00:00', {old}, NULL)", kept("waits"))).await;
        for days in [31, 29] {
            let at = ago(Duration::days(days));
            app.database.execute(&format!("INSERT INTO events (kind, subject_id, at) VALUES ('NOTICE_PUBLISHED', {days}, {at})")).await;
            app.database.execute(&format!("INSERT INTO event_topics (topic, event_id) SELECT 'everybody', id FROM events WHERE subject_id = {days}")).await;
            app.database.execute(&format!(
                "INSERT INTO notifications (account_id, event_id, at) SELECT a.id, e.id, {at} FROM accounts a, events e \
                 WHERE a.email = '{}' AND e.subject_id = {days}", cast::PARENT
            )).await;
        }
        // Keys of mutations, at the bound of what one statement removes.
        for (key, days, count) in [("old", 31, 501), ("young", 29, 2)] {
            let at = ago(Duration::days(days));
            app.database.execute(&format!(
                "INSERT INTO client_mutations (account_id, key, mutation, input_digest, result, at) \
                 SELECT a.id, '{key} ' || r.n, 'createBatch', (SELECT token_hash FROM sessions LIMIT 1), '1', {at} FROM accounts a, \
                 (SELECT row_number() OVER () AS n FROM attendance_records LIMIT {count}) r WHERE a.email = '{}'", cast::PARENT
            )).await;
        }
        // Codes: over and used long ago; over, but one of this hour's; and one that is good.
        for (email, created, used, hour) in [
            (cast::PARENT, 120, "NULL".to_owned(), 120),
            (cast::STUDENT, 14, ago(Duration::minutes(13)), 70),
            (cast::HOD, 40, "NULL".to_owned(), 40),
            (cast::TEACHER, 5, "NULL".to_owned(), 90),
        ] {
            app.database.execute(&format!(
                "INSERT INTO one_time_codes (account_id, purpose, code_hash, created_at, expires_at, used_at, hour_began_at, issued) \
                 SELECT id, 'RESET', (SELECT token_hash FROM sessions LIMIT 1), {}, {}, {used}, {}, 1 FROM accounts WHERE email = '{email}'",
                ago(Duration::minutes(created)), ago(Duration::minutes(created - 10)), ago(Duration::minutes(hour))
            )).await;
        }
        assert_eq!(app.database.texts(&sessions).await, [cast::ADMIN, cast::STUDENT]);

        enqueue(&app, "clean", (JobKind::CleanUp, Priority::Low), "{}").await;
        app.work().await;

        assert_eq!(app.database.texts(&sessions).await, [cast::ADMIN]);
        let texts = async |query: &str| app.database.texts(query).await;
        assert_eq!(texts("SELECT key FROM jobs WHERE key IN ('clean', 'done 8', 'done 6', 'dead 29', 'dead 31', 'waits') ORDER BY key").await, ["clean", "dead 29", "done 6", "waits"]);
        assert_eq!(app.database.numbers("SELECT subject_id FROM events").await, [29]);
        for table in ["event_topics", "notifications"] {
            assert_eq!(app.number(&format!("SELECT count(*) FROM {table}")).await, 1, "{table}");
        }
        assert_eq!(texts("SELECT key FROM client_mutations ORDER BY key").await, ["young 1", "young 2"]);
        let codes = "SELECT a.email FROM one_time_codes c JOIN accounts a ON a.id = c.account_id ORDER BY a.email";
        let mut left = [cast::HOD, cast::TEACHER];
        left.sort_unstable();
        assert_eq!(texts(codes).await, left);
    }

    async fn what_is_not_as_it_should_be_is_worked_out_anew(app: TestApp) {
        let trackings = "SELECT id || ' ' || completion || ' ' || status FROM course_trackings ORDER BY id";
        let nightly = async |key: &str| {
            enqueue(&app, key, (JobKind::Recompute, Priority::Low), "{}").await;
            app.work().await;
            assert_eq!(states(&app, key).await, ["DONE 1"]);
            app.database.texts(trackings).await
        };
        let right = nightly("first").await;
        app.database.execute("UPDATE course_trackings SET completion = 1.5 WHERE status = 'IN_PROGRESS' AND course_id = \
             (SELECT s.course_id FROM students s WHERE s.id = student_id)").await;
        assert_ne!(app.database.texts(trackings).await, right);
        assert_eq!(nightly("second").await, right);
    }

    async fn metrics_are_the_operators_and_tell_how_the_queue_stands(app: TestApp) {
        enqueue(&app, "nonsense", (JobKind::Recompute, Priority::Normal), NONSENSE).await;
        enqueue(&app, "clean", (JobKind::CleanUp, Priority::Low), "{}").await;
        app.work().await;
        enqueue(&app, "code", (JobKind::Message, Priority::Urgent), "{}").await;
        app.clock.advance(Duration::seconds(90));

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let connections =
            Connections { most: 8, header_timeout: std::time::Duration::from_secs(30), max_header_bytes: 8192 };
        let served = tokio::spawn(rollcall::http::admin::serve(listener, Arc::clone(&app.api), connections, Stop::default()));
        let answer = http_client().get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        let text = answer.text().await.unwrap();
        for line in [
            "rollcall_jobs{state=\"PENDING\",kind=\"MESSAGE\"} 1",
            "rollcall_jobs{state=\"DEAD\",kind=\"RECOMPUTE\"} 1",
            "rollcall_jobs{state=\"DEAD\",kind=\"MESSAGE\"} 0",
            "rollcall_queue_depth{priority=\"urgent\"} 1",
            "rollcall_queue_depth{priority=\"low\"} 0",
            "rollcall_queue_oldest_seconds{priority=\"urgent\"} 90",
            "rollcall_queue_oldest_seconds{priority=\"normal\"} 0",
            "rollcall_jobs_done_total{kind=\"CLEAN_UP\"} 1",
            "rollcall_jobs_failed_total{kind=\"RECOMPUTE\"} 1",
            "rollcall_jobs_dead_total{kind=\"RECOMPUTE\"} 1",
            "rollcall_job_seconds_count{kind=\"CLEAN_UP\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        served.abort();
        assert_eq!(http_client().get(app.url("/metrics")).send().await.unwrap().status(), 404, "not for everybody");
    }
}
