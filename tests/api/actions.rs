//! Every action of `viewerCan`: the mutation that it speaks for, and what that mutation takes where nothing is in the way.

use chrono::{Datelike, Days, NaiveDate};
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    rules::rule,
    support::{TestApp, of},
};

/// A type with what the viewer can do with its rows.
pub struct Type {
    pub name: &'static str,
    /// How a row `x` stands, in a text: those that stand alike are alike to the rules.
    pub state: &'static str,
    /// What inputs are made of besides the row's number: a text, divided by bars.
    pub facts: &'static str,
    /// Each action with its mutation, and the paths of the input that name the row.
    pub actions: &'static [(&'static str, &'static str, &'static [&'static str])],
}

const ID: &[&str] = &["id"];
const STUDENT: &[&str] = &["studentId"];

#[rustfmt::skip]
pub static TYPES: [Type; 18] = [
    Type {
        name: "Student",
        state: "x.status || ' ' || coalesce(x.course_id, 0) || CASE WHEN x.archived_at IS NULL THEN '' ELSE ' archived' END || \
            CASE WHEN x.current_period = (SELECT duration_years * CASE duration_type WHEN 'SEMESTER' THEN 2 ELSE 1 END \
            FROM courses c WHERE c.id = x.course_id) THEN ' last' ELSE '' END",
        facts: "x.version || '|' || x.status || '|' || coalesce((SELECT MIN(s.id) FROM subjects s WHERE s.course_id = x.course_id \
            AND s.id NOT IN (SELECT subject_id FROM subject_progress p WHERE p.student_id = x.id)), 0) || '|' || \
            coalesce((SELECT MIN(parent_id) FROM parent_students l WHERE l.student_id = x.id), 0)",
        actions: &[
            ("edit", "editStudent", ID),
            ("changeStatus", "changeStudentStatus", ID),
            ("setBatches", "setStudentBatches", STUDENT),
            ("archive", "archiveStudent", ID),
            ("restore", "restoreStudent", ID),
            ("enrol", "enrolStudent", STUDENT),
            ("advancePeriod", "advanceStudentPeriod", STUDENT),
            ("setSubjectProgress", "setSubjectProgress", STUDENT),
            ("linkParent", "linkParent", STUDENT),
            ("unlinkParent", "unlinkParent", STUDENT),
            ("requestLeave", "requestLeave", STUDENT),
        ],
    },
    Type {
        name: "Parent",
        state: "CASE WHEN x.archived_at IS NULL THEN '' ELSE 'archived' END",
        facts: "x.version",
        actions: &[("edit", "editParent", ID)],
    },
    Type {
        name: "Staff",
        state: "x.id",
        facts: "x.version",
        actions: &[
            ("edit", "editStaff", ID),
            ("setRoles", "setStaffRoles", ID),
            ("deactivate", "deactivateStaff", ID),
            ("activate", "activateStaff", ID),
            ("archive", "archiveStaff", ID),
            ("restore", "restoreStaff", ID),
            ("requestLeave", "requestLeave", &["staffId"]),
        ],
    },
    Type {
        name: "Course",
        state: "x.id",
        facts: "x.version",
        actions: &[
            ("edit", "editCourse", ID),
            ("assignHod", "assignCourseHod", &["courseId"]),
            ("exportAttendance", "exportAttendance", &["courseId"]),
            ("createSubject", "createSubject", &["courseId"]),
        ],
    },
    Type {
        name: "Batch",
        state: "x.id",
        facts: "x.version",
        actions: &[("edit", "editBatch", ID), ("advancePeriod", "advanceBatchPeriod", &["batchId", "fromPeriod"])],
    },
    Type {
        name: "Subject",
        state: "x.course_id || ' ' || coalesce((SELECT MIN(teacher_id) FROM routines r WHERE r.active AND r.subject_id = x.id), 0) || \
            CASE WHEN x.id IN (SELECT subject_id FROM subject_progress) THEN ' in use' ELSE '' END",
        facts: "x.version",
        actions: &[
            ("edit", "editSubject", ID),
            ("delete", "deleteSubject", ID),
            ("createRoutine", "createRoutine", &["subjectId"]),
            ("addStudyFile", "addStudyFile", &["subjectId"]),
        ],
    },
    Type {
        name: "StudyFile",
        state: "coalesce(x.uploaded_by, 0) || ' ' || (SELECT course_id FROM subjects s WHERE s.id = x.subject_id)",
        facts: "''",
        actions: &[("remove", "removeStudyFile", ID)],
    },
    Type {
        name: "Routine",
        state: "x.course_id || ' ' || x.teacher_id || CASE WHEN x.active THEN '' ELSE ' ended' END",
        facts: "x.version || '|' || x.weekdays",
        actions: &[
            ("mark", "markAttendance", &["routineId"]),
            ("change", "changeRoutine", ID),
            ("end", "endRoutine", ID),
        ],
    },
    Type {
        name: "AttendanceSession",
        state: "(SELECT r.course_id || ' ' || r.teacher_id || CASE WHEN r.active THEN '' ELSE ' ended' END FROM routines r \
            WHERE r.id = x.routine_id)",
        facts: "x.routine_id || '|' || x.date",
        actions: &[("mark", "markAttendance", &["routineId"]), ("delete", "deleteAttendanceSession", ID)],
    },
    Type {
        name: "Meeting",
        state: "x.status || CASE WHEN x.starts_at > '2026-03-20 12:00:00' THEN ' ahead ' ELSE ' past ' END || \
            coalesce((SELECT MIN(parent_id) FROM meeting_parents p WHERE p.meeting_id = x.id), 0)",
        facts: "x.version",
        actions: &[
            ("accept", "acceptMeeting", ID),
            ("move", "moveMeeting", ID),
            ("cancel", "cancelMeeting", ID),
            ("complete", "completeMeeting", ID),
        ],
    },
    Type {
        name: "LeaveRequest",
        state: "x.status || ' ' || coalesce(x.staff_id, 0) || ' ' || coalesce((SELECT id FROM staff s WHERE s.account_id = \
            x.requested_by), 0)",
        facts: "''",
        actions: &[
            ("withdraw", "withdrawLeaveRequest", ID),
            ("decide", "decideLeaveRequest", ID),
            ("withdrawApproval", "withdrawLeaveApproval", ID),
        ],
    },
    Type { name: "TeacherFeedback", state: "''", facts: "''", actions: &[("withdraw", "withdrawTeacherFeedback", ID)] },
    Type { name: "InstituteFeedback", state: "x.type", facts: "''", actions: &[("withdraw", "withdrawInstituteFeedback", ID)] },
    Type {
        name: "Notice",
        state: "x.id",
        facts: "x.version",
        actions: &[("edit", "editNotice", ID), ("withdraw", "withdrawNotice", ID)],
    },
    Type {
        name: "CourseTracking",
        state: "x.status || ' ' || x.course_id || ' ' || coalesce((SELECT s.course_id || ' ' || s.status FROM students s WHERE \
            s.id = x.student_id), '')",
        facts: "(SELECT x.version || '|' || s.id || '|' || s.version || '|' || CASE WHEN s.course_id = x.course_id THEN 'in it' \
            ELSE 'left' END FROM students s WHERE s.id = x.student_id)",
        actions: &[("edit", "editCourseTracking", ID), ("advancePeriod", "advanceStudentPeriod", STUDENT)],
    },
    Type {
        name: "ApiKey",
        state: "CASE WHEN x.revoked_at IS NULL THEN '' ELSE 'revoked' END",
        facts: "''",
        actions: &[("revoke", "revokeApiKey", ID)],
    },
    Type {
        name: "Job",
        state: "x.state",
        facts: "''",
        actions: &[("requeue", "requeueJob", ID)],
    },
    // The last, for it takes a viewer's session away.
    Type { name: "Session", state: "''", facts: "''", actions: &[("end", "endSession", ID)] },
];

/// What ids of a type are of, and its table. Study files have no rule of their own: they are reached with their subject.
pub fn place(type_name: &str) -> (Kind, &'static str) {
    match type_name {
        "StudyFile" => (Kind::StudyFile, "study_files"),
        _ => (rule(type_name).kind, rule(type_name).table),
    }
}

/// What there is to name in an input besides the row.
pub struct World {
    pub courses: Vec<i64>,
    /// Batches with the courses and periods of their students, each text divided by bars.
    pub classes: Vec<String>,
    pub teacher: String,
}

impl World {
    pub async fn of(app: &TestApp) -> Self {
        let classes = "SELECT DISTINCT b.batch_id || '|' || s.course_id || '|' || s.current_period FROM batch_students b \
                       JOIN students s ON s.id = b.student_id WHERE s.course_id IS NOT NULL";
        Self {
            courses: app.database.numbers("SELECT id FROM courses ORDER BY id").await,
            classes: app.database.texts(classes).await,
            teacher: app.staff(cast::TEACHER).await,
        }
    }
}

/// The last day before today on which a routine runs, by the bits of its weekdays.
fn last_class(weekdays: &str) -> NaiveDate {
    let (bits, mut day): (u32, NaiveDate) = (weekdays.parse().unwrap(), "2026-03-19".parse().unwrap());
    while bits & (1 << day.weekday().num_days_from_monday()) == 0 {
        day = day - Days::new(1);
    }
    day
}

/// The inputs of an action's mutation for a row, of which one at least must do; none where the row is not one that the
/// mutation could be about.
pub fn inputs(app: &TestApp, world: &World, (of, action): (&str, &str), row: i64, facts: &str) -> Vec<Value> {
    let facts: Vec<&str> = facts.split('|').collect();
    let number = |i: usize| facts[i].parse::<i64>().unwrap();
    let id = app.id(place(of).0, row);
    let leave =
        |field: &str| json!({field: id, "firstDay": "2027-05-03", "lastDay": "2027-05-03", "message": "A wedding."});
    let one = match (of, action) {
        ("Student", "changeStatus") => {
            let other = if facts[1] == "ACTIVE" { "LEAVE" } else { "ACTIVE" };
            json!({"id": id, "version": number(0), "status": other})
        }
        ("Student", "setBatches" | "advancePeriod") => json!({"studentId": id, "version": number(0)}),
        ("Student", "enrol") => {
            let input = |course: &i64| json!({"studentId": id, "version": number(0), "courseId": app.id(Kind::Course, *course)});
            return world.courses.iter().map(input).collect();
        }
        ("Student", "setSubjectProgress") => {
            json!({"studentId": id, "subjectId": app.id(Kind::Subject, number(2)), "status": "IN_PROGRESS"})
        }
        ("Student", "linkParent") => {
            json!({"studentId": id, "parent": {"name": "Mary Lane", "phone": "+9779800000077"}})
        }
        ("Student", "unlinkParent") => json!({"studentId": id, "parentId": app.id(Kind::Parent, number(3))}),
        ("Student", "requestLeave") => leave("studentId"),
        ("Staff", "setRoles") => {
            json!({"id": id, "version": number(0), "roles": ["ADMIN", "HOD", "ADMISSION", "TEACHER"]})
        }
        ("Staff", "deactivate" | "archive") => json!({"id": id, "endRoutines": true}),
        ("Staff", "requestLeave") => leave("staffId"),
        ("Course", "assignHod") => json!({"courseId": id, "version": number(0), "staffId": null}),
        ("Course", "exportAttendance") => json!({"courseId": id, "firstDay": "2026-03-01", "lastDay": "2026-03-02"}),
        ("Course", "createSubject") => json!({"courseId": id, "period": 1, "code": "XYZ", "name": "Everything else"}),
        ("Batch", "advancePeriod") => {
            let class = |class: &String| {
                let class: Vec<i64> = class.split('|').map(|part| part.parse().unwrap()).collect();
                let input = json!({"batchId": id, "courseId": app.id(Kind::Course, class[1]), "fromPeriod": class[2]});
                (class[0] == row).then_some(input)
            };
            return world.classes.iter().filter_map(class).collect();
        }
        ("Subject", "createRoutine") => json!({
            "subjectId": id, "teacherId": world.teacher, "weekdays": ["SUNDAY"], "startsAt": "03:00", "endsAt": "03:30",
        }),
        ("Subject", "addStudyFile") => {
            json!({"subjectId": id, "title": "Notes", "fileUrl": "https://files.example.org/notes.pdf"})
        }
        ("Routine", "mark") => json!({"routineId": id, "date": last_class(facts[1]), "teacherAttended": false}),
        ("AttendanceSession", "mark") => {
            json!({"routineId": app.id(Kind::Routine, number(0)), "date": facts[1], "teacherAttended": false})
        }
        ("AttendanceSession", "delete") => json!({"id": id, "reason": "It was another day."}),
        ("Meeting", "accept") => json!({"id": id, "startsAt": "2027-05-03T04:00:00Z"}),
        ("Meeting", "move") => json!({"id": id, "version": number(0), "startsAt": "2027-05-03T04:00:00Z"}),
        ("Meeting", "cancel") => json!({"id": id, "reason": "Ill."}),
        ("Meeting", "complete") => json!({"id": id, "notes": "An hour a day."}),
        ("LeaveRequest", "decide") => json!({"id": id, "decision": "APPROVE"}),
        ("CourseTracking", "advancePeriod") if facts[3] == "left" => return Vec::new(),
        ("CourseTracking", "advancePeriod") => {
            json!({"studentId": app.id(Kind::Student, number(1)), "version": number(2)})
        }
        (_, "edit") | ("Routine", "change") => json!({"id": id, "version": number(0)}),
        _ => json!({"id": id}),
    };
    vec![one]
}

/// Adds rows that stand as none in the demonstration data does, nor in `hard_cases`.
pub async fn rare_states(app: &TestApp) {
    let of = |table: &str, email: &str| format!("({})", of(table, email));
    let [hod, both, teacher, formerly] =
        [cast::HOD, cast::HOD_TEACHER, cast::TEACHER, cast::TEACHER_WHO_LEFT_CLASS].map(|email| of("staff", email));
    let (student, child) = (of("students", cast::STUDENT), of("students", cast::ONLY_CHILD));
    let (parent, other) = (of("parents", cast::PARENT), of("parents", cast::OTHER_PARENT));
    let plain = |course: i64, nth: i64| {
        format!(
            "(SELECT id FROM students s WHERE course_id = {course} AND archived_at IS NULL AND status = 'ACTIVE' AND id NOT IN \
             ({student}, {child}) ORDER BY id LIMIT 1 OFFSET {nth})"
        )
    };
    let mut statements = vec![
        // A student in the last period, one on leave, one who has finished, and one who completed another course.
        format!(
            "UPDATE students SET current_period = (SELECT MAX(period) FROM course_periods p WHERE p.course_id = 1) WHERE id = {}",
            plain(1, 3)
        ),
        format!("UPDATE students SET status = 'LEAVE' WHERE id = {}", plain(1, 5)),
        format!("UPDATE students SET status = 'COMPLETED' WHERE id = {}", plain(1, 6)),
        format!(
            "INSERT INTO course_trackings (student_id, course_id, enrolled_on, started_on, expected_end, actual_end, status, \
             completion, current_period, period_started_on, period_ends_on) SELECT id, 2, '2020-01-01', '2020-01-01', \
             '2022-01-01', '2022-01-01', 'COMPLETED', 100, 1, '2020-01-01', '2020-06-01' FROM students WHERE id = {}",
            plain(1, 8)
        ),
        // An account of staff that is closed, and a subject that nothing refers to.
        "UPDATE accounts SET active = FALSE WHERE id = (SELECT account_id FROM staff WHERE id = (SELECT MAX(id) - 1 FROM staff WHERE archived_at IS NOT NULL))"
            .to_owned(),
        "INSERT INTO subjects (course_id, period, code, name) VALUES (1, 1, 'NEW', 'Not taught yet')".to_owned(),
        // Files of who teaches the subject no more, and of nobody in particular.
        format!(
            "INSERT INTO study_files (subject_id, title, file_url, uploaded_by, uploaded_at) SELECT r.subject_id, 'Old', \
             'https://files.example.org/old.pdf', {formerly}, '2026-03-01 08:00:00' FROM routines r WHERE r.teacher_id = {formerly} AND NOT r.active"
        ),
        format!(
            "INSERT INTO study_files (subject_id, title, file_url, uploaded_at) SELECT MIN(subject_id), 'Found', \
             'https://files.example.org/found.pdf', '2026-03-01 08:00:00' FROM routines r WHERE r.active AND r.teacher_id = {teacher}"
        ),
        // Leave that the HOD asked for, for a student of theirs; leave that was taken back.
        format!(
            "INSERT INTO leave_requests (student_id, requested_by, first_day, last_day, message, created_at) SELECT {student}, \
             account_id, '2026-08-01', '2026-08-02', 'A visit.', '2026-03-18 09:00:00' FROM staff WHERE id = {hod}"
        ),
        format!(
            "INSERT INTO leave_requests (student_id, requested_by, first_day, last_day, message, status, created_at) \
             SELECT id, account_id, '2026-09-01', '2026-09-02', 'A visit.', 'WITHDRAWN', '2026-03-18 09:00:00' FROM students \
             WHERE id IN ({student}, {child})"
        ),
    ];
    // Meetings that were asked for, to come and past, by each parent of the two.
    for (parent, day) in [(&parent, "2026-04-01"), (&other, "2026-04-02"), (&parent, "2026-03-02")] {
        let times = format!("'{day} 04:00:00', '{day} 04:30:00'");
        statements.push(format!(
            "INSERT INTO meetings (staff_id, starts_at, ends_at, status, open, created_at) VALUES ({teacher}, {times}, \
             'REQUESTED', FALSE, '2026-03-01 04:00:00')"
        ));
        statements.push(format!(
            "INSERT INTO meeting_parents (meeting_id, parent_id, starts_at, ends_at, open) SELECT MAX(id), {parent}, {times}, \
             FALSE FROM meetings"
        ));
        statements.push(format!(
            "INSERT INTO meeting_students (meeting_id, student_id) SELECT MAX(id), {student} FROM meetings"
        ));
    }
    // Notices of HODs: to a course of theirs, to one that is theirs no more, to everybody, to batches of theirs and of others.
    let all = "SELECT batch_id FROM batch_courses GROUP BY batch_id HAVING COUNT(*)";
    let (own, across) = (format!("({all} = 1 ORDER BY 1 LIMIT 1)"), format!("({all} > 1 ORDER BY 1 LIMIT 1)"));
    for (by, group) in [
        (&hod, "'COURSE', 1, NULL".to_owned()),
        (&hod, "'COURSE', 2, NULL".to_owned()),
        (&both, "'EVERYBODY', NULL, NULL".to_owned()),
        (&hod, format!("'BATCH', NULL, {own}")),
        (&both, format!("'BATCH', NULL, {across}")),
        (&formerly, "'EVERYBODY', NULL, NULL".to_owned()),
    ] {
        statements.push(format!(
            "INSERT INTO notices (title, message, published_by, published_at) VALUES ('News', 'None.', {by}, '2026-03-18 09:00:00')"
        ));
        statements.push(format!(
            "INSERT INTO notice_audiences (notice_id, kind, course_id, batch_id) SELECT MAX(id), {group} FROM notices"
        ));
    }
    for statement in statements {
        app.database.execute(&statement).await;
    }
}
