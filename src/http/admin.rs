//! What is for the operator alone, on an address of its own: metrics, and health, which of a worker is nowhere else.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use super::health;
use crate::{
    graphql::Api,
    metrics::{CONTENT_TYPE, Metrics},
    stop::Stop,
};

/// The routes.
pub fn routes(api: Arc<Api>, stop: &Stop) -> Router {
    let health = health::routes(Arc::clone(&api), stop.leaving.clone());
    Router::new().route("/metrics", get(metrics)).with_state(api).merge(health)
}

/// Serves them until it is told to `stop`.
pub async fn serve(listener: TcpListener, api: Arc<Api>, stop: Stop) {
    let routes = routes(api, &stop);
    if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stop.stopping.cancelled_owned()).await {
        tracing::error!(cause = %error, "metrics are not served any more");
    }
}

async fn metrics(State(api): State<Arc<Api>>) -> Response {
    match Metrics::text(api.services()).await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(cause = error.report(), "there are no metrics");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
