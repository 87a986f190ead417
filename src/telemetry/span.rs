//! The spans of a trace, by the names of OpenTelemetry's semantic conventions; statements of SQL are in `sql`.
//!
//! Whose trace a request belongs to comes with it (`traceparent`, W3C Trace Context), and goes on with what is sent for it.

use std::borrow::Cow;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use opentelemetry::{Context, propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::RequestBuilder;
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::TARGET;

/// Whether there is a trace to be a part of, and one that is kept. What the service does for itself, such as looking at the
/// queue, is in none.
#[must_use]
pub fn is_traced() -> bool {
    Context::current().span().span_context().is_sampled()
}

/// The trace that is being followed and kept, if one is: by its id.
#[must_use]
pub fn trace_id() -> Option<String> {
    is_traced().then(|| Context::current().span().span_context().trace_id().to_string())
}

/// Has each request answered within a span; those of probes have none. The path is the route's: what stands in its place is a
/// client's, and may be a secret.
pub async fn serve(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    if route.as_deref().is_some_and(|route| route.starts_with("/health")) {
        return next.run(request).await;
    }
    let span = server(&request, route.as_deref());
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("error.type", status.as_str());
        span.record("otel.status_code", "ERROR");
    }
    response
}

fn server(request: &Request, route: Option<&str>) -> Span {
    // Any other word is a client's own.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH" | "CONNECT" | "TRACE") => known,
        _ => "_OTHER",
    };
    let span = tracing::info_span!(
        target: TARGET,
        "http",
        otel.kind = "server",
        otel.name = %format_args!("{method}{}{}", if route.is_some() { " " } else { "" }, route.unwrap_or_default()),
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        url.path = route,
        http.response.status_code = Empty,
        error.type = Empty,
    );
    if !span.is_disabled() {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
        // It is refused once the span has begun, and this one has not.
        let _ = span.set_parent(parent);
    }
    span
}

/// The span of one load for many rows. A name that was put together ends with arguments, which are not told.
#[must_use]
#[expect(clippy::ptr_arg, reason = "only a name that was put together has arguments")]
pub fn load(name: &Cow<'static, str>) -> Span {
    if !is_traced() {
        return Span::none();
    }
    let name = match name {
        Cow::Borrowed(name) => name,
        Cow::Owned(name) => name.split(' ').next().unwrap_or_default(),
    };
    tracing::info_span!(target: TARGET, "load", otel.name = %format_args!("load {name}"))
}

/// The span of one question to Redis.
#[must_use]
pub fn redis(operation: &'static str) -> Span {
    if !is_traced() {
        return Span::none();
    }
    tracing::info_span!(
        target: TARGET,
        "redis",
        otel.kind = "client",
        otel.name = operation,
        db.system.name = "redis",
        db.operation.name = operation,
    )
}

/// The span of one try of a job, which is a trace of its own.
#[must_use]
pub fn job(kind: &'static str, attempt: i32) -> Span {
    tracing::info_span!(
        target: TARGET,
        parent: None,
        "job",
        otel.kind = "consumer",
        otel.name = %format_args!("process {kind}"),
        messaging.system = "rollcall",
        messaging.operation.type = "process",
        messaging.destination.name = kind,
        rollcall.job.attempt = i64::from(attempt),
    )
}

/// Sends a request within a span, and tells the other side whose trace it belongs to. Of where it goes the span has the host:
/// the rest of the address may have a secret in it.
///
/// # Errors
/// As [`RequestBuilder::send`].
pub async fn send(request: RequestBuilder) -> reqwest::Result<reqwest::Response> {
    let (client, request) = request.build_split();
    execute(&client, request?).await
}

/// The same of a request that is made already.
///
/// # Errors
/// As [`reqwest::Client::execute`].
pub async fn execute(client: &reqwest::Client, mut request: reqwest::Request) -> reqwest::Result<reqwest::Response> {
    // One that is not kept is passed on as well, and that it is not.
    if !Context::current().has_active_span() {
        return client.execute(request).await;
    }
    let span = tracing::info_span!(
        target: TARGET,
        "send",
        otel.kind = "client",
        otel.name = request.method().as_str(),
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        server.address = request.url().host_str(),
        server.port = request.url().port_or_known_default().map(i64::from),
        http.response.status_code = Empty,
        error.type = Empty,
    );
    TraceContextPropagator::new().inject_context(&span.context(), &mut HeaderInjector(request.headers_mut()));
    let answered = client.execute(request).instrument(span.clone()).await;
    let wrong = match &answered {
        Ok(answer) => {
            let status = answer.status();
            span.record("http.response.status_code", i64::from(status.as_u16()));
            (!status.is_success()).then(|| status.as_str().to_owned())
        }
        Err(error) => Some(if error.is_timeout() { "timeout" } else { "connection" }.to_owned()),
    };
    if let Some(wrong) = wrong {
        span.record("error.type", wrong);
        span.record("otel.status_code", "ERROR");
    }
    answered
}
