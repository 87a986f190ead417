//! Demonstration data: an institute that does not exist, from nothing but a size, a day and a seed.
//!
//! [`fill`] writes into an empty, migrated database what `rollcall demo` shows ([`Size::demo`]) and what `rollcall seed`
//! measures with ([`Size::of`]). The same size and day give the same rows, number for number, on either database.
//!
//! The rules of the domain hold in it: a timetable without clashes; attendance of those who were in the class on a day that
//! its routine runs, up to yesterday, EXCUSED on approved leave; leave decided by the student's HOD; feedback by those who
//! are taught; meetings that do not overlap; completion as 70 % of the share of subjects completed and 30 % of attendance
//! in the course. And what makes scopes hard is in it: parents with children in two courses, a teacher who is a parent, an
//! HOD who teaches in another's course, a batch across courses, a student who changed course, a routine that runs no more.
//!
//! Who can be relied on is in [`cast`]; whatever the size, everything in there exists.

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::{
    auth::Role,
    db::Db,
    dispatch,
    error::{Error, Result},
};

mod academics;
mod attendance;
pub(crate) mod data;
mod feedback;
mod leave;
mod meetings;
mod names;
mod notices;
mod people;
mod progress;
pub(crate) mod rows;
mod serve;
#[cfg(test)]
mod tests;

pub use serve::{seed, serve};

/// The institute's time zone: not a whole number of hours from UTC, so that who confuses the two is found out.
pub const TIME_ZONE: Tz = chrono_tz::Asia::Kathmandu;

/// Who is there in the data of every size.
///
/// Further facts: [`HOD`](cast::HOD) heads the first course, [`HOD_TEACHER`](cast::HOD_TEACHER) the second and
/// [`HOD_OF_TWO`](cast::HOD_OF_TWO) the third and the last, which is in preparation: not active, without students.
/// [`TEACHER`](cast::TEACHER) and [`HOD_TEACHER`](cast::HOD_TEACHER) teach the class of [`STUDENT`](cast::STUDENT), in the
/// first course. [`TEACHER_WHO_LEFT_CLASS`](cast::TEACHER_WHO_LEFT_CLASS) has only a routine there that runs no more.
pub mod cast {
    /// ADMIN.
    pub const ADMIN: &str = "admin@example.org";
    /// HOD of the first course; does not teach.
    pub const HOD: &str = "hod@example.org";
    /// HOD of the second course, who also teaches in the first.
    pub const HOD_TEACHER: &str = "hod.teacher@example.org";
    /// HOD of the third course and of the one without students.
    pub const HOD_OF_TWO: &str = "hod.of.two@example.org";
    /// Admission officer.
    pub const ADMISSION: &str = "admission@example.org";
    /// Teaches the class of [`STUDENT`] and [`ONLY_CHILD`].
    pub const TEACHER: &str = "teacher@example.org";
    /// Teaches in the second course, and is the parent of a student of the third, whom they do not teach.
    pub const TEACHER_PARENT: &str = "teacher.parent@example.org";
    /// Teaches in the third course; once taught the class of [`STUDENT`], and does so no more.
    pub const TEACHER_WHO_LEFT_CLASS: &str = "teacher.elsewhere@example.org";
    /// A student of the first course, with attendance, leave in every status, meetings.
    pub const STUDENT: &str = "student@example.org";
    /// The brother or sister of [`STUDENT`], in the second course.
    pub const SIBLING: &str = "sibling@example.org";
    /// A student of the class of [`STUDENT`], the child of [`PARENT_OF_ONE`].
    pub const ONLY_CHILD: &str = "only.child@example.org";
    /// A parent of [`STUDENT`] and [`SIBLING`].
    pub const PARENT: &str = "parent@example.org";
    /// The other parent of the same two.
    pub const OTHER_PARENT: &str = "other.parent@example.org";
    /// The parent of [`ONLY_CHILD`]: a stranger to [`PARENT`].
    pub const PARENT_OF_ONE: &str = "parent.of.one@example.org";
    /// A parent whose account was deactivated.
    pub const DEACTIVATED: &str = "deactivated@example.org";
    /// A parent who was invited and has no password yet.
    pub const INVITED: &str = "invited@example.org";
    /// One for each role, as the schema names it.
    pub const BY_ROLE: [(&str, &str); 6] = [
        ("ADMIN", ADMIN),
        ("HOD", HOD),
        ("ADMISSION", ADMISSION),
        ("STAFF", TEACHER),
        ("STUDENT", STUDENT),
        ("PARENT", PARENT),
    ];
    /// The name of a student of the first course who was archived (nobody else is called that).
    pub const ARCHIVED_STUDENT: &str = "Ottilie Vellum";
    /// The name of a student who was admitted today, to the class of [`STUDENT`] (nobody else is called that).
    pub const NEWCOMER: &str = "Newton Vellum";
}

/// How much there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// Students, all told.
    pub students: usize,
    /// School days of attendance, the last of them before today.
    pub days: usize,
    /// Courses with students; there is one more without. At least 3.
    pub courses: usize,
    /// Classes: those of one course who are in the same period. At least one a course.
    pub classes: usize,
    /// Teachers, besides the HOD who teaches.
    pub teachers: usize,
    /// What chance begins with.
    pub seed: u64,
}

impl Size {
    /// A small institute: 18 staff, 180 students, 40 school days.
    #[must_use]
    pub fn demo() -> Self {
        Self { students: 180, days: 40, courses: 3, classes: 6, teachers: 13, seed: 1 }
    }

    /// An institute of about so many students (60 at least, for the cast needs them) with so many school days (at least 5)
    /// of attendance: classes of about 40, three lessons a day each, and the courses and teachers for that.
    #[must_use]
    pub fn of(students: usize, days: usize) -> Self {
        let students = students.max(60);
        let classes = ((students + 20) / 40).max(3);
        Self {
            students,
            days: days.max(5),
            courses: classes.div_ceil(4).max(3),
            classes,
            teachers: (classes * 5).div_ceil(3).max(6),
            seed: 1,
        }
    }

    /// How many classes the course with the most has: one for each year that students were admitted in.
    fn intakes(&self) -> usize {
        self.classes.div_ceil(self.courses)
    }
}

/// An account to sign in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// What it is there to show.
    pub role: Role,
    /// E-mail.
    pub identifier: String,
}

/// One sign-in for each role. They all have the password whose hash [`fill`] was given.
#[must_use]
pub fn sign_ins() -> Vec<SignIn> {
    [
        (Role::Admin, cast::ADMIN),
        (Role::Hod, cast::HOD),
        (Role::Admission, cast::ADMISSION),
        (Role::Staff, cast::TEACHER),
        (Role::Student, cast::STUDENT),
        (Role::Parent, cast::PARENT),
    ]
    .map(|(role, identifier)| SignIn { role, identifier: identifier.to_owned() })
    .into()
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows by table, in the order they were written.
    pub rows: Vec<(&'static str, u64)>,
}

impl Summary {
    /// Rows of all tables.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|(_, rows)| rows).sum()
    }
}

/// Fills an empty, migrated database: everything or, when it fails, nothing. Everybody who may sign in gets `password_hash`.
///
/// `progress` is told how many rows of how many are written.
///
/// # Errors
/// When there is an institute or an account in the database already, or the database fails.
pub async fn fill(
    db: &Db,
    size: &Size,
    today: NaiveDate,
    password_hash: &str,
    progress: impl Fn(u64, u64) + Send + Sync,
) -> Result<Summary> {
    let mut cx = db.write().await?;
    if dispatch!(cx, demo::is_taken())? {
        return Err(Error::bad_input("this database is in use already: it is left as it is"));
    }
    let data = data::Data::generate(size, today, password_hash);
    dispatch!(cx, demo::fill(data, &progress))
}
