//! What a subscriber listens for, and what is known of something that happened.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;

use super::NOTIFIED;
use crate::{
    auth::{Role, Viewer},
    db::Db,
    error::Result,
    events::model::{EventKind, EventRow, Topic},
    read,
};

/// What a subscriber listens for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Out of what.
    pub source: Source,
    /// About whom.
    pub topics: Topics,
}

/// What there is to listen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Events of these kinds.
    Events(&'static [EventKind]),
    /// What comes into the viewer's own inbox.
    Inbox,
}

/// Whom a subscriber wants to hear about. It narrows what is looked at; whether the viewer reaches it is asked then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topics {
    /// Everybody: for administrators.
    All,
    /// Those whose topics, as [`Topic::text`] has them, are among these.
    Of(BTreeSet<String>),
}

impl Source {
    /// Whether an occurrence of this kind is of it.
    #[must_use]
    pub fn has(self, kind: &str) -> bool {
        match self {
            Self::Events(kinds) => kinds.iter().any(|own| own.as_str() == kind),
            Self::Inbox => kind == NOTIFIED,
        }
    }
}

impl Topics {
    /// These.
    pub fn of(topics: impl IntoIterator<Item = Topic>) -> Self {
        Self::Of(topics.into_iter().map(Topic::text).collect())
    }

    /// All by which the viewer may reach what events are about: themself, their children, the courses that they head, and
    /// what is for everybody.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_viewer(db: &Db, viewer: &Viewer) -> Result<Self> {
        let scope = viewer.scope();
        if scope.roles().has(Role::Admin) {
            return Ok(Self::All);
        }
        let mut topics = vec![Topic::Everybody];
        topics.extend(viewer.account_id().map(Topic::Account));
        topics.extend(viewer.staff_id().map(Topic::Staff));
        topics.extend(viewer.student_id().map(Topic::Student));
        topics.extend(viewer.parent_id().map(Topic::Parent));
        if scope.roles().has(Role::Parent) {
            topics.extend(read!(db, live::children(&scope))?.into_iter().map(Topic::Student));
        }
        if scope.roles().has(Role::Hod) {
            topics.extend(read!(db, courses_write::headed(&scope))?.into_iter().map(Topic::Course));
        }
        Ok(Self::of(topics))
    }

    /// Whether somebody with these wants to hear of what has `topics`.
    #[must_use]
    pub fn meet(&self, topics: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::Of(own) => topics.iter().any(|topic| own.contains(topic)),
        }
    }

    /// The topics to look for; none where it is all of them.
    #[must_use]
    pub fn named(&self) -> Option<Vec<String>> {
        match self {
            Self::All => None,
            Self::Of(topics) => Some(topics.iter().cloned().collect()),
        }
    }
}

/// Something that happened, as the database has it: numbers only.
#[derive(Clone, Debug)]
pub struct Happened {
    /// Where it stands among what its subscribers hear: the number of the event, or of the notification.
    pub position: i64,
    /// When it happened, or came into the inbox.
    pub at: NaiveDateTime,
    /// When subscribers were told of it: what is missed is caught up with by this time, and then by position.
    pub told_at: NaiveDateTime,
    /// What.
    pub kind: EventKind,
    /// The number of the row that it is about, of the type that the kind says.
    pub subject: i64,
    /// The student whom it is about, where it is about one.
    pub student: Option<i64>,
    /// Whom it concerns.
    pub topics: Vec<String>,
}

impl Happened {
    /// An event that was told of at `told_at`, with its topics.
    #[must_use]
    pub fn event(row: &EventRow, told_at: NaiveDateTime, topics: Vec<String>) -> Self {
        let EventRow { id, kind, subject_id, student_id, at, .. } = *row;
        Self { position: id, at, told_at, kind, subject: subject_id, student: student_id, topics }
    }

    /// An event that has come into the inbox of `account`, with the number of its notification there and the time. It is told
    /// of when it is there.
    #[must_use]
    pub fn notification(row: &EventRow, (number, at): (i64, NaiveDateTime), account: i64) -> Self {
        Self { position: number, at, ..Self::event(row, at, vec![Topic::Account(account).text()]) }
    }
}

/// What there is of what was told of: it is another when anything more was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// When something was told of for the last time.
    pub told: Option<NaiveDateTime>,
    /// How many there are that were told of shortly before that.
    pub told_before: i64,
    /// The last notification.
    pub inbox: Option<i64>,
    /// How many there are just before that.
    pub inbox_before: i64,
}
