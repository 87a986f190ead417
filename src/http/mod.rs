//! HTTP: the routes, who comes with a request, and what every answer carries.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware,
    response::{IntoResponse, Response},
    routing::any,
};
use tower_http::{
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};

use crate::{
    auth::Viewer,
    client::Client,
    error::{Code, Error},
    graphql::{Api, Asker},
    throttle::REFUSED_COST,
};

mod console;
mod health;
mod hosts;
mod identity;
pub mod protocol;
mod rate;

pub use console::{Console, DemoSignIn};

/// How requests are taken.
#[derive(Clone, Debug)]
pub struct Options {
    /// The host names that are answered; empty answers all.
    pub allowed_hosts: Vec<String>,
    /// Bytes of a body at most.
    pub max_body_bytes: usize,
    /// GraphiQL, where it is shown.
    pub console: Option<Console>,
}

#[derive(Clone)]
struct Server {
    api: Arc<Api>,
    max_body_bytes: usize,
}

/// The routes: `/graphql`, `/health/…`, and `/graphiql` where it is shown.
pub fn router(api: Arc<Api>, options: Options) -> Router {
    let server = Server { api: Arc::clone(&api), max_body_bytes: options.max_body_bytes };
    let mut routes = Router::new().route("/graphql", any(graphql)).with_state(server);
    if let Some(console) = options.console {
        routes = routes.merge(console.routes());
    }
    let hosts = hosts::Allowed::new(options.allowed_hosts);
    // Probes come by address, not by name, so they are let in before the host is looked at.
    let routes = routes.layer(middleware::from_fn_with_state(hosts, hosts::check)).merge(health::routes(api));
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    routes
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request| {
            let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
            tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
        }))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(middleware::map_request(without_foreign_id))
}

/// A request id is ours to give: one that a client sends could write into the log what it likes.
async fn without_foreign_id(mut request: Request) -> Request {
    request.headers_mut().remove("x-request-id");
    request
}

async fn graphql(State(server): State<Server>, request: Request) -> Response {
    let request_id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let request_id = request_id.unwrap_or_default().to_owned();
    match answer(&server, request, &request_id).await {
        Ok((mut response, accept)) => {
            name_faults(&mut response, &request_id);
            protocol::respond(response, accept)
        }
        Err(rejection) => rejection.into_response(),
    }
}

async fn answer(
    server: &Server,
    request: Request,
    request_id: &str,
) -> Result<(async_graphql::Response, protocol::Accept), protocol::Rejection> {
    let (parts, body) = request.into_parts();
    let body = read_body(body, server.max_body_bytes).await?;
    let (asked, accept) = protocol::parse(&parts.method, &parts.uri, &parts.headers, &body)?;
    let services = server.api.services();
    let client = client(&parts, services.device_cookie_name());
    // Before anybody is looked up: what is refused here costs no SQL.
    let opened = match server.api.open(asked.request, asked.document_id.as_deref()) {
        Ok(opened) => opened,
        Err(mut refused) => {
            let charged = rate::charge(&services.throttle, &Viewer::anonymous(), &client, REFUSED_COST).await;
            refused.http_headers.extend(charged.map_err(|rejection| rejection.accepting(accept))?);
            return Ok((*refused, accept));
        }
    };
    if asked.only_reads && !opened.only_reads() {
        return Err(protocol::Rejection::only_reads().accepting(accept));
    }
    let token = identity::token(&parts.headers, services.cookie_name()).map_err(|error| error.accepting(accept))?;
    let viewer = match &token {
        Some(token) => services.viewer(token).await.map_err(|error| unavailable(&error).accepting(accept))?,
        None => None,
    };
    let viewer = viewer.unwrap_or_else(Viewer::anonymous);
    let charged = rate::charge(&services.throttle, &viewer, &client, opened.cost()).await;
    let rate_limit = charged.map_err(|rejection| rejection.accepting(accept))?;
    let asker = Asker { viewer, token, client, request_id: request_id.to_owned() };
    let mut response = server.api.execute(opened, asker).await;
    response.http_headers.extend(rate_limit);
    Ok((response, accept))
}

/// From where a request comes.
fn client(parts: &Parts, device_cookie: &str) -> Client {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let device = identity::cookie(&parts.headers, device_cookie);
    Client { address, user_agent: user_agent.map(ToOwned::to_owned), device }
}

async fn read_body(body: Body, limit: usize) -> Result<axum::body::Bytes, protocol::Rejection> {
    to_bytes(body, limit).await.map_err(|_| {
        let message = format!("the body is larger than {limit} bytes, or broke off");
        protocol::Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, message).code(Code::LimitExceeded.as_str())
    })
}

/// Nobody can be recognised now: the client should try again soon.
fn unavailable(error: &Error) -> protocol::Rejection {
    let told = error.to_graphql();
    let status = if error.code() == Code::Unavailable {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    protocol::Rejection::new(status, told.message).code(error.code().as_str())
}

/// Gives faults the request's id, by which the operator finds their cause in the log.
fn name_faults(response: &mut async_graphql::Response, id: &str) {
    for error in &mut response.errors {
        if let Some(extensions) = &mut error.extensions
            && extensions.get("code") == Some(&Code::Internal.as_str().into())
        {
            extensions.set("requestId", id);
        }
    }
}
