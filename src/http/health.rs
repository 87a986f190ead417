//! Health: `/health/live` says that the process answers, `/health/ready` (and `/health/`) that it can do its work.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};

use crate::{graphql::Api, redis};

/// The routes of health.
pub fn routes(api: Arc<Api>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/health/", get(ready))
        .with_state(api)
}

async fn live() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, Json<Value>) {
    let services = api.services();
    let database = services.db.ping().await.is_ok();
    let redis = match &services.redis {
        Some(redis) => Some(redis::ping(redis).await.is_ok()),
        None => None,
    };
    let state = |ok: bool| if ok { "ok" } else { "down" };
    let ready = database && redis != Some(false);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"status": state(ready), "database": state(database), "redis": redis.map(state)})))
}
