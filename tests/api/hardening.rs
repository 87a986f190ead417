//! Attacks on what lies around the API: proxies and forged headers, plain HTTP, pages of other origins, slow clients.

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderValue},
};
use rollcall::{
    config::{Config, Environment},
    demo::cast,
    http::{Connections, serve},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
};

use crate::support::{Backend, PASSWORD, TestApp, http_builder, http_client, session_cookie};

/// As in production, behind a proxy that is on this machine: so the tests are the proxy.
fn behind_proxy(config: &mut Config) {
    config.environment = Environment::Production;
    config.allowed_hosts = vec!["school.example".to_owned()];
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    config.https_redirect = true;
}

/// A request with these headers, of a client that follows no redirect.
async fn send(
    app: &TestApp,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> reqwest::Response {
    let client = http_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut request = client.request(method, app.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    request.send().await.unwrap()
}

async fn ask(app: &TestApp, query: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    send(app, Method::POST, "/graphql", headers, Some(json!({"query": query}))).await
}

/// The cookie of a parent who signs in with these headers.
async fn cookie(app: &TestApp, headers: &[(&str, &str)]) -> String {
    let query = format!(
        "mutation {{ signIn(input: {{identifier: \"{}\", password: \"{PASSWORD}\", session: COOKIE}}) {{ token }} }}",
        cast::PARENT
    );
    let response = ask(app, &query, headers).await;
    let set = session_cookie(response.headers()).unwrap_or_else(|| panic!("{response:?}"));
    set.split(';').next().unwrap().to_owned()
}

async fn code(response: reqwest::Response) -> Value {
    let mut body: Value = response.json().await.unwrap();
    body["errors"][0]["extensions"]["code"].take()
}

/// Everything until the server closes the connection, in whichever way: where it has not read all, that is a reset.
async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).to_lowercase()
}

/// What is said to bytes as they are, until the server closes the connection.
async fn raw(app: &TestApp, sent: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(sent.as_ref()).await.unwrap();
    until_closed(&mut stream).await
}

/// What is said to a client that sends this and then a byte at a time, without end.
async fn raw_slowly(app: &TestApp, begin: &str) -> String {
    let (mut answer, mut request) = TcpStream::connect(app.address).await.unwrap().into_split();
    request.write_all(begin.as_bytes()).await.unwrap();
    let slow = tokio::spawn(async move {
        while request.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let said = until_closed(&mut answer).await;
    slow.abort();
    said
}

on_both! {
    async fn a_cookie_comes_from_our_own_pages_or_from_those_that_are_named(app: TestApp) {
        let named = "https://app.school.example";
        let app = app.beside_with(|config| config.cors_origins = vec![HeaderValue::from_static(named)]).await;
        let cookie = cookie(&app, &[]).await;
        let with = async |headers: &[(&str, &str)], query: &str| {
            ask(&app, query, &[&[("cookie", cookie.as_str())], headers].concat()).await
        };
        let roles = "{ viewer { roles } }";
        let own = format!("http://{}", app.address);
        for headers in [
            &[("origin", own.as_str()), ("sec-fetch-site", "same-origin")][..],
            &[("origin", named), ("sec-fetch-site", "same-site")],
            &[("origin", named), ("sec-fetch-site", "cross-site")],
            &[],
        ] {
            let answer: Value = with(headers, roles).await.json().await.unwrap();
            assert_eq!(answer["data"]["viewer"]["roles"], json!(["PARENT"]), "{headers:?}");
        }
        for headers in [
            &[("origin", "https://files.school.example"), ("sec-fetch-site", "same-site")][..],
            &[("origin", "https://files.school.example")],
            &[("origin", "https://app.school.example.evil.example"), ("sec-fetch-site", "cross-site")],
            &[("origin", "http://app.school.example"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
        ] {
            for query in [roles, "mutation { signOut { success } }"] {
                let refused = with(headers, query).await;
                assert_eq!(refused.status(), 403, "{headers:?}");
                assert!(!refused.headers().contains_key("access-control-allow-origin"), "{headers:?}");
                assert_eq!(code(refused).await, "FORBIDDEN");
            }
        }
        let answer: Value = with(&[], roles).await.json().await.unwrap();
        assert_eq!(answer["data"]["viewer"]["roles"], json!(["PARENT"]), "nobody has signed them out");
    }

    async fn over_http_a_token_is_refused_and_over_https_it_is_taken(app: TestApp) {
        let token = app.sign_in(cast::PARENT).await.token.unwrap();
        let app = app.beside_with(behind_proxy).await;
        let bearer = format!("Bearer {token}");
        let over = async |scheme: &str| {
            let headers = [("host", "school.example"), ("x-forwarded-proto", scheme), ("authorization", bearer.as_str())];
            ask(&app, "{ viewer { roles } }", &headers).await
        };
        let answer: Value = over("https").await.json().await.unwrap();
        assert_eq!(answer["data"]["viewer"]["roles"], json!(["PARENT"]));
        for scheme in ["http", "https, http", "ftp", ""] {
            let refused = over(scheme).await;
            assert_eq!(refused.status(), 403, "{scheme:?}");
            assert_eq!(code(refused).await, "FORBIDDEN");
        }
    }

    async fn over_https_the_cookie_is_for_https_and_a_page_of_http_is_foreign(app: TestApp) {
        let app = app.beside_with(behind_proxy).await;
        let proxy = [("host", "school.example"), ("x-forwarded-proto", "https")];
        let cookie = cookie(&app, &proxy).await;
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        for (origin, status) in [("https://school.example", 200), ("http://school.example", 403)] {
            let headers = [&proxy[..], &[("cookie", cookie.as_str()), ("origin", origin)]].concat();
            assert_eq!(ask(&app, "{ viewer { roles } }", &headers).await.status(), status, "{origin}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_redirected_to_https_and_the_api_is_not() {
    let app = TestApp::start_with(Backend::Sqlite, behind_proxy).await;
    for (method, path, status) in [
        (Method::GET, "/graphiql?a=b", 308),
        (Method::HEAD, "/graphiql", 308),
        (Method::GET, "/nothing", 308),
        (Method::POST, "/graphiql", 403),
        (Method::POST, "/graphql", 403),
        (Method::OPTIONS, "/graphql", 403),
        (Method::GET, "/graphql?query=%7B__typename%7D", 403),
    ] {
        let headers = [("host", "school.example:8080"), ("x-forwarded-proto", "http")];
        let response = send(&app, method.clone(), path, &headers, None).await;
        assert_eq!(response.status(), status, "{method} {path}");
        assert!(!response.headers().contains_key("strict-transport-security"), "{method} {path}");
        let location = response.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
        assert_eq!(location, (status == 308).then(|| format!("https://school.example{path}")), "{method}");
        if status == 403 {
            assert_eq!(code(response).await, "FORBIDDEN");
        }
    }
    let unsaid = send(&app, Method::GET, "/graphiql", &[("host", "school.example")], None).await;
    assert_eq!(unsaid.status(), 308, "a proxy that says nothing did not say HTTPS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_over_https_bind_the_browser_to_it_in_production_alone() {
    let app = TestApp::start_with(Backend::Sqlite, behind_proxy).await;
    let headers = [("host", "school.example"), ("x-forwarded-proto", "https")];
    let strict = |response: &reqwest::Response| {
        response.headers().get("strict-transport-security").map(|value| value.to_str().unwrap().to_owned())
    };
    for (path, status) in [
        ("/graphiql", 200),
        ("/graphql?query=%7B__typename%7D", 200),
        ("/graphql", 400),
        ("/nothing", 404),
        ("/health/live", 200),
    ] {
        let response = send(&app, Method::GET, path, &headers, None).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(strict(&response).as_deref(), Some("max-age=31536000; includeSubDomains"), "{path}");
    }
    let foreign = [("host", "evil.example"), ("x-forwarded-proto", "https")];
    assert_eq!(send(&app, Method::GET, "/graphiql", &foreign, None).await.status(), 421);
    let developing = app.beside_with(|config| config.environment = Environment::Development).await;
    assert_eq!(strict(&send(&developing, Method::GET, "/graphiql", &headers, None).await), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_a_trusted_proxy_says_what_came_over_https() {
    let elsewhere = |config: &mut Config| {
        behind_proxy(config);
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    };
    let app = TestApp::start_with(Backend::Sqlite, elsewhere).await;
    for forged in [
        &[("x-forwarded-proto", "https")][..],
        &[("x-forwarded-proto", "https"), ("x-forwarded-for", "10.0.0.1")],
        &[("forwarded", "for=10.0.0.1;proto=https;host=school.example")],
        &[("x-forwarded-ssl", "on"), ("front-end-https", "on"), ("x-url-scheme", "https")],
    ] {
        let headers = [&[("host", "school.example")][..], forged].concat();
        let page = send(&app, Method::GET, "/graphiql", &headers, None).await;
        assert_eq!(page.status(), 308, "{forged:?}");
        assert!(!page.headers().contains_key("strict-transport-security"), "{forged:?}");
        assert_eq!(ask(&app, "{ __typename }", &headers).await.status(), 403, "{forged:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_proxy_makes_another_host_ours() {
    let app = TestApp::start_with(Backend::Sqlite, behind_proxy).await;
    let get =
        async |lines: &str| raw(&app, format!("GET {lines}x-forwarded-proto: http\r\nconnection: close\r\n\r\n")).await;
    for foreign in [
        "/graphiql HTTP/1.1\r\nhost: evil.example\r\n",
        "/graphiql HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: school.example\r\n",
        "/graphiql HTTP/1.1\r\nhost: school.example\r\nhost: evil.example\r\n",
        "/graphiql HTTP/1.1\r\nhost: school.example@evil.example\r\n",
        "/graphiql HTTP/1.1\r\nhost: school.example:80:evil.example\r\n",
        "http://evil.example/graphiql HTTP/1.1\r\nhost: school.example\r\n",
        "/graphiql HTTP/1.0\r\n",
    ] {
        let answer = get(foreign).await;
        assert!(answer.contains(" 421 ") && !answer.contains("location:"), "{foreign}: {answer}");
    }
    for (own, location) in [
        ("/graphiql HTTP/1.1\r\nhost: SCHOOL.example\r\nx-forwarded-host: evil.example\r\n", "/graphiql"),
        ("//evil.example/a HTTP/1.1\r\nhost: school.example\r\n", "//evil.example/a"),
        ("/a?b=%0d%0aset-cookie:c=d HTTP/1.1\r\nhost: school.example\r\n", "/a?b=%0d%0aset-cookie:c=d"),
    ] {
        let answer = get(own).await;
        assert!(answer.contains(&format!("\r\nlocation: https://school.example{location}\r\n")), "{own}: {answer}");
        assert!(!answer.contains("\nset-cookie"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_comes_by_address_and_over_http() {
    let app = TestApp::start_with(Backend::Sqlite, behind_proxy).await;
    for path in ["/health/live", "/health/ready", "/health/"] {
        let probe = send(&app, Method::GET, path, &[], None).await;
        assert_eq!(probe.status(), 200, "{path}");
        assert!(!probe.headers().contains_key("strict-transport-security"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_origins_that_are_named_are_told_that_they_may() {
    let named = "https://app.school.example";
    let app =
        TestApp::start_with(Backend::Sqlite, |config| config.cors_origins = vec![HeaderValue::from_static(named)])
            .await;
    let without = app.beside_with(|config| config.cors_origins.clear()).await;
    let preflight = async |app: &TestApp, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        send(app, Method::OPTIONS, "/graphql", &headers, None).await
    };
    let text = |headers: &HeaderMap, name: &str| {
        headers.get(name).map(|value| value.to_str().unwrap().to_lowercase()).unwrap_or_default()
    };
    let allowed = preflight(&app, named).await;
    assert_eq!(allowed.status(), StatusCode::OK);
    let headers = allowed.headers();
    assert_eq!(text(headers, "access-control-allow-origin"), named);
    assert_eq!(text(headers, "access-control-allow-credentials"), "true");
    assert_eq!(text(headers, "access-control-allow-methods"), "get,post");
    assert_eq!(text(headers, "access-control-allow-headers"), "authorization,content-type");
    let answer = ask(&app, "{ __typename }", &[("origin", named)]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(text(answer.headers(), "access-control-allow-origin"), named);
    assert!(text(answer.headers(), "vary").contains("origin"), "or a cache would give it to others");
    let exposed = text(answer.headers(), "access-control-expose-headers");
    for name in ["x-request-id", "ratelimit", "ratelimit-policy", "retry-after"] {
        assert!(exposed.split(',').any(|other| other == name), "{name} in {exposed}");
    }
    for origin in ["https://evil.example", "http://app.school.example", "https://app.school.example:444", "null"] {
        for app in [&app, &without] {
            let refused = preflight(app, origin).await;
            assert!(!refused.headers().contains_key("access-control-allow-origin"), "{origin}");
            let answer = ask(app, "{ __typename }", &[("origin", origin)]).await;
            assert!(!answer.headers().contains_key("access-control-allow-origin"), "{origin}");
        }
    }
    assert!(!preflight(&without, named).await.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_what_a_browser_may_do_with_it_and_not_who_made_it() {
    let app = TestApp::start(Backend::Sqlite).await;
    for path in [
        "/graphiql",
        "/graphiql/graphiql.js",
        "/graphql?query=%7B__typename%7D",
        "/graphql",
        "/health/live",
        "/nothing",
    ] {
        let response = send(&app, Method::GET, path, &[], None).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(header("permissions-policy").contains("camera=()"), "{path}");
        let policy = header("content-security-policy");
        for directive in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(directive), "{directive} in {policy} of {path}");
        }
        assert!(!policy.contains("unsafe"), "{policy} of {path}");
        for name in ["server", "x-powered-by", "via", "strict-transport-security"] {
            assert!(!response.headers().contains_key(name), "{name} of {path}");
        }
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The frame that must follow it: SETTINGS, with none.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

/// Each of these would wait for as long as the server does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_or_half_of_it_is_cut_off() {
    let timeout = Duration::from_millis(200);
    let app = TestApp::start_with(Backend::Sqlite, |config| config.header_timeout = timeout).await;
    let whole = "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(raw(&app, "").await, "");
    assert_eq!(raw(&app, &PREFACE[..9]).await, "", "either version, so far");
    assert_eq!(raw(&app, &whole[..whole.len() - 2]).await, "");
    assert_eq!(raw(&app, "GET /health/li").await, "");
    assert_eq!(raw_slowly(&app, "GET /health/live HTTP/1.1\r\nhost: a\r\nx-slow: ").await, "");
    assert_eq!(raw_slowly(&app, "GET /").await, "");
    let kept = raw(&app, whole).await;
    assert!(kept.starts_with("http/1.1 200 "), "a connection that is kept, and not used again: {kept}");
    let again = raw(&app, format!("{whole}{}", &whole[..9])).await;
    assert!(again.matches("http/1.1 200 ").count() == 1, "a second request that is half there: {again}");
    raw(&app, PREFACE).await;
    raw(&app, [PREFACE, SETTINGS].concat()).await;
    // HEADERS of a stream, 255 bytes long, of which one comes.
    raw(&app, [PREFACE, SETTINGS, &b"\0\0\xff\x01\x05\0\0\0\x01\x82"[..]].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_given_up() {
    let timeout = Duration::from_millis(200);
    let app = TestApp::start_with(Backend::Sqlite, |config| config.body_timeout = timeout).await;
    let head = "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    for begin in [
        format!("{head}content-length: 1000000\r\n\r\n{{"),
        format!("{head}transfer-encoding: chunked\r\n\r\nfffff\r\n{{"),
    ] {
        for answer in [raw(&app, &begin).await, raw_slowly(&app, &begin).await] {
            assert!(answer.starts_with("http/1.1 408 ") && answer.contains("\"timeout\""), "{begin}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_too_large_is_refused() {
    let app = TestApp::start_with(Backend::Sqlite, |config| config.max_header_bytes = 8192).await;
    let head = |more: &str| format!("GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{more}\r\n");
    let large = |bytes: usize| head(&format!("x-large: {}\r\n", "a".repeat(bytes)));
    assert!(raw(&app, large(7000)).await.starts_with("http/1.1 200 "));
    let refused = raw(&app, large(12_000)).await;
    assert!(refused.starts_with("http/1.1 431 "), "{refused}");
    let many = (0..150).map(|i| format!("x-{i}: a\r\n")).collect::<Vec<_>>().concat();
    let refused = raw(&app, head(&many)).await;
    assert!(refused.starts_with("http/1.1 431 "), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_readers_would_read_differently_is_refused() {
    let app = TestApp::start(Backend::Sqlite).await;
    for smuggled in [
        "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\n{}",
        "POST /graphql HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "GET /health/live HTTP/1.1\r\nhost : a\r\n\r\n",
        "GET /health/live HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n",
    ] {
        let answer = raw(&app, smuggled).await;
        assert!(answer.starts_with("http/1.1 400 "), "{smuggled:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_more_than_there_may_be_waits_for_a_place() {
    let app = TestApp::start_with(Backend::Sqlite, |config| config.max_connections = 1).await;
    let request = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut first = TcpStream::connect(app.address).await.unwrap();
    let mut second = TcpStream::connect(app.address).await.unwrap();
    second.write_all(request).await.unwrap();
    let mut answer = [0; 12];
    for _ in 0..3 {
        first.write_all(request).await.unwrap();
        first.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        // The rest of it, which ends so.
        while first.read_u8().await.unwrap() != b'}' {}
    }
    let waiting = second.try_read(&mut answer);
    assert_eq!(waiting.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "three answers later");
    drop(first);
    second.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_to_stop_answers_what_is_under_way() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (its_begun, its_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let answer = move || async move {
        its_begun.notify_one();
        its_go_on.notified().await;
        "done"
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections { most: 10, header_timeout: Duration::from_hours(1), max_header_bytes: 8192 };
    let (stop, stopped) = oneshot::channel::<()>();
    let router = Router::new().route("/", get(answer));
    let server = tokio::spawn(serve(listener, router, connections, async {
        let _ = stopped.await;
    }));
    let mut silent = TcpStream::connect(address).await.unwrap();
    let asked = tokio::spawn(http_client().get(format!("http://{address}/")).send());
    begun.notified().await;
    stop.send(()).unwrap();
    assert_eq!(until_closed(&mut silent).await, "", "it has nothing under way");
    go_on.notify_one();
    assert_eq!(asked.await.unwrap().unwrap().text().await.unwrap(), "done");
    server.await.unwrap();
}
