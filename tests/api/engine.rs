//! The engine that carries jobs to workers, as it runs: in process and by Redis, in one process and in several.

use std::time::Duration;

use redis::AsyncCommands;
use rollcall::{
    clock::Clock,
    demo::cast,
    jobs::model::{JobKind, Priority},
};
use serde_json::json;

use crate::{
    commands::{Running, rollcall, run, text},
    queue::{NOTHING, enqueue, states},
    support::{Backend, FakeFcm, Peers, Refusal, TestApp, http_client, redis_url},
};

const JOBS: usize = 60;

/// Waits until something is so: for as long as a test may take at most, whatever else goes on.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}

async fn working(backend: Backend, redis: bool) -> TestApp {
    let start = TestApp::start_with(backend, |config| {
        config.worker = true;
        config.jobs_at_once = 8;
        config.redis_url = redis.then(|| redis_url().into());
    });
    start.await
}

/// Puts jobs into the queue of both lanes, and waits until each is done, begun once.
async fn drains(app: &TestApp, of: &str) {
    for i in 0..JOBS {
        let priority = [Priority::Urgent, Priority::Normal, Priority::Low][i % 3];
        enqueue(app, &format!("{of} {i}"), (JobKind::Recompute, priority), NOTHING).await;
    }
    app.api.services().wake.wake();
    let all = async || states(app, of).await;
    until("all is done", async || all().await.iter().all(|state| state.starts_with("DONE"))).await;
    let begun = all().await;
    assert_eq!(begun, vec!["DONE 1"; JOBS], "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_is_done_in_process() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let app = working(backend, false).await;
        drains(&app, "a").await;
        drains(&app, "b").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_is_done_by_redis_and_several_instances() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let app = working(backend, true).await;
        let _beside = app.beside().await;
        drains(&app, "a").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_only_serves_wakes_those_that_work() {
    let app = working(Backend::Postgres, true).await;
    let serves = app.beside_with(|config| config.worker = false).await;
    drains(&serves, "a").await;
}

/// The keys of an application's queue in Redis.
async fn keys(app: &TestApp) -> Vec<String> {
    let mut redis = redis::Client::open(redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    redis.keys(format!("{}:jobs:*", app.api.services().seal.namespace())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_may_lose_everything() {
    let app = working(Backend::Postgres, true).await;
    drains(&app, "before").await;
    // What it had of workers and of hand-outs is gone: workers find that out, and are made anew.
    let mut redis = redis::Client::open(redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let lost = keys(&app).await;
    assert!(!lost.is_empty());
    let () = redis.del(lost).await.unwrap();
    drains(&app, "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_does_not_stay_in_redis() {
    let app = working(Backend::Postgres, true).await;
    drains(&app, "a").await;
    // What is kept of each task has a key of its own, which ends with the task's number.
    let of_tasks = async || keys(&app).await.into_iter().filter(|key| key.contains(":meta:")).count();
    until("nothing is kept of tasks", async || of_tasks().await == 0).await;
}

/// FCM asks one of many to wait: the others are not even sent, while mail goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_goes_one_way_rests_when_the_other_side_asks_for_it() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let serves = TestApp::start_at(backend, Clock::system(), |config| config.event_days = 3650).await;
        serves.database.parents_have_devices().await;
        let (peers, fcm) = (Peers::start().await, FakeFcm::start(&Clock::system()).await);
        fcm.fails([Refusal::of(429, "QUOTA_EXCEEDED").later("3600")]);
        let input = json!({"title": "t", "message": "m", "audience": {"roles": ["PARENT"]}});
        serves.sign_in(cast::ADMIN).await.done("publishNotice", input, "").await;
        let _works = serves
            .beside_with(|config| {
                peers.configure(config);
                fcm.configure(config);
                config.worker = true;
                config.jobs_at_once = 4;
            })
            .await;
        let of = async |channel: &str, more: &str| {
            serves.number(&format!("SELECT COUNT(*) FROM jobs WHERE key LIKE 'deliver:%:{channel}%' {more}")).await
        };
        until("all mail is sent", async || {
            of("EMAIL", "").await > 100 && of("EMAIL", "AND state <> 'DONE'").await == 0
        })
        .await;
        until("FCM was asked", async || of("PUSH", "AND attempts > 0 AND state = 'PENDING'").await == 1).await;
        let asked = fcm.sent().len();
        let all = usize::try_from(of("PUSH", "").await).unwrap();
        assert!(asked > 0 && asked < all / 2, "{asked} of {all}");
        assert_eq!(of("PUSH", "AND attempts > 1").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_runs_apart_and_stops_when_it_is_told_to() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let app = TestApp::start(backend).await;
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().to_string()
        };
        let variables = [
            ("ENVIRONMENT", "development"),
            ("DATABASE_URL", app.database.url.as_str()),
            ("ADMIN_ADDR", address.as_str()),
        ];
        let mut process = Running(rollcall(&["worker"], &variables).spawn().unwrap());
        drains(&app, "apart").await;
        let metrics =
            http_client().get(format!("http://{address}/metrics")).send().await.unwrap().text().await.unwrap();
        let done = format!("rollcall_jobs_done_total{{kind=\"RECOMPUTE\"}} {JOBS}");
        assert!(metrics.lines().any(|line| line == done), "{metrics}");
        // A worker has its health there, and nowhere else.
        for of in ["live", "startup", "ready"] {
            let answer = http_client().get(format!("http://{address}/health/{of}")).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{of}");
        }
        let asked = run(&["health", "--admin"], &[("ENVIRONMENT", "development"), ("ADMIN_ADDR", &address)]);
        assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));

        let tell = format!("kill -TERM {}", process.0.id());
        let told = std::process::Command::new("sh").args(["-c", &tell]).status().unwrap();
        assert!(told.success());
        until("it has ended", async || process.0.try_wait().unwrap().is_some()).await;
        assert!(process.0.wait().unwrap().success());
    }
}
