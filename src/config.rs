//! Configuration: typed, from the environment and an optional `.env`, read here and nowhere else.
//!
//! Every variable is in `.env.example` with its meaning, default and an example; a test keeps the two in step. All that is
//! wrong is reported at once, each with its variable, before anything is opened.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use axum::http::HeaderValue;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{db::Pooling, graphql::Limits, telemetry::Settings, throttle::Rates};

mod checker;
mod telemetry;
#[cfg(test)]
mod tests;

use checker::Checker;
pub use checker::Problems;

/// Points of cost a minute that can be counted without a loss, in Redis too.
const MOST_POINTS: u64 = 1_000_000_000;

/// What kind of deployment this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine: conveniences on, no secret needed.
    Development,
    /// Everything else.
    Production,
}

impl Environment {
    /// Its name, as `ENVIRONMENT` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// The configuration, checked.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a variable of its own in the environment")]
pub struct Config {
    /// `ENVIRONMENT`
    pub environment: Environment,
    /// `DATABASE_URL`; it can hold a password, so it is not printed.
    pub database_url: SecretString,
    /// `DATABASE_POOL_SIZE`
    pub database_pool_size: u32,
    /// `DATABASE_ACQUIRE_TIMEOUT_SECONDS`
    pub database_acquire_timeout: Duration,
    /// `DATABASE_STATEMENT_TIMEOUT_SECONDS`
    pub database_statement_timeout: Duration,
    /// `DATABASE_POOLING`: what is between this program and PostgreSQL.
    pub database_pooling: Pooling,
    /// `DATABASE_MIGRATION_URL`: the way past a pooler, for what needs a session.
    pub database_migration_url: Option<SecretString>,
    /// `DATABASE_REPLICA_URLS`: replicas of a PostgreSQL that queries may be read from.
    pub database_replica_urls: Vec<SecretString>,
    /// `DATABASE_REPLICA_MAX_LAG_MS`: how late they may be.
    pub database_replica_max_lag: Duration,
    /// `MIGRATE_ON_START`; where it is not set: yes for SQLite, no for PostgreSQL.
    pub migrate_on_start: bool,
    /// `REDIS_URL`
    pub redis_url: Option<SecretString>,
    /// `REDIS_CA_FILE`: the authorities of which the certificate of Redis must be, in place of those that the system trusts.
    pub redis_ca_file: Option<PathBuf>,
    /// `LISTEN_ADDR`
    pub listen_addr: SocketAddr,
    /// `ALLOWED_HOSTS`; empty allows every host (development only).
    pub allowed_hosts: Vec<String>,
    /// `TRUSTED_PROXIES`: who is believed about from where a request comes.
    pub trusted_proxies: Vec<IpNet>,
    /// `HTTPS_REDIRECT`; where it is not set: yes in production behind a trusted proxy.
    pub https_redirect: bool,
    /// `CORS_ORIGINS`: the other origins whose pages may use the API with a cookie.
    pub cors_origins: Vec<HeaderValue>,
    /// `MAX_CONNECTIONS`
    pub max_connections: usize,
    /// `MAX_IN_FLIGHT`: requests that are worked on at a time; where it is not set, it goes by the connections to databases.
    pub max_in_flight: usize,
    /// `HEADER_TIMEOUT_SECONDS`
    pub header_timeout: Duration,
    /// `MAX_HEADER_BYTES`
    pub max_header_bytes: usize,
    /// `BODY_TIMEOUT_SECONDS`
    pub body_timeout: Duration,
    /// `SHUTDOWN_DELAY_SECONDS`: how long requests still come after the process was told to stop.
    pub shutdown_delay: Duration,
    /// `SECRET_KEY`
    pub secret_key: SecretString,
    /// `SECRET_KEY_PREVIOUS`: one under which nothing is sealed any more, or yet, and which opens still.
    pub secret_key_previous: Option<SecretString>,
    /// `SESSION_LIFETIME_HOURS`
    pub session_lifetime: Duration,
    /// `SESSION_IDLE_HOURS`
    pub session_idle: Duration,
    /// `SMTP_URL`; it can hold a password, so it is not printed.
    pub smtp_url: Option<SecretString>,
    /// `MAIL_FROM`: whom mail is from.
    pub mail_from: Option<String>,
    /// `SMS_GATEWAY_URL`; it can hold a secret, so it is not printed.
    pub sms_gateway_url: Option<SecretString>,
    /// `SMS_GATEWAY_TOKEN`
    pub sms_gateway_token: Option<SecretString>,
    /// `WORKER`: whether `serve` does the queue's work as well.
    pub worker: bool,
    /// `JOBS_AT_ONCE`
    pub jobs_at_once: usize,
    /// `JOB_LEASE_SECONDS`: after how long another worker takes over.
    pub job_lease: Duration,
    /// `JOB_ATTEMPTS`: how often a job is tried before it is given up.
    pub job_attempts: i32,
    /// `FCM_CREDENTIALS`: the file of the service account that push messages are sent by.
    pub fcm_credentials: Option<PathBuf>,
    /// `FCM_URL`: where they are sent, where that is not Google.
    pub fcm_url: Option<String>,
    /// `FCM_MESSAGES_PER_MINUTE`
    pub fcm_per_minute: u64,
    /// `ADMIN_ADDR`: where metrics are served, apart from everybody else.
    pub admin_addr: Option<SocketAddr>,
    /// `MAX_SUBSCRIPTIONS`: live operations of one connection.
    pub max_subscriptions: usize,
    /// `MAX_LIVE_CONNECTIONS`: live connections of one viewer to this instance.
    pub max_live_connections: usize,
    /// `LIVE_BUFFER`: events that wait for a slow subscriber.
    pub live_buffer: usize,
    /// `LIVE_LOOK_SECONDS`: how often it is looked for what happens elsewhere, where Redis does not say it.
    pub live_look: Duration,
    /// `EVENT_DAYS`: how long events, notifications and finished jobs are kept.
    pub event_days: i64,
    /// `PASSWORD_HASHES_AT_ONCE`
    pub password_hashes_at_once: usize,
    /// `REQUEST_TIMEOUT_SECONDS`
    pub request_timeout: Duration,
    /// `MAX_BODY_BYTES`
    pub max_body_bytes: usize,
    /// `MAX_QUERY_TOKENS` and the others: what a request may ask for.
    pub limits: Limits,
    /// `RATE_LIMIT_COST_PER_MINUTE` and `RATE_LIMIT_ANONYMOUS_COST_PER_MINUTE`: what requests may cost.
    pub rates: Rates,
    /// `PERSISTED_DOCUMENTS`: the manifest of the documents that are kept under an id.
    pub persisted_documents: Option<PathBuf>,
    /// `PERSISTED_DOCUMENTS_ONLY`: whether only those are executed, but for administrators and API keys.
    pub persisted_documents_only: bool,
    /// `OIDC_PROVIDERS`: the file of the OpenID providers that one may sign in with.
    pub oidc_providers: Option<PathBuf>,
    /// `GRAPHIQL`
    pub graphiql: bool,
    /// `INTROSPECTION_ANONYMOUS`
    pub introspection_anonymous: bool,
    /// `LOG_FORMAT` and the others: what the service tells of itself.
    pub telemetry: Settings,
}

/// The variables as they are, each to be read and checked below. envy reads the field `database_url` from `DATABASE_URL`.
#[derive(Debug, Default, Deserialize)]
struct Raw {
    environment: Option<String>,
    database_url: Option<String>,
    database_pool_size: Option<String>,
    database_acquire_timeout_seconds: Option<String>,
    database_statement_timeout_seconds: Option<String>,
    database_pooling: Option<String>,
    database_migration_url: Option<String>,
    database_replica_urls: Option<String>,
    database_replica_max_lag_ms: Option<String>,
    migrate_on_start: Option<String>,
    redis_url: Option<String>,
    redis_ca_file: Option<String>,
    listen_addr: Option<String>,
    allowed_hosts: Option<String>,
    trusted_proxies: Option<String>,
    https_redirect: Option<String>,
    cors_origins: Option<String>,
    max_connections: Option<String>,
    max_in_flight: Option<String>,
    header_timeout_seconds: Option<String>,
    max_header_bytes: Option<String>,
    body_timeout_seconds: Option<String>,
    shutdown_delay_seconds: Option<String>,
    secret_key: Option<String>,
    secret_key_previous: Option<String>,
    session_lifetime_hours: Option<String>,
    session_idle_hours: Option<String>,
    smtp_url: Option<String>,
    mail_from: Option<String>,
    sms_gateway_url: Option<String>,
    sms_gateway_token: Option<String>,
    worker: Option<String>,
    jobs_at_once: Option<String>,
    job_lease_seconds: Option<String>,
    job_attempts: Option<String>,
    fcm_credentials: Option<String>,
    fcm_url: Option<String>,
    fcm_messages_per_minute: Option<String>,
    admin_addr: Option<String>,
    max_subscriptions: Option<String>,
    max_live_connections: Option<String>,
    live_buffer: Option<String>,
    live_look_seconds: Option<String>,
    event_days: Option<String>,
    password_hashes_at_once: Option<String>,
    request_timeout_seconds: Option<String>,
    max_body_bytes: Option<String>,
    max_query_tokens: Option<String>,
    max_query_nesting: Option<String>,
    max_query_depth: Option<String>,
    max_introspection_depth: Option<String>,
    max_query_fields: Option<String>,
    max_query_root_fields: Option<String>,
    max_query_aliases: Option<String>,
    max_query_directives: Option<String>,
    max_input_values: Option<String>,
    max_query_cost: Option<String>,
    max_answer_values: Option<String>,
    rate_limit_cost_per_minute: Option<String>,
    rate_limit_anonymous_cost_per_minute: Option<String>,
    persisted_documents: Option<String>,
    persisted_documents_only: Option<String>,
    oidc_providers: Option<String>,
    graphiql: Option<String>,
    introspection_anonymous: Option<String>,
    log_format: Option<String>,
    log_level: Option<String>,
    log_file: Option<String>,
    log_rotation: Option<String>,
    log_files: Option<String>,
    slow_operation_ms: Option<String>,
    slow_sql_ms: Option<String>,
    otel_exporter_otlp_endpoint: Option<String>,
    otel_exporter_otlp_headers: Option<String>,
    otel_service_name: Option<String>,
    otel_traces_sampler: Option<String>,
    otel_traces_sampler_arg: Option<String>,
    sentry_dsn: Option<String>,
    sentry_environment: Option<String>,
}

impl Config {
    /// Reads `.env`, where there is one, and the environment, which goes first.
    ///
    /// # Errors
    /// Every problem there is, at once.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, Problems> {
        if let Err(error) = dotenvy::dotenv()
            && !error.not_found()
        {
            return Err(Problems(vec![(".env", "cannot be read: is each line NAME=value?".to_owned())]));
        }
        Self::from_vars(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Reads the variables given, for tests as well.
    ///
    /// # Errors
    /// Every problem there is, at once.
    pub fn from_vars(vars: impl Iterator<Item = (String, String)>) -> Result<Self, Problems> {
        // An empty variable is one that is not set: that is how deployments leave one out.
        let raw: Raw = envy::from_iter(vars.filter(|(_, value)| !value.trim().is_empty()))
            .map_err(|error| Problems(vec![("environment", error.to_string())]))?;
        Checker::default().check(raw)
    }

    /// The configuration of the demo: a database of its own, loopback, no secrets.
    ///
    /// # Panics
    /// Never: it is built from constants that a test reads.
    #[must_use]
    pub fn demo(database_url: String, listen_addr: SocketAddr) -> Self {
        let (config, _) =
            Checker::default().read(Raw { environment: Some("development".to_owned()), ..Raw::default() });
        Self {
            database_url: database_url.into(),
            listen_addr,
            migrate_on_start: true,
            telemetry: Settings { log_level: "warn".to_owned(), ..config.telemetry },
            ..config
        }
    }
}

/// Requests that are worked on at a time: as many as have a short wait for a connection, and not those that would wait for
/// longer than anybody wants.
fn in_flight(pool_size: u32, replicas: usize) -> usize {
    const FOR_EACH_CONNECTION: usize = 32;
    let connections = usize::try_from(pool_size).unwrap_or(usize::MAX).saturating_mul(1 + replicas);
    connections.saturating_mul(FOR_EACH_CONNECTION).clamp(1, 1_000_000)
}

impl Checker {
    fn check(self, raw: Raw) -> Result<Config, Problems> {
        let (config, problems) = self.read(raw);
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    #[expect(clippy::too_many_lines, reason = "a line for each variable")]
    fn read(mut self, raw: Raw) -> (Config, Vec<(&'static str, String)>) {
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
