//! Text messages by an HTTP gateway: `POST {"to": "+977…", "text": "…"}` with a bearer token (RFC 6750), and a key by which a
//! second try is known (`Idempotency-Key`, draft-ietf-httpapi-idempotency-key-header). Any status of success is one.

use reqwest::{Client, StatusCode, Url, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Failure, TIMEOUT};
use crate::error::{Error, Result};

/// A gateway.
pub(super) struct Gateway {
    client: Client,
    url: Url,
    token: SecretString,
}

impl Gateway {
    pub(super) fn new(url: &SecretString, token: SecretString) -> Result<Self> {
        let url = url.expose_secret().parse().map_err(|_| Error::internal("SMS_GATEWAY_URL is no URL"))?;
        // The token is for this address alone, so it goes by no redirect, and by no proxy that the environment names.
        let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy();
        Ok(Self { client: client.build().map_err(Error::internal)?, url, token })
    }

    /// Hands one text message to the gateway.
    pub(super) async fn deliver(&self, to: &str, id: &str, text: &str) -> Result<(), Failure> {
        let request = self
            .client
            .post(self.url.clone())
            .bearer_auth(self.token.expose_secret())
            .header("idempotency-key", id)
            .json(&json!({"to": to, "text": text}));
        let answer = request.send().await;
        let status = answer.map_err(|error| Failure::of(true, told(&error)))?.status();
        if status.is_success() {
            return Ok(());
        }
        // What the client does wrong is not right the next time.
        let again =
            !status.is_client_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        Err(Failure::of(again, format!("the gateway answered {}", status.as_u16())))
    }
}

/// What the log is told: no URL, which may have a secret in it.
fn told(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() { "the gateway took too long" } else { "no connection to the gateway, or it broke" }
}
