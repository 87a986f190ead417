//! The second factor (NIST SP 800-63B-4, AAL2): codes of an authenticator, and recovery codes for when it is lost.
//!
//! - The secret is kept sealed, for its account alone; nobody is shown it again after [`totp`] has made its address once.
//! - A code is taken once: none is taken of a step that is as old as that of the last one. A recovery code is 120 random
//!   bits, so its SHA-256 says nothing of it (SP 800-63B-4, 3.1.2.2: from 112 bits on); it is taken once as well.
//! - After five wrong codes in a row none is taken for 15 minutes. To try at all somebody must have proved the password.
//! - Who has proved the password and not the second factor yet has a [`Challenge`]: sealed, good for five minutes, for the
//!   account and the very password that was proved, and over with the next code that the account's owner uses.

use chrono::{Duration, NaiveDateTime};
use data_encoding::BASE32_NOPAD;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{model::Proof, session::digest, totp};
use crate::{
    db::schema::second_factors,
    error::{Error, Result},
    graphql::{
        UserError,
        UserErrorCode::{InvalidCredentials, TooManyTries},
    },
    ids::Seal,
    random::Random,
};

/// How many wrong codes in a row stop the next from being taken.
pub const MOST_FAILURES: i32 = 5;
/// For how long none is taken then.
pub const PAUSE: Duration = Duration::minutes(15);
/// How many recovery codes there are at a time.
const RECOVERY_CODES: usize = 10;
/// How long the second step of signing in may take.
const CHALLENGE_LIFETIME: Duration = Duration::minutes(5);

/// What is kept of an account's second factor. It has no `Debug`: nothing of it is for a log.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = second_factors)]
pub struct FactorRow {
    /// The account.
    pub account_id: i64,
    /// The secret, sealed.
    pub secret: Vec<u8>,
    /// The step of the last code.
    pub last_step: i64,
    /// How many codes were taken.
    pub uses: i32,
    /// How many were wrong, since the last right one.
    pub failures: i32,
    /// Until when none is taken.
    pub paused_until: Option<NaiveDateTime>,
}

impl FactorRow {
    /// The secret.
    ///
    /// # Errors
    /// When it was sealed under another `SECRET_KEY`.
    pub fn open(&self, seal: &Seal) -> Result<totp::Secret> {
        let secret = seal.open_secret(&purpose(self.account_id), &self.secret);
        let secret = secret.and_then(|secret| secret.try_into().ok());
        secret.ok_or_else(|| Error::internal("a second factor does not open: was SECRET_KEY another one?"))
    }

    /// Whether no code is taken now.
    #[must_use]
    pub fn is_paused(&self, now: NaiveDateTime) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }
}

/// An account's secret as it is kept.
pub fn sealed(seal: &Seal, account_id: i64, secret: &totp::Secret) -> Result<Vec<u8>> {
    seal.secret(&purpose(account_id), secret)
}

/// That of one account is none of another's.
fn purpose(account_id: i64) -> String {
    format!("second factor/{account_id}")
}

/// What somebody typed as a code.
pub enum Code {
    /// Of an authenticator.
    Totp(String),
    /// A recovery code, by its SHA-256.
    Recovery(Vec<u8>),
}

impl Code {
    /// Reads a code, however it is divided: six digits are an authenticator's, everything else is a recovery code.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let code: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        if code.len() == totp::DIGITS && code.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Totp(code)
        } else {
            Self::Recovery(digest(&code.to_ascii_lowercase()))
        }
    }
}

/// New recovery codes, to be shown once, with what is kept of them.
#[must_use]
pub fn recovery_codes(random: &Random) -> (Vec<String>, Vec<Vec<u8>>) {
    let code = |_| {
        let code = BASE32_NOPAD.encode(&random.bytes::<15>()).to_ascii_lowercase();
        let groups: Vec<&str> = (0..code.len()).step_by(4).map(|from| &code[from..from + 4]).collect();
        (groups.join("-"), digest(&code))
    };
    (0..RECOVERY_CODES).map(code).unzip()
}

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tried {
    /// It is right, and was used by this.
    Right,
    /// It is not; that was counted.
    Wrong,
    /// Too many were wrong: this one was not looked at.
    Paused,
    /// What it was to go on with is over.
    Over,
}

impl Tried {
    /// What is wrong with an input that has the code.
    #[must_use]
    pub fn user_errors(self) -> Vec<UserError> {
        match self {
            Self::Right => Vec::new(),
            Self::Wrong => {
                vec![UserError::new("code", InvalidCredentials, "it is no code of yours, or was used before")]
            }
            Self::Paused => {
                vec![UserError::new("code", TooManyTries, "too many codes were wrong: none is taken for 15 minutes")]
            }
            Self::Over => vec![UserError::new("challenge", InvalidCredentials, "it is over: sign in again")],
        }
    }
}

/// That somebody has proved to be the owner of an account, to go on with by a code.
#[derive(Clone, Serialize, Deserialize)]
pub struct Challenge {
    /// The account.
    pub account_id: i64,
    /// How many codes the account had used: with the next one the challenge is over.
    pub uses: i32,
    /// What was proved.
    pub proved: Proved,
    expires_at: NaiveDateTime,
}

/// What somebody has proved, as a challenge keeps it.
#[derive(Clone, Serialize, Deserialize)]
pub enum Proved {
    /// The password, by the SHA-256 of the hash that it was compared with.
    Password(Vec<u8>),
    /// An identity at an OpenID provider, by its number.
    Identity(i64),
}

impl Proved {
    /// What a challenge keeps of a proof.
    #[must_use]
    pub fn of(proof: &Proof) -> Self {
        match proof {
            Proof::Password { hash, renewed } => Self::Password(digest(renewed.as_ref().unwrap_or(hash))),
            Proof::Identity(id) => Self::Identity(*id),
        }
    }

    /// The proof again, of an account that has this hash of a password by now; `None` where it has another one.
    #[must_use]
    pub fn proof(&self, hash: Option<String>) -> Option<Proof> {
        match self {
            Self::Password(proved) => {
                let hash = hash.filter(|hash| proved.ct_eq(&digest(hash)).into())?;
                Some(Proof::Password { hash, renewed: None })
            }
            Self::Identity(id) => Some(Proof::Identity(*id)),
        }
    }
}

impl Challenge {
    /// What clients hold has its own purpose: a secret out of the database is no challenge.
    const PURPOSE: &str = "sign-in challenge";

    /// The challenge of who has proved this just now.
    #[must_use]
    pub fn new(account_id: i64, uses: i32, proof: &Proof, now: NaiveDateTime) -> Self {
        Self { account_id, uses, proved: Proved::of(proof), expires_at: now + CHALLENGE_LIFETIME }
    }

    /// The challenge as the client keeps it: unreadable, and not to be made by anybody else.
    pub fn sealed(&self, seal: &Seal) -> Result<String> {
        seal.parcel(Self::PURPOSE, self)
    }

    /// The challenge that a client gives back, as long as it is good.
    #[must_use]
    pub fn open(seal: &Seal, sealed: &str, now: NaiveDateTime) -> Option<Self> {
        seal.open_parcel(Self::PURPOSE, sealed).filter(|challenge: &Self| now < challenge.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_recovery_code_is_known_however_it_is_typed() {
        let (shown, kept) = recovery_codes(&Random::seeded(1));
        assert_eq!((shown.len(), kept.len()), (10, 10));
        for (code, hash) in shown.iter().zip(&kept) {
            assert_eq!(code.len(), 24 + 5, "{code}");
            for typed in [code.clone(), code.replace('-', ""), code.to_uppercase().replace('-', " ")] {
                assert!(matches!(Code::read(&typed), Code::Recovery(given) if given == *hash), "{typed}");
            }
        }
        assert!(kept.iter().all(|hash| kept.iter().filter(|other| *other == hash).count() == 1));
        assert!(matches!(Code::read(" 123 456"), Code::Totp(code) if code == "123456"));
        assert!(matches!(Code::read("１２３４５６"), Code::Recovery(_)), "digits of another script are none");
    }

    #[test]
    fn a_challenge_is_good_for_five_minutes_and_its_password() {
        let (seal, now) = (Seal::new("secret"), DateTime::from_timestamp(1_800_000_000, 0).unwrap().naive_utc());
        let proof = Proof::Password { hash: "hash".to_owned(), renewed: None };
        let sealed = Challenge::new(7, 3, &proof, now).sealed(&seal).unwrap();
        let open = |later: i64| Challenge::open(&seal, &sealed, now + Duration::seconds(later));
        let challenge = open(299).unwrap();
        assert_eq!((challenge.account_id, challenge.uses), (7, 3));
        let is_for = |hash: Option<&str>| challenge.proved.proof(hash.map(ToOwned::to_owned)).is_some();
        assert!(is_for(Some("hash")) && !is_for(Some("another")) && !is_for(None));
        assert!(open(300).is_none());
        assert!(Challenge::open(&Seal::new("other"), &sealed, now).is_none());
        assert!(Challenge::open(&seal, &sealed[1..], now).is_none());
    }
}
