//! What the service does while PostgreSQL or Redis is away, and how it comes back by itself.

use std::{sync::Arc, time::Duration};

use rollcall::{
    clock::Clock,
    demo::cast,
    jobs::model::{JobKind, Priority},
    metrics::Metrics,
};
use serde_json::{Value, json};

use crate::{
    queue::{NOTHING, enqueue, states},
    support::{
        Backend, Client, Heard, PostgresServer, RedisServer, Said, Socket, TestApp, TestDatabase, http_client,
        making::{Asked, Making, Told, small_batch},
        process::{Server, comes, ready},
    },
};

const NOTICES: &str = "subscription { noticePublished { notice { title } } }";

/// What an application says of itself to who asks whether it is ready.
async fn health(app: &TestApp) -> (u16, Value) {
    ready(&app.url("/health/ready")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_restarted_and_all_goes_on() {
    let mut postgres = PostgresServer::start().await;
    let database = Arc::new(TestDatabase::filled_on(&postgres.url("postgres")).await);
    let app = TestApp::start_on(Backend::Postgres, Arc::clone(&database), |_| ()).await;
    let (admin, batch) = (app.sign_in(cast::ADMIN).await, small_batch(&app).await);
    assert_eq!(health(&app).await.1["migrations"], "ok");
    let making = Making::start(&Asked::notices(&admin, &batch), 4);
    for _ in 0..2 {
        making.goes_on(10).await;
        postgres.stop();
        comes(async || health(&app).await == (503, down())).await;
        let live = http_client().get(app.url("/health/live")).send().await.unwrap();
        assert_eq!(live.status(), 200, "it is not the process that is to be started anew");
        let answer = admin.ask("{ institute { name } }").await;
        assert_eq!((answer.status, answer.code()), (503, "UNAVAILABLE"));
        let metrics = Metrics::text(app.api.services()).await.unwrap();
        assert!(metrics.contains("outcome=\"UNAVAILABLE\"") && !metrics.contains("rollcall_queue_depth"), "{metrics}");
        postgres.start_again().await;
        comes(async || health(&app).await.0 == 200).await;
        making.goes_on(10).await;
        assert!(Metrics::text(app.api.services()).await.unwrap().contains("rollcall_queue_depth"));
    }
    let report = making.stop().await;
    database.connect_anew().await;
    report.holds(&database).await;
    let counts = report.counts();
    println!("outages: {counts:?}");
    let known = |told: &String| told == "done" || told == "UNAVAILABLE";
    assert!(counts.keys().all(known), "nobody is told of a fault of the service: {counts:?}");
    assert!(
        report.0.iter().any(|made| made.told == Told::Refused("UNAVAILABLE".to_owned())),
        "it was away: {counts:?}"
    );
}

/// Nobody is woken for what says so by itself, and passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_postgres_is_away_is_no_fault_of_the_service() {
    let (heard, mut postgres) = (Heard::start().await, PostgresServer::start().await);
    let database = TestDatabase::filled_on(&postgres.url("postgres")).await;
    let mut variables = heard.variables();
    variables.push(("WORKER", "true".to_owned()));
    let mut server = Server::on(&database.url, &variables).await;
    let admin = server.admin().await;
    postgres.stop();
    comes(async || server.ready().await == Some((503, down()))).await;
    assert_eq!(admin.ask("{ institute { name } }").await.code(), "UNAVAILABLE");
    comes(async || server.told().contains("what is due was not handed out")).await;
    postgres.start_again().await;
    comes(async || server.ready().await.unwrap().0 == 200).await;
    admin.data("{ institute { name } }").await;
    // At its end it has told all that it had to tell.
    server.terminate();
    assert!(server.ended().await.success(), "{}", server.told());
    assert_eq!(heard.faults(), Vec::<Value>::new());
}

fn down() -> Value {
    json!({"status": "down", "database": "down", "migrations": "unknown", "redis": null})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_a_migration_is_not_ready() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let app = TestApp::start(backend).await;
        let startup = async || ready(&app.url("/health/startup")).await.unwrap().0;
        app.database
            .execute("UPDATE __diesel_schema_migrations SET version = 'x' || version WHERE version = '0001'")
            .await;
        let missing = json!({"status": "down", "database": "ok", "migrations": "pending", "redis": null});
        assert_eq!(health(&app).await, (503, missing));
        assert_eq!(startup().await, 503);
        app.database.execute("UPDATE __diesel_schema_migrations SET version = '0001' WHERE version = 'x0001'").await;
        assert_eq!((health(&app).await.0, startup().await), (200, 200));
        app.database
            .execute("UPDATE __diesel_schema_migrations SET version = 'x' || version WHERE version = '0001'")
            .await;
        assert_eq!(startup().await, 200, "what has begun has begun");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_goes_and_comes_back_and_all_goes_on() {
    let mut redis = RedisServer::start().await;
    let url = redis.url();
    let works = TestApp::start_at(Backend::Postgres, Clock::system(), |config| {
        config.redis_url = Some(url.into());
        config.worker = true;
        config.event_days = 3650;
        config.live_look = Duration::from_millis(200);
    })
    .await;
    // It hears of what the other's queue tells of by Redis, or by looking.
    let serves = works.beside_with(|config| config.worker = false).await;
    let (admin, batch) = (serves.sign_in(cast::ADMIN).await, small_batch(&works).await);
    let mut socket = Socket::of(&serves, &admin).await;
    socket.subscribe("live", NOTICES, json!({})).await;
    begins_to_hear(&mut socket, &admin, &batch).await;

    redis.stop();
    let degraded = json!({"status": "degraded", "database": "ok", "migrations": "ok", "redis": "down"});
    comes(async || health(&serves).await == (200, degraded.clone())).await;
    serves.sign_in_by_password(cast::PARENT).await;
    publish(&admin, "without", &batch).await;
    hears(&mut socket, "without").await;
    let services = works.api.services();
    enqueue(&works, "without", (JobKind::Recompute, Priority::Normal), NOTHING).await;
    services.wake.wake();
    comes(async || states(&works, "without").await == ["DONE 1"]).await;

    redis.start_again().await;
    comes(async || health(&serves).await.1["status"] == "ok").await;
    publish(&admin, "again", &batch).await;
    hears(&mut socket, "again").await;
    enqueue(&works, "again", (JobKind::Recompute, Priority::Normal), NOTHING).await;
    services.wake.wake();
    comes(async || states(&works, "again").await == ["DONE 1"]).await;
}

async fn publish(client: &Client, title: &str, batch: &str) {
    let input = json!({"title": title, "message": "Read this.", "audience": {"batchIds": [batch]}});
    client.done("publishNotice", input, "").await;
}

/// Waits until a subscription listens, of which there is no word: the first that it tells of says so.
async fn begins_to_hear(socket: &mut Socket, client: &Client, batch: &str) {
    let mut number = 0;
    comes(async || {
        number += 1;
        publish(client, &format!("before {number}"), batch).await;
        matches!(socket.within(Duration::from_secs(1)).await, Some(Said::Message(_)))
    })
    .await;
}

/// Waits until a subscription tells of this notice; those before may be told of first, and none is told of twice.
async fn hears(socket: &mut Socket, title: &str) {
    let mut before = Vec::new();
    loop {
        let answer = socket.payload("next", "live").await;
        let told = answer["data"]["noticePublished"]["notice"]["title"].as_str().unwrap().to_owned();
        assert!(!before.contains(&told), "{told} is told of twice");
        if told == title {
            return;
        }
        before.push(told);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_elsewhere_reaches_subscribers_without_redis() {
    let works = TestApp::start_at(Backend::Postgres, Clock::system(), |config| {
        config.worker = true;
        config.event_days = 3650;
        config.live_look = Duration::from_millis(200);
    })
    .await;
    let serves = works.beside_with(|config| config.worker = false).await;
    let (admin, batch) = (serves.sign_in(cast::ADMIN).await, small_batch(&works).await);
    let mut socket = Socket::of(&serves, &admin).await;
    socket.subscribe("live", NOTICES, json!({})).await;
    begins_to_hear(&mut socket, &admin, &batch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_begins_without_redis() {
    let mut redis = RedisServer::start().await;
    redis.stop();
    let url = redis.url();
    let app = TestApp::start_with(Backend::Sqlite, |config| config.redis_url = Some(url.into())).await;
    assert_eq!(health(&app).await.0, 200);
    app.sign_in_by_password(cast::PARENT).await;
    redis.start_again().await;
    comes(async || health(&app).await.1["redis"] == "ok").await;
}
