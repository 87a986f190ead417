//! Clients of what goes on: over a WebSocket, and by server-sent events. And things that happen, to be heard of.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rollcall::live::{NOTIFIED, Occurrence};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderName},
};

use super::{Client, TestApp, http_client};

/// How long something that must come may take. It is less than a minute, within which some things come by themselves.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it is waited for what must not come.
const SILENCE: Duration = Duration::from_millis(300);

/// The header that a WebSocket of GraphQL is asked for with.
const SPEAKING: [(&str, &str); 1] = [("sec-websocket-protocol", "graphql-transport-ws")];

/// A WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What is heard of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A message of the protocol.
    Message(Value),
    /// That it was closed, with this code.
    Closed(u16),
}

impl Socket {
    /// Opens one, with these headers besides; the status where it is refused.
    pub async fn open(app: &TestApp, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        Self::open_at(app.address, headers).await
    }

    /// The same, at the address of a process of its own.
    pub async fn open_at(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            // It was opened without the subprotocol, which a client need not accept.
            Err(Error::Protocol(_)) => Err(0),
            Err(error) => panic!("{error}"),
        }
    }

    /// One that speaks the protocol.
    pub async fn speaking(app: &TestApp) -> Self {
        Self::open(app, &SPEAKING).await.unwrap()
    }

    /// One that has begun, with a client's token.
    pub async fn of(app: &TestApp, client: &Client) -> Self {
        Self::at(app.address, client).await
    }

    /// The same, at the address of a process of its own.
    pub async fn at(address: SocketAddr, client: &Client) -> Self {
        let mut socket = Self::open_at(address, &SPEAKING).await.unwrap();
        socket.begin(client).await;
        assert_eq!(socket.next().await, Said::Message(json!({"type": "connection_ack"})));
        socket
    }

    pub async fn begin(&mut self, client: &Client) {
        let authorization = format!("Bearer {}", client.token.clone().unwrap_or_default());
        self.say(json!({"type": "connection_init", "payload": {"authorization": authorization}})).await;
    }

    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Whether a message could be sent: it may have been closed by the other side, which is then heard. Waits for as long as that
    /// takes nothing.
    pub async fn send(&mut self, message: Message) -> bool {
        self.0.send(message).await.is_ok()
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.say(json!({"type": "subscribe", "id": id, "payload": payload})).await;
    }

    /// What is heard next.
    pub async fn next(&mut self) -> Said {
        self.next_within(PATIENCE).await
    }

    /// The same, where it may take longer.
    pub async fn next_within(&mut self, patience: Duration) -> Said {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Said::Message(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(frame))) => {
                        return Said::Closed(frame.map_or(1005, |frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Said::Closed(1006),
                }
            }
        };
        timeout(patience, next).await.expect("something is said")
    }

    /// The payload of the next message, which must be of this type.
    #[track_caller]
    pub fn payload<'a>(&'a mut self, of: &'a str, id: &'a str) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            match self.next().await {
                Said::Message(mut message) if message["type"] == of && message["id"] == id => message["payload"].take(),
                other => panic!("{caller}: {of} of {id} instead of {other:?}"),
            }
        }
    }

    /// The code of the error that an operation is refused with.
    pub async fn refusal(&mut self, id: &str) -> String {
        let errors = self.payload("error", id).await;
        errors[0]["extensions"]["code"].as_str().unwrap().to_owned()
    }

    /// What is heard within a time, if there is anything.
    pub async fn within(&mut self, time: Duration) -> Option<Said> {
        timeout(time, self.next()).await.ok()
    }

    /// Nothing is said for a while.
    pub async fn is_silent(&mut self) -> bool {
        timeout(SILENCE, self.0.next()).await.is_err()
    }
}

/// An operation by server-sent events.
pub struct Events {
    response: reqwest::Response,
    read: String,
}

impl Events {
    /// Asks for one.
    pub async fn open(app: &TestApp, client: &Client, query: &str, variables: Value) -> Self {
        Self::open_at(app.address, client, query, variables).await
    }

    /// The same, at the address of a process of its own.
    pub async fn open_at(address: SocketAddr, client: &Client, query: &str, variables: Value) -> Self {
        let body = json!({"query": query, "variables": variables});
        let mut request = http_client().post(format!("http://{address}/graphql")).json(&body);
        if let Some(token) = &client.token {
            request = request.bearer_auth(token);
        }
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        Self { response, read: String::new() }
    }

    /// Waits for the end: whether it was said to be complete. Who hears of no such end comes back.
    pub async fn ends_complete(self) -> bool {
        let rest = timeout(PATIENCE, self.response.text()).await.expect("it ends").unwrap();
        (self.read + &rest).contains("event: complete")
    }

    /// The next answer; `None` where it is complete.
    pub async fn next(&mut self) -> Option<Value> {
        self.next_within(PATIENCE).await
    }

    /// The same, where it may take longer.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Value> {
        let next = async {
            loop {
                while let Some((block, rest)) = self.read.split_once("\n\n") {
                    let (block, rest) = (block.to_owned(), rest.to_owned());
                    self.read = rest;
                    if let Some(data) = block.strip_prefix("event: next\ndata: ") {
                        return Some(serde_json::from_str(data).unwrap());
                    }
                    if block.starts_with("event: complete") {
                        return None;
                    }
                    assert_eq!(block, ":", "nothing else is said");
                }
                let more = self.response.chunk().await.unwrap().expect("it ends with `complete`");
                self.read.push_str(std::str::from_utf8(&more).unwrap());
            }
        };
        timeout(patience, next).await.expect("something is said")
    }
}

impl TestApp {
    /// Has something happened that is being told of: writes the event, and gives it to be said.
    pub async fn event(&self, kind: &str, subject: i64, student: Option<i64>, topics: &[&str]) -> Occurrence {
        let (at, student) =
            (self.clock.now().format("%Y-%m-%d %H:%M:%S"), student.map_or("NULL".to_owned(), |id| id.to_string()));
        self.database
            .execute(&format!(
                "INSERT INTO events (kind, subject_id, student_id, at, told_at) \
                 VALUES ('{kind}', {subject}, {student}, '{at}', '{at}')"
            ))
            .await;
        let event = self.number("SELECT MAX(id) FROM events").await;
        for topic in topics {
            self.database
                .execute(&format!("INSERT INTO event_topics (topic, event_id) VALUES ('{topic}', {event})"))
                .await;
        }
        let topics = topics.iter().map(ToString::to_string).collect();
        Occurrence { event, kind: kind.to_owned(), subject, topics }
    }

    /// Puts an event into the inbox of an account, and gives that to be said.
    pub async fn notify(&self, occurrence: &Occurrence, account: i64) -> Occurrence {
        let at = self.clock.now().format("%Y-%m-%d %H:%M:%S");
        let event = occurrence.event;
        self.database
            .execute(&format!(
                "INSERT INTO notifications (account_id, event_id, at) VALUES ({account}, {event}, '{at}')"
            ))
            .await;
        Occurrence { kind: NOTIFIED.to_owned(), topics: vec![format!("account:{account}")], ..occurrence.clone() }
    }

    /// Says that something happened.
    pub async fn publish(&self, occurrence: &Occurrence) {
        let published = self.api.services().hub.publish(occurrence).await;
        published.unwrap_or_else(|error| panic!("{}", error.report()));
    }

    /// Has something happened, and says so.
    pub async fn happens(&self, kind: &str, subject: i64, topics: &[&str]) -> i64 {
        let occurrence = self.event(kind, subject, None, topics).await;
        self.publish(&occurrence).await;
        occurrence.event
    }

    /// The cursor of a position, as the service would give it to an account.
    pub fn live_cursor(&self, field: &str, account: i64, position: i64) -> String {
        let sealed = self.seal().cursor(&format!("live {field} {account}"), &position.to_string());
        sealed.unwrap_or_else(|error| panic!("{}", error.report()))
    }
}
