//! Notices as they are published.

use async_graphql::{Context, SimpleObject, Subscription};
use chrono::{DateTime, Utc};

use super::api::Notice;
use crate::{
    auth::sets::PEOPLE,
    error::Result,
    events::model::EventKind,
    graphql::{Call, Once, Stated, auth, once, root, stated, told},
    live::{Interest, Source, Topics},
};

/// That a notice was published.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct NoticePublished {
    /// Where it stands, for `after`.
    #[graphql(directive = auth::apply(PEOPLE))]
    cursor: String,
    /// When it happened.
    #[graphql(directive = auth::apply(PEOPLE))]
    at: DateTime<Utc>,
    /// What happened.
    #[graphql(directive = auth::apply(PEOPLE))]
    kind: EventKind,
    /// The notice as it is now.
    #[graphql(directive = auth::apply(PEOPLE))]
    notice: Notice,
}

impl Stated for NoticePublished {}

/// The notices' part of the subscription root.
#[derive(Default)]
pub struct NoticeSubscription;

#[Subscription(guard = "root(\"Subscription\")")]
impl NoticeSubscription {
    /// The notices that the viewer reaches, as they are published.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn notice_published(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The `cursor` of the event that was heard last: what was told of since comes first. What was told of \
                          up to 30 seconds before it may come again, with the same cursors; one of an event that is kept no more \
                          (30 days, unless configured otherwise) is `BAD_USER_INPUT`."
        )]
        after: Option<String>,
    ) -> Result<Once<NoticePublished>> {
        let call = Call::of(ctx);
        let topics = Topics::of_viewer(call.db(), call.viewer()).await?;
        let interest = Interest { source: Source::Events(&[EventKind::NoticePublished]), topics };
        let Some(told) = told(ctx, interest, after)? else { return Ok(once(None)) };
        let notice = Notice::by_ids(call, vec![told.subject]).await?.remove(&told.subject);
        Ok(once(notice.map(|notice| NoticePublished { cursor: told.cursor, at: told.at, kind: told.kind, notice })))
    }
}
