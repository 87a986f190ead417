//! Only the hosts that the configuration names are answered, so that a forged `Host` reaches nothing.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::protocol::Rejection;

/// The host names that are answered; empty answers all.
#[derive(Clone, Debug)]
pub struct Allowed(Arc<[String]>);

impl Allowed {
    /// The names, in lower case and without ports.
    pub fn new(names: Vec<String>) -> Self {
        Self(names.into())
    }

    fn has(&self, host: &str) -> bool {
        let name = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(host, |(name, _)| name);
        self.0.is_empty() || self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

/// Refuses a request for a host that is not ours (421, RFC 9110, 15.5.20).
pub async fn check(State(allowed): State<Allowed>, request: Request, next: Next) -> Response {
    // HTTP/2 has the host in the URI.
    let header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let host = header.or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    if host.is_some_and(|host| allowed.has(host)) {
        return next.run(request).await;
    }
    Rejection::new(StatusCode::MISDIRECTED_REQUEST, "this host is not served here: see ALLOWED_HOSTS").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_port_and_case() {
        let allowed = Allowed::new(vec!["school.example".to_owned()]);
        assert!(allowed.has("School.Example:8000"));
        assert!(!allowed.has("school.example.evil"));
        assert!(Allowed::new(Vec::new()).has("anything"));
    }
}
