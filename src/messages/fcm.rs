//! Push messages by Firebase Cloud Messaging, HTTP v1.
//!
//! What they carry are ids, by which the app asks for what it shows as its owner, and nothing that Google, or who looks at a
//! locked screen, should not read. FCM knows of no idempotency, so the key is among the data: an app that takes it for the
//! notification's tag shows a repeat in the place of the first. On Android there is no collapse key, for a device that is away
//! is kept four of them at most, and loses the others; iOS and browsers collapse by ours.

use std::{path::Path, time::Duration};

use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, News, http, token::Tokens};
use crate::{
    clock::Clock,
    error::{Error, Result},
    events::model::EventKind,
    telemetry::span,
    throttle::PerMinute,
};

/// Where push messages go where nothing else is configured.
const GOOGLE: &str = "https://fcm.googleapis.com";
/// How long who sends too much waits, where FCM does not say.
const QUOTA: Duration = Duration::from_mins(1);
/// How causes name it.
const NAME: &str = "FCM";
/// The codes that it may say. Nothing else of its words is repeated.
const CODES: [&str; 7] = [
    "INTERNAL",
    "INVALID_ARGUMENT",
    "QUOTA_EXCEEDED",
    "SENDER_ID_MISMATCH",
    "THIRD_PARTY_AUTH_ERROR",
    "UNAVAILABLE",
    "UNREGISTERED",
];

/// FCM, as a service account sends by it.
pub(super) struct Fcm {
    client: Client,
    url: Url,
    tokens: Tokens,
    pushes: PerMinute,
    clock: Clock,
}

impl Fcm {
    pub(super) fn new(credentials: &Path, url: Option<&str>, clock: &Clock, pushes: PerMinute) -> Result<Self> {
        let client = http::client()?;
        let tokens = Tokens::read(credentials, client.clone(), clock.clone())?;
        let url = format!("{}/v1/projects/{}/messages:send", url.unwrap_or(GOOGLE), tokens.project);
        let url = url.parse().map_err(|_| Error::internal("FCM_URL is no URL"))?;
        Ok(Self { client, url, tokens, pushes, clock: clock.clone() })
    }

    /// Hands one message to FCM, for the device with this registration token.
    pub(super) async fn deliver(&self, to: &str, id: &str, news: &[News]) -> Result<(), Failure> {
        let body = body(to, id, news)?;
        let token = self.tokens.get(None).await?;
        if let Err(rest) = self.pushes.take().await {
            let cause = "there were as many push messages as a minute may have";
            return Err(Failure { after: Some(rest), full: true, ..Failure::of(true, cause) });
        }
        match self.hand_over(&token, &body).await? {
            // The token may have been taken back before its time. A new one is tried once.
            Err(Refused { ours: true, .. }) => {
                let token = self.tokens.get(Some(&token)).await?;
                self.hand_over(&token, &body).await?.map_err(|refused| refused.failure)
            }
            answered => answered.map_err(|refused| refused.failure),
        }
    }

    async fn hand_over(&self, token: &SecretString, body: &Value) -> Result<Result<(), Refused>, Failure> {
        let answer = self.send(token, body).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Ok(()));
        }
        let failure = http::refused(NAME, status, answer.headers(), self.clock.now());
        let Said { error } = answer.json().await.unwrap_or_default();
        Ok(Err(Refused { ours: is_of_our_token(status, &error), failure: judged(failure, status, &error) }))
    }

    async fn send(&self, token: &SecretString, body: &Value) -> Result<Response, Failure> {
        let request = self.client.post(self.url.clone()).bearer_auth(token.expose_secret()).json(body);
        span::send(request).await.map_err(|error| http::broken(NAME, &error))
    }
}

/// The message: all values of data are texts.
fn body(to: &str, id: &str, news: &[News]) -> Result<Value, Failure> {
    let newest = news.last().ok_or_else(|| Failure::of(false, "there is nothing to tell"))?;
    // What is of today wakes a device that sleeps; a notice waits until it is awake.
    let urgent = news.iter().any(|news| news.kind != EventKind::NoticePublished);
    let topic: String = id.chars().take(32).collect();
    Ok(json!({"message": {
        "token": to,
        "data": {
            "kind": newest.kind.as_str(),
            "notificationId": newest.notification,
            "subjectId": newest.subject,
            "count": news.len().to_string(),
            "key": id,
        },
        "android": {"priority": if urgent { "HIGH" } else { "NORMAL" }},
        "apns": {
            // iOS delays messages without words, and keeps them from an app that was closed. The words are the app's own, by
            // their key; its service extension may ask for more (`mutable-content`).
            "headers": {"apns-push-type": "alert", "apns-priority": if urgent { "10" } else { "5" }, "apns-collapse-id": id},
            "payload": {"aps": {"alert": {"loc-key": newest.kind.as_str()}, "mutable-content": 1}},
        },
        // A topic has 32 letters at most (RFC 8030, 5.4).
        "webpush": {"headers": {"Urgency": if urgent { "high" } else { "normal" }, "Topic": topic}},
    }}))
}

/// What FCM says of a message that it does not take.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    error: Fault,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault {
    message: String,
    status: String,
    details: Vec<Detail>,
}

/// An `FcmError` has a code, a `BadRequest` the fields that are wrong.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    error_code: String,
    field_violations: Vec<Violation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Violation {
    field: String,
}

/// That FCM did not take a message.
struct Refused {
    failure: Failure,
    /// Whether it is our own token that it did not take.
    ours: bool,
}

/// Whether it is our own token that FCM does not take: so it also answers where it is Apple's, or a browser's, that is wrong.
fn is_of_our_token(status: StatusCode, fault: &Fault) -> bool {
    status == StatusCode::UNAUTHORIZED && code(fault) != Some("THIRD_PARTY_AUTH_ERROR")
}

fn code(fault: &Fault) -> Option<&str> {
    fault.details.iter().map(|detail| detail.error_code.as_str()).find(|code| !code.is_empty())
}

/// The failure, with what FCM says of it.
fn judged(failure: Failure, status: StatusCode, fault: &Fault) -> Failure {
    let code = code(fault);
    let gone = match code {
        Some("UNREGISTERED") => true,
        // The device is another project's, or we are: it may be our file of credentials that is wrong, and all devices right.
        Some("SENDER_ID_MISMATCH") => false,
        Some("INVALID_ARGUMENT") => is_of_token(fault),
        // Only where it is FCM who says so: another server at this address knows nothing of a device.
        _ => status == StatusCode::NOT_FOUND && fault.status == "NOT_FOUND",
    };
    let after = if status == StatusCode::TOO_MANY_REQUESTS { failure.after.or(Some(QUOTA)) } else { failure.after };
    let cause = match CODES.iter().find(|known| Some(**known) == code) {
        Some(code) => format!("{} {code}", failure.cause),
        None => failure.cause,
    };
    Failure { again: failure.again && !gone, after, gone, cause, ..failure }
}

/// Whether it is the token that is wrong. FCM names the field; of a token that was never one it says so in words alone.
fn is_of_token(fault: &Fault) -> bool {
    let mut fields = fault.details.iter().flat_map(|detail| &detail.field_violations).map(|of| of.field.as_str());
    match fields.next() {
        Some(field) => field == "message.token" || fields.any(|field| field == "message.token"),
        None => fault.message.contains("registration token"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(status: u16, error: &Value) -> Failure {
        let status = StatusCode::from_u16(status).unwrap();
        let failure = http::refused(NAME, status, &reqwest::header::HeaderMap::new(), chrono::NaiveDateTime::default());
        let said: Said = serde_json::from_value(json!({"error": error})).unwrap();
        judged(failure, status, &said.error)
    }

    fn coded(code: &str) -> Value {
        json!({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
    }

    fn of_field(field: &str) -> Value {
        let violation = json!({"field": field, "description": "Invalid"});
        json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    }

    #[test]
    fn a_device_is_gone_where_fcm_says_so_of_its_token() {
        let words = "The registration token is not a valid FCM registration token";
        let invalid = |message: &str, details: Value| json!({"status": "INVALID_ARGUMENT", "message": message, "details": details});
        for (status, error, gone) in [
            (404, json!({"status": "NOT_FOUND", "details": [coded("UNREGISTERED")]}), true),
            (400, json!({"details": [coded("UNREGISTERED")]}), true),
            (404, json!({"status": "NOT_FOUND", "message": "Requested entity was not found."}), true),
            (404, json!({}), false),
            (403, json!({"details": [coded("SENDER_ID_MISMATCH")]}), false),
            (403, json!({"status": "PERMISSION_DENIED"}), false),
            (400, invalid(words, json!([coded("INVALID_ARGUMENT")])), true),
            (400, invalid("Invalid", json!([coded("INVALID_ARGUMENT"), of_field("message.token")])), true),
            (400, invalid(words, json!([coded("INVALID_ARGUMENT"), of_field("message.data[0].value")])), false),
            (400, invalid("too big", json!([coded("INVALID_ARGUMENT")])), false),
            (401, json!({"details": [coded("THIRD_PARTY_AUTH_ERROR")]}), false),
        ] {
            let failure = judge(status, &error);
            assert_eq!((failure.gone, failure.again), (gone, false), "{status} {error}");
            assert!(!failure.cause.contains("token") && failure.cause.contains(&status.to_string()), "{failure:?}");
        }
    }

    #[test]
    fn a_token_is_asked_for_anew_where_it_is_ours_that_is_not_taken() {
        let said = |error: Value| serde_json::from_value::<Said>(json!({"error": error})).unwrap().error;
        let apples = said(json!({"details": [coded("THIRD_PARTY_AUTH_ERROR")]}));
        let ours = said(json!({"status": "UNAUTHENTICATED"}));
        let asked = |status, fault| is_of_our_token(StatusCode::from_u16(status).unwrap(), fault);
        assert_eq!([asked(401, &ours), asked(401, &apples), asked(403, &ours)], [true, false, false]);
    }

    #[test]
    fn what_is_busy_or_down_is_tried_again() {
        for (status, code, after) in
            [(429, "QUOTA_EXCEEDED", Some(QUOTA)), (503, "UNAVAILABLE", None), (500, "INTERNAL", None)]
        {
            let failure = judge(status, &json!({"details": [coded(code)]}));
            assert_eq!((failure.again, failure.gone, failure.after), (true, false, after), "{status}");
            assert_eq!(failure.cause, format!("FCM answered {status} {code}"));
        }
        assert_eq!(judge(500, &json!({"details": [coded("a secret")]})).cause, "FCM answered 500");
    }
}
