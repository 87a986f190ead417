//! GraphQL over HTTP, by the current draft of its specification: what comes in as a request, and
//! with which media type and status an answer goes out.

use std::collections::BTreeMap;

use async_graphql::{
    ErrorExtensionValues, Extensions, Name, Request, Response, ServerError, Value, Variables, indexmap::IndexMap,
};
use axum::{
    extract::Query,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response as HttpResponse},
};
use serde::Serialize;

#[cfg(test)]
mod tests;

/// The media type of an answer: the section "Media Types" of the GraphQL over HTTP specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// `application/graphql-response+json`: the status tells how the request went.
    GraphqlResponse,
    /// `application/json`: for clients that take any status but 200 for a broken connection.
    Json,
}

impl Accept {
    /// Chooses by the `Accept` headers, after the section "Accept" and RFC 9110, 12.5.1; nothing
    /// if neither media type is acceptable. A client that does not say gets [`Accept::Json`].
    #[must_use]
    pub fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::ACCEPT).iter();
        let ranges = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
        let ranges: Vec<_> = ranges.filter(|range| !range.trim().is_empty()).collect();
        if ranges.is_empty() {
            return Some(Self::Json);
        }
        let graphql = Self::GraphqlResponse.weight(&ranges);
        let json = Self::Json.weight(&ranges);
        let named = graphql.is_some_and(|weight| weight.1 == NAMED);
        // Who does not care may be an old client, so a tie of wildcards goes to JSON.
        if graphql > json || (graphql == json && named) {
            return Some(Self::GraphqlResponse);
        }
        json.map(|_| Self::Json)
    }

    fn essence(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json",
            Self::Json => "application/json",
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// The quality that the most specific matching range gives, and how specific that one is.
    fn weight(self, ranges: &[&str]) -> Option<(f32, u8)> {
        let matching = ranges.iter().filter_map(|range| {
            let (essence, parameters) = media_type(range);
            let specificity = match essence.as_str() {
                essence if essence == self.essence() => NAMED,
                "application/*" => 1,
                "*/*" => 0,
                _ => return None,
            };
            is_utf8(&parameters).then(|| (quality(&parameters), specificity))
        });
        let weight = matching.max_by_key(|(_, specificity)| *specificity);
        weight.filter(|(quality, _)| *quality > 0.0)
    }
}

/// The specificity of a media range that names the media type in full.
const NAMED: u8 = 2;

/// Whether an answer may be server-sent events: an operation's, as it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Events {
    /// No: the client did not name them.
    #[default]
    No,
    /// Also: a subscription's.
    Also,
    /// Nothing else.
    Only,
}

impl Events {
    /// By the `Accept` headers: only who names them in full wants them. `also` says that something else would do.
    fn negotiate(headers: &HeaderMap, also: bool) -> Self {
        let values = headers.get_all(header::ACCEPT).iter();
        let mut ranges = values.flat_map(|value| value.to_str().unwrap_or_default().split(',')).map(media_type);
        let named = ranges.any(|(essence, parameters)| essence == "text/event-stream" && quality(&parameters) > 0.0);
        match (named, also) {
            (false, _) => Self::No,
            (true, true) => Self::Also,
            (true, false) => Self::Only,
        }
    }

    /// Whether a subscription, or another operation, is answered so.
    #[must_use]
    pub fn are_for(self, subscription: bool) -> bool {
        self == Self::Only || (subscription && self == Self::Also)
    }
}

/// Seconds after which what is not available just now may be asked for again.
const SOON: u64 = 1;

/// A request as it was read; its document is still to be looked at.
#[derive(Debug)]
pub struct Asked {
    /// The request.
    pub request: Request,
    /// The id of its document, where it names one instead of sending it: the appendix "Persisted Documents".
    pub document_id: Option<String>,
    /// Whether it came by `GET`, which may not execute mutations ([`Rejection::only_reads`]).
    pub only_reads: bool,
    /// Whether it may be answered by server-sent events.
    pub events: Events,
}

/// A request that is refused before there is anything to execute.
#[derive(Debug)]
pub struct Rejection {
    accept: Accept,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    retry_after: Option<u64>,
    code: &'static str,
    message: String,
}

impl Rejection {
    /// A refusal with this status, whose body is a GraphQL error with this message.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let (accept, code, message) = (Accept::Json, "BAD_USER_INPUT", message.into());
        Self { accept, status, headers: Vec::new(), retry_after: None, code, message }
    }

    /// The same, with another `extensions.code`.
    #[must_use]
    pub fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// The same, in the media type that the client accepts.
    #[must_use]
    pub fn accepting(self, accept: Accept) -> Self {
        Self { accept, ..self }
    }

    /// The same, with these headers.
    #[must_use]
    pub fn with(mut self, headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The same, with the seconds after which it may be tried again: in `Retry-After` (RFC 9110, 10.2.3) and in
    /// `extensions.retryAfter`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        Self { retry_after: Some(seconds), ..self }
    }

    /// The refusal of what cannot be done just now, and may be soon.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, message).code("UNAVAILABLE");
        refusal.retry_after(SOON)
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The refusal of what is no query by `GET`: the section "GET".
    #[must_use]
    pub fn only_reads() -> Self {
        Self::method("POST", "Only queries can be executed by GET.")
    }

    fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// RFC 9110, 15.5.6, wants the methods that would have been allowed.
    fn method(allow: &'static str, message: &str) -> Self {
        let allow = (header::ALLOW, HeaderValue::from_static(allow));
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message).with(vec![allow])
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> HttpResponse {
        let mut error = ServerError::new(self.message, None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", self.code);
        if let Some(seconds) = self.retry_after {
            extensions.set("retryAfter", seconds);
        }
        let mut body = Response::from_errors(vec![error]);
        with_codes(&mut body);
        let mut response = encode(self.status, self.accept, body);
        response.headers_mut().extend(self.headers);
        response
    }
}

/// Reads a request: the sections "Request", "GET" and "POST".
///
/// # Errors
///
/// If nothing acceptable could be answered (406), the method is not allowed (405), the body is not JSON in UTF-8 by its
/// type (415) or by its content, or it is not a well-formed request (400).
pub fn parse(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<(Asked, Accept), Rejection> {
    let accept = Accept::negotiate(headers);
    let events = Events::negotiate(headers, accept.is_some());
    // In these too a refusal is JSON.
    let accept = accept.or((events == Events::Only).then_some(Accept::GraphqlResponse)).ok_or_else(|| {
        let types = [Accept::GraphqlResponse, Accept::Json].map(Accept::essence).join(" and ");
        Rejection::new(StatusCode::NOT_ACCEPTABLE, format!("Only {types} can be answered."))
    })?;
    let request = match *method {
        Method::POST => from_body(headers, body),
        Method::GET | Method::HEAD => from_uri(uri),
        _ => Err(Rejection::method("GET, POST", "Only GET and POST are supported.")),
    };
    match request {
        Ok(request) => Ok((Asked { events, ..request }, accept)),
        Err(rejection) => Err(rejection.accepting(accept)),
    }
}

fn from_body(headers: &HeaderMap, body: &[u8]) -> Result<Asked, Rejection> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (essence, parameters) = media_type(content_type.unwrap_or_default());
    if essence != "application/json" || !is_utf8(&parameters) {
        let message = "The body has to be application/json in UTF-8.";
        return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(parameters)) => from_parameters(parameters),
        Ok(Value::List(_)) => Err(Rejection::malformed("Batches are not supported.")),
        Ok(_) => Err(Rejection::malformed("The body has to be an object.")),
        Err(error) => Err(Rejection::malformed(format!("The body is not JSON: {error}."))),
    }
}

fn from_uri(uri: &Uri) -> Result<Asked, Rejection> {
    let Query(query) =
        Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|error| Rejection::malformed(error.body_text()))?;
    let mut parameters = IndexMap::new();
    for (name, text) in query.into_iter().filter(|(_, text)| !text.is_empty()) {
        let value = match name.as_str() {
            "variables" | "extensions" => serde_json::from_str(&text)
                .map_err(|error| Rejection::malformed(format!("{name} is not JSON: {error}.")))?,
            _ => Value::String(text),
        };
        parameters.insert(Name::new(name), value);
    }
    Ok(Asked { only_reads: true, ..from_parameters(parameters)? })
}

/// The section "Request Parameters"; null is the same as nothing, and what is not known is ignored.
///
/// # Errors
/// When they are none of a request (400).
pub fn from_parameters(mut parameters: IndexMap<Name, Value>) -> Result<Asked, Rejection> {
    let mut take = |name| parameters.swap_remove(name).filter(|value| *value != Value::Null);
    let (query, document_id) = (text(take("query"), "query")?, text(take("documentId"), "documentId")?);
    let mut request = Request::new(query.as_deref().unwrap_or_default());
    request.operation_name = text(take("operationName"), "operationName")?;
    request.variables = match take("variables") {
        None => Variables::default(),
        Some(variables @ Value::Object(_)) => Variables::from_value(variables),
        Some(_) => return Err(Rejection::malformed("variables has to be an object.")),
    };
    request.extensions = match take("extensions") {
        None => Extensions::default(),
        Some(Value::Object(extensions)) => {
            Extensions(extensions.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
        }
        Some(_) => return Err(Rejection::malformed("extensions has to be an object.")),
    };
    let document_id = match (query, document_id) {
        (Some(_), Some(_)) => return Err(Rejection::malformed("query and documentId exclude one another.")),
        (Some(_), None) => None,
        (None, id) => Some(id.or_else(|| apollo_id(&request.extensions)).ok_or_else(|| {
            // What is there and is no string has been refused before.
            Rejection::malformed("There has to be a query, or a documentId.")
        })?),
    };
    Ok(Asked { request, document_id, only_reads: false, events: Events::No })
}

fn text(value: Option<Value>, name: &str) -> Result<Option<String>, Rejection> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Rejection::malformed(format!("{name} has to be a string."))),
    }
}

/// The id of the document whose hash Apollo's clients send: `{"persistedQuery": {"version": 1, "sha256Hash": "…"}}`.
fn apollo_id(extensions: &Extensions) -> Option<String> {
    let Value::Object(persisted) = extensions.get("persistedQuery")? else { return None };
    let Value::String(hash) = persisted.get("sha256Hash")? else { return None };
    Some(format!("sha256:{hash}"))
}

/// Answers with what came of a request: the sections "Response" and "Status Codes".
///
/// A request that was not executed has no `data`, and is a 400 where the media type lets the
/// status tell. Everything else is a 200: errors of fields, whatever their code, are part of it.
#[must_use]
pub fn respond(mut response: Response, accept: Accept) -> HttpResponse {
    with_codes(&mut response);
    let status = match accept {
        _ if was_executed(&response) => StatusCode::OK,
        accept => fault(&response).unwrap_or(match accept {
            Accept::GraphqlResponse => StatusCode::BAD_REQUEST,
            Accept::Json => StatusCode::OK,
        }),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.http_headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from(SOON));
    }
    encode(status, accept, response)
}

/// Whether nothing of what was asked for could be had just now: everything is null, and for that alone.
#[must_use]
pub fn has_nothing(response: &Response) -> bool {
    let unavailable = |error: &ServerError| {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        code == Some(&Value::from("UNAVAILABLE"))
    };
    let null = match &response.data {
        Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
        data => *data == Value::Null,
    };
    null && !response.errors.is_empty() && response.errors.iter().all(unavailable)
}

/// Such a response of a query, as one of a request that was not executed: by its status who balances the load sees that too,
/// and a client that it is to come again.
#[must_use]
pub fn without_data(mut response: Response) -> Response {
    response.errors.truncate(1);
    for error in &mut response.errors {
        error.path.clear();
        error.locations.clear();
    }
    response.data = Value::Null;
    response
}

/// The status of a request that could not be executed for no fault of the client's.
fn fault(response: &Response) -> Option<StatusCode> {
    let code = response.errors.first()?.extensions.as_ref()?.get("code")?;
    let Value::String(code) = code else { return None };
    match code.as_str() {
        "INTERNAL" => Some(StatusCode::INTERNAL_SERVER_ERROR),
        "UNAVAILABLE" => Some(StatusCode::SERVICE_UNAVAILABLE),
        "TIMEOUT" => Some(StatusCode::GATEWAY_TIMEOUT),
        _ => None,
    }
}

/// Gives every error without an `extensions.code` one: `INTERNAL` if it has a path and so comes
/// from a field, `BAD_USER_INPUT` if it has none and so is about the request.
pub fn with_codes(response: &mut Response) {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            let code = if error.path.is_empty() { "BAD_USER_INPUT" } else { "INTERNAL" };
            extensions.set("code", code);
        }
    }
}

/// Whether the execution began: the executor reports what kept it from that as errors without a
/// path, beside `data` that is null; null that comes of the execution is due to an error with one.
#[must_use]
pub fn was_executed(response: &Response) -> bool {
    response.data != Value::Null
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

/// A response map, with errors first as the section "Response Format" of the GraphQL
/// specification advises.
#[derive(Serialize)]
pub struct Body<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

impl<'a> Body<'a> {
    /// The map of a response.
    #[must_use]
    pub fn of(response: &'a Response) -> Self {
        Self {
            errors: &response.errors,
            data: was_executed(response).then_some(&response.data),
            extensions: &response.extensions,
        }
    }
}

fn encode(status: StatusCode, accept: Accept, response: Response) -> HttpResponse {
    let Ok(body) = serde_json::to_vec(&Body::of(&response)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut encoded = (status, body).into_response();
    let headers = encoded.headers_mut();
    headers.extend(response.http_headers);
    headers.insert(header::CONTENT_TYPE, accept.content_type());
    encoded
}

/// Takes `type/subtype; name=value` apart, in lower case: none of what is of interest here
/// depends on case.
fn media_type(text: &str) -> (String, Vec<(String, String)>) {
    let text = text.to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_owned();
    let parameters = parts.filter_map(|part| part.split_once('='));
    let parameters =
        parameters.map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('"').to_owned()));
    (essence, parameters.collect())
}

fn parameter<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let found = parameters.iter().find(|(own, _)| own == name);
    found.map(|(_, value)| value.as_str())
}

/// UTF-8 is what is assumed unless another `charset` is named.
fn is_utf8(parameters: &[(String, String)]) -> bool {
    parameter(parameters, "charset").is_none_or(|charset| matches!(charset, "utf-8" | "utf8"))
}

/// RFC 9110, 12.4.2; what is not a weight counts as none given.
fn quality(parameters: &[(String, String)]) -> f32 {
    let quality = parameter(parameters, "q").and_then(|quality| quality.parse().ok());
    quality.filter(|quality| (0.0..=1.0).contains(quality)).unwrap_or(1.0)
}
