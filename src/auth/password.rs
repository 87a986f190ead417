//! Passwords: argon2id with the parameters that OWASP's Password Storage Cheat Sheet asks for (19 MiB, 2 passes), off the
//! async threads, and no more at once than the machine can bear.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{
    change::Problems,
    error::{Error, Result},
    graphql::UserErrorCode::OutOfRange,
    random::Random,
};

/// How many characters a password has: length is what makes it hard to guess, whatever the characters are.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// Checks a password that somebody wants to have.
pub fn check_new(problems: &mut Problems, path: &str, password: &str) {
    let message = format!("a password has {} to {} characters", LENGTH.start(), LENGTH.end());
    problems.require(LENGTH.contains(&password.chars().count()), path, OutOfRange, &message);
}

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    random: Random,
    permits: Arc<Semaphore>,
    /// A hash of nothing anybody knows, so that an unknown identifier costs what a wrong password costs.
    decoy: Arc<str>,
}

impl Passwords {
    /// Hashes at most `at_once` passwords at a time; each takes 19 MiB and a core.
    pub fn new(random: Random, at_once: usize) -> Result<Self> {
        let decoy = hash(random.token().as_bytes(), &random.bytes())?.into();
        Ok(Self { random, permits: Arc::new(Semaphore::new(at_once)), decoy })
    }

    /// The PHC string of a password, with a salt of its own.
    pub async fn hash(&self, password: SecretString) -> Result<String> {
        let salt = self.random.bytes::<16>();
        self.blocking(move || hash(password.expose_secret().as_bytes(), &salt)).await?
    }

    /// Whether `password` is the one that `stored` is the hash of. Does the same work without a hash, and says no.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
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
        let _permit = self.permits.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}

fn hash(password: &[u8], salt: &[u8; 16]) -> Result<String> {
    let hash: PasswordHash = Argon2::default().hash_password_with_salt(password, salt).map_err(Error::internal)?;
    Ok(hash.to_string())
}
