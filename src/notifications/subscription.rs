//! Notifications as they come into the viewer's inbox.

use async_graphql::{Context, ID, SimpleObject, Subscription};
use chrono::{DateTime, Utc};

use crate::{
    auth::{Role, RoleSet},
    error::Result,
    events::model::{EventKind, Topic},
    graphql::{Call, Node, Once, Stated, auth, find_all, once, root, stated, told},
    ids::Kind,
    live::{Interest, Source, Topics},
    students::api::Student,
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
    /// The global id of the notification.
    #[graphql(directive = auth::apply(OWNER))]
    notification_id: ID,
    /// What it is about, as it is now.
    #[graphql(directive = auth::apply(OWNER))]
    subject: Node,
    /// The student whom it is about, where it is about one.
    #[graphql(directive = auth::apply(OWNER))]
    student: Option<Student>,
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
        #[graphql(desc = "Begin with what came after this cursor.")] after: Option<String>,
    ) -> Result<Once<NotificationReceived>> {
        let call = Call::of(ctx);
        let topics = Topics::of(call.viewer().account_id().map(Topic::Account));
        let Some(told) = told(ctx, Interest { source: Source::Inbox, topics }, after)? else { return Ok(once(None)) };
        let found = find_all(call, told.kind.subject(), vec![told.subject]).await?.remove(&told.subject);
        let Some(subject) = found else { return Ok(once(None)) };
        let student = match told.student {
            Some(student) => match Student::by_ids(call, vec![student]).await?.remove(&student) {
                None => return Ok(once(None)),
                student => student,
            },
            None => None,
        };
        Ok(once(Some(NotificationReceived {
            cursor: told.cursor,
            at: told.at,
            kind: told.kind,
            notification_id: call.id(Kind::Notification, told.number),
            subject,
            student,
        })))
    }
}
