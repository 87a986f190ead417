//! A long queue: it drains, in memory that does not grow with it.
//!
//! `ROLLCALL_TEST_QUEUED` says how long it is (1,000 where it is not set); the rate is printed, and decides nothing.

use std::time::{Duration, Instant};

use rollcall::clock::Clock;

use crate::support::{
    Backend, FakeFcm, TestApp,
    process::{Worker, resident, size},
    redis_url,
};

/// Puts so many notifications into the queue: of notices, each by a push to its account's device.
async fn fill(app: &TestApp, count: usize) {
    let notice = app.number("SELECT MIN(notice_id) FROM notice_audiences WHERE kind = 'EVERYBODY'").await;
    let at = "'2026-03-20 09:00:00'";
    for statement in [
        format!(
            "INSERT INTO devices (account_id, token, platform, created_at) \
             SELECT id, 'token-' || id, 'ANDROID', {at} FROM accounts WHERE active ORDER BY id LIMIT 200"
        ),
        format!(
            "INSERT INTO events (kind, subject_id, at) SELECT 'NOTICE_PUBLISHED', {notice}, {at} FROM \
             (SELECT id FROM audit_entries UNION ALL SELECT id FROM attendance_records) x LIMIT {}",
            count.div_ceil(200)
        ),
        format!(
            "INSERT INTO notifications (account_id, event_id, at) SELECT d.account_id, e.id, {at} \
             FROM events e CROSS JOIN devices d WHERE e.kind = 'NOTICE_PUBLISHED' AND d.token LIKE 'token-%' \
             ORDER BY e.id, d.id LIMIT {count}"
        ),
        format!(
            "INSERT INTO jobs (key, kind, priority, payload, due_at, created_at) \
             SELECT 'deliver:' || n.event_id || ':' || n.account_id || ':PUSH:' || d.id, 'DELIVER', 2, \
             '{{\"account\":' || n.account_id || ',\"channel\":\"PUSH\",\"device\":' || d.id || '}}', {at}, {at} \
             FROM notifications n JOIN devices d ON d.account_id = n.account_id AND d.token LIKE 'token-%'"
        ),
        "INSERT INTO notification_jobs (job_id, notification_id) SELECT j.id, n.id FROM notifications n \
         JOIN devices d ON d.account_id = n.account_id AND d.token LIKE 'token-%' \
         JOIN jobs j ON j.key = 'deliver:' || n.event_id || ':' || n.account_id || ':PUSH:' || d.id"
            .to_owned(),
    ] {
        app.database.execute(&statement).await;
    }
}

async fn a_long_queue_drains(backend: Backend) {
    let count = size("ROLLCALL_TEST_QUEUED", 1000);
    let fcm = FakeFcm::start(&Clock::system()).await;
    let app = TestApp::start_at(backend, Clock::system(), |_| ()).await;
    fill(&app, count).await;
    let waiting = "SELECT COUNT(*) FROM jobs WHERE state = 'PENDING' AND kind = 'DELIVER'";
    let queued = app.number(waiting).await;
    assert_eq!(usize::try_from(queued).unwrap(), count);
    let mut variables: Vec<(&str, String)> = fcm.variables().to_vec();
    variables.extend([("EVENT_DAYS", "3650".to_owned()), ("SECRET_KEY", app.secret_key())]);
    variables.push(("FCM_MESSAGES_PER_MINUTE", "1000000000".to_owned()));
    if backend == Backend::Postgres {
        variables.push(("REDIS_URL", redis_url()));
    }
    let (worker, began) = (Worker::start(&app, &variables), Instant::now());
    // Once it is at work: what it takes is what it took for a few of them, however many there are.
    while app.number(waiting).await > queued - queued / 10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (early, _) = resident(worker.id());
    while app.number(waiting).await > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (took, (_, most)) = (began.elapsed(), resident(worker.id()));
    let received = fcm.sent().len();
    #[expect(clippy::cast_precision_loss, reason = "to be read by people")]
    let rate = count as f64 / took.as_secs_f64();
    println!(
        "drain ({backend}): {count} in {:.1} s, {rate:.0} a second; resident {} MiB after a tenth, {} MiB at most",
        took.as_secs_f64(),
        early >> 20,
        most >> 20
    );
    assert_eq!(received, count, "each of them was sent, once: nobody died");
    assert!(most < 2 * early + (64 << 20), "{early} bytes grew to {most}");
}

#[test]
fn sqlite() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(a_long_queue_drains(Backend::Sqlite)));
}

#[test]
fn postgres_with_redis() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(a_long_queue_drains(Backend::Postgres)));
}
