//! Text messages by an HTTP gateway: `POST {"to": "+977…", "text": "…"}` with a bearer token (RFC 6750), and a key by which a
//! second try is known (`Idempotency-Key`, draft-ietf-httpapi-idempotency-key-header). Any status of success is one.

use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Failure, http};
use crate::{
    clock::Clock,
    error::{Error, Result},
    telemetry::span,
};

/// How causes name it.
const NAME: &str = "the gateway";

/// A gateway.
pub(super) struct Gateway {
    client: Client,
    url: Url,
    token: SecretString,
    clock: Clock,
}

impl Gateway {
    pub(super) fn new(url: &SecretString, token: SecretString, clock: Clock) -> Result<Self> {
        let url = url.expose_secret().parse().map_err(|_| Error::internal("SMS_GATEWAY_URL is no URL"))?;
        Ok(Self { client: http::client()?, url, token, clock })
    }

    /// Hands one text message to the gateway.
    pub(super) async fn deliver(&self, to: &str, id: &str, text: &str) -> Result<(), Failure> {
        let request = self
            .client
            .post(self.url.clone())
            .bearer_auth(self.token.expose_secret())
            .header("idempotency-key", id)
            .json(&json!({"to": to, "text": text}));
        let answer = span::send(request).await.map_err(|error| http::broken(NAME, &error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(http::refused(NAME, answer.status(), answer.headers(), self.clock.now()))
    }
}
