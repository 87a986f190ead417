//! Jobs: rows, and what becomes of one.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde_json::Value;

use crate::{db::schema::jobs, text_enum};

text_enum! {
    /// What is to be done.
    JobKind {
        /// Tell of an event: live subscribers, and the inboxes of those whom it concerns.
        Tell = "TELL",
        /// Deliver notifications by a channel.
        Deliver = "DELIVER",
        /// Send a message to the owner of an account: a code, or news of the account.
        Message = "MESSAGE",
        /// Make an export.
        Export = "EXPORT",
        /// Remove what is of no use any more.
        CleanUp = "CLEAN_UP",
        /// Work out anew what is kept of other rows, and put right what is not as it should be.
        Recompute = "RECOMPUTE",
    }
}

text_enum! {
    /// What became of a job.
    JobState {
        /// It is waiting, or somebody is at it.
        Pending = "PENDING",
        /// It is done.
        Done = "DONE",
        /// It was given up: an administrator may have it tried again.
        Dead = "DEAD",
    }
}

/// What goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for it: a code.
    Urgent = 0,
    /// It matters today.
    Normal = 1,
    /// It can wait: a newsletter, a clean-up.
    Low = 2,
}

/// A job to be done. Of several with one key, one is done.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The idempotency key.
    pub key: String,
    /// What is to be done.
    pub kind: JobKind,
    /// What goes first.
    pub priority: Priority,
    /// With what, as its kind reads it: numbers of rows, and secrets only sealed.
    pub payload: Value,
    /// What may be joined to it while it waits has the same.
    pub batch: Option<String>,
    /// When at the earliest, UTC.
    pub due_at: NaiveDateTime,
}

/// A job that somebody works on.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = jobs)]
#[expect(missing_docs, reason = "the columns' comments say what they are")]
pub struct JobRow {
    pub id: i64,
    pub key: String,
    pub kind: JobKind,
    pub priority: i32,
    pub payload: String,
    /// How often it was begun, this time included.
    pub attempts: i32,
    pub created_at: NaiveDateTime,
}

/// What became of a try.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, or there is nothing to do any more.
    Done,
    /// It may go well later: after this time at the earliest, where the other side said so.
    Again {
        /// For the operator: no secret, and nothing of a person.
        cause: String,
        /// What the other side asked for.
        after: Option<Duration>,
    },
    /// It will never go well.
    Dead {
        /// For the operator: no secret, and nothing of a person.
        cause: String,
    },
}
