//! How many requests are worked on at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for requests. Who finds none is told to come again: more of them at a time are not answered sooner, and what waits
/// takes memory, and is often of no use any more when its turn comes.
#[derive(Clone, Debug)]
pub struct InFlight {
    places: Arc<Semaphore>,
    most: usize,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl InFlight {
    /// As many places.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(most)), most }
    }

    /// Takes a place, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { _permit: permit })
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.most - self.places.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_places_and_they_come_back() {
        let in_flight = InFlight::new(2);
        let (first, second) = (in_flight.take(), in_flight.take());
        assert!(first.is_some() && second.is_some() && in_flight.take().is_none());
        assert_eq!(in_flight.taken(), 2, "who was refused has none");
        drop(first);
        let third = in_flight.take();
        assert!(third.is_some() && in_flight.take().is_none());
        drop((second, third));
        assert_eq!(in_flight.taken(), 0);
    }
}
