//! What requests may cost in a minute, over HTTP.

use std::net::IpAddr;

use chrono::Duration;
use rollcall::{demo::cast, throttle::Rates};
use serde_json::{Value, json};

use crate::support::{Backend, Client, TestApp, http_builder, http_client, redis_url};

const RATES: Rates = Rates { viewer: 5_000, anonymous: 3_000 };
/// It costs 2.
const CHEAP: &str = "{ institute { name } }";
/// It costs 1002, and changes nothing.
const MUTATION: &str = "mutation { signOut { success } }";

/// Status, the two fields, the seconds of `Retry-After`, and the body.
struct Answered {
    status: u16,
    policy: Option<String>,
    limit: Option<String>,
    retry_after: Option<u64>,
    body: Value,
}

async fn send(request: reqwest::RequestBuilder) -> Answered {
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (policy, limit) = (header("ratelimit-policy"), header("ratelimit"));
    let retry_after = header("retry-after").map(|seconds| seconds.parse().unwrap());
    Answered { status: response.status().as_u16(), policy, limit, retry_after, body: response.json().await.unwrap() }
}

async fn ask(app: &TestApp, token: Option<&str>, query: &str) -> Answered {
    ask_from(app, "127.0.0.1", token, query).await
}

async fn ask_from(app: &TestApp, address: &str, token: Option<&str>, query: &str) -> Answered {
    let http = http_builder().local_address(address.parse::<IpAddr>().unwrap()).build().unwrap();
    let request = http.post(app.url("/graphql")).json(&json!({"query": query}));
    send(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

fn token(client: &Client) -> Option<&str> {
    client.token.as_deref()
}

async fn limited(backend: Backend, redis: bool) -> TestApp {
    TestApp::start_with(backend, |config| {
        config.rates = RATES;
        config.redis_url = redis.then(|| redis_url().into());
    })
    .await
}

#[track_caller]
fn is_refused(answered: &Answered, seconds: u64) {
    assert_eq!((answered.status, answered.retry_after), (429, Some(seconds)), "{}", answered.body);
    let error = &answered.body["errors"][0]["extensions"];
    assert_eq!((&error["code"], &error["retryAfter"]), (&json!("LIMIT_EXCEEDED"), &json!(seconds)));
    assert!(answered.body.get("data").is_none(), "nothing was executed: {}", answered.body);
}

#[track_caller]
fn is_left(answered: &Answered, policy: &str, limit: &str) {
    assert_eq!(answered.status, 200, "{}", answered.body);
    assert_eq!((answered.policy.as_deref(), answered.limit.as_deref()), (Some(policy), Some(limit)));
}

const OF_ANONYMOUS: &str = "\"anonymous\";q=3000;w=60";
const OF_VIEWER: &str = "\"viewer\";q=5000;w=60";

async fn spend_all(app: &TestApp, instances: [&TestApp; 2]) {
    let [here, there] = instances;
    is_left(&ask(here, None, CHEAP).await, OF_ANONYMOUS, "\"anonymous\";r=2998;t=1");
    is_left(&ask(there, None, MUTATION).await, OF_ANONYMOUS, "\"anonymous\";r=1996;t=21");
    is_left(&ask(here, None, MUTATION).await, OF_ANONYMOUS, "\"anonymous\";r=994;t=41");
    // 8 points are missing, and a second has 50.
    let before = app.api.services().db.statements();
    is_refused(&ask(here, None, MUTATION).await, 1);
    is_refused(&ask(here, None, MUTATION).await, 1);
    assert_eq!(app.api.services().db.statements(), before);
    is_left(&ask(there, None, CHEAP).await, OF_ANONYMOUS, "\"anonymous\";r=992;t=41");
    // Elsewhere there are others, and who is signed in has points of their own.
    is_left(&ask_from(here, "127.0.0.2", None, CHEAP).await, OF_ANONYMOUS, "\"anonymous\";r=2998;t=1");
    app.clock.advance(Duration::seconds(1));
    is_left(&ask(here, None, MUTATION).await, OF_ANONYMOUS, "\"anonymous\";r=40;t=60");
    is_refused(&ask(there, None, MUTATION).await, 20);
    app.clock.advance(Duration::minutes(1));
    is_left(&ask(there, None, CHEAP).await, OF_ANONYMOUS, "\"anonymous\";r=2998;t=1");
}

async fn each_viewer_has_their_own(app: &TestApp, instances: [&TestApp; 2]) {
    let parent = app.sign_in(cast::PARENT).await;
    let again = app.sign_in(cast::PARENT).await;
    app.clock.advance(Duration::minutes(1));
    let dear = "{ students(first: 100) { edges { node { name batches { name } } } } }";
    let cost = {
        let answered = ask(app, token(&parent), dear).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered.body["extensions"]["cost"]["requested"].as_u64().unwrap()
    };
    let mut left = 5_000 - cost;
    // By another session, at another instance, from another address, by GET: it is the same viewer.
    for (instance, client) in [(instances[1], &again), (instances[0], &parent), (instances[1], &parent)] {
        let answered = ask_from(instance, "127.0.0.2", token(client), CHEAP).await;
        left -= 2;
        let limit = format!(
            "\"viewer\";r={left};t={}",
            (5_000 - left) * 60 / 5_000 + u64::from((5_000 - left) * 60 % 5_000 > 0)
        );
        is_left(&answered, OF_VIEWER, &limit);
    }
    while left >= cost {
        assert_eq!(ask(app, token(&parent), dear).await.status, 200);
        left -= cost;
    }
    for (instance, client) in instances.into_iter().zip([&parent, &again]) {
        let answered = ask(instance, token(client), dear).await;
        assert_eq!((answered.status, answered.policy.as_deref()), (429, Some(OF_VIEWER)), "{}", answered.body);
    }
    let teacher = app.sign_in(cast::TEACHER).await;
    is_left(&ask(app, token(&teacher), CHEAP).await, OF_VIEWER, "\"viewer\";r=4998;t=1");
    // A token that is nobody's is nobody.
    is_left(&ask_from(app, "127.0.0.9", Some("made up"), CHEAP).await, OF_ANONYMOUS, "\"anonymous\";r=2998;t=1");
}

on_both! {
    async fn without_a_limit_nothing_is_said(app: TestApp) {
        let answered = ask(&app, None, CHEAP).await;
        assert_eq!((answered.status, answered.policy, answered.limit), (200, None, None));
    }

    async fn beyond_the_points_of_a_minute_nothing_is_executed(app: TestApp) {
        let app = limited(app.backend, false).await;
        spend_all(&app, [&app, &app]).await;
    }

    async fn a_viewer_has_points_of_their_own_however_they_come(app: TestApp) {
        let app = limited(app.backend, false).await;
        each_viewer_has_their_own(&app, [&app, &app]).await;
    }

    async fn a_key_has_points_of_its_own(app: TestApp) {
        let app = limited(app.backend, false).await;
        let (key, other) = (app.api_key("ADMIN_READ").await, app.api_key("ADMIN_READ").await);
        // It costs 1 and 100 times what stands below.
        let dear = "{ students(first: 100) { edges { node { id name status phone email } } } }";
        let first = ask(&app, token(&key), dear).await;
        assert_eq!((first.status, first.policy.as_deref()), (200, Some(OF_VIEWER)), "{}", first.body);
        let mut asked = 1;
        while ask(&app, token(&key), dear).await.status == 200 {
            asked += 1;
            assert!(asked < 100, "a key is limited");
        }
        is_left(&ask(&app, token(&other), CHEAP).await, OF_VIEWER, "\"viewer\";r=4998;t=1");
    }

    async fn what_is_refused_costs_something_and_what_is_too_dear_takes_all(app: TestApp) {
        let app = limited(app.backend, false).await;
        is_left(&ask(&app, None, "{").await, OF_ANONYMOUS, "\"anonymous\";r=2900;t=2");
        let deep = format!("{{ a{} }}", "{ a ".repeat(30) + &"}".repeat(30));
        is_left(&ask(&app, None, &deep).await, OF_ANONYMOUS, "\"anonymous\";r=2800;t=4");
        for _ in 0..28 {
            ask(&app, None, "{").await;
        }
        is_refused(&ask(&app, None, "{").await, 2);
        let students = "students(first: 100) { edges { node { parents { name } batches { name } } } }";
        let dear = &format!("{{ a: {students} b: {students} c: {students} }}");
        is_refused(&ask(&app, None, dear).await, 60);
        app.clock.advance(Duration::minutes(1));
        let answered = ask(&app, None, dear).await;
        assert_eq!((answered.status, answered.limit.as_deref()), (200, Some("\"anonymous\";r=0;t=60")), "{}", answered.body);
        is_refused(&ask(&app, None, CHEAP).await, 1);
        let health = http_client().get(app.url("/health/ready")).send().await.unwrap();
        assert_eq!((health.status().as_u16(), health.headers().get("ratelimit")), (200, None));
        // In the media type that is asked for.
        let request = http_client().post(app.url("/graphql")).header("accept", "application/graphql-response+json");
        let response = request.json(&json!({"query": CHEAP})).send().await.unwrap();
        let content_type = response.headers()["content-type"].to_str().unwrap();
        assert_eq!((response.status().as_u16(), content_type), (429, "application/graphql-response+json; charset=utf-8"));
    }

    async fn what_is_said_to_be_forwarded_changes_nothing(app: TestApp) {
        let app = limited(app.backend, false).await;
        for n in 0..3 {
            let request = http_client().post(app.url("/graphql")).header("x-forwarded-for", format!("203.0.113.{n}"));
            let answered = send(request.json(&json!({"query": CHEAP}))).await;
            assert_eq!(answered.limit.unwrap(), format!("\"anonymous\";r={};t=1", 2998 - 2 * n));
        }
    }
}

async fn all_instances_charge_together(backend: Backend) {
    let app = limited(backend, true).await;
    let beside = app.beside().await;
    spend_all(&app, [&app, &beside]).await;
    let app = limited(backend, true).await;
    let beside = app.beside().await;
    each_viewer_has_their_own(&app, [&app, &beside]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_charge_together_on_sqlite() {
    Box::pin(all_instances_charge_together(Backend::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_charge_together_on_postgres() {
    Box::pin(all_instances_charge_together(Backend::Postgres)).await;
}
