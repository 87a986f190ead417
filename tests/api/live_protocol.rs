//! graphql-transport-ws, message by message and code by code; who may open a connection, and how many.

use std::time::Duration;

use rollcall::demo::cast;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Backend, Client, Events, Said, Socket, TestApp, http_client, process::comes};

const NOTICES: &str = "subscription { noticePublished { kind } }";
const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

async fn closed(mut socket: Socket, message: Value) -> Said {
    socket.say(message).await;
    socket.next().await
}

/// Whether there is a place for one more connection of a client's.
async fn is_let_in(app: &TestApp, client: &Client) -> bool {
    let mut socket = Socket::speaking(app).await;
    socket.begin(client).await;
    let said = socket.next().await;
    assert!(said == Said::Closed(1013) || said == Said::Message(json!({"type": "connection_ack"})), "{said:?}");
    said != Said::Closed(1013)
}

fn cookie(client: &Client) -> String {
    format!("rollcall={}", client.token.clone().unwrap())
}

on_both! {
    async fn each_breach_is_closed_with_its_code(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let subscribe = json!({"type": "subscribe", "id": "1", "payload": {"query": NOTICES}});
        let init = json!({"type": "connection_init"});
        assert_eq!(closed(Socket::speaking(&app).await, subscribe.clone()).await, Said::Closed(4401));
        assert_eq!(closed(Socket::speaking(&app).await, init.clone()).await, Said::Closed(4403), "nobody");
        assert_eq!(closed(Socket::of(&app, &parent).await, init).await, Said::Closed(4429));
        let mut unknown = Socket::speaking(&app).await;
        unknown.begin(&Client::new(app.url("/graphql"), Some("nobody's".to_owned()))).await;
        assert_eq!(unknown.next().await, Said::Closed(4403));
        let mut twice = Socket::of(&app, &parent).await;
        twice.say(subscribe.clone()).await;
        assert_eq!(closed(twice, subscribe).await, Said::Closed(4409));
        for invalid in [
            json!({"type": "next", "id": "1"}),
            json!({"type": "subscribe", "id": "", "payload": {"query": NOTICES}}),
            json!({"type": "subscribe", "id": "1".repeat(200), "payload": {"query": NOTICES}}),
            json!({"type": "subscribe", "id": "1", "payload": {"query": 1}}),
            json!({"type": "subscribe", "id": "1", "payload": {}}),
            json!({"type": "subscribe", "id": "1", "payload": "{ x }"}),
            json!([]),
        ] {
            assert_eq!(closed(Socket::of(&app, &parent).await, invalid.clone()).await, Said::Closed(4400), "{invalid}");
        }
        let mut binary = Socket::of(&app, &parent).await;
        binary.send(Message::binary(b"{}".to_vec())).await;
        assert_eq!(binary.next().await, Said::Closed(4400));
        let large = json!({"type": "ping", "payload": {"a": "x".repeat(app.config.max_body_bytes)}});
        assert_eq!(closed(Socket::of(&app, &parent).await, large).await, Said::Closed(1009));
        for offered in [&[][..], &[("sec-websocket-protocol", "graphql-ws")]] {
            // A client that would not hear of another protocol gives up by itself.
            if let Ok(mut socket) = Socket::open(&app, offered).await {
                assert_eq!(socket.next().await, Said::Closed(4406), "{offered:?}");
            }
        }
    }

    async fn signs_of_life_are_answered_and_operations_end_where_the_client_says_so(app: TestApp) {
        let mut socket = Socket::speaking(&app).await;
        socket.say(json!({"type": "ping", "payload": {"a": 1}})).await;
        assert_eq!(socket.next().await, Said::Message(json!({"type": "pong", "payload": {"a": 1}})), "before it begins");
        let mut socket = Socket::of(&app, &app.sign_in(cast::PARENT).await).await;
        socket.say(json!({"type": "pong"})).await;
        socket.subscribe("1", NOTICES, json!({})).await;
        socket.say(json!({"type": "complete", "id": "1"})).await;
        socket.say(json!({"type": "complete", "id": "never"})).await;
        // So the id is free again.
        socket.subscribe("1", "{ institute { name } }", json!({})).await;
        socket.payload("next", "1").await;
        assert_eq!(socket.payload("complete", "1").await, Value::Null);
        app.happens("NOTICE_PUBLISHED", 1, &["everybody"]).await;
        assert!(socket.is_silent().await);
    }

    async fn an_operation_that_is_wrong_is_refused_and_the_connection_goes_on(app: TestApp) {
        let mut socket = Socket::of(&app, &app.sign_in(cast::PARENT).await).await;
        for (i, wrong) in [
            "subscription {",
            "subscription { nothing { kind } }",
            "subscription { noticePublished { kind } meetingChanged { kind } }",
            "subscription { __typename }",
            "subscription($no: Boolean = false) { noticePublished @include(if: $no) { kind } }",
            "subscription { noticePublished }",
        ].into_iter().enumerate() {
            let id = i.to_string();
            socket.subscribe(&id, wrong, json!({})).await;
            assert_eq!(socket.refusal(&id).await, "BAD_USER_INPUT", "{wrong}");
        }
        let deep = format!("subscription {{ noticePublished {{ {} }} }}", "a: kind ".repeat(2000));
        socket.subscribe("deep", &deep, json!({})).await;
        assert_eq!(socket.refusal("deep").await, "LIMIT_EXCEEDED");
        socket.subscribe("f", "subscription { ...N } fragment N on Subscription { noticePublished { kind } }", json!({})).await;
        assert!(socket.is_silent().await, "a fragment is as good");
    }

    async fn of_operations_that_share_a_fragment_the_one_that_is_named_goes_on(app: TestApp) {
        let mut socket = Socket::of(&app, &app.sign_in(cast::ADMIN).await).await;
        let query = "subscription A { ...N } subscription B { ...N } fragment N on Subscription { noticePublished { ...K } } \
            fragment K on NoticePublished { kind }";
        let subscribe = |id: &str, name: &str, query: &str| {
            json!({"type": "subscribe", "id": id, "payload": {"query": query, "operationName": name}})
        };
        socket.say(subscribe("1", "B", query)).await;
        socket.say(subscribe("2", "C", query)).await;
        assert_eq!(socket.refusal("2").await, "BAD_USER_INPUT", "there is none of this name");
        // A fragment that no operation spreads is no valid document, as for a query.
        socket.say(subscribe("3", "A", &format!("{query} fragment U on NoticePublished {{ kind }}"))).await;
        assert_eq!(socket.refusal("3").await, "BAD_USER_INPUT");
        sleep(Duration::from_millis(500)).await;
        let notice = app.number("SELECT MIN(id) FROM notices").await;
        app.happens("NOTICE_PUBLISHED", notice, &["everybody"]).await;
        assert_eq!(socket.payload("next", "1").await["data"]["noticePublished"]["kind"], "NOTICE_PUBLISHED");
    }

    async fn over_http_alone_a_subscription_is_refused(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let answer = parent.ask(NOTICES).await;
        assert_eq!(answer.errors[0]["extensions"]["code"], "BAD_USER_INPUT");
        let get = |accept: &'static str| {
            let request = http_client().get(app.url("/graphql?query=subscription%7BnoticePublished%7Bkind%7D%7D"));
            request.bearer_auth(parent.token.as_ref().unwrap()).header("accept", accept).send()
        };
        assert_eq!(get("application/json").await.unwrap().status(), 405);
        let events = get("text/event-stream").await.unwrap();
        assert_eq!((events.status().as_u16(), &events.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    }

    async fn the_cookie_opens_a_connection_for_our_own_pages_alone(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let (cookie, own) = (cookie(&parent), format!("http://{}", app.address));
        let mut socket = Socket::open(&app, &[PROTOCOL, ("cookie", &cookie), ("origin", &own)]).await.unwrap();
        socket.say(json!({"type": "connection_init"})).await;
        assert_eq!(socket.next().await, Said::Message(json!({"type": "connection_ack"})));
        for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
            let refused = Socket::open(&app, &[PROTOCOL, ("cookie", &cookie), (name, value)]).await.err();
            assert_eq!(refused, Some(403), "{name}: {value}");
        }
        let bearer = format!("Bearer {}", parent.token.clone().unwrap());
        let mut app_of_theirs = Socket::open(&app, &[PROTOCOL, ("authorization", &bearer)]).await.unwrap();
        app_of_theirs.say(json!({"type": "connection_init"})).await;
        assert_eq!(app_of_theirs.next().await, Said::Message(json!({"type": "connection_ack"})));
    }

    async fn there_are_so_many_operations_and_connections(app: TestApp) {
        let small = app.beside_with(|config| (config.max_subscriptions, config.max_live_connections) = (2, 2)).await;
        let parent = small.sign_in(cast::PARENT).await;
        let mut socket = Socket::of(&small, &parent).await;
        for id in ["1", "2"] {
            socket.subscribe(id, NOTICES, json!({})).await;
        }
        socket.subscribe("3", NOTICES, json!({})).await;
        assert_eq!(socket.refusal("3").await, "LIMIT_EXCEEDED");
        let events = Events::open(&small, &parent, NOTICES, json!({})).await;
        assert!(!is_let_in(&small, &parent).await);
        let request = http_client().post(small.url("/graphql")).json(&json!({"query": NOTICES}));
        let request = request.bearer_auth(parent.token.as_ref().unwrap()).header("accept", "text/event-stream");
        assert_eq!(request.send().await.unwrap().status(), 429);
        // Somebody else has places of their own, and one that is given up is free.
        Socket::of(&small, &small.sign_in(cast::STUDENT).await).await;
        drop(events);
        drop(socket);
        comes(async || is_let_in(&small, &parent).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_begin_is_closed() {
    let app = TestApp::start(Backend::Sqlite).await;
    // The service gives them ten seconds.
    assert_eq!(Socket::speaking(&app).await.next().await, Said::Closed(4408));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_of_what_is_sent_gives_up_their_place() {
    let app = TestApp::start(Backend::Sqlite).await;
    let small = app.beside_with(|config| config.max_live_connections = 1).await;
    let parent = small.sign_in(cast::PARENT).await;
    let mut deaf = Socket::of(&small, &parent).await;
    // Each is answered with as much, until nothing more fits between the two of us.
    let ping = Message::text(json!({"type": "ping", "payload": {"a": "x".repeat(900)}}).to_string());
    let flood = tokio::spawn(async move { while deaf.send(ping.clone()).await {} });
    let mut closed = 0;
    comes(async || {
        let let_in = is_let_in(&small, &parent).await;
        closed += u32::from(!let_in);
        let_in
    })
    .await;
    assert!(closed > 0, "the place was taken until then");
    flood.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_while_nothing_happens_ends_what_goes_on() {
    let app = TestApp::start(Backend::Sqlite).await;
    let parent = app.sign_in(cast::PARENT).await;
    let mut idle = Socket::of(&app, &parent).await;
    let mut events = Events::open(&app, &parent, NOTICES, json!({})).await;
    assert!(idle.is_silent().await);
    app.database.execute("DELETE FROM sessions").await;
    // It is asked about each minute.
    let minute = Duration::from_secs(80);
    assert_eq!(idle.next_within(minute).await, Said::Closed(4403));
    assert_eq!(events.next_within(minute).await.unwrap()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(events.next().await, None);
}
