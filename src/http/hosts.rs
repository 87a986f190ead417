//! Only the hosts that the configuration names are answered, so that a forged `Host` reaches nothing.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
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
        self.0.is_empty() || self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(name(host)))
    }
}

/// The host that a request is for, with its port where it has one: `Host`, or the authority of the target, which HTTP/2 has
/// instead. None where it names none, or two that differ: then a proxy may have looked at the other one (RFC 9112, 3.2).
pub fn host<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Option<&'r str> {
    let named = headers.get_all(header::HOST).iter().map(|value| value.to_str().ok());
    let mut named = named.chain(uri.authority().map(|authority| Some(authority.as_str())));
    let host = named.next()??;
    named.all(|other| other.is_some_and(|other| other.eq_ignore_ascii_case(host))).then_some(host)
}

/// A host without its port.
pub fn name(host: &str) -> &str {
    let with_port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    with_port.map_or(host, |(name, _)| name)
}

/// Refuses a request for a host that is not ours (421, RFC 9110, 15.5.20).
pub async fn check(State(allowed): State<Allowed>, request: Request, next: Next) -> Response {
    if host(request.headers(), request.uri()).is_some_and(|host| allowed.has(host)) {
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
        assert!(!allowed.has("school.example:8000@evil.example"));
        assert!(Allowed::new(Vec::new()).has("anything"));
        assert_eq!((name("[::1]:8000"), name("[::1]")), ("[::1]", "[::1]"));
    }

    #[test]
    fn a_request_is_for_one_host() {
        let asked = |hosts: &[&str], target: &str| {
            let hosts = hosts.iter().map(|host| (header::HOST, host.parse().unwrap()));
            host(&hosts.collect(), &target.parse().unwrap()).map(ToOwned::to_owned)
        };
        assert_eq!(asked(&["school.example"], "/").as_deref(), Some("school.example"));
        assert_eq!(asked(&[], "http://school.example/").as_deref(), Some("school.example"), "HTTP/2");
        assert_eq!(asked(&["school.example"], "http://School.example/").as_deref(), Some("school.example"));
        assert_eq!(asked(&["school.example", "evil.example"], "/"), None);
        assert_eq!(asked(&["school.example"], "http://evil.example/"), None);
        assert_eq!(asked(&[], "/"), None);
    }
}
