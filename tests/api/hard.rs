//! Rows that are hard to keep apart, for the tests of scopes.

use rollcall::demo::cast;

use crate::{
    rules::VIEWERS,
    support::{TestApp, of},
};

/// An ADMIN with a child at the institute.
pub const ADMIN_PARENT: &str = "admin.parent@example.org";
/// An admission officer who also heads a course, of five students.
pub const ADMISSION_HOD: &str = "admission.hod@example.org";
/// A student of the third course who also teaches, in the second.
pub const TEACHER_STUDENT: &str = "teacher.student@example.org";
/// A student of the third course with a child in the second.
pub const STUDENT_PARENT: &str = "student.parent@example.org";

/// Adds what the demonstration data has none of, and what only one reading of a rule allows: archived people, a student
/// without a course, a file of a course that is not offered, a class held by a routine that runs no more, and one of another
/// course that was attended, an HOD who teaches in a course they head and is rated there, an HOD with a meeting, leave and
/// feedback of their own, a parent in a meeting about a child of others and in one about no child, notices that were
/// withdrawn and one for a course that a teacher left, API keys that are not in force; those who are two things at once; and
/// an entry in the audit log and in the access log by everybody who asks, an identity and a device of theirs, and notifications of
/// a notice and of a student whom they may reach or not.
pub async fn hard_cases(app: &TestApp) {
    let of = |table: &str, email: &str| format!("({})", of(table, email));
    let (student, child, hod, both) = (
        of("students", cast::STUDENT),
        of("students", cast::ONLY_CHILD),
        of("staff", cast::HOD),
        of("staff", cast::HOD_TEACHER),
    );
    let parent = of("parents", cast::PARENT);
    let class = format!(
        "(SELECT s.id FROM students s JOIN students me ON me.course_id = s.course_id AND me.current_period = s.current_period \
         WHERE me.id = {student} AND s.id NOT IN ({student}, {child}))"
    );
    let away =
        format!("(SELECT MIN(student_id) FROM leave_requests WHERE status = 'APPROVED' AND student_id IN {class})");
    let kin = format!("(SELECT parent_id FROM parent_students WHERE student_id IN ({student}, {child}))");
    let second = "(SELECT id FROM courses WHERE code = 'CMP')";
    let statements = [
        "UPDATE batches SET active = FALSE WHERE id = (SELECT MAX(id) FROM batches)".to_owned(),
        "INSERT INTO study_files (subject_id, title, file_url, uploaded_at) SELECT MIN(id), 'Draft', 'https://files.example.org/x', \
         '2026-03-01 08:00:00' FROM subjects WHERE course_id IN (SELECT id FROM courses WHERE NOT active)"
            .to_owned(),
        "UPDATE staff SET archived_at = '2026-03-19 08:00:00' WHERE id = (SELECT MAX(id) FROM staff)".to_owned(),
        format!(
            "UPDATE parents SET archived_at = '2026-03-19 08:00:00' WHERE id = (SELECT MAX(parent_id) FROM parent_students \
             WHERE student_id IN {class} AND parent_id NOT IN {kin})"
        ),
        format!(
            "INSERT INTO meetings (staff_id, starts_at, ends_at, created_at) \
             VALUES ({hod}, '2026-03-25 04:00:00', '2026-03-25 04:30:00', '2026-03-10 04:00:00')"
        ),
        format!("INSERT INTO meeting_students (meeting_id, student_id) SELECT MAX(id), {away} FROM meetings"),
        format!("INSERT INTO meeting_parents SELECT MAX(id), {parent}, '2026-03-25 04:00:00', '2026-03-25 04:30:00', TRUE FROM meetings"),
        format!(
            "INSERT INTO meetings (staff_id, starts_at, ends_at, created_at) \
             VALUES ({hod}, '2026-03-26 04:00:00', '2026-03-26 04:30:00', '2026-03-10 04:00:00')"
        ),
        format!("INSERT INTO meeting_parents SELECT MAX(id), {parent}, '2026-03-26 04:00:00', '2026-03-26 04:30:00', TRUE FROM meetings"),
        format!("UPDATE students SET archived_at = '2026-03-19 08:00:00' WHERE id = {away}"),
        format!(
            "UPDATE students SET course_id = NULL, current_period = NULL WHERE id = (SELECT MIN(id) FROM students \
             WHERE course_id = (SELECT id FROM courses WHERE code = 'DSN') AND archived_at IS NULL AND id NOT IN \
             (SELECT student_id FROM parent_students WHERE parent_id = {}))",
            of("parents", cast::TEACHER_PARENT)
        ),
        "INSERT INTO attendance_sessions (routine_id, subject_id, date, teacher_id, marked_at) \
         SELECT id, subject_id, '2026-03-16', teacher_id, '2026-03-16 12:00:00' FROM routines WHERE NOT active"
            .to_owned(),
        format!(
            "INSERT INTO attendance_records (session_id, student_id, status, date, subject_id, held) \
             SELECT s.id, {student}, 'LATE', s.date, s.subject_id, s.held FROM attendance_sessions s \
             WHERE s.routine_id IN (SELECT id FROM routines WHERE NOT active)"
        ),
        format!(
            "INSERT INTO attendance_records (session_id, student_id, status, date, subject_id, held) \
             SELECT s.id, {student}, 'PRESENT', s.date, s.subject_id, s.held FROM attendance_sessions s WHERE s.id = (SELECT MIN(o.id) \
             FROM attendance_sessions o JOIN routines r ON r.id = o.routine_id WHERE r.course_id = {second} AND o.held)"
        ),
        format!(
            "INSERT INTO routines (course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at) \
             SELECT course_id, period, id, {both}, 1, '05:00:00', '05:50:00' FROM subjects WHERE id = (SELECT MIN(id) \
             FROM subjects WHERE course_id = {second})"
        ),
        format!(
            "INSERT INTO teacher_feedback (teacher_id, student_id, half_stars, created_at, updated_at) SELECT {both}, MIN(id), \
             3, '2026-03-18 09:00:00', '2026-03-18 09:00:00' FROM students WHERE course_id = {second}"
        ),
        format!(
            "INSERT INTO leave_requests (staff_id, requested_by, first_day, last_day, message, created_at) \
             SELECT id, account_id, '2026-04-01', '2026-04-02', 'A wedding.', '2026-03-18 09:00:00' FROM staff \
             WHERE id IN ({hod}, {})",
            of("staff", cast::ADMISSION)
        ),
        "UPDATE notices SET withdrawn_at = '2026-03-19 08:00:00' WHERE id IN (SELECT MIN(notice_id) FROM notice_audiences \
         GROUP BY kind)"
            .to_owned(),
        format!(
            "INSERT INTO institute_feedback (account_id, type, half_stars, anonymous, public, created_at, updated_at) \
             SELECT account_id, 'FACILITIES', 4, TRUE, FALSE, '2026-03-18 09:00:00', '2026-03-18 09:00:00' FROM staff \
             WHERE id = {hod}"
        ),
        "UPDATE api_keys SET revoked_at = '2026-03-20 12:00:00' WHERE id = (SELECT MIN(id) FROM api_keys)".to_owned(),
        "UPDATE api_keys SET created_at = '2026-03-01 12:00:00', expires_at = '2026-03-02 12:00:00' \
         WHERE id = (SELECT MAX(id) FROM api_keys)"
            .to_owned(),
        jobs("PENDING", 2),
        jobs("DONE", 2),
        jobs("DEAD", 3),
    ];
    for scope in ["AGGREGATES", "ADMIN_READ", "ADMISSION_READ"] {
        app.api_key(scope).await;
    }
    // Besides the administrator, who has made the keys, somebody is signed in.
    app.sign_in(cast::PARENT).await;
    let statements = statements.into_iter().chain(people_of_two_roles()).chain(life_of_two_roles());
    for statement in statements.chain(course_that_a_teacher_left()).chain(entries()) {
        app.database.execute(&statement).await;
    }
}

/// Those who are two things at once.
fn people_of_two_roles() -> Vec<String> {
    const NOW: &str = "'2026-03-01 08:00:00'";
    let account = |email: &str, n: i32| {
        format!(
            "INSERT INTO accounts (email, phone, password_hash, created_at) SELECT '{email}', '+99915550000{n}', password_hash, \
             {NOW} FROM accounts WHERE email = '{}'",
            cast::ADMIN
        )
    };
    let person = |table: &str, email: &str| {
        format!(
            "INSERT INTO {table} (account_id, name, created_at) SELECT id, 'Somebody Twofold', {NOW} FROM accounts WHERE email = '{email}'"
        )
    };
    let course = |code: &str| format!("(SELECT id FROM courses WHERE code = '{code}')");
    let of_course = |code: &str| format!("SELECT MIN(id) AS id FROM students WHERE course_id = {}", course(code));
    let role = |email: &str, role: &str| {
        format!("INSERT INTO staff_roles (staff_id, role) SELECT id, '{role}' FROM ({}) AS x", of("staff", email))
    };
    let child = |email: &str| {
        format!(
            "INSERT INTO parent_students (parent_id, student_id) SELECT p.id, s.id FROM ({}) AS p, ({} AND archived_at IS NULL \
             AND id NOT IN (SELECT student_id FROM parent_students WHERE parent_id = ({}))) AS s",
            of("parents", email),
            of_course("CMP"),
            of("parents", cast::PARENT)
        )
    };
    let enrolled = |email: &str| {
        format!(
            "UPDATE students SET course_id = {0}, current_period = 1 WHERE id = ({1})",
            course("DSN"),
            of("students", email)
        )
    };
    let mut statements = Vec::new();
    for (n, email) in (1..).zip([ADMIN_PARENT, ADMISSION_HOD, TEACHER_STUDENT, STUDENT_PARENT]) {
        statements.push(account(email, n));
    }
    statements.extend([ADMIN_PARENT, ADMISSION_HOD, TEACHER_STUDENT].map(|email| person("staff", email)));
    statements.extend([TEACHER_STUDENT, STUDENT_PARENT].map(|email| person("students", email)));
    statements.extend([TEACHER_STUDENT, STUDENT_PARENT].map(enrolled));
    statements.extend([ADMIN_PARENT, STUDENT_PARENT].map(|email| person("parents", email)));
    statements.extend([ADMIN_PARENT, STUDENT_PARENT].map(child));
    statements.extend([
        role(ADMIN_PARENT, "ADMIN"),
        role(ADMISSION_HOD, "ADMISSION"),
        role(ADMISSION_HOD, "HOD"),
        role(TEACHER_STUDENT, "TEACHER"),
        format!(
            "INSERT INTO courses (code, name, duration_years, duration_type, hod_id) SELECT 'NEW', 'Newly founded', 1, 'YEAR', id \
             FROM ({}) AS x",
            of("staff", ADMISSION_HOD)
        ),
        format!(
            "UPDATE students SET course_id = {}, current_period = 1 WHERE id IN (SELECT id FROM students WHERE course_id = {} \
             AND archived_at IS NULL ORDER BY id DESC LIMIT 5 OFFSET 2)",
            course("NEW"),
            course("DSN")
        ),
        format!(
            "INSERT INTO course_trackings (student_id, course_id, enrolled_on, started_on, expected_end, status, current_period, \
             period_started_on, period_ends_on) SELECT id, course_id, '2026-01-05', '2026-01-05', '2027-01-04', 'IN_PROGRESS', 1, \
             '2026-01-05', '2027-01-04' FROM students WHERE course_id = {}",
            course("NEW")
        ),
        format!(
            "INSERT INTO routines (course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at) \
             SELECT course_id, period, id, ({}), 1, '06:00:00', '06:50:00' FROM subjects WHERE id = (SELECT MIN(id) \
             FROM subjects WHERE course_id = {})",
            of("staff", TEACHER_STUDENT),
            course("CMP")
        ),
    ]);
    statements
}

/// What goes on around those who are two things at once: a class in the course that the one heads and the other teaches in,
/// marked and corrected; meetings, leave and feedback.
fn life_of_two_roles() -> Vec<String> {
    let course = "(SELECT id FROM courses WHERE code = 'NEW')";
    let (head, teacher) = (of("staff", ADMISSION_HOD), of("staff", TEACHER_STUDENT));
    let (student, parent) = (of("students", STUDENT_PARENT), of("parents", STUDENT_PARENT));
    let meeting = |staff: &str, day: u8| {
        format!(
            "INSERT INTO meetings (staff_id, starts_at, ends_at, created_at) \
             SELECT id, '2026-03-{day} 04:00:00', '2026-03-{day} 04:30:00', '2026-03-10 04:00:00' FROM ({staff}) AS x"
        )
    };
    vec![
        format!(
            "INSERT INTO subjects (course_id, period, code, name) SELECT id, 1, 'NEW101', 'Beginnings' FROM courses WHERE id = {course}"
        ),
        format!(
            "INSERT INTO routines (course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at) \
             SELECT course_id, period, id, ({teacher}), 1, '07:00:00', '07:50:00' FROM subjects WHERE course_id = {course}"
        ),
        format!(
            "INSERT INTO attendance_sessions (routine_id, subject_id, date, teacher_id, marked_at) \
             SELECT id, subject_id, '2026-03-16', teacher_id, '2026-03-16 12:00:00' FROM routines WHERE course_id = {course}"
        ),
        format!(
            "INSERT INTO attendance_records (session_id, student_id, status, date, subject_id, held) \
             SELECT s.id, x.id, 'LATE', s.date, s.subject_id, s.held FROM attendance_sessions s \
             JOIN routines r ON r.id = s.routine_id JOIN students x ON x.course_id = r.course_id WHERE r.course_id = {course}"
        ),
        format!(
            "INSERT INTO attendance_corrections (session_id, student_id, from_status, to_status, reason, corrected_by, corrected_at) \
             SELECT r.session_id, r.student_id, 'ABSENT', 'LATE', 'They came.', t.account_id, '2026-03-16 13:00:00' \
             FROM attendance_records r JOIN subjects s ON s.id = r.subject_id JOIN staff t ON t.id = ({teacher}) WHERE s.course_id = {course}"
        ),
        meeting(&teacher, 25),
        meeting(&head, 27),
        format!("INSERT INTO meeting_students (meeting_id, student_id) SELECT MAX(id), ({student}) FROM meetings"),
        format!(
            "INSERT INTO meeting_parents SELECT MAX(id), ({parent}), '2026-03-27 04:00:00', '2026-03-27 04:30:00', TRUE FROM meetings"
        ),
        format!(
            "INSERT INTO teacher_feedback (teacher_id, student_id, half_stars, created_at, updated_at) \
             VALUES (({teacher}), ({student}), 7, '2026-03-18 09:00:00', '2026-03-18 09:00:00')"
        ),
        format!(
            "INSERT INTO leave_requests (student_id, requested_by, first_day, last_day, message, created_at) \
             SELECT id, account_id, '2026-04-01', '2026-04-02', 'A wedding.', '2026-03-18 09:00:00' FROM students WHERE id = ({student})"
        ),
    ]
}

/// A course in which a teacher gives lessons no more, and a notice for it.
fn course_that_a_teacher_left() -> [String; 3] {
    let teacher = of("staff", cast::TEACHER);
    [
        format!(
            "INSERT INTO routines (course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at, active) \
             SELECT course_id, period, id, ({teacher}), 1, '06:00:00', '06:50:00', FALSE FROM subjects WHERE id = (SELECT MIN(id) \
             FROM subjects WHERE course_id NOT IN (SELECT course_id FROM routines WHERE teacher_id = ({teacher})))"
        ),
        "INSERT INTO notices (title, message, published_at) VALUES ('Of a course', 'For who is in it.', '2026-03-18 09:00:00')"
            .to_owned(),
        "INSERT INTO notice_audiences (notice_id, kind, course_id) SELECT (SELECT MAX(id) FROM notices), 'COURSE', course_id \
         FROM routines WHERE id = (SELECT MAX(id) FROM routines)"
            .to_owned(),
    ]
}

/// What is of everybody who asks: that they once edited a student and read of another, whom they may reach or not; that keys read; and that
/// everybody once signed in with a provider.
fn entries() -> Vec<String> {
    let emails: Vec<String> = VIEWERS.iter().map(|viewer| format!("'{}'", viewer.email)).collect();
    let by = format!("FROM accounts WHERE email IN ({})", emails.join(", "));
    let student = of("students", cast::ONLY_CHILD);
    vec![
        format!(
            "INSERT INTO audit_entries (at, account_id, action, subject_type, subject_id, before, after, request_id) \
             SELECT '2026-03-18 09:00:00', id, 'editStudent', 'Student', ({student}), '{{\"name\":\"A\"}}', \
             '{{\"name\":\"B\"}}', 'r' {by}"
        ),
        format!(
            "INSERT INTO audit_entries (at, action, subject_type, subject_id, before, after, request_id) \
             VALUES ('2026-03-18 08:00:00', 'accounts reset', 'Student', ({student}), NULL, NULL, 'r')"
        ),
        format!(
            "INSERT INTO access_entries (at, account_id, outcome, type_name, field_name, row_count, request_id) \
             SELECT '2026-03-18 09:00:00', id, 'READ', 'Student', 'citizenshipNumber', 1, 'r' {by}"
        ),
        "INSERT INTO access_entries (at, api_key_id, outcome, type_name, field_name, row_count, request_id) \
         SELECT '2026-03-18 10:00:00', id, 'READ', 'Student', 'citizenshipNumber', 1, 'r' FROM api_keys"
            .to_owned(),
        // Of every course, whether who asked for it heads it or heads it no more.
        format!(
            "INSERT INTO exports (account_id, course_id, first_day, last_day, state, content, created_at, finished_at) \
             SELECT a.id, c.id, '2026-03-01', '2026-03-20', 'READY', 'student', '2026-03-18 09:00:00', '2026-03-18 09:00:00' \
             FROM (SELECT id {by}) AS a CROSS JOIN courses c"
        ),
        format!("INSERT INTO access_subjects (entry_id, subject_id) SELECT id, ({student}) FROM access_entries"),
        "INSERT INTO events (kind, subject_id, at) SELECT 'NOTICE_PUBLISHED', MAX(id), '2026-03-18 09:00:00' FROM notices"
            .to_owned(),
        format!(
            "INSERT INTO events (kind, subject_id, student_id, at) SELECT 'STUDENT_ABSENT', MAX(session_id), student_id, \
             '2026-03-18 09:00:00' FROM attendance_records WHERE student_id = ({student}) GROUP BY student_id"
        ),
        format!(
            "INSERT INTO notifications (account_id, event_id, at) SELECT a.id, e.id, e.at FROM (SELECT id {by}) AS a \
             CROSS JOIN events e"
        ),
        format!(
            "INSERT INTO devices (account_id, token, platform, created_at) SELECT id, 'of ' || email, 'ANDROID', \
             '2026-03-18 09:00:00' {by}"
        ),
        format!(
            "INSERT INTO identities (account_id, issuer, subject, created_at, last_used_at) SELECT id, \
             'https://accounts.example.org', email, '2026-03-18 09:00:00', '2026-03-18 09:00:00' {by}"
        ),
    ]
}

/// Some jobs in a state; none of them is due.
pub fn jobs(state: &str, count: usize) -> String {
    let finished = if state == "PENDING" { "NULL" } else { "'2026-03-18 10:00:00'" };
    let job = |i| {
        format!(
            "('{state} {i}', 'DELIVER', 1, '{{}}', '{state}', '2027-03-18 09:00:00', 3, 'the other side was not there', \
             '2026-03-18 09:00:00', {finished})"
        )
    };
    let jobs: Vec<String> = (0..count).map(job).collect();
    format!(
        "INSERT INTO jobs (key, kind, priority, payload, state, due_at, attempts, last_error, created_at, finished_at) \
         VALUES {}",
        jobs.join(", ")
    )
}
