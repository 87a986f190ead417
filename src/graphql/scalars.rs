//! Dates and times of day. Points in time are `DateTime`: RFC 3339, in UTC.

use async_graphql::{Description, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};

/// A date in the institute's calendar, `YYYY-MM-DD` (full-date in RFC 3339).
#[derive(Description, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub NaiveDate);

#[Scalar(use_type_description = true, specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value)?;
        let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        // RFC 3339 has four digits for the year, and neither database takes every year that chrono does.
        let date = date.filter(|date| (1..=9999).contains(&date.year()));
        date.map(Self).ok_or_else(|| InputValueError::custom("takes a date such as 2026-11-22"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// A time of day at the institute, `HH:MM:SS` (partial-time in RFC 3339); seconds may be left out in input.
#[derive(Description, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub NaiveTime);

#[Scalar(use_type_description = true, specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for Time {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value)?;
        let time = NaiveTime::parse_from_str(&text, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(&text, "%H:%M"));
        // A leap second is read, but no database keeps one.
        let time = time.ok().filter(|time| time.nanosecond() == 0);
        time.map(Self).ok_or_else(|| InputValueError::custom("takes a time of day such as 09:30"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%H:%M:%S").to_string())
    }
}

fn text<T: async_graphql::InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::expected_type(other)),
    }
}
