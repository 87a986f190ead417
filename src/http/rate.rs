//! What a request costs, charged to who sends it, and told in the fields of "`RateLimit` header fields for HTTP"
//! (draft-ietf-httpapi-ratelimit-headers-10). The unit is the point of cost, as `extensions.cost` has it.

use axum::http::{HeaderName, HeaderValue, StatusCode};

use super::protocol::Rejection;
use crate::{auth::Viewer, client::Client, error::Code, graphql::Services, throttle::Charged};

/// Charges who sends a request with its cost, and gives the fields that say what is left.
///
/// # Errors
/// When too little is left: 429 (RFC 6585, 4) with `Retry-After`.
pub async fn charge(
    services: &Services,
    viewer: &Viewer,
    client: &Client,
    cost: u64,
) -> Result<Vec<(HeaderName, HeaderValue)>, Rejection> {
    let Some(charged) = services.throttle.charge(viewer, client, cost).await else { return Ok(Vec::new()) };
    let fields = fields(&charged);
    if !charged.refused {
        return Ok(fields);
    }
    services.metrics.limited(charged.policy);
    let message = format!("this costs {cost}, and more than is left: try again in {} seconds", charged.seconds);
    let rejection = Rejection::new(StatusCode::TOO_MANY_REQUESTS, message).code(Code::LimitExceeded.as_str());
    Err(rejection.with(fields).retry_after(charged.seconds))
}

fn fields(charged: &Charged) -> Vec<(HeaderName, HeaderValue)> {
    let Charged { policy, quota, remaining, seconds, .. } = charged;
    let fields = [
        (HeaderName::from_static("ratelimit-policy"), format!("\"{policy}\";q={quota};w=60")),
        (HeaderName::from_static("ratelimit"), format!("\"{policy}\";r={remaining};t={seconds}")),
    ];
    // Digits and names of ours are always a value.
    fields.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?))).collect()
}
