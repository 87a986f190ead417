//! What the service tells of itself while it runs: its log, traces of what it does, and its faults. `metrics` has its figures.
//!
//! All of it is told to `tracing`, and here is who listens: the log ([`LogFormat`]), a collector of OpenTelemetry where there is
//! one, and Sentry where there is one. None is given what another has, so that what each may hold is seen in one place:
//!
//! - the log has the events, and of spans the request's, with its id;
//! - a trace has the spans of `span` and `sql`, under [`TARGET`], and no event: no text that somebody wrote, no value that is
//!   bound, nobody's id;
//! - Sentry has what `faults` lets through of the events that are errors.
//!
//! What nobody listens to costs a look at a flag.

use std::{path::PathBuf, time::Duration};

use opentelemetry_sdk::trace::SdkTracerProvider;
use secrecy::SecretString;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

use crate::error::{Error, Result};

mod faults;
mod log;
mod operation;
mod otlp;
mod resolver;
pub mod span;
pub mod sql;

pub use operation::{Operation, Outcome};
pub use resolver::RootFields;

/// The target of all spans that make up a trace.
pub const TARGET: &str = "otel";

/// How long the process waits at its end for what it has to tell still.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Who listens to `tracing`.
type Part = Box<dyn Layer<Registry> + Send + Sync>;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// When another log file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Each day, in UTC.
    Daily,
    /// Each hour.
    Hourly,
    /// Not at all: somebody else sees to it.
    Never,
}

/// Which traces are kept, by the names that OpenTelemetry has for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampler {
    /// `always_on`
    Always,
    /// `always_off`
    Never,
    /// `traceidratio`
    Ratio(f64),
    /// `parentbased_always_on`: as whoever asked has it, else always.
    ParentOrAlways,
    /// `parentbased_always_off`
    ParentOrNever,
    /// `parentbased_traceidratio`
    ParentOrRatio(f64),
}

/// What is told, and to whom. Secrets are not printed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `LOG_LEVEL`: directives of `tracing-subscriber`'s `EnvFilter`.
    pub log_level: String,
    /// `LOG_FILE`: the log, where it does not go to standard error.
    pub log_file: Option<PathBuf>,
    /// `LOG_ROTATION`
    pub log_rotation: Rotation,
    /// `LOG_FILES`: how many of them are kept.
    pub log_files: usize,
    /// `SLOW_OPERATION_MS`: from when on an operation is slow.
    pub slow_operation: Option<Duration>,
    /// `SLOW_SQL_MS`: from when on a statement is slow.
    pub slow_sql: Option<Duration>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: where spans go.
    pub otlp_endpoint: Option<String>,
    /// `OTEL_SERVICE_NAME`
    pub service_name: String,
    /// `OTEL_TRACES_SAMPLER` with `OTEL_TRACES_SAMPLER_ARG`
    pub sampler: Sampler,
    /// `SENTRY_DSN`: where faults go.
    pub sentry_dsn: Option<SecretString>,
    /// `SENTRY_ENVIRONMENT`, or else `ENVIRONMENT`: what traces and faults say of where they are from.
    pub environment: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
            log_file: None,
            log_rotation: Rotation::Daily,
            log_files: 14,
            slow_operation: Some(Duration::from_secs(1)),
            slow_sql: Some(Duration::from_millis(200)),
            otlp_endpoint: None,
            service_name: "rollcall".to_owned(),
            sampler: Sampler::ParentOrAlways,
            sentry_dsn: None,
            environment: "development".to_owned(),
        }
    }
}

/// Has what the process tells of itself go where it is to go, until it is dropped: then all of it has gone there, or
/// [`LAST_WORDS`] have passed.
#[must_use]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    faults: Option<faults::Client>,
    _log: Option<WorkerGuard>,
}

impl Telemetry {
    /// Begins, once in a process.
    ///
    /// # Errors
    /// When the log file cannot be written, or the process has begun before.
    pub fn begin(settings: &Settings) -> Result<Self> {
        let (log, guard) = log::part(settings)?;
        let traces = otlp::provider(settings)?;
        let faults = faults::client(settings)?;
        let mut parts: Vec<Part> = vec![log];
        parts.extend(traces.as_ref().map(otlp::part));
        parts.extend(faults.clone().map(faults::part));
        tracing_subscriber::registry().with(parts).try_init().map_err(Error::internal)?;
        faults::tell_panics();
        Ok(Self { traces, faults, _log: guard })
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown_with_timeout(LAST_WORDS)
        {
            tracing::warn!(cause = %error, "the last spans were not sent");
        }
        if let Some(faults) = &self.faults
            && !faults.close(Some(LAST_WORDS))
        {
            tracing::warn!("the last faults were not sent");
        }
    }
}
