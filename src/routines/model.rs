//! A routine's row, its weekdays, and what lists of routines are filtered and ordered by.

use async_graphql::{Enum, InputObject};
use chrono::{Datelike, NaiveDate, NaiveTime};
use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::routines,
    graphql::{Date, Direction, FilterId, Row},
};

/// A day of the week.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Weekday {
    /// Every day, from Monday.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// The day's bit in a routine's `weekdays`; the least is Monday.
    #[must_use]
    pub const fn bit(self) -> i32 {
        1 << self as u8
    }

    /// The days whose bits are set, from Monday.
    #[must_use]
    pub fn of_bits(bits: i32) -> Vec<Self> {
        Self::ALL.into_iter().filter(|day| bits & day.bit() != 0).collect()
    }

    /// The bits of some days.
    #[must_use]
    pub fn bits(days: &[Self]) -> i32 {
        days.iter().fold(0, |bits, day| bits | day.bit())
    }

    /// The weekday of a date.
    #[must_use]
    pub fn of_date(date: NaiveDate) -> Self {
        match date.weekday() {
            chrono::Weekday::Mon => Self::Monday,
            chrono::Weekday::Tue => Self::Tuesday,
            chrono::Weekday::Wed => Self::Wednesday,
            chrono::Weekday::Thu => Self::Thursday,
            chrono::Weekday::Fri => Self::Friday,
            chrono::Weekday::Sat => Self::Saturday,
            chrono::Weekday::Sun => Self::Sunday,
        }
    }
}

/// A weekly slot of the timetable.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = routines)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct RoutineRow {
    pub id: i64,
    pub course_id: i64,
    pub period: i32,
    pub subject_id: i64,
    pub teacher_id: i64,
    /// The bits of its days; the least is Monday.
    pub weekdays: i32,
    pub starts_at: NaiveTime,
    pub ends_at: NaiveTime,
    pub room: Option<String>,
    pub active: bool,
    pub version: i32,
}

impl Row for RoutineRow {
    fn number(&self) -> i64 {
        self.id
    }
}

impl RoutineRow {
    /// Whether it runs on a date, by its day of the week.
    #[must_use]
    pub fn runs_on(&self, date: NaiveDate) -> bool {
        self.weekdays & Weekday::of_date(date).bit() != 0
    }

    /// When it runs.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot { weekdays: self.weekdays, starts_at: self.starts_at, ends_at: self.ends_at }
    }
}

/// A time of some days of every week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "see RoutineRow")]
pub struct Slot {
    pub weekdays: i32,
    pub starts_at: NaiveTime,
    pub ends_at: NaiveTime,
}

impl Slot {
    /// The days on which two slots take the same time, as bits. One that begins as the other ends takes none of its time.
    #[must_use]
    pub fn shares(self, other: Self) -> i32 {
        let meet = self.starts_at < other.ends_at && other.starts_at < self.ends_at;
        if meet { self.weekdays & other.weekdays } else { 0 }
    }
}

/// The slot for people: `Monday, Wednesday 10:00–10:50`.
impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days: Vec<String> = Weekday::of_bits(self.weekdays).iter().map(|day| format!("{day:?}")).collect();
        write!(f, "{} {}–{}", days.join(", "), self.starts_at.format("%H:%M"), self.ends_at.format("%H:%M"))
    }
}

/// A routine with what people call it by.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is what it says")]
pub struct Lesson {
    pub routine: RoutineRow,
    pub subject: String,
    pub course: String,
    pub teacher: String,
}

/// The lesson for people: `Anatomy 1 (Nursing, period 1) with Mira Quire, Monday, Wednesday 10:00–10:50`.
impl std::fmt::Display for Lesson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { routine, subject, course, teacher } = self;
        write!(f, "{subject} ({course}, period {}) with {teacher}, {}", routine.period, routine.slot())
    }
}

/// A routine to add; its course and period are the subject's.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct NewRoutine {
    pub subject: i64,
    pub teacher: i64,
    pub slot: Slot,
    pub room: Option<String>,
}

/// What to change of a routine.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = routines)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct RoutineEdit {
    pub teacher_id: Option<i64>,
    pub weekdays: Option<i32>,
    pub starts_at: Option<NaiveTime>,
    pub ends_at: Option<NaiveTime>,
    pub room: Option<Option<String>>,
}

/// Which routines to list.
#[derive(Clone, Debug, InputObject)]
pub struct RoutineFilter {
    /// Of this course.
    pub course_id: Option<FilterId>,
    /// Of this period of its course.
    pub period: Option<i32>,
    /// Of this teacher.
    pub teacher_id: Option<FilterId>,
    /// Runs on this day of the week.
    pub weekday: Option<Weekday>,
    /// Runs on this date: on its day of the week.
    pub date: Option<Date>,
    /// In the timetable at present; false for those that were taken out of it.
    #[graphql(default = true)]
    pub active: bool,
}

impl Default for RoutineFilter {
    fn default() -> Self {
        Self { course_id: None, period: None, teacher_id: None, weekday: None, date: None, active: true }
    }
}

/// [`RoutineFilter`] with its ids opened.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "see RoutineFilter")]
pub struct RoutineQuery {
    pub course: Option<i64>,
    pub period: Option<i32>,
    pub teacher: Option<i64>,
    pub weekday: Option<Weekday>,
    pub date: Option<NaiveDate>,
    pub active: bool,
}

/// What a list of routines is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutineOrderField {
    /// The hour they start at, whatever the day.
    StartsAt,
}

/// The order of a list of routines.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct RoutineOrder {
    /// What to order by.
    pub field: RoutineOrderField,
    /// Upwards or downwards.
    #[graphql(default)]
    pub direction: Direction,
}

impl Default for RoutineOrder {
    fn default() -> Self {
        Self { field: RoutineOrderField::StartsAt, direction: Direction::Asc }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_are_bits_from_monday_and_agree_with_the_calendar() {
        assert_eq!(Weekday::of_bits(0b100_0101), [Weekday::Monday, Weekday::Wednesday, Weekday::Sunday]);
        assert_eq!(Weekday::of_bits(127), Weekday::ALL);
        let monday = NaiveDate::default() + chrono::Days::new(4); // 1970 began on a Thursday
        let week = monday.iter_days().take(7).map(Weekday::of_date).collect::<Vec<_>>();
        assert_eq!(week, Weekday::ALL);
        assert_eq!(
            Weekday::of_bits(Weekday::bits(&[Weekday::Sunday, Weekday::Monday])),
            [Weekday::Monday, Weekday::Sunday]
        );
    }

    fn slot(days: &[Weekday], from: (u32, u32), to: (u32, u32)) -> Slot {
        let at = |(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        Slot { weekdays: Weekday::bits(days), starts_at: at(from), ends_at: at(to) }
    }

    #[test]
    fn slots_share_the_days_on_which_their_hours_meet() {
        use Weekday::{Friday, Monday, Tuesday, Wednesday};
        let of = |days: &[Weekday]| slot(days, (10, 0), (11, 0));
        let week = of(&[Monday, Wednesday, Friday]);
        let shared = |other: Slot| {
            assert_eq!(week.shares(other), other.shares(week), "whichever is asked");
            Weekday::of_bits(week.shares(other))
        };
        assert_eq!(shared(week), [Monday, Wednesday, Friday]);
        assert_eq!(shared(of(&[Wednesday, Tuesday])), [Wednesday]);
        assert_eq!(shared(of(&[Tuesday])), []);
        // Adjacent ones do not meet; a minute more, and they do.
        assert_eq!(shared(slot(&[Monday], (11, 0), (12, 0))), []);
        assert_eq!(shared(slot(&[Monday], (9, 0), (10, 0))), []);
        assert_eq!(shared(slot(&[Monday], (10, 59), (12, 0))), [Monday]);
        assert_eq!(shared(slot(&[Monday], (9, 0), (10, 1))), [Monday]);
        // One within the other, and around it.
        assert_eq!(shared(slot(&[Friday], (10, 20), (10, 30))), [Friday]);
        assert_eq!(shared(slot(&[Friday], (8, 0), (18, 0))), [Friday]);
    }

    #[test]
    fn a_slot_reads_as_people_say_it() {
        let slot = slot(&[Weekday::Wednesday, Weekday::Monday], (9, 5), (10, 0));
        assert_eq!(slot.to_string(), "Monday, Wednesday 09:05–10:00");
    }
}
