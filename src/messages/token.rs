//! The access tokens of a service account: a JWT that its key signs, exchanged for a token that is good for an hour (RFC 7523,
//! as Google has it for servers).

use std::path::Path;

use chrono::{NaiveDateTime, TimeDelta};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Url, header::CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::{Failure, http};
use crate::{
    clock::Clock,
    error::{Error, Result},
    telemetry::span,
};

/// What a token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// How long a JWT is good: as long as it may be.
const LIFETIME: TimeDelta = TimeDelta::hours(1);
/// How long before its end a token is not used any more.
const EARLY: TimeDelta = TimeDelta::minutes(1);
/// How causes name it.
const NAME: &str = "the token endpoint";
/// What it may say (RFC 6749, 5.2). Nothing else of its words is repeated.
const CODES: [&str; 6] = [
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// A service account's key, as the file has it.
#[derive(Deserialize)]
struct File {
    project_id: String,
    client_email: String,
    private_key: SecretString,
    private_key_id: Option<String>,
    token_uri: Url,
}

/// The tokens of a service account.
pub(super) struct Tokens {
    /// The project that it belongs to.
    pub(super) project: String,
    email: String,
    key: EncodingKey,
    key_id: Option<String>,
    endpoint: Url,
    client: Client,
    clock: Clock,
    held: Mutex<Option<Held>>,
}

/// A token, and until when it is used.
struct Held {
    token: SecretString,
    until: NaiveDateTime,
}

/// What the endpoint gives.
#[derive(Deserialize)]
struct Given {
    access_token: SecretString,
    expires_in: Option<i64>,
}

/// What it says where it gives none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    error: String,
}

impl Tokens {
    /// Reads the account's key. What the libraries say of the file may repeat it, and it holds a secret.
    pub(super) fn read(path: &Path, client: Client, clock: Clock) -> Result<Self> {
        let wrong = |what: &str| Error::internal(format!("FCM_CREDENTIALS: {}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
        let file: File =
            serde_json::from_str(&text).map_err(|_| wrong("it is not the key of a service account, in JSON"))?;
        let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes())
            .map_err(|_| wrong("private_key is no RSA key in PEM"))?;
        let named = |c: char| c.is_ascii_alphanumeric() || "-:.".contains(c);
        if file.project_id.is_empty() || !file.project_id.chars().all(named) {
            return Err(wrong("project_id is not the id of a project"));
        }
        if !is_private(&file.token_uri) {
            return Err(wrong("token_uri is not encrypted, and what gives tokens goes by it: take https://…"));
        }
        let File { project_id: project, client_email: email, private_key_id: key_id, token_uri: endpoint, .. } = file;
        Ok(Self { project, email, key, key_id, endpoint, client, clock, held: Mutex::default() })
    }

    /// A token, and not `refused`, which was not taken any more. There is one exchange at a time; who comes meanwhile waits
    /// for what it brings.
    pub(super) async fn get(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure> {
        let mut held = self.held.lock().await;
        let is_refused =
            |token: &SecretString| refused.is_some_and(|refused| refused.expose_secret() == token.expose_secret());
        if let Some(Held { token, until }) = &*held
            && self.clock.now() < *until
            && !is_refused(token)
        {
            return Ok(token.clone());
        }
        *held = None;
        let new = self.exchange().await?;
        Ok(held.insert(new).token.clone())
    }

    async fn exchange(&self) -> Result<Held, Failure> {
        let now = self.clock.now();
        let assertion = self.assertion(now)?;
        // The letters of a JWT need no escaping.
        let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let request = self.client.post(self.endpoint.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = span::send(request.body(form)).await.map_err(|error| http::broken(NAME, &error))?;
        if !answer.status().is_success() {
            let failure = http::refused(NAME, answer.status(), answer.headers(), now);
            let said: Said = answer.json().await.unwrap_or_default();
            return Err(match CODES.iter().find(|code| **code == said.error) {
                Some(code) => Failure { cause: format!("{} {code}", failure.cause), ..failure },
                None => failure,
            });
        }
        let given: Given = answer.json().await.map_err(|_| Failure::of(true, format!("{NAME} gave no token")))?;
        // Where it does not say for how long, it is not kept.
        let lasts = TimeDelta::seconds(given.expires_in.unwrap_or(0).clamp(0, 86_400));
        Ok(Held { token: given.access_token, until: now + lasts - EARLY })
    }

    /// The JWT that proves to be the account (RFC 7523, 3).
    fn assertion(&self, now: NaiveDateTime) -> Result<String, Failure> {
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.endpoint.as_str(),
            "iat": now.and_utc().timestamp(),
            "exp": (now + LIFETIME).and_utc().timestamp(),
        });
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        let signed = jsonwebtoken::encode(&header, &claims, &self.key);
        signed.map_err(|_| Failure::of(false, "the key of FCM_CREDENTIALS signs nothing"))
    }
}

/// Whether nobody in between reads what goes there.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    url.scheme() == "https" || (url.scheme() == "http" && local)
}
