//! Health: `/health/live` says that the process answers, `/health/ready` (and `/health/`) that it can do its work.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};

use crate::graphql::Api;

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
    let database = api.services().db.ping().await.is_ok();
    let sessions = api.services().sessions.ping().await.is_ok();
    let state = |ok: bool| if ok { "ok" } else { "down" };
    let ready = database && sessions;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"status": state(ready), "database": state(database), "sessions": state(sessions)})))
}
