//! Notifications as they come into the viewer's inbox.

use async_graphql::{Context, SimpleObject, Subscription};
use chrono::{DateTime, Utc};

use super::api::Notification;
use crate::{
    auth::{Role, RoleSet},
    error::Result,
    events::model::{EventKind, Topic},
    graphql::{Call, Once, Stated, auth, find_all, once, root, stated, told},
    live::{Interest, Source, Topics},
};

/// Of whom it is: an inbox is its owner's alone.
const OWNER: RoleSet = RoleSet::of(&[Role::Own]);

/// That something has come into the viewer's inbox.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct NotificationReceived {
    /// Where it stands, for `after`.
    #[graphql(directive = auth::apply(OWNER))]
    cursor: String,
    /// When it came into the inbox.
    #[graphql(directive = auth::apply(OWNER))]
    at: DateTime<Utc>,
    /// What happened.
    #[graphql(directive = auth::apply(OWNER))]
    kind: EventKind,
    /// The notification, as it is in the inbox.
    #[graphql(directive = auth::apply(OWNER))]
    notification: Notification,
}

impl Stated for NotificationReceived {}

/// The notifications' part of the subscription root.
#[derive(Default)]
pub struct NotificationSubscription;

#[Subscription(guard = "root(\"Subscription\")")]
impl NotificationSubscription {
    /// What comes into the viewer's inbox. What they do not reach by then is not told.
    #[graphql(directive = auth::apply(OWNER))]
    async fn notification_received(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The `cursor` of the event that was heard last: what was told of since comes first. What was told of \
                          up to 30 seconds before it may come again, with the same cursors; one of an event that is kept no more \
                          (30 days, unless configured otherwise) is `BAD_USER_INPUT`."
        )]
        after: Option<String>,
    ) -> Result<Once<NotificationReceived>> {
        let call = Call::of(ctx);
        let topics = Topics::of(call.viewer().account_id().map(Topic::Account));
        let Some(told) = told(ctx, Interest { source: Source::Inbox, topics }, after)? else { return Ok(once(None)) };
        let about = find_all(call, told.kind.subject(), vec![told.subject]).await?;
        let found = Notification::by_ids(call, vec![told.number]).await?.remove(&told.number);
        let Some(notification) = found.filter(|_| about.contains_key(&told.subject)) else { return Ok(once(None)) };
        Ok(once(Some(NotificationReceived { cursor: told.cursor, at: told.at, kind: told.kind, notification })))
    }
}
