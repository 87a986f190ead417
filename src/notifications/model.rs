//! What notifications are told by, and of what.

use crate::{events::model::EventKind, text_enum};

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
