//! What happens, as it happens: events on their way to whoever listens, on this instance and, by Redis, on all others.
//!
//! An occurrence holds numbers and topics, and nothing that anybody reads: a subscriber who has one of its topics looks what
//! it is about up as themself, by their own scope, as a query would.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use redis::{AsyncCommands, aio::ConnectionManager};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{
    error::{Error, Result},
    ids::Seal,
};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Occurrence {
    /// The number of the event.
    pub event: i64,
    /// What happened, as its kind is kept; [`NOTIFIED`] where an event has come into inboxes.
    pub kind: String,
    /// The number of the row that it is about.
    pub subject: i64,
    /// Whom it concerns, as [`crate::events::model::Topic::text`] has it.
    pub topics: Vec<String>,
}

/// The kind of an occurrence that says: this event is in the inboxes of these accounts (its topics) now.
pub const NOTIFIED: &str = "NOTIFIED";

/// Takes occurrences to whoever listens.
#[derive(Clone)]
pub struct Hub {
    local: Arc<Local>,
    redis: Option<(ConnectionManager, String)>,
}

#[derive(Default)]
struct Local {
    buffer: usize,
    next: AtomicU64,
    /// Who listens to a topic.
    listeners: Mutex<HashMap<String, HashMap<u64, mpsc::Sender<Arc<Occurrence>>>>>,
}

impl Hub {
    /// A hub of this process, and with `redis` of all instances of the deployment; a listener has `buffer` occurrences waiting
    /// at most.
    #[must_use]
    pub fn new(redis: Option<ConnectionManager>, seal: &Seal, buffer: usize) -> Self {
        let redis = redis.map(|redis| (redis, format!("{}:live", seal.namespace())));
        Self { local: Arc::new(Local { buffer, ..Local::default() }), redis }
    }

    /// Says what happened: to all instances where there is Redis, to those who listen here otherwise.
    ///
    /// # Errors
    /// When Redis does not take it: then it is to be said again.
    pub async fn publish(&self, occurrence: &Occurrence) -> Result<()> {
        match &self.redis {
            Some((redis, channel)) => {
                let text = serde_json::to_string(occurrence).map_err(Error::internal)?;
                let () = redis.clone().publish(channel, text).await?;
                Ok(())
            }
            None => {
                self.local.hand_out(&Arc::new(occurrence.clone()));
                Ok(())
            }
        }
    }
}

impl Local {
    fn hand_out(&self, occurrence: &Arc<Occurrence>) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in &occurrence.topics {
            for listener in listeners.get(topic).into_iter().flat_map(HashMap::values) {
                // Whoever is too slow to take it learns so: their channel is full.
                let _ = listener.try_send(Arc::clone(occurrence));
            }
        }
    }
}
