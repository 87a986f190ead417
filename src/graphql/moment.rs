//! What the resolver of a subscription is asked: what it listens for, or to tell of one thing that happened.
//!
//! A subscription is no conversation that goes on: each time, its operation is executed anew, by who its viewer is by then.
//! First with [`Moment::Opening`]: the field is authorized, its arguments are read, and it says what it listens for. Then
//! with [`Moment::Event`], once for each thing that happens: all of that again, and it tells of it or keeps silent.

use std::sync::{Arc, OnceLock};

use async_graphql::Context;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, Iter};

use super::Call;
use crate::{
    clock::utc,
    error::{Error, Result},
    events::model::EventKind,
    live::{Happened, Interest},
};

/// For what a subscription is executed.
#[derive(Clone)]
pub(super) enum Moment {
    /// To be authorized, and to say what it listens for.
    Opening(Arc<OnceLock<Opening>>),
    /// To tell of something.
    Event(Arc<Happened>),
}

/// What a subscription listens for.
pub(super) struct Opening {
    pub interest: Interest,
    /// The position after which it wants to hear what it missed.
    pub after: Option<i64>,
}

/// Something to be told by a subscription.
#[derive(Clone, Debug)]
pub struct Told {
    /// Where it stands, for `after`.
    pub cursor: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: EventKind,
    /// The number of the row that it is about.
    pub subject: i64,
    /// The student whom it is about, where it is about one.
    pub student: Option<i64>,
    /// Its own number: of the event, or of the notification.
    pub number: i64,
}

/// What a subscription's field gives at once: one thing, or nothing.
pub type Once<T> = Iter<std::option::IntoIter<T>>;

/// Gives what there is.
pub fn once<T>(told: Option<T>) -> Once<T> {
    stream::iter(told)
}

/// What a subscription with this `interest` has to tell now; its viewer may not reach it.
///
/// # Errors
/// When the cursor is none of this field's and this viewer's.
pub fn told(ctx: &Context<'_>, interest: Interest, after: Option<String>) -> Result<Option<Told>> {
    let call = Call::of(ctx);
    let seal = &call.services().seal;
    let binding = format!("live {} {}", ctx.item.node.name.node, call.scope().account());
    match ctx.data_opt::<Moment>() {
        Some(Moment::Opening(opening)) => {
            let position = |cursor: String| seal.open_cursor(&binding, &cursor)?.parse().ok();
            let after = after.map(|cursor| position(cursor).ok_or_else(Error::bad_cursor)).transpose()?;
            // Its one field is asked once.
            let _ = opening.set(Opening { interest, after });
            Ok(None)
        }
        Some(Moment::Event(happened)) if interest.topics.meet(&happened.topics) => {
            let Happened { position, at, kind, subject, student, .. } = **happened;
            let cursor = seal.cursor(&binding, &position.to_string())?;
            Ok(Some(Told { cursor, at: utc(at), kind, subject, student, number: position }))
        }
        _ => Ok(None),
    }
}
