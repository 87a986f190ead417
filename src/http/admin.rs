//! What is for the operator alone, on an address of its own: metrics.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use crate::{
    graphql::Api,
    metrics::{CONTENT_TYPE, Metrics},
};

/// The routes.
pub fn routes(api: Arc<Api>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(api)
}

/// Serves them until `stop`.
pub async fn serve(listener: TcpListener, api: Arc<Api>, stop: impl Future<Output = ()> + Send + 'static) {
    if let Err(error) = axum::serve(listener, routes(api)).with_graceful_shutdown(stop).await {
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
