//! Documents that are kept under an id, and a service that executes no others.

use std::{io::Write, path::PathBuf};

use rollcall::{app::Ambient, app::App, config::Config, demo::cast};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::support::{Backend, Client, PASSWORD, TestApp, http_client};

const SIGN_IN: &str = "mutation SignIn($input: SignInInput!) { signIn(input: $input) { token } }";
const CHILDREN: &str = "query Children($first: Int = 5) { students(first: $first) { edges { node { name } } } }";

fn id_of(document: &str) -> String {
    Sha256::digest(document).iter().fold("sha256:".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

/// A manifest of these documents, under these ids.
fn manifest(documents: &[(String, &str)]) -> NamedTempFile {
    let documents: serde_json::Map<String, Value> =
        documents.iter().map(|(id, document)| (id.clone(), json!(document))).collect();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(Value::Object(documents).to_string().as_bytes()).unwrap();
    file
}

fn keep(config: &mut Config, file: &NamedTempFile) {
    config.persisted_documents = Some(PathBuf::from(file.path()));
    config.persisted_documents_only = true;
}

/// Sends a body as it is.
async fn send(app: &TestApp, client: &Client, body: Value) -> Value {
    let mut request = http_client().post(app.url("/graphql")).json(&body);
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap().json().await.unwrap()
}

async fn sign_in(app: &TestApp, identifier: &str) -> Client {
    let variables = json!({"input": {"identifier": identifier, "password": PASSWORD}});
    let body = json!({"documentId": id_of(SIGN_IN), "variables": variables});
    let answer = send(app, &app.anonymous(), body).await;
    Client::new(app.url("/graphql"), Some(answer["data"]["signIn"]["token"].as_str().unwrap().to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_kept_documents_are_executed_but_for_administrators_and_keys() {
    let file = manifest(&[(id_of(SIGN_IN), SIGN_IN), (id_of(CHILDREN), CHILDREN)]);
    let app = TestApp::start_with(Backend::Sqlite, |config| keep(config, &file)).await;
    let parent = sign_in(&app, cast::PARENT).await;
    let kept = json!({"documentId": id_of(CHILDREN), "variables": {"first": 1}});
    let answer = send(&app, &parent, kept.clone()).await;
    assert_eq!(answer["data"]["students"]["edges"].as_array().unwrap().len(), 1, "{answer}");
    let apollo =
        json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": &id_of(CHILDREN)["sha256:".len()..]}}});
    assert_eq!(send(&app, &parent, apollo).await["data"]["students"]["edges"].as_array().unwrap().len(), 2);

    for who in [cast::PARENT, cast::STUDENT, cast::TEACHER, cast::HOD, cast::ADMISSION] {
        // A document to the letter like a kept one is not named by its id either.
        for query in ["{ institute { name } }", CHILDREN] {
            let answer = sign_in(&app, who).await.ask(query).await;
            assert_eq!(
                (&answer.data, &answer.errors[0]["extensions"]["code"]),
                (&Value::Null, &json!("FORBIDDEN")),
                "{who}"
            );
        }
    }
    let answer = app.anonymous().ask(SIGN_IN).await;
    assert_eq!(answer.data, Value::Null, "not even to sign in");

    let admin = sign_in(&app, cast::ADMIN).await;
    admin.data("{ institute { name } }").await;
    let make = "mutation($scope: ApiKeyScope!) { createApiKey(input: {name: \"a\", scope: $scope, expiresInDays: 1}) { key } }";
    let key = admin.ask_with(make, json!({"scope": "ADMISSION_READ"})).await.ok();
    let key = key.at("/createApiKey/key").as_str().unwrap().to_owned();
    Client::new(app.url("/graphql"), Some(key)).data("{ students(first: 1) { totalCount } }").await;

    for unknown in ["sha256:00", "", "nonsense"] {
        let answer = send(&app, &parent, json!({"documentId": unknown})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{unknown:?}");
        assert!(answer.get("data").is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_document_is_within_the_limits_and_the_walls_as_any_other() {
    let wide = "query Wide($n: Int!) { students(first: $n) { edges { node { attendanceRecords(first: $n) { edges { node { \
                student { attendanceRecords(first: $n) { edges { node { id } } } } } } } } } } }";
    let file = manifest(&[(id_of(wide), wide), (id_of(CHILDREN), CHILDREN)]);
    let app =
        TestApp::start_with(Backend::Sqlite, |config| config.persisted_documents = Some(PathBuf::from(file.path())))
            .await;
    let parent = app.sign_in(cast::PARENT).await;
    let answer = send(&app, &parent, json!({"documentId": id_of(wide), "variables": {"n": 100}})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    assert!(
        parent.data("{ institute { name } }").await["institute"]["name"].is_string(),
        "others are executed too here"
    );
    let answer = send(&app, &app.anonymous(), json!({"documentId": id_of(CHILDREN)})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let get =
        http_client().get(format!("{}?documentId={}", app.url("/graphql"), id_of(CHILDREN))).send().await.unwrap();
    assert_eq!(get.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_document_keeps_the_service_from_starting() {
    let app = TestApp::start(Backend::Sqlite).await;
    let deep = format!(
        "{{ students {{ edges {{ node {{ {} name {} }} }} }} }}",
        "course { hod { headedCourses { ".repeat(5),
        "} } }".repeat(5)
    );
    for (id, document, problem) in [
        (id_of("{"), "{", "expected"),
        (id_of("{ nothing }"), "{ nothing }", "nothing"),
        (id_of("{ institute { name } }"), "{ viewer { roles } }", "is not the id"),
        (id_of(&deep), deep.as_str(), "depth"),
    ] {
        let file = manifest(&[(id.clone(), document)]);
        let mut config = app.config.clone();
        keep(&mut config, &file);
        let error = App::build(config, Ambient::default()).await.err().expect("it does not start").report();
        assert!(error.contains(&id) && error.contains(problem), "{error}");
    }
    let mut config = app.config.clone();
    config.persisted_documents = Some(PathBuf::from("/nowhere/documents.json"));
    let error = App::build(config, Ambient::default()).await.err().expect("it does not start").report();
    assert!(error.contains("/nowhere/documents.json"), "{error}");
}
