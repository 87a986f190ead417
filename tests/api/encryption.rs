//! TLS to PostgreSQL and to Redis: what is believed, what is not, and that nothing says a password.

use std::time::Duration;

use rollcall::{
    db::{Db, PoolOptions, pg::connector::Connector},
    demo::cast,
    redis::{Server, ping},
};
use serde_json::json;

use crate::{
    commands::{run, text},
    pooler::asked,
    support::{
        Authority, Backend, EncryptedPostgres, POSTGRES_SECRET, RedisServer, Said, Socket, TestApp, TestDatabase,
        options,
    },
};

const ENCRYPTED: &str =
    "SELECT CASE WHEN ssl THEN 'yes' ELSE 'no' END AS answer FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// Why there is no connection to this server.
async fn refused(url: &str) -> String {
    let told = match Connector::new(url, options()) {
        Ok(connector) => connector.connect().await.err().map(|error| error.to_string()),
        Err(error) => Some(error.report()),
    };
    let told = told.unwrap_or_else(|| panic!("{url} is believed"));
    assert!(!told.contains(POSTGRES_SECRET), "{told}");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_is_believed_as_far_as_the_url_says() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let server = EncryptedPostgres::start(&ours.issue("localhost"));
    let by = |mode: &str, authority: &Authority| format!("sslmode={mode}&sslrootcert={}", authority.file().display());
    for (host, parameters) in [
        ("localhost", by("verify-full", &ours)),
        ("127.0.0.1", by("verify-ca", &ours)),
        ("127.0.0.1", by("require", &ours)),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("127.0.0.1", String::new()),
    ] {
        let url = server.url(host, &parameters);
        let db = Db::open(&url, PoolOptions { size: 1, ..options() }).await;
        let db = db.unwrap_or_else(|error| panic!("{host} {parameters}: {}", error.report()));
        assert_eq!(asked(&mut db.read().await.unwrap(), ENCRYPTED).await, "yes", "{host} {parameters}");
    }
    for (host, parameters, words) in [
        ("localhost", by("verify-full", &others), "UnknownIssuer"),
        ("127.0.0.1", by("verify-full", &ours), "not valid for name"),
        ("127.0.0.1", by("verify-ca", &others), "UnknownIssuer"),
        ("127.0.0.1", by("require", &others), "UnknownIssuer"),
        // The system knows nothing of our authority.
        ("localhost", "sslmode=verify-full".to_owned(), "ertificate"),
        ("localhost", "sslmode=verify-full&sslrootcert=/nowhere/ca.pem".to_owned(), "/nowhere/ca.pem"),
        ("localhost", "sslmode=disable".to_owned(), "no encryption"),
    ] {
        let told = refused(&server.url(host, &parameters)).await;
        assert!(told.contains(words), "{host} {parameters}: {told}");
    }
    let url = server.url("127.0.0.1", &by("verify-full", &ours));
    let output = run(&["migrate", "--status"], &[("ENVIRONMENT", "development"), ("DATABASE_URL", &url)]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("not valid for name") && !told.contains(POSTGRES_SECRET), "{told}");
    let url = server.url("localhost", &by("verify-full", &ours));
    let output = run(&["migrate"], &[("ENVIRONMENT", "development"), ("DATABASE_URL", &url)]);
    assert_eq!(output.status.code(), Some(0), "migrations go by the same way: {}", text(&output.stderr));
    statements_are_cancelled(&url).await;
}

/// A statement that nobody waits for is given up, over a connection that is encrypted as well: the server takes no other.
async fn statements_are_cancelled(url: &str) {
    let db = Db::open(url, PoolOptions { size: 2, statement_timeout: Duration::ZERO, ..options() }).await.unwrap();
    let sleeping = "SELECT count(*)::text AS answer FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' \
                    AND state = 'active'";
    let mut watching = db.read().await.unwrap();
    let mut connection = db.read().await.unwrap();
    tokio::select! {
        _ = asked(&mut connection, "SELECT pg_sleep(3600)::text AS answer") => panic!("it sleeps for an hour"),
        () = async { while asked(&mut watching, sleeping).await == "0" {} } => {}
    }
    drop(connection);
    while asked(&mut watching, sleeping).await != "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_without_tls_is_left_where_it_is_required() {
    let database = TestDatabase::filled(Backend::Postgres).await;
    for mode in ["require", "verify-full"] {
        let told = refused(&format!("{}?sslmode={mode}", database.url)).await;
        assert!(told.contains("TLS"), "{mode}: {told}");
    }
    for parameters in ["", "?sslmode=prefer", "?sslmode=disable"] {
        let db = Db::open(&format!("{}{parameters}", database.url), options()).await.unwrap();
        assert_eq!(asked(&mut db.read().await.unwrap(), ENCRYPTED).await, "no", "{parameters}");
    }
}

#[test]
fn a_redis_is_believed_as_far_as_its_certificate_goes() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(redis()));
}

async fn redis() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let redis = RedisServer::start_encrypted(&ours.issue("localhost")).await;
    let believed = redis.encrypted_url("localhost");
    let server = Server::new(&believed, Some(&ours.file())).unwrap();
    ping(&server.connect().await.unwrap()).await.unwrap();
    for (url, authority, words) in [
        (&believed, Some(&others), "UnknownIssuer"),
        (&redis.encrypted_url("127.0.0.1"), Some(&ours), "not valid for name"),
        (&believed, None, "ertificate"),
    ] {
        let file = authority.map(Authority::file);
        // It is connected to when it is first asked.
        let redis = Server::new(url, file.as_deref()).unwrap().connect().await.unwrap();
        let told = ping(&redis).await.expect_err("it is believed").report();
        assert!(told.contains(words) && !told.contains(RedisServer::SECRET), "{told}");
    }
    for wrong in ["/nowhere/ca.pem", "/dev/null"] {
        let told = Server::new(&believed, Some(wrong.as_ref())).err().expect("there is no certificate").report();
        assert!(told.contains(wrong) && !told.contains(RedisServer::SECRET), "{told}");
    }
    Box::pin(what_is_published_is_heard(&believed, &ours)).await;
}

/// By connections of their own instances hear each other, and are waked.
async fn what_is_published_is_heard(url: &str, authority: &Authority) {
    let app = TestApp::start_with(Backend::Postgres, |config| {
        config.redis_url = Some(url.into());
        config.redis_ca_file = Some(authority.file());
    })
    .await;
    let other = app.beside().await;
    let parent = app.sign_in(cast::PARENT).await;
    let mut socket = Socket::of(&other, &parent).await;
    let notices = "subscription { noticePublished { notice { title } } }";
    socket.subscribe("live", notices, json!({})).await;
    let notice = app.number("SELECT MIN(notice_id) FROM notice_audiences WHERE kind = 'EVERYBODY'").await;
    // There is no word that a subscription listens: it is said until it is heard.
    loop {
        app.happens("NOTICE_PUBLISHED", notice, &["everybody"]).await;
        if let Some(said) = socket.within(Duration::from_millis(500)).await {
            let Said::Message(message) = said else { panic!("{said:?}") };
            assert!(message["payload"]["data"]["noticePublished"]["notice"]["title"].is_string(), "{message}");
            return;
        }
    }
}
