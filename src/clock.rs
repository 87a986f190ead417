//! The one source of time, so that tests decide what "now" is.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

/// Tells the time: the system's, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Mutex<NaiveDateTime>>>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `at` (UTC) until it is moved.
    #[must_use]
    pub fn fixed(at: NaiveDateTime) -> Self {
        Self(Some(Arc::new(Mutex::new(at))))
    }

    /// Moves a fixed clock on; the system's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Some(at) = &self.0 {
            *at.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }

    /// Now, in UTC, as the databases keep it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn now(&self) -> NaiveDateTime {
        match &self.0 {
            Some(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
            None => Utc::now().naive_utc(),
        }
    }

    /// Today's date in a time zone: the institute's day, not UTC's.
    #[must_use]
    pub fn today(&self, zone: Tz) -> NaiveDate {
        self.now().and_utc().with_timezone(&zone).date_naive()
    }
}

/// A stored time (UTC without a zone) as the API gives it.
#[must_use]
pub fn utc(at: NaiveDateTime) -> DateTime<Utc> {
    at.and_utc()
}
