//! Push messages, as FCM is given them: the tokens that they go by, what they hold, and what becomes of each answer.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use rollcall::{
    app::{Ambient, App},
    config::Environment,
    events::model::EventKind,
    messages::{Address, Content, Failure, Language, Message, News},
};
use serde_json::{Value, json};

use crate::support::{Backend, FakeFcm, Refusal, TestApp, free_port, redis_url};

const DEVICE: &str = "device-token-1";

fn news(number: u32) -> News {
    News {
        kind: EventKind::StudentAbsent,
        notification: format!("notification-{number}"),
        subject: format!("subject-{number}"),
        student: Some("Asha Rai".to_owned()),
        title: Some("Mathematics of parent@example.org, +9779800000001".to_owned()),
        days: chrono::NaiveDate::from_ymd_opt(2026, 3, 20).map(|day| (day, day)),
        time: None,
        granted: None,
    }
}

async fn push(app: &TestApp, key: &str, news: Vec<News>) -> Result<(), Failure> {
    let message = Message {
        to: Address::Device(DEVICE.to_owned()),
        language: Language::English,
        institute: "Hill School".to_owned(),
        content: Content::News(news),
    };
    app.api.services().messages.deliver(&message, key).await
}

async fn push_one(app: &TestApp) -> Result<(), Failure> {
    push(app, "a", vec![news(1)]).await
}

/// An application that pushes to an FCM of the test's own.
async fn start() -> (TestApp, FakeFcm) {
    let app = TestApp::start(Backend::Sqlite).await;
    let fcm = FakeFcm::start(&app.clock).await;
    let app = app.beside_with(|config| fcm.configure(config)).await;
    (app, fcm)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_exchanged_once_and_kept_until_shortly_before_its_end() {
    let (app, fcm) = start().await;
    for result in join_all((0..20).map(|_| push_one(&app))).await {
        result.unwrap();
    }
    assert_eq!((fcm.exchanges(), fcm.sent().len()), (1, 20), "whoever comes at once waits for one exchange");
    app.clock.advance(TimeDelta::minutes(58));
    push_one(&app).await.unwrap();
    assert_eq!(fcm.exchanges(), 1);
    app.clock.advance(TimeDelta::minutes(1));
    push_one(&app).await.unwrap();
    assert_eq!((fcm.exchanges(), fcm.sent().len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_taken_back_is_renewed_once() {
    let (app, fcm) = start().await;
    push_one(&app).await.unwrap();
    fcm.revoke();
    push_one(&app).await.unwrap();
    assert_eq!((fcm.exchanges(), fcm.sent().len()), (2, 2));
    // Where a new one does not help it is not asked for again and again.
    let ours = Refusal { status: 401, retry_after: None, error: json!({"status": "UNAUTHENTICATED"}) };
    fcm.fails([ours.clone(), ours]);
    let failure = push_one(&app).await.unwrap_err();
    assert_eq!((failure.again, failure.gone, fcm.exchanges()), (false, false, 3), "{failure:?}");
    push_one(&app).await.unwrap();
    assert_eq!(fcm.exchanges(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_no_token_sends_nothing() {
    let (app, fcm) = start().await;
    let of = |status, error: &str| Refusal { status, retry_after: Some("30"), error: json!({"error": error}) };
    fcm.gives_no_token([of(400, "invalid_grant"), of(503, "rollcall@the-project is busy")]);
    let failure = push_one(&app).await.unwrap_err();
    assert_eq!((failure.again, &*failure.cause), (false, "the token endpoint answered 400 invalid_grant"));
    let failure = push_one(&app).await.unwrap_err();
    assert_eq!((failure.again, failure.after), (true, Some(Duration::from_secs(30))));
    assert_eq!(failure.cause, "the token endpoint answered 503", "and none of its words");
    assert_eq!(fcm.sent().len(), 0);
    push_one(&app).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_answer_of_fcm_says_what_becomes_of_the_message_and_of_the_device() {
    let (app, fcm) = start().await;
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (refusal, again, after, gone) in [
        (Refusal::of(404, "UNREGISTERED"), false, None, true),
        (Refusal::of(403, "SENDER_ID_MISMATCH"), false, None, false),
        (Refusal::of(401, "THIRD_PARTY_AUTH_ERROR"), false, None, false),
        (Refusal::of(400, "INVALID_ARGUMENT"), false, None, false),
        (Refusal::of(429, "QUOTA_EXCEEDED"), true, seconds(60), false),
        (Refusal::of(429, "QUOTA_EXCEEDED").later("120"), true, seconds(120), false),
        (Refusal::of(503, "UNAVAILABLE").later("Fri, 20 Mar 2026 12:01:30 GMT"), true, seconds(90), false),
        (Refusal::of(500, "INTERNAL"), true, None, false),
    ] {
        let shown = format!("{refusal:?}");
        fcm.fails([refusal]);
        let failure = push_one(&app).await.unwrap_err();
        assert_eq!((failure.again, failure.after, failure.gone), (again, after, gone), "{shown}");
        for secret in [DEVICE, "access-token", "Asha", "is refused"] {
            assert!(!failure.cause.contains(secret), "{secret} in {}", failure.cause);
        }
    }
    push_one(&app).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_answers_it_is_tried_again() {
    let (app, fcm) = start().await;
    let nowhere = app.beside_with(|config| {
        fcm.configure(config);
        config.fcm_url = Some(format!("http://127.0.0.1:{}", free_port()));
    });
    let failure = push_one(&nowhere.await).await.unwrap_err();
    assert_eq!((failure.again, failure.after, failure.gone), (true, None, false), "{failure:?}");
    assert_eq!(failure.cause, "no connection to FCM, or it broke");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_holds_ids_and_nothing_of_a_person() {
    let (app, fcm) = start().await;
    push(&app, "deliver:1:account-7", vec![news(1), news(2), news(3)]).await.unwrap();
    push(&app, "deliver:1:account-7", vec![news(1), news(2), news(3)]).await.unwrap();
    push(&app, "deliver:2:account-7", vec![News { kind: EventKind::NoticePublished, ..news(4) }]).await.unwrap();
    let sent = fcm.sent();
    for body in &sent {
        let text = body.to_string();
        for personal in ["Asha", "Rai", "Mathematics", "example.org", "+977", "2026", "Hill School", "account-7"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
        let message = &body["message"];
        assert_eq!(message["token"], DEVICE);
        assert!(message["data"].as_object().unwrap().values().all(Value::is_string), "FCM takes texts alone: {text}");
        assert!(message.get("notification").is_none(), "no words of ours: {text}");
    }
    let data = |index: usize| sent[index]["message"]["data"].clone();
    let key = data(0)["key"].as_str().unwrap().to_owned();
    let newest = json!({"kind": "STUDENT_ABSENT", "notificationId": "notification-3", "subjectId": "subject-3", "count": "3", "key": key});
    assert_eq!((data(0), data(1)), (newest.clone(), newest), "a repeat is known by its key");
    assert_ne!(data(2)["key"], key.as_str());
    let apns = &sent[0]["message"]["apns"];
    assert_eq!(apns["headers"], json!({"apns-push-type": "alert", "apns-priority": "10", "apns-collapse-id": key}));
    assert_eq!(apns["payload"]["aps"]["alert"], json!({"loc-key": "STUDENT_ABSENT"}), "the words are the app's own");
    let priority = |index: usize| sent[index]["message"]["android"]["priority"].clone();
    assert_eq!((priority(0), priority(2)), (json!("HIGH"), json!("NORMAL")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_together_send_so_many_a_minute() {
    let app = TestApp::start_with(Backend::Sqlite, |config| config.redis_url = Some(redis_url().into())).await;
    let fcm = FakeFcm::start(&app.clock).await;
    let limited = || {
        app.beside_with(|config| {
            fcm.configure(config);
            config.fcm_per_minute = 3;
        })
    };
    let (here, there) = (limited().await, limited().await);
    for app in [&here, &there, &here] {
        push_one(app).await.unwrap();
    }
    app.clock.advance(TimeDelta::seconds(20));
    for app in [&here, &there] {
        let failure = push_one(app).await.unwrap_err();
        let rest = Some(Duration::from_secs(40));
        assert_eq!((failure.full, failure.after, failure.gone), (true, rest, false), "{failure:?}");
    }
    assert_eq!(fcm.sent().len(), 3, "what is beyond is not sent");
    app.clock.advance(TimeDelta::seconds(40));
    for app in [&there, &there, &here] {
        push_one(app).await.unwrap();
    }
    assert!(push_one(&there).await.is_err());
    assert_eq!(fcm.sent().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_account_nothing_is_pushed_and_a_wrong_one_is_said_at_the_start() {
    let (app, fcm) = start().await;
    let off = app
        .beside_with(|config| {
            config.environment = Environment::Production;
            config.fcm_credentials = None;
        })
        .await;
    let failure = push_one(&off).await.unwrap_err();
    assert_eq!((failure.again, failure.gone, &*failure.cause), (false, false, "FCM_CREDENTIALS is not set"));

    let right: Value = serde_json::from_str(&std::fs::read_to_string(fcm.file()).unwrap()).unwrap();
    for (field, wrong, expected) in [
        ("private_key", "the secret", "private_key is no RSA key in PEM"),
        ("project_id", "../the secret", "project_id is not the id of a project"),
        ("token_uri", "http://the-secret.example/token", "token_uri is not encrypted"),
        ("token_uri", "the secret", "not the key of a service account"),
    ] {
        let mut account = right.clone();
        account[field] = json!(wrong);
        std::fs::write(fcm.file(), account.to_string()).unwrap();
        let Err(error) = App::build(app.config.clone(), Ambient::default()).await else { panic!("{field} {wrong}") };
        let report = error.report();
        assert!(report.contains("FCM_CREDENTIALS") && report.contains(expected), "{report}");
        assert!(!report.contains("secret"), "{report}");
    }
}
