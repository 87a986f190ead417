//! What becomes of what is to be told when the worker is killed again and again, and Redis loses everything meanwhile:
//! everybody is told of everything, and of nothing twice.
//!
//! `ROLLCALL_TEST_KILLS` says how often the worker is killed on each database (10 where it is not set).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rollcall::{clock::Clock, demo::cast, ids::Kind, messages, random::Random};
use serde_json::{Value, json};

use crate::support::{
    Backend, Client, FakeFcm, Fault, Peers, RedisServer, TestApp,
    process::{Worker, comes, size},
};

const DONE: &str = "SELECT COUNT(*) FROM jobs WHERE state = 'DONE'";

/// What goes on while workers die: marks as absent, one after the other, those who are in a class, and publishes notices.
struct School {
    admin: Client,
    /// Classes that took place, each with two students who were there.
    classes: Vec<(String, String, [String; 2])>,
    absences: usize,
    notices: usize,
}

impl School {
    async fn of(app: &TestApp) -> Self {
        let admin = app.sign_in(cast::ADMIN).await;
        let rows = app
            .database
            .texts(
                "SELECT s.routine_id || ' ' || s.date || ' ' || MIN(r.student_id) || ' ' || MAX(r.student_id) \
                 FROM attendance_sessions s JOIN attendance_records r ON r.session_id = s.id \
                 JOIN students p ON p.id = r.student_id JOIN routines l ON l.id = s.routine_id \
                 WHERE s.held AND r.status = 'PRESENT' AND p.archived_at IS NULL AND p.status = 'ACTIVE' \
                 AND l.active AND l.course_id = p.course_id AND l.period = p.current_period \
                 GROUP BY s.id, s.routine_id, s.date HAVING COUNT(*) > 1 ORDER BY s.id",
            )
            .await;
        let class = |row: &String| {
            let [routine, date, first, second] = row.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let id = |kind, number: &str| app.id(kind, number.parse().unwrap());
            (id(Kind::Routine, routine), date.to_owned(), [first, second].map(|student| id(Kind::Student, student)))
        };
        Self { admin, classes: rows.iter().map(class).collect(), absences: 0, notices: 0 }
    }

    async fn goes_on(&mut self, step: usize) {
        let (routine, date, students) = self.classes.pop().expect("more classes than kills");
        let marks: Vec<Value> = students.iter().map(|id| json!({"studentId": id, "status": "ABSENT"})).collect();
        let sheet = json!({"routineId": routine, "date": date, "marks": marks, "reason": "They were not there."});
        self.admin.done("markAttendance", sheet, "").await;
        self.absences += students.len();
        if step.is_multiple_of(10) {
            // So many that they are looked through in parts.
            let notice =
                json!({"title": format!("Notice {step}"), "message": "Read this.", "audience": {"roles": ["PARENT"]}});
            self.admin.done("publishNotice", notice, "").await;
            self.notices += 1;
        }
    }
}

/// The minute in which absences are gathered is over, and so are the pauses before further tries.
async fn time_passes(app: &TestApp) {
    let waits = "state = 'PENDING' AND lease IS NULL";
    app.database.execute(&format!("UPDATE jobs SET due_at = created_at WHERE {waits}")).await;
}

async fn everybody_is_told_once(backend: Backend, mut redis: Option<RedisServer>) {
    let kills = size("ROLLCALL_TEST_KILLS", 10);
    let (peers, fcm) = (Peers::start().await, FakeFcm::start(&Clock::system()).await);
    let url = redis.as_ref().map(RedisServer::url);
    let app = TestApp::start_at(backend, Clock::system(), |config| {
        config.redis_url = url.clone().map(Into::into);
        // What the data has is of long ago.
        config.event_days = 3650;
    })
    .await;
    app.database.parents_have_devices().await;
    let mut variables: Vec<(&str, String)> = [&peers.variables()[..], &fcm.variables()[..]].concat();
    // A try may take half of a lease, however slow the machine is.
    variables.extend([("JOB_LEASE_SECONDS", "60".to_owned()), ("EVENT_DAYS", "3650".to_owned())]);
    variables.push(("SECRET_KEY", app.secret_key()));
    // A try that its worker does not survive is one as well, and the oldest job is begun by each of them.
    variables.push(("JOB_ATTEMPTS", "100".to_owned()));
    variables.extend(url.map(|url| ("REDIS_URL", url)));

    let (random, mut school) = (Random::seeded(7), School::of(&app).await);
    for step in 0..kills {
        let done = app.number(DONE).await;
        let mut worker = Worker::start(&app, &variables);
        school.goes_on(step).await;
        if step % 5 == 4 {
            peers.mail_fails(&[Fault::HangUp, Fault::Answer(451)]);
        }
        time_passes(&app).await;
        // One of five may not have come to anything; were it each of them, on a slow machine, none of their tries would ever end.
        if step % 5 > 0 {
            comes(async || app.number(DONE).await > done).await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(random.below(1200)))).await;
        worker.kill();
        // Its leases have run out.
        let leased = "UPDATE jobs SET due_at = created_at, lease_until = created_at WHERE lease IS NOT NULL";
        app.database.execute(leased).await;
        if let Some(redis) = &mut redis
            && step == kills / 2
        {
            redis.stop();
            school.goes_on(1).await;
            redis.start_again().await;
        }
    }
    let left = app.number("SELECT COUNT(*) FROM jobs WHERE state = 'PENDING'").await;
    let worker = Worker::start(&app, &variables);
    if let Some(redis) = &mut redis {
        // Under a worker that lives on, too.
        tokio::time::sleep(Duration::from_millis(700)).await;
        redis.stop();
        school.goes_on(1).await;
        redis.start_again().await;
    }
    while app.number("SELECT COUNT(*) FROM jobs WHERE state = 'PENDING' AND kind IN ('TELL', 'DELIVER')").await > 0 {
        time_passes(&app).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(worker);
    let told = Told { mails: peers.mails_so_far(), pushes: fcm.sent() };
    println!(
        "crash ({backend}): {kills} workers killed, {left} jobs were left to the last one; {} absences, {} notices",
        school.absences, school.notices
    );
    told.is_everything_once(&app, &school).await;
}

/// What the peers were given.
struct Told {
    mails: Vec<crate::support::Mail>,
    pushes: Vec<Value>,
}

impl Told {
    async fn is_everything_once(&self, app: &TestApp, school: &School) {
        let texts = async |query: &str| app.database.texts(query).await;
        assert_eq!(
            app.number("SELECT COUNT(*) FROM jobs WHERE state = 'DEAD'").await,
            0,
            "{:?}",
            texts("SELECT key || ': ' || last_error FROM jobs WHERE state = 'DEAD'").await
        );
        let absences = app.number("SELECT COUNT(*) FROM events WHERE kind = 'STUDENT_ABSENT'").await;
        assert_eq!(usize::try_from(absences).unwrap(), school.absences, "an event for each");
        assert_eq!(
            app.number("SELECT COUNT(*) FROM events WHERE kind = 'NOTICE_PUBLISHED'").await,
            i64::try_from(school.notices).unwrap()
        );
        // Whom each absence concerns, and that notices are for parents, by the data alone.
        let expected: BTreeSet<String> = texts(
            "SELECT e.id || ' ' || p.account_id FROM events e JOIN parents p ON e.kind = 'NOTICE_PUBLISHED' OR \
             p.id IN (SELECT parent_id FROM parent_students s WHERE s.student_id = e.student_id) \
             JOIN accounts a ON a.id = p.account_id \
             WHERE e.kind IN ('STUDENT_ABSENT', 'NOTICE_PUBLISHED') AND a.active AND p.archived_at IS NULL",
        )
        .await
        .into_iter()
        .collect();
        let inboxes = texts("SELECT event_id || ' ' || account_id FROM notifications").await;
        assert_eq!(inboxes.len(), expected.len());
        assert_eq!(inboxes.into_iter().collect::<BTreeSet<_>>(), expected, "each inbox has each event once");
        for (channel, reached) in [
            ("EMAIL", "EXISTS (SELECT 1 FROM accounts a WHERE a.id = n.account_id AND a.email IS NOT NULL)"),
            ("PUSH", "EXISTS (SELECT 1 FROM devices d WHERE d.account_id = n.account_id AND d.active)"),
        ] {
            let deliveries = format!(
                "SELECT COUNT(*) FROM notification_jobs x JOIN jobs j ON j.id = x.job_id \
                 WHERE x.notification_id = n.id AND j.state = 'DONE' AND j.key LIKE '%:{channel}%'"
            );
            let wrong = texts(&format!(
                "SELECT n.id || ': ' || ({deliveries}) FROM notifications n \
                 WHERE ({deliveries}) <> CASE WHEN {reached} THEN 1 ELSE 0 END"
            ))
            .await;
            assert_eq!(wrong, Vec::<String>::new(), "each is told of by one delivery: {channel}");
        }
        let jobs = texts("SELECT key FROM jobs WHERE kind = 'DELIVER'").await;
        let keys: BTreeSet<String> = jobs.iter().map(|key| messages::id(&app.api.services().seal, key)).collect();
        let mut received: BTreeMap<String, usize> = BTreeMap::new();
        for mail in &self.mails {
            let id = mail.header("Message-ID").trim_start_matches('<').split('@').next().unwrap().to_owned();
            *received.entry(id).or_default() += 1;
        }
        // How many events each job was to tell of, by its key at the peers.
        let joined: BTreeMap<String, String> = texts(
            "SELECT j.key || ' ' || COUNT(*) FROM jobs j JOIN notification_jobs x ON x.job_id = j.id GROUP BY j.key",
        )
        .await
        .iter()
        .map(|row| row.rsplit_once(' ').unwrap())
        .map(|(key, count)| (messages::id(&app.api.services().seal, key), count.to_owned()))
        .collect();
        for push in &self.pushes {
            let data = &push["message"]["data"];
            let key = data["key"].as_str().unwrap().to_owned();
            assert_eq!(data["count"], joined[&key], "a push message tells of all that was joined to it");
            *received.entry(key).or_default() += 1;
        }
        let again: usize = received.values().map(|times| times - 1).sum();
        println!(
            "crash: {} notifications, {} deliveries by {} keys; {} were received, {again} of them again under a key \
             that was there, {} lost",
            expected.len(),
            jobs.len(),
            keys.len(),
            received.len(),
            keys.difference(&received.keys().cloned().collect()).count()
        );
        assert_eq!(received.into_keys().collect::<BTreeSet<_>>(), keys, "each delivery was received, and nothing else");
    }
}

#[test]
fn sqlite() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(everybody_is_told_once(Backend::Sqlite, None)));
}

#[test]
fn postgres_with_redis() {
    rollcall::app::runtime().unwrap().block_on(Box::pin(async {
        Box::pin(everybody_is_told_once(Backend::Postgres, Some(RedisServer::start().await))).await;
    }));
}
