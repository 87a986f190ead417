//! The messages and the closes of graphql-transport-ws
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).

use async_graphql::{Response, ServerError, Value};
use serde::{Deserialize, Serialize};

use crate::http::protocol::Body;

/// The name of the protocol, as a WebSocket's subprotocol.
pub const PROTOCOL: &str = "graphql-transport-ws";

/// What a client says.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    /// It begins, and may say by which token.
    ConnectionInit {
        #[serde(default)]
        payload: Value,
    },
    /// It asks for a sign of life.
    Ping {
        #[serde(default)]
        payload: Value,
    },
    /// It gives one.
    Pong,
    /// It asks for an operation.
    Subscribe {
        /// By which the operation is known from then on.
        id: String,
        /// A request, as over HTTP.
        payload: Value,
    },
    /// It wants no more of one.
    Complete {
        /// Of which.
        id: String,
    },
}

/// What it is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told<'a> {
    /// It may ask now.
    ConnectionAck,
    /// A sign of life, with what it came with.
    Pong {
        #[serde(skip_serializing_if = "is_null")]
        payload: Value,
    },
    /// What an operation answers.
    Next {
        /// Which.
        id: &'a str,
        /// What.
        payload: Body<'a>,
    },
    /// That an operation failed as a whole: it is over.
    Error {
        /// Which.
        id: &'a str,
        /// Why.
        payload: &'a [ServerError],
    },
    /// That an operation is over.
    Complete {
        /// Which.
        id: &'a str,
    },
}

fn is_null(value: &Value) -> bool {
    *value == Value::Null
}

impl<'a> Told<'a> {
    /// An answer of an operation.
    pub fn next(id: &'a str, response: &'a Response) -> Self {
        Self::Next { id, payload: Body::of(response) }
    }

    /// The refusal of an operation.
    pub fn error(id: &'a str, response: &'a Response) -> Self {
        Self::Error { id, payload: &response.errors }
    }
}

/// Why a connection is closed: the code, and the reason in words, which have 123 bytes at most (RFC 6455, 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: u16,
    /// The reason.
    pub reason: &'static str,
}

impl Close {
    /// The service is stopping (RFC 6455, 7.4.1).
    pub const GOING_AWAY: Self = Self::new(1001, "the service is stopping: connect again");
    /// A message is too large (RFC 6455, 7.4.1).
    pub const TOO_LARGE: Self = Self::new(1009, "the message is too large");
    /// There is no place now, or the service cannot do its work (the registry of close codes of RFC 6455).
    pub const TRY_AGAIN: Self = Self::new(1013, "try again later");
    /// The viewer has as many connections as they may have.
    pub const TOO_MANY: Self = Self::new(1013, "you have too many live connections: close one");
    /// What was sent was not taken.
    pub const TOO_SLOW: Self = Self::new(1013, "too slow: connect again, and subscribe with `after`");
    /// What was said is no message of the protocol.
    pub const INVALID: Self = Self::new(4400, "Invalid message");
    /// An operation was asked for before the connection was acknowledged.
    pub const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    /// Nobody is signed in, or not any more.
    pub const FORBIDDEN: Self = Self::new(4403, "Forbidden");
    /// Another subprotocol was offered, or none.
    pub const SUBPROTOCOL: Self = Self::new(4406, "Subprotocol not acceptable");
    /// The client did not begin.
    pub const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    /// The client has asked for an operation by the same id, which is not over.
    pub const DUPLICATE: Self = Self::new(4409, "Subscriber already exists");
    /// The client began twice.
    pub const INIT_AGAIN: Self = Self::new(4429, "Too many initialisation requests");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn said(text: &str) -> Option<Said> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn what_clients_say_is_read_and_nothing_else() {
        assert_eq!(said(r#"{"type":"connection_init"}"#), Some(Said::ConnectionInit { payload: Value::Null }));
        let payload = value!({ "query": "{ x }" });
        let subscribe = r#"{"id":"1","type":"subscribe","payload":{"query":"{ x }"}}"#;
        assert_eq!(said(subscribe), Some(Said::Subscribe { id: "1".to_owned(), payload }));
        assert_eq!(said(r#"{"type":"pong","payload":{"a":1}}"#), Some(Said::Pong));
        assert_eq!(said(r#"{"type":"complete","id":"1"}"#), Some(Said::Complete { id: "1".to_owned() }));
        for nonsense in [
            "",
            "{",
            "[]",
            r#"{"type":"next","id":"1"}"#,
            r#"{"type":"subscribe","id":1,"payload":{}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"complete"}"#,
            r#"{"id":"1"}"#,
        ] {
            assert_eq!(said(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn what_they_are_told_has_the_form_of_the_protocol() {
        let text = |told: Told<'_>| serde_json::to_string(&told).unwrap();
        assert_eq!(text(Told::ConnectionAck), r#"{"type":"connection_ack"}"#);
        assert_eq!(text(Told::Pong { payload: Value::Null }), r#"{"type":"pong"}"#);
        let response = Response::new(value!({ "x": 1 }));
        assert_eq!(text(Told::next("1", &response)), r#"{"type":"next","id":"1","payload":{"data":{"x":1}}}"#);
        let refused = Response::from_errors(vec![ServerError::new("no", None)]);
        assert_eq!(text(Told::error("1", &refused)), r#"{"type":"error","id":"1","payload":[{"message":"no"}]}"#);
        assert_eq!(text(Told::Complete { id: "1" }), r#"{"type":"complete","id":"1"}"#);
    }
}
