//! Guesses at passwords, over HTTP: they become slower, then stop, and keep no owner out.

use std::net::IpAddr;

use chrono::Duration;
use futures_util::future::join_all;
use rollcall::demo::cast;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::support::{Backend, PASSWORD, TestApp, redis_url};

const SIGN_IN: &str =
    "mutation($input: SignInInput!) { signIn(input: $input) { token userErrors { field code message } } }";

/// Somebody at an address of this machine, with the cookie of a device or without.
struct Somebody {
    http: reqwest::Client,
    device: Option<String>,
}

impl Somebody {
    fn at(address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        Self { http: reqwest::Client::builder().local_address(address).build().unwrap(), device: None }
    }

    async fn send(&self, app: &TestApp, identifier: &str, password: &str) -> reqwest::Response {
        let input = json!({"identifier": identifier, "password": password});
        let mut request =
            self.http.post(app.url("/graphql")).json(&json!({"query": SIGN_IN, "variables": {"input": input}}));
        if let Some(device) = &self.device {
            request = request.header("cookie", device);
        }
        request.send().await.unwrap()
    }

    async fn answer(&self, app: &TestApp, identifier: &str, password: &str) -> Value {
        self.send(app, identifier, password).await.json().await.unwrap()
    }

    async fn tries(&self, app: &TestApp, identifier: &str, password: &str) -> String {
        outcome(&self.answer(app, identifier, password).await)
    }

    /// Signs in, and keeps what the device is known by.
    async fn signs_in(&mut self, app: &TestApp, identifier: &str) -> String {
        let response = self.send(app, identifier, PASSWORD).await;
        let set: Vec<String> =
            response.headers().get_all("set-cookie").iter().map(|set| set.to_str().unwrap().to_owned()).collect();
        let [set] = &set[..] else { panic!("one cookie in {set:?}") };
        assert!(set.contains("; HttpOnly; SameSite=Strict") && set.contains("Max-Age=15552000"), "{set}");
        self.device = Some(set.split(';').next().unwrap().to_owned());
        let answer: Value = response.json().await.unwrap();
        assert_eq!(outcome(&answer), "in");
        set.to_owned()
    }
}

/// `in`, `wrong`, or `wait` with the seconds.
fn outcome(answer: &Value) -> String {
    if let Some(error) = answer["errors"].get(0) {
        let told = &error["extensions"];
        assert_eq!(
            (&told["code"], &error["path"], &answer["data"]["signIn"]),
            (&json!("LIMIT_EXCEEDED"), &json!(["signIn"]), &Value::Null),
            "{answer}"
        );
        return format!("wait {}", told["retryAfter"]);
    }
    let payload = &answer["data"]["signIn"];
    if payload["token"].is_string() {
        return "in".to_owned();
    }
    assert_eq!(payload["userErrors"][0]["code"], "INVALID_CREDENTIALS", "{answer}");
    "wrong".to_owned()
}

fn seconds(seconds: i64) -> Duration {
    Duration::seconds(seconds)
}

async fn fails(app: &TestApp, somebody: &Somebody, identifier: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(somebody.tries(app, identifier, "guess").await, "wrong");
        app.clock.advance(Duration::minutes(15));
    }
}

/// Fails until 15 minutes have to be waited.
async fn lock(app: &TestApp, instances: [&TestApp; 2], who: &Somebody, identifier: &str) {
    for (i, wait) in [0, 0, 1, 2, 4, 8, 16, 32, 64].into_iter().enumerate() {
        let (here, there) = (instances[i % 2], instances[(i + 1) % 2]);
        assert_eq!(who.tries(here, identifier, "guess").await, "wrong", "try {i}");
        if wait > 0 {
            // Neither here nor there, nor with the right password; and to try makes nobody wait longer.
            for password in ["guess", PASSWORD] {
                assert_eq!(who.tries(there, identifier, password).await, format!("wait {wait}"), "after try {i}");
            }
            app.clock.advance(seconds(wait));
        }
    }
    assert_eq!(who.tries(instances[1], identifier, "guess").await, "wrong");
    assert_eq!(who.tries(instances[0], identifier, PASSWORD).await, "wait 900");
}

async fn guesses_become_slower(app: &TestApp, instances: [&TestApp; 2]) {
    let who = Somebody::at("127.0.0.2");
    lock(app, instances, &who, cast::PARENT).await;
    app.clock.advance(seconds(899));
    assert_eq!(who.tries(instances[1], cast::PARENT, PASSWORD).await, "wait 1");
    app.clock.advance(seconds(1));
    assert_eq!(who.tries(instances[0], cast::PARENT, "guess").await, "wrong");
    assert_eq!(who.tries(instances[1], cast::PARENT, "guess").await, "wait 900", "one try each 15 minutes");
    app.clock.advance(seconds(900));
    assert_eq!(who.tries(instances[1], cast::PARENT, PASSWORD).await, "in");
    assert_eq!(who.tries(instances[0], cast::PARENT, "guess").await, "wrong", "what was before a success is forgotten");
    assert_eq!(who.tries(instances[1], cast::PARENT, PASSWORD).await, "in");
}

async fn many_at_once(app: &TestApp, instances: [&TestApp; 2]) {
    let who = Somebody::at("127.0.0.2");
    let tries = (0..50).map(|i| who.tries(instances[i % 2], cast::PARENT, "guess"));
    let outcomes = join_all(tries).await;
    let wrong = outcomes.iter().filter(|outcome| *outcome == "wrong").count();
    assert_eq!(wrong, 3, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| outcome == "wrong" || outcome == "wait 1"), "{outcomes:?}");
    app.clock.advance(seconds(1));
    assert_eq!(who.tries(instances[0], cast::PARENT, PASSWORD).await, "in");
}

async fn the_owner_is_not_kept_out(app: &TestApp, instances: [&TestApp; 2]) {
    let (stranger, mut owner, mut class_mate) =
        (Somebody::at("127.0.0.2"), Somebody::at("127.0.0.3"), Somebody::at("127.0.0.2"));
    lock(app, instances, &stranger, cast::PARENT).await;
    // From elsewhere, and without anything to be known by.
    let first = owner.signs_in(instances[0], cast::PARENT).await;
    assert_eq!(stranger.tries(instances[1], cast::PARENT, PASSWORD).await, "wait 900", "the stranger stays locked");
    // From the very same address, on a device that is known.
    let with_device = Somebody { device: owner.device.clone(), ..Somebody::at("127.0.0.2") };
    assert_eq!(with_device.tries(instances[1], cast::PARENT, PASSWORD).await, "in");
    assert_eq!(
        stranger.tries(instances[0], cast::PARENT, PASSWORD).await,
        "wait 900",
        "nor does that free the stranger"
    );
    // To be known to one account is nothing at another, and neither is what nobody gave.
    class_mate.signs_in(instances[0], cast::STUDENT).await;
    let forged = first.split(';').next().unwrap().to_owned() + "A";
    for device in [class_mate.device.clone().unwrap(), forged, "rollcall-device=".to_owned()] {
        class_mate.device = Some(device);
        assert_eq!(class_mate.tries(instances[1], cast::PARENT, PASSWORD).await, "wait 900");
    }
    // Who has the device has not the password: it is locked for itself.
    lock(app, instances, &with_device, cast::PARENT).await;
    let elsewhere = Somebody::at("127.0.0.4");
    assert_eq!(elsewhere.tries(instances[0], cast::PARENT, PASSWORD).await, "in");
}

on_both! {
    async fn three_are_free_then_each_waits_longer_then_15_minutes(app: TestApp) {
        guesses_become_slower(&app, [&app, &app]).await;
    }

    async fn of_many_at_once_no_more_are_compared_than_in_a_row(app: TestApp) {
        many_at_once(&app, [&app, &app]).await;
    }

    async fn a_strangers_failures_do_not_keep_the_owner_out(app: TestApp) {
        the_owner_is_not_kept_out(&app, [&app, &app]).await;
    }

    async fn a_refusal_tells_nothing_and_costs_nothing(app: TestApp) {
        let mut told = Vec::new();
        for (i, identifier) in [cast::PARENT, "nobody@example.org", "+9779999999999", "", cast::DEACTIVATED, cast::INVITED].into_iter().enumerate() {
            let who = Somebody::at(&format!("127.0.1.{}", i + 1));
            let mut answers = Vec::new();
            for _ in 0..4 {
                let before = app.api.services().db.statements();
                let answer = who.answer(&app, identifier, "guess").await;
                answers.push((answer, app.api.services().db.statements() - before));
            }
            assert_eq!((outcome(&answers[3].0), answers[3].1), ("wait 1".to_owned(), 0), "not even the account is looked up");
            told.push(answers);
        }
        assert!(told.iter().all(|one| *one == told[0]), "{told:#?}");
    }

    async fn other_spellings_and_headers_and_aliases_are_the_same_guess(app: TestApp) {
        let who = Somebody::at("127.0.0.2");
        for identifier in [cast::PARENT.to_owned(), cast::PARENT.to_uppercase(), format!("  {} ", cast::PARENT)] {
            assert_eq!(who.tries(&app, &identifier, "guess").await, "wrong");
        }
        assert_eq!(who.tries(&app, cast::PARENT, "guess").await, "wait 1");
        // The address is the connection's, whatever is said.
        let forwarded = ["x-forwarded-for", "forwarded", "x-real-ip"].map(|name| (name, if name == "forwarded" { "for=203.0.113.7" } else { "203.0.113.7" }));
        for (name, value) in forwarded {
            let body = json!({"query": SIGN_IN, "variables": {"input": {"identifier": cast::PARENT, "password": PASSWORD}}});
            let response = who.http.post(app.url("/graphql")).header(name, value).json(&body).send().await.unwrap();
            assert_eq!(outcome(&response.json().await.unwrap()), "wait 1", "{name}");
        }
        // Many in a request: the first is one guess, and the others are none.
        let other = Somebody::at("127.0.0.3");
        let aliases: Vec<String> = (0..20).map(|i| format!("a{i}: signIn(input: {{identifier: \"{}\", password: \"guess {i}\"}}) {{ token }}", cast::TEACHER)).collect();
        let body = json!({"query": format!("mutation {{ {} }}", aliases.join(" "))});
        let answer: Value = other.http.post(app.url("/graphql")).json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"].as_array().unwrap().len(), 19, "{answer}");
        let batch = json!([body.clone(), body]);
        assert_eq!(other.http.post(app.url("/graphql")).json(&batch).send().await.unwrap().status(), 400);
        assert_eq!(other.tries(&app, cast::TEACHER, "guess").await, "wrong");
        assert_eq!(other.tries(&app, cast::TEACHER, "guess").await, "wrong");
        assert_eq!(other.tries(&app, cast::TEACHER, "guess").await, "wait 1");
    }

    async fn one_password_at_many_accounts_is_slowed_down(app: TestApp) {
        let who = Somebody::at("127.0.0.2");
        for n in 0..100 {
            assert_eq!(who.tries(&app, &format!("pupil{n}@example.org"), "Spring2026").await, "wrong", "{n}");
        }
        assert_eq!(who.tries(&app, "pupil100@example.org", "Spring2026").await, "wait 1");
        assert_eq!(Somebody::at("127.0.0.3").tries(&app, cast::PARENT, PASSWORD).await, "in", "elsewhere nobody waits");
        app.clock.advance(seconds(1));
        assert_eq!(who.tries(&app, cast::PARENT, PASSWORD).await, "in");
        app.clock.advance(Duration::hours(1));
        fails(&app, &who, "pupil100@example.org", 2).await;
    }

    async fn the_current_password_is_guessed_at_no_faster(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let input = |current: &str| json!({"currentPassword": current, "newPassword": "a horse of another colour"});
        for _ in 0..3 {
            assert_eq!(parent.attempt("changePassword", &input("guess")).await, "currentPassword INVALID_CREDENTIALS");
        }
        assert_eq!(parent.attempt("changePassword", &input(PASSWORD)).await, "LIMIT_EXCEEDED");
        app.sign_in_by_password(cast::PARENT).await;
        assert_eq!(parent.attempt("changePassword", &input(PASSWORD)).await, "LIMIT_EXCEEDED", "to sign in gives no new guesses");
        app.clock.advance(seconds(1));
        assert_eq!(parent.attempt("changePassword", &input(PASSWORD)).await, "done");
    }
}

async fn with_redis(backend: Backend) -> (TestApp, TestApp) {
    let app = TestApp::start_with(backend, |config| config.redis_url = Some(redis_url().into())).await;
    let beside = app.beside().await;
    (app, beside)
}

async fn all_instances_count_together(backend: Backend) {
    let (app, beside) = with_redis(backend).await;
    guesses_become_slower(&app, [&app, &beside]).await;
    let (app, beside) = with_redis(backend).await;
    many_at_once(&app, [&app, &beside]).await;
    let (app, beside) = with_redis(backend).await;
    the_owner_is_not_kept_out(&app, [&app, &beside]).await;
    nothing_of_a_person_is_in_redis().await;
}

/// Neither in a key nor in a value, as far as this service's own are concerned.
async fn nothing_of_a_person_is_in_redis() {
    let client = redis::Client::open(redis_url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("rollcall:1:throttle:*").query_async(&mut redis).await.unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        assert_eq!(key.len(), "rollcall:1:throttle:".len() + 32, "{key:?}");
        let ends: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut redis).await.unwrap();
        assert_ne!(ends, -1, "a key that stays for good");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_count_together_on_sqlite() {
    Box::pin(all_instances_count_together(Backend::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_count_together_on_postgres() {
    Box::pin(all_instances_count_together(Backend::Postgres)).await;
}

/// A way to Redis; it is cut by what is sent, and is so when the task ends.
async fn way_to_redis() -> (String, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let url = redis_url();
    let (credentials, address) = url.trim_start_matches("redis://").trim_end_matches('/').rsplit_once('@').unwrap();
    let (listener, address) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), address.to_owned());
    let url = format!("redis://{credentials}@{}/", listener.local_addr().unwrap());
    let (cut, mut is_cut) = oneshot::channel();
    let way = tokio::spawn(async move {
        let mut open = tokio::task::JoinSet::new();
        loop {
            let mut from = tokio::select! {
                _ = &mut is_cut => break,
                accepted = listener.accept() => accepted.unwrap().0,
            };
            let address = address.clone();
            open.spawn(async move {
                let mut to = TcpStream::connect(address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            });
        }
        drop(listener);
        open.shutdown().await;
    });
    (url, cut, way)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_redis_is_gone_each_instance_goes_on_counting() {
    let (url, cut, way) = way_to_redis().await;
    let app = TestApp::start_with(Backend::Sqlite, |config| config.redis_url = Some(url.into())).await;
    let beside = app.beside().await;
    let who = Somebody::at("127.0.0.2");
    for instance in [&app, &beside, &app] {
        assert_eq!(who.tries(instance, cast::PARENT, "guess").await, "wrong");
    }
    assert_eq!(who.tries(&beside, cast::PARENT, "guess").await, "wait 1");
    cut.send(()).unwrap();
    way.await.unwrap();
    for instance in [&app, &beside] {
        for _ in 0..3 {
            assert_eq!(who.tries(instance, cast::PARENT, "guess").await, "wrong");
        }
        assert_eq!(who.tries(instance, cast::PARENT, PASSWORD).await, "wait 1");
    }
}
