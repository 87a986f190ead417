//! Statements of SQL: counted, each with a span where it is part of a trace, and logged where it is slow. They are told of by
//! their text, in which placeholders stand for all values; Diesel gives the values after it, and they are cut off.

use std::{
    fmt::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::connection::{DebugQuery, Instrumentation, InstrumentationEvent};
use tracing::{Span, field::Empty};

use super::{TARGET, span::is_traced};

/// Bytes of a statement's text that are told.
const MOST: usize = 2048;

/// What begins where Diesel tells the values.
const VALUES: &str = "-- binds";

/// Statements, as they are counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Sent.
    sent: Arc<AtomicU64>,
    /// Prepared: one that was prepared before is found in the cache of its connection.
    prepared: Arc<AtomicU64>,
}

impl Counts {
    /// How many were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many of them had to be prepared.
    #[must_use]
    pub fn prepared(&self) -> u64 {
        self.prepared.load(Ordering::Relaxed)
    }
}

/// Watches the statements of one connection, of which one runs at a time.
#[derive(Clone)]
pub struct Watch {
    system: &'static str,
    counts: Counts,
    slow: Option<Duration>,
    running: Option<(Instant, Span)>,
}

impl Watch {
    /// For a connection to this database system, by the name that the conventions have for it.
    #[must_use]
    pub fn new(system: &'static str, counts: Counts, slow: Option<Duration>) -> Self {
        Self { system, counts, slow, running: None }
    }

    fn span(&self, query: &dyn DebugQuery) -> Span {
        if !is_traced() {
            return Span::none();
        }
        let text = shape(query);
        let operation = operation(&text);
        tracing::info_span!(
            target: TARGET,
            "sql",
            otel.kind = "client",
            otel.name = operation,
            otel.status_code = Empty,
            db.system.name = self.system,
            db.operation.name = operation,
            db.query.text = text,
            error.type = Empty,
        )
    }
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                self.counts.sent.fetch_add(1, Ordering::Relaxed);
                self.running = Some((Instant::now(), self.span(query)));
            }
            InstrumentationEvent::CacheQuery { .. } => {
                self.counts.prepared.fetch_add(1, Ordering::Relaxed);
            }
            InstrumentationEvent::FinishQuery { query, error, .. } => {
                let Some((began, span)) = self.running.take() else { return };
                if let Some(error) = error {
                    span.record("error.type", kind_of(error));
                    span.record("otel.status_code", "ERROR");
                }
                let took = began.elapsed();
                if self.slow.is_some_and(|slow| took >= slow) {
                    let (statement, milliseconds) = (shape(query), took.as_secs_f64() * 1000.0);
                    tracing::warn!(system = self.system, statement, milliseconds, "a statement was slow");
                }
            }
            _ => {}
        }
    }
}

/// What kind of an error it is: its own words may repeat a value.
fn kind_of(error: &diesel::result::Error) -> &'static str {
    use diesel::result::{DatabaseErrorKind as Kind, Error};
    match error {
        Error::NotFound => "not_found",
        Error::DatabaseError(Kind::UniqueViolation, _) => "unique_violation",
        Error::DatabaseError(Kind::ForeignKeyViolation, _) => "foreign_key_violation",
        Error::DatabaseError(Kind::CheckViolation, _) => "check_violation",
        Error::DatabaseError(Kind::SerializationFailure, _) => "serialization_failure",
        Error::DatabaseError(Kind::ClosedConnection, _) => "closed_connection",
        _ => "_OTHER",
    }
}

/// The text of a statement.
fn shape(query: &dyn DebugQuery) -> String {
    let mut text = Text(String::new());
    // It ends with an error where the values begin, or where it is long enough: nothing of them is ever written.
    let _ = write!(text, "{query}");
    text.0.truncate(text.0.trim_end().len());
    text.0
}

/// Takes what is written to it, as far as it may be told.
struct Text(String);

impl Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let told = part.find(VALUES).map_or(part, |values| &part[..values]);
        let room = told.floor_char_boundary(MOST - self.0.len());
        self.0.push_str(&told[..room]);
        if room < part.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// What a statement does: its first word, where that is one of SQL.
fn operation(text: &str) -> &'static str {
    let first = text.split_whitespace().next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "SET"]
        .into_iter()
        .find(|word| first.trim_end_matches(';').eq_ignore_ascii_case(word))
        .unwrap_or("SQL")
}

#[cfg(test)]
mod tests {
    use diesel::{ExpressionMethods, QueryDsl, debug_query, pg::Pg, sqlite::Sqlite};

    use super::*;
    use crate::db::schema::accounts;

    #[test]
    fn a_statement_is_told_without_its_values() {
        let query = accounts::table
            .select(accounts::id)
            .filter(accounts::email.eq("ada@example.org"))
            .filter(accounts::phone.eq("-- binds: +9779812345678"))
            .limit(4711);
        for text in [shape(&debug_query::<Pg, _>(&query)), shape(&debug_query::<Sqlite, _>(&query))] {
            assert!(text.starts_with("SELECT ") && text.contains("email") && text.contains("LIMIT"), "{text}");
            for value in ["ada", "977", "4711", "binds"] {
                assert!(!text.contains(value), "{value} in {text}");
            }
            assert_eq!(operation(&text), "SELECT");
        }
    }

    #[test]
    fn a_long_statement_is_cut_and_its_values_with_it() {
        let ids: Vec<i64> = (0..2000).collect();
        let query = accounts::table.select(accounts::id).filter(accounts::id.eq_any(ids));
        let text = shape(&debug_query::<Sqlite, _>(&query));
        assert!(text.len() <= MOST && text.ends_with([',', '?', ' ']), "{text}");
    }
}
