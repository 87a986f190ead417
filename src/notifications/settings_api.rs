//! How the viewer is told of what, in the schema.

use async_graphql::{Context, Object, SimpleObject};

use super::model::{NotificationCategory, NotificationChannel, Wishes};
use crate::{
    auth::mutation::OWN,
    error::Result,
    graphql::{Call, Stated, Time, auth, root, stated},
    messages::Language,
    read,
};

/// How the viewer is told of what. Codes, and news of their account, come anyway.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct NotificationSettings {
    /// In which language.
    #[graphql(directive = auth::apply(OWN))]
    language: Language,
    /// Whether mail comes once a day, at five in the afternoon, with all of it.
    #[graphql(directive = auth::apply(OWN))]
    digest: bool,
    /// From when on nothing is sent, by the institute's clocks; null where there are no quiet hours.
    #[graphql(directive = auth::apply(OWN))]
    quiet_from: Option<Time>,
    /// Until when nothing is sent: on the next day, where that is earlier.
    #[graphql(directive = auth::apply(OWN))]
    quiet_to: Option<Time>,
    /// Of what by which channel: every category and every channel, chosen or not. The inbox has everything.
    #[graphql(directive = auth::apply(OWN))]
    choices: Vec<NotificationChoice>,
}

impl Stated for NotificationSettings {}

/// Whether the viewer is told of something by a channel.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct NotificationChoice {
    /// Of what.
    #[graphql(directive = auth::apply(OWN))]
    category: NotificationCategory,
    /// By which channel.
    #[graphql(directive = auth::apply(OWN))]
    channel: NotificationChannel,
    /// Whether they are.
    #[graphql(directive = auth::apply(OWN))]
    wanted: bool,
}

impl Stated for NotificationChoice {}

impl From<Wishes> for NotificationSettings {
    fn from(wishes: Wishes) -> Self {
        let choices = wishes.all().into_iter().map(|choice| NotificationChoice {
            category: choice.category,
            channel: choice.channel,
            wanted: choice.wanted,
        });
        Self {
            language: wishes.settings.language,
            digest: wishes.settings.digest,
            quiet_from: wishes.settings.quiet_from.map(Time),
            quiet_to: wishes.settings.quiet_to.map(Time),
            choices: choices.collect(),
        }
    }
}

impl NotificationSettings {
    /// Those of the viewer.
    pub async fn of_viewer(call: &Call) -> Result<Self> {
        let account = call.scope().account();
        let mut wishes = read!(call.db(), notifications::wishes(&[account]))?;
        Ok(wishes.remove(&account).unwrap_or_default().into())
    }
}

/// The settings' part of the query root.
#[derive(Default)]
pub struct NotificationSettingsQuery;

#[Object(guard = "root(\"Query\")")]
impl NotificationSettingsQuery {
    /// How the viewer is told of what.
    #[graphql(directive = auth::apply(OWN))]
    async fn notification_settings(&self, ctx: &Context<'_>) -> Result<Option<NotificationSettings>> {
        NotificationSettings::of_viewer(Call::of(ctx)).await.map(Some)
    }
}
