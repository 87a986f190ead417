//! HTTP: the routes, who comes with a request, and what every answer carries.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware,
    response::{IntoResponse, Response},
    routing::any,
};
use ipnet::IpNet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_http::{
    cors::CorsLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};

use crate::{
    auth::{Viewer, sign_in::SessionTransport},
    client::Client,
    error::{Code, Error, OVERLOADED},
    graphql::{Api, Asker, Asking},
    telemetry::span,
    throttle::REFUSED_COST,
};

pub mod admin;
mod client;
mod console;
pub mod health;
mod hosts;
mod https;
mod identity;
mod live;
pub mod protocol;
mod rate;
mod serve;

pub use console::{Console, DemoSignIn};
pub use live::Limits as LiveLimits;
pub use serve::{Connections, serve};

/// How requests are taken.
#[derive(Clone, Debug)]
pub struct Options {
    /// The host names that are answered; empty answers all.
    pub allowed_hosts: Vec<String>,
    /// The proxies that are trusted to say from where a request comes, and whether over HTTPS.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether what did not come over HTTPS is redirected to it, or refused.
    pub https_only: bool,
    /// Whether browsers that came over HTTPS are told to come over nothing else (HSTS).
    pub strict_transport: bool,
    /// The other origins whose pages may ask with the viewer's cookie and read the answer.
    pub cors_origins: Vec<HeaderValue>,
    /// Bytes of a body at most.
    pub max_body_bytes: usize,
    /// How long a body may take to come.
    pub body_timeout: Duration,
    /// How much may go on after a request.
    pub live: LiveLimits,
    /// GraphiQL, where it is shown.
    pub console: Option<Console>,
    /// Cancelled when no more requests are wanted.
    pub leaving: CancellationToken,
}

#[derive(Clone)]
struct Server {
    api: Arc<Api>,
    cors_origins: Arc<[HeaderValue]>,
    max_body_bytes: usize,
    body_timeout: Duration,
    live: LiveLimits,
    seats: live::Seats,
}

/// What every answer says to a browser, where it says nothing else: that it is no page, and no other page's.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // For what a page embeds without asking; what it asks for is CORS's.
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The routes: `/graphql`, `/health/…`, and `/graphiql` where it is shown.
pub fn router(api: Arc<Api>, options: Options) -> Router {
    let server = Server {
        api: Arc::clone(&api),
        cors_origins: options.cors_origins.clone().into(),
        max_body_bytes: options.max_body_bytes,
        body_timeout: options.body_timeout,
        live: options.live,
        seats: live::Seats::default(),
    };
    // What is not there is refused by the same layers as what is.
    let mut routes =
        Router::new().route("/graphql", any(graphql)).fallback(async || StatusCode::NOT_FOUND).with_state(server);
    if !options.cors_origins.is_empty() {
        routes = routes.layer(cors(options.cors_origins));
    }
    if let Some(console) = options.console {
        routes = routes.merge(console.routes());
    }
    if options.https_only {
        routes = routes.layer(middleware::from_fn(https::require));
    }
    let hosts = hosts::Allowed::new(options.allowed_hosts);
    // Probes come by address, not by name, and not through the proxy, so they are let in before either is looked at.
    let mut routes =
        routes.layer(middleware::from_fn_with_state(hosts, hosts::check)).merge(health::routes(api, options.leaving));
    if options.strict_transport {
        routes = routes.layer(middleware::from_fn(https::be_strict));
    }
    for (name, value) in HEADERS {
        routes = routes.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    let proxies = client::Proxies::new(options.trusted_proxies);
    routes
        .layer(middleware::map_request_with_state(proxies, client::find))
        .layer(middleware::from_fn(span::serve))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request| {
            let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
            tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
        }))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(middleware::map_request(without_foreign_id))
}

/// Lets the pages of these origins ask, with the viewer's cookie, and read the answer (Fetch, "CORS protocol").
fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers(["x-request-id", "ratelimit", "ratelimit-policy", "retry-after"].map(HeaderName::from_static))
        // What browsers keep a preflight for at most.
        .max_age(Duration::from_hours(2))
}

/// A request id is ours to give: one that a client sends could write into the log what it likes.
async fn without_foreign_id(mut request: Request) -> Request {
    request.headers_mut().remove("x-request-id");
    request
}

async fn graphql(State(server): State<Server>, request: Request) -> Response {
    let request_id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let request_id = request_id.unwrap_or_default().to_owned();
    let answered = if live::socket::is_asked_for(&request) {
        live::socket::begin(&server, request.into_parts().0, &request_id).await
    } else {
        answer(&server, request, &request_id).await
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

/// Who sends a request, as far as it tells by itself.
struct Sender {
    client: Client,
    token: Option<(String, SessionTransport)>,
}

fn sender(server: &Server, parts: &mut Parts) -> Result<Sender, protocol::Rejection> {
    let services = server.api.services();
    let client = parts.extensions.remove::<Client>().unwrap_or_default();
    let host = hosts::host(&parts.headers, &parts.uri);
    let origins = identity::Origins { host, secure: client.secure, allowed: &server.cors_origins };
    let token = identity::token(&parts.headers, services.cookie_name(), origins)?;
    let device = identity::cookie(&parts.headers, services.device_cookie_name());
    Ok(Sender { client: Client { device, ..client }, token })
}

async fn answer(server: &Server, request: Request, request_id: &str) -> Result<Response, protocol::Rejection> {
    let (mut parts, body) = request.into_parts();
    let body = read_body(body, server).await?;
    let (sent, accept) = protocol::parse(&parts.method, &parts.uri, &parts.headers, &body)?;
    let services = server.api.services();
    // With the body in hand: who sends it slowly takes nobody's place.
    let place = services.place().map_err(|_| protocol::Rejection::unavailable(OVERLOADED).accepting(accept))?;
    // Before anybody is looked up: what is refused here costs no SQL.
    let opened = match server.api.open(sent.request, sent.document_id.as_deref()) {
        Ok(opened) => opened,
        Err(mut refused) => {
            let client = parts.extensions.remove::<Client>().unwrap_or_default();
            let charged = rate::charge(services, &Viewer::anonymous(), &client, REFUSED_COST).await;
            refused.http_headers.extend(charged.map_err(|rejection| rejection.accepting(accept))?);
            return Ok(protocol::respond(*refused, accept));
        }
    };
    let goes_on = sent.events.are_for(opened.subscribes());
    if sent.only_reads && !opened.only_reads() && !(goes_on && opened.subscribes()) {
        return Err(protocol::Rejection::only_reads().accepting(accept));
    }
    let Sender { client, token } = sender(server, &mut parts).map_err(|error| error.accepting(accept))?;
    let viewer = match &token {
        Some((token, _)) => services.viewer(token).await.map_err(|error| unavailable(&error).accepting(accept))?,
        None => None,
    };
    let viewer = viewer.unwrap_or_else(Viewer::anonymous);
    let (token, transport) = token.map_or((None, SessionTransport::default()), |(token, how)| (Some(token), how));
    let request_id = request_id.to_owned();
    if goes_on {
        // From here on it counts among what goes on.
        drop(place);
        let chair = server.seats.take(server.live.connections, &viewer, &client);
        let chair = chair.ok_or_else(|| too_many_live().accepting(accept))?;
        let asking = Asking { token, transport, client, request_id: request_id.clone() };
        let hold = parts.extensions.remove();
        return Ok(live::events::respond(server.api.follow(opened, asking), hold, chair, request_id));
    }
    let charged = rate::charge(services, &viewer, &client, opened.cost()).await;
    let rate_limit = charged.map_err(|rejection| rejection.accepting(accept))?;
    let asker = Asker { viewer, transport, client, request_id: request_id.clone(), place: Some(place) };
    let reads = opened.only_reads();
    let mut response = server.api.execute(opened, asker).await;
    if reads && protocol::has_nothing(&response) {
        response = protocol::without_data(response);
    }
    response.http_headers.extend(rate_limit);
    name_faults(&mut response, &request_id);
    Ok(protocol::respond(response, accept))
}

fn too_many_live() -> protocol::Rejection {
    let message = "you have too many live connections: close one";
    protocol::Rejection::new(StatusCode::TOO_MANY_REQUESTS, message).code(Code::LimitExceeded.as_str())
}

async fn read_body(body: Body, server: &Server) -> Result<Bytes, protocol::Rejection> {
    let (limit, seconds) = (server.max_body_bytes, server.body_timeout.as_secs());
    let Ok(read) = timeout(server.body_timeout, to_bytes(body, limit)).await else {
        let message = format!("the body did not come within {seconds} seconds");
        return Err(protocol::Rejection::new(StatusCode::REQUEST_TIMEOUT, message).code(Code::Timeout.as_str()));
    };
    read.map_err(|_| {
        let message = format!("the body is larger than {limit} bytes, or broke off");
        protocol::Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, message).code(Code::LimitExceeded.as_str())
    })
}

/// Nobody can be recognised now: the client should try again soon.
fn unavailable(error: &Error) -> protocol::Rejection {
    let told = error.to_graphql();
    if error.code() == Code::Unavailable {
        return protocol::Rejection::unavailable(told.message);
    }
    protocol::Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, told.message).code(error.code().as_str())
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
