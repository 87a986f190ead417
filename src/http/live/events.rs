//! An operation as server-sent events: the "distinct connections mode" of GraphQL over SSE
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>).
//!
//! `event: next` has an answer, `event: complete` says that there are no more. An operation that is refused has its errors
//! in the one `next`: a client of server-sent events learns nothing of the body of an answer with another status.

use std::convert::Infallible;

use async_graphql::Response;
use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response as HttpResponse},
};
use futures_util::StreamExt;
use tokio::{
    sync::mpsc,
    time::{Duration, MissedTickBehavior, interval},
};
use tokio_stream::wrappers::ReceiverStream;

use super::{Seat, stopped};
use crate::{
    error::{Code, Error},
    graphql::Beat,
    http::{name_faults, protocol, serve::Hold},
};

/// How often a comment says that there is nothing to say.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How long a client may take to take what it is sent.
const SEND: Duration = Duration::from_secs(30);

/// A comment.
const ALIVE: &str = ":\n\n";
const COMPLETE: &str = "event: complete\ndata:\n\n";

type Sent = Result<Bytes, Infallible>;

/// Answers with what comes of an operation, as it comes.
pub fn respond(beats: ReceiverStream<Beat>, hold: Option<Hold>, seat: Seat, request_id: String) -> HttpResponse {
    let (sender, body) = mpsc::channel::<Sent>(1);
    tokio::spawn(async move {
        // The connection is in use, however long nothing is said.
        let busy = hold.as_ref().map(Hold::busy);
        feed(beats, hold, &sender, &request_id).await;
        drop((seat, busy));
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        // So that nginx does not wait for more of it.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(ReceiverStream::new(body))).into_response()
}

async fn feed(mut beats: ReceiverStream<Beat>, mut hold: Option<Hold>, sender: &mpsc::Sender<Sent>, request_id: &str) {
    let mut alive = interval(SIGN_OF_LIFE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (text, last) = tokio::select! {
            beat = beats.next() => told(beat, request_id),
            _ = alive.tick() => (ALIVE.to_owned(), false),
            // Whoever is told to go elsewhere is not told that it is over.
            () = stopped(&mut hold) => return,
            () = sender.closed() => return,
        };
        // Whoever does not take it is gone: they come again with the cursor that they have.
        if sender.send_timeout(Ok(text.into()), SEND).await.is_err() || last {
            return;
        }
    }
}

/// What is said of a beat, and whether it is the last thing to be said. What was cut off is not complete.
fn told(beat: Option<Beat>, request_id: &str) -> (String, bool) {
    match beat {
        Some(Beat::Next(response)) => (next(*response, request_id), false),
        Some(Beat::Complete) => (COMPLETE.to_owned(), true),
        Some(Beat::Refused(response)) => (next(*response, request_id) + COMPLETE, true),
        Some(Beat::SignedOut) => {
            let error = Error::new(Code::Unauthenticated, "the session has ended: sign in");
            (next(Response::from_errors(vec![error.to_server()]), request_id) + COMPLETE, true)
        }
        None => (ALIVE.to_owned(), true),
    }
}

fn next(mut response: Response, request_id: &str) -> String {
    protocol::with_codes(&mut response);
    name_faults(&mut response, request_id);
    // JSON has no line break that is not escaped.
    let body = serde_json::to_string(&protocol::Body::of(&response)).unwrap_or_default();
    format!("event: next\ndata: {body}\n\n")
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn it_is_complete_where_the_operation_says_so_and_not_where_it_was_cut_off() {
        let answer = || Box::new(Response::new(value!({ "x": 1 })));
        let next = "event: next\ndata: {\"data\":{\"x\":1}}\n\n";
        assert_eq!(told(Some(Beat::Next(answer())), "r"), (next.to_owned(), false));
        assert_eq!(told(Some(Beat::Complete), "r"), (COMPLETE.to_owned(), true));
        assert_eq!(told(Some(Beat::Refused(answer())), "r"), (format!("{next}{COMPLETE}"), true));
        let (text, last) = told(None, "r");
        assert!(last && !text.contains("complete"));
    }
}
