//! Health: `/health/live` says that the process answers, `/health/startup` that it has begun, `/health/ready` (and `/health/`)
//! that it can do its work, and wants some. docs/failures.md says who asks for what.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Error, Result},
    graphql::{Api, Services},
    redis,
};

/// How long the database may take to answer who asks how it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the command waits for an answer.
const ANSWER: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Health {
    api: Arc<Api>,
    /// Cancelled when the process is told to stop.
    leaving: CancellationToken,
    /// Whether it has begun: that stays so.
    begun: Arc<AtomicBool>,
}

/// The routes of health, until `leaving` a process that may be ready.
pub fn routes(api: Arc<Api>, leaving: CancellationToken) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/startup", get(startup))
        .route("/health/ready", get(ready))
        .route("/health/", get(ready))
        .with_state(Health { api, leaving, begun: Arc::default() })
}

/// How the database is.
struct Database {
    answers: bool,
    /// Whether it has the migrations of this program; nothing where it does not answer.
    migrated: Option<bool>,
}

impl Database {
    async fn of(services: &Services) -> Self {
        // One question that both follow from. Whatever else it fails with, the database is of no use then.
        match timeout(PATIENCE, services.db.pending_migrations()).await {
            Ok(Ok(pending)) => Self { answers: true, migrated: Some(pending.is_empty()) },
            // It answers others, and so many that none of its connections was free: to send them elsewhere has them wait there.
            _ if services.db.answered_within(PATIENCE) => Self { answers: true, migrated: Some(true) },
            Ok(Err(_)) | Err(_) => Self { answers: false, migrated: None },
        }
    }

    fn serves(&self) -> bool {
        self.answers && self.migrated == Some(true)
    }

    fn told(&self) -> (&'static str, &'static str) {
        let migrations = match self.migrated {
            Some(true) => "ok",
            Some(false) => "pending",
            None => "unknown",
        };
        (state(self.answers), migrations)
    }
}

fn state(ok: bool) -> &'static str {
    if ok { "ok" } else { "down" }
}

fn status(ok: bool) -> StatusCode {
    if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn live() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn startup(State(Health { api, begun, .. }): State<Health>) -> (StatusCode, Json<Value>) {
    if begun.load(Ordering::Relaxed) {
        return (StatusCode::OK, Json(json!({"status": "ok"})));
    }
    let found = Database::of(api.services()).await;
    begun.fetch_or(found.serves(), Ordering::Relaxed);
    let (database, migrations) = found.told();
    let body = json!({"status": state(found.serves()), "database": database, "migrations": migrations});
    (status(found.serves()), Json(body))
}

async fn ready(State(Health { api, leaving, .. }): State<Health>) -> (StatusCode, Json<Value>) {
    let services = api.services();
    let redis = async {
        match &services.redis {
            Some(redis) => Some(redis::ping(redis).await.is_ok()),
            None => None,
        }
    };
    let (found, redis) = tokio::join!(Database::of(services), redis);
    let ready = found.serves() && !leaving.is_cancelled();
    let told = match (found.serves(), leaving.is_cancelled(), redis) {
        (_, true, _) => "stopping",
        (false, ..) => "down",
        // All goes on without it, more slowly or less strictly.
        (.., Some(false)) => "degraded",
        _ => "ok",
    };
    let (database, migrations) = found.told();
    let body = json!({
        "status": told,
        "database": database,
        "migrations": migrations,
        "redis": redis.map(state),
    });
    (status(ready), Json(body))
}

/// Asks the process that listens at `address`, of this machine, whether it is ready; gives what it says, and whether it is.
///
/// # Errors
/// When nobody answers.
pub async fn ask(address: SocketAddr) -> Result<(String, bool)> {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let url = format!("http://{}/health/ready", SocketAddr::new(ip, address.port()));
    // Whatever proxy the environment names, it is not between the two.
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER).build().map_err(Error::unavailable)?;
    let response = client.get(url).send().await.map_err(|error| Error::unavailable(error.without_url()))?;
    let ready = response.status().is_success();
    Ok((response.text().await.map_err(Error::unavailable)?, ready))
}
