//! A class to mark, for the tests of attendance and leave.

use std::collections::BTreeMap;

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::{TestApp, of};

/// The day of the tests: a Friday, of which nothing is marked yet.
pub const FRIDAY: &str = "2026-03-20";

/// What the sheet of a class asks for.
pub const SESSION: &str = "session { id date held teacherAttended markedAt teacher { name } \
     summary { present absent late excused } records(first: 100) { edges { node { id status student { id } \
     corrections { fromStatus toStatus reason correctedBy { name } correctedAt } } } } }";

/// The class of [`cast::STUDENT`] and [`cast::ONLY_CHILD`] that [`cast::TEACHER`] has on Mondays, Wednesdays and Fridays.
pub struct Lesson {
    pub routine: i64,
    /// Who attends it, in the order of their numbers.
    pub students: Vec<i64>,
}

/// The number of a person, as a subquery.
pub fn person(table: &str, email: &str) -> String {
    format!("({})", of(table, email))
}

/// The number that a subquery gives.
pub async fn one(app: &TestApp, subquery: &str) -> i64 {
    app.number(&format!("SELECT {subquery}")).await
}

/// The number of an account, as a subquery.
pub fn account(email: &str) -> String {
    format!("(SELECT id FROM accounts WHERE email = '{email}')")
}

impl Lesson {
    /// The class, without the leave that the data has.
    pub async fn of(app: &TestApp) -> Self {
        app.database.execute("DELETE FROM attendance_excuses").await;
        app.database.execute("DELETE FROM leave_requests").await;
        let teacher = person("staff", cast::TEACHER);
        let friday = "(weekdays / 16) % 2 = 1";
        let routine =
            app.number(&format!("SELECT id FROM routines WHERE active AND teacher_id = {teacher} AND {friday}")).await;
        let students = app
            .database
            .numbers(&format!(
                "SELECT s.id FROM students s JOIN routines r ON r.course_id = s.course_id AND r.period = s.current_period \
                 WHERE r.id = {routine} AND s.status = 'ACTIVE' AND s.archived_at IS NULL ORDER BY s.id"
            ))
            .await;
        assert!(students.len() > 20, "{students:?}");
        Self { routine, students }
    }

    /// Lets so many students attend it in all, by admitting more of them.
    pub async fn grow(mut self, app: &TestApp, size: usize) -> Self {
        let admin = app.sign_in(cast::ADMIN).await;
        let course =
            app.id_of(Kind::Course, &format!("SELECT course_id FROM routines WHERE id = {}", self.routine)).await;
        let period = format!("SELECT CAST(period AS bigint) FROM routines WHERE id = {}", self.routine);
        let period = app.number(&period).await;
        for n in self.students.len()..size {
            let input = json!({"name": format!("Classmate {n}"), "courseId": course, "period": period});
            admin.done("admitStudent", input, "").await;
            self.students.push(app.number("SELECT MAX(id) FROM students").await);
        }
        self
    }

    /// The input of `markAttendance` for a day, with these marks.
    pub fn sheet(&self, app: &TestApp, date: &str, marks: &[(i64, &str)]) -> Value {
        let mark =
            |(student, status): &(i64, &str)| json!({"studentId": app.id(Kind::Student, *student), "status": status});
        let marks: Vec<Value> = marks.iter().map(mark).collect();
        json!({"routineId": app.id(Kind::Routine, self.routine), "date": date, "marks": marks})
    }

    /// The same with one mark for everybody.
    pub fn all(&self, app: &TestApp, date: &str, status: &str) -> Value {
        self.sheet(app, date, &self.students.iter().map(|student| (*student, status)).collect::<Vec<_>>())
    }

    /// The marks that are in the database for a day, by student; `*` where a mark comes of leave.
    pub async fn marks(&self, app: &TestApp, date: &str) -> BTreeMap<i64, String> {
        let rows = app
            .database
            .texts(&format!(
                "SELECT r.student_id || ' ' || r.status || CASE WHEN e.student_id IS NULL THEN '' ELSE '*' END \
                 FROM attendance_records r JOIN attendance_sessions s ON s.id = r.session_id \
                 LEFT JOIN attendance_excuses e ON e.session_id = r.session_id AND e.student_id = r.student_id \
                 WHERE s.routine_id = {} AND s.date = '{date}'",
                self.routine
            ))
            .await;
        let row =
            |row: &String| row.split_once(' ').map(|(student, status)| (student.parse().unwrap(), status.to_owned()));
        rows.iter().map(|one| row(one).unwrap()).collect()
    }

    /// The number of the session of a day.
    pub async fn session(&self, app: &TestApp, date: &str) -> i64 {
        app.number(&format!(
            "SELECT id FROM attendance_sessions WHERE routine_id = {} AND date = '{date}'",
            self.routine
        ))
        .await
    }

    /// Takes away what the data has of this routine.
    pub async fn forget(&self, app: &TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let query = format!("SELECT id FROM attendance_sessions WHERE routine_id = {}", self.routine);
        for session in app.database.numbers(&query).await {
            let input = json!({"id": app.id(Kind::AttendanceSession, session), "reason": "Begin anew."});
            admin.done("deleteAttendanceSession", input, "").await;
        }
    }
}

/// Approved leave of a student, as nobody in particular granted it, and its number.
pub async fn leave(app: &TestApp, student: i64, status: &str, first: &str, last: &str) -> i64 {
    let decided = match status {
        "PENDING" => "NULL, NULL".to_owned(),
        _ => format!("{}, '2026-03-01 08:00:00'", account(cast::ADMIN)),
    };
    app.database
        .execute(&format!(
            "INSERT INTO leave_requests (student_id, requested_by, first_day, last_day, message, status, decided_by, \
             decided_at, created_at) SELECT id, account_id, '{first}', '{last}', 'A wedding.', '{status}', {decided}, \
             '2026-03-01 07:00:00' FROM students WHERE id = {student}"
        ))
        .await;
    app.number("SELECT MAX(id) FROM leave_requests").await
}

/// That every tracking of a student's present course is as complete as a recount of subjects and classes has it, unless
/// the student has given up: of the students for whom a condition on `p` holds.
pub async fn completion_is_a_recount(app: &TestApp, of: &str, when: &str) {
    let query = "SELECT t.student_id || ' ' || t.status || ' ' || t.completion || ' ' || coalesce(CAST(t.actual_end AS text), '-') || ' ' || \
         (SELECT COUNT(*) FROM subjects s WHERE s.course_id = t.course_id) || ' ' || \
         (SELECT COUNT(*) FROM subject_progress p JOIN subjects s ON s.id = p.subject_id WHERE p.student_id = t.student_id \
          AND s.course_id = t.course_id AND p.status = 'COMPLETED') || ' ' || \
         (SELECT COUNT(*) FROM attendance_records r JOIN attendance_sessions x ON x.id = r.session_id JOIN subjects s \
          ON s.id = x.subject_id WHERE r.student_id = t.student_id AND s.course_id = t.course_id AND x.held \
          AND r.status IN ('PRESENT', 'LATE')) || ' ' || \
         (SELECT COUNT(*) FROM attendance_records r JOIN attendance_sessions x ON x.id = r.session_id JOIN subjects s \
          ON s.id = x.subject_id WHERE r.student_id = t.student_id AND s.course_id = t.course_id AND x.held \
          AND r.status = 'ABSENT') \
         FROM course_trackings t JOIN students p ON p.id = t.student_id AND p.course_id = t.course_id WHERE t.status <> 'DROPPED'";
    let rows = app.database.texts(&format!("{query} AND {of}")).await;
    assert!(!rows.is_empty());
    for row in rows {
        let words: Vec<&str> = row.split(' ').collect();
        let [subjects, completed, attended, missed] = [4, 5, 6, 7].map(|i| words[i].parse::<f64>().unwrap());
        let attendance = if attended + missed > 0.0 { attended / (attended + missed) } else { 0.0 };
        let (found, expected) = (words[2].parse::<f64>().unwrap(), 70.0 * completed / subjects + 30.0 * attendance);
        assert!((found - expected).abs() < 1e-9, "{when}: {row}: not {expected}");
        assert_eq!(words[1] == "COMPLETED", expected >= 100.0, "{when}: {row}");
        assert_eq!(words[3] != "-", expected >= 100.0, "{when}: {row}");
    }
}
