//! What every answer over HTTP carries, and what is refused before there is anything to execute.

use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, http_client, redis_url};

on_both! {
    async fn health_says_live_and_ready(app: TestApp) {
        for (path, ready) in [("/health/live", false), ("/health/ready", true), ("/health/", true)] {
            let response = http_client().get(app.url(path)).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["status"], "ok");
            assert_eq!(body.get("database").is_some(), ready, "{path}");
            assert_eq!(body.get("redis"), ready.then_some(&Value::Null), "{path}: there is none");
        }
    }

    async fn faults_of_the_request_have_a_code_and_say_nothing_of_the_inside(app: TestApp) {
        let client = app.sign_in(cast::ADMIN).await;
        for (query, status) in [("{", 200), ("{ nothing }", 200), ("query($x: Int!) { students(first: $x) { totalCount } }", 200)] {
            let answer = client.ask(query).await;
            assert_eq!(answer.status, status, "application/json is for clients that take 200 alone");
            assert_eq!(answer.errors[0]["extensions"]["code"], "BAD_USER_INPUT", "{query}");
            assert_eq!(answer.data, Value::Null);
        }
    }

    async fn a_value_that_its_type_does_not_take_is_a_fault_of_the_request(app: TestApp) {
        let client = app.sign_in(cast::ADMIN).await;
        for argument in [r#"{date: "2026-02-30"}"#, "{date: 20260320}", r#"{from: "yesterday"}"#] {
            let answer = client.ask(&format!("{{ attendanceSessions(filter: {argument}) {{ totalCount }} }}")).await;
            assert_eq!(answer.code_at(&json!(["attendanceSessions"])), "BAD_USER_INPUT", "{argument}");
        }
        let answer = client.ask(r#"{ meetings(filter: {from: "2026-03-20"}) { totalCount } }"#).await;
        assert_eq!(answer.code_at(&json!(["meetings"])), "BAD_USER_INPUT", "a date is no point in time");
    }
}

/// Small queries that are not deep, but multiply: they must not fill the memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_too_large_is_given_up() {
    let app = TestApp::start(Backend::Sqlite).await;
    let teacher = app.sign_in(cast::TEACHER).await;
    let classes: Vec<String> = (0..60)
        .map(|i| format!("a{i}: batches {{ students(first: 100) {{ edges {{ node {{ id name }} }} }} }}"))
        .collect();
    let answer =
        teacher.ask(&format!("{{ students(first: 100) {{ edges {{ node {{ {} }} }} }} }}", classes.join(" "))).await;
    assert_eq!(answer.errors.len(), 1, "{}", answer.text.len());
    assert_eq!(answer.errors[0]["extensions"]["code"], "LIMIT_EXCEEDED");
    assert_eq!(answer.data, Value::Null);
    teacher
        .data("{ viewer { roles } students(first: 100) { edges { node { batches { students { totalCount } } } } } }")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_host_is_not_served() {
    let app =
        TestApp::start_with(Backend::Sqlite, |config| config.allowed_hosts = vec!["school.example".to_owned()]).await;
    let ask = |host: &'static str| {
        let request = http_client().post(app.url("/graphql")).header("host", host);
        request.json(&json!({"query": "{ institute { name } }"})).send()
    };
    assert_eq!(ask("school.example:8000").await.unwrap().status(), 200);
    assert_eq!(ask("evil.example").await.unwrap().status(), 421);
    let probe = http_client().get(app.url("/health/live")).send().await.unwrap();
    assert_eq!(probe.status(), 200, "probes come by address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mutation_does_not_go_by_get() {
    let app = TestApp::start(Backend::Sqlite).await;
    let get = async |query: &str| {
        let response = http_client().get(format!("{}?{query}", app.url("/graphql"))).send().await.unwrap();
        (response.status().as_u16(), response.headers().get("allow").cloned())
    };
    let two = "query=query+A{institute{name}}mutation+B{signOut{success}}";
    for mutation in ["query=mutation{signOut{success}}", &format!("{two}&operationName=B")] {
        let (status, allow) = get(mutation).await;
        assert_eq!((status, allow.unwrap().to_str().unwrap()), (405, "POST"), "{mutation}");
    }
    assert_eq!(get(&format!("{two}&operationName=A")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_is_refused() {
    let app = TestApp::start(Backend::Sqlite).await;
    let query = format!("{{ institute {{ name }} }} #{}", "x".repeat(2 * 1024 * 1024));
    let response = http_client().post(app.url("/graphql")).json(&json!({"query": query})).send().await.unwrap();
    assert_eq!(response.status(), 413);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_is_served_under_a_strict_policy_and_everything_is_labelled() {
    let app = TestApp::start(Backend::Sqlite).await;
    let page = http_client().get(app.url("/graphiql")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    for file in ["/graphiql/graphiql.js", "/graphiql/graphiql.css"] {
        assert!(html.contains(file), "{file}");
        let response = http_client().get(app.url(file)).send().await.unwrap();
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(response.content_length().unwrap() > 1000, "{file}");
    }
    let api = http_client().get(app.url("/graphql?query=%7B__typename%7D")).send().await.unwrap();
    assert_eq!(api.headers()["cache-control"], "no-store");
    assert!(!api.headers()["x-request-id"].is_empty());
    let absent = TestApp::start_with(Backend::Sqlite, |config| config.graphiql = false).await;
    assert_eq!(http_client().get(absent.url("/graphiql")).send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_of_the_clients_own_does_not_reach_the_log() {
    let app = TestApp::start(Backend::Sqlite).await;
    let request = http_client().get(app.url("/health/live")).header("x-request-id", "mine");
    let response = request.send().await.unwrap();
    assert_ne!(response.headers()["x-request-id"], "mine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_asks_redis_where_there_is_one() {
    let app = TestApp::start_with(Backend::Sqlite, |config| config.redis_url = Some(redis_url().into())).await;
    let response = http_client().get(app.url("/health/ready")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.json::<Value>().await.unwrap()["redis"], "ok");
}
