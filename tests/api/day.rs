//! A day in the school, through HTTP, with a client per role: everything a day needs, one thing leading to the next.

use chrono::Duration;
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::support::of;

#[track_caller]
fn nodes(connection: &Value) -> Vec<&Value> {
    connection["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]).collect()
}

on_both! {
    #[expect(clippy::too_many_lines, reason = "a day has many hours")]
    async fn from_admission_to_the_dashboards(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let (hod, teacher, admin) =
            (app.sign_in(cast::HOD).await, app.sign_in(cast::TEACHER).await, app.sign_in(cast::ADMIN).await);
        let student = of("students", cast::STUDENT);
        let course = app.id_of(Kind::Course, &format!("SELECT course_id FROM students WHERE id = ({student})")).await;
        let period = app.number(&format!("SELECT CAST(current_period AS bigint) FROM students WHERE id = ({student})")).await;

        // Morning: a child is admitted, with a mother who is new and a father who is a teacher here.
        let batch = admission.done("createBatch", json!({"name": "Spring", "startDate": "2026-03-20", "courseIds": [course]}), "batch { id }").await;
        let newcomer = json!({
            "name": "Ada Lane", "gender": "FEMALE", "birthDate": "2010-05-06", "courseId": course, "period": period,
            "batchIds": [batch["batch"]["id"]], "email": "ada@example.org", "clientMutationId": "admit-ada",
            "parents": [{"name": "Mary Lane", "phone": "+977 980-000-0001", "email": "mary@example.org"}],
        });
        let fields = "student { id version joiningDate batches { name } parents { id name phone } courseTrackings { status currentPeriod } }";
        let ada = admission.done("admitStudent", newcomer.clone(), fields).await["student"].clone();
        assert_eq!(admission.done("admitStudent", newcomer, fields).await["student"], ada, "sent again, admitted once");
        assert_eq!(ada["joiningDate"], "2026-03-20", "the day her batch begins");
        assert_eq!(ada["parents"][0]["phone"], "+9779800000001");
        assert_eq!(ada["courseTrackings"][0]["currentPeriod"], period);
        // Nobody has a default password: a code, which is not sent in this test, would set this one.
        let hash = app.database.texts(&format!("SELECT password_hash FROM accounts WHERE email = '{}'", cast::ADMIN)).await.remove(0);
        app.database.execute(&format!("UPDATE accounts SET password_hash = '{hash}' WHERE email IN ('ada@example.org', 'mary@example.org')")).await;
        let (student, parent) = (app.sign_in("ada@example.org").await, app.sign_in("mary@example.org").await);

        // The head of department makes the timetable.
        let subject = json!({"courseId": course, "period": period, "code": "ETH", "name": "Ethics"});
        let subject = hod.done("createSubject", subject, "subject { id }").await["subject"]["id"].clone();
        let teacher_id = app.staff(cast::TEACHER).await;
        let slot = json!({"subjectId": subject, "teacherId": teacher_id, "weekdays": ["FRIDAY", "MONDAY"], "startsAt": "18:00:00", "endsAt": "18:50:00", "room": "Tower"});
        let routine = hod.done("createRoutine", slot, "routine { id }").await["routine"]["id"].clone();
        let timetable = student.data("{ viewer { student { routines { id room teacher { name } } } } }").await;
        let routines = timetable["viewer"]["student"]["routines"].as_array().unwrap().clone();
        assert!(routines.iter().any(|slot| slot["id"] == routine && slot["room"] == "Tower"), "{routines:#?}");

        // The teacher marks the class.
        let sheet = "query($routine: ID!, $date: Date!) { attendanceSheet(routineId: $routine, date: $date) { rows { student { id name } status leaveRequest { id } } } }";
        let friday = teacher.ask_with(sheet, json!({"routine": routine, "date": "2026-03-20"})).await.ok();
        let rows = friday.at("/attendanceSheet/rows").as_array().unwrap().clone();
        assert!(rows.len() > 2 && rows.iter().all(|row| row["status"].is_null()));
        let mark = |row: &Value| json!({"studentId": row["student"]["id"], "status": if row["student"]["name"] == "Ada Lane" { "LATE" } else { "PRESENT" }});
        let marks: Vec<Value> = rows.iter().map(mark).collect();
        let marked = json!({"routineId": routine, "date": "2026-03-20", "marks": marks, "clientMutationId": "mark-1"});
        let session = teacher.done("markAttendance", marked, "session { id summary { present late } }").await;
        assert_eq!(session["session"]["summary"], json!({"present": rows.len() - 1, "late": 1}));
        let seen = parent.data("{ viewer { parent { students { edges { node { name attendanceSummary { late percentage } } } } } } }").await;
        assert_eq!(seen["viewer"]["parent"]["students"]["edges"], json!([{"node": {"name": "Ada Lane", "attendanceSummary": {"late": 1, "percentage": 100.0}}}]));

        // Ada is going to be away on Monday; who heads her course agrees.
        let leave = json!({"studentId": ada["id"], "firstDay": "2026-03-23", "lastDay": "2026-03-24", "message": "A wedding."});
        let leave = parent.done("requestLeave", leave, "leaveRequest { id status }").await["leaveRequest"].clone();
        assert_eq!(leave["status"], "PENDING");
        let decide = json!({"id": leave["id"], "decision": "APPROVE", "remark": "Enjoy it."});
        assert_eq!(app.denied(&teacher, "decideLeaveRequest", decide.clone()).await, "FORBIDDEN");
        hod.done("decideLeaveRequest", decide, "leaveRequest { status }").await;

        // Her mother asks the teacher for a meeting, who takes it, at another time.
        let meeting = json!({"staffId": teacher_id, "studentId": ada["id"], "startsAt": "2026-03-23T10:00:00Z", "minutes": 30, "agenda": "How she settles in."});
        let meeting = parent.done("requestMeeting", meeting, "meeting { id status version }").await["meeting"].clone();
        assert_eq!(meeting["status"], "REQUESTED");
        let accepted = json!({"id": meeting["id"], "startsAt": "2026-03-23T11:00:00Z"});
        let accepted = teacher.done("acceptMeeting", accepted, "meeting { status startsAt }").await;
        assert_eq!(accepted["meeting"]["status"], "SCHEDULED");

        // The administrator tells everybody that Tuesday is a holiday.
        let notice = json!({"title": "Holiday", "message": "No school on Tuesday.", "audience": {"everybody": true}});
        let notice = admin.done("publishNotice", notice, "notice { id }").await["notice"]["id"].clone();
        student.done("markNoticeRead", json!({"id": notice}), "notice { readAt }").await;

        // Monday: the class is marked but for Ada, who is excused; the meeting is held; opinions are given.
        app.clock.advance(Duration::days(3));
        let others: Vec<Value> = rows.iter().filter(|row| row["student"]["name"] != "Ada Lane").map(mark).collect();
        let monday = teacher.ask_with(sheet, json!({"routine": routine, "date": "2026-03-23"})).await.ok();
        let away = monday.at("/attendanceSheet/rows").as_array().unwrap().iter().find(|row| row["student"]["name"] == "Ada Lane").unwrap().clone();
        assert_eq!(away["leaveRequest"]["id"], leave["id"]);
        let marked = json!({"routineId": routine, "date": "2026-03-23", "marks": others});
        let session = teacher.done("markAttendance", marked, "session { summary { present excused } }").await;
        assert_eq!(session["session"]["summary"]["excused"], 1);
        let completed = json!({"id": meeting["id"], "notes": "She does well."});
        teacher.done("completeMeeting", completed, "meeting { status }").await;
        student.done("rateTeacher", json!({"teacherId": teacher_id, "rating": 4.5, "message": "Clear."}), "").await;
        app.clock.advance(Duration::minutes(1));
        parent.done("rateTeacher", json!({"teacherId": teacher_id, "studentId": ada["id"], "rating": 5.0}), "").await;
        parent.done("rateInstitute", json!({"type": "GENERAL", "rating": 4.0, "anonymous": true, "public": true}), "").await;

        // Evening: the dashboards of all five.
        let today = json!({"today": "2026-03-23"});
        let of_parent = parent.ask_with(include_str!("../../docs/queries/parent.graphql"), today.clone()).await.ok().data;
        let child = nodes(&of_parent["viewer"]["parent"]["students"])[0].clone();
        assert_eq!(nodes(&child["today"])[0]["status"], "EXCUSED");
        assert_eq!(child["attendanceSummary"], json!({"present": 0, "absent": 0, "late": 1, "excused": 1, "percentage": 100.0}));
        assert_eq!(nodes(&child["leaveRequests"])[0]["status"], "APPROVED");
        assert_eq!(nodes(&of_parent["meetings"])[0]["status"], "COMPLETED");
        assert_eq!(nodes(&of_parent["viewer"]["parent"]["teacherFeedback"])[0]["rating"], 5.0);
        let of_student = student.ask_with(include_str!("../../docs/queries/student.graphql"), json!({})).await.ok().data;
        let notices = nodes(&of_student["notices"]);
        assert!(notices[0]["title"] == "Holiday" && !notices[0]["readAt"].is_null());
        // 70 % for no subject completed yet, 30 % for having attended all that counts.
        assert_eq!(of_student["viewer"]["student"]["courseTrackings"][0]["completion"], 30.0);
        let of_teacher = teacher.ask_with(include_str!("../../docs/queries/teacher.graphql"), today.clone()).await.ok().data;
        assert!(nodes(&of_teacher["marked"]).iter().any(|session| session["routine"]["id"] == routine));
        let of_hod = hod.ask_with(include_str!("../../docs/queries/hod.graphql"), today).await.ok().data;
        assert!(nodes(&of_hod["classes"]).iter().any(|class| class["id"] == routine));
        assert_eq!(nodes(&of_hod["feedback"]).len(), 5);
        assert_eq!(nodes(&of_hod["feedback"])[0]["rating"], 5.0);
        let of_admission = admission.ask_with(include_str!("../../docs/queries/admission.graphql"), json!({})).await.ok().data;
        assert_eq!(nodes(&of_admission["recent"])[0]["name"], "Ada Lane");

        // What was done to Ada is on record; what was said without a name is not.
        let log = admin.data("{ auditEntries(first: 100) { edges { node { action actor { email } } } } }").await;
        let actions: Vec<&str> = nodes(&log["auditEntries"]).iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        for action in ["createBatch", "admitStudent", "createSubject", "createRoutine", "markAttendance", "requestLeave", "decideLeaveRequest", "requestMeeting", "acceptMeeting", "publishNotice", "completeMeeting", "rateTeacher"] {
            assert!(actions.contains(&action), "{action} in {actions:?}");
        }
        assert!(!actions.contains(&"rateInstitute"));
        // Another family has seen nothing of all this.
        let stranger = app.sign_in(cast::PARENT_OF_ONE).await;
        let ids = [&ada["id"], &leave["id"], &meeting["id"]];
        for id in ids {
            assert_eq!(stranger.data(&format!("{{ node(id: {id}) {{ id }} }}")).await["node"], Value::Null);
        }
    }
}
