//! Meetings as they are arranged.

use async_graphql::{Context, SimpleObject, Subscription};
use chrono::{DateTime, Utc};

use super::api::Meeting;
use crate::{
    auth::sets::TEACHING,
    error::Result,
    events::model::EventKind,
    graphql::{Call, Once, Stated, auth, once, root, stated, told},
    live::{Interest, Source, Topics},
};

/// What can happen to a meeting.
const CHANGES: &[EventKind] = &[
    EventKind::MeetingRequested,
    EventKind::MeetingScheduled,
    EventKind::MeetingMoved,
    EventKind::MeetingCancelled,
    EventKind::MeetingCompleted,
];

/// That a meeting was asked for, offered, moved, called off, or took place.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct MeetingChanged {
    /// Where it stands, for `after`.
    #[graphql(directive = auth::apply(TEACHING))]
    cursor: String,
    /// When it happened.
    #[graphql(directive = auth::apply(TEACHING))]
    at: DateTime<Utc>,
    /// What happened.
    #[graphql(directive = auth::apply(TEACHING))]
    kind: EventKind,
    /// The meeting as it is now.
    #[graphql(directive = auth::apply(TEACHING))]
    meeting: Meeting,
}

impl Stated for MeetingChanged {}

/// The meetings' part of the subscription root.
#[derive(Default)]
pub struct MeetingSubscription;

#[Subscription(guard = "root(\"Subscription\")")]
impl MeetingSubscription {
    /// The meetings that the viewer reaches, as they are arranged.
    #[graphql(directive = auth::apply(TEACHING))]
    async fn meeting_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The `cursor` of the event that was heard last: what was told of since comes first. What was told of \
                          up to 30 seconds before it may come again, with the same cursors; one of an event that is kept no more \
                          (30 days, unless configured otherwise) is `BAD_USER_INPUT`."
        )]
        after: Option<String>,
    ) -> Result<Once<MeetingChanged>> {
        let call = Call::of(ctx);
        let topics = Topics::of_viewer(call.db(), call.viewer()).await?;
        let Some(told) = told(ctx, Interest { source: Source::Events(CHANGES), topics }, after)? else {
            return Ok(once(None));
        };
        let meeting = Meeting::by_ids(call, vec![told.subject]).await?.remove(&told.subject);
        Ok(once(meeting.map(|meeting| MeetingChanged { cursor: told.cursor, at: told.at, kind: told.kind, meeting })))
    }
}
