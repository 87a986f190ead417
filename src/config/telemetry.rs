//! Reads what the service is to tell of itself.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use sentry::types::Dsn;
use tracing_subscriber::EnvFilter;

use super::{Environment, Raw, checker::Checker};
use crate::telemetry::{LogFormat, Rotation, Sampler, Settings};

impl Checker {
    pub(super) fn telemetry(&mut self, raw: &Raw, environment: Environment) -> Settings {
        let default = Settings::default();
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let rotations = [("daily", Rotation::Daily), ("hourly", Rotation::Hourly), ("never", Rotation::Never)];
        Settings {
            log_format: self.one_of("LOG_FORMAT", raw.log_format.clone(), default.log_format, &formats),
            log_level: self.log_level(raw.log_level.clone().unwrap_or(default.log_level)),
            log_file: self.log_file(raw.log_file.as_deref()),
            log_rotation: self.one_of("LOG_ROTATION", raw.log_rotation.clone(), default.log_rotation, &rotations),
            log_files: self.number("LOG_FILES", raw.log_files.clone(), default.log_files, 1..=10_000),
            slow_operation: self.slow("SLOW_OPERATION_MS", raw.slow_operation_ms.clone(), default.slow_operation),
            slow_sql: self.slow("SLOW_SQL_MS", raw.slow_sql_ms.clone(), default.slow_sql),
            otlp_endpoint: self.otlp_endpoint(raw, environment),
            service_name: raw.otel_service_name.clone().unwrap_or(default.service_name),
            sampler: self.sampler(raw),
            sentry_dsn: self.sentry_dsn(raw.sentry_dsn.as_deref(), environment),
            environment: raw.sentry_environment.clone().unwrap_or_else(|| environment.name().to_owned()),
        }
    }

    fn log_level(&mut self, level: String) -> String {
        if level.parse::<EnvFilter>().is_err() {
            self.problem("LOG_LEVEL", format!("{level:?} is no list of levels such as info or warn,rollcall=debug"));
        }
        level
    }

    fn log_file(&mut self, value: Option<&str>) -> Option<PathBuf> {
        let path = PathBuf::from(value?);
        if path.file_name().is_none() {
            self.problem("LOG_FILE", format!("{} names no file", path.display()));
        }
        Some(path)
    }

    /// From how many milliseconds on something is slow; 0 is never.
    fn slow(&mut self, variable: &'static str, value: Option<String>, default: Option<Duration>) -> Option<Duration> {
        let default = default.map_or(0, |default| u64::try_from(default.as_millis()).unwrap_or(u64::MAX));
        let milliseconds = self.number(variable, value, default, 0..=3_600_000);
        (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
    }

    /// Where spans go. They have nothing of a person, so a collector nearby may be reached unencrypted; the headers, which the
    /// exporter reads for itself by the specification, have its token.
    fn otlp_endpoint(&mut self, raw: &Raw, environment: Environment) -> Option<String> {
        const VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let with_headers = raw.otel_exporter_otlp_headers.is_some();
        let Some(endpoint) = &raw.otel_exporter_otlp_endpoint else {
            if with_headers {
                self.problem("OTEL_EXPORTER_OTLP_HEADERS", format!("needs {VARIABLE}: nobody is sent them"));
            }
            return None;
        };
        let endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        let reached_as = if with_headers { environment } else { Environment::Development };
        self.encrypted(VARIABLE, &endpoint, reached_as, ("https://host:4318", "the headers"));
        Some(endpoint)
    }

    fn sampler(&mut self, raw: &Raw) -> Sampler {
        let ratio = self.parsed("OTEL_TRACES_SAMPLER_ARG", raw.otel_traces_sampler_arg.clone(), 1.0, RATIO);
        if !(0.0..=1.0).contains(&ratio) {
            self.problem("OTEL_TRACES_SAMPLER_ARG", format!("{ratio} is not {RATIO}"));
        }
        let samplers = [
            ("always_on", Sampler::Always),
            ("always_off", Sampler::Never),
            ("traceidratio", Sampler::Ratio(ratio)),
            ("parentbased_always_on", Sampler::ParentOrAlways),
            ("parentbased_always_off", Sampler::ParentOrNever),
            ("parentbased_traceidratio", Sampler::ParentOrRatio(ratio)),
        ];
        self.one_of("OTEL_TRACES_SAMPLER", raw.otel_traces_sampler.clone(), Sampler::ParentOrAlways, &samplers)
    }

    fn sentry_dsn(&mut self, value: Option<&str>, environment: Environment) -> Option<SecretString> {
        let dsn = value?.trim();
        let form = "https://key@host/project";
        if dsn.parse::<Dsn>().is_ok() {
            self.encrypted("SENTRY_DSN", dsn, environment, (form, "the key and what is wrong here"));
        } else {
            // The value can hold a secret: it is not repeated.
            self.problem("SENTRY_DSN", format!("is not {form}"));
        }
        Some(dsn.into())
    }
}

/// What `OTEL_TRACES_SAMPLER_ARG` takes.
const RATIO: &str = "a number from 0 to 1";
