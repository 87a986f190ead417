//! What notifications are told by, and of what; inboxes, devices and what their owners choose.

use std::collections::HashMap;

use async_graphql::{Enum, InputObject};
use chrono::{DateTime, NaiveDateTime, NaiveTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    auth::model::Contact,
    db::schema::{devices, notification_choices, notification_settings, notifications},
    events::model::{EventKind, EventRow},
    graphql::{Direction, Row},
    jobs::model::Lane,
    messages::Language,
    text_enum,
};

text_enum! {
    /// What notifications are about, as people choose channels for them.
    NotificationCategory {
        /// A child is absent from a class.
        Absence = "ABSENCE",
        /// Meetings.
        Meeting = "MEETING",
        /// Leave.
        Leave = "LEAVE",
        /// Notices.
        Notice = "NOTICE",
        /// Exports that were asked for.
        Export = "EXPORT",
    }
}

text_enum! {
    /// A way to tell somebody, beside the inbox, which has everything.
    NotificationChannel {
        /// A push message to each of their devices.
        Push = "PUSH",
        /// Mail.
        Email = "EMAIL",
        /// A text message.
        Sms = "SMS",
    }
}

impl NotificationChannel {
    /// The way by which its deliveries go.
    #[must_use]
    pub const fn lane(self) -> Lane {
        match self {
            Self::Push => Lane::Push,
            Self::Email => Lane::Mail,
            Self::Sms => Lane::Text,
        }
    }
}

impl NotificationCategory {
    /// What an event is about; none where nobody's inbox has such events.
    #[must_use]
    pub fn of(kind: EventKind) -> Option<Self> {
        Some(match kind {
            EventKind::StudentAbsent => Self::Absence,
            EventKind::MeetingRequested
            | EventKind::MeetingScheduled
            | EventKind::MeetingMoved
            | EventKind::MeetingCancelled => Self::Meeting,
            EventKind::LeaveRequested | EventKind::LeaveDecided => Self::Leave,
            EventKind::NoticePublished => Self::Notice,
            EventKind::ExportReady => Self::Export,
            EventKind::AttendanceMarked | EventKind::MeetingCompleted => return None,
        })
    }
}

impl NotificationCategory {
    /// The events that are about it.
    #[must_use]
    pub fn kinds(self) -> Vec<EventKind> {
        EventKind::ALL.iter().copied().filter(|kind| Self::of(*kind) == Some(self)).collect()
    }
}

text_enum! {
    /// What a device runs.
    DevicePlatform {
        /// Android.
        Android = "ANDROID",
        /// iOS.
        Ios = "IOS",
        /// A browser.
        Web = "WEB",
    }
}

/// A row of an inbox, without what it tells of.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = notifications)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct InboxRow {
    pub id: i64,
    pub account_id: i64,
    pub at: NaiveDateTime,
    pub read_at: Option<NaiveDateTime>,
}

/// A row of an inbox.
#[derive(Clone, Debug)]
pub struct NotificationRow {
    /// The row.
    pub inbox: InboxRow,
    /// What it tells of.
    pub event: EventRow,
}

impl Row for NotificationRow {
    fn number(&self) -> i64 {
        self.inbox.id
    }
}

/// A device that push messages go to: without its token.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = devices)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct DeviceRow {
    pub id: i64,
    pub account_id: i64,
    pub platform: DevicePlatform,
    pub active: bool,
    pub last_error: Option<String>,
    pub created_at: NaiveDateTime,
}

impl Row for DeviceRow {
    fn number(&self) -> i64 {
        self.id
    }
}

/// Devices that an account has at most.
pub const MAX_DEVICES: i64 = 20;
/// Characters of a device's token at most: those of FCM have some 200, and an index of PostgreSQL takes no more than 2,700.
pub const MAX_TOKEN: usize = 2048;

/// How the owner of an account is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset, Serialize)]
#[diesel(table_name = notification_settings, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Settings {
    /// In which language.
    pub language: Language,
    /// Whether mail comes once a day, with all of it.
    pub digest: bool,
    /// From when on nothing is sent, by the institute's clocks.
    pub quiet_from: Option<NaiveTime>,
    /// Until when; beyond midnight where it is earlier.
    pub quiet_to: Option<NaiveTime>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { language: Language::English, digest: false, quiet_from: None, quiet_to: None }
    }
}

impl Settings {
    /// From when to when nothing is sent, where there are such hours.
    #[must_use]
    pub fn quiet(&self) -> Option<(NaiveTime, NaiveTime)> {
        self.quiet_from.zip(self.quiet_to)
    }
}

/// By which channel somebody wants to be told of something, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = notification_choices)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct Choice {
    pub category: NotificationCategory,
    pub channel: NotificationChannel,
    pub wanted: bool,
}

/// How the owner of an account wants to be told of what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// How.
    pub settings: Settings,
    chosen: HashMap<(NotificationCategory, NotificationChannel), bool>,
}

impl Wishes {
    /// The wishes of who set this and chose these channels.
    #[must_use]
    pub fn of(settings: Settings, choices: impl IntoIterator<Item = Choice>) -> Self {
        let chosen = choices.into_iter().map(|choice| ((choice.category, choice.channel), choice.wanted));
        Self { settings, chosen: chosen.collect() }
    }

    /// Whether they want to be told of something by a channel. Who has not chosen gets push messages and mail, and no text
    /// messages, which cost the institute money.
    #[must_use]
    pub fn want(&self, category: NotificationCategory, channel: NotificationChannel) -> bool {
        let chosen = self.chosen.get(&(category, channel)).copied();
        chosen.unwrap_or(channel != NotificationChannel::Sms)
    }

    /// What they want of every kind and by every channel, chosen or not.
    #[must_use]
    pub fn all(&self) -> Vec<Choice> {
        let of_category = |category: &NotificationCategory| {
            let category = *category;
            NotificationChannel::ALL.iter().map(move |channel| (category, *channel))
        };
        let pairs = NotificationCategory::ALL.iter().flat_map(of_category);
        pairs.map(|(category, channel)| Choice { category, channel, wanted: self.want(category, channel) }).collect()
    }
}

/// What to change of how somebody is told. `None` stays as it is.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct SettingsEdit {
    pub language: Option<Language>,
    pub digest: Option<bool>,
    pub quiet_from: Option<Option<NaiveTime>>,
    pub quiet_to: Option<Option<NaiveTime>>,
    pub choices: Vec<Choice>,
}

/// The owner of an account, as notifications reach them.
#[derive(Clone, Debug, Default)]
pub struct Recipient {
    /// Their addresses.
    pub contact: Contact,
    /// Their active devices, by number.
    pub devices: Vec<i64>,
    /// What they want.
    pub wishes: Wishes,
}

/// To whom a delivery goes, and by what: the payload of its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The account.
    pub account: i64,
    /// The channel, as [`NotificationChannel`] is kept.
    pub channel: String,
    /// The device, where it is a push message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<i64>,
}

impl Delivery {
    /// A delivery to an account.
    #[must_use]
    pub fn new(account: i64, channel: NotificationChannel, device: Option<i64>) -> Self {
        Self { account, channel: channel.as_str().to_owned(), device }
    }

    /// The channel; none where it is none of ours.
    #[must_use]
    pub fn channel(&self) -> Option<NotificationChannel> {
        NotificationChannel::ALL.iter().copied().find(|channel| channel.as_str() == self.channel)
    }

    /// The delivery in a text, for keys: `7:EMAIL`, `7:PUSH:3`.
    #[must_use]
    pub fn text(&self) -> String {
        let device = self.device.map(|device| format!(":{device}")).unwrap_or_default();
        format!("{}:{}{device}", self.account, self.channel)
    }
}

/// Which notifications to list.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct NotificationFilter {
    /// Not read yet, or read.
    pub unread: Option<bool>,
    /// About this.
    pub category: Option<NotificationCategory>,
    /// That came at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// That came before this time.
    pub to: Option<DateTime<Utc>>,
}

/// What a list of notifications is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationOrderField {
    /// When they came.
    At,
}

/// The order of a list of notifications.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct NotificationOrder {
    /// What to order by.
    pub field: NotificationOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for NotificationOrder {
    fn default() -> Self {
        Self { field: NotificationOrderField::At, direction: Direction::Desc }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_chosen_gets_push_and_mail_and_no_text_messages() {
        use NotificationCategory::{Absence, Meeting};
        use NotificationChannel::{Email, Push, Sms};
        let choices = [(Absence, Sms, true), (Absence, Email, false)];
        let choices = choices.map(|(category, channel, wanted)| Choice { category, channel, wanted });
        let wishes = Wishes::of(Settings::default(), choices);
        assert_eq!([Push, Email, Sms].map(|channel| wishes.want(Absence, channel)), [true, false, true]);
        assert_eq!([Push, Email, Sms].map(|channel| wishes.want(Meeting, channel)), [true, true, false]);
        assert_eq!(wishes.all().len(), NotificationCategory::ALL.len() * NotificationChannel::ALL.len());
        assert_eq!(wishes.all().iter().filter(|choice| choice.wanted).count(), 10);
    }

    #[test]
    fn every_category_has_its_kinds_and_no_kind_two() {
        let all: Vec<EventKind> = NotificationCategory::ALL.iter().flat_map(|category| category.kinds()).collect();
        assert!(NotificationCategory::ALL.iter().all(|category| !category.kinds().is_empty()));
        assert_eq!(all.len() + 2, EventKind::ALL.len(), "{all:?}");
    }

    #[test]
    fn a_delivery_is_read_as_it_was_written() {
        let push = Delivery::new(7, NotificationChannel::Push, Some(3));
        let text = serde_json::to_string(&push).unwrap();
        assert_eq!(text, r#"{"account":7,"channel":"PUSH","device":3}"#);
        assert_eq!(serde_json::from_str::<Delivery>(&text).unwrap(), push);
        assert_eq!((push.text(), push.channel()), ("7:PUSH:3".to_owned(), Some(NotificationChannel::Push)));
        assert_eq!(Delivery::new(7, NotificationChannel::Email, None).text(), "7:EMAIL");
    }
}
