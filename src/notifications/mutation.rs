//! Mutations of inboxes, and of how their owners are told.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    api::Notification,
    model::{Choice, NotificationCategory, NotificationChannel, SettingsEdit},
    settings_api::NotificationSettings,
};
use crate::{
    auth::{mutation::OWN, sets::PEOPLE},
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{Call, Stated, Time, UserError, UserErrorCode, auth, root, stated},
    ids::Kind,
    messages::Language,
};

/// Notifications that were read.
#[derive(InputObject)]
pub struct MarkNotificationsReadInput {
    /// The notifications, 100 at most. Where one is not there any more, none is marked: leave it out.
    ids: Vec<ID>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// Up to when all was read.
#[derive(InputObject)]
pub struct MarkAllNotificationsReadInput {
    /// What came later stays unread; where nothing is said, now.
    until: Option<DateTime<Utc>>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A choice of a channel.
#[derive(InputObject)]
pub struct NotificationChoiceInput {
    /// Of what.
    category: NotificationCategory,
    /// By which channel.
    channel: NotificationChannel,
    /// Whether to be told of it so.
    wanted: bool,
}

/// What to change of how one is told. What is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateNotificationSettingsInput {
    /// In which language.
    language: Option<Language>,
    /// Whether mail is to come once a day, with all of it.
    digest: Option<bool>,
    /// From when on nothing is to be sent, by the institute's clocks; null, as in `quietTo`, ends quiet hours.
    quiet_from: MaybeUndefined<Time>,
    /// Until when nothing is to be sent: on the next day, where that is earlier than `quietFrom`; the two differ.
    quiet_to: MaybeUndefined<Time>,
    /// Of what by which channel, each once; what is not in the list stays as it is.
    #[graphql(default)]
    choices: Vec<NotificationChoiceInput>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// The notifications that were read.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct MarkNotificationsReadPayload {
    /// The notifications, in the order of the input.
    #[graphql(directive = auth::apply(PEOPLE))]
    notifications: Option<Vec<Notification>>,
    /// The key that the input carried.
    #[graphql(directive = auth::apply(PEOPLE))]
    client_mutation_id: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for MarkNotificationsReadPayload {}

/// How many notifications were read.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct MarkAllNotificationsReadPayload {
    /// How many of them had not been read before.
    #[graphql(directive = auth::apply(PEOPLE))]
    marked: Option<i32>,
    /// The key that the input carried.
    #[graphql(directive = auth::apply(PEOPLE))]
    client_mutation_id: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for MarkAllNotificationsReadPayload {}

/// How the viewer is told from now on.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct UpdateNotificationSettingsPayload {
    /// The settings.
    #[graphql(directive = auth::apply(PEOPLE))]
    settings: Option<NotificationSettings>,
    /// The key that the input carried.
    #[graphql(directive = auth::apply(PEOPLE))]
    client_mutation_id: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for UpdateNotificationSettingsPayload {}

/// The inboxes' part of the mutation root.
#[derive(Default)]
pub struct NotificationMutation;

#[Object(guard = "root(\"Mutation\")")]
impl NotificationMutation {
    /// Notes that the viewer has read notifications in their inbox; the time of the first reading stays.
    #[graphql(directive = auth::apply(OWN))]
    async fn mark_notifications_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The notifications.")] input: MarkNotificationsReadInput,
    ) -> Result<Option<MarkNotificationsReadPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let ids = problems.rows("ids", input.ids.iter().map(|id| call.number(Kind::Notification, id)).collect());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, notifications_write::mark_read(&ids, problems.clone()));
        let notifications = match done.value {
            Some(ids) => {
                let mut found = Notification::by_ids(call, ids.clone()).await?;
                Some(ids.iter().filter_map(|id| found.remove(id)).collect())
            }
            None => None,
        };
        Ok(Some(MarkNotificationsReadPayload {
            notifications,
            client_mutation_id: done.client_mutation_id,
            user_errors: done.user_errors,
        }))
    }

    /// Notes that the viewer has read all that is in their inbox, or all that came up to a time.
    #[graphql(directive = auth::apply(OWN))]
    async fn mark_all_notifications_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Up to when.")] input: MarkAllNotificationsReadInput,
    ) -> Result<Option<MarkAllNotificationsReadPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let until = input.until.map_or(act.now, |until| until.naive_utc());
        problems.require(until <= act.now, "until", UserErrorCode::InFuture, "it must not be in the future");
        let done = change!(call, &act, notifications_write::mark_all_read(until, problems.clone()));
        Ok(Some(MarkAllNotificationsReadPayload {
            marked: done.value,
            client_mutation_id: done.client_mutation_id,
            user_errors: done.user_errors,
        }))
    }

    /// Changes how the viewer is told of what. Codes, and news of their account, come anyway.
    #[graphql(directive = auth::apply(OWN))]
    async fn update_notification_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateNotificationSettingsInput,
    ) -> Result<Option<UpdateNotificationSettingsPayload>> {
        let call = Call::of(ctx);
        let choices = input.choices.iter().map(|choice| Choice {
            category: choice.category,
            channel: choice.channel,
            wanted: choice.wanted,
        });
        let edit = SettingsEdit {
            language: input.language,
            digest: input.digest,
            quiet_from: patch(input.quiet_from, |time| Some(time.0)),
            quiet_to: patch(input.quiet_to, |time| Some(time.0)),
            choices: choices.collect(),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, notifications_write::update_settings(&edit, Problems::default()));
        let settings = match done.value {
            Some(_) => Some(NotificationSettings::of_viewer(call).await?),
            None => None,
        };
        Ok(Some(UpdateNotificationSettingsPayload {
            settings,
            client_mutation_id: done.client_mutation_id,
            user_errors: done.user_errors,
        }))
    }
}
