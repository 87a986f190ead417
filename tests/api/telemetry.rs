//! What the service tells of itself: traces, faults, log files and figures. None of it has anything of a person.

use std::{process::Stdio, time::Duration};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use rollcall::{demo::cast, metrics::Metrics, throttle::Rates};
use serde_json::{Value, json};

use crate::{
    commands::{Running, rollcall},
    engine::until,
    logs::{Server, of_persons, sign_in},
    support::{Backend, Heard, PASSWORD, RedisServer, Seen, TestApp, TestDatabase, http_client},
};

/// What a client's own trace is, and its span (W3C Trace Context's example).
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0c0902b7";

fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Asks as a part of a trace, which is kept or not.
async fn ask_within(url: &str, trace: &str, kept: bool, token: Option<&str>, body: &Value) -> Value {
    let flags = if kept { "01" } else { "00" };
    let request = http_client().post(url).header("traceparent", format!("00-{trace}-{PARENT}-{flags}")).json(body);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap().json().await.unwrap()
}

/// The one span of these that is so.
#[track_caller]
fn the_one(spans: &[Seen], is_so: impl Fn(&Seen) -> bool) -> Seen {
    let found: Vec<&Seen> = spans.iter().filter(|span| is_so(span)).collect();
    assert_eq!(found.len(), 1, "{found:#?} of {spans:#?}");
    found[0].clone()
}

/// What a span says under some names.
fn said<'a, const N: usize>(span: &'a Seen, names: [&str; N]) -> [Option<&'a str>; N] {
    names.map(|name| span.attributes.get(name).map(String::as_str))
}

async fn a_request_is_a_trace(backend: Backend) {
    let (heard, database) = (Heard::start().await, TestDatabase::filled(backend).await);
    let admin_address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    let mut variables = heard.variables();
    variables.extend([("ADMIN_ADDR", admin_address.clone()), ("OTEL_SERVICE_NAME", "hill-school".to_owned())]);
    let mut server = Server::start(&database, &borrowed(&variables));
    let url = server.url().await;
    let admin = sign_in(&url, cast::ADMIN, PASSWORD).await.unwrap();
    let token = admin.token.clone().unwrap();

    // A query: the request, its operation, and the statements of both, under the client's span.
    let query = "query Roster { students(first: 3) { edges { node { name phone email batches { name } } } } parents(first: 2) { edges { node { name } } } }";
    let answer = ask_within(&url, TRACE, true, Some(&token), &json!({"query": query})).await;
    assert!(answer["data"]["students"]["edges"][0]["node"]["name"].is_string(), "{answer}");
    until("the request was told of", async || heard.of_trace(TRACE).iter().any(|span| span.kind == 2)).await;
    let spans = heard.of_trace(TRACE);
    let request = the_one(&spans, |span| span.kind == 2);
    assert_eq!((request.name.as_str(), request.parent.as_str()), ("POST /graphql", PARENT));
    let names = ["http.request.method", "http.route", "url.path", "http.response.status_code"];
    assert_eq!(said(&request, names), [Some("POST"), Some("/graphql"), Some("/graphql"), Some("#200")]);
    let operation = the_one(&spans, |span| span.attributes.contains_key("graphql.operation.type"));
    assert_eq!((operation.name.as_str(), &operation.parent), ("query", &request.id));
    assert_eq!(said(&operation, ["graphql.operation.type", "graphql.operation.name"]), [Some("query"), Some("Roster")]);
    let system = match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgresql",
    };
    let statements: Vec<&Seen> = spans.iter().filter(|span| span.attributes.contains_key("db.system.name")).collect();
    let of = |parent: &Seen| statements.iter().filter(|statement| statement.parent == parent.id).count();
    assert!(of(&request) >= 1, "the session is looked up before there is an operation: {spans:#?}");
    // Each root field has its own statements, and so has what the rows of a list need further, once for all of them.
    let fields = ["Query.students", "Query.parents"].map(|name| the_one(&spans, |span| span.name == name));
    assert!(fields.iter().all(|field| field.parent == operation.id && of(field) >= 1), "{spans:#?}");
    let loads: Vec<&Seen> = spans.iter().filter(|span| span.name.starts_with("load ")).collect();
    assert!(!loads.is_empty() && loads.iter().all(|load| of(load) >= 1), "{spans:#?}");
    let counted = [&request, &operation, &fields[0], &fields[1]].into_iter().chain(loads).map(of).sum::<usize>();
    assert_eq!(counted, statements.len(), "{spans:#?}");
    for statement in &statements {
        assert_eq!(said(statement, ["db.system.name"]), [Some(system)]);
        assert!(
            statement.kind == 3 && said(statement, ["db.query.text"]).iter().flatten().all(|text| !text.is_empty())
        );
    }
    let read = |field: &Seen| {
        let mut own = statements.iter().filter(|statement| statement.parent == field.id);
        own.any(|statement| said(statement, ["db.operation.name"]) == [Some("SELECT")])
    };
    assert!(fields.iter().all(read), "{spans:#?}");

    // A mutation goes on in a task of its own, and in the same trace.
    let other = "0af7651916cd43dd8448eb211c80319c";
    let query = "mutation In($input: SignInInput!) { signIn(input: $input) { token } }";
    let body = json!({"query": query, "variables": {"input": {"identifier": cast::PARENT, "password": PASSWORD}}});
    let answer = ask_within(&url, other, true, None, &body).await;
    let parents_token = answer["data"]["signIn"]["token"].as_str().unwrap().to_owned();
    until("the mutation was told of", async || heard.of_trace(other).iter().any(|span| span.kind == 2)).await;
    let spans = heard.of_trace(other);
    let operation = the_one(&spans, |span| said(span, ["graphql.operation.type"]) == [Some("mutation")]);
    let field = the_one(&spans, |span| span.name == "Mutation.signIn");
    assert_eq!(field.parent, operation.id);
    let writes = |span: &&Seen| span.parent == field.id && said(span, ["db.operation.name"]) == [Some("INSERT")];
    assert!(spans.iter().any(|span| writes(&span)), "{spans:#?}");

    // The latency's bucket names the trace that came into it last.
    let metrics =
        http_client().get(format!("http://{admin_address}/metrics")).send().await.unwrap().text().await.unwrap();
    let exemplar = format!("# {{trace_id=\"{other}\"}}");
    assert!(metrics.lines().any(|line| line.contains("type=\"mutation\"") && line.contains(&exemplar)), "{metrics}");

    // A field that fails, and what is not kept because the client's is not.
    database.execute("ALTER TABLE notices RENAME TO gone").await;
    let (third, unkept) = ("1af7651916cd43dd8448eb211c80319c", "2af7651916cd43dd8448eb211c80319c");
    let notices = json!({"query": "{ notices { edges { node { title } } } }"});
    ask_within(&url, unkept, false, Some(&token), &notices).await;
    ask_within(&url, third, true, Some(&token), &notices).await;
    until("the failure was told of", async || heard.of_trace(third).iter().any(|span| span.kind == 2)).await;
    let spans = heard.of_trace(third);
    let operation = the_one(&spans, |span| said(span, ["graphql.operation.type"]) == [Some("query")]);
    assert!(operation.failed && said(&operation, ["error.type"]) == [Some("INTERNAL")], "{operation:#?}");
    // Diesel tells of SQLite's statements that cannot be prepared, and not of those that fail at their rows, as this one does on a
    // connection that has yet to see the other schema.
    let told = spans.iter().any(|span| span.name == "SELECT" && span.failed) || backend == Backend::Sqlite;
    let field = the_one(&spans, |span| span.name == "Query.notices");
    assert!(field.failed && told, "the statement failed: {spans:#?}");
    assert!(heard.of_trace(unkept).is_empty(), "nobody wants it");

    let resource = heard.resource();
    assert_eq!(resource["service.name"], "hill-school");
    assert_eq!(resource["deployment.environment.name"], "development");
    assert!(heard.spans().iter().all(|span| span.events == 0), "a trace has no texts of the log");
    let tell = |what: &str| {
        let mut told = vec![token.clone(), parents_token.clone(), PASSWORD.to_owned(), what.to_owned()];
        told.extend([cast::ADMIN, cast::PARENT].map(str::to_owned));
        told
    };
    let all = heard.all() + &server.written();
    let secrets = [tell("first: 3"), of_persons(&database).await].concat();
    let told: Vec<&String> = secrets.iter().filter(|secret| all.contains(*secret)).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_trace_on_sqlite() {
    Box::pin(a_request_is_a_trace(Backend::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_trace_on_postgres() {
    Box::pin(a_request_is_a_trace(Backend::Postgres)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_redis_is_a_part_of_the_trace() {
    let (heard, redis) = (Heard::start().await, RedisServer::start().await);
    let database = TestDatabase::filled(Backend::Sqlite).await;
    let mut variables = heard.variables();
    variables.push(("REDIS_URL", redis.url()));
    let mut server = Server::start(&database, &borrowed(&variables));
    let url = server.url().await;
    let query = "mutation { signIn(input: {identifier: \"nobody@example.org\", password: \"wrong\"}) { token } }";
    ask_within(&url, TRACE, true, None, &json!({"query": query})).await;
    until("the request was told of", async || heard.of_trace(TRACE).iter().any(|span| span.kind == 2)).await;
    let spans = heard.of_trace(TRACE);
    let of_redis = |span: &&Seen| said(span, ["db.system.name"]) == [Some("redis")];
    let asked: Vec<&Seen> = spans.iter().filter(of_redis).collect();
    assert!(!asked.is_empty(), "tries are counted there: {spans:#?}");
    for span in asked {
        assert_eq!((span.kind, said(span, ["db.operation.name"])), (3, [Some(span.name.as_str())]));
        assert!(spans.iter().any(|above| above.id == span.parent), "{span:#?}");
    }
    assert!(!heard.all().contains("nobody@example.org"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_a_trace_that_goes_on_with_what_it_sends() {
    let (heard, database) = (Heard::start().await, TestDatabase::filled(Backend::Sqlite).await);
    let mut server = Server::start(&database, &borrowed(&heard.variables()));
    let url = server.url().await;
    let phone =
        database.texts(&format!("SELECT phone FROM accounts WHERE email = '{}'", cast::OTHER_PARENT)).await.remove(0);
    let client = crate::support::Client::new(url, None);
    client.done("requestPasswordReset", json!({"identifier": phone}), "success").await;
    until("a text message was sent", async || !heard.texts().is_empty()).await;
    let sent = heard.texts()[0]["traceparent"].to_str().unwrap().to_owned();
    let [version, trace, parent, flags] = sent.split('-').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((version, flags), ("00", "01"));
    until("the job was told of", async || heard.of_trace(trace).iter().any(|span| span.kind == 5)).await;
    let spans = heard.of_trace(trace);
    let job = the_one(&spans, |span| span.kind == 5);
    assert_eq!((job.name.as_str(), job.parent.as_str()), ("process MESSAGE", ""));
    assert_eq!(said(&job, ["messaging.destination.name", "rollcall.job.attempt"]), [Some("MESSAGE"), Some("#1")]);
    let request = the_one(&spans, |span| span.attributes.contains_key("server.address"));
    assert_eq!((request.id.as_str(), &request.parent, request.kind), (parent, &job.id, 3));
    assert_eq!(said(&request, ["server.address", "http.response.status_code"]), [Some("127.0.0.1"), Some("#202")]);
    let all = heard.all() + &server.written();
    let secrets = [vec!["the gateway's token".to_owned()], of_persons(&database).await].concat();
    let told: Vec<&String> = secrets.iter().filter(|secret| all.contains(*secret)).collect();
    assert!(told.is_empty(), "{told:?}");
    // What nobody asked for, such as a look at the queue, is in no trace.
    assert!(heard.spans().iter().all(|span| !span.parent.is_empty() || span.kind == 2 || span.kind == 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_told_with_the_requests_id_and_nothing_of_a_person() {
    let (heard, database) = (Heard::start().await, TestDatabase::filled(Backend::Sqlite).await);
    let mut server = Server::start(&database, &borrowed(&heard.variables()));
    let url = server.url().await;
    let parent = sign_in(&url, cast::PARENT, PASSWORD).await.unwrap();
    parent.ask("{ students(first: 1) { edges { node { citizenshipNumber } } } nonsense(name: \"Ada\") }").await;
    database.execute("ALTER TABLE notices RENAME TO gone").await;
    let answer = parent.ask("query Board { notices { edges { node { title } } } }").await;
    let id = answer.errors[0]["extensions"]["requestId"].as_str().unwrap().to_owned();
    until("the fault was told of", async || !heard.faults().is_empty()).await;
    let faults = heard.faults();
    assert_eq!(faults.len(), 1, "what a client does wrong is no fault: {faults:#?}");
    let fault = &faults[0];
    // An error is what it is where no level is said.
    assert_eq!((&fault["message"], &fault["level"]), (&json!("request failed"), &Value::Null));
    assert_eq!((&fault["tags"]["request_id"], &fault["tags"]["code"]), (&json!(id), &json!("INTERNAL")));
    assert_eq!(fault["environment"], "development");
    let known = ["event_id", "message", "platform", "timestamp", "release", "environment", "sdk", "tags"];
    for (name, _) in fault.as_object().unwrap() {
        assert!(known.contains(&name.as_str()), "{name} in {fault:#}");
    }
    for name in fault["tags"].as_object().unwrap().keys() {
        assert!(["code", "place", "request_id"].contains(&name.as_str()), "{name} in {fault:#}");
    }
    // The log has its cause, under the same id.
    let written = server.written();
    let line = written.lines().find(|line| line.contains("request failed")).unwrap();
    assert!(line.contains(&id) && line.contains("no such table"), "{line}");
    let all = heard.all() + &written;
    let own = [parent.token.clone().unwrap(), PASSWORD.to_owned(), "Ada".to_owned()];
    let secrets = [own.to_vec(), of_persons(&database).await].concat();
    let told: Vec<&String> = secrets.iter().filter(|secret| all.contains(*secret)).collect();
    assert!(told.is_empty(), "{told:?}");
    assert!(!heard.all().contains("no such table"), "a text that was put together is the log's alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_told_by_its_place() {
    let (heard, database) = (Heard::start().await, TestDatabase::empty(Backend::Sqlite).await);
    let mut variables = heard.variables();
    variables.extend([("ENVIRONMENT", "development".to_owned()), ("DATABASE_URL", database.url.clone())]);
    variables.push(("SENTRY_ENVIRONMENT", "staging".to_owned()));
    // What it has to say, nobody takes: then `println!` panics.
    let mut command = rollcall(&["migrate", "--status"], &borrowed(&variables));
    let mut process = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    drop(process.0.stdout.take());
    until("it has ended", async || process.0.try_wait().unwrap().is_some()).await;
    assert_eq!(process.0.wait().unwrap().code(), Some(101), "by a panic");
    let faults = heard.faults();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let exception = &faults[0]["exception"]["values"][0];
    assert_eq!((&exception["type"], &exception["value"]), (&json!("panic"), &json!("panicked")));
    assert_eq!((&faults[0]["level"], &faults[0]["environment"]), (&json!("fatal"), &json!("staging")));
    assert!(faults[0]["tags"]["place"].as_str().unwrap().contains(".rs:"));
    assert!(exception["stacktrace"]["frames"].as_array().unwrap().len() > 5);
    assert!(!heard.all().contains("Broken pipe"), "the text was put together: {:#}", faults[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_goes_to_files_of_which_so_many_are_kept() {
    let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::filled(Backend::Sqlite).await);
    for day in 1..=3 {
        std::fs::write(folder.path().join(format!("rollcall.log.2020-01-0{day}")), "old\n").unwrap();
    }
    let path = folder.path().join("rollcall.log").display().to_string();
    let variables = [("LOG_FILE", path.as_str()), ("LOG_FILES", "2"), ("LOG_LEVEL", "warn,rollcall=info")];
    let server = Server::start(&database, &variables);
    let files = || -> Vec<(String, String)> {
        let entries = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let read = |path| (std::fs::read_to_string(&path).unwrap_or_default(), path);
        entries.map(|entry| read(entry.path())).map(|(text, path)| (path.display().to_string(), text)).collect()
    };
    until("it says where it serves", async || files().iter().any(|(_, text)| text.contains("serving"))).await;
    let files = files();
    assert_eq!(files.len(), 2, "{files:?}");
    let (name, text) = files.iter().find(|(_, text)| text != "old\n").unwrap();
    assert!(name.starts_with(&format!("{path}.20")), "it is named by its day: {name}");
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["level"].is_string()), "{text}");
    assert_eq!(server.written(), "", "and nowhere else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_slow_is_logged_by_its_shape() {
    let database = TestDatabase::filled(Backend::Sqlite).await;
    let mut server =
        Server::start(&database, &[("SLOW_OPERATION_MS", "300"), ("SLOW_SQL_MS", "300"), ("WORKER", "false")]);
    let url = server.url().await;
    let slow = |message: &str| -> Vec<Value> {
        let written = server.written();
        let lines = written.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.map(|line| line["fields"].clone()).filter(|fields| fields["message"] == message).collect()
    };
    // Somebody else writes meanwhile, and SQLite has one writer.
    let path = database.url.strip_prefix("sqlite:").unwrap().to_owned();
    let (begun, go_on) = (std::sync::mpsc::channel(), Duration::from_secs(3));
    let writer = std::thread::spawn(move || {
        let mut cx = SqliteConnection::establish(&path).unwrap();
        cx.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();
        begun.0.send(()).unwrap();
        std::thread::sleep(go_on);
        cx.batch_execute("COMMIT").unwrap();
    });
    begun.1.recv().unwrap();
    let query = "mutation SlowlyIn($input: SignInInput!) { signIn(input: $input) { token } }";
    let input = json!({"input": {"identifier": cast::PARENT, "password": PASSWORD}});
    let answer = crate::support::Client::new(url, None).ask_with(query, input).await.ok();
    assert!(answer.at("/signIn/token").is_string());
    writer.join().unwrap();
    let operations = slow("an operation was slow");
    assert_eq!(operations.len(), 1, "{operations:#?}");
    let shape = ["name", "kind", "outcome"].map(|name| operations[0][name].as_str().unwrap().to_owned());
    assert_eq!(shape, ["SlowlyIn", "mutation", "OK"]);
    assert!(operations[0]["cost"].as_u64().unwrap() > 1000 && operations[0]["milliseconds"].as_f64().unwrap() >= 300.0);
    let statements = slow("a statement was slow");
    assert!(!statements.is_empty());
    for statement in &statements {
        let text = statement["statement"].as_str().unwrap();
        // It waits to write, and the values that it writes are no part of its shape.
        let changes = ["INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().any(|word| text.starts_with(word));
        assert!(changes && text.contains('?') && !text.contains('\''), "{statement}");
    }
    assert!(!server.written().contains(cast::PARENT));
}

async fn figures(app: &TestApp) -> String {
    Metrics::text(app.api.services()).await.unwrap()
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line} in {text}");
}

on_both! {
    async fn operations_are_counted_by_what_became_of_them(app: TestApp) {
        let teacher = app.sign_in_by_password(cast::TEACHER).await;
        teacher.data("query AdaLovelace { institute { name } }").await;
        teacher.ask("{ students(first: 2) { edges { node { phone } } } }").await;
        teacher.ask("{ nonsense }").await;
        teacher.ask("{").await;
        let text = figures(&app).await;
        for (kind, outcome) in [("mutation", "OK"), ("query", "OK"), ("query", "FORBIDDEN"), ("query", "BAD_USER_INPUT"), ("unknown", "BAD_USER_INPUT")] {
            has(&text, &format!("rollcall_operations_total{{operation=\"other\",type=\"{kind}\",outcome=\"{outcome}\"}} 1"));
        }
        has(&text, "rollcall_operation_seconds_count{type=\"query\"} 3");
        has(&text, "rollcall_denials_total{type=\"Student\"} 1");
        assert!(!text.contains("AdaLovelace"), "clients do not choose labels: {text}");
        for pool in match app.backend {
            Backend::Sqlite => &["read", "write"][..],
            Backend::Postgres => &["all"],
        } {
            for figure in ["pool_connections", "pool_idle_connections", "pool_waits_total", "pool_wait_seconds_total", "pool_timeouts_total"] {
                assert!(text.contains(&format!("rollcall_{figure}{{pool=\"{pool}\"}} ")), "{figure} of {pool} in {text}");
            }
        }
        let number = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("rollcall_{name}_total "))).unwrap();
            line.parse().unwrap()
        };
        assert!(number("statements_prepared") > 0 && number("statements") > number("statements_prepared"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_that_is_hit_is_counted() {
    let app =
        TestApp::start_with(Backend::Sqlite, |config| config.rates = Rates { viewer: 5_000, anonymous: 3_000 }).await;
    assert!(!figures(&app).await.contains("rollcall_rate_limited_total{"));
    for _ in 0..4 {
        app.anonymous().ask("mutation { signOut { success } }").await;
    }
    let text = figures(&app).await;
    assert!(text.lines().any(|line| line.starts_with("rollcall_rate_limited_total{policy=\"anonymous\"} ")), "{text}");
}
