//! Attendance under whatever a school does to it: random marks, corrections, classes that were not held, leave asked for,
//! decided and taken back, sessions removed; all through the API. After it, every summary and every completion is what a
//! recount of the records gives, and what leave did to marks is where it belongs.
//!
//! A run is made from a seed, which a failure names, with the steps that led there.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    attendance::{everything_is_counted, spans_are_counted},
    lessons::{Lesson, completion_is_a_recount, one, person},
    support::{Client, TestApp, errors},
};

/// Steps of a run, and how many of them go between two looks at the whole.
const STEPS: usize = 100;
const LOOK: usize = 50;

/// Days that the class has the lesson on.
const DAYS: [&str; 6] = ["2026-03-09", "2026-03-11", "2026-03-13", "2026-03-16", "2026-03-18", "2026-03-20"];
const STATUSES: [&str; 4] = ["PRESENT", "ABSENT", "LATE", "EXCUSED"];

struct School {
    lesson: Lesson,
    /// Those who ask for leave, with the students they ask for.
    asking: Vec<(Client, i64)>,
    marking: Vec<Client>,
    deciding: Vec<Client>,
    draw: StdRng,
    told: Vec<String>,
    done: usize,
}

impl School {
    async fn open(app: &TestApp, seed: u64) -> Self {
        let lesson = Lesson::of(app).await;
        let mut asking = Vec::new();
        for (who, child) in
            [(cast::STUDENT, cast::STUDENT), (cast::PARENT, cast::STUDENT), (cast::PARENT_OF_ONE, cast::ONLY_CHILD)]
        {
            asking.push((app.sign_in(who).await, one(app, &person("students", child)).await));
        }
        let class = lesson.students.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let query = format!(
            "SELECT a.email FROM accounts a JOIN students s ON s.account_id = a.id \
             WHERE s.id IN ({class}) AND a.password_hash IS NOT NULL ORDER BY s.id LIMIT 3"
        );
        for classmate in app.database.texts(&query).await {
            asking.push((app.sign_in(&classmate).await, one(app, &person("students", &classmate)).await));
        }
        let marking = vec![app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD).await];
        let deciding = vec![app.sign_in(cast::HOD).await, app.sign_in(cast::ADMIN).await];
        Self { lesson, asking, marking, deciding, draw: StdRng::seed_from_u64(seed), told: Vec::new(), done: 0 }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.draw.random_range(0..of.len())]
    }

    /// Does something; it may be refused by a rule, and never by anything else.
    async fn step(&mut self, app: &TestApp) {
        let (client, mutation, input) = match self.draw.random_range(0..20) {
            0..=6 => self.mark(app),
            7..=8 => self.call_off(app),
            9..=11 => self.ask(app),
            12..=15 => self.of_a_request(app, "decideLeaveRequest").await,
            16..=17 => self.of_a_request(app, "withdrawLeaveApproval").await,
            18 => self.of_a_request(app, "withdrawLeaveRequest").await,
            _ => self.remove(app).await,
        };
        let refused = errors(&client.change(mutation, &input, "").await);
        self.done += usize::from(refused.is_empty());
        self.told.push(format!("{mutation} {input}: {refused:?}"));
        let known = ["OVERLAPS", "WRONG_STATUS", "NOT_FOUND"];
        assert!(refused.iter().all(|error| known.iter().any(|code| error.ends_with(code))), "{:#?}", self.told);
    }

    fn mark(&mut self, app: &TestApp) -> (Client, &'static str, Value) {
        // Those of whom there is leave are on most sheets; of the others a few are.
        let wanted: Vec<i64> = self.asking.iter().map(|(_, student)| *student).collect();
        let everybody = self.lesson.students.clone();
        let chosen: Vec<i64> = everybody
            .into_iter()
            .filter(|student| self.draw.random_range(0..10) < if wanted.contains(student) { 6 } else { 2 })
            .collect();
        let marks: Vec<(i64, &str)> = chosen.into_iter().map(|student| (student, self.pick(&STATUSES))).collect();
        let date = self.pick(&DAYS);
        let who = self.draw.random_range(0..self.marking.len());
        (self.marking[who].clone(), "markAttendance", self.lesson.sheet(app, date, &marks))
    }

    fn call_off(&mut self, app: &TestApp) -> (Client, &'static str, Value) {
        let date = self.pick(&DAYS);
        let mut input = self.lesson.sheet(app, date, &[]);
        input["held"] = json!(self.draw.random_range(0..3) == 0);
        (self.marking[0].clone(), "markAttendance", input)
    }

    fn ask(&mut self, app: &TestApp) -> (Client, &'static str, Value) {
        let first = self.draw.random_range(0..DAYS.len());
        let last = (first + self.draw.random_range(0..4)).min(DAYS.len() - 1);
        let who = self.draw.random_range(0..self.asking.len());
        let (client, student) = &self.asking[who];
        let student = app.id(Kind::Student, *student);
        let input = json!({"studentId": student, "firstDay": DAYS[first], "lastDay": DAYS[last], "message": "Ill."});
        (client.clone(), "requestLeave", input)
    }

    async fn of_a_request(&mut self, app: &TestApp, mutation: &'static str) -> (Client, &'static str, Value) {
        // Mostly one that it may be done to.
        let fit = match (mutation, self.draw.random_range(0..5)) {
            (_, 0) => "TRUE",
            ("withdrawLeaveApproval", _) => "status = 'APPROVED'",
            _ => "status = 'PENDING'",
        };
        let query = format!("SELECT id FROM leave_requests WHERE {fit} ORDER BY id DESC LIMIT 6");
        let numbers = app.database.numbers(&query).await;
        let number = if numbers.is_empty() { 999_999 } else { self.pick(&numbers) };
        let mut input = json!({"id": app.id(Kind::LeaveRequest, number)});
        if mutation == "decideLeaveRequest" {
            input["decision"] = json!(self.pick(&["APPROVE", "APPROVE", "APPROVE", "REJECT"]));
        }
        let clients = &self.deciding;
        let client = match mutation {
            "withdrawLeaveRequest" => &self.asking[self.draw.random_range(0..self.asking.len())].0,
            _ => &clients[self.draw.random_range(0..clients.len())],
        };
        (client.clone(), mutation, input)
    }

    async fn remove(&mut self, app: &TestApp) -> (Client, &'static str, Value) {
        let date = self.pick(&DAYS);
        let query = format!(
            "SELECT id FROM attendance_sessions WHERE routine_id = {} AND date = '{date}'",
            self.lesson.routine
        );
        let number = app.database.numbers(&query).await.first().copied().unwrap_or(999_999);
        let input = json!({"id": app.id(Kind::AttendanceSession, number), "reason": "By mistake."});
        (self.marking[1].clone(), "deleteAttendanceSession", input)
    }
}

/// What leave did to marks is said of excused marks alone, on days of that very leave, which is approved; and nobody on
/// approved leave is absent or without a mark in a class of theirs that was held, unless somebody marked them by hand.
async fn leave_is_where_it_belongs(app: &TestApp, school: &School) {
    let wrong = "SELECT COUNT(*) FROM attendance_excuses e JOIN attendance_records r ON r.session_id = e.session_id \
         AND r.student_id = e.student_id JOIN leave_requests l ON l.id = e.leave_request_id \
         WHERE r.status <> 'EXCUSED' OR l.status <> 'APPROVED' OR l.student_id <> r.student_id \
         OR r.date NOT BETWEEN l.first_day AND l.last_day";
    assert_eq!(app.number(wrong).await, 0, "{:#?}", school.told);
    let unmarked = "SELECT COUNT(*) FROM leave_requests l JOIN students p ON p.id = l.student_id JOIN routines o \
         ON o.course_id = p.course_id AND o.period = p.current_period JOIN attendance_sessions s ON s.routine_id = o.id \
         AND s.date BETWEEN l.first_day AND l.last_day WHERE l.status = 'APPROVED' AND s.held AND NOT EXISTS \
         (SELECT 1 FROM attendance_records r WHERE r.session_id = s.id AND r.student_id = p.id)";
    assert_eq!(app.number(unmarked).await, 0, "{:#?}", school.told);
    // A correction leads from one mark to another, and the last one to the mark that is there, if nothing took it away.
    let idle = "SELECT COUNT(*) FROM attendance_corrections WHERE from_status = to_status";
    assert_eq!(app.number(idle).await, 0, "{:#?}", school.told);
    let stray = "SELECT COUNT(*) FROM attendance_corrections c JOIN attendance_records r ON r.session_id = c.session_id \
         AND r.student_id = c.student_id WHERE c.to_status <> r.status AND NOT EXISTS (SELECT 1 FROM \
         attendance_corrections later WHERE later.session_id = c.session_id AND later.student_id = c.student_id \
         AND later.id > c.id)";
    assert_eq!(app.number(stray).await, 0, "{:#?}", school.told);
}

async fn live_through(app: &TestApp, seed: u64) {
    let mut school = School::open(app, seed).await;
    let admin = app.sign_in(cast::ADMIN).await;
    for step in 1..=STEPS {
        school.step(app).await;
        leave_is_where_it_belongs(app, &school).await;
        let class = school.lesson.students.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        completion_is_a_recount(app, &format!("p.id IN ({class})"), &format!("{:#?}", school.told)).await;
        if step % LOOK == 0 {
            let when = format!("seed {seed}, after {:#?}", school.told);
            everything_is_counted(app, &admin, &when).await;
            spans_are_counted(app, &admin, &when).await;
            completion_is_a_recount(app, "TRUE", &when).await;
        }
    }
    assert!(school.done > STEPS / 2, "{} of {STEPS} steps did something: {:#?}", school.done, school.told);
}

on_both! {
    async fn whatever_is_done_to_attendance_every_summary_is_a_recount(app: TestApp) {
        live_through(&app, 1).await;
    }

    async fn and_so_it_is_another_time(app: TestApp) {
        live_through(&app, 20_260_320).await;
    }
}
