//! Where a PostgreSQL server is and how it is reached: what a URL says of it, as libpq reads one.

use std::{borrow::Cow, error::Error as _, path::PathBuf, str::FromStr, time::Duration};

use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// How long a connection may be silent before the other side is asked whether it is there.
const SILENCE: Duration = Duration::from_mins(1);
/// How often it is asked.
const QUESTIONS: u32 = 3;
/// The time between two of these questions.
const BETWEEN: Duration = Duration::from_secs(10);
/// How long what was sent may be without the receipt of the other side's network.
const UNHEARD: Duration = Duration::from_secs(30);

/// A server, as a URL names it.
#[derive(Clone)]
pub struct Server {
    /// What the driver takes; it holds the password, so it is not printed.
    pub(super) config: Config,
    /// What the server must prove.
    pub(super) proof: Proof,
}

/// What a server must prove of itself where the connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: who is in between can read everything, and needs only take the trouble.
    Nothing,
    /// That it has a certificate of one of the authorities in this file.
    Authority(PathBuf),
    /// The same, or of one that the system trusts, and that it is of the host that the URL names.
    Host(Option<PathBuf>),
}

impl Server {
    /// Reads a URL, which may say `sslmode` and `sslrootcert` as libpq takes them.
    ///
    /// # Errors
    /// What is wrong with it; no password is in that.
    pub fn parse(url: &str) -> Result<Self, String> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err("is not postgres://user:password@host:port/database".to_owned());
        }
        let (mut mode, mut root) = (None, None);
        let rest = without(url, |name, value| {
            match name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => root = Some(value.into_owned()).filter(|path| !path.is_empty()),
                _ => return false,
            }
            true
        });
        let mut config = Config::from_str(&rest).map_err(|error| {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{error}{cause}")
        })?;
        let (encrypted, proof) = encryption(mode.as_deref().unwrap_or("prefer"), root)?;
        let named = |host: &Host| matches!(host, Host::Tcp(_));
        let socket = !config.get_hosts().is_empty()
            && !config.get_hosts().iter().any(named)
            && config.get_hostaddrs().is_empty();
        // What goes over a socket of this machine, libpq does not encrypt either.
        config.ssl_mode(if socket { SslMode::Disable } else { encrypted });
        if config.get_keepalives_idle() > SILENCE {
            config.keepalives_idle(SILENCE).keepalives_interval(BETWEEN).keepalives_retries(QUESTIONS);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNHEARD);
        }
        Ok(Self { config, proof })
    }
}

/// What a mode of libpq's asks for.
fn encryption(mode: &str, root: Option<String>) -> Result<(SslMode, Proof), String> {
    let file = |root: Option<String>| root.filter(|root| root != "system").map(PathBuf::from);
    let system = root.as_deref() == Some("system");
    let proof = match mode {
        "disable" => return Ok((SslMode::Disable, Proof::Nothing)),
        "verify-full" => return Ok((SslMode::Require, Proof::Host(file(root)))),
        _ if system => return Err("sslrootcert=system needs sslmode=verify-full".to_owned()),
        "prefer" => return Ok((SslMode::Prefer, Proof::Nothing)),
        "require" => file(root).map_or(Proof::Nothing, Proof::Authority),
        // Anybody can have a certificate of an authority that the system trusts: without the host it proves nothing.
        "verify-ca" => Proof::Authority(file(root).ok_or("sslmode=verify-ca needs sslrootcert, a file")?),
        _ => return Err("sslmode is none of disable, prefer, require, verify-ca and verify-full".to_owned()),
    };
    Ok((SslMode::Require, proof))
}

/// A URL without the parameters that are `taken`, by name and value.
fn without(url: &str, mut taken: impl FnMut(&str, Cow<'_, str>) -> bool) -> String {
    // A password may have a `?` in it, as the driver reads URLs.
    let host = url.find('@').map_or(0, |at| at + 1);
    let Some(at) = url[host..].find('?').map(|at| host + at) else { return url.to_owned() };
    let kept = url[at + 1..].split('&').filter(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        !taken(name, percent_decode_str(value).decode_utf8_lossy())
    });
    let kept: Vec<&str> = kept.collect();
    if kept.is_empty() { url[..at].to_owned() } else { format!("{}?{}", &url[..at], kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parameters: &str) -> Result<(SslMode, Proof), String> {
        let server = Server::parse(&format!("postgres://me:hunter2@db.example/school{parameters}"))?;
        Ok((server.config.get_ssl_mode(), server.proof))
    }

    #[test]
    fn a_mode_says_what_is_encrypted_and_what_is_proved() {
        let ca = PathBuf::from("/etc/my ca.pem");
        for (parameters, mode, proof) in [
            ("", SslMode::Prefer, Proof::Nothing),
            ("?sslmode=prefer", SslMode::Prefer, Proof::Nothing),
            ("?sslmode=disable", SslMode::Disable, Proof::Nothing),
            ("?sslmode=require", SslMode::Require, Proof::Nothing),
            ("?sslmode=require&sslrootcert=/etc/my%20ca.pem", SslMode::Require, Proof::Authority(ca.clone())),
            ("?sslmode=verify-ca&sslrootcert=/etc/my%20ca.pem", SslMode::Require, Proof::Authority(ca.clone())),
            ("?sslmode=verify-full", SslMode::Require, Proof::Host(None)),
            ("?sslmode=verify-full&sslrootcert=system", SslMode::Require, Proof::Host(None)),
            ("?sslrootcert=/etc/my%20ca.pem&sslmode=verify-full", SslMode::Require, Proof::Host(Some(ca))),
        ] {
            assert_eq!(read(parameters), Ok((mode, proof)), "{parameters}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for wrong in [
            "?sslmode=allow",
            "?sslmode=verify-ca",
            "?sslmode=verify-ca&sslrootcert=system",
            "?sslmode=require&sslrootcert=system",
            "?sslmode=verify_full",
            "?sslmode=",
            "?sslkey=/etc/key.pem",
            "?connect_timeout=soon",
        ] {
            let told = read(wrong).unwrap_err();
            assert!(!told.is_empty() && !told.contains("hunter2"), "{wrong}: {told}");
        }
        assert!(Server::parse("mysql://root:hunter2@db").is_err_and(|told| !told.contains("hunter2")));
    }

    #[test]
    fn the_rest_of_a_url_stays_as_it_is() {
        let server = Server::parse("postgresql://me:a?b@db:6432/school?sslmode=require&application_name=x").unwrap();
        assert_eq!(server.config.get_password(), Some("a?b".as_bytes()));
        assert_eq!((server.config.get_ports(), server.config.get_dbname()), (&[6432][..], Some("school")));
        assert_eq!(server.config.get_application_name(), Some("x"));
        let local = Server::parse("postgres:///school?host=/run/postgresql&sslmode=require").unwrap();
        assert_eq!(local.config.get_ssl_mode(), SslMode::Disable, "libpq encrypts no socket either");
        let address = Server::parse("postgres:///school?hostaddr=192.0.2.1&sslmode=require").unwrap();
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
    }
}
