//! The one source of randomness: the system's cryptographic generator, or a seeded one for data that must repeat.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Makes random bytes.
#[derive(Clone, Debug, Default)]
pub struct Random(Option<Arc<Mutex<StdRng>>>);

impl Random {
    /// The system's cryptographically secure generator.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A generator that repeats itself: for tests and demonstration data, never for secrets.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// Random bytes.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Some(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes),
            None => rand::rng().fill_bytes(&mut bytes),
        }
        bytes
    }

    /// A whole number below `end`, each as likely as the others: what would favour the low ones is thrown away.
    ///
    /// # Panics
    /// Where `end` is 0: there is no such number.
    #[must_use]
    pub fn below(&self, end: u32) -> u32 {
        let fair = u32::MAX - u32::MAX % end;
        loop {
            let drawn = u32::from_be_bytes(self.bytes());
            if drawn < fair {
                return drawn % end;
            }
        }
    }

    /// A part of a time, each as likely as the others: so that those who begin together do not go on in step.
    #[must_use]
    pub fn part_of(&self, span: Duration) -> Duration {
        let milliseconds = u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        Duration::from_millis(u64::from(self.below(milliseconds.max(1))))
    }

    /// From half of a time to the whole of it: so that those who failed together do not come back together.
    #[must_use]
    pub fn jittered(&self, span: Duration) -> Duration {
        let half = span / 2;
        half + self.part_of(half)
    }

    /// A token of 256 bits that is safe in a header or a URL.
    #[must_use]
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_below_the_end_is_as_likely_as_the_others() {
        let random = Random::seeded(1);
        let mut drawn = [0_u32; 6];
        for _ in 0..60_000 {
            drawn[random.below(6) as usize] += 1;
        }
        assert!(drawn.iter().all(|times| (9_500..10_500).contains(times)), "{drawn:?}");
        // Of what 32 bits can be, all that is from this end on would come out below its first third.
        let end = 3 << 30;
        let low = (0..10_000).filter(|_| random.below(end) < 1 << 30).count();
        assert!((3_100..3_600).contains(&low), "{low}");
        assert_eq!(random.below(1), 0);
    }

    #[test]
    fn parts_of_a_time_are_spread_over_it() {
        let (random, minute) = (Random::seeded(1), Duration::from_mins(1));
        let parts: Vec<Duration> = (0..1000).map(|_| random.part_of(minute)).collect();
        assert!(parts.iter().all(|part| *part < minute));
        for ten in 0..6 {
            let within = parts.iter().filter(|part| part.as_secs() / 10 == ten).count();
            assert!((110..220).contains(&within), "{within}");
        }
        assert_eq!(random.part_of(Duration::ZERO), Duration::ZERO);
    }
}
