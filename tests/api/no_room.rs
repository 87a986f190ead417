//! A disk that is full: what cannot be written is taken back and said to pass, and all goes on when there is room again.

use diesel_async::SimpleAsyncConnection;
use rollcall::{db::Connection, demo::cast};
use serde_json::json;

use crate::support::{
    Backend, TestApp, http_client,
    making::{Asked, Making, Told, small_batch},
};

/// Has the one connection that writes to SQLite let the file have so many pages.
async fn may_have_pages(app: &TestApp, most: u32) {
    let Connection::Sqlite(mut writer) = app.api.services().db.write().await.unwrap() else { panic!("another kind") };
    writer.batch_execute(&format!("PRAGMA max_page_count = {most}")).await.unwrap();
}

/// The engine's own words for it, from a file that may not grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_nothing_is_written_by_halves() {
    let app = TestApp::start(Backend::Sqlite).await;
    let (admin, batch) = (app.sign_in(cast::ADMIN).await, small_batch(&app).await);
    // The file is larger than that, and may have no more pages than it has then.
    may_have_pages(&app, 1).await;
    let full = Told::Refused("UNAVAILABLE".to_owned());
    let making = Making::start(&Asked::notices(&admin, &batch), 2);
    making.is_told(&full).await;
    may_have_pages(&app, 1_000_000).await;
    making.goes_on(3).await;
    let report = making.stop().await;
    println!("no room: {:?}", report.counts());
    report.holds(&app.database).await;
    assert!(report.0.iter().all(|made| made.told == Told::Done || made.told == full), "{:?}", report.counts());
    let faults = app.database.texts("SELECT integrity_check FROM pragma_integrity_check").await;
    assert_eq!(faults, ["ok"]);
}

/// PostgreSQL's own words and code, from a trigger: a disk of its own to fill a test has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_it_is_said_to_pass() {
    let app = TestApp::start(Backend::Postgres).await;
    let admin = app.sign_in(cast::ADMIN).await;
    for statement in [
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN \
         RAISE EXCEPTION 'could not extend file \"base/1/2\": No space left on device' USING ERRCODE = '53100'; END$$",
        // The last that a change writes.
        "CREATE TRIGGER full_disk BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ] {
        app.database.execute(statement).await;
    }
    let before = app.database.contents().await;
    let input = json!({"title": "Full", "message": "Read this.", "audience": {"everybody": true}});
    assert_eq!(admin.denied("publishNotice", input.clone()).await, "UNAVAILABLE");
    app.database.is_as(&before, "what there was no room for").await;
    assert_eq!(
        http_client().get(app.url("/health/ready")).send().await.unwrap().status(),
        200,
        "what only reads goes on"
    );
    admin.data("{ institute { name } }").await;
    app.database.execute("DROP TRIGGER full_disk ON audit_entries").await;
    admin.done("publishNotice", input, "").await;
}
