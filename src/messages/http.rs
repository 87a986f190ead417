//! What all who are reached over HTTP have in common: the client, and what becomes of an answer that is none of success.

use std::time::Duration;

use chrono::NaiveDateTime;
use reqwest::{
    Client, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};

use super::{Failure, TIMEOUT};
use crate::error::{Error, Result};

/// The longest that another side has us wait: beyond it, it is a mistake of theirs.
const LONGEST: Duration = Duration::from_hours(24);

/// A date as HTTP has it, in its three forms (RFC 9110, 5.6.7).
const DATES: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// A client. The token that it sends is for one address alone, so it goes by no redirect, and by no proxy that the
/// environment names.
pub(super) fn client() -> Result<Client> {
    let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy();
    client.build().map_err(Error::internal)
}

/// That there was no answer. What the library says of it has the URL, which may have a secret in it.
pub(super) fn broken(whose: &str, error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::of(true, format!("{whose} took too long"))
    } else {
        Failure::of(true, format!("no connection to {whose}, or it broke"))
    }
}

/// That the answer was none of success: by its status, and its `Retry-After`.
pub(super) fn refused(whose: &str, status: StatusCode, headers: &HeaderMap, now: NaiveDateTime) -> Failure {
    // What the client does wrong is not right the next time.
    let again =
        !status.is_client_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let after = if again { retry_after(headers, now) } else { None };
    Failure { after, ..Failure::of(again, format!("{whose} answered {}", status.as_u16())) }
}

/// What `Retry-After` says (RFC 9110, 10.2.3): seconds, or a date. What is neither says nothing.
fn retry_after(headers: &HeaderMap, now: NaiveDateTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // So many digits that it is no number are very long.
        return Some(text.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let date = DATES.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some((date - now).to_std().unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn told(value: &str) -> Option<u64> {
        let now = NaiveDate::from_ymd_opt(2026, 3, 20).unwrap().and_hms_opt(12, 0, 0).unwrap();
        let headers = [(RETRY_AFTER, value.parse().unwrap())].into_iter().collect();
        retry_after(&headers, now).map(|after| after.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_an_end() {
        for (value, seconds) in [
            ("0", 0),
            (" 120 ", 120),
            ("Fri, 20 Mar 2026 12:01:30 GMT", 90),
            ("Friday, 20-Mar-26 12:01:30 GMT", 90),
            ("Fri Mar 20 12:01:30 2026", 90),
            ("Fri, 20 Mar 2026 11:00:00 GMT", 0),
            ("99999999999999999999999", 86_400),
            ("Sun, 20 Mar 2033 12:00:00 GMT", 86_400),
        ] {
            assert_eq!(told(value), Some(seconds), "{value}");
        }
        for value in ["", "soon", "-1", "1.5", "Fri, 32 Mar 2026 12:01:30 GMT"] {
            assert_eq!(told(value), None, "{value}");
        }
    }

    #[test]
    fn what_the_client_does_wrong_is_not_tried_again() {
        let now = NaiveDateTime::default();
        let headers = [(RETRY_AFTER, "7".parse().unwrap())].into_iter().collect();
        for (status, again) in
            [(400, false), (401, false), (404, false), (408, true), (429, true), (500, true), (302, true)]
        {
            let failure = refused("it", StatusCode::from_u16(status).unwrap(), &headers, now);
            let after = again.then_some(Duration::from_secs(7));
            assert_eq!((failure.again, failure.after, failure.gone), (again, after, false), "{status}");
            assert_eq!(failure.cause, format!("it answered {status}"));
        }
    }
}
