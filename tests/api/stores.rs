//! Every read of a store keeps to the scope that it is given, whatever numbers it is asked for: also where the API only asks
//! for numbers that were in scope before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use rollcall::{
    attendance::model::{RecordQuery, Span},
    auth::{Role, RoleSet, Scope},
    db::paging::Page,
    dispatch,
    graphql::Row,
    leave::model::{LeaveStatus, Person},
};

use crate::{
    hard::hard_cases,
    rules::{VIEWERS, Viewer, rule},
    support::TestApp,
};

/// What a viewer reads of the stores, asked for all there is.
struct Reader<'a> {
    app: &'a TestApp,
    viewer: &'a Viewer,
    scope: Scope,
    /// By type and number, the roles by which the rule lets the viewer reach a row.
    reached: BTreeMap<&'static str, HashMap<i64, i32>>,
}

const TYPES: [(&str, &str); 26] = [
    ("Student", "students"),
    ("Parent", "parents"),
    ("Staff", "staff"),
    ("Course", "courses"),
    ("Batch", "batches"),
    ("Subject", "subjects"),
    ("Routine", "routines"),
    ("AttendanceSession", "attendance_sessions"),
    ("AttendanceRecord", "attendance_records"),
    ("Meeting", "meetings"),
    ("LeaveRequest", "leave_requests"),
    ("TeacherFeedback", "teacher_feedback"),
    ("InstituteFeedback", "institute_feedback"),
    ("Notice", "notices"),
    ("CourseTracking", "course_trackings"),
    ("SubjectProgress", "subject_progress"),
    ("StudyFile", "study_files"),
    ("Account", "accounts"),
    ("AuditEntry", "audit_entries"),
    ("AccessEntry", "access_entries"),
    ("ApiKey", "api_keys"),
    ("Export", "exports"),
    ("Job", "jobs"),
    ("Session", "sessions"),
    ("Notification", "notifications"),
    ("Device", "devices"),
];

/// More rows than the data has of anything.
const EVERYTHING: Page = Page { limit: 1_000_000, backward: false, descending: false, position: None };

/// Reads with a store's function for a [`Reader`]: `read!(reader, students::by_ids(&ids))`.
macro_rules! read {
    ($reader:expr, $store:ident :: $function:ident ( $($argument:expr),* )) => {{
        let mut cx = $reader.app.api.services().db.read().await.unwrap_or_else(|error| panic!("{}", error.report()));
        let rows = dispatch!(cx, $store::$function(&$reader.scope, $($argument),*));
        rows.unwrap_or_else(|error| panic!("{}::{}: {}", stringify!($store), stringify!($function), error.report()))
    }};
}

mod figures;
mod lists;

impl Reader<'_> {
    async fn all(&self, type_name: &str) -> Vec<i64> {
        let (_, table) = TYPES.iter().find(|(name, _)| *name == type_name).unwrap();
        self.app.database.numbers(&format!("SELECT id FROM {table}")).await
    }

    /// That rows were found which the viewer reaches, and no others.
    #[track_caller]
    fn within(&self, what: &str, type_name: &str, found: impl IntoIterator<Item = i64>) {
        let reached = &self.reached[type_name];
        let strange: Vec<i64> = found.into_iter().filter(|number| !reached.contains_key(number)).take(5).collect();
        assert!(strange.is_empty(), "{} {what}: {type_name} {strange:?} are out of scope", self.viewer.name);
    }

    /// The same, and that each was reached by no other roles than the rule has.
    #[track_caller]
    fn granted<R: Row>(&self, what: &str, type_name: &str, rows: &[(i64, R, i32)]) {
        self.within(what, type_name, rows.iter().map(|(_, row, _)| row.number()));
        for (_, row, granted) in rows {
            self.as_granted(what, type_name, row.number(), *granted);
        }
    }

    /// That what was found is of rows which the viewer reaches, by no other roles than the rule has of those.
    #[track_caller]
    fn granted_of<R>(&self, what: &str, type_name: &str, rows: &[(i64, R, i32)]) {
        self.within(what, type_name, parents(rows));
        for (parent, _, granted) in rows {
            self.as_granted(what, type_name, *parent, *granted);
        }
    }

    #[track_caller]
    fn as_granted(&self, what: &str, type_name: &str, number: i64, granted: i32) {
        let more = RoleSet::from_bits(granted & !self.reached[type_name][&number]);
        let more: Vec<Role> = more.iter().collect();
        assert!(more.is_empty(), "{} {what}: {type_name} {number} was reached as {more:?} too", self.viewer.name);
    }
}

/// Roles by name, as a store selects them.
fn bits(roles: &BTreeSet<&str>) -> i32 {
    roles.iter().map(|name| name.parse::<Role>().unwrap().bit()).sum()
}

/// The numbers of the parents of what was found.
fn parents<A, B>(rows: &[(i64, A, B)]) -> BTreeSet<i64> {
    rows.iter().map(|row| row.0).collect()
}

fn numbers<A>(rows: &[(i64, A)]) -> BTreeSet<i64> {
    rows.iter().map(|row| row.0).collect()
}

async fn people(reader: &Reader<'_>) {
    let (students, guardians, staff) =
        (reader.all("Student").await, reader.all("Parent").await, reader.all("Staff").await);
    let accounts = reader.app.database.numbers("SELECT id FROM accounts").await;
    let (batches, courses, meetings) =
        (reader.all("Batch").await, reader.all("Course").await, reader.all("Meeting").await);

    reader.within(
        "students::contacts",
        "Student",
        read!(reader, students::contacts(&students)).iter().map(|row| row.0),
    );
    reader.within("parents::contacts", "Parent", read!(reader, parents::contacts(&guardians)).iter().map(|row| row.0));
    let identities = read!(reader, openid::of_accounts(&accounts, &EVERYTHING));
    reader.granted_of("openid::of_accounts", "Account", &identities);
    reader.within("staff::accounts", "Staff", numbers(&read!(reader, staff::accounts(&staff))));
    reader.within("staff::roles", "Staff", numbers(&read!(reader, staff::roles(&staff))));

    let of_parents = read!(reader, students::of_parents(&guardians, &EVERYTHING));
    reader.granted("students::of_parents", "Student", &of_parents);
    counted("students::count_of_parents", &of_parents, &read!(reader, students::count_of_parents(&guardians)));
    let of_batches = read!(reader, students::of_batches(&batches, &EVERYTHING));
    reader.granted("students::of_batches", "Student", &of_batches);
    counted("students::count_of_batches", &of_batches, &read!(reader, students::count_of_batches(&batches)));
    let of_courses = read!(reader, students::of_courses(&courses, &EVERYTHING));
    reader.granted("students::of_courses", "Student", &of_courses);
    counted("students::count_of_courses", &of_courses, &read!(reader, students::count_of_courses(&courses)));
    reader.granted("students::of_meetings", "Student", &read!(reader, students::of_meetings(&meetings, &EVERYTHING)));
    for course in &courses {
        let class = read!(reader, students::of_class((*course, 1)));
        for (row, granted) in class {
            reader.within("students::of_class", "Student", [row.id]);
            reader.as_granted("students::of_class", "Student", row.id, granted);
        }
    }
    reader.granted("parents::of_students", "Parent", &read!(reader, parents::of_students(&students, &EVERYTHING)));
    reader.granted("parents::of_meetings", "Parent", &read!(reader, parents::of_meetings(&meetings, &EVERYTHING)));
    let subjects = reader.all("Subject").await;
    reader.granted("staff::of_subjects", "Staff", &read!(reader, staff::of_subjects(&subjects, &EVERYTHING)));
    for (row, granted) in read!(reader, staff::by_accounts(&accounts)) {
        reader.within("staff::by_accounts", "Staff", [row.id]);
        reader.as_granted("staff::by_accounts", "Staff", row.id, granted);
    }

    let owners = |table: &str| format!("SELECT account_id FROM {table}");
    for (table, type_name, names) in [
        ("students", "Student", read!(reader, students::names_of_accounts(&accounts))),
        ("parents", "Parent", read!(reader, parents::names_of_accounts(&accounts))),
        ("staff", "Staff", read!(reader, staff::names_of_accounts(&accounts))),
    ] {
        let ids = reader.app.database.numbers(&format!("SELECT id FROM {table} ORDER BY id")).await;
        let of_accounts = reader.app.database.numbers(&format!("{} ORDER BY id", owners(table))).await;
        let by_account: BTreeMap<i64, i64> = of_accounts.into_iter().zip(ids).collect();
        reader.within("names_of_accounts", type_name, names.iter().map(|(account, _)| by_account[account]));
    }
}

/// That a count is of the rows that are listed.
#[track_caller]
fn counted<R>(what: &str, rows: &[(i64, R, i32)], counts: &[(i64, i64)]) {
    let mut listed: BTreeMap<i64, i64> = BTreeMap::new();
    for (parent, ..) in rows {
        *listed.entry(*parent).or_default() += 1;
    }
    assert_eq!(counts.iter().copied().collect::<BTreeMap<i64, i64>>(), listed, "{what}");
}

async fn academics(reader: &Reader<'_>) {
    let (students, staff) = (reader.all("Student").await, reader.all("Staff").await);
    let (courses, batches, subjects) =
        (reader.all("Course").await, reader.all("Batch").await, reader.all("Subject").await);
    reader.granted("batches::of_students", "Batch", &read!(reader, batches::of_students(&students, &EVERYTHING)));
    reader.granted("batches::of_courses", "Batch", &read!(reader, batches::of_courses(&courses, &EVERYTHING)));
    reader.granted("courses::of_heads", "Course", &read!(reader, courses::of_heads(&staff, &EVERYTHING)));
    reader.granted("courses::of_batches", "Course", &read!(reader, courses::of_batches(&batches, &EVERYTHING)));
    reader.granted(
        "subjects::of_courses",
        "Subject",
        &read!(reader, subjects::of_courses(&courses, None, &EVERYTHING)),
    );
    reader.granted("subjects::of_teachers", "Subject", &read!(reader, subjects::of_teachers(&staff, &EVERYTHING)));
    let files = read!(reader, subjects::files_of_subjects(&subjects, &EVERYTHING));
    reader.within("subjects::files_of_subjects", "Subject", parents(&files));
    reader.granted("subjects::files_of_subjects", "StudyFile", &files);
    reader.granted(
        "routines::of_courses",
        "Routine",
        &read!(reader, routines::of_courses(&courses, None, &EVERYTHING)),
    );
    reader.granted("routines::of_teachers", "Routine", &read!(reader, routines::of_teachers(&staff, &EVERYTHING)));
    for (row, granted) in read!(reader, routines::of_classes(&students, 1_000_000)) {
        reader.within("routines::of_classes", "Routine", [row.id]);
        reader.as_granted("routines::of_classes", "Routine", row.id, granted);
    }
    let trackings = read!(reader, progress::trackings_of_students(&students, &EVERYTHING));
    reader.granted("progress::trackings_of_students", "CourseTracking", &trackings);
    let progress = read!(reader, progress::subjects_of_students(&students, &EVERYTHING));
    reader.granted("progress::subjects_of_students", "SubjectProgress", &progress);
    let answered_for = ["ADMIN", "HOD", "REPORTING"].iter().any(|role| reader.viewer.roles.contains(role));
    let figures = read!(reader, progress::figures(&courses));
    assert!(answered_for || figures.is_empty(), "{}: progress::figures", reader.viewer.name);
    let mine: BTreeSet<i64> = trackings.iter().map(|(_, row, _)| row.course_id).collect();
    // Sums are all that a key for reports reaches.
    let sums_alone = reader.viewer.roles == ["REPORTING"];
    let within = figures.iter().all(|(course, _)| mine.contains(course));
    assert!(sums_alone || within, "{}: progress::figures", reader.viewer.name);
}

async fn attendance(reader: &Reader<'_>) {
    let (students, routines) = (reader.all("Student").await, reader.all("Routine").await);
    let (sessions, records) = (reader.all("AttendanceSession").await, reader.all("AttendanceRecord").await);
    let day = |text: &str| text.parse().unwrap();
    let (query, span) = (RecordQuery::default(), Span { from: day("2026-03-01"), to: day("2026-03-20") });

    let of_routines = read!(reader, attendance::of_routines(&routines, &EVERYTHING));
    reader.granted("attendance::of_routines", "AttendanceSession", &of_routines);
    counted("attendance::count_of_routines", &of_routines, &read!(reader, attendance::count_of_routines(&routines)));
    let of_sessions = read!(reader, attendance::records_of_sessions(&sessions, &EVERYTHING));
    reader.granted("attendance::records_of_sessions", "AttendanceRecord", &of_sessions);
    counted("attendance::count_of_sessions", &of_sessions, &read!(reader, attendance::count_of_sessions(&sessions)));
    let of_students = read!(reader, attendance::records_of_students(&students, query, &EVERYTHING));
    reader.granted("attendance::records_of_students", "AttendanceRecord", &of_students);
    let counts = read!(reader, attendance_counts::count_of_students(&students, query));
    counted("attendance_counts::count_of_students", &of_students, &counts);
    let corrections = read!(reader, attendance::corrections_of_records(&records, &EVERYTHING));
    reader.granted_of("attendance::corrections_of_records", "AttendanceRecord", &corrections);

    for (routine, date) in
        [(routines[0], day("2026-03-18")), (routines[1], day("2026-03-19")), (routines[2], day("2026-03-17"))]
    {
        let session = read!(reader, attendance::of_day(routine, date));
        if let Some((row, granted)) = session {
            reader.within("attendance::of_day", "AttendanceSession", [row.id]);
            reader.as_granted("attendance::of_day", "AttendanceSession", row.id, granted);
        }
    }
    for session in sessions.iter().step_by(40) {
        let marks = read!(reader, attendance::marks_of_session(*session));
        let listed = of_sessions.iter().filter(|(parent, ..)| parent == session).count();
        assert_eq!(marks.len(), listed, "{}: attendance::marks_of_session", reader.viewer.name);
    }
    let listed: BTreeSet<i64> = parents(&of_sessions);
    let counted = read!(reader, attendance_counts::of_sessions(&sessions));
    assert!(parents(&counted).is_subset(&listed), "{}: attendance_counts::of_sessions", reader.viewer.name);
    let spans = read!(reader, attendance_counts::span(&students, None, span));
    assert!(parents(&spans).is_subset(&parents(&of_students)), "{}: attendance_counts::span", reader.viewer.name);
    for subject in [None, Some(1)] {
        let totals = read!(reader, attendance_counts::lifetime(&students, subject));
        reader.within("attendance_counts::lifetime", "Student", numbers(&totals));
    }
    let by_subject = read!(reader, attendance_counts::by_subject(&students, &EVERYTHING));
    reader.granted_of("attendance_counts::by_subject", "Student", &by_subject);
    reader.within("attendance_counts::by_subject", "Subject", by_subject.iter().map(|(_, row, _)| row.subject_id));
    let by_month = read!(reader, attendance_counts::by_month(&students, &EVERYTHING));
    reader.granted_of("attendance_counts::by_month", "Student", &by_month);
}

async fn school_life(reader: &Reader<'_>) {
    let (students, guardians, staff) =
        (reader.all("Student").await, reader.all("Parent").await, reader.all("Staff").await);
    let of_students = read!(reader, meetings::of_students(&students, &EVERYTHING));
    reader.granted("meetings::of_students", "Meeting", &of_students);
    counted("meetings::count_of_students", &of_students, &read!(reader, meetings::count_of_students(&students)));
    let of_parents = read!(reader, meetings::of_parents(&guardians, &EVERYTHING));
    reader.granted("meetings::of_parents", "Meeting", &of_parents);
    counted("meetings::count_of_parents", &of_parents, &read!(reader, meetings::count_of_parents(&guardians)));
    let of_staff = read!(reader, meetings::of_staff(&staff, &EVERYTHING));
    reader.granted("meetings::of_staff", "Meeting", &of_staff);
    counted("meetings::count_of_staff", &of_staff, &read!(reader, meetings::count_of_staff(&staff)));

    let of_students = read!(reader, leave::of_students(&students, &EVERYTHING));
    reader.granted("leave::of_students", "LeaveRequest", &of_students);
    counted("leave::count_of_students", &of_students, &read!(reader, leave::count_of_students(&students)));
    let of_staff = read!(reader, leave::of_staff(&staff, &EVERYTHING));
    reader.granted("leave::of_staff", "LeaveRequest", &of_staff);
    counted("leave::count_of_staff", &of_staff, &read!(reader, leave::count_of_staff(&staff)));
    for day in
        reader.app.database.texts("SELECT DISTINCT first_day || '' FROM leave_requests WHERE status = 'APPROVED'").await
    {
        let approved = read!(reader, leave::approved_on(&students, day.parse().unwrap()));
        reader.granted("leave::approved_on", "LeaveRequest", &approved);
    }
    let who_asked = |column: &str| format!("SELECT DISTINCT {column} FROM leave_requests WHERE {column} IS NOT NULL");
    let students_asked = reader.app.database.numbers(&who_asked("student_id")).await.into_iter().map(Person::Student);
    let staff_asked = reader.app.database.numbers(&who_asked("staff_id")).await.into_iter().map(Person::Staff);
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let (days, statuses) = ((day("2000-01-01"), day("2100-01-01")), [LeaveStatus::Pending, LeaveStatus::Approved]);
    for person in students_asked.chain(staff_asked) {
        let shared = read!(reader, leave::overlapping(person, days, &statuses));
        reader.within("leave::overlapping", "LeaveRequest", shared.iter().map(|row| row.id));
    }

    let teachers = "SELECT MIN(r.teacher_id) || ' ' || s.id FROM routines r JOIN students s ON s.course_id = r.course_id \
        AND s.current_period = r.period WHERE r.active GROUP BY s.id ORDER BY s.id";
    for pair in reader.app.database.texts(teachers).await.iter().step_by(5) {
        let (teacher, student) = pair.split_once(' ').unwrap();
        let (teacher, student) = (teacher.parse().unwrap(), student.parse().unwrap());
        if read!(reader, staff::teaches(teacher, student)) {
            reader.within("staff::teaches", "Student", [student]);
        }
    }

    let of_teachers = read!(reader, feedback::of_teachers(&staff, &EVERYTHING));
    reader.granted("feedback::of_teachers", "TeacherFeedback", &of_teachers);
    let ratings =
        read!(reader, feedback::ratings(&staff)).into_iter().map(|(teacher, ratings)| (teacher, ratings.count));
    counted("feedback::ratings", &of_teachers, &ratings.collect::<Vec<_>>());
    let of_students = read!(reader, feedback::of_students(&students, &EVERYTHING));
    reader.granted("feedback::of_students", "TeacherFeedback", &of_students);
    counted("feedback::count_of_students", &of_students, &read!(reader, feedback::count_of_students(&students)));
    let of_parents = read!(reader, feedback::of_parents(&guardians, &EVERYTHING));
    reader.granted("feedback::of_parents", "TeacherFeedback", &of_parents);
    counted("feedback::count_of_parents", &of_parents, &read!(reader, feedback::count_of_parents(&guardians)));
    let as_staff_alone = |rows: &[(i64, rollcall::feedback::model::TeacherFeedbackRow, i32)]| {
        rows.iter().any(|(.., granted)| *granted == Role::Staff.bit())
    };
    assert!(
        !as_staff_alone(&of_students) && !as_staff_alone(&of_parents),
        "{}: by way of the author",
        reader.viewer.name
    );

    let notices = reader.all("Notice").await;
    let audiences = read!(reader, notices::audiences(&notices, &EVERYTHING));
    reader.granted_of("notices::audiences", "Notice", &audiences);
    let reads = read!(reader, notices::reads(&notices));
    let account = reader.scope.account();
    let own = format!("SELECT notice_id FROM notice_reads WHERE account_id = {account}");
    let own: BTreeSet<i64> = reader.app.database.numbers(&own).await.into_iter().collect();
    assert!(numbers(&reads).is_subset(&own), "{}: notices::reads", reader.viewer.name);
}

on_both! {
    async fn every_read_of_a_store_keeps_to_its_scope(app: TestApp) {
        hard_cases(&app).await;
        let mut scopes = Vec::new();
        for viewer in VIEWERS.iter().filter(|viewer| !viewer.roles.is_empty()) {
            let token = viewer.client(&app).await.token.unwrap();
            let signed_in = app.api.services().viewer(&token).await.unwrap_or_else(|error| panic!("{}", error.report())).unwrap();
            scopes.push((viewer, signed_in.scope()));
        }
        // Only now: to make a key is to be written down.
        let mut readers = Vec::new();
        for (viewer, scope) in scopes {
            let mut reached = BTreeMap::new();
            for (type_name, _) in TYPES {
                let granted = rule(type_name).granted(&app, viewer).await.into_iter();
                reached.insert(type_name, granted.map(|(number, roles)| (number, bits(&roles))).collect());
            }
            readers.push(Reader { app: &app, viewer, scope, reached });
        }
        for reader in &readers {
            lists::all(reader).await;
        }
        figures::all(&readers).await;
        for reader in &readers {
            people(reader).await;
            academics(reader).await;
            school_life(reader).await;
        }
        for reader in &readers {
            attendance(reader).await;
        }
    }
}
