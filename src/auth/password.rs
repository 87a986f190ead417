//! Passwords: argon2id with the parameters that OWASP's Password Storage Cheat Sheet asks for (19 MiB, 2 passes), off the
//! async threads, and no more at once than the machine can bear.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use zxcvbn::{Score, zxcvbn};

use crate::{
    change::Problems,
    error::{Error, Result},
    graphql::UserErrorCode::{Guessable, OutOfRange},
    random::Random,
};

/// How many characters a password has: length is what makes it hard to guess, whatever the characters are.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// A hash of nothing that anybody knows, made of random bytes: an unknown identifier costs what a wrong password costs. Its
/// parameters are those that hashes are made with now.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$CxnQ8tnjsIlg8DUMpvxZ2w$v1Yvw7QC3KgDUeO7c3LKtTaPP/qYSbbA4EfBP6dNPSY";

/// Checks a password that somebody wants to have: its length, and how well it stands against who guesses by the common ones,
/// by patterns, and by what is known `about` them (NIST SP 800-63B-4, 3.1.1.2). What is common is what zxcvbn's lists have.
pub fn check_new(problems: &mut Problems, path: &str, password: &str, about: &[String]) {
    let message = format!("a password has {} to {} characters", LENGTH.start(), LENGTH.end());
    let fits = LENGTH.contains(&password.chars().count());
    problems.require(fits, path, OutOfRange, &message);
    let words: Vec<String> = about.iter().flat_map(|text| words(text)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // "Very unguessable": 10^10 guesses and more, which holds against who has the hash as well.
    let stands = !fits || zxcvbn(password, &words).score() >= Score::Four;
    problems.require(stands, path, Guessable, "it is too easy to guess: it is common, or made of what is known of you");
}

/// A name, an address or a number: whole, in one word, and in parts.
fn words(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let long = parts.iter().filter(|part| part.chars().count() > 2);
    [text.to_owned(), parts.concat()].into_iter().chain(long.map(|part| (*part).to_owned())).collect()
}

/// Whether a stored hash was made with less work than one is made with now.
pub fn is_outdated(stored: &str) -> bool {
    let now = Params::default();
    let made = PasswordHash::new(stored).ok().filter(|hash| hash.algorithm == Algorithm::default().ident());
    let made = made.and_then(|hash| Params::try_from(&hash).ok());
    made.is_none_or(|made| made.m_cost() < now.m_cost() || made.t_cost() < now.t_cost())
}

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    random: Random,
    permits: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

impl Passwords {
    /// Hashes at most `at_once` passwords at a time; each takes 19 MiB and a core.
    #[must_use]
    pub fn new(random: Random, at_once: usize) -> Self {
        Self { random, permits: Arc::new(Semaphore::new(at_once)), computed: Arc::default() }
    }

    /// How many hashes were computed since the service started, to make one or to compare one with a password.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// The PHC string of a password, with a salt of its own.
    pub async fn hash(&self, password: SecretString) -> Result<String> {
        let salt = self.random.bytes::<16>();
        self.blocking(move || hash(password.expose_secret().as_bytes(), &salt)).await?
    }

    /// Whether `password` is the one that `stored` is the hash of. Does the same work without a hash, and says no.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| DECOY.to_owned());
        let matches = self
            .blocking(move || {
                let stored =
                    PasswordHash::new(&stored).map_err(|_| Error::internal("a stored password hash is malformed"))?;
                Ok::<_, Error>(Argon2::default().verify_password(password.expose_secret().as_bytes(), &stored).is_ok())
            })
            .await??;
        Ok(matches && known)
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let _permit = self.permits.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}

fn hash(password: &[u8], salt: &[u8; 16]) -> Result<String> {
    let hash: PasswordHash = Argon2::default().hash_password_with_salt(password, salt).map_err(Error::internal)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(password: &str) -> Vec<String> {
        let about = ["Ada Lane", "ada.lane@school.example", "+9779800000001"].map(ToOwned::to_owned);
        let mut problems = Problems::default();
        check_new(&mut problems, "password", password, &about);
        problems.into_vec().iter().map(|error| format!("{error:?}")).collect()
    }

    #[test]
    fn what_is_common_or_of_a_pattern_or_of_the_person_is_refused() {
        for password in [
            "password1234",
            "Passw0rd!2024",
            "qwertyuiop123",
            "123456789012",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "iloveyou2020",
            "adalane12345",
            "Ada Lane Ada Lane",
            "9800000001Ada",
            "ada.lane@school.example",
        ] {
            assert!(told(password).concat().contains("Guessable"), "{password}: {:?}", told(password));
        }
        for password in ["three sober otters hum", "kV9-tuning-fork-Mira", "x7Qm2rT9vL4z"] {
            assert_eq!(told(password), [""; 0], "{password}");
        }
    }

    #[test]
    fn a_short_one_is_told_to_be_short_and_no_more() {
        assert!(matches!(&told("ab")[..], [one] if one.contains("OutOfRange")));
        assert!(matches!(&told(&"otter hums ".repeat(12))[..], [one] if one.contains("OutOfRange")));
    }

    #[test]
    fn the_decoy_takes_as_much_work_as_a_hash_does() {
        let form = |hash: &str| {
            let parts: Vec<&str> = hash.split('$').collect();
            (parts[..4].join("$"), parts[4..].iter().map(|part| part.len()).collect::<Vec<_>>())
        };
        assert_eq!(form(DECOY), form(&hash(b"three sober otters hum", &[7; 16]).unwrap()));
        assert!(PasswordHash::new(DECOY).is_ok());
    }

    #[test]
    fn a_hash_is_outdated_that_took_less_work() {
        let now = hash(b"three sober otters hum", &[7; 16]).unwrap();
        assert!(!is_outdated(&now));
        let weaker = now.replace("m=19456,t=2", "m=19456,t=1");
        assert!(weaker != now && is_outdated(&weaker));
        assert!(is_outdated(&now.replace("argon2id", "argon2i")) && is_outdated("no hash"));
        assert!(!is_outdated(&now.replace("m=19456,t=2", "m=65536,t=3")), "more work than is asked for");
    }
}
