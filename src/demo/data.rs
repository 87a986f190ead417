//! The generator: rows from a size, a day and a seed, and nothing else.
//!
//! Small tables are made whole. Records of attendance, by far the most, are told one by one ([`Data::records`]): whether a
//! student was in a class is worked out from a hash of the seed, the student and the class.

use std::ops::Range;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Weekday};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{
    Size, TIME_ZONE, academics, attendance, feedback, leave, meetings, notices, people, progress,
    rows::{
        Account, Audience, Batch, BatchCourse, BatchStudent, Correction, Course, Institute, InstituteFeedback, Leave,
        Meeting, MeetingParent, MeetingStudent, Notice, NoticeRead, Parent, ParentStudent, Progress, Role, Routine,
        Session, Staff, Student, StudyFile, Subject, TeacherFeedback, Tracking,
    },
};
use crate::attendance::model::Counts;

/// Everything that is inserted, and what of it belongs together.
#[derive(Debug, Default, PartialEq)]
pub struct Data {
    pub institute: Vec<Institute>,
    pub accounts: Vec<Account>,
    pub staff: Vec<Staff>,
    pub roles: Vec<Role>,
    pub courses: Vec<Course>,
    pub students: Vec<Student>,
    pub parents: Vec<Parent>,
    pub parent_students: Vec<ParentStudent>,
    pub batches: Vec<Batch>,
    pub batch_courses: Vec<BatchCourse>,
    pub batch_students: Vec<BatchStudent>,
    pub subjects: Vec<Subject>,
    pub study_files: Vec<StudyFile>,
    pub routines: Vec<Routine>,
    pub sessions: Vec<Session>,
    pub corrections: Vec<Correction>,
    pub meetings: Vec<Meeting>,
    pub meeting_parents: Vec<MeetingParent>,
    pub meeting_students: Vec<MeetingStudent>,
    pub leave: Vec<Leave>,
    pub teacher_feedback: Vec<TeacherFeedback>,
    pub institute_feedback: Vec<InstituteFeedback>,
    pub notices: Vec<Notice>,
    pub audiences: Vec<Audience>,
    pub reads: Vec<NoticeRead>,
    pub trackings: Vec<Tracking>,
    pub progress: Vec<Progress>,

    pub seed: u64,
    pub classes: Vec<Class>,
    /// The students, in the order of their numbers.
    pub pupils: Vec<Pupil>,
    /// The class of each session, and whether it has records.
    pub session_classes: Vec<(usize, bool)>,
    /// What the records of each student add up to, in the order of their numbers.
    pub counts: Vec<Counts>,
    /// How many records there are.
    pub record_count: u64,
}

/// The students of a course who are in the same period.
#[derive(Debug, PartialEq)]
pub struct Class {
    /// Index of the course.
    pub course: usize,
    /// 0 for those admitted last, 1 for the year before, …
    pub intake: usize,
    pub period: i32,
    /// When they began the course.
    pub started: NaiveDate,
    /// The subjects of the period.
    pub subjects: Vec<i64>,
    /// Indexes of the routines that run.
    pub routines: Range<usize>,
    /// Indexes of the students.
    pub members: Vec<usize>,
}

/// What is known of a student besides the row.
#[derive(Debug, PartialEq)]
pub struct Pupil {
    pub number: i64,
    pub account: i64,
    /// Index of the class.
    pub class: Option<usize>,
    pub kind: Kind,
    pub enrolled: NaiveDate,
    /// The first day in class.
    pub joined: NaiveDate,
    /// The last day in class, where that is over.
    pub until: Option<NaiveDate>,
    /// Approved leave, first and last days.
    pub away: Vec<(NaiveDate, NaiveDate)>,
    /// On how many days of a thousand they are absent; 0: never, and never late.
    pub absence: u64,
    /// Indexes of the parents.
    pub parents: Vec<usize>,
}

/// What a student is there to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of the cast, with this e-mail.
    Cast(&'static str),
    /// Nothing in particular.
    Plain,
    /// Joined when the term was under way.
    Late,
    /// Joined today.
    Newcomer,
    /// Is away for long.
    Away,
    /// Has finished the course.
    Done,
    Archived,
    /// Has no course yet.
    Unplaced,
}

/// What all parts of the generator go by.
pub struct Plan<'a> {
    pub size: &'a Size,
    pub today: NaiveDate,
    /// The school days with attendance, all before today.
    pub days: Vec<NaiveDate>,
    pub password_hash: &'a str,
}

impl Plan<'_> {
    /// The first day of the term.
    pub fn term(&self) -> NaiveDate {
        self.days[0]
    }

    pub fn yesterday(&self) -> NaiveDate {
        shift(self.today, -1)
    }

    /// A school day of the term, `share` (0 to 100) of it gone.
    pub fn day_at(&self, share: usize) -> NaiveDate {
        self.days[(self.days.len() - 1) * share.min(100) / 100]
    }

    /// A school day of the term.
    pub fn some_day(&self, draw: &mut Draw) -> NaiveDate {
        draw.pick(&self.days)
    }

    /// The first school day on or after so many days from today.
    pub fn ahead(&self, days: i64) -> NaiveDate {
        let mut day = shift(self.today, days);
        while !is_school_day(day) {
            day = shift(day, 1);
        }
        day
    }
}

fn is_school_day(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The day so many days later, or earlier.
pub fn shift(day: NaiveDate, days: i64) -> NaiveDate {
    let by = Days::new(days.unsigned_abs());
    if days < 0 { day.checked_sub_days(by) } else { day.checked_add_days(by) }.unwrap_or(day)
}

/// The day so many months later, or earlier.
pub fn shift_months(day: NaiveDate, months: i32) -> NaiveDate {
    let by = Months::new(months.unsigned_abs());
    if months < 0 { day.checked_sub_months(by) } else { day.checked_add_months(by) }.unwrap_or(day)
}

/// A time at the institute, as it is stored: in UTC.
pub fn at(day: NaiveDate, hour: i64, minute: i64) -> NaiveDateTime {
    let local = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(hour * 60 + minute);
    TIME_ZONE.from_local_datetime(&local).earliest().map_or(local, |at| at.naive_utc())
}

/// The number of the row at an index.
#[expect(clippy::cast_possible_wrap, reason = "there are not that many rows")]
pub fn number(index: usize) -> i64 {
    index as i64 + 1
}

/// The index of the row with a number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was an index")]
pub fn index(number: i64) -> usize {
    (number - 1) as usize
}

/// Chance that repeats itself.
pub struct Draw(StdRng);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// True in so many cases of a hundred.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.0.random_range(0..from.len())]
    }

    /// A number from `low` to `high`, both possible.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high)
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.0.random()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        items.shuffle(&mut self.0);
    }
}

impl Data {
    /// Makes everything.
    pub fn generate(size: &Size, today: NaiveDate, password_hash: &str) -> Self {
        let mut days: Vec<NaiveDate> =
            today.iter_days().rev().skip(1).filter(|day| is_school_day(*day)).take(size.days).collect();
        days.reverse();
        let plan = Plan { size, today, days, password_hash };
        let mut draw = Draw::new(size.seed);
        let mut data = Self { seed: size.seed, institute: vec![institute()], ..Self::default() };
        people::staff(&mut data, &plan, &mut draw);
        academics::courses(&mut data, &plan);
        academics::routines(&mut data, &plan);
        academics::study_files(&mut data, &plan, &mut draw);
        people::students(&mut data, &plan, &mut draw);
        academics::batches(&mut data);
        leave::of_students(&mut data, &plan, &mut draw);
        let staff_away = leave::of_staff(&mut data, &plan, &mut draw);
        attendance::sessions(&mut data, &plan, &staff_away, &mut draw);
        attendance::count(&mut data);
        attendance::corrections(&mut data, &plan);
        progress::trackings(&mut data, &plan, &mut draw);
        meetings::all(&mut data, &plan, &mut draw);
        feedback::of_teachers(&mut data, &plan, &mut draw);
        feedback::of_institute(&mut data, &plan, &mut draw);
        notices::all(&mut data, &plan, &mut draw);
        data
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        let small = [
            self.institute.len(),
            self.accounts.len(),
            self.staff.len(),
            self.roles.len(),
            self.courses.len(),
            self.students.len(),
            self.parents.len(),
            self.parent_students.len(),
            self.batches.len(),
            self.batch_courses.len(),
            self.batch_students.len(),
            self.subjects.len(),
            self.study_files.len(),
            self.routines.len(),
            self.sessions.len(),
            self.corrections.len(),
            self.meetings.len(),
            self.meeting_parents.len(),
            self.meeting_students.len(),
            self.leave.len(),
            self.teacher_feedback.len(),
            self.institute_feedback.len(),
            self.notices.len(),
            self.audiences.len(),
            self.reads.len(),
            self.trackings.len(),
            self.progress.len(),
        ];
        small.iter().sum::<usize>() as u64 + self.record_count
    }

    /// The account of a staff member.
    pub fn staff_account(&self, staff: i64) -> i64 {
        self.staff[index(staff)].account_id
    }

    /// Who teaches a class, each once.
    pub fn teachers_of(&self, class: &Class) -> Vec<i64> {
        let mut teachers: Vec<i64> = self.routines[class.routines.clone()].iter().map(|r| r.teacher_id).collect();
        teachers.sort_unstable();
        teachers.dedup();
        teachers
    }
}

fn institute() -> Institute {
    Institute {
        id: 1,
        name: "The Exemplary Institute",
        phone: "+999100000000",
        email: "office@example.org",
        address: "1 Timetable Road, Examplegate",
        registration_number: "DEMO-REG-1",
        tax_number: "DEMO-TAX-1",
        description: "An institute that does not exist, made up to show Rollcall.",
        time_zone: TIME_ZONE.name(),
    }
}
