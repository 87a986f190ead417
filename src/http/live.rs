//! What goes on after a request: subscriptions, over a WebSocket ([`socket`]) or as server-sent events ([`events`]).
//!
//! Whoever they are of has so many places on an instance, and each holds the place of its connection until it ends.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::serve::Hold;
use crate::{auth::Viewer, client::Client};

pub mod events;
mod message;
pub mod socket;

/// How much may go on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Operations of one WebSocket.
    pub subscriptions: usize,
    /// Connections of one viewer: each a WebSocket, or a stream of server-sent events.
    pub connections: usize,
}

/// The places for what goes on, by whose they are.
#[derive(Clone, Default)]
pub struct Seats(Arc<Mutex<HashMap<String, usize>>>);

/// A place that is taken, until it is dropped.
pub struct Seat {
    seats: Seats,
    whose: String,
}

impl Seats {
    /// Takes a place for a viewer, if they have fewer than `most`.
    #[must_use]
    pub fn take(&self, most: usize, viewer: &Viewer, client: &Client) -> Option<Seat> {
        let whose = match (viewer.account_id(), viewer.key_id()) {
            (Some(account), _) => format!("account {account}"),
            (_, Some(key)) => format!("key {key}"),
            _ => client.network(),
        };
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(whose.clone()).or_default();
        if *taken >= most {
            return None;
        }
        *taken += 1;
        Some(Seat { seats: self.clone(), whose })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&self.whose) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&self.whose);
            }
        }
    }
}

/// Waits until the service is told to stop.
async fn stopped(hold: &mut Option<Hold>) {
    match hold {
        Some(hold) => hold.stopped().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_has_so_many_places_and_gets_them_back() {
        let (seats, nobody, client) = (Seats::default(), Viewer::anonymous(), Client::default());
        let (first, second) = (seats.take(2, &nobody, &client), seats.take(2, &nobody, &client));
        assert!(first.is_some() && second.is_some() && seats.take(2, &nobody, &client).is_none());
        drop(first);
        assert!(seats.take(2, &nobody, &client).is_some());
        drop(second);
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
