//! Jobs: rows, and what becomes of one.

use std::time::Duration;

use async_graphql::{Enum, InputObject};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    db::schema::jobs,
    error::Error,
    graphql::{Direction, Row},
    text_enum,
};

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

text_enum! {
    /// By which way jobs go to workers. Each has workers of its own, so that what is slow on one, a mail server or a rate, holds
    /// up nothing on another.
    Lane {
        /// Codes, by whichever channel: somebody waits for them.
        Codes = "CODES",
        /// Events, which are told of.
        Events = "EVENTS",
        /// Push messages.
        Push = "PUSH",
        /// Mail.
        Mail = "MAIL",
        /// Text messages.
        Text = "TEXT",
        /// What nobody waits for, and what takes long.
        Upkeep = "UPKEEP",
    }
}

/// What goes first.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[graphql(name = "JobPriority")]
pub enum Priority {
    /// Somebody waits for it: a code.
    Urgent = 0,
    /// It matters today.
    Normal = 1,
    /// It can wait: a newsletter, a clean-up.
    Low = 2,
}

impl Priority {
    /// Every value, the first first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Low];

    /// The value as it is kept.
    #[must_use]
    pub fn of(kept: i32) -> Self {
        Self::ALL.into_iter().find(|priority| *priority as i32 == kept).unwrap_or(Self::Low)
    }

    /// Its name, in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// Jobs on their way to a worker, and the name under which they were leased: who comes later than the lease, or second,
/// finds another name at them and leaves them alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOut {
    /// The numbers of the jobs.
    pub ids: Vec<i64>,
    /// The name.
    pub lease: String,
}

/// A job to be done. Of several with one key, one is done.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The idempotency key.
    pub key: String,
    /// What is to be done.
    pub kind: JobKind,
    /// By which way.
    pub lane: Lane,
    /// What goes first on it.
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

/// A job as an administrator sees it: without what it holds.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = jobs)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct JobEntryRow {
    pub id: i64,
    pub kind: JobKind,
    pub state: JobState,
    pub priority: i32,
    pub attempts: i32,
    pub due_at: NaiveDateTime,
    pub created_at: NaiveDateTime,
    pub finished_at: Option<NaiveDateTime>,
    pub last_error: Option<String>,
}

impl Row for JobEntryRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Which jobs to list.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct JobFilter {
    /// What became of them.
    pub state: Option<JobState>,
    /// What is to be done.
    pub kind: Option<JobKind>,
}

/// What a list of jobs is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOrderField {
    /// The order in which they were put into the queue.
    Entry,
    /// When they are due, then entry.
    DueAt,
}

/// The order of a list of jobs.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct JobOrder {
    /// What to order by.
    pub field: JobOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for JobOrder {
    fn default() -> Self {
        Self { field: JobOrderField::Entry, direction: Direction::Desc }
    }
}

/// How many jobs of a kind and priority there are in a state, how many of those are due by now, and since when the first.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "said above")]
pub struct Figure {
    pub state: JobState,
    pub kind: JobKind,
    pub priority: i32,
    pub count: i64,
    pub due: i64,
    pub first_due: Option<NaiveDateTime>,
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
    /// Nothing was tried, because it is not the time for it: this was no try, and it is done later.
    Later {
        /// For the operator: no secret, and nothing of a person.
        cause: &'static str,
        /// After how long.
        after: Duration,
        /// Whether the same is so of whatever else goes by this lane.
        all: bool,
    },
    /// It will never go well.
    Dead {
        /// For the operator: no secret, and nothing of a person.
        cause: String,
    },
}

impl Outcome {
    /// For how long whatever else goes the same way is to rest: what the other side asks for it asks of all, and what it says
    /// in vain costs a try of each.
    #[must_use]
    pub fn rest(&self) -> Option<Duration> {
        match self {
            Self::Later { after, all: true, .. } | Self::Again { after: Some(after), .. } => Some(*after),
            _ => None,
        }
    }
}

impl From<Error> for Outcome {
    /// A fault of ours is mended, or passes: the job is tried again.
    fn from(error: Error) -> Self {
        Self::Again { cause: error.report(), after: None }
    }
}
