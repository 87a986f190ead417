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

use super::{Connections, health};
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

/// Serves them until it is told to `stop`: on connections that are taken as the API's are, and counted apart from those.
pub async fn serve(listener: TcpListener, api: Arc<Api>, connections: Connections, stop: Stop) {
    let routes = routes(api, &stop);
    super::serve(listener, routes, connections, stop.stopping.cancelled_owned()).await;
}

async fn metrics(State(api): State<Arc<Api>>) -> Response {
    match Metrics::text(api.services()).await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(code = error.code().as_str(), cause = error.report(), "there are no metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
