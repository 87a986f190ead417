//! What a request may ask for at most: refused before any SQL, whatever it multiplies, and told as what it is.

use std::time::Duration;

use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::support::{Answer, Backend, Client, TestApp, http_client};

/// The limit that an answer says was exceeded; nothing else may be in it.
#[track_caller]
fn exceeded(answer: &Answer) -> &str {
    let [error] = &answer.errors[..] else { panic!("one error in {answer:?}") };
    let told = &error["extensions"];
    assert_eq!((&told["code"], &answer.data), (&json!("LIMIT_EXCEEDED"), &Value::Null), "{answer:?}");
    assert!(told["requested"].as_u64().unwrap() > told["allowed"].as_u64().unwrap(), "{told}");
    told["limit"].as_str().unwrap()
}

/// Fragments of which each spreads the next one twice: 2 to the power of `n` fields.
fn doubling(n: usize) -> String {
    let each = (0..n).map(|i| format!("fragment f{i} on Query {{ ...f{next} ...f{next} }}", next = i + 1));
    let last = format!("fragment f{n} on Query {{ institute {{ name }} }}");
    format!("{{ ...f0 }} {} {last}", each.collect::<Vec<_>>().join(" "))
}

/// The cost of a query, as the answer tells it.
async fn cost(client: &Client, query: &str) -> u64 {
    let answer = client.ask(query).await.ok();
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(body["extensions"]["cost"]["limit"], 1_000_000);
    body["extensions"]["cost"]["requested"].as_u64().unwrap()
}

on_both! {
    async fn every_limit_is_checked_before_any_sql(app: TestApp) {
        let deep = |n: usize| format!("{{ students {{ edges {{ node {{ {} name {} }} }} }} }}", "course { hod { headedCourses { ".repeat(n), "} } }".repeat(n));
        let many = |n: usize, what: fn(usize) -> String| format!("{{ {} }}", (0..n).map(what).collect::<Vec<_>>().join(" "));
        let of_types = |n: usize| format!("{{ __schema {{ types {{ {} name {} }} }} }}", "fields { type { ".repeat(n), "} }".repeat(n));
        let cases = [
            ("MAX_QUERY_TOKENS", many(4000, |_| "x y z".to_owned())),
            ("MAX_QUERY_NESTING", format!("{{ a(b: {}1{}) }}", "[".repeat(4_000), "]".repeat(4_000))),
            ("MAX_QUERY_NESTING", "{a".repeat(4_000)),
            // What once took the whole service with it.
            ("MAX_QUERY_TOKENS", "{a(b:".to_owned() + &"[".repeat(40_000)),
            ("MAX_QUERY_TOKENS", "{a".repeat(40_000)),
            ("MAX_QUERY_DEPTH", deep(5)),
            ("MAX_INTROSPECTION_DEPTH", of_types(4)),
            ("MAX_QUERY_FIELDS", doubling(26)),
            ("MAX_QUERY_ROOT_FIELDS", many(51, |i| format!("a{i}: institute {{ name }}"))),
            ("MAX_QUERY_ALIASES", format!("{{ institute {} }}", many(101, |i| format!("a{i}: name")))),
            ("MAX_QUERY_DIRECTIVES", format!("{{ institute {} }}", many(51, |_| "name @skip(if: false)".to_owned()))),
            ("MAX_QUERY_COST", "{ a: students(first: 100) { edges { node { attendanceRecords(first: 100) { edges { node { \
                student { attendanceRecords(first: 100) { edges { node { id } } } } } } } } } } }".to_owned()),
        ];
        for client in [app.anonymous(), app.sign_in(cast::ADMIN).await] {
            for (limit, query) in &cases {
                let before = app.api.services().db.statements();
                assert_eq!(exceeded(&client.ask(query).await), *limit, "{}", &query[..query.len().min(100)]);
                assert_eq!(app.api.services().db.statements(), before, "{limit}: nobody was even looked up");
            }
            let values = json!({"input": {"identifier": "a", "password": "b", "x": vec![1; 10_001]}});
            let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { token } }";
            assert_eq!(exceeded(&client.ask_with(sign_in, values).await), "MAX_INPUT_VALUES");
        }
    }

    async fn the_deepest_query_that_is_let_in_is_answered(app: TestApp) {
        let kin = "parents { students(first: 1) { edges { node { ";
        let deep = |n: usize| format!("{{ students(first: 1) {{ edges {{ node {{ {} name {} }} }} }} }}", kin.repeat(n), "} } } }".repeat(n));
        let admin = app.sign_in(cast::ADMIN).await;
        admin.data(&deep(3)).await;
        assert_eq!(exceeded(&admin.ask(&deep(4)).await), "MAX_QUERY_DEPTH");
    }

    async fn a_variable_does_not_hide_what_is_asked_for(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let query = "query($n: Int, $m: Int = 100) { students(first: $m) { edges { node { attendanceRecords(first: $n) { edges { node { \
            student { attendanceRecords(first: $n) { edges { node { id } } } } } } } } } } }";
        assert_eq!(exceeded(&admin.ask_with(query, json!({"n": 100})).await), "MAX_QUERY_COST");
        // What no list takes costs no less than what every list takes at most.
        for n in [json!(-1), json!(0), json!(2_000_000_000)] {
            let answer = admin.ask_with(query, json!({"n": n})).await;
            assert!(!answer.errors.is_empty() && answer.errors.iter().all(|error| {
                ["BAD_USER_INPUT", "LIMIT_EXCEEDED"].contains(&error["extensions"]["code"].as_str().unwrap())
            }), "{n}: {answer:?}");
        }
        let students = "query($n: Int) { students(first: $n) { edges { node { name } } } }";
        for wrong in [json!("100"), json!([1]), json!(1e10)] {
            let answer = admin.ask_with(students, json!({"n": wrong})).await;
            assert_eq!(answer.errors[0]["extensions"]["code"], "BAD_USER_INPUT", "{wrong}");
        }
    }

    async fn fragments_that_go_round_are_refused(app: TestApp) {
        for query in [
            "{ ...a } fragment a on Query { ...a }",
            "{ ...a } fragment a on Query { institute { name } ...b } fragment b on Query { ...a }",
            "{ institute { ...a } } fragment a on Institute { name ...b } fragment b on Institute { ...a }",
        ] {
            let answer = app.anonymous().ask(query).await;
            assert_eq!((&answer.data, answer.errors.len()), (&Value::Null, 1), "{query}");
            assert_eq!(answer.errors[0]["extensions"]["code"], "BAD_USER_INPUT", "{query}");
        }
    }

    async fn a_client_is_told_what_its_request_costs(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let few = cost(&admin, "{ students(first: 2) { edges { node { name } } } }").await;
        let many = cost(&admin, "{ students(first: 100) { edges { node { name } } } }").await;
        let usual = cost(&admin, "{ students { edges { node { name } } } }").await;
        assert!(few < usual && usual < many && many >= 40 * few, "{few} {usual} {many}");
        let nested = cost(&admin, "{ students(first: 100) { edges { node { parents { name } } } } }").await;
        assert!(nested > 2 * many, "{nested}");
        let refused = admin.ask("{ nothing }").await;
        assert!(!refused.text.contains("\"cost\""), "what was not executed cost nothing");
    }

    async fn what_the_documents_show_is_within_the_limits(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        for query in [
            include_str!("../../docs/queries/hod.graphql"),
            include_str!("../../docs/queries/admission.graphql"),
            include_str!("../../docs/queries/teacher.graphql"),
            include_str!("../../docs/queries/student.graphql"),
            include_str!("../../docs/queries/parent.graphql"),
        ] {
            let variables = if query.contains("$today") { json!({"today": "2026-03-19"}) } else { json!({}) };
            let answer = admin.ask_with(query, variables).await;
            assert!(answer.errors.iter().all(|error| error["extensions"]["code"] != "LIMIT_EXCEEDED"), "{query}");
        }
    }

    async fn several_operations_in_one_body_are_refused(app: TestApp) {
        let body = json!([{"query": "{ institute { name } }"}, {"query": "{ institute { name } }"}]);
        let response = http_client().post(app.url("/graphql")).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 400);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["errors"][0]["message"], "Batches are not supported.");
    }

    async fn a_body_too_large_or_too_deep_is_refused(app: TestApp) {
        let post = async |body: String| {
            let request = http_client().post(app.url("/graphql")).header("content-type", "application/json");
            let response = request.body(body).send().await.unwrap();
            (response.status().as_u16(), response.json::<Value>().await.unwrap())
        };
        let (status, answer) = post(format!("{{\"query\": \"{}\"}}", " ".repeat(2_000_000))).await;
        assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (413, &json!("LIMIT_EXCEEDED")));
        let deep = format!("{{\"query\": \"{{ x }}\", \"variables\": {{\"a\": {}{}}}}}", "[".repeat(50_000), "]".repeat(50_000));
        let (status, answer) = post(deep).await;
        assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (400, &json!("BAD_USER_INPUT")));
        assert!(app.anonymous().data("{ institute { name } }").await["institute"]["name"].is_string(), "it goes on");
    }
}

/// How many statements of other connections the database works on.
async fn at_work(app: &TestApp) -> i64 {
    app.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
         AND pid <> pg_backend_pid() AND query LIKE '%institute%'",
    )
    .await
}

/// Waits until the database works on so many statements; a minute is far more than it takes.
async fn until_at_work(app: &TestApp, statements: i64) {
    for _ in 0..600 {
        if at_work(app).await == statements {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the database does not come to work on {statements} statements");
}

/// A lock makes the query wait in the database for as long as the test wants it to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_nobody_waits_for_is_cancelled() {
    let app = TestApp::start_with(Backend::Postgres, |config| {
        config.database_statement_timeout = Duration::from_mins(5);
        config.request_timeout = Duration::from_mins(5);
    })
    .await;
    let lock = app.database.hold("LOCK TABLE institute IN ACCESS EXCLUSIVE MODE").await;
    let client = app.anonymous();
    let asked = tokio::spawn(async move { client.ask("{ institute { name } }").await });
    until_at_work(&app, 1).await;
    asked.abort();
    until_at_work(&app, 0).await;
    drop(lock);
    assert!(app.anonymous().data("{ institute { name } }").await["institute"]["name"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_takes_too_long_ends_with_its_statement() {
    let app = TestApp::start_with(Backend::Postgres, |config| {
        config.database_statement_timeout = Duration::from_mins(5);
        config.request_timeout = Duration::from_secs(1);
    })
    .await;
    let lock = app.database.hold("LOCK TABLE institute IN ACCESS EXCLUSIVE MODE").await;
    let answer = app.anonymous().ask("{ institute { name } }").await;
    assert_eq!(answer.errors[0]["extensions"]["code"], "TIMEOUT");
    until_at_work(&app, 0).await;
    drop(lock);
    assert!(app.anonymous().data("{ institute { name } }").await["institute"]["name"].is_string());
}
