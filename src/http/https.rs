//! HTTPS, which ends at a proxy: what did not come over it is not answered where the configuration says so, and browsers are
//! told to use nothing else.

use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{hosts, protocol::Rejection};
use crate::{client::Client, error::Code};

/// A year, and every name below this one: the section "Strict-Transport-Security" of OWASP's HTTP Headers Cheat Sheet.
const STRICT: &str = "max-age=31536000; includeSubDomains";

fn is_secure(request: &Request) -> bool {
    request.extensions().get::<Client>().is_some_and(|client| client.secure)
}

/// Lets in what came over HTTPS. A page is found over HTTPS by its browser (308, RFC 9110, 15.4.9). The API refuses, and
/// does not redirect: a token may have been sent in clear, which must not go unnoticed (OWASP ASVS 5.0, 4.1.2).
pub async fn require(request: Request, next: Next) -> Response {
    if is_secure(&request) {
        return next.run(request).await;
    }
    match over_https(&request) {
        Some(location) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response(),
        None => {
            let message = "this is answered over HTTPS alone: what this request carried, a password or a token, may have been \
                           read on its way, and should be changed";
            Rejection::new(StatusCode::FORBIDDEN, message).code(Code::Forbidden.as_str()).into_response()
        }
    }
}

/// The address over HTTPS of what is asked for, where that is a page. The host has been found to be one of ours.
fn over_https(request: &Request) -> Option<HeaderValue> {
    let uri = request.uri();
    if !matches!(*request.method(), Method::GET | Method::HEAD) || uri.path() == "/graphql" {
        return None;
    }
    let host = hosts::name(hosts::host(request.headers(), uri)?);
    let secure = Uri::builder().scheme("https").authority(host).path_and_query(uri.path_and_query()?.clone());
    HeaderValue::try_from(secure.build().ok()?.to_string()).ok()
}

/// Tells a browser that came over HTTPS to come over nothing else (RFC 6797; over HTTP it would not be heeded, 7.2).
pub async fn be_strict(request: Request, next: Next) -> Response {
    let secure = is_secure(&request);
    let mut response = next.run(request).await;
    if secure {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT));
    }
    response
}
