//! How often somebody may try, and how much they may ask for.
//!
//! - [`Subject`] and [`Attempt`]: guesses at a secret, which become slower and then stop.
//! - [`Rates`] and [`Charged`]: what requests may cost in a minute.
//! - [`PerMinute`]: how much of something the service itself may do in one.
//! - [`InFlight`]: how many requests are worked on at a time, by this process.
//!
//! All but the last are counters that forget. They are kept in Redis where there is one, and then hold for all instances together; else,
//! and for as long as Redis does not answer, in the process (`Counters`): who attacks while Redis is down meets each
//! instance's own counters, and who is at work goes on working. A counter is named by an HMAC of what it counts, under a key
//! made from `SECRET_KEY`: nobody learns an e-mail, a phone or an address from Redis.
//!
//! # Guessing
//!
//! Every try counts as failed before the secret is compared, in one step with the question whether it may be made, so that of
//! fifty tries at once no more are compared than of fifty in a row. One that succeeds takes its count back. A try that is
//! refused is not compared and not counted: it makes nobody wait any longer. What is counted:
//!
//! - failures for one identifier **from one address** (of IPv6 the /64): three are free, then the next one waits 1, 2, 4 … s,
//!   and from the tenth on 15 minutes each. Who fails here locks themselves out, and not the owner who comes from elsewhere;
//! - failures for one identifier **from everywhere**: a hundred are free, then each makes the next one wait, for up to a
//!   minute. That holds against guesses from many addresses, and never becomes a lock;
//! - failures **from one address** for all identifiers: the same, against one password tried at many accounts.
//!
//! A browser or an app that signed in to the account before is told from strangers by a cookie (OWASP Authentication Cheat
//! Sheet, "Device Cookies": sealed, bound to the identifier, unreadable to scripts, and no proof of anything else). Tries that
//! come with it are counted for that device alone, whatever others do: a class-mate on the school's own network, or a botnet,
//! keeps no owner from their account. Who holds a device's cookie and not the password has ten tries and then one each 15
//! minutes, as everybody.
//!
//! Identifiers are counted as they are folded, and whether or not there is such an account, so that a refusal tells nothing.
//! An account with an e-mail and a phone can be tried by both: to count them together would tell that they belong together.
//!
//! Failures are forgotten a day after the last one (an address's after an hour), and with a success those that it was counted
//! among, but for the address's: the owner's device does not free those who guess from elsewhere. By
//! NIST SP 800-63B-4, 3.2.2, there are to be no more than a hundred failures in a row: from one address there are about that
//! many a day.

use redis::aio::ConnectionManager;

use crate::{clock::Clock, ids::Seal, random::Random};

mod counters;
mod guess;
mod in_flight;
mod local;
mod minute;
mod rate;
mod shared;

use counters::Counters;
pub use guess::{Attempt, DEVICE_LIFETIME, LOCK_MINUTES, Refused, Subject};
pub use in_flight::{InFlight, Place};
pub use minute::PerMinute;
pub use rate::{Charged, REFUSED_COST, Rates};

/// Counts tries and costs, and says when there were too many.
pub struct Throttle {
    clock: Clock,
    random: Random,
    seal: Seal,
    counters: Counters,
    rates: Rates,
}

impl Throttle {
    /// Counters that are kept in `redis`, or in the process where there is none; their time is the `clock`'s.
    #[must_use]
    pub fn new(clock: Clock, random: Random, seal: Seal, redis: Option<ConnectionManager>, rates: Rates) -> Self {
        Self { clock, random, seal, counters: Counters::new(redis), rates }
    }

    /// Milliseconds since 1970.
    fn now(&self) -> i64 {
        self.clock.now().and_utc().timestamp_millis()
    }
}

/// Whole seconds that so many milliseconds take.
fn seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds).unwrap_or(0).div_ceil(1000)
}
