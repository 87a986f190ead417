//! The log of the whole suite, as all applications in it write it: searched line by line for what it must not tell.

use std::{
    collections::HashSet,
    io::{self, Write},
    sync::{LazyLock, Mutex, Once},
};

use rollcall::demo::cast;
use tracing_subscriber::EnvFilter;

use super::PASSWORD;

/// What is in what the data has of persons: their e-mails, their phones, a family's name, and the password of all.
const OF_PERSONS: [&str; 5] = ["@example.org", "+999", cast::NEWCOMER, cast::ARCHIVED_STUDENT, PASSWORD];

/// The tokens that clients hold.
static TOKENS: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// The first line that told something.
static TOLD: Mutex<Option<String>> = Mutex::new(None);

/// From here on the log is searched, as a service that is configured as usual would write it.
pub fn search() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::new(format!("info,{}=off", rollcall::telemetry::TARGET));
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Searched).init();
    });
}

/// No line may have this token.
pub fn is_secret(token: &str) {
    TOKENS.lock().unwrap().insert(token.to_owned());
}

/// The first line of what a process has written that tells something. In development messages are written out for who has
/// no mail server: they are no log.
pub fn first_that_tells(written: &str) -> Option<&str> {
    written.lines().filter(|line| !line.starts_with("Message to ")).find(|line| tells(line))
}

/// Fails where a line told something.
pub fn nothing_was_told() {
    let told = TOLD.lock().unwrap().take();
    assert!(told.is_none(), "the log tells it: {}", told.unwrap());
}

struct Searched;

/// Whether a line has something that it must not have.
fn tells(line: &str) -> bool {
    let mut words = line.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    OF_PERSONS.iter().any(|secret| line.contains(secret)) || {
        let tokens = TOKENS.lock().unwrap();
        words.any(|word| tokens.contains(word))
    }
}

impl Write for Searched {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if tells(&text) {
            TOLD.lock().unwrap().get_or_insert_with(|| text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_tells_something_is_found() {
    is_secret("a-token-of-a-session");
    assert!(!tells("INFO rollcall: access account=7 outcome=\"READ\""));
    for line in ["WARN rollcall: mail for parent@example.org", "WARN rollcall: token=\"a-token-of-a-session\""] {
        assert!(tells(line), "{line}");
        assert_eq!(first_that_tells(&format!("Message to parent@example.org: Hello\n{line}\n")), Some(line));
    }
    assert_eq!(first_that_tells("Message to parent@example.org: Hello\nINFO rollcall: serving"), None);
}
