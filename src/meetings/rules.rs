//! Who may do what with a meeting, and when: all of it.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};

use super::model::{
    MeetingRow,
    MeetingStatus::{self, Cancelled, Completed, Requested, Rescheduled, Scheduled},
};
use crate::{
    auth::{
        Role::{Admin, Hod, Parent, Staff},
        RoleSet,
    },
    change::{Actor, By, Problems, Verdict},
    graphql::UserErrorCode::{InPast, OutOfRange, WrongStatus},
};

/// Who offers meetings: STAFF and HOD to hold them themselves, an HOD also for the teachers of the courses that they head,
/// ADMIN for anybody.
pub const OFFERING: RoleSet = RoleSet::of(&[Admin, Hod, Staff]);
/// Who offers meetings that another one holds.
pub const OFFERING_FOR_OTHERS: RoleSet = RoleSet::of(&[Admin, Hod]);
/// Who asks for meetings: with a teacher of their child, about that child.
pub const REQUESTING: RoleSet = RoleSet::of(&[Parent]);

/// What becomes of a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What a parent asked for will take place.
    Accept,
    /// It will take place at another time.
    Move,
    /// It will not take place.
    Cancel,
    /// It took place.
    Complete,
}

impl Step {
    /// Who takes the step, of those who reach the meeting by one of these roles: STAFF reaches those they hold, an HOD also
    /// those of the teachers of the courses that they head, ADMIN all of them. For a parent see [`Self::by_taking_part`].
    #[must_use]
    pub const fn may(self) -> RoleSet {
        match self {
            Self::Accept | Self::Move | Self::Complete => RoleSet::of(&[Admin, Hod, Staff]),
            Self::Cancel => RoleSet::of(&[Admin, Hod, Staff, Parent]),
        }
    }

    /// Whether who reached the meeting by the roles `granted` may take the step only if they take part: a parent reaches
    /// what another parent has agreed about their child as well.
    #[must_use]
    pub fn by_taking_part(self, granted: RoleSet) -> bool {
        granted.and(self.may()) == RoleSet::of(&[Parent])
    }

    /// What the step makes of a meeting, whose start is `ahead` or not; none where it cannot be taken (any more).
    #[must_use]
    pub fn leads_to(self, status: MeetingStatus, ahead: bool) -> Option<MeetingStatus> {
        match (self, status, ahead) {
            (Self::Accept, Requested, _) => Some(Scheduled),
            (Self::Move, Scheduled | Rescheduled, true) => Some(Rescheduled),
            (Self::Cancel, Requested, _) | (Self::Cancel, Scheduled | Rescheduled, true) => Some(Cancelled),
            (Self::Complete, Scheduled | Rescheduled, false) => Some(Completed),
            _ => None,
        }
    }

    /// The rule of the step: for who acts, the meeting, the roles by which it was reached, and whether they take part in it as
    /// a parent.
    pub fn rule(self, actor: &Actor, meeting: &MeetingRow, by: By, takes_part: bool) -> Verdict {
        let may = takes_part || !self.by_taking_part(by.roles());
        let next = self.leads_to(meeting.status, meeting.starts_at > actor.now);
        Verdict::when(may).provided(next.is_some(), WrongStatus, self.refusal())
    }

    /// What to tell who tried it on another meeting.
    #[must_use]
    pub fn refusal(self) -> &'static str {
        match self {
            Self::Accept => "only a meeting that was asked for is accepted",
            Self::Move => "only a meeting that is still to come is moved",
            Self::Cancel => "only a meeting that is still to come is cancelled",
            Self::Complete => "only a meeting that has begun, and was not cancelled or completed, is completed",
        }
    }
}

/// When a meeting is to begin, to the second: in the future.
pub fn start(problems: &mut Problems, at: DateTime<Utc>, now: NaiveDateTime) -> NaiveDateTime {
    let at = at.naive_utc().with_nanosecond(0).unwrap_or(now);
    // Neither database takes every year that a `DateTime` has.
    if at.year() > 9999 {
        problems.add("startsAt", OutOfRange, "it is too far ahead");
        return now;
    }
    problems.require(at > now, "startsAt", InPast, "it must be in the future");
    at
}

/// How many minutes a meeting takes: 5 to 240.
pub fn minutes(problems: &mut Problems, minutes: i32) -> i32 {
    let fine = (5..=240).contains(&minutes);
    problems.require(fine, "minutes", OutOfRange, "a meeting takes 5 to 240 minutes");
    minutes.clamp(5, 240)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_taken_from_these_statuses_and_no_others() {
        let taken = [
            (Step::Accept, Requested, true, Scheduled),
            (Step::Accept, Requested, false, Scheduled),
            (Step::Move, Scheduled, true, Rescheduled),
            (Step::Move, Rescheduled, true, Rescheduled),
            (Step::Cancel, Requested, true, Cancelled),
            (Step::Cancel, Requested, false, Cancelled),
            (Step::Cancel, Scheduled, true, Cancelled),
            (Step::Cancel, Rescheduled, true, Cancelled),
            (Step::Complete, Scheduled, false, Completed),
            (Step::Complete, Rescheduled, false, Completed),
        ];
        for step in [Step::Accept, Step::Move, Step::Cancel, Step::Complete] {
            for status in MeetingStatus::ALL {
                for ahead in [true, false] {
                    let row = taken.iter().find(|row| (row.0, row.1, row.2) == (step, *status, ahead));
                    assert_eq!(step.leads_to(*status, ahead), row.map(|row| row.3), "{step:?} {status:?} {ahead}");
                }
            }
        }
    }

    #[test]
    fn a_parent_cancels_only_what_they_take_part_in() {
        assert!(Step::Cancel.by_taking_part(RoleSet::of(&[Parent])));
        assert!(!Step::Cancel.by_taking_part(RoleSet::of(&[Parent, Staff])));
        assert!(!Step::Cancel.by_taking_part(RoleSet::of(&[Hod])));
    }
}
