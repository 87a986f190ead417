//! English.

use chrono::{NaiveDate, NaiveDateTime};

use super::{News, Wording, Words};
use crate::events::model::EventKind;

/// English.
pub(super) struct English;

fn of_code(subject: &str, to: &str, minutes: i64) -> Wording {
    Wording {
        subject: subject.to_owned(),
        opening: format!("Your code to {to}:"),
        closing: format!(
            "It is good once, for {minutes} minutes. Nobody who works here asks you for it. \
             If you did not ask for a code, there is nothing that you need to do."
        ),
    }
}

impl Words for English {
    fn tag(&self) -> &'static str {
        "en"
    }

    fn activation_code(&self, minutes: i64) -> Wording {
        of_code("Your code to activate your account", "activate your account", minutes)
    }

    fn reset_code(&self, minutes: i64) -> Wording {
        of_code("Your code to reset your password", "set a new password", minutes)
    }

    fn password_changed(&self) -> Wording {
        Wording {
            subject: "Your password was changed".to_owned(),
            opening: "Your account has a new password, and whoever was signed in to it is signed out.".to_owned(),
            closing: "If that was not you, reset your password now and tell the administration.".to_owned(),
        }
    }

    fn locked(&self, minutes: i64) -> Wording {
        Wording {
            subject: "Your account is locked for a while".to_owned(),
            opening: format!(
                "Sign-ins to your account failed so often that nobody can sign in to it for {minutes} minutes."
            ),
            closing: "If that was not you, somebody may be guessing your password: after that time it is as good as \
                      before. There is nothing that you need to do."
                .to_owned(),
        }
    }

    fn head(&self, news: &News) -> &'static str {
        match news.kind {
            EventKind::AttendanceMarked => "Attendance was marked",
            EventKind::StudentAbsent => "Absent from class",
            EventKind::MeetingRequested => "A meeting is asked for",
            EventKind::MeetingScheduled => "A meeting is arranged",
            EventKind::MeetingMoved => "A meeting was moved to another time",
            EventKind::MeetingCancelled => "A meeting was called off",
            EventKind::MeetingCompleted => "A meeting took place",
            EventKind::LeaveRequested => "Leave is asked for",
            EventKind::LeaveDecided => match news.granted {
                Some(true) => "Leave is granted",
                Some(false) => "Leave is refused",
                None => "A decision about leave was taken back",
            },
            EventKind::NoticePublished => "New notice",
            EventKind::ExportReady => "Your export is ready",
        }
    }

    fn several(&self, count: usize) -> String {
        format!("{count} new notifications")
    }

    fn more(&self, count: usize) -> String {
        format!("and {count} more")
    }

    fn closing(&self) -> &'static str {
        "Sign in to read more."
    }

    fn day(&self, day: NaiveDate) -> String {
        day.format("%-d %B %Y").to_string()
    }

    fn days(&self, first: NaiveDate, last: NaiveDate) -> String {
        format!("{} to {}", self.day(first), self.day(last))
    }

    fn time(&self, time: NaiveDateTime) -> String {
        time.format("%-d %B %Y, %H:%M").to_string()
    }
}
