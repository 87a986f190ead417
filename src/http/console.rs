//! GraphiQL, from files that are in the binary: it needs no other host.

use axum::{
    Router,
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Serialize;

/// The page with a place for the demo's sign-ins.
const PAGE: &str = include_str!("../../web/dist/index.html");
const SCRIPT: &[u8] = include_bytes!("../../web/dist/graphiql.js");
const STYLE: &[u8] = include_bytes!("../../web/dist/graphiql.css");

/// Scripts and styles come from this host alone, and none stands in the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A sign-in that the demo's page offers: made up, and good only there.
#[derive(Clone, Debug, Serialize)]
pub struct DemoSignIn {
    /// The role it shows.
    pub role: String,
    /// E-mail address.
    pub identifier: String,
    /// Password.
    pub password: String,
}

/// The page.
#[derive(Clone, Debug)]
pub struct Console {
    page: String,
}

impl Console {
    /// The page, with sign-ins to choose from where there are any.
    #[must_use]
    pub fn new(sign_ins: &[DemoSignIn]) -> Self {
        // `<` cannot end the element early when it is written as an escape.
        let list = serde_json::to_string(sign_ins).unwrap_or_default().replace('<', "\\u003c");
        let offer = format!("<script type=\"application/json\" id=\"demo\">{list}</script>");
        let page = if sign_ins.is_empty() { PAGE.to_owned() } else { PAGE.replace("<!--demo-->", &offer) };
        Self { page }
    }

    pub(super) fn routes(self) -> Router {
        Router::new()
            .route(
                "/graphiql",
                get(move || async move { ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(self.page)) }),
            )
            .route("/graphiql/graphiql.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
            .route("/graphiql/graphiql.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
    }
}

fn file(content_type: &'static str, content: &'static [u8]) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")], content).into_response()
}
