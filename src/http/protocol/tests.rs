use async_graphql::{PathSegment, value};
use axum::body::to_bytes;
use serde_json::{Value as Json, json};

use super::*;

const GRAPHQL: &str = "application/graphql-response+json";

fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
    let pairs = pairs.iter().cloned();
    pairs.map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

fn post(body: &str) -> Result<(Asked, Accept), Rejection> {
    let headers = headers(&[(header::CONTENT_TYPE, "application/json")]);
    parse(&Method::POST, &Uri::from_static("/graphql"), &headers, body.as_bytes())
}

fn get(uri: &'static str) -> Result<(Asked, Accept), Rejection> {
    parse(&Method::GET, &Uri::from_static(uri), &HeaderMap::new(), b"")
}

fn refused(parsed: Result<(Asked, Accept), Rejection>) -> (u16, String) {
    let rejection = parsed.unwrap_err();
    (rejection.status().as_u16(), rejection.message)
}

async fn sent(response: HttpResponse) -> (u16, HeaderMap, Json) {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&body).unwrap())
}

fn field_error(code: Option<&str>) -> ServerError {
    let mut error = ServerError::new("no", None);
    error.path = vec![PathSegment::Field("student".to_owned()), PathSegment::Index(0)];
    if let Some(code) = code {
        error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code);
    }
    error
}

#[test]
fn the_media_type_is_negotiated() {
    let negotiated = |accept| Accept::negotiate(&headers(&[(header::ACCEPT, accept)]));
    let graphql = Some(Accept::GraphqlResponse);
    let json = Some(Accept::Json);
    assert_eq!(Accept::negotiate(&HeaderMap::new()), json);
    for (accept, expected) in [
        ("", json),
        ("*/*", json),
        ("application/*", json),
        ("application/json", json),
        ("Application/JSON; charset=UTF-8", json),
        ("text/html, */*;q=0.1", json),
        (GRAPHQL, graphql),
        ("application/graphql-response+json, application/json;q=0.9", graphql),
        ("application/json, application/graphql-response+json", graphql),
        ("application/graphql-response+json, */*", graphql),
        ("application/graphql-response+json;q=0.5, application/json", json),
        ("application/graphql-response+json;q=0, */*", json),
        ("application/json;q=0, */*", graphql),
        ("application/json;charset=latin1", None),
        ("text/html", None),
        ("*/*;q=0", None),
    ] {
        assert_eq!(negotiated(accept), expected, "{accept}");
    }
    let mut several = headers(&[(header::ACCEPT, "text/html")]);
    several.append(header::ACCEPT, HeaderValue::from_static(GRAPHQL));
    assert_eq!(Accept::negotiate(&several), graphql);
}

#[test]
fn server_sent_events_are_for_who_names_them() {
    let negotiated = |accept: &'static str| {
        let headers = headers(&[(header::ACCEPT, accept), (header::CONTENT_TYPE, "application/json")]);
        parse(&Method::POST, &Uri::from_static("/graphql"), &headers, br#"{"query": "{ x }"}"#).unwrap().0.events
    };
    for (accept, expected, query, subscription) in [
        ("", Events::No, false, false),
        ("*/*", Events::No, false, false),
        ("text/event-stream;q=0, */*", Events::No, false, false),
        ("application/json, Text/Event-Stream", Events::Also, false, true),
        ("text/event-stream, */*;q=0.1", Events::Also, false, true),
        ("text/event-stream", Events::Only, true, true),
    ] {
        let events = negotiated(accept);
        assert_eq!(events, expected, "{accept}");
        assert_eq!((events.are_for(false), events.are_for(true)), (query, subscription), "{accept}");
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_406() {
    let headers = headers(&[(header::ACCEPT, "text/html")]);
    let uri = Uri::from_static("/graphql?query={x}");
    let rejection = parse(&Method::GET, &uri, &headers, b"").unwrap_err();
    let (status, headers, _) = sent(rejection.into_response()).await;
    assert_eq!(status, 406);
    assert_eq!(headers[header::CONTENT_TYPE], "application/json; charset=utf-8");
}

#[test]
fn a_body_is_read() {
    let (Asked { request, document_id, only_reads, .. }, accept) = post(
        r#"{"query": "{ x }", "operationName": "A", "variables": {"a": [1]}, "extensions": {"b": 2}, "other": 3}"#,
    )
    .unwrap();
    assert_eq!(request.query, "{ x }");
    assert_eq!(request.operation_name.as_deref(), Some("A"));
    assert_eq!(request.variables.into_value(), value!({ "a": [1] }));
    assert_eq!(request.extensions.0["b"], value!(2));
    assert_eq!((accept, document_id, only_reads), (Accept::Json, None, false));
    let nulls = r#"{"query": "{ x }", "operationName": null, "variables": null, "extensions": null}"#;
    assert_eq!(post(nulls).unwrap().0.request.operation_name, None);
}

#[test]
fn malformed_bodies_are_400() {
    for (body, message) in [
        ("", "The body is not JSON: EOF while parsing a value at line 1 column 0."),
        ("1", "The body has to be an object."),
        (r#"[{"query": "{ x }"}]"#, "Batches are not supported."),
        (r#"{"query": ["{ x }"]}"#, "query has to be a string."),
        (r#"{"query": "{ x }", "operationName": 1}"#, "operationName has to be a string."),
        (r#"{"query": "{ x }", "variables": []}"#, "variables has to be an object."),
        (r#"{"query": "{ x }", "variables": "{}"}"#, "variables has to be an object."),
        (r#"{"query": "{ x }", "extensions": false}"#, "extensions has to be an object."),
    ] {
        assert_eq!(refused(post(body)), (400, message.to_owned()), "{body}");
    }
}

#[test]
fn other_bodies_than_json_in_utf_8_are_415() {
    let status = |content_type: &[_]| {
        let body = br#"{"query": "{ x }"}"#;
        let uri = Uri::from_static("/graphql");
        let parsed = parse(&Method::POST, &uri, &headers(content_type), body);
        parsed.map_err(|rejection| rejection.status().as_u16()).err()
    };
    assert_eq!(status(&[]), Some(415));
    assert_eq!(status(&[(header::CONTENT_TYPE, "text/plain")]), Some(415));
    assert_eq!(status(&[(header::CONTENT_TYPE, "application/json; charset=latin1")]), Some(415));
    assert_eq!(status(&[(header::CONTENT_TYPE, "Application/JSON; Charset=\"UTF-8\"")]), None);
}

#[test]
fn a_query_string_is_read() {
    let (Asked { request, only_reads, .. }, _) =
        get("/graphql?query=query+A($a:Int){x}&operationName=A&variables=%7B%22a%22:1%7D&extensions=&other=1").unwrap();
    assert_eq!(request.query, "query A($a:Int){x}");
    assert!(only_reads, "which the execution sees to");
    assert_eq!(request.operation_name.as_deref(), Some("A"));
    assert_eq!(request.variables.into_value(), value!({ "a": 1 }));
    assert_eq!(get("/graphql?query={x}&operationName=").unwrap().0.request.operation_name, None);
    assert_eq!(refused(get("/graphql")).0, 400);
    assert_eq!(refused(get("/graphql?query={x}&variables=[]")).0, 400);
    assert_eq!(refused(get("/graphql?query={x}&variables=nonsense")).0, 400);
}

#[tokio::test]
async fn only_queries_go_by_get() {
    for query in ["query+A{x}mutation+B{x}", "mutation{x}", "{"] {
        let uri: Uri = format!("/graphql?query={query}").parse().unwrap();
        let (asked, _) = parse(&Method::GET, &uri, &HeaderMap::new(), b"").unwrap();
        assert!(asked.only_reads, "what it is, is for who reads the document to see");
    }
    let (status, headers, body) = sent(Rejection::only_reads().into_response()).await;
    assert_eq!((status, &headers[header::ALLOW]), (405, &HeaderValue::from_static("POST")));
    let message = "Only queries can be executed by GET.";
    let error = json!({ "message": message, "extensions": { "code": "BAD_USER_INPUT" } });
    assert_eq!(body, json!({ "errors": [error] }));
}

#[test]
fn a_document_is_sent_or_named() {
    let id = |body: &str| post(body).map(|(asked, _)| asked.document_id);
    assert_eq!(id(r#"{"documentId": "sha256:ab"}"#).unwrap().as_deref(), Some("sha256:ab"));
    let apollo = r#"{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}"#;
    assert_eq!(id(apollo).unwrap().as_deref(), Some("sha256:ab"));
    assert_eq!(get("/graphql?documentId=sha256:ab").unwrap().0.document_id.as_deref(), Some("sha256:ab"));
    for (body, message) in [
        ("{}", "There has to be a query, or a documentId."),
        (r#"{"query": "{ x }", "documentId": "a"}"#, "query and documentId exclude one another."),
        (r#"{"documentId": 7}"#, "documentId has to be a string."),
    ] {
        assert_eq!(refused(post(body)), (400, message.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn other_methods_are_405() {
    let uri = Uri::from_static("/graphql?query={x}");
    let accept = headers(&[(header::ACCEPT, GRAPHQL)]);
    let rejection = parse(&Method::PUT, &uri, &accept, b"").unwrap_err();
    let (status, headers, _) = sent(rejection.into_response()).await;
    assert_eq!((status, &headers[header::ALLOW]), (405, &HeaderValue::from_static("GET, POST")));
    assert_eq!(headers[header::CONTENT_TYPE], format!("{GRAPHQL}; charset=utf-8"));
}

#[tokio::test]
async fn what_was_not_executed_has_no_data() {
    for (accept, expected) in [(Accept::GraphqlResponse, 400), (Accept::Json, 200)] {
        let response = Response::from_errors(vec![ServerError::new("no", None)]);
        let (status, headers, body) = sent(respond(response, accept)).await;
        assert_eq!(status, expected);
        assert_eq!(headers[header::CONTENT_TYPE], accept.content_type());
        let error = json!({ "message": "no", "extensions": { "code": "BAD_USER_INPUT" } });
        assert_eq!(body, json!({ "errors": [error] }));
    }
}

#[tokio::test]
async fn errors_of_fields_are_200() {
    let mut response = Response::new(Value::Null);
    response.errors = vec![field_error(None), field_error(Some("UNAUTHENTICATED"))];
    let (status, _, body) = sent(respond(response, Accept::GraphqlResponse)).await;
    assert_eq!(status, 200);
    let error = |code| json!({ "message": "no", "path": ["student", 0], "extensions": { "code": code } });
    let errors = [error("INTERNAL"), error("UNAUTHENTICATED")];
    assert_eq!(body, json!({ "errors": errors, "data": null }));
}

#[tokio::test]
async fn errors_come_first_and_headers_are_kept() {
    let mut response = Response::new(value!({ "b": 1, "a": 2 })).extension("e", value!(3));
    response.errors = vec![field_error(None)];
    response.http_headers = headers(&[(header::SET_COOKIE, "a=1")]);
    response.http_headers.append(header::SET_COOKIE, HeaderValue::from_static("b=2"));
    let response = respond(response, Accept::Json);
    assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().count(), 2);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let error = r#"{"message":"no","path":["student",0],"extensions":{"code":"INTERNAL"}}"#;
    let rest = r#""data":{"b":1,"a":2},"extensions":{"e":3}"#;
    assert_eq!(body, format!(r#"{{"errors":[{error}],{rest}}}"#));
}
