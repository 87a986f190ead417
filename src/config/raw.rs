//! The variables as they are written, and how each is read.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{Config, Environment, Problems, checker::Checker};
use crate::{db::Pooling, graphql::Limits, throttle::Rates};

/// Points of cost a minute that can be counted without a loss, in Redis too.
const MOST_POINTS: u64 = 1_000_000_000;

/// The variables as they are, each to be read and checked. envy reads the field `database_url` from `DATABASE_URL`.
#[derive(Debug, Default, Deserialize)]
pub struct Raw {
    pub environment: Option<String>,
    pub database_url: Option<String>,
    pub database_pool_size: Option<String>,
    pub database_acquire_timeout_seconds: Option<String>,
    pub database_statement_timeout_seconds: Option<String>,
    pub database_pooling: Option<String>,
    pub database_migration_url: Option<String>,
    pub database_replica_urls: Option<String>,
    pub database_replica_max_lag_ms: Option<String>,
    pub migrate_on_start: Option<String>,
    pub redis_url: Option<String>,
    pub redis_ca_file: Option<String>,
    pub listen_addr: Option<String>,
    pub allowed_hosts: Option<String>,
    pub trusted_proxies: Option<String>,
    pub https_redirect: Option<String>,
    pub cors_origins: Option<String>,
    pub max_connections: Option<String>,
    pub max_in_flight: Option<String>,
    pub header_timeout_seconds: Option<String>,
    pub max_header_bytes: Option<String>,
    pub body_timeout_seconds: Option<String>,
    pub shutdown_delay_seconds: Option<String>,
    pub secret_key: Option<String>,
    pub secret_key_previous: Option<String>,
    pub session_lifetime_hours: Option<String>,
    pub session_idle_hours: Option<String>,
    pub smtp_url: Option<String>,
    pub mail_from: Option<String>,
    pub sms_gateway_url: Option<String>,
    pub sms_gateway_token: Option<String>,
    pub worker: Option<String>,
    pub jobs_at_once: Option<String>,
    pub job_lease_seconds: Option<String>,
    pub job_attempts: Option<String>,
    pub fcm_credentials: Option<String>,
    pub fcm_url: Option<String>,
    pub fcm_messages_per_minute: Option<String>,
    pub admin_addr: Option<String>,
    pub max_subscriptions: Option<String>,
    pub max_live_connections: Option<String>,
    pub live_buffer: Option<String>,
    pub live_look_seconds: Option<String>,
    pub event_days: Option<String>,
    pub password_hashes_at_once: Option<String>,
    pub request_timeout_seconds: Option<String>,
    pub max_body_bytes: Option<String>,
    pub max_query_tokens: Option<String>,
    pub max_query_nesting: Option<String>,
    pub max_query_depth: Option<String>,
    pub max_introspection_depth: Option<String>,
    pub max_query_fields: Option<String>,
    pub max_query_root_fields: Option<String>,
    pub max_query_aliases: Option<String>,
    pub max_query_directives: Option<String>,
    pub max_input_values: Option<String>,
    pub max_query_cost: Option<String>,
    pub max_answer_values: Option<String>,
    pub rate_limit_cost_per_minute: Option<String>,
    pub rate_limit_anonymous_cost_per_minute: Option<String>,
    pub persisted_documents: Option<String>,
    pub persisted_documents_only: Option<String>,
    pub oidc_providers: Option<String>,
    pub graphiql: Option<String>,
    pub introspection_anonymous: Option<String>,
    pub log_format: Option<String>,
    pub log_level: Option<String>,
    pub log_file: Option<String>,
    pub log_rotation: Option<String>,
    pub log_files: Option<String>,
    pub slow_operation_ms: Option<String>,
    pub slow_sql_ms: Option<String>,
    pub otel_exporter_otlp_endpoint: Option<String>,
    pub otel_exporter_otlp_headers: Option<String>,
    pub otel_service_name: Option<String>,
    pub otel_traces_sampler: Option<String>,
    pub otel_traces_sampler_arg: Option<String>,
    pub sentry_dsn: Option<String>,
    pub sentry_environment: Option<String>,
}

/// Requests that are worked on at a time: as many as have a short wait for a connection, and not those that would wait for
/// longer than anybody wants.
fn in_flight(pool_size: u32, replicas: usize) -> usize {
    const FOR_EACH_CONNECTION: usize = 32;
    let connections = usize::try_from(pool_size).unwrap_or(usize::MAX).saturating_mul(1 + replicas);
    connections.saturating_mul(FOR_EACH_CONNECTION).clamp(1, 1_000_000)
}

impl Checker {
    /// The configuration, where nothing is wrong with it.
    pub fn check(self, raw: Raw) -> Result<Config, Problems> {
        let (config, problems) = self.read(raw);
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// The configuration, and all that is wrong with it.
    #[expect(clippy::too_many_lines, reason = "a line for each variable")]
    pub fn read(mut self, raw: Raw) -> (Config, Vec<(&'static str, String)>) {
        let limits = self.limits(&raw);
        let environments = [Environment::Development, Environment::Production].map(|one| (one.name(), one));
        let environment = self.one_of("ENVIRONMENT", raw.environment.clone(), Environment::Production, &environments);
        let telemetry = self.telemetry(&raw, environment);
        let database_url = self.database_url(raw.database_url);
        let embedded = database_url.starts_with("sqlite:");
        let replicas = self.database_replica_urls(raw.database_replica_urls, embedded);
        let pool_size = self.number("DATABASE_POOL_SIZE", raw.database_pool_size, 8, 1..=1000);
        let booleans = [("true", true), ("false", false)];
        let trusted_proxies = self.trusted_proxies(raw.trusted_proxies);
        let behind_proxy = environment == Environment::Production && !trusted_proxies.is_empty();
        let config = Config {
            environment,
            database_url: database_url.into(),
            database_pool_size: pool_size,
            database_acquire_timeout: self.seconds(
                "DATABASE_ACQUIRE_TIMEOUT_SECONDS",
                raw.database_acquire_timeout_seconds,
                5,
            ),
            database_statement_timeout: self.seconds(
                "DATABASE_STATEMENT_TIMEOUT_SECONDS",
                raw.database_statement_timeout_seconds,
                15,
            ),
            database_pooling: self.one_of(
                "DATABASE_POOLING",
                raw.database_pooling,
                Pooling::Session,
                &[("session", Pooling::Session), ("transaction", Pooling::Transaction)],
            ),
            database_migration_url: self.database_migration_url(raw.database_migration_url),
            max_in_flight: self.number(
                "MAX_IN_FLIGHT",
                raw.max_in_flight,
                in_flight(pool_size, replicas.len()),
                1..=1_000_000,
            ),
            database_replica_urls: replicas,
            database_replica_max_lag: Duration::from_millis(self.number(
                "DATABASE_REPLICA_MAX_LAG_MS",
                raw.database_replica_max_lag_ms,
                100,
                20..=5000,
            )),
            migrate_on_start: self.one_of("MIGRATE_ON_START", raw.migrate_on_start, embedded, &booleans),
            redis_url: self.redis_url(raw.redis_url),
            redis_ca_file: raw.redis_ca_file.map(PathBuf::from),
            listen_addr: self.parsed(
                "LISTEN_ADDR",
                raw.listen_addr,
                SocketAddr::from(([127, 0, 0, 1], 8000)),
                "an address and a port, such as 127.0.0.1:8000",
            ),
            allowed_hosts: self.allowed_hosts(raw.allowed_hosts, environment),
            trusted_proxies,
            https_redirect: self.one_of("HTTPS_REDIRECT", raw.https_redirect, behind_proxy, &booleans),
            cors_origins: self.cors_origins(raw.cors_origins, environment),
            max_connections: self.number("MAX_CONNECTIONS", raw.max_connections, 1000, 1..=1_000_000),
            header_timeout: self.seconds("HEADER_TIMEOUT_SECONDS", raw.header_timeout_seconds, 30),
            // hyper takes no fewer.
            max_header_bytes: self.number("MAX_HEADER_BYTES", raw.max_header_bytes, 32 * 1024, 8192..=1024 * 1024),
            body_timeout: self.seconds("BODY_TIMEOUT_SECONDS", raw.body_timeout_seconds, 30),
            shutdown_delay: Duration::from_secs(self.number(
                "SHUTDOWN_DELAY_SECONDS",
                raw.shutdown_delay_seconds,
                0,
                0..=3600,
            )),
            secret_key: self.secret_key(raw.secret_key, environment),
            secret_key_previous: self.secret_key_previous(raw.secret_key_previous),
            session_lifetime: self.hours("SESSION_LIFETIME_HOURS", raw.session_lifetime_hours, 24 * 14),
            session_idle: self.hours("SESSION_IDLE_HOURS", raw.session_idle_hours, 24 * 7),
            smtp_url: self.smtp_url(raw.smtp_url, environment),
            mail_from: self.mail_from(raw.mail_from),
            sms_gateway_url: self.sms_gateway_url(raw.sms_gateway_url, environment),
            sms_gateway_token: raw.sms_gateway_token.map(Into::into),
            worker: self.one_of("WORKER", raw.worker, true, &booleans),
            jobs_at_once: self.number("JOBS_AT_ONCE", raw.jobs_at_once, 16, 1..=256),
            job_lease: self.seconds("JOB_LEASE_SECONDS", raw.job_lease_seconds, 60),
            job_attempts: self.number("JOB_ATTEMPTS", raw.job_attempts, 24, 1..=100),
            fcm_credentials: raw.fcm_credentials.map(PathBuf::from),
            fcm_url: self.fcm_url(raw.fcm_url, environment),
            fcm_per_minute: self.number(
                "FCM_MESSAGES_PER_MINUTE",
                raw.fcm_messages_per_minute,
                60_000,
                1..=MOST_POINTS,
            ),
            admin_addr: self.admin_addr(raw.admin_addr),
            max_subscriptions: self.number("MAX_SUBSCRIPTIONS", raw.max_subscriptions, 20, 1..=1000),
            max_live_connections: self.number("MAX_LIVE_CONNECTIONS", raw.max_live_connections, 20, 1..=1000),
            live_buffer: self.number("LIVE_BUFFER", raw.live_buffer, 256, 1..=65_536),
            // No longer than what was told of is read again (`graphql::live`).
            live_look: Duration::from_secs(self.number("LIVE_LOOK_SECONDS", raw.live_look_seconds, 5, 1..=10)),
            event_days: self.number("EVENT_DAYS", raw.event_days, 30, 1..=3650),
            password_hashes_at_once: self.number("PASSWORD_HASHES_AT_ONCE", raw.password_hashes_at_once, 4, 1..=256),
            request_timeout: self.seconds("REQUEST_TIMEOUT_SECONDS", raw.request_timeout_seconds, 30),
            max_body_bytes: self.number("MAX_BODY_BYTES", raw.max_body_bytes, 1024 * 1024, 1024..=64 * 1024 * 1024),
            limits,
            rates: Rates {
                viewer: self.number(
                    "RATE_LIMIT_COST_PER_MINUTE",
                    raw.rate_limit_cost_per_minute,
                    10_000_000,
                    0..=MOST_POINTS,
                ),
                anonymous: self.number(
                    "RATE_LIMIT_ANONYMOUS_COST_PER_MINUTE",
                    raw.rate_limit_anonymous_cost_per_minute,
                    1_000_000,
                    0..=MOST_POINTS,
                ),
            },
            persisted_documents: raw.persisted_documents.map(PathBuf::from),
            persisted_documents_only: self.one_of(
                "PERSISTED_DOCUMENTS_ONLY",
                raw.persisted_documents_only,
                false,
                &booleans,
            ),
            oidc_providers: raw.oidc_providers.map(PathBuf::from),
            graphiql: self.one_of("GRAPHIQL", raw.graphiql, environment == Environment::Development, &booleans),
            introspection_anonymous: self.one_of(
                "INTROSPECTION_ANONYMOUS",
                raw.introspection_anonymous,
                environment == Environment::Development,
                &booleans,
            ),
            telemetry,
        };
        if config.persisted_documents_only && config.persisted_documents.is_none() {
            self.problem("PERSISTED_DOCUMENTS_ONLY", "needs PERSISTED_DOCUMENTS: nobody could sign in");
        }
        if config.https_redirect && config.trusted_proxies.is_empty() {
            self.problem("HTTPS_REDIRECT", "needs TRUSTED_PROXIES: nobody else says what came over HTTPS");
        }
        if config.smtp_url.is_some() != config.mail_from.is_some() {
            self.problem("MAIL_FROM", "goes with SMTP_URL: set both, or neither");
        }
        if config.sms_gateway_url.is_some() != config.sms_gateway_token.is_some() {
            self.problem("SMS_GATEWAY_TOKEN", "goes with SMS_GATEWAY_URL: set both, or neither");
        }
        self.stores(&config, embedded);
        (config, self.problems)
    }

    fn limits(&mut self, raw: &Raw) -> Limits {
        let default = Limits::default();
        let mut most =
            |variable, value: &Option<String>, default, range| self.number(variable, value.clone(), default, range);
        // Recursion over a document goes as deep as MAX_QUERY_NESTING, and a stack has an end.
        Limits {
            tokens: most("MAX_QUERY_TOKENS", &raw.max_query_tokens, default.tokens, 10..=1_000_000),
            nesting: most("MAX_QUERY_NESTING", &raw.max_query_nesting, default.nesting, 1..=64),
            depth: most("MAX_QUERY_DEPTH", &raw.max_query_depth, default.depth, 1..=64),
            introspection_depth: most(
                "MAX_INTROSPECTION_DEPTH",
                &raw.max_introspection_depth,
                default.introspection_depth,
                0..=8,
            ),
            fields: most("MAX_QUERY_FIELDS", &raw.max_query_fields, default.fields, 1..=100_000),
            root_fields: most("MAX_QUERY_ROOT_FIELDS", &raw.max_query_root_fields, default.root_fields, 1..=10_000),
            aliases: most("MAX_QUERY_ALIASES", &raw.max_query_aliases, default.aliases, 0..=100_000),
            directives: most("MAX_QUERY_DIRECTIVES", &raw.max_query_directives, default.directives, 0..=100_000),
            input_values: most("MAX_INPUT_VALUES", &raw.max_input_values, default.input_values, 1..=1_000_000),
            cost: most("MAX_QUERY_COST", &raw.max_query_cost, default.cost, 1..=1_000_000_000_000),
            answer_values: most("MAX_ANSWER_VALUES", &raw.max_answer_values, default.answer_values, 1..=100_000_000),
        }
    }
}
