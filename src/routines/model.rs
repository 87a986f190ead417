//! A routine's row, its weekdays, and what lists of routines are filtered and ordered by.

use async_graphql::{Enum, ID, InputObject};
use chrono::{Datelike, NaiveDate, NaiveTime};
use diesel::prelude::*;

use crate::{
    db::schema::routines,
    graphql::{Date, Direction, Row},
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
#[derive(Clone, Debug, Queryable, Selectable)]
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
}

/// Which routines to list.
#[derive(Clone, Debug, InputObject)]
pub struct RoutineFilter {
    /// Of this course.
    pub course_id: Option<ID>,
    /// Of this period of its course.
    pub period: Option<i32>,
    /// Of this teacher.
    pub teacher_id: Option<ID>,
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
    }
}
