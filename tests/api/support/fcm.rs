//! What push messages go to: a token endpoint and FCM of the test's own, on loopback, that keep what they are given.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rollcall::{clock::Clock, config::Config};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// Made for these tests, and used for nothing else.
const PRIVATE_KEY: &str = include_str!("fcm-private.pem");
const PUBLIC_KEY: &[u8] = include_bytes!("fcm-public.pem");
const EMAIL: &str = "rollcall@the-project.iam.gserviceaccount.com";

/// An answer that is none of success.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    pub retry_after: Option<&'static str>,
    /// What is at `error`.
    pub error: Value,
}

/// The two, running.
pub struct FakeFcm {
    state: Arc<Fcm>,
    url: String,
    folder: TempDir,
    server: JoinHandle<()>,
}

struct Fcm {
    clock: Clock,
    url: String,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// How often a token was asked for.
    exchanges: usize,
    /// The tokens that are good.
    tokens: Vec<String>,
    /// What comes instead of the next tokens.
    token_faults: VecDeque<Refusal>,
    /// Every message that came with a good token: the bodies.
    sent: Vec<Value>,
    /// What comes instead of success.
    faults: VecDeque<Refusal>,
}

impl Drop for FakeFcm {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeFcm {
    /// Starts at the time of a clock.
    pub async fn start(clock: &Clock) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Fcm { clock: clock.clone(), url: url.clone(), kept: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("account.json"), credentials(&url).to_string()).unwrap();
        Self { state, url, folder, server }
    }

    pub fn configure(&self, config: &mut Config) {
        config.fcm_credentials = Some(self.file());
        config.fcm_url = Some(self.url.clone());
    }

    /// The variables that name it.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [("FCM_CREDENTIALS", self.file().display().to_string()), ("FCM_URL", self.url.clone())]
    }

    /// The file of the service account.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("account.json")
    }

    /// How often a token was asked for.
    pub fn exchanges(&self) -> usize {
        self.state.kept.lock().unwrap().exchanges
    }

    /// Takes the tokens back that it gave.
    pub fn revoke(&self) {
        self.state.kept.lock().unwrap().tokens.clear();
    }

    /// What goes wrong with the next messages, one after the other.
    pub fn fails(&self, faults: impl IntoIterator<Item = Refusal>) {
        self.state.kept.lock().unwrap().faults.extend(faults);
    }

    /// What goes wrong with the next tokens that are asked for.
    pub fn gives_no_token(&self, faults: impl IntoIterator<Item = Refusal>) {
        self.state.kept.lock().unwrap().token_faults.extend(faults);
    }

    /// The messages that came since the last time, those that were refused too.
    pub fn sent(&self) -> Vec<Value> {
        std::mem::take(&mut self.state.kept.lock().unwrap().sent)
    }
}

impl Refusal {
    /// By a status, and the code of an `FcmError`. As FCM does, it repeats what it was sent.
    pub fn of(status: u16, code: &str) -> Self {
        let detail = json!({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code});
        let message = "device-token-1 of Asha Rai is refused";
        let error = json!({"code": status, "message": message, "status": code, "details": [detail]});
        Self { status, retry_after: None, error }
    }

    pub fn later(self, retry_after: &'static str) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }
}

/// A service account's key, as the console gives it.
pub fn credentials(url: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "the-project",
        "private_key_id": "key-1",
        "private_key": PRIVATE_KEY,
        "client_email": EMAIL,
        "token_uri": format!("{url}/token"),
    })
}

async fn answer(State(fcm): State<Arc<Fcm>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let bearer = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let body = String::from_utf8(to_bytes(request.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
    let mut kept = fcm.kept.lock().unwrap();
    match path.as_str() {
        "/token" => {
            kept.exchanges += 1;
            fcm.check(&body);
            if let Some(refusal) = kept.token_faults.pop_front() {
                return refused(&refusal, &refusal.error);
            }
            let token = format!("access-token-{}", kept.exchanges);
            kept.tokens.push(token.clone());
            json_of(200, &json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}))
        }
        "/v1/projects/the-project/messages:send" => {
            let token = bearer.as_deref().and_then(|bearer| bearer.strip_prefix("Bearer "));
            if !kept.tokens.iter().any(|good| Some(good.as_str()) == token) {
                return json_of(401, &json!({"error": {"code": 401, "status": "UNAUTHENTICATED"}}));
            }
            kept.sent.push(serde_json::from_str(&body).unwrap());
            match kept.faults.pop_front() {
                Some(refusal) => refused(&refusal, &json!({"error": refusal.error.clone()})),
                None => json_of(200, &json!({"name": "projects/the-project/messages/1"})),
            }
        }
        _ => json_of(404, &Value::Null),
    }
}

impl Fcm {
    /// That a token is asked for as RFC 7523 has it, by who holds the key.
    fn check(&self, form: &str) {
        let assertion = form
            .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
            .unwrap_or_else(|| panic!("{form}"));
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[format!("{}/token", self.url)]);
        validation.set_issuer(&[EMAIL]);
        // By the test's clock, below, and not by the system's.
        validation.validate_exp = false;
        let key = DecodingKey::from_rsa_pem(PUBLIC_KEY).unwrap();
        let token = jsonwebtoken::decode::<Value>(assertion, &key, &validation).unwrap();
        assert_eq!(token.header.kid.as_deref(), Some("key-1"));
        let now = self.clock.now().and_utc().timestamp();
        let [issued, expires] = ["iat", "exp"].map(|claim| token.claims[claim].as_i64().unwrap());
        // Another process may have looked at its clock a little before.
        assert!((now - 5..=now).contains(&issued) && expires == issued + 3600, "{issued} to {expires}, at {now}");
        assert_eq!(token.claims["scope"], "https://www.googleapis.com/auth/firebase.messaging");
    }
}

fn refused(refusal: &Refusal, body: &Value) -> Response {
    let mut response = json_of(refusal.status, body);
    if let Some(later) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, later.parse().unwrap());
    }
    response
}

fn json_of(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
