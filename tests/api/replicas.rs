//! Queries are read from replicas, which nobody notices: neither by what they have done themselves, nor by what they may not do
//! any more, nor by a replica that is late or ends.
//!
//! Each test has a PostgreSQL of its own with a replica, which does not replay while it is told to pause. Where a test changes
//! a row past the API, what it reads then tells where that was read.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rollcall::{config::Config, demo::cast, metrics::Metrics};
use serde_json::{Value, json};

use crate::{
    engine::until,
    support::{Answer, Backend, Client, PostgresServer, RedisServer, TestApp, TestDatabase, http_client, of},
};

const DATABASE: &str = "rollcall";
/// It asks for nothing but a row that everybody may read.
const INSTITUTE: &str = "{ institute { name } }";
const CARD: &str = "{ institute { name version } }";

/// A primary with the demonstration institute, and its replica.
struct Pair {
    primary: PostgresServer,
    replica: PostgresServer,
    database: Arc<TestDatabase>,
}

impl Pair {
    async fn start() -> Self {
        let primary = PostgresServer::start().await;
        primary.database("postgres").execute(&format!("CREATE DATABASE {DATABASE}")).await;
        let database = Arc::new(TestDatabase::filled_at(primary.url(DATABASE)).await);
        let replica = primary.replica().await;
        Self { primary, replica, database }
    }

    /// An application that reads from the replica while that is no later than `bound`.
    async fn app(&self, bound: Duration, change: impl FnOnce(&mut Config)) -> TestApp {
        let replica = self.replica.url(DATABASE);
        TestApp::start_on(Backend::Postgres, Arc::clone(&self.database), |config| {
            config.database_replica_urls = vec![replica.into()];
            config.database_replica_max_lag = bound;
            change(config);
        })
        .await
    }

    /// Gives the institute another name, past the API.
    async fn rename(&self, name: &str) {
        self.database.execute(&format!("UPDATE institute SET name = '{name}'")).await;
    }
}

/// So long that no replica of these tests is ever too late.
const NEVER: Duration = Duration::from_hours(1);

fn run(test: impl Future<Output = ()>) {
    rollcall::app::runtime().unwrap().block_on(Box::pin(test));
}

/// One of the figures.
async fn figure(app: &TestApp, name: &str) -> u64 {
    let text = Metrics::text(app.api.services()).await.unwrap_or_else(|error| panic!("{}", error.report()));
    let figure = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    figure.map_or(0, |figure| figure.parse().unwrap())
}

async fn from_replicas(app: &TestApp) -> u64 {
    figure(app, "rollcall_reads_total{place=\"replica\"}").await
}

async fn from_primary(app: &TestApp) -> u64 {
    figure(app, "rollcall_reads_total{place=\"primary\"}").await
}

async fn in_use(app: &TestApp) -> bool {
    figure(app, "rollcall_replica_in_use{replica=\"1\"}").await == 1
}

/// Waits until what a client asks for is read from the replica: then it has all that they have done.
async fn until_caught_up(app: &TestApp, client: &Client) {
    until("what they read is read from the replica", async || {
        let before = from_replicas(app).await;
        client.data(INSTITUTE).await;
        from_replicas(app).await > before
    })
    .await;
}

async fn name(client: &Client) -> String {
    client.data(INSTITUTE).await["institute"]["name"].as_str().unwrap().to_owned()
}

/// Renames the institute by the API, and gives the name.
async fn edit(client: &Client, name: &str) {
    let version = client.data(CARD).await["institute"]["version"].clone();
    client.done("editInstitute", json!({"version": version, "name": name}), "").await;
}

#[test]
fn queries_are_read_from_the_replica_and_everybody_finds_what_they_have_done() {
    run(async {
        let pair = Pair::start().await;
        let app = pair.app(NEVER, |_| ()).await;
        let (admin, again, other) =
            (app.sign_in(cast::ADMIN).await, app.sign_in(cast::ADMIN).await, app.sign_in(cast::PARENT).await);
        for client in [&admin, &other, &app.anonymous()] {
            until_caught_up(&app, client).await;
        }
        pair.replica.pause().await;
        pair.rename("Past the API").await;
        let before = (from_primary(&app).await, from_replicas(&app).await);
        for client in [&admin, &other, &app.anonymous()] {
            assert_ne!(name(client).await, "Past the API", "it is read from the replica");
        }
        assert_eq!((from_primary(&app).await, from_replicas(&app).await), (before.0, before.1 + 3));

        // The card's version is what the replica has; the row's is another one only by what the API does.
        edit(&admin, "By the API").await;
        assert_eq!(name(&admin).await, "By the API", "the very next query has it");
        assert_eq!(name(&again).await, "By the API", "and that of their other session");
        assert_ne!(name(&other).await, "By the API", "others wait for the replica");
        assert_eq!((from_primary(&app).await, from_replicas(&app).await), (before.0 + 2, before.1 + 5));
        edit(&admin, "By the API again").await;
        assert_eq!(name(&again).await, "By the API again");

        // What a mutation's payload reads is the primary's as well.
        let version = admin.data(CARD).await["institute"]["version"].clone();
        let input = json!({"version": version, "name": "In the payload"});
        let payload = admin.done("editInstitute", input, "institute { name }").await;
        assert_eq!(payload["institute"]["name"], "In the payload");

        pair.replica.resume().await;
        until_caught_up(&app, &admin).await;
        for client in [&admin, &again, &other, &app.anonymous()] {
            until("it has come to the replica", async || name(client).await == "In the payload").await;
        }
        let standby = pair.replica.database(DATABASE);
        let connected =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%institute%'";
        assert!(standby.numbers(connected).await[0] > 1, "and that is where they were answered");
    });
}

#[test]
fn what_one_has_done_is_found_by_way_of_other_processes() {
    run(async {
        let (pair, mut redis) = (Pair::start().await, RedisServer::start().await);
        let url = redis.url();
        let app = pair.app(NEVER, |config| config.redis_url = Some(url.into())).await;
        let beside = app.beside().await;
        let admin = app.sign_in(cast::ADMIN).await;
        let there = Client::new(beside.url("/graphql"), admin.token.clone());
        until_caught_up(&app, &admin).await;
        until_caught_up(&beside, &there).await;
        pair.replica.pause().await;
        edit(&admin, "By the API").await;
        assert_eq!(name(&there).await, "By the API");
        assert_ne!(name(&beside.anonymous()).await, "By the API", "others wait for the replica");
        pair.replica.resume().await;
        until_caught_up(&beside, &there).await;

        // Where nobody can say who has done what, all who are signed in read from the primary.
        pair.replica.pause().await;
        redis.stop();
        pair.rename("Past the API").await;
        assert_eq!(name(&there).await, "Past the API");
        assert_ne!(name(&beside.anonymous()).await, "Past the API");
    });
}

#[test]
fn what_cannot_be_said_to_other_processes_is_not_said_before_the_replicas_have_it() {
    run(async {
        let (pair, mut redis) = (Pair::start().await, RedisServer::start().await);
        let (url, bound) = (redis.url(), Duration::from_millis(700));
        let app = pair.app(bound, |config| config.redis_url = Some(url.into())).await;
        let admin = app.sign_in(cast::ADMIN).await;
        redis.stop();
        let began = Instant::now();
        edit(&admin, "By the API").await;
        assert!(began.elapsed() >= bound, "{:?}", began.elapsed());
        assert_eq!(name(&admin).await, "By the API");
    });
}

#[test]
fn a_replica_that_is_late_is_not_read_from() {
    run(async {
        let pair = Pair::start().await;
        let app = pair.app(Duration::from_secs(1), |_| ()).await;
        let nobody = app.anonymous();
        until("the replica is in use", async || in_use(&app).await).await;
        // A primary on which nothing is done makes nobody late.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(in_use(&app).await);
        pair.replica.pause().await;
        pair.rename("Past the API").await;
        until("the primary is read from", async || name(&nobody).await == "Past the API").await;
        until("it is not in use", async || !in_use(&app).await).await;
        let before = from_replicas(&app).await;
        name(&nobody).await;
        assert_eq!(from_replicas(&app).await, before);
        let ready = http_client().get(app.url("/health/ready")).send().await.unwrap();
        assert_eq!(ready.status(), 200, "nothing is missing");
        pair.replica.resume().await;
        until_caught_up(&app, &nobody).await;
        assert_eq!(name(&nobody).await, "Past the API");
    });
}

#[test]
fn a_replica_that_ends_in_the_middle_of_a_query_is_not_noticed() {
    run(async {
        let mut pair = Pair::start().await;
        let app = pair.app(NEVER, |_| ()).await;
        let nobody = app.anonymous();
        until_caught_up(&app, &nobody).await;

        // A lock of the primary's holds on the replica too, as soon as it is replayed; the second statement has it sent there.
        let held = pair.database.hold("LOCK TABLE institute IN ACCESS EXCLUSIVE MODE").await;
        pair.database.execute("UPDATE accounts SET last_sign_in_at = last_sign_in_at").await;
        let locks =
            "SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND granted";
        let standby = pair.replica.database(DATABASE);
        until("the lock is the replica's", async || standby.numbers(locks).await == [1]).await;
        let asking = tokio::spawn({
            let client = nobody.clone();
            async move { client.ask(INSTITUTE).await }
        });
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        until("the query is under way", async || standby.numbers(waiting).await == [1]).await;
        pair.replica.stop();
        drop(held);
        let answer: Answer = asking.await.unwrap().ok();
        assert!(answer.at("/institute/name").is_string());
        assert_eq!(figure(&app, "rollcall_replica_failures_total").await, 1);

        // While it is away there is the primary, and when it is back it is read from again.
        pair.rename("Past the API").await;
        for _ in 0..20 {
            assert_eq!(name(&nobody).await, "Past the API");
        }
        pair.replica.start_again().await;
        until_caught_up(&app, &nobody).await;
    });
}

#[test]
fn a_replica_that_is_away_or_none_when_the_service_starts_keeps_nobody() {
    run(async {
        let mut pair = Pair::start().await;
        pair.replica.stop();
        let app = pair.app(NEVER, |_| ()).await;
        let admin = app.sign_in(cast::ADMIN).await;
        edit(&admin, "By the API").await;
        assert_eq!((name(&admin).await.as_str(), in_use(&app).await), ("By the API", false));
        pair.replica.start_again().await;
        until_caught_up(&app, &admin).await;

        // What is no replica, and what is another server's, is not read from, whatever the configuration says.
        let (stranger, primary) = (PostgresServer::start().await, pair.primary.url(DATABASE));
        stranger.database("postgres").execute(&format!("CREATE DATABASE {DATABASE}")).await;
        let others = stranger.replica().await;
        let wrong = [primary, stranger.url(DATABASE), others.url(DATABASE), pair.replica.url("postgres")];
        let right = pair.replica.url(DATABASE);
        let app = pair
            .app(NEVER, |config| {
                config.database_replica_urls = wrong.into_iter().chain([right]).map(Into::into).collect();
            })
            .await;
        // The last is the right one: each of the others has been asked by then, or will be in vain.
        until("the right one is in use", async || figure(&app, "rollcall_replica_in_use{replica=\"5\"}").await == 1)
            .await;
        for _ in 0..30 {
            assert_eq!(name(&app.anonymous()).await, "By the API");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for wrong in 1..5 {
            let metric = format!("rollcall_replica_in_use{{replica=\"{wrong}\"}}");
            assert_eq!(figure(&app, &metric).await, 0, "{wrong}");
        }
        assert_eq!(from_primary(&app).await, 0, "{}", from_replicas(&app).await);
    });
}

/// What somebody is, and whether they reach any student.
async fn standing(client: &Client) -> (Value, bool) {
    let data = client.data("{ viewer { roles } students(first: 1) { edges { node { id } } } }").await;
    (data["viewer"]["roles"].clone(), !data["students"]["edges"].as_array().unwrap().is_empty())
}

#[test]
fn what_is_taken_away_is_felt_at_once_however_late_the_replica_is() {
    run(async {
        let pair = Pair::start().await;
        let app = pair.app(NEVER, |_| ()).await;
        let admin = app.sign_in(cast::ADMIN).await;
        // Two accounts: who has done something is read for from where it is.
        let (officer, leaving) = (app.sign_in(cast::ADMISSION).await, app.sign_in(cast::PARENT).await);
        let key = app.api_key("ADMISSION_READ").await;
        for client in [&officer, &leaving, &admin, &key] {
            until_caught_up(&app, client).await;
        }
        assert_eq!(standing(&officer).await, (json!(["ADMISSION"]), true));
        let staff = app.staff(cast::ADMISSION).await;
        let version =
            format!("SELECT CAST(version AS BIGINT) FROM staff WHERE id = ({})", of("staff", cast::ADMISSION));
        let version = app.number(&version).await;
        let keys = admin.data("{ apiKeys { edges { node { id active } } } }").await;
        let made = keys["apiKeys"]["edges"].as_array().unwrap();
        let made: Vec<&Value> = made.iter().filter(|edge| edge["node"]["active"] == json!(true)).collect();
        pair.replica.pause().await;

        // By their own sign-out, by who takes a role away, and by who revokes a key.
        leaving.data("mutation { signOut { success } }").await;
        assert_eq!(leaving.data("{ viewer { roles } }").await, json!({"viewer": null}));
        admin.done("setStaffRoles", json!({"id": staff, "version": version, "roles": ["TEACHER"]}), "").await;
        let before = from_replicas(&app).await;
        let (roles, reaches) = standing(&officer).await;
        assert!(!roles.to_string().contains("ADMISSION") && !reaches, "{roles}");
        assert_eq!(from_replicas(&app).await, before + 1, "it is the replica that has it without being told");
        let reads = "{ students(first: 1) { edges { node { id } } } }";
        assert!(!key.data(reads).await["students"]["edges"].as_array().unwrap().is_empty());
        for edge in made {
            admin.done("revokeApiKey", json!({"id": edge["node"]["id"]}), "").await;
        }
        let answer = key.ask(reads).await;
        assert!(!answer.errors.is_empty() && answer.data["students"].is_null(), "{answer:#?}");
    });
}

#[test]
fn whom_one_reaches_no_more_is_out_of_reach_within_the_bound() {
    run(async {
        let pair = Pair::start().await;
        let app = pair.app(Duration::from_secs(1), |_| ()).await;
        let (admin, parent) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::PARENT).await);
        let student = app.student(cast::STUDENT).await;
        let reaches = async || {
            let answer = parent.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({"id": student})).await.ok();
            !answer.at("/node").is_null()
        };
        assert!(reaches().await);
        until_caught_up(&app, &parent).await;
        pair.replica.pause().await;
        admin.done("unlinkParent", json!({"studentId": student, "parentId": app.parent(cast::PARENT).await}), "").await;
        until("the child is theirs no more", async || !reaches().await).await;
    });
}
