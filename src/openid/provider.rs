//! The providers as they are configured: a JSON file, checked when the service starts.
//!
//! ```json
//! [{ "name": "google", "title": "Google", "issuer": "https://accounts.google.com", "clientId": "…",
//!    "clientSecretFile": "/run/secrets/google", "redirectUris": ["https://app.school.example/signed-in"] }]
//! ```

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use openidconnect::{
    ClientId, IssuerUrl, RedirectUrl, Scope,
    url::{Host, Url},
};
use secrecy::SecretString;
use serde::Deserialize;

/// A provider as the file has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    name: String,
    title: String,
    issuer: String,
    client_id: String,
    client_secret: Option<SecretString>,
    client_secret_file: Option<PathBuf>,
    redirect_uris: Vec<String>,
    #[serde(default = "email")]
    scopes: Vec<String>,
}

fn email() -> Vec<String> {
    vec!["email".to_owned()]
}

/// A provider, checked. Its secret is not printed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What clients call it by.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Who it is, and where its discovery document stands (OpenID Connect Discovery 1.0, section 4).
    pub issuer: IssuerUrl,
    /// Who the service is to it.
    pub client_id: ClientId,
    /// What the service proves that with.
    pub client_secret: SecretString,
    /// Where it may send back to.
    pub redirect_uris: Vec<RedirectUrl>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<Scope>,
}

/// Reads the file of the providers. Plain HTTP, and to loopback addresses alone, is for development (`loopback`).
///
/// # Errors
/// Everything that is wrong with it, each with the provider that it is of; no secret is repeated.
pub fn read(path: &Path, loopback: bool) -> Result<Vec<Settings>, Vec<String>> {
    let text = fs::read_to_string(path).map_err(|error| vec![error.to_string()])?;
    parse(&text, loopback)
}

fn parse(text: &str, loopback: bool) -> Result<Vec<Settings>, Vec<String>> {
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| {
        // What was found there may be a secret: where it stands is enough to find it.
        let place = format!("line {}, column {}", error.line(), error.column());
        vec![format!("is no list of providers as docs/openid.md has it: {place}")]
    })?;
    let mut problems = Vec::new();
    let (mut names, mut issuers) = (HashSet::new(), HashSet::new());
    let mut providers = Vec::new();
    for entry in entries {
        let name = entry.name.clone();
        let mut wrong = |field: &str, what: &str| problems.push(format!("{name:?}: {field}: {what}"));
        if !names.insert(entry.name.clone()) {
            wrong("name", "another provider has it");
        }
        if !issuers.insert(entry.issuer.clone()) {
            wrong("issuer", "another provider has it");
        }
        providers.extend(entry.checked(loopback, &mut wrong));
    }
    if problems.is_empty() { Ok(providers) } else { Err(problems) }
}

impl Entry {
    /// The provider, as far as it can be made; what is wrong is said.
    fn checked(self, loopback: bool, wrong: &mut impl FnMut(&str, &str)) -> Option<Settings> {
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 40 || !self.name.chars().all(named) {
            wrong("name", "takes 1 to 40 of a to z, 0 to 9 and -");
        }
        if self.title.trim().is_empty() {
            wrong("title", "must not be empty");
        }
        if self.client_id.is_empty() {
            wrong("clientId", "must not be empty");
        }
        let issuer = IssuerUrl::new(self.issuer).ok().filter(|issuer| {
            let url = issuer.url();
            is_safe(url, loopback) && url.query().is_none() && url.fragment().is_none()
        });
        if issuer.is_none() {
            wrong("issuer", "is no https:// URL without query and fragment");
        }
        let count = self.redirect_uris.len();
        let redirect_uris = self.redirect_uris.into_iter().filter_map(|uri| RedirectUrl::new(uri).ok());
        let redirect_uris: Vec<RedirectUrl> = redirect_uris.filter(|uri| may_come_back(uri.url(), loopback)).collect();
        if count == 0 || redirect_uris.len() < count {
            let what = "takes one or more, each an https:// URL or one of an app's own scheme (com.example.app:/…), \
                without a fragment";
            wrong("redirectUris", what);
        }
        let secret = match (self.client_secret, self.client_secret_file) {
            (Some(secret), None) => Ok(secret),
            (None, Some(path)) => match fs::read_to_string(&path) {
                Ok(text) => Ok(text.trim().into()),
                Err(error) => Err(format!("{}: {error}", path.display())),
            },
            _ => Err("is needed, or clientSecretFile, and not both".to_owned()),
        };
        let client_secret = secret.map_err(|what| wrong("clientSecret", &what)).ok()?;
        if secrecy::ExposeSecret::expose_secret(&client_secret).is_empty() {
            wrong("clientSecret", "must not be empty");
        }
        Some(Settings {
            name: self.name,
            title: self.title,
            issuer: issuer?,
            client_id: ClientId::new(self.client_id),
            client_secret,
            redirect_uris,
            scopes: self.scopes.into_iter().map(Scope::new).collect(),
        })
    }
}

/// Whether the service may send a request, or a browser, to `url`: by HTTPS, or where that is allowed by HTTP to a
/// loopback address. A name such as `localhost` is none: it means what a resolver says.
#[must_use]
pub fn is_safe(url: &Url, loopback: bool) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    url.scheme() == "https" || (loopback && url.scheme() == "http" && here)
}

/// Whether a provider may send back to `url`: see [`is_safe`], or a private-use scheme, which is a domain name backwards
/// (RFC 8252, section 7.1).
fn may_come_back(url: &Url, loopback: bool) -> bool {
    url.fragment().is_none() && (is_safe(url, loopback) || url.scheme().contains('.'))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const GOOGLE: &str = r#"{"name": "google", "title": "Google", "issuer": "https://accounts.google.com", "clientId": "me",
        "clientSecret": "hunter2", "redirectUris": ["https://app.example/back", "com.example.app:/back"]}"#;

    fn with(from: &str, to: &str) -> Result<Vec<Settings>, Vec<String>> {
        assert!(GOOGLE.contains(from), "{from}");
        parse(&format!("[{}]", GOOGLE.replace(from, to)), false)
    }

    #[test]
    fn a_provider_is_read() {
        let google = with("", "").unwrap().remove(0);
        assert_eq!((&*google.name, google.redirect_uris.len()), ("google", 2));
        assert_eq!((google.client_secret.expose_secret(), google.scopes[0].as_str()), ("hunter2", "email"));
        assert!(!format!("{google:?}").contains("hunter2"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "from a file\n").unwrap();
        let named = format!(r#""clientSecretFile": "{}""#, file.display());
        let google = with(r#""clientSecret": "hunter2""#, &named).unwrap().remove(0);
        assert_eq!(google.client_secret.expose_secret(), "from a file");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_provider_and_no_secret() {
        for (from, to, field) in [
            (r#""google""#, r#""Google!""#, "name"),
            (r#""Google""#, r#"" ""#, "title"),
            (r#""me""#, r#""""#, "clientId"),
            ("https://accounts", "http://accounts", "issuer"),
            ("accounts.google.com", "accounts.google.com?tenant=1", "issuer"),
            ("https://accounts.google.com", "http://127.0.0.1:9000", "issuer"),
            ("https://app.example/back", "http://app.example/back", "redirectUris"),
            ("https://app.example/back", "https://app.example/#back", "redirectUris"),
            ("com.example.app:/back", "javascript:alert(1)", "redirectUris"),
            ("com.example.app:/back", "/back", "redirectUris"),
            (r#""https://app.example/back", "com.example.app:/back""#, "", "redirectUris"),
            (r#""clientSecret": "hunter2""#, r#""clientSecret": """#, "clientSecret"),
            (r#""clientSecret": "hunter2""#, r#""clientSecretFile": "/nowhere/at/all""#, "clientSecret"),
            (r#""clientSecret": "hunter2","#, "", "clientSecret"),
        ] {
            let problems = with(from, to).unwrap_err();
            assert_eq!(problems.len(), 1, "{to}: {problems:?}");
            assert!(problems[0].contains(&format!(": {field}: ")), "{to}: {problems:?}");
            assert!(!problems[0].contains("hunter2"), "{to}: {problems:?}");
        }
        let twice = parse(&format!("[{GOOGLE}, {GOOGLE}]"), false).unwrap_err();
        assert_eq!(twice.len(), 2, "name and issuer: {twice:?}");
        let unknown = format!("[{}]", GOOGLE.replace("clientSecret", "secret"));
        for text in ["", "{}", r#"[{"name": "google"}]"#, &unknown] {
            let problems = parse(text, false).unwrap_err();
            assert!(problems[0].contains("line ") && !problems[0].contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn plain_http_is_for_development_and_loopback_addresses() {
        let local = |host: &str| parse(&format!("[{}]", GOOGLE.replace("https://accounts.google.com", host)), true);
        for issuer in ["http://127.0.0.1:9000", "http://[::1]:9000", "https://accounts.example"] {
            assert!(local(issuer).is_ok(), "{issuer}");
        }
        for issuer in ["http://localhost:9000", "http://10.0.0.1", "http://127.0.0.1.example", "ftp://127.0.0.1"] {
            assert!(local(issuer).is_err(), "{issuer}");
        }
    }
}
