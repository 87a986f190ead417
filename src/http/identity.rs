//! Who comes with a request: the session's token, from `Authorization: Bearer` (RFC 6750) or from the cookie; or an API
//! key, from the header alone.
//!
//! A browser sends the cookie along whoever made the page, so a request that carries it must come from our own pages:
//! `Sec-Fetch-Site` and `Origin` say so (OWASP, Cross-Site Request Forgery Prevention: Fetch Metadata and Verifying
//! Origin), on top of `SameSite=Strict` and a body that only a preflighted request can have.

use axum::http::{HeaderMap, StatusCode, header};

use super::protocol::Rejection;
use crate::{auth::key, error::Code};

/// The token a request came with, if any.
///
/// # Errors
/// When a cookie comes with a request that another site made.
pub fn token(headers: &HeaderMap, cookie_name: &str) -> Result<Option<String>, Rejection> {
    if let Some(value) = text(headers, header::AUTHORIZATION) {
        let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        return Ok(token.map(|(_, token)| token.trim().to_owned()).filter(|token| !token.is_empty()));
    }
    let Some(token) = cookie(headers, cookie_name).filter(|token| !key::is_key(token)) else { return Ok(None) };
    if is_from_elsewhere(headers) {
        let message = "a request with the session's cookie must come from this site";
        return Err(Rejection::new(StatusCode::FORBIDDEN, message).code(Code::Forbidden.as_str()));
    }
    Ok(Some(token))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The value of a cookie; where a name comes twice, the first one's.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value.to_owned())
}

fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let fetch_site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if fetch_site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return true;
    }
    let origin = text(headers, header::ORIGIN);
    let own = text(headers, header::HOST);
    origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, host)| Some(host) != own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_bearer_token_is_taken_as_it_is() {
        let found = token(&headers(&[("authorization", "bearer abc")]), "rollcall").unwrap();
        assert_eq!(found.as_deref(), Some("abc"));
        assert_eq!(token(&headers(&[("authorization", "Basic abc")]), "rollcall").unwrap(), None);
    }

    #[test]
    fn a_key_is_taken_from_the_header_alone() {
        let key = key::make(&crate::random::Random::seeded(1));
        let bearer = token(&headers(&[("authorization", &format!("Bearer {key}"))]), "rollcall").unwrap();
        assert_eq!(bearer.as_deref(), Some(key.as_str()));
        assert_eq!(token(&headers(&[("cookie", &format!("rollcall={key}"))]), "rollcall").unwrap(), None);
    }

    #[test]
    fn a_cookie_is_taken_only_from_our_own_pages() {
        let cookie = ("cookie", "other=1; rollcall=abc");
        let own = headers(&[cookie, ("host", "school.example:8000"), ("origin", "https://school.example:8000")]);
        assert_eq!(token(&own, "rollcall").unwrap().as_deref(), Some("abc"));
        let foreign = headers(&[cookie, ("host", "school.example"), ("origin", "https://evil.example")]);
        assert_eq!(token(&foreign, "rollcall").unwrap_err().status(), StatusCode::FORBIDDEN);
        let sandboxed = headers(&[cookie, ("host", "school.example"), ("origin", "null")]);
        assert_eq!(token(&sandboxed, "rollcall").unwrap_err().status(), StatusCode::FORBIDDEN);
        let unnamed = headers(&[cookie, ("origin", "null")]);
        assert_eq!(
            token(&unnamed, "rollcall").unwrap_err().status(),
            StatusCode::FORBIDDEN,
            "over HTTP/2 without Host"
        );
        let cross = headers(&[cookie, ("sec-fetch-site", "same-site")]);
        assert_eq!(token(&cross, "rollcall").unwrap_err().status(), StatusCode::FORBIDDEN);
    }
}
