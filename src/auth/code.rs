//! One-time codes: six digits that go to the e-mail or the phone of an account, and prove to be its owner who has them.
//!
//! A code is drawn from the cryptographic generator and kept under a keyed hash with its account and purpose. It is good
//! once, for ten minutes and five tries; a new one takes the place of the old. There is one a minute and five in an hour
//! at most for each account and purpose, so that nobody is flooded, and so nobody has more than 25 tries an hour at the
//! million codes that there are (NIST SP 800-63B-4, 3.1.3.2 and 3.2.2; OWASP ASVS 5, 6.5 and 6.6).

use chrono::Duration;
use secrecy::{ExposeSecret, SecretString};

use super::{model::Identifier, owner::Owners};
use crate::{ids::Seal, messages::Content, random::Random, text_enum};

/// How long a code is good.
pub const LIFETIME: Duration = Duration::minutes(10);
/// How often a code is tried.
pub const TRIES: i32 = 5;
/// How long after a code there is another one.
pub const EVERY: Duration = Duration::minutes(1);
/// How many codes there are in an hour.
pub const IN_AN_HOUR: i32 = 5;

text_enum! {
    /// What a code is for.
    CodePurpose {
        /// Sets the first password of an account that has none.
        Activation = "ACTIVATION",
        /// Sets another password of an account that has one.
        Reset = "RESET",
    }
}

impl CodePurpose {
    /// What a code is kept as, with the account and the purpose that it is good for. There are so few codes that a plain hash
    /// of one is as good as the code, to who reads the database: the key is not in there.
    #[must_use]
    pub fn digest(self, seal: &Seal, account: i64, code: &SecretString) -> [u8; 32] {
        seal.digest(&["code", self.as_str(), &account.to_string(), code.expose_secret()])
    }

    /// The message that takes a code to the owner.
    #[must_use]
    pub fn content(self, code: SecretString) -> Content {
        match self {
            Self::Activation => Content::ActivationCode(code, LIFETIME.num_minutes()),
            Self::Reset => Content::ResetCode(code, LIFETIME.num_minutes()),
        }
    }
}

/// A code that somebody came with, and what it is to set.
pub struct Redeemed<'a> {
    /// Whose account it is, as they say.
    pub identifier: &'a Identifier,
    /// What the code is for.
    pub purpose: CodePurpose,
    /// The code.
    pub code: &'a SecretString,
    /// The new password.
    pub password: &'a SecretString,
    /// Its hash.
    pub hash: &'a str,
    /// What codes are kept under.
    pub seal: &'a Seal,
    /// How the owner is told of the new password.
    pub owners: &'a Owners,
}

/// A new code.
#[must_use]
pub fn make(random: &Random) -> SecretString {
    format!("{:06}", random.below(1_000_000)).into()
}

/// A code as somebody typed it: spaces and hyphens are left out.
#[must_use]
pub fn typed(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_code_has_six_digits_and_is_typed_in_groups_or_not() {
        let random = Random::seeded(1);
        let codes: Vec<SecretString> = (0..2000).map(|_| make(&random)).collect();
        let six = |code: &SecretString| {
            code.expose_secret().len() == 6 && code.expose_secret().bytes().all(|byte| byte.is_ascii_digit())
        };
        assert!(codes.iter().all(six));
        assert!(codes.iter().any(|code| code.expose_secret().starts_with('0')), "those below 100,000 too");
        assert_eq!((typed(" 012 345\n"), typed("012-345")), ("012345".to_owned(), "012345".to_owned()));
    }
}
