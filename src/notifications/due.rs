//! When somebody is told: a little later, so that what comes together is told together; not in their quiet hours; and by
//! mail once a day, where they want that.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::model::{NotificationCategory, NotificationChannel, Settings};

/// When the mail of a day goes out, by the institute's clocks.
const DIGEST: NaiveTime = match NaiveTime::from_hms_opt(17, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// Whether somebody is told by a channel once a day, with all of it.
#[must_use]
pub fn is_digest(channel: NotificationChannel, settings: &Settings) -> bool {
    settings.digest && channel == NotificationChannel::Email
}

/// When somebody is told by a channel, in UTC, of what comes `now`.
#[must_use]
pub fn due(
    now: NaiveDateTime,
    zone: Tz,
    (category, channel): (NotificationCategory, NotificationChannel),
    settings: &Settings,
) -> NaiveDateTime {
    let at = if is_digest(channel, settings) { next(now, zone, DIGEST) } else { now + pause(category) };
    quiet_until(at, zone, settings).unwrap_or(at)
}

/// When the quiet hours end that somebody has at a time, in UTC; none where they have none then.
#[must_use]
pub fn quiet_until(at: NaiveDateTime, zone: Tz, settings: &Settings) -> Option<NaiveDateTime> {
    let quiet = settings.quiet().filter(|quiet| is_quiet(*quiet, local(at, zone).time()))?;
    Some(next(at, zone, quiet.1))
}

/// How long to wait for more of the same.
fn pause(category: NotificationCategory) -> TimeDelta {
    TimeDelta::seconds(match category {
        NotificationCategory::Absence => 60,
        NotificationCategory::Meeting | NotificationCategory::Leave => 30,
        NotificationCategory::Notice | NotificationCategory::Export => 0,
    })
}

/// Whether a time of day is in the quiet hours, which go beyond midnight where they begin later than they end.
fn is_quiet((from, to): (NaiveTime, NaiveTime), time: NaiveTime) -> bool {
    if from < to { (from..to).contains(&time) } else { time >= from || time < to }
}

/// A time, in UTC, by the clocks of a zone.
#[must_use]
pub fn local(at: NaiveDateTime, zone: Tz) -> NaiveDateTime {
    at.and_utc().with_timezone(&zone).naive_local()
}

/// The next time after `at` that the clocks of a zone show a time of day, in UTC. Where they are put forward past it, an hour
/// later; where they show it twice, the first time that is still to come.
fn next(at: NaiveDateTime, zone: Tz, time: NaiveTime) -> NaiveDateTime {
    let today = local(at, zone).date();
    let days = [Some(today), today.succ_opt()].into_iter().flatten();
    let times = days.flat_map(|day| {
        let shown = [day.and_time(time), day.and_time(time) + TimeDelta::hours(1)]
            .map(|shown| zone.from_local_datetime(&shown))
            .into_iter()
            .find(|shown| shown.earliest().is_some());
        shown.into_iter().flat_map(|shown| [shown.earliest(), shown.latest()]).flatten()
    });
    times.map(|shown| shown.naive_utc()).find(|shown| *shown > at).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use chrono_tz::{Asia::Kathmandu, Europe::Berlin};

    use super::{
        NotificationCategory::{Absence, Meeting, Notice},
        NotificationChannel::{Email, Push},
        *,
    };

    fn at(month: u32, day: u32, hour: u32, minute: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, month, day).unwrap().and_hms_opt(hour, minute, 0).unwrap()
    }

    fn hour(hour: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, 0, 0).unwrap()
    }

    fn quiet(from: u32, to: u32) -> Settings {
        Settings { quiet_from: Some(hour(from)), quiet_to: Some(hour(to)), ..Settings::default() }
    }

    #[test]
    fn what_comes_together_is_waited_for() {
        let due = |category| due(at(3, 20, 12, 0), Kathmandu, (category, Push), &Settings::default());
        assert_eq!(due(Absence), at(3, 20, 12, 1));
        assert_eq!(due(Meeting), at(3, 20, 12, 0) + TimeDelta::seconds(30));
        assert_eq!(due(Notice), at(3, 20, 12, 0));
    }

    #[test]
    fn nothing_comes_in_quiet_hours_on_either_side_of_midnight() {
        let due = |now, settings| due(now, Kathmandu, (Notice, Push), &settings);
        // 22:00 to 06:00 in Kathmandu is 16:15 to 00:15.
        let night = quiet(22, 6);
        assert_eq!(due(at(3, 20, 16, 14), night), at(3, 20, 16, 14));
        assert_eq!(due(at(3, 20, 16, 15), night), at(3, 21, 0, 15));
        assert_eq!(due(at(3, 20, 18, 14), night), at(3, 21, 0, 15), "before midnight there");
        assert_eq!(due(at(3, 20, 18, 15), night), at(3, 21, 0, 15), "midnight there");
        assert_eq!(due(at(3, 21, 0, 14), night), at(3, 21, 0, 15));
        assert_eq!(due(at(3, 21, 0, 15), night), at(3, 21, 0, 15), "it is over");
        // 12:00 to 18:00, in a day.
        assert_eq!(due(at(3, 20, 6, 14), quiet(12, 18)), at(3, 20, 6, 14));
        assert_eq!(due(at(3, 20, 6, 15), quiet(12, 18)), at(3, 20, 12, 15));
        // The pause leads into them.
        let absence = super::due(at(3, 20, 16, 14), Kathmandu, (Absence, Push), &night);
        assert_eq!(absence, at(3, 21, 0, 15));
    }

    #[test]
    fn a_digest_goes_out_at_five_and_by_mail_alone() {
        let digest = Settings { digest: true, ..Settings::default() };
        let due = |now, channel| due(now, Kathmandu, (Absence, channel), &digest);
        // 17:00 in Kathmandu is 11:15.
        assert_eq!(due(at(3, 20, 11, 14), Email), at(3, 20, 11, 15));
        assert_eq!(due(at(3, 20, 11, 15), Email), at(3, 21, 11, 15), "today's is on its way");
        assert_eq!(due(at(3, 20, 18, 15), Email), at(3, 21, 11, 15), "midnight there");
        assert_eq!(due(at(3, 20, 11, 14), Push), at(3, 20, 11, 15), "a minute later");
        let both = Settings { digest: true, ..quiet(16, 18) };
        assert_eq!(super::due(at(3, 20, 6, 0), Kathmandu, (Notice, Email), &both), at(3, 20, 12, 15));
    }

    #[test]
    fn clocks_that_are_put_forward_or_back_lose_nothing() {
        let due = |now, settings| due(now, Berlin, (Notice, Push), &settings);
        // On 29 March 02:00 is followed by 03:00: there is no 02:30, and quiet hours to 02:00 end at 03:00, which is 01:00.
        assert_eq!(due(at(3, 28, 22, 0), quiet(22, 2)), at(3, 29, 1, 0));
        assert_eq!(due(at(3, 28, 22, 0), quiet(22, 6)), at(3, 29, 4, 0), "06:00 of summer");
        // On 25 October 03:00 is followed by 02:00: the first 02:00 is at 00:00.
        assert_eq!(due(at(10, 24, 22, 0), quiet(22, 2)), at(10, 25, 0, 0));
        assert_eq!(due(at(10, 24, 22, 0), quiet(22, 6)), at(10, 25, 5, 0), "06:00 of winter");
        let digest = Settings { digest: true, ..Settings::default() };
        let mail = |now| super::due(now, Berlin, (Notice, Email), &digest);
        assert_eq!((mail(at(3, 28, 16, 0)), mail(at(10, 24, 15, 0))), (at(3, 29, 15, 0), at(10, 25, 16, 0)));
    }
}
