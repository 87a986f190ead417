//! Work that comes again and again: put into the queue by whichever instance comes first, once for all of them.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde_json::json;

use super::model::{JobKind, Lane, NewJob, Priority};
use crate::{dispatch, error::Result, graphql::Services, read};

/// Work that comes again and again.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Its name, by which it is kept.
    pub name: &'static str,
    /// How often.
    pub every: Every,
    /// What is to be done.
    pub kind: JobKind,
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// At each full hour.
    Hour,
    /// Each night at two, where the institute is.
    Night,
}

/// All that there is. None of it is urgent.
pub const ALL: [Schedule; 2] = [
    Schedule { name: "clean-up", every: Every::Hour, kind: JobKind::CleanUp },
    Schedule { name: "recompute", every: Every::Night, kind: JobKind::Recompute },
];

impl Every {
    /// The next time after `now`, UTC.
    #[must_use]
    pub fn after(self, now: NaiveDateTime, zone: Tz) -> NaiveDateTime {
        match self {
            Self::Hour => {
                let hour = TimeDelta::hours(1);
                let into = TimeDelta::seconds(now.and_utc().timestamp().rem_euclid(hour.num_seconds()));
                let second = now.and_utc().timestamp_subsec_nanos();
                now - into - TimeDelta::nanoseconds(second.into()) + hour
            }
            Self::Night => {
                let day = now.and_utc().with_timezone(&zone).date_naive();
                let two = NaiveTime::from_hms_opt(2, 0, 0).unwrap_or_default();
                let nights = day.iter_days().take(3).filter_map(|day| {
                    // Where clocks are put forward over it there is no such time: that night is left out.
                    Some(zone.from_local_datetime(&day.and_time(two)).earliest()?.naive_utc())
                });
                nights.into_iter().find(|night| *night > now).unwrap_or(now + TimeDelta::days(1))
            }
        }
    }
}

/// Puts into the queue what is due. Of several instances that look at once, one does.
pub async fn look(services: &Services) -> Result<()> {
    let now = services.clock.now();
    let kept = read!(services.db, jobs_upkeep::schedules())?;
    let mut zone = None;
    for schedule in ALL {
        let next = kept.iter().find(|(name, _)| name == schedule.name).map(|(_, next)| *next);
        if next.is_some_and(|next| next > now) {
            continue;
        }
        let zone = match zone {
            Some(zone) => zone,
            None => *zone.insert(read!(services.db, institute::zone())?),
        };
        match take(services, schedule, (now, schedule.every.after(now, zone))).await {
            Ok(true) => services.wake.wake(),
            Ok(false) => {}
            // Another instance has it.
            Err(error) if error.met_another() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes the time that is due, and puts the job of it into the queue; false where there is none any more.
async fn take(services: &Services, schedule: Schedule, (now, next): (NaiveDateTime, NaiveDateTime)) -> Result<bool> {
    let mut cx = services.db.begin().await?;
    let Some(due) = dispatch!(cx, jobs_upkeep::take(schedule.name, now, next))? else {
        cx.commit().await?;
        return Ok(false);
    };
    let job = NewJob {
        key: format!("{}:{}", schedule.name, due.format("%Y-%m-%dT%H:%M:%S")),
        kind: schedule.kind,
        lane: Lane::Upkeep,
        priority: Priority::Low,
        payload: json!({}),
        batch: None,
        due_at: now,
    };
    dispatch!(cx, jobs::enqueue(now, vec![job]))?;
    cx.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn an_hour_is_a_full_one_and_always_the_next() {
        for (now, next) in [
            ("2026-03-20T12:00:00", "2026-03-20T13:00:00"),
            ("2026-03-20T12:00:00.5", "2026-03-20T13:00:00"),
            ("2026-03-20T23:59:59", "2026-03-21T00:00:00"),
        ] {
            assert_eq!(Every::Hour.after(at(now), Tz::UTC), at(next), "{now}");
        }
    }

    #[test]
    fn a_night_is_that_of_the_institute() {
        // Two o'clock in Kathmandu is 20:15 of the day before.
        let zone = Tz::Asia__Kathmandu;
        for (now, next) in [
            ("2026-03-20T20:14:59", "2026-03-20T20:15:00"),
            ("2026-03-20T20:15:00", "2026-03-21T20:15:00"),
            ("2026-03-20T03:00:00", "2026-03-20T20:15:00"),
        ] {
            assert_eq!(Every::Night.after(at(now), zone), at(next), "{now}");
        }
        // In Berlin there is no two o'clock in the last night of March.
        let next = Every::Night.after(at("2026-03-28T12:00:00"), Tz::Europe__Berlin);
        assert_eq!(next, at("2026-03-30T00:00:00"));
    }
}
