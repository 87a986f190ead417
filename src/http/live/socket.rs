//! Operations over a WebSocket, by graphql-transport-ws
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).
//!
//! The library brings a state machine for it, which closes by other codes than the protocol's; this one is ours.

use async_graphql::{Response, Value};
use axum::{
    extract::{
        FromRequestParts, Request, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{Method, header, request::Parts},
    response::Response as HttpResponse,
};
use futures_util::{
    StreamExt,
    future::ready,
    stream::{self, BoxStream},
};
use tokio::time::{Duration, Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_stream::StreamMap;

use super::{
    Limits, Seat,
    message::{Close, PROTOCOL, Said, Told},
    stopped,
};
use crate::{
    auth::{Viewer, sign_in::SessionTransport},
    error::{Code, Error},
    graphql::{Asking, Beat},
    http::{Sender, Server, identity, name_faults, protocol, protocol::Rejection, sender, serve::Hold},
    throttle::REFUSED_COST,
};

/// How long a client may take to begin.
const INIT: Duration = Duration::from_secs(10);
/// How often a client is asked for a sign of life.
const PING: Duration = Duration::from_secs(25);
/// How often it is asked without giving one; when it would be asked again it is gone.
const UNANSWERED: u32 = 2;
/// How often it is asked whether the viewer is still signed in.
const RENEWAL: Duration = Duration::from_mins(1);
/// How long a client may take to take what it is sent.
const SEND: Duration = Duration::from_secs(10);
/// How long it may take to take its leave.
const GOODBYE: Duration = Duration::from_secs(2);
/// Bytes of a ping at most.
const MAX_PING: usize = 1024;
/// The longest id of an operation.
const MAX_ID: usize = 128;

/// How a conversation ends: by our closing it, or by its other side being gone.
type End = Option<Close>;

/// Whether a request asks for a WebSocket.
pub fn is_asked_for(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    *request.method() == Method::GET && upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Begins a WebSocket.
///
/// # Errors
/// When it is no such request, and when it carries the session's cookie and a page of another origin made it: a browser lets
/// every page open one, with the cookie.
pub async fn begin(server: &Server, mut parts: Parts, request_id: &str) -> Result<HttpResponse, Rejection> {
    let Sender { client, token } = sender(server, &mut parts)?;
    let hold = parts.extensions.remove::<Hold>();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|rejection| Rejection::new(rejection.status(), rejection.body_text()))?;
    // One that is a little too large is still read, to be told so.
    let most = server.max_body_bytes.saturating_mul(2);
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(most).max_frame_size(most);
    let spoken = upgrade.selected_protocol().is_some();
    let (token, transport) = token.map_or((None, SessionTransport::default()), |(token, how)| (Some(token), how));
    let asking = Asking { token, transport, client, request_id: request_id.to_owned() };
    let conversation = Conversation::new(server.clone(), hold, asking);
    Ok(upgrade.on_upgrade(move |socket| conversation.attend(socket, spoken)))
}

/// One connection.
struct Conversation {
    server: Server,
    hold: Option<Hold>,
    asking: Asking,
    /// When it began.
    since: Instant,
    /// Whether the client has said that it begins.
    begun: bool,
    /// Its place, once it is acknowledged.
    seat: Option<Seat>,
    /// What goes on; nothing at the end of each.
    operations: StreamMap<String, BoxStream<'static, Option<Beat>>>,
    /// How often the other side was asked for a sign of life since it was last heard.
    unanswered: u32,
    pings: Interval,
    renewal: Interval,
}

impl Conversation {
    fn new(server: Server, hold: Option<Hold>, asking: Asking) -> Self {
        let now = Instant::now();
        // Those who came together, after a restart, are not looked after together.
        let first = now + server.api.services().random.part_of(RENEWAL);
        Self {
            server,
            hold,
            asking,
            since: now,
            begun: false,
            seat: None,
            operations: StreamMap::new(),
            unanswered: 0,
            pings: unhurried(now + PING, PING),
            renewal: unhurried(first, RENEWAL),
        }
    }

    fn limits(&self) -> Limits {
        self.server.live
    }

    async fn attend(mut self, mut socket: WebSocket, spoken: bool) {
        let end = if spoken { self.converse(&mut socket).await } else { Some(Close::SUBPROTOCOL) };
        // Nothing goes on while the other side takes its leave.
        self.operations.clear();
        let goodbye = async {
            let Some(Close { code, reason }) = end else {
                // A close of the other side's is answered by reading on.
                while let Some(Ok(_)) = socket.recv().await {}
                return;
            };
            if socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await.is_ok() {
                while let Some(Ok(_)) = socket.recv().await {}
            }
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }

    async fn converse(&mut self, socket: &mut WebSocket) -> End {
        loop {
            // First what ends it or comes once a minute, whatever the client floods us with; and all that it has sent before it
            // may be called silent. Of who floods, nothing but their own operations waits.
            let turn = tokio::select! {
                biased;
                () = stopped(&mut self.hold) => Err(Some(Close::GOING_AWAY)),
                () = sleep_until(self.since + INIT), if !self.begun => Err(Some(Close::INIT_TIMEOUT)),
                _ = self.renewal.tick() => self.renew().await,
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.take(socket, message).await,
                    _ => return None,
                },
                Some((id, beat)) = self.operations.next() => self.pass(socket, &id, beat).await,
                _ = self.pings.tick() => self.ping(socket).await,
            };
            if let Err(end) = turn {
                return end;
            }
        }
    }

    /// Takes what the other side sent.
    async fn take(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), End> {
        self.unanswered = 0;
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(None),
            Message::Binary(_) => return Err(Some(Close::INVALID)),
        };
        if text.len() > self.server.max_body_bytes {
            return Err(Some(Close::TOO_LARGE));
        }
        match serde_json::from_str(&text).map_err(|_| Some(Close::INVALID))? {
            Said::ConnectionInit { payload } => {
                self.begin(&payload).await?;
                send(socket, &Told::ConnectionAck).await
            }
            // It is said back, and to whoever connects.
            Said::Ping { .. } if text.len() > MAX_PING => Err(Some(Close::INVALID)),
            Said::Ping { payload } => send(socket, &Told::Pong { payload }).await,
            Said::Pong => Ok(()),
            Said::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
            Said::Subscribe { id, payload } => match self.subscribe(&id, payload).await? {
                Some(mut refusal) => {
                    protocol::with_codes(&mut refusal);
                    send(socket, &Told::error(&id, &refusal)).await
                }
                None => Ok(()),
            },
        }
    }

    /// Finds who the other side is: by the token that it says now, or that it came with.
    async fn begin(&mut self, payload: &Value) -> Result<(), End> {
        if std::mem::replace(&mut self.begun, true) {
            return Err(Some(Close::INIT_AGAIN));
        }
        if let Some(said) = authorization(payload) {
            // Whoever says who they are is nobody else, whatever cookie the socket was opened with.
            let token = if let Value::String(said) = said { identity::bearer(said) } else { None };
            let Some(token) = token else { return Err(Some(Close::FORBIDDEN)) };
            self.asking.token = Some(token);
            self.asking.transport = SessionTransport::Token;
        }
        let services = self.server.api.services();
        let found = match &self.asking.token {
            Some(_) => self.asking.viewer(services).await.map_err(|_| Some(Close::TRY_AGAIN))?,
            None => None,
        };
        let viewer = found.clone().unwrap_or_else(Viewer::anonymous);
        let charged = services.throttle.charge(&viewer, &self.asking.client, REFUSED_COST).await;
        if charged.is_some_and(|charged| charged.refused) {
            return Err(Some(Close::TRY_AGAIN));
        }
        let Some(viewer) = found else { return Err(Some(Close::FORBIDDEN)) };
        let seat = self.server.seats.take(self.limits().connections, &viewer, &self.asking.client);
        self.seat = Some(seat.ok_or(Some(Close::TOO_MANY))?);
        Ok(())
    }

    /// Begins an operation, or gives the answer with which it is refused.
    async fn subscribe(&mut self, id: &str, payload: Value) -> Result<Option<Response>, End> {
        if self.seat.is_none() {
            return Err(Some(Close::UNAUTHORIZED));
        }
        let Value::Object(payload) = payload else { return Err(Some(Close::INVALID)) };
        let asked = protocol::from_parameters(payload).map_err(|_| Some(Close::INVALID))?;
        if id.is_empty() || id.len() > MAX_ID {
            return Err(Some(Close::INVALID));
        }
        if self.operations.contains_key(id) {
            return Err(Some(Close::DUPLICATE));
        }
        // It was read, and is parsed: whoever sends nothing else has as little left of a minute as over HTTP.
        let api = &self.server.api;
        let viewer = self.asking.viewer(api.services()).await.map_err(|_| Some(Close::TRY_AGAIN))?;
        let viewer = viewer.ok_or(Some(Close::FORBIDDEN))?;
        let charged = api.services().throttle.charge(&viewer, &self.asking.client, REFUSED_COST).await;
        if charged.is_some_and(|charged| charged.refused) {
            return Err(Some(Close::TRY_AGAIN));
        }
        let most = self.limits().subscriptions;
        if self.operations.len() >= most {
            let message = format!("a connection has {most} operations at most: let one be complete before");
            return Ok(Some(Response::from_errors(vec![Error::new(Code::LimitExceeded, message).to_server()])));
        }
        match api.open(asked.request, asked.document_id.as_deref()) {
            Ok(opened) => {
                let beats = api.follow(opened, self.asking.clone()).map(Some).chain(stream::once(ready(None)));
                self.operations.insert(id.to_owned(), beats.boxed());
                Ok(None)
            }
            Err(refusal) => Ok(Some(*refusal)),
        }
    }

    /// Passes on what comes of an operation.
    async fn pass(&mut self, socket: &mut WebSocket, id: &str, beat: Option<Beat>) -> Result<(), End> {
        let (mut response, refused) = match beat {
            Some(Beat::Next(response)) => {
                let refused = !protocol::was_executed(&response);
                (response, refused)
            }
            Some(Beat::Refused(response)) => (response, true),
            Some(Beat::SignedOut) => return Err(Some(Close::FORBIDDEN)),
            Some(Beat::Complete) => {
                self.operations.remove(id);
                return send(socket, &Told::Complete { id }).await;
            }
            None => (Box::new(cut_off()), true),
        };
        protocol::with_codes(&mut response);
        name_faults(&mut response, &self.asking.request_id);
        if refused {
            self.operations.remove(id);
            return send(socket, &Told::error(id, &response)).await;
        }
        send(socket, &Told::next(id, &response)).await
    }

    async fn ping(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        if self.unanswered >= UNANSWERED {
            return Err(None);
        }
        self.unanswered += 1;
        give(socket, Message::Ping(Vec::new().into())).await
    }

    /// Looks whether the viewer is still signed in, also where nothing goes on.
    async fn renew(&mut self) -> Result<(), End> {
        if self.seat.is_none() {
            return Ok(());
        }
        match self.asking.viewer(self.server.api.services()).await {
            Ok(None) => Err(Some(Close::FORBIDDEN)),
            // What cannot be told now is asked again.
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }
}

/// Ticks that do not make up for those that were late: each leaves the time that it is to leave.
fn unhurried(first: Instant, period: Duration) -> Interval {
    let mut ticks = interval_at(first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The answer of an operation that has not come to an end.
fn cut_off() -> Response {
    Response::from_errors(vec![Error::internal("a live operation was cut off").to_server()])
}

/// What a client says that it is: `{"authorization": "Bearer …"}`, in whatever case apps write headers.
fn authorization(payload: &Value) -> Option<&Value> {
    let Value::Object(payload) = payload else { return None };
    let (_, value) = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    Some(value).filter(|value| **value != Value::Null)
}

async fn send(socket: &mut WebSocket, told: &Told<'_>) -> Result<(), End> {
    let text = serde_json::to_string(told).map_err(|_| Some(Close::TRY_AGAIN))?;
    give(socket, Message::Text(text.into())).await
}

async fn give(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    match timeout(SEND, socket.send(message)).await {
        Ok(sent) => sent.map_err(|_| None),
        Err(_) => Err(Some(Close::TOO_SLOW)),
    }
}
