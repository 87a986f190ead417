//! A sign-in that is under way at a provider, as the client keeps it.

use chrono::{Duration, NaiveDateTime};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::{error::Result, ids::Seal, random::Random};

/// How long somebody may take at the provider.
const LASTS: Duration = Duration::minutes(10);
/// What it is sealed for.
const PURPOSE: &str = "sign-in with a provider";

/// What a sign-in at a provider was begun with. It is secret: it has no `Debug`, and leaves the service sealed only.
#[derive(Serialize, Deserialize)]
pub struct Flow {
    /// The provider's name in the configuration.
    pub provider: String,
    /// Where the provider sends back to.
    pub redirect_uri: String,
    /// What comes back with the code (RFC 6749, section 4.1.1).
    pub state: String,
    /// What the ID token must repeat (OpenID Connect Core, section 3.1.2.1).
    pub nonce: String,
    /// The PKCE code verifier (RFC 7636, section 4.1): 256 bits.
    pub verifier: String,
    /// When it began, UTC.
    began_at: NaiveDateTime,
}

impl Flow {
    /// A new one, unlike any other.
    #[must_use]
    pub fn begin(random: &Random, now: NaiveDateTime, provider: &str, redirect_uri: String) -> Self {
        Self {
            provider: provider.to_owned(),
            redirect_uri,
            state: random.token(),
            nonce: random.token(),
            verifier: random.token(),
            began_at: now,
        }
    }

    /// As the client keeps it.
    ///
    /// # Errors
    /// As [`Seal::parcel`].
    pub fn sealed(&self, seal: &Seal) -> Result<String> {
        seal.parcel(PURPOSE, self)
    }

    /// The flow that a client kept and the provider has answered with `state`; `None` where it was not sealed here, has
    /// expired, or has another state. The state is compared in constant time.
    #[must_use]
    pub fn open(seal: &Seal, sealed: &str, state: &str, now: NaiveDateTime) -> Option<Self> {
        let flow: Self = seal.open_parcel(PURPOSE, sealed)?;
        let answered = bool::from(flow.state.as_bytes().ct_eq(state.as_bytes()));
        (answered && now < flow.began_at + LASTS).then_some(flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_opens_for_ten_minutes_with_its_own_state_where_it_was_sealed() {
        let (seal, random) = (Seal::new("secret"), Random::seeded(1));
        let at = |minute| chrono::NaiveDate::from_ymd_opt(2026, 3, 20).unwrap().and_hms_opt(12, minute, 0).unwrap();
        let flow = Flow::begin(&random, at(0), "google", "https://app.example/back".to_owned());
        let sealed = flow.sealed(&seal).unwrap();
        let opened = Flow::open(&seal, &sealed, &flow.state, at(9)).unwrap();
        assert_eq!((&opened.nonce, &opened.verifier), (&flow.nonce, &flow.verifier));
        assert!(Flow::open(&seal, &sealed, &flow.state, at(10)).is_none(), "expired");
        assert!(Flow::open(&seal, &sealed, &random.token(), at(1)).is_none(), "another state");
        assert!(Flow::open(&seal, &sealed, "", at(1)).is_none());
        assert!(Flow::open(&Seal::new("other"), &sealed, &flow.state, at(1)).is_none());
        assert!(Flow::open(&seal, "nonsense", &flow.state, at(1)).is_none());
        for secret in [&flow.state, &flow.nonce, &flow.verifier] {
            assert_eq!(secret.len(), 43, "256 bits");
            assert!(!sealed.contains(secret.as_str()));
        }
    }
}
