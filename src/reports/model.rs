//! Figures, and when they are shown.

/// The fewest persons that a figure tells of.
pub const LEAST: i64 = 5;

diesel::allow_columns_to_appear_in_same_group_by_clause!(
    crate::db::schema::batch_students::batch_id,
    crate::db::schema::students::course_id,
);

/// A number of persons, where there are enough of them.
#[must_use]
pub fn persons(number: i64) -> Option<i64> {
    (number >= LEAST).then_some(number)
}

/// The parts of a whole that may be known: those with enough persons, unless what they leave over is too little; then the
/// least of them is left out as well.
#[must_use]
pub fn parts<const N: usize>(numbers: [i64; N]) -> [Option<i64>; N] {
    let mut shown = numbers.map(persons);
    let hidden: i64 = numbers.iter().filter(|number| persons(**number).is_none()).sum();
    if hidden > 0 && hidden < LEAST {
        let least = shown.iter().flatten().min().copied();
        if let Some(least) = shown.iter_mut().find(|number| number.is_some() && **number == least) {
            *least = None;
        }
    }
    shown
}

/// Whether two groups are the same but for a few persons: then what is told of both tells of those few.
#[must_use]
pub fn near(one: i64, other: i64, common: i64) -> bool {
    (1..LEAST).contains(&(one + other - 2 * common))
}

/// Classes that persons attended, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attended {
    /// Of how many persons.
    pub persons: i64,
    /// Classes attended.
    pub attended: i64,
    /// Classes that counted for them.
    pub counted: i64,
}

/// Sums of present, late and absent, and how many persons they are of.
pub type Sums = (Option<i64>, Option<i64>, Option<i64>, i64);

impl From<Sums> for Attended {
    fn from((present, late, absent, persons): Sums) -> Self {
        let [present, late, absent] = [present, late, absent].map(Option::unwrap_or_default);
        Self { persons, attended: present + late, counted: present + late + absent }
    }
}

impl Attended {
    /// The share of classes attended, in whole per cent, where there are enough persons.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody attends 2^52 classes")]
    pub fn percentage(&self) -> Option<f64> {
        let share = || (self.attended as f64 * 100.0 / self.counted as f64).round();
        (persons(self.persons).is_some() && self.counted > 0).then(share)
    }
}

/// Ratings added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rated {
    /// How many persons rated.
    pub by: i64,
    /// How many persons were rated, where it was persons.
    pub of: Option<i64>,
    /// How many ratings there are.
    pub count: i64,
    /// Their sum, in halves.
    pub half_stars: i64,
}

impl Rated {
    /// The average, in tenths of a star, where there are enough persons on either side.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody gets 2^52 ratings")]
    pub fn average(&self) -> Option<f64> {
        let enough = self.by >= LEAST && self.of.is_none_or(|of| of >= LEAST);
        enough.then(|| (self.half_stars as f64 * 5.0 / self.count as f64).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_parts_nothing_that_is_left_over_is_too_little() {
        assert_eq!(parts([170, 8, 0]), [Some(170), Some(8), None]);
        assert_eq!(parts([170, 8, 2]), [Some(170), None, None]);
        assert_eq!(parts([170, 3, 2]), [Some(170), None, None]);
        assert_eq!(parts([4, 0, 0]), [None, None, None]);
        assert_eq!(parts([9, 1, 9]), [None, None, Some(9)]);
        for a in 0..12 {
            for b in 0..12 {
                for c in 0..12 {
                    let shown = parts([a, b, c]);
                    assert!(shown.iter().flatten().all(|number| *number >= LEAST));
                    let left = a + b + c - shown.iter().flatten().sum::<i64>();
                    assert!(left == 0 || left >= LEAST || shown == [None; 3], "{shown:?} of {a} {b} {c}");
                }
            }
        }
    }

    #[test]
    fn groups_are_near_where_a_few_make_the_difference() {
        assert!(!near(30, 30, 30), "the same");
        assert!(near(30, 29, 29) && near(26, 30, 26) && near(30, 30, 29) && near(31, 30, 29));
        assert!(!near(30, 25, 25) && !near(30, 30, 20) && !near(30, 30, 0));
    }

    #[test]
    fn few_persons_have_no_share_and_no_average() {
        let attended = |persons| Attended { persons, attended: 2, counted: 3 }.percentage();
        assert_eq!((attended(4), attended(5)), (None, Some(67.0)));
        assert_eq!(Attended { persons: 9, ..Attended::default() }.percentage(), None);
        let rated = |by, of| Rated { by, of, count: 6, half_stars: 46 }.average();
        assert_eq!((rated(5, None), rated(5, Some(5))), (Some(3.8), Some(3.8)));
        assert_eq!((rated(4, None), rated(5, Some(4))), (None, None));
    }
}
