//! Reads each variable, and keeps what is wrong with any.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use axum::http::{HeaderValue, Uri};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use super::{Config, Environment};
use crate::{
    db::{Pooling, pg::server::Server},
    messages,
};

/// The key that seals ids where no secret is set: good for development and the demo, whose data is nobody's.
const DEVELOPMENT_KEY: &str = "rollcall development key: not a secret";
/// Characters that a secret has at least.
const SECRET_LENGTH: usize = 32;

/// Everything that is wrong with the configuration: a variable and what is wrong with it, each.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub(super) Vec<(&'static str, String)>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration is wrong:")?;
        for (variable, problem) in &self.0 {
            writeln!(f, "  {variable}: {problem}")?;
        }
        f.write_str("see .env.example for what each variable takes")
    }
}

/// What was wrong so far.
#[derive(Default)]
pub struct Checker {
    pub(super) problems: Vec<(&'static str, String)>,
}

impl Checker {
    pub fn problem(&mut self, variable: &'static str, problem: impl Into<String>) {
        self.problems.push((variable, problem.into()));
    }

    pub fn parsed<T: FromStr>(&mut self, variable: &'static str, value: Option<String>, default: T, takes: &str) -> T {
        let Some(value) = value else { return default };
        value.trim().parse().unwrap_or_else(|_| {
            self.problem(variable, format!("{value:?} is not {takes}"));
            default
        })
    }

    pub fn number<T>(
        &mut self,
        variable: &'static str,
        value: Option<String>,
        default: T,
        range: RangeInclusive<T>,
    ) -> T
    where
        T: FromStr + PartialOrd + Copy + fmt::Display,
    {
        let takes = format!("a whole number from {} to {}", range.start(), range.end());
        let number = self.parsed(variable, value, default, &takes);
        if !range.contains(&number) {
            self.problem(variable, format!("{number} is not {takes}"));
        }
        number
    }

    pub fn seconds(&mut self, variable: &'static str, value: Option<String>, default: u64) -> Duration {
        Duration::from_secs(self.number(variable, value, default, 1..=3600))
    }

    pub fn hours(&mut self, variable: &'static str, value: Option<String>, default: u64) -> Duration {
        Duration::from_secs(3600 * self.number(variable, value, default, 1..=24 * 365))
    }

    pub fn one_of<T: Copy>(
        &mut self,
        variable: &'static str,
        value: Option<String>,
        default: T,
        choices: &[(&str, T)],
    ) -> T {
        let Some(value) = value else { return default };
        let chosen = choices.iter().find(|(name, _)| value.trim().eq_ignore_ascii_case(name));
        chosen.map_or_else(
            || {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                self.problem(variable, format!("{value:?} is not one of {}", names.join(", ")));
                default
            },
            |(_, choice)| *choice,
        )
    }

    pub fn database_url(&mut self, value: Option<String>) -> String {
        let url = value.unwrap_or_else(|| "sqlite:data/rollcall.db".to_owned());
        // The value can hold a password: it is not repeated.
        match url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => {}
            None if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                if let Err(problem) = Server::parse(&url) {
                    self.problem("DATABASE_URL", problem);
                }
            }
            _ => {
                self.problem(
                    "DATABASE_URL",
                    "is neither sqlite:<path> nor postgres://user:password@host:port/database",
                );
            }
        }
        url
    }

    pub fn database_migration_url(&mut self, value: Option<String>) -> Option<SecretString> {
        let url = value?;
        if let Err(problem) = Server::parse(&url) {
            self.problem("DATABASE_MIGRATION_URL", problem);
        }
        Some(url.into())
    }

    /// That what is said of the database and of Redis goes together.
    pub fn stores(&mut self, config: &Config, embedded: bool) {
        let (pooled, direct) = (config.database_pooling == Pooling::Transaction, &config.database_migration_url);
        for (variable, said) in [("DATABASE_POOLING", pooled), ("DATABASE_MIGRATION_URL", direct.is_some())] {
            if embedded && said {
                self.problem(variable, "is of PostgreSQL, and DATABASE_URL is of SQLite");
            }
        }
        if pooled && !embedded && config.migrate_on_start && direct.is_none() {
            self.problem("MIGRATE_ON_START", "needs DATABASE_MIGRATION_URL with DATABASE_POOLING=transaction");
        }
        if pooled && !config.database_replica_urls.is_empty() {
            let problem = "goes past a pooler: how far a replica is, is said by sessions, which DATABASE_POOLING=transaction has none of";
            self.problem("DATABASE_REPLICA_URLS", problem);
        }
        let encrypted = config.redis_url.as_ref().is_some_and(|url| url.expose_secret().starts_with("rediss://"));
        if config.redis_ca_file.is_some() && !encrypted {
            self.problem("REDIS_CA_FILE", "goes with a REDIS_URL of rediss://: nothing else is encrypted");
        }
    }

    /// The replicas of a database, which is `embedded` or not.
    pub fn database_replica_urls(&mut self, value: Option<String>, embedded: bool) -> Vec<SecretString> {
        let value = value.unwrap_or_default();
        let urls: Vec<&str> = value.split(',').map(str::trim).filter(|url| !url.is_empty()).collect();
        // The values can hold a password: they are not repeated.
        if embedded && !urls.is_empty() {
            self.problem("DATABASE_REPLICA_URLS", "goes with a PostgreSQL in DATABASE_URL: SQLite has no replicas");
        } else if let Some(problem) = urls.iter().find_map(|url| Server::parse(url).err()) {
            self.problem("DATABASE_REPLICA_URLS", problem);
        }
        urls.into_iter().map(SecretString::from).collect()
    }

    pub fn redis_url(&mut self, value: Option<String>) -> Option<SecretString> {
        let url = value?;
        if !(url.starts_with("redis://") || url.starts_with("rediss://")) {
            self.problem("REDIS_URL", "is not redis://host:port or rediss://host:port");
        }
        Some(url.into())
    }

    pub fn smtp_url(&mut self, value: Option<String>, environment: Environment) -> Option<SecretString> {
        let url = value?.trim().to_owned();
        if !messages::is_smtp_url(&url) {
            // The value can hold a password: it is not repeated.
            self.problem(
                "SMTP_URL",
                "is neither smtps://user:password@host nor smtp://user:password@host?tls=required",
            );
        } else if !url.starts_with("smtps:") && !url.contains("tls=required") && leaves_this_machine(&url, environment)
        {
            self.problem("SMTP_URL", "is not encrypted, and codes go by it: take smtps://…, or smtp://…?tls=required");
        }
        Some(url.into())
    }

    pub fn mail_from(&mut self, value: Option<String>) -> Option<String> {
        let from = value?;
        if from.parse::<lettre::message::Mailbox>().is_err() {
            self.problem("MAIL_FROM", format!("{from:?} is neither name@host nor Name <name@host>"));
        }
        Some(from)
    }

    pub fn sms_gateway_url(&mut self, value: Option<String>, environment: Environment) -> Option<SecretString> {
        let url = value?.trim().to_owned();
        self.encrypted("SMS_GATEWAY_URL", &url, environment, ("https://host/path", "codes"));
        Some(url.into())
    }

    /// That a URL is one of HTTP in the `form` that is said, and encrypted but on the machine itself, for `what` goes by it.
    pub(super) fn encrypted(
        &mut self,
        variable: &'static str,
        url: &str,
        environment: Environment,
        (form, what): (&str, &str),
    ) {
        let known =
            reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !known {
            self.problem(variable, format!("is not {form}"));
        } else if url.starts_with("http:") && leaves_this_machine(url, environment) {
            self.problem(variable, format!("is not encrypted, and {what} go by it: take https://…"));
        }
    }

    /// A URL that push messages go to: encrypted, but on the machine itself.
    pub fn fcm_url(&mut self, value: Option<String>, environment: Environment) -> Option<String> {
        let url = value?.trim().trim_end_matches('/').to_owned();
        self.encrypted("FCM_URL", &url, environment, ("https://host", "access tokens"));
        Some(url)
    }

    pub fn admin_addr(&mut self, value: Option<String>) -> Option<SocketAddr> {
        let value = value?;
        let address = value.trim().parse().ok();
        if address.is_none() {
            self.problem("ADMIN_ADDR", format!("{value:?} is not an address and a port, such as 127.0.0.1:9000"));
        }
        address
    }

    pub fn allowed_hosts(&mut self, value: Option<String>, environment: Environment) -> Vec<String> {
        let list = value.unwrap_or_default();
        let hosts: Vec<String> =
            list.split(',').map(|host| host.trim().to_lowercase()).filter(|host| !host.is_empty()).collect();
        if environment == Environment::Production {
            if hosts.is_empty() {
                self.problem(
                    "ALLOWED_HOSTS",
                    "is required in production: the host names that clients use, separated by commas",
                );
            } else if hosts.iter().any(|host| host.contains('*')) {
                self.problem("ALLOWED_HOSTS", "takes names, not patterns");
            }
        }
        hosts
    }

    /// What `read` makes of each of the values that commas separate.
    fn list<T>(
        &mut self,
        variable: &'static str,
        value: Option<String>,
        takes: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let value = value.unwrap_or_default();
        let entries = value.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let found = entries.filter_map(|entry| {
            let found = read(entry);
            if found.is_none() {
                self.problem(variable, format!("{entry:?} is not {takes}"));
            }
            found
        });
        found.collect()
    }

    pub fn trusted_proxies(&mut self, value: Option<String>) -> Vec<IpNet> {
        self.list(
            "TRUSTED_PROXIES",
            value,
            "an address, or a network such as 10.0.0.0/8 (and not everybody)",
            |entry| {
                let network =
                    entry.parse().ok().or_else(|| entry.parse().ok().map(|address: IpAddr| IpNet::from(address)));
                network.filter(|network: &IpNet| network.prefix_len() > 0)
            },
        )
    }

    pub fn cors_origins(&mut self, value: Option<String>, environment: Environment) -> Vec<HeaderValue> {
        let takes = "an origin such as https://app.school.example, as browsers write it: without a path, a pattern, or the \
                     port that the scheme has anyhow; http is for development alone";
        self.list("CORS_ORIGINS", value, takes, |entry| origin(&entry.to_lowercase(), environment))
    }

    pub fn secret_key(&mut self, value: Option<String>, environment: Environment) -> SecretString {
        match value {
            None if environment == Environment::Production => {
                self.problem(
                    "SECRET_KEY",
                    format!("is required in production: {SECRET_LENGTH} random characters or more"),
                );
                SecretString::default()
            }
            None => DEVELOPMENT_KEY.into(),
            Some(key) => {
                self.long_enough("SECRET_KEY", &key);
                key.into()
            }
        }
    }

    pub fn secret_key_previous(&mut self, value: Option<String>) -> Option<SecretString> {
        let key = value?;
        self.long_enough("SECRET_KEY_PREVIOUS", &key);
        Some(key.into())
    }

    fn long_enough(&mut self, variable: &'static str, key: &str) {
        if key.chars().count() < SECRET_LENGTH {
            self.problem(variable, format!("has fewer than {SECRET_LENGTH} characters"));
        }
    }
}

/// An origin as browsers write it (RFC 6454, 6.2).
fn origin(text: &str, environment: Environment) -> Option<HeaderValue> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let own_port = match scheme {
        "https" => 443,
        "http" if environment == Environment::Development => 80,
        _ => return None,
    };
    let exact = format!("{scheme}://{authority}") == text
        && uri.port_u16() != Some(own_port)
        && !authority.as_str().contains(['@', '*'])
        && !authority.as_str().ends_with(':');
    exact.then(|| HeaderValue::try_from(text).ok()).flatten()
}

/// Whether what goes to a URL leaves this machine; in development it may do so unencrypted.
fn leaves_this_machine(url: &str, environment: Environment) -> bool {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    let local = host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    environment == Environment::Production && !local
}
