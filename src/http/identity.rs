//! Who comes with a request: the session's token, from `Authorization: Bearer` (RFC 6750) or from the cookie; or an API
//! key, from the header alone.
//!
//! A browser sends the cookie along whoever made the page, so a request that carries it must come from our own pages, or from
//! those of `CORS_ORIGINS`: `Sec-Fetch-Site` and `Origin` say so (OWASP, Cross-Site Request Forgery Prevention: Fetch
//! Metadata and Verifying Origin), on top of a body that only a preflighted request can have, and of `SameSite=Strict`. By
//! that alone the cookie does come with what other names of the same site send: a page of `files.school.example` is of one
//! site with `api.school.example`, whoever wrote it.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::protocol::Rejection;
use crate::{
    auth::{key, sign_in::SessionTransport},
    error::Code,
};

/// The origins (RFC 6454) whose pages may use the cookie.
#[derive(Clone, Copy, Debug)]
pub struct Origins<'a> {
    /// The host that the request is for, whose own pages may.
    pub host: Option<&'a str>,
    /// Whether it came over HTTPS: then its own pages do as well.
    pub secure: bool,
    /// Those of `CORS_ORIGINS`.
    pub allowed: &'a [HeaderValue],
}

impl Origins<'_> {
    fn has_own(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.is_some_and(|(scheme, host)| Some(host) == self.host && (scheme == "https" || !self.secure))
    }

    /// Whether one of their pages made a request with these headers; a client that is no browser says nothing.
    fn made(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(header::ORIGIN);
        if origin.is_some_and(|origin| self.allowed.contains(origin)) {
            return true;
        }
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        site.is_none_or(|site| matches!(site, b"same-origin" | b"none"))
            && origin.is_none_or(|origin| self.has_own(origin))
    }
}

/// The token a request came with, if any, and how.
///
/// # Errors
/// When a cookie comes with a request that a page of another origin made.
pub fn token(
    headers: &HeaderMap,
    cookie_name: &str,
    origins: Origins<'_>,
) -> Result<Option<(String, SessionTransport)>, Rejection> {
    if let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        return Ok(bearer(value).map(|token| (token, SessionTransport::Token)));
    }
    let Some(token) = cookie(headers, cookie_name).filter(|token| !key::is_key(token)) else { return Ok(None) };
    if !origins.made(headers) {
        let message = "a request with the session's cookie must come from this site, or one of CORS_ORIGINS";
        return Err(Rejection::new(StatusCode::FORBIDDEN, message).code(Code::Forbidden.as_str()));
    }
    Ok(Some((token, SessionTransport::Cookie)))
}

/// The token in `Bearer …`.
pub fn bearer(value: &str) -> Option<String> {
    let (_, token) = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// The value of a cookie; where a name comes twice, the first one's.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value.to_owned())
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

    /// The token of a request for `school.example:8000` that came over HTTPS, or the status it is refused with.
    fn read(pairs: &[(&str, &str)]) -> Result<Option<(String, SessionTransport)>, StatusCode> {
        let allowed = [HeaderValue::from_static("https://app.school.example")];
        let origins = Origins { host: Some("school.example:8000"), secure: true, allowed: &allowed };
        token(&headers(pairs), "rollcall", origins).map_err(|refused| refused.status())
    }

    #[test]
    fn a_bearer_token_is_taken_as_it_is() {
        assert_eq!(read(&[("authorization", "bearer abc")]), Ok(Some(("abc".to_owned(), SessionTransport::Token))));
        assert_eq!(read(&[("authorization", "Basic abc")]), Ok(None));
        let foreign = [("authorization", "Bearer abc"), ("origin", "https://evil.example")];
        assert_eq!(
            read(&foreign),
            Ok(Some(("abc".to_owned(), SessionTransport::Token))),
            "no browser adds it by itself"
        );
    }

    #[test]
    fn a_key_is_taken_from_the_header_alone() {
        let key = key::make(&crate::random::Random::seeded(1));
        assert_eq!(
            read(&[("authorization", &format!("Bearer {key}"))]),
            Ok(Some((key.clone(), SessionTransport::Token)))
        );
        assert_eq!(read(&[("cookie", &format!("rollcall={key}"))]), Ok(None));
    }

    #[test]
    fn a_cookie_is_taken_only_from_our_own_pages_and_those_that_are_named() {
        let with_cookie = |pairs: &[(&str, &str)]| read(&[&[("cookie", "other=1; rollcall=abc")], pairs].concat());
        let taken = Ok(Some(("abc".to_owned(), SessionTransport::Cookie)));
        assert_eq!(with_cookie(&[]), taken, "no browser");
        assert_eq!(with_cookie(&[("origin", "https://school.example:8000")]), taken);
        assert_eq!(with_cookie(&[("sec-fetch-site", "same-origin")]), taken);
        let app = ("origin", "https://app.school.example");
        assert_eq!(with_cookie(&[app]), taken);
        assert_eq!(with_cookie(&[app, ("sec-fetch-site", "same-site")]), taken);
        let refused = Err(StatusCode::FORBIDDEN);
        for origin in [
            "https://evil.example",
            "http://school.example:8000",
            "https://school.example",
            "https://school.example:8000.evil.example",
            "https://app.school.example.evil.example",
            "http://app.school.example",
            "null",
            "",
        ] {
            assert_eq!(with_cookie(&[("origin", origin)]), refused, "{origin:?}");
        }
        for site in ["same-site", "cross-site", ""] {
            assert_eq!(with_cookie(&[("sec-fetch-site", site)]), refused, "{site:?}");
        }
    }

    #[test]
    fn without_https_both_schemes_are_our_own_and_without_a_host_none_is() {
        let made = |host, secure, origin| Origins { host, secure, allowed: &[] }.made(&headers(&[("origin", origin)]));
        assert!(made(Some("127.0.0.1:8000"), false, "http://127.0.0.1:8000"));
        assert!(!made(None, false, "null"));
    }
}
