//! An OpenID provider that says whatever a test has it say. What a real one says is tried in `web/test/openid.mjs`.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey,
    core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm},
};
use serde_json::{Value, json};

/// A provider on a port of its own.
pub struct Provider {
    pub issuer: String,
    says: Arc<Mutex<Says>>,
    server: tokio::task::JoinHandle<()>,
}

/// What it says, and what it was asked.
struct Says {
    /// Its discovery document.
    metadata: Value,
    /// The keys that it publishes.
    keys: Vec<Value>,
    /// The status and the body of what the token endpoint answers.
    token: (u16, String),
    /// The paths that were asked for.
    paths: Vec<String>,
    /// What the token endpoint was last sent: the header, and the form.
    sent: (String, String),
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            // It claims what no client should take its word for.
            "id_token_signing_alg_values_supported": ["EdDSA", "RS256", "HS256", "none"],
        });
        let says = Says {
            metadata,
            keys: vec![Key::new(1, "one").public()],
            token: (400, json!({"error": "invalid_grant"}).to_string()),
            paths: Vec::new(),
            sent: Default::default(),
        };
        let says = Arc::new(Mutex::new(says));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&says));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, says, server }
    }

    /// Has the token endpoint answer with an ID token.
    pub fn gives(&self, id_token: &str) {
        let body = json!({"access_token": "a", "token_type": "Bearer", "id_token": id_token});
        self.answers(200, &body.to_string());
    }

    pub fn answers(&self, status: u16, body: &str) {
        self.says.lock().unwrap().token = (status, body.to_owned());
    }

    pub fn publishes(&self, keys: &[&Key]) {
        self.says.lock().unwrap().keys = keys.iter().map(|key| key.public()).collect();
    }

    /// Has its discovery document say something else.
    pub fn says(&self, field: &str, value: Value) {
        self.says.lock().unwrap().metadata[field] = value;
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.says.lock().unwrap().paths.iter().filter(|asked| *asked == path).count()
    }

    /// What the token endpoint was last sent: the header `Authorization`, and the form.
    pub fn sent(&self) -> (String, String) {
        self.says.lock().unwrap().sent.clone()
    }
}

async fn answer(State(says): State<Arc<Mutex<Says>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let header = request.headers().get(header::AUTHORIZATION).map_or("", |value| value.to_str().unwrap()).to_owned();
    let form = String::from_utf8(to_bytes(request.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
    let mut says = says.lock().unwrap();
    says.paths.push(path.clone());
    let (status, body) = match path.as_str() {
        "/.well-known/openid-configuration" => (200, says.metadata.to_string()),
        "/keys" => (200, json!({"keys": says.keys}).to_string()),
        "/token" => {
            says.sent = (header, form);
            says.token.clone()
        }
        _ => (404, String::new()),
    };
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    // Of no use but to who follows redirects.
    (status, [(header::CONTENT_TYPE, "application/json"), (header::LOCATION, "/followed")], body).into_response()
}

/// A key that ID tokens are signed with.
pub struct Key {
    key: CoreEdDsaPrivateSigningKey,
    id: &'static str,
}

impl Key {
    /// The key of a seed, called `id`.
    pub fn new(seed: u8, id: &'static str) -> Self {
        // PKCS #8 of an Ed25519 key (RFC 8410, section 7) is this and the seed.
        let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let der = STANDARD.encode([&prefix[..], &[seed; 32]].concat());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let key = CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(id.to_owned()))).unwrap();
        Self { key, id }
    }

    /// What the provider publishes of it (RFC 7517).
    pub fn public(&self) -> Value {
        serde_json::to_value(self.key.as_verification_key()).unwrap()
    }

    /// A token (RFC 7519) with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": self.id, "typ": "JWT"});
        token(&header, claims, |text| self.signature(text))
    }

    pub fn signature(&self, text: &[u8]) -> Vec<u8> {
        self.key.sign(&CoreJwsSigningAlgorithm::EdDsa, text).unwrap()
    }
}

/// A token with any header and any signature.
pub fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let text = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(sign(text.as_bytes()));
    format!("{text}.{signature}")
}
