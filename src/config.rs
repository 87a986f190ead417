//! Configuration: typed, from the environment and an optional `.env`, read here and nowhere else.
//!
//! Every variable is in `.env.example` with its meaning, default and an example; a test keeps the two in step. All that is
//! wrong is reported at once, each with its variable, before anything is opened.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use axum::http::HeaderValue;
use ipnet::IpNet;
use secrecy::SecretString;

use crate::{db::Pooling, graphql::Limits, telemetry::Settings, throttle::Rates};

mod checker;
mod raw;
mod telemetry;
#[cfg(test)]
mod tests;

use checker::Checker;
pub use checker::Problems;
use raw::Raw;

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
