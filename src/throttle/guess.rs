//! Guesses at a secret. What is counted, and why so, is in the module above.

use super::{
    Throttle,
    local::{Key, Policy},
    seconds,
};
use crate::{auth::model::Identifier, client::Client, error::Error};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// How long who failed too often is locked out, in minutes.
pub const LOCK_MINUTES: i64 = 15;

/// For one identifier from one address, or from one device that is known.
const HERE: Policy = Policy { free: 3, lock: 10, longest: LOCK_MINUTES * MINUTE, memory: DAY };
/// For one identifier from everywhere: slow, and never a lock.
const EVERYWHERE: Policy = Policy { free: 100, lock: 106, longest: MINUTE, memory: DAY };
/// From one address: slow, and never a lock, for a school may have one address.
const ADDRESS: Policy = Policy { memory: HOUR, ..EVERYWHERE };
/// Telling the owner: once a day.
const TOLD: Policy = Policy { free: 1, lock: 1, longest: DAY, memory: DAY };

/// How long a device is known after it signed in.
pub const DEVICE_LIFETIME: chrono::Duration = chrono::Duration::days(180);

/// Whose secret is guessed at. Another kind of secret is another variant: each is counted for itself.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// The password of who signs in with this identifier, whether or not there is such an account.
    SignIn(&'a Identifier),
    /// The password of an account, guessed at by who is signed in to it.
    Password(i64),
}

impl Subject<'_> {
    /// The kind, and whose it is.
    fn names(&self) -> [String; 2] {
        match self {
            Self::SignIn(Identifier::Email(text) | Identifier::Phone(text)) => ["sign-in".to_owned(), text.clone()],
            Self::Password(account) => ["password".to_owned(), account.to_string()],
        }
    }
}

/// There were too many tries: this one is not to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The seconds after which another may be.
    pub retry_after: u64,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::too_many("too many tries", refused.retry_after)
    }
}

/// One try, which may be made and counts as failed from now on, also where it is dropped.
#[must_use = "a try ends as it succeeds or fails"]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    /// What a success forgets.
    of_account: Vec<Key>,
    /// What it takes itself back from.
    of_address: Vec<(Key, Policy)>,
    told: Key,
    locks: bool,
}

impl Throttle {
    /// Counts a try, which may be made: before the secret is compared.
    ///
    /// # Errors
    /// When there were too many. Then it must not be made, and is not counted.
    pub async fn attempt(&self, subject: &Subject<'_>, client: &Client) -> Result<Attempt<'_>, Refused> {
        let [kind, who] = &subject.names();
        let network = client.network();
        let key = |what: &str, whence: &str| self.seal.digest(&["guess", what, kind, who, whence]);
        let (of_account, of_address) = match self.known(subject, client) {
            Some(device) => (vec![(key("device", &device), HERE)], vec![]),
            None => (
                vec![(key("here", &network), HERE), (key("everywhere", ""), EVERYWHERE)],
                vec![(self.seal.digest(&["guess", "address", &network]), ADDRESS)],
            ),
        };
        let counted = [&of_account[..], &of_address[..]].concat();
        let failures = self.counters.reserve(&counted, self.now()).await;
        let failures = failures.map_err(|wait| Refused { retry_after: seconds(wait) })?;
        let locks = failures.iter().zip(&of_account).any(|(failures, (_, policy))| *failures == policy.lock);
        let of_account = of_account.into_iter().map(|(key, _)| key).collect();
        Ok(Attempt { throttle: self, of_account, of_address, told: key("told", ""), locks })
    }

    /// What the device that has just signed in is known by from now on: to be kept by it, and of no other use.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn device(&self, subject: &Subject<'_>, client: &Client) -> crate::error::Result<String> {
        // One that is known stays the same: to sign in again gives no second set of tries.
        let device = self.known(subject, client).unwrap_or_else(|| self.random.token());
        self.seal.cursor(&binding(subject), &device)
    }

    /// The device, where it signed in as the same before.
    fn known(&self, subject: &Subject<'_>, client: &Client) -> Option<String> {
        self.seal.open_cursor(&binding(subject), client.device.as_deref()?)
    }
}

fn binding(subject: &Subject<'_>) -> String {
    let [kind, who] = subject.names();
    format!("device of {kind} {who}")
}

impl Attempt<'_> {
    /// It failed. True: it is locked by it for somebody, and the owner is to be told, who was not told for a day.
    pub async fn failed(self) -> bool {
        let counters = &self.throttle.counters;
        self.locks && counters.reserve(&[(self.told, TOLD)], self.throttle.now()).await.is_ok()
    }

    /// It succeeded: the failures that it was counted among are forgotten, but for those of the address, of which it was none.
    pub async fn succeeded(self) {
        self.throttle.counters.release(&self.of_account, &self.of_address, self.throttle.now()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::{clock::Clock, ids::Seal, random::Random, throttle::Rates};

    fn throttle(clock: &Clock) -> Throttle {
        Throttle::new(clock.clone(), Random::seeded(1), Seal::new("secret"), None, Rates::default())
    }

    fn clock() -> Clock {
        Clock::fixed(chrono::NaiveDate::from_ymd_opt(2026, 3, 20).unwrap().and_hms_opt(12, 0, 0).unwrap())
    }

    fn from(address: &str) -> Client {
        Client { address: Some(address.parse::<IpAddr>().unwrap()), ..Client::default() }
    }

    /// How many of `tries` fail, and whether the owner is told; the others are refused.
    async fn fail(throttle: &Throttle, who: &Identifier, client: &Client, tries: usize) -> (usize, usize) {
        let (mut failed, mut told) = (0, 0);
        for _ in 0..tries {
            if let Ok(attempt) = throttle.attempt(&Subject::SignIn(who), client).await {
                failed += 1;
                told += usize::from(attempt.failed().await);
            }
        }
        (failed, told)
    }

    #[tokio::test]
    async fn another_address_of_the_same_network_is_the_same_client() {
        let (throttle, who) = (throttle(&clock()), Identifier::parse("ada@example.org"));
        assert_eq!(fail(&throttle, &who, &from("2001:db8:0:1::1"), 5).await.0, 3);
        assert_eq!(fail(&throttle, &who, &from("2001:db8:0:1:ffff::2"), 5).await.0, 0);
        assert_eq!(fail(&throttle, &who, &from("2001:db8:0:2::1"), 5).await.0, 3);
        assert_eq!(fail(&throttle, &who, &from("203.0.113.1"), 5).await.0, 3);
        assert_eq!(fail(&throttle, &who, &from("::ffff:203.0.113.1"), 5).await.0, 0, "IPv4 in IPv6");
    }

    #[tokio::test]
    async fn many_addresses_slow_strangers_down_and_not_a_known_device() {
        let (clock, who) = (clock(), Identifier::parse("ada@example.org"));
        let throttle = throttle(&clock);
        let (mut failed, mut told) = (0, 0);
        for n in 0..60 {
            let (more, tell) = fail(&throttle, &who, &from(&format!("203.0.113.{n}")), 3).await;
            (failed, told) = (failed + more, told + tell);
        }
        assert_eq!((failed, told), (100, 0));
        let subject = Subject::SignIn(&who);
        for n in 0..20 {
            clock.advance(chrono::Duration::minutes(1));
            let (more, tell) = fail(&throttle, &who, &from(&format!("198.51.100.{n}")), 3).await;
            (failed, told) = (failed + more, told + tell);
        }
        assert_eq!((failed, told), (120, 1), "one a minute, and told once");
        let stranger = from("192.0.2.1");
        assert_eq!(throttle.attempt(&subject, &stranger).await.err(), Some(Refused { retry_after: 60 }));
        let device = throttle.device(&subject, &stranger).unwrap();
        let known = Client { device: Some(device.clone()), ..stranger.clone() };
        assert_eq!(throttle.device(&subject, &known).unwrap(), device, "it stays the same");
        assert_eq!(fail(&throttle, &who, &known, 5).await.0, 3, "and has tries of its own");
        let other = Identifier::parse("bo@example.org");
        assert!(throttle.known(&Subject::SignIn(&other), &known).is_none(), "it is known to one account");
        clock.advance(chrono::Duration::seconds(1));
        throttle.attempt(&subject, &known).await.unwrap().succeeded().await;
        assert_eq!(fail(&throttle, &who, &known, 5).await.0, 3, "a success is a new beginning");
        assert_eq!(
            throttle.attempt(&subject, &stranger).await.err(),
            Some(Refused { retry_after: 59 }),
            "for the device"
        );
        clock.advance(chrono::Duration::seconds(59));
        throttle.attempt(&subject, &stranger).await.unwrap().succeeded().await;
        assert_eq!(fail(&throttle, &who, &from("192.0.2.2"), 5).await.0, 3, "the owner has been here");
    }

    #[tokio::test]
    async fn one_address_is_slowed_down_at_all_accounts_but_who_succeeds_does_not_count() {
        let (throttle, client) = (throttle(&clock()), from("203.0.113.1"));
        let who = |n: usize| Identifier::parse(&format!("pupil{n}@example.org"));
        for n in 0..300 {
            throttle.attempt(&Subject::SignIn(&who(n)), &client).await.unwrap().succeeded().await;
        }
        let mut failed = 0;
        for n in 0..300 {
            failed += fail(&throttle, &who(n), &client, 1).await.0;
        }
        assert_eq!(failed, 100);
    }
}
