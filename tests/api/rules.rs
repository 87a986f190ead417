//! The rules of row scope as straight SQL, written from the page that states them and not from the stores.
//!
//! Each rule says for each role which rows of a table `x` it reaches; who holds several roles has the union. A condition
//! may ask the relations of [`RELATIONS`], which are those of one viewer. On the page an HOD and an admission officer have
//! no row of their own where a teacher has: here whoever is staff has their own leave and what they wrote themselves.

use std::collections::{BTreeMap, BTreeSet};

use rollcall::{demo::cast, ids::Kind};

use crate::{
    hard,
    support::{Client, TestApp},
};

/// Somebody who asks: a name for messages, the e-mail, and the roles that they hold.
pub struct Viewer {
    pub name: &'static str,
    pub email: &'static str,
    pub roles: &'static [&'static str],
}

const fn viewer(name: &'static str, email: &'static str, roles: &'static [&'static str]) -> Viewer {
    Viewer { name, email, roles }
}

/// One for each role, some who hold two, a stranger's parent, a teacher whose routine runs no more, an API key, and nobody.
/// Those of [`hard`] are there once its cases are.
pub static VIEWERS: [Viewer; 17] = [
    viewer("ADMIN", cast::ADMIN, &["ADMIN", "SELF"]),
    viewer("HOD", cast::HOD, &["HOD", "SELF"]),
    viewer("HOD_OF_TWO", cast::HOD_OF_TWO, &["HOD", "SELF"]),
    viewer("ADMISSION", cast::ADMISSION, &["ADMISSION", "SELF"]),
    viewer("STAFF", cast::TEACHER, &["STAFF", "SELF"]),
    viewer("TEACHER_WHO_LEFT_CLASS", cast::TEACHER_WHO_LEFT_CLASS, &["STAFF", "SELF"]),
    viewer("STUDENT", cast::STUDENT, &["STUDENT", "SELF"]),
    viewer("PARENT", cast::PARENT, &["PARENT", "SELF"]),
    viewer("PARENT_OF_ONE", cast::PARENT_OF_ONE, &["PARENT", "SELF"]),
    viewer("HOD_TEACHER", cast::HOD_TEACHER, &["HOD", "STAFF", "SELF"]),
    viewer("TEACHER_PARENT", cast::TEACHER_PARENT, &["STAFF", "PARENT", "SELF"]),
    viewer("ADMIN_PARENT", hard::ADMIN_PARENT, &["ADMIN", "PARENT", "SELF"]),
    viewer("ADMISSION_HOD", hard::ADMISSION_HOD, &["HOD", "ADMISSION", "SELF"]),
    viewer("TEACHER_STUDENT", hard::TEACHER_STUDENT, &["STAFF", "STUDENT", "SELF"]),
    viewer("STUDENT_PARENT", hard::STUDENT_PARENT, &["STUDENT", "PARENT", "SELF"]),
    viewer("REPORTING", "", &["REPORTING"]),
    viewer("ANONYMOUS", "", &[]),
];

impl Viewer {
    /// The roles that fields are asked for with where there is no row.
    pub fn held(&self) -> BTreeSet<&'static str> {
        if self.roles.is_empty() { BTreeSet::from(["ANONYMOUS"]) } else { self.roles.iter().copied().collect() }
    }

    /// The roles by which they are called: `HOD+STAFF`.
    pub fn called(&self) -> String {
        let held: Vec<&str> = self.roles.iter().copied().filter(|role| *role != "SELF").collect();
        if held.is_empty() { "ANONYMOUS".to_owned() } else { held.join("+") }
    }

    pub async fn client(&self, app: &TestApp) -> Client {
        match (self.is_person(), self.roles.is_empty()) {
            (true, _) => app.sign_in(self.email).await,
            (false, true) => app.anonymous(),
            (false, false) => app.api_key("AGGREGATES").await,
        }
    }

    /// Whether there is somebody of flesh and blood.
    pub fn is_person(&self) -> bool {
        !self.email.is_empty()
    }
}

/// Which rows of a table each role reaches.
pub struct Rule {
    pub type_name: &'static str,
    pub kind: Kind,
    pub table: &'static str,
    /// The list in the query root; empty where there is none.
    pub list: &'static str,
    /// The arguments that the list takes to show all there is, each with the rows that it shows then.
    pub parts: &'static [(&'static str, &'static str)],
    /// What a row must also be for everybody but an ADMIN.
    pub provided: &'static str,
    /// The role that is held, the role as which the row is reached, and the condition on the row.
    pub arms: &'static [(&'static str, &'static str, &'static str)],
}

/// What a viewer is, heads, teaches and answers for. Who is archived is for an ADMIN alone, and so is what is theirs.
const RELATIONS: &str = "
    me AS (SELECT a.id AS account, f.id AS staff, s.id AS student, p.id AS parent FROM accounts a
        LEFT JOIN staff f ON f.account_id = a.id LEFT JOIN students s ON s.account_id = a.id
        LEFT JOIN parents p ON p.account_id = a.id WHERE a.email = '{email}'),
    headed AS (SELECT id FROM courses WHERE hod_id = (SELECT staff FROM me)),
    headed_teachers AS (SELECT id FROM staff WHERE archived_at IS NULL AND id IN
        (SELECT teacher_id FROM routines WHERE active AND course_id IN (SELECT id FROM headed))),
    slots AS (SELECT * FROM routines WHERE active AND teacher_id = (SELECT staff FROM me)),
    present AS (SELECT * FROM students WHERE archived_at IS NULL),
    headed_students AS (SELECT * FROM present WHERE course_id IN (SELECT id FROM headed)),
    taught AS (SELECT * FROM present s WHERE EXISTS
        (SELECT 1 FROM slots r WHERE r.course_id = s.course_id AND r.period = s.current_period)),
    myself AS (SELECT * FROM present WHERE id = (SELECT student FROM me)),
    children AS (SELECT * FROM present WHERE id IN
        (SELECT student_id FROM parent_students WHERE parent_id = (SELECT parent FROM me)))";

/// The relations of a viewer, for `WITH`.
pub fn relations(viewer: &Viewer) -> String {
    RELATIONS.replace("{email}", viewer.email)
}

const WHOLE: &[(&str, &str)] = &[("", "TRUE")];
const BY_ARCHIVE: &[(&str, &str)] =
    &[("", "x.archived_at IS NULL"), ("filter: {archived: true}", "x.archived_at IS NOT NULL")];
/// The condition of an arm that reaches every row.
pub const ALL: &str = "TRUE";

impl Rule {
    const fn new(
        type_name: &'static str,
        kind: Kind,
        table: &'static str,
        list: &'static str,
        arms: &'static [(&'static str, &'static str, &'static str)],
    ) -> Self {
        Self { type_name, kind, table, list, parts: WHOLE, provided: ALL, arms }
    }

    /// A rule of a table with archived rows: they are for an ADMIN alone.
    const fn archiving(self) -> Self {
        Self { parts: BY_ARCHIVE, provided: "x.archived_at IS NULL", ..self }
    }

    /// Whether any of the viewer's roles is spoken of.
    pub fn speaks_of(&self, viewer: &Viewer) -> bool {
        self.arms.iter().any(|(held, ..)| viewer.roles.contains(held))
    }

    /// A query for the numbers of the rows that a viewer reaches and for which a condition holds.
    pub fn sql(&self, viewer: &Viewer, condition: &str) -> String {
        self.sql_of(viewer, condition, |held, _| viewer.roles.contains(&held))
    }

    /// The same by some of the arms alone, by the roles held and granted.
    pub fn sql_of(&self, viewer: &Viewer, condition: &str, which: impl Fn(&str, &str) -> bool) -> String {
        let any = self.any(which).unwrap_or_else(|| "FALSE".to_owned());
        let (relations, table) = (relations(viewer), self.table);
        format!("WITH {relations} SELECT x.id FROM {table} x WHERE ({any}) AND {condition} ORDER BY x.id")
    }

    /// The condition that one of some arms reaches a row, if there are any.
    pub fn any(&self, which: impl Fn(&str, &str) -> bool) -> Option<String> {
        let arms = self.arms.iter().filter(|(held, granted, _)| which(held, granted));
        let arms: Vec<String> = arms
            .map(|(held, _, arm)| match *held {
                "ADMIN" => format!("({arm})"),
                _ => format!("({arm} AND {})", self.provided),
            })
            .collect();
        (!arms.is_empty()).then(|| arms.join(" OR "))
    }

    /// The numbers of the rows that a viewer reaches.
    pub async fn reached(&self, app: &TestApp, viewer: &Viewer) -> BTreeSet<i64> {
        app.database.numbers(&self.sql(viewer, ALL)).await.into_iter().collect()
    }

    /// The same with the roles as which each row is reached.
    pub async fn granted(&self, app: &TestApp, viewer: &Viewer) -> BTreeMap<i64, BTreeSet<&'static str>> {
        let mut rows: BTreeMap<i64, BTreeSet<&'static str>> = BTreeMap::new();
        let held = self.arms.iter().filter(|(held, ..)| viewer.roles.contains(held));
        for role in held.map(|(_, granted, _)| *granted).collect::<BTreeSet<_>>() {
            let query = self.sql_of(viewer, ALL, |held, granted| granted == role && viewer.roles.contains(&held));
            for row in app.database.numbers(&query).await {
                rows.entry(row).or_default().insert(role);
            }
        }
        rows
    }
}

/// The rule of a type.
pub fn rule(type_name: &str) -> &'static Rule {
    RULES.iter().find(|rule| rule.type_name == type_name).unwrap_or_else(|| panic!("no rule for {type_name}"))
}

#[rustfmt::skip]
pub static RULES: [Rule; 26] = [
    Rule::new("Student", Kind::Student, "students", "students", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "x.id IN (SELECT id FROM headed_students)"),
        ("ADMISSION", "ADMISSION", ALL),
        ("STAFF", "STAFF", "x.id IN (SELECT id FROM taught)"),
        ("STUDENT", "STUDENT", "x.id IN (SELECT id FROM myself)"),
        ("PARENT", "PARENT", "x.id IN (SELECT id FROM children)"),
    ])
    .archiving(),
    Rule::new("Parent", Kind::Parent, "parents", "parents", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "x.id IN (SELECT parent_id FROM parent_students JOIN headed_students s ON s.id = student_id)"),
        ("ADMISSION", "ADMISSION", ALL),
        ("STAFF", "STAFF", "x.id IN (SELECT parent_id FROM parent_students JOIN taught s ON s.id = student_id)"),
        ("STUDENT", "STUDENT", "x.id IN (SELECT parent_id FROM parent_students JOIN myself s ON s.id = student_id)"),
        ("PARENT", "PARENT", "x.id IN (SELECT parent_id FROM parent_students JOIN children s ON s.id = student_id)"),
        ("SELF", "SELF", "x.id = (SELECT parent FROM me)"),
    ])
    .archiving(),
    // The public card of colleagues is for everybody who works there: an HOD has no more of a teacher
    // of others' courses than a teacher has.
    Rule::new("Staff", Kind::Staff, "staff", "staff", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "STAFF", ALL),
        ("HOD", "HOD", "x.id IN (SELECT id FROM headed_teachers)"),
        ("ADMISSION", "ADMISSION", ALL),
        ("STAFF", "STAFF", ALL),
        ("STUDENT", "STUDENT", "x.id IN (SELECT r.teacher_id FROM routines r JOIN myself s ON s.course_id = \
            r.course_id AND s.current_period = r.period WHERE r.active)"),
        ("PARENT", "PARENT", "x.id IN (SELECT r.teacher_id FROM routines r JOIN children s ON s.course_id = \
            r.course_id AND s.current_period = r.period WHERE r.active)"),
        ("SELF", "SELF", "x.id = (SELECT staff FROM me)"),
    ])
    .archiving(),
    Rule::new("Course", Kind::Course, "courses", "courses", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", ALL),
        ("ADMISSION", "ADMISSION", ALL),
        ("STAFF", "STAFF", "x.active"),
        ("STUDENT", "STUDENT", "x.id IN (SELECT course_id FROM myself)"),
        ("PARENT", "PARENT", "x.id IN (SELECT course_id FROM children)"),
        ("REPORTING", "REPORTING", ALL),
    ]),
    Rule::new("Batch", Kind::Batch, "batches", "batches", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", ALL),
        ("ADMISSION", "ADMISSION", ALL),
        ("STAFF", "STAFF", "x.active"),
        ("STUDENT", "STUDENT", "x.id IN (SELECT batch_id FROM batch_students JOIN myself s ON s.id = student_id)"),
        ("PARENT", "PARENT", "x.id IN (SELECT batch_id FROM batch_students JOIN children s ON s.id = student_id)"),
        ("REPORTING", "REPORTING", ALL),
    ]),
    Rule::new("Subject", Kind::Subject, "subjects", "subjects", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", ALL),
        ("ADMISSION", "ADMISSION", ALL),
        ("STAFF", "STAFF", "x.course_id IN (SELECT id FROM courses WHERE active)"),
        ("STUDENT", "STUDENT", "x.course_id IN (SELECT course_id FROM myself)"),
        ("PARENT", "PARENT", "x.course_id IN (SELECT course_id FROM children)"),
        ("REPORTING", "REPORTING", ALL),
    ]),
    Rule {
        parts: &[("", "x.active"), ("filter: {active: false}", "NOT x.active")],
        ..Rule::new("Routine", Kind::Routine, "routines", "routines", &[
            ("ADMIN", "ADMIN", ALL),
            ("HOD", "HOD", "x.course_id IN (SELECT id FROM headed)"),
            ("ADMISSION", "ADMISSION", ALL),
            ("STAFF", "STAFF", "(x.teacher_id = (SELECT staff FROM me) OR x.course_id IN (SELECT course_id FROM slots))"),
            ("STUDENT", "STUDENT", "EXISTS (SELECT 1 FROM myself s WHERE s.course_id = x.course_id AND s.current_period \
                = x.period)"),
            ("PARENT", "PARENT", "EXISTS (SELECT 1 FROM children s WHERE s.course_id = x.course_id AND s.current_period \
                = x.period)"),
        ])
    },
    Rule::new("AttendanceSession", Kind::AttendanceSession, "attendance_sessions", "attendanceSessions", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "x.routine_id IN (SELECT id FROM routines WHERE course_id IN (SELECT id FROM headed))"),
        ("STAFF", "STAFF", "x.routine_id IN (SELECT id FROM routines WHERE teacher_id = (SELECT staff FROM me))"),
        ("STUDENT", "STUDENT", "x.id IN (SELECT session_id FROM attendance_records JOIN myself s ON s.id = \
            student_id)"),
        ("PARENT", "PARENT", "x.id IN (SELECT session_id FROM attendance_records JOIN children s ON s.id = \
            student_id)"),
    ]),
    Rule::new("AttendanceRecord", Kind::AttendanceRecord, "attendance_records", "", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "x.session_id IN (SELECT s.id FROM attendance_sessions s JOIN routines r ON r.id = \
            s.routine_id WHERE r.course_id IN (SELECT id FROM headed))"),
        ("STAFF", "STAFF", "x.session_id IN (SELECT s.id FROM attendance_sessions s JOIN routines r ON r.id = \
            s.routine_id WHERE r.teacher_id = (SELECT staff FROM me))"),
        ("STUDENT", "STUDENT", "x.student_id IN (SELECT id FROM myself)"),
        ("PARENT", "PARENT", "x.student_id IN (SELECT id FROM children)"),
    ]),
    // An HOD may hold meetings (the page of mutations has it), so those are theirs to read.
    Rule::new("Meeting", Kind::Meeting, "meetings", "meetings", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "(x.staff_id IN (SELECT id FROM headed_teachers) OR x.staff_id = (SELECT staff FROM me))"),
        ("STAFF", "STAFF", "x.staff_id = (SELECT staff FROM me)"),
        ("STUDENT", "STUDENT", "x.id IN (SELECT meeting_id FROM meeting_students JOIN myself s ON s.id = student_id)"),
        // What they take part in is theirs where it is about no child of others.
        ("PARENT", "PARENT", "(x.id IN (SELECT meeting_id FROM meeting_students JOIN children s ON s.id = student_id) OR \
            (x.id IN (SELECT meeting_id FROM meeting_parents WHERE parent_id = (SELECT parent FROM me)) AND \
            x.id NOT IN (SELECT meeting_id FROM meeting_students)))"),
    ]),
    Rule::new("LeaveRequest", Kind::LeaveRequest, "leave_requests", "leaveRequests", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "(x.student_id IN (SELECT id FROM headed_students) OR x.staff_id IN (SELECT id FROM \
            headed_teachers))"),
        ("ADMISSION", "ADMISSION", "x.student_id IN (SELECT id FROM present)"),
        ("STAFF", "STAFF", "(x.status = 'APPROVED' AND x.student_id IN (SELECT id FROM taught))"),
        ("STUDENT", "STUDENT", "x.student_id IN (SELECT id FROM myself)"),
        ("PARENT", "PARENT", "x.student_id IN (SELECT id FROM children)"),
        ("SELF", "SELF", "x.staff_id = (SELECT staff FROM me)"),
    ]),
    // An HOD reads of themselves what a teacher does, not who wrote it.
    Rule::new("TeacherFeedback", Kind::TeacherFeedback, "teacher_feedback", "teacherFeedback", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "(x.teacher_id IN (SELECT id FROM headed_teachers) AND x.teacher_id <> (SELECT staff FROM me))"),
        ("STAFF", "STAFF", "x.teacher_id = (SELECT staff FROM me)"),
        ("STUDENT", "STUDENT", "(x.student_id = (SELECT student FROM me) AND x.parent_id IS NULL)"),
        ("PARENT", "PARENT", "x.parent_id = (SELECT parent FROM me)"),
    ]),
    Rule::new("InstituteFeedback", Kind::InstituteFeedback, "institute_feedback", "instituteFeedback", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "x.public"),
        ("ADMISSION", "ADMISSION", "x.public"),
        ("STAFF", "STAFF", "x.public"),
        ("STUDENT", "STUDENT", "x.public"),
        ("PARENT", "PARENT", "x.public"),
        ("SELF", "SELF", "x.account_id = (SELECT account FROM me)"),
    ]),
    // The people of a course are those who head it, teach in it, attend it, and their parents; of a batch, its students,
    // their parents, and who teaches or answers for one of them. What was withdrawn is for an ADMIN alone.
    Rule {
        parts: &[("", "x.withdrawn_at IS NULL"), ("filter: {withdrawn: true}", "x.withdrawn_at IS NOT NULL")],
        provided: "x.withdrawn_at IS NULL",
        ..Rule::new("Notice", Kind::Notice, "notices", "notices", &[
            ("ADMIN", "ADMIN", ALL),
            ("HOD", "HOD", "x.id IN (SELECT notice_id FROM notice_audiences WHERE kind = 'EVERYBODY' OR role = 'HOD' OR \
                course_id IN (SELECT id FROM headed) OR batch_id IN (SELECT batch_id FROM batch_students WHERE \
                student_id IN (SELECT id FROM headed_students)))"),
            ("ADMISSION", "ADMISSION", "x.id IN (SELECT notice_id FROM notice_audiences WHERE kind = 'EVERYBODY' OR \
                role = 'ADMISSION')"),
            ("STAFF", "STAFF", "x.id IN (SELECT notice_id FROM notice_audiences WHERE kind = 'EVERYBODY' OR role = \
                'STAFF' OR course_id IN (SELECT course_id FROM slots) OR batch_id IN (SELECT batch_id FROM \
                batch_students WHERE student_id IN (SELECT id FROM taught)))"),
            ("STUDENT", "STUDENT", "x.id IN (SELECT notice_id FROM notice_audiences WHERE kind = 'EVERYBODY' OR role = \
                'STUDENT' OR course_id IN (SELECT course_id FROM myself) OR batch_id IN (SELECT batch_id FROM \
                batch_students WHERE student_id IN (SELECT id FROM myself)))"),
            ("PARENT", "PARENT", "x.id IN (SELECT notice_id FROM notice_audiences WHERE kind = 'EVERYBODY' OR role = \
                'PARENT' OR course_id IN (SELECT course_id FROM children) OR batch_id IN (SELECT batch_id FROM \
                batch_students WHERE student_id IN (SELECT id FROM children)))"),
            ("SELF", "SELF", "x.published_by = (SELECT staff FROM me)"),
        ])
    },
    Rule::new("CourseTracking", Kind::CourseTracking, "course_trackings", "courseTrackings", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "(x.course_id IN (SELECT id FROM headed) AND x.student_id IN (SELECT id FROM present))"),
        ("ADMISSION", "ADMISSION", "x.student_id IN (SELECT id FROM present)"),
        ("STAFF", "STAFF", "x.student_id IN (SELECT id FROM taught)"),
        ("STUDENT", "STUDENT", "x.student_id IN (SELECT id FROM myself)"),
        ("PARENT", "PARENT", "x.student_id IN (SELECT id FROM children)"),
    ]),
    Rule::new("SubjectProgress", Kind::SubjectProgress, "subject_progress", "", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", "(x.subject_id IN (SELECT id FROM subjects WHERE course_id IN (SELECT id FROM headed)) AND \
            x.student_id IN (SELECT id FROM present))"),
        ("ADMISSION", "ADMISSION", "x.student_id IN (SELECT id FROM present)"),
        ("STAFF", "STAFF", "x.student_id IN (SELECT id FROM taught)"),
        ("STUDENT", "STUDENT", "x.student_id IN (SELECT id FROM myself)"),
        ("PARENT", "PARENT", "x.student_id IN (SELECT id FROM children)"),
    ]),
    // What is handed out in a subject, to those who learn or teach it.
    Rule::new("StudyFile", Kind::StudyFile, "study_files", "", &[
        ("ADMIN", "ADMIN", ALL),
        ("HOD", "HOD", ALL),
        ("STAFF", "STAFF", "x.subject_id IN (SELECT s.id FROM subjects s JOIN courses c ON c.id = s.course_id WHERE \
            c.active)"),
        ("STUDENT", "STUDENT", "x.subject_id IN (SELECT s.id FROM subjects s JOIN myself me ON me.course_id = \
            s.course_id)"),
        ("PARENT", "PARENT", "x.subject_id IN (SELECT s.id FROM subjects s JOIN children c ON c.course_id = \
            s.course_id)"),
    ]),
    Rule::new("AuditEntry", Kind::AuditEntry, "audit_entries", "auditEntries", &[
        ("ADMIN", "ADMIN", ALL),
        ("SELF", "SELF", "x.account_id = (SELECT account FROM me)"),
    ]),
    Rule::new("Account", Kind::Account, "accounts", "", &[
        ("ADMIN", "ADMIN", ALL),
        ("SELF", "SELF", "x.id = (SELECT account FROM me)"),
    ]),
    Rule::new("Session", Kind::Session, "sessions", "", &[
        ("ADMIN", "ADMIN", ALL),
        ("SELF", "SELF", "x.account_id = (SELECT account FROM me)"),
    ]),
    // An inbox is its owner's alone. What is about a student is there as long as the owner reaches that student by any role.
    Rule::new("Notification", Kind::Notification, "notifications", "notifications", &[
        ("ADMIN", "SELF", "x.account_id = (SELECT account FROM me)"),
        ("ADMISSION", "SELF", "x.account_id = (SELECT account FROM me)"),
        ("SELF", "SELF", "(x.account_id = (SELECT account FROM me) AND x.event_id IN (SELECT e.id FROM events e WHERE \
            e.student_id IS NULL OR e.student_id IN (SELECT id FROM headed_students) OR e.student_id IN (SELECT id FROM \
            taught) OR e.student_id IN (SELECT id FROM myself) OR e.student_id IN (SELECT id FROM children)))"),
    ]),
    Rule::new("Device", Kind::Device, "devices", "", &[("SELF", "SELF", "x.account_id = (SELECT account FROM me)")]),
    Rule::new("ApiKey", Kind::ApiKey, "api_keys", "apiKeys", &[("ADMIN", "ADMIN", ALL)]),
    Rule::new("Export", Kind::Export, "exports", "exports", &[
        ("ADMIN", "ADMIN", "x.account_id = (SELECT account FROM me)"),
        ("HOD", "HOD", "(x.account_id = (SELECT account FROM me) AND x.course_id IN (SELECT id FROM headed))"),
    ]),
    Rule::new("Job", Kind::Job, "jobs", "jobs", &[("ADMIN", "ADMIN", ALL)]),
    Rule::new("AccessEntry", Kind::AccessEntry, "access_entries", "accessEntries", &[("ADMIN", "ADMIN", ALL)]),
];
