//! An operation, as it is told of: by its shape, and by what became of it. What it asks for, and of whom, is nobody's business.

use std::time::Duration;

use async_graphql::{Response, Value, parser::types::OperationType};
use tracing::{Span, field::Empty};

use super::TARGET;
use crate::error::Code;

/// Characters of an operation's name that are told: clients choose it.
const NAME: usize = 64;

/// The shape of an operation.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    /// Its name, cut to [`NAME`] characters; none where it has none.
    name: Option<String>,
    /// What it is, by GraphQL's own word; none where it is not known which operation of the document is meant.
    kind: Option<OperationType>,
    /// Whether its document is a kept one: of these there are only so many, so their names may be labels.
    kept: bool,
    cost: u64,
}

/// What became of an operation: all went well, or the worst that is among its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome(Option<Code>);

impl Outcome {
    /// The outcome of what is answered so.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let codes = response.errors.iter().map(|error| {
            let code = error.extensions.as_ref().and_then(|extensions| match extensions.get("code")? {
                Value::String(code) => Code::named(code),
                _ => None,
            });
            // What the library says by itself has none: of a request that is wrong, or of a field that failed.
            code.unwrap_or(if error.path.is_empty() { Code::BadUserInput } else { Code::Internal })
        });
        Self(codes.max())
    }

    /// As a label has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.map_or("OK", Code::as_str)
    }

    /// Whether it is a fault, and not what a client asked for.
    fn is_fault(self) -> bool {
        self.0.is_some_and(|code| code >= Code::Timeout)
    }
}

impl Operation {
    /// The shape of an operation with this name, of a document that is kept or not, which costs so much.
    #[must_use]
    pub fn new(name: Option<&str>, kind: Option<OperationType>, kept: bool, cost: u64) -> Self {
        Self { name: name.map(|name| name.chars().take(NAME).collect()), kind, kept, cost }
    }

    /// Its name, as a label may have it.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().filter(|_| self.kept).unwrap_or("other")
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.kind {
            Some(OperationType::Query) => "query",
            Some(OperationType::Mutation) => "mutation",
            Some(OperationType::Subscription) => "subscription",
            None => "unknown",
        }
    }

    /// The span of its execution, by the semantic conventions for GraphQL servers; the document is not in it.
    #[must_use]
    pub fn span(&self) -> Span {
        tracing::info_span!(
            target: TARGET,
            "operation",
            otel.name = self.kind(),
            otel.status_code = Empty,
            graphql.operation.name = self.name,
            graphql.operation.type = self.kind(),
            rollcall.operation.cost = i64::try_from(self.cost).unwrap_or(i64::MAX),
            rollcall.read.place = Empty,
            error.type = Empty,
        )
    }

    /// Notes in its span, which is the present one, where it was read.
    pub fn read_at(place: &'static str) {
        Span::current().record("rollcall.read.place", place);
    }

    /// Notes its outcome in its span.
    pub fn end(span: &Span, outcome: Outcome) {
        if outcome != Outcome(None) {
            span.record("error.type", outcome.as_str());
        }
        if outcome.is_fault() {
            span.record("otel.status_code", "ERROR");
        }
    }

    /// Logs it, if it took as long as is slow.
    pub fn log_if_slow(&self, took: Duration, slow: Option<Duration>, outcome: Outcome) {
        if slow.is_some_and(|slow| took >= slow) {
            let milliseconds = took.as_secs_f64() * 1000.0;
            let (name, kind, outcome) = (self.name.as_deref(), self.kind(), outcome.as_str());
            tracing::warn!(name, kind, cost = self.cost, outcome, milliseconds, "an operation was slow");
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, ServerError};

    use super::*;

    fn error(code: Option<&str>, path: bool) -> ServerError {
        let mut error = ServerError::new("no", None);
        if let Some(code) = code {
            error.extensions.get_or_insert_default().set("code", code);
        }
        error.path.extend(path.then(|| PathSegment::Field("it".to_owned())));
        error
    }

    #[test]
    fn the_outcome_is_the_worst_of_the_errors() {
        let outcome = |errors| Outcome::of(&Response::from_errors(errors)).as_str();
        assert_eq!(outcome(vec![]), "OK");
        assert_eq!(outcome(vec![error(Some("FORBIDDEN"), true), error(Some("NOT_FOUND"), true)]), "NOT_FOUND");
        assert_eq!(outcome(vec![error(Some("INTERNAL"), true), error(Some("FORBIDDEN"), true)]), "INTERNAL");
        assert_eq!(
            (outcome(vec![error(None, true)]), outcome(vec![error(None, false)])),
            ("INTERNAL", "BAD_USER_INPUT")
        );
    }

    #[test]
    fn only_names_of_kept_documents_are_labels_and_no_name_is_long() {
        let of =
            |name: Option<&str>, kept| Operation::new(name, Some(OperationType::Query), kept, 1).label().to_owned();
        assert_eq!([of(Some("Page"), true), of(Some("Page"), false), of(None, true)], ["Page", "other", "other"]);
        assert_eq!(of(Some(&"é".repeat(100)), true), "é".repeat(NAME));
    }
}
