//! Leave: asked for, taken back, decided, and what it does to attendance.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    lessons::{account, leave, one, person},
    support::TestApp,
};

pub const REQUEST: &str =
    "leaveRequest { id status firstDay lastDay message remark decidedAt createdAt student { id } staff { id } }";

pub fn days(first: &str, last: &str) -> Value {
    json!({"firstDay": first, "lastDay": last, "message": "A wedding."})
}

/// The same about a student or a staff member.
pub fn about(field: &str, id: &str, first: &str, last: &str) -> Value {
    let mut input = days(first, last);
    input[field] = json!(id);
    input
}

/// A pending request of a staff member.
async fn leave_of_staff(app: &TestApp, email: &str, first: &str) -> String {
    app.database
        .execute(&format!(
            "INSERT INTO leave_requests (staff_id, requested_by, first_day, last_day, message, created_at) \
             SELECT id, account_id, '{first}', '{first}', 'A conference.', '2026-03-18 09:00:00' FROM staff WHERE id = {}",
            person("staff", email)
        ))
        .await;
    app.id_of(Kind::LeaveRequest, "SELECT MAX(id) FROM leave_requests").await
}

/// A pending request of a student for days after the tests.
pub async fn pending(app: &TestApp, email: &str) -> String {
    let number = one(app, &person("students", email)).await;
    app.id(Kind::LeaveRequest, leave(app, number, "PENDING", "2026-06-01", "2026-06-02").await)
}

pub fn decide(id: &str, decision: &str) -> Value {
    json!({"id": id, "decision": decision})
}

on_both! {
    async fn everybody_asks_for_themselves_and_a_parent_for_their_child(app: TestApp) {
        let (first, last) = ("2026-05-04", "2026-05-06");
        let pupil = app.sign_in(cast::STUDENT).await;
        let made = pupil.done("requestLeave", days(first, last), REQUEST).await["leaveRequest"].clone();
        assert_eq!((&made["status"], &made["message"], &made["remark"]), (&json!("PENDING"), &json!("A wedding."), &Value::Null));
        assert_eq!((&made["firstDay"], &made["lastDay"]), (&json!(first), &json!(last)));
        assert_eq!((&made["student"]["id"], &made["staff"]), (&json!(app.student(cast::STUDENT).await), &Value::Null));
        assert_eq!(made["createdAt"], "2026-03-20T12:00:00+00:00");

        let parent = app.sign_in(cast::PARENT).await;
        let sibling = app.student(cast::SIBLING).await;
        let made = parent.done("requestLeave", about("studentId", &sibling, first, last), REQUEST).await;
        assert_eq!(made["leaveRequest"]["student"]["id"], json!(sibling));
        // Both parents and the child hold the same days now.
        let other = app.sign_in(cast::OTHER_PARENT).await;
        let errors = app.refused(&other, "requestLeave", about("studentId", &sibling, last, "2026-05-09")).await;
        assert_eq!(errors, ["firstDay OVERLAPS"]);

        for who in [cast::TEACHER, cast::HOD, cast::ADMISSION, cast::ADMIN] {
            let client = app.sign_in(who).await;
            let made = client.done("requestLeave", days("2026-06-01", "2026-06-01"), REQUEST).await;
            assert_eq!(made["leaveRequest"]["staff"]["id"], json!(app.staff(who).await));
            let said = about("staffId", &app.staff(who).await, "2026-06-02", "2026-06-02");
            client.done("requestLeave", said, "").await;
        }
        // A teacher who is a parent: for themself where they do not say, and for the child where they do.
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        let child = app.number(&format!("SELECT student_id FROM parent_students WHERE parent_id = {}", person("parents", cast::TEACHER_PARENT))).await;
        let own = both.done("requestLeave", days(first, last), REQUEST).await;
        assert_eq!(own["leaveRequest"]["staff"]["id"], json!(app.staff(cast::TEACHER_PARENT).await));
        let of_child = about("studentId", &app.id(Kind::Student, child), first, last);
        let of_child = both.done("requestLeave", of_child, REQUEST).await;
        assert_eq!(of_child["leaveRequest"]["student"]["id"], app.id(Kind::Student, child));
    }

    async fn who_could_be_several_says_as_whom(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        assert_eq!(app.refused(&parent, "requestLeave", days("2026-05-04", "2026-05-04")).await, ["studentId REQUIRED"]);
        let teacher = app.sign_in(cast::TEACHER).await;
        let mut two = about("staffId", &app.staff(cast::TEACHER).await, "2026-05-04", "2026-05-04");
        two["studentId"] = json!(app.student(cast::STUDENT).await);
        assert_eq!(app.refused(&teacher, "requestLeave", two).await, ["staffId INVALID"]);
        app.database
            .execute(&format!(
                "INSERT INTO students (account_id, name, created_at) VALUES ({}, 'Evening Class', '2026-03-01 08:00:00')",
                account(cast::TEACHER)
            ))
            .await;
        assert_eq!(app.refused(&teacher, "requestLeave", days("2026-05-04", "2026-05-04")).await, ["studentId REQUIRED"]);
        let me = app.student(cast::TEACHER).await;
        teacher.done("requestLeave", about("studentId", &me, "2026-05-04", "2026-05-04"), "").await;
        let me = app.staff(cast::TEACHER).await;
        teacher.done("requestLeave", about("staffId", &me, "2026-05-04", "2026-05-04"), "").await;
    }

    async fn what_is_wrong_with_a_request_is_said_at_once(app: TestApp) {
        let pupil = app.sign_in(cast::STUDENT).await;
        let refused = async |input: Value| app.refused(&pupil, "requestLeave", input).await;
        assert_eq!(refused(days("2026-05-04", "2026-05-03")).await, ["lastDay OUT_OF_RANGE"]);
        assert_eq!(refused(days("2026-06-01", "2027-06-02")).await, ["lastDay OUT_OF_RANGE"], "367 days");
        assert_eq!(refused(days("2026-02-17", "2026-02-17")).await, ["firstDay IN_PAST"], "31 days ago");
        let mut all = days("2026-02-01", "2026-01-01");
        all["message"] = json!(" ");
        assert_eq!(refused(all).await, ["message REQUIRED", "lastDay OUT_OF_RANGE", "firstDay IN_PAST"]);
        // What was refused or withdrawn is in nobody's way; what is pending or approved is, to the day.
        app.database.execute("DELETE FROM attendance_excuses").await;
        app.database.execute(&format!("DELETE FROM leave_requests WHERE student_id = {}", person("students", cast::STUDENT))).await;
        let number = one(&app, &person("students", cast::STUDENT)).await;
        for (status, taken) in [("PENDING", true), ("APPROVED", true), ("REJECTED", false), ("WITHDRAWN", false)] {
            let made = leave(&app, number, if status == "WITHDRAWN" { "PENDING" } else { status }, "2026-05-11", "2026-05-13").await;
            app.database.execute(&format!("UPDATE leave_requests SET status = '{status}' WHERE id = {made}")).await;
            for (first, last) in [("2026-05-13", "2026-05-20"), ("2026-05-01", "2026-05-11"), ("2026-05-12", "2026-05-12"), ("2026-05-01", "2026-05-31")] {
                if taken {
                    assert_eq!(refused(days(first, last)).await, ["firstDay OVERLAPS"], "{status}");
                } else {
                    let made = pupil.done("requestLeave", days(first, last), "leaveRequest { id }").await;
                    pupil.done("withdrawLeaveRequest", json!({"id": made["leaveRequest"]["id"]}), "").await;
                }
            }
            app.database.execute(&format!("DELETE FROM leave_requests WHERE student_id = {number}")).await;
        }
        for (first, last) in [("2026-02-18", "2026-02-18"), ("2026-05-10", "2026-05-10"), ("2026-05-14", "2027-05-14")] {
            pupil.done("requestLeave", days(first, last), "").await;
        }
    }

    async fn nobody_asks_for_others(app: TestApp) {
        let own = app.student(cast::STUDENT).await;
        let classmate = app.student(cast::ONLY_CHILD).await;
        let (first, last) = ("2026-05-04", "2026-05-04");
        let pupil = app.sign_in(cast::STUDENT).await;
        assert_eq!(app.refused(&pupil, "requestLeave", about("studentId", &classmate, first, last)).await, ["studentId NOT_FOUND"]);
        let teacher = app.staff(cast::TEACHER).await;
        assert_eq!(app.denied(&pupil, "requestLeave", about("staffId", &teacher, first, last)).await, "FORBIDDEN", "their teacher");
        let parent = app.sign_in(cast::PARENT_OF_ONE).await;
        assert_eq!(app.refused(&parent, "requestLeave", about("studentId", &own, first, last)).await, ["studentId NOT_FOUND"]);
        for who in [cast::TEACHER, cast::HOD, cast::ADMIN, cast::ADMISSION] {
            let client = app.sign_in(who).await;
            assert_eq!(app.denied(&client, "requestLeave", about("studentId", &own, first, last)).await, "FORBIDDEN", "{who}");
            let colleague = app.staff(cast::TEACHER_PARENT).await;
            assert_eq!(app.denied(&client, "requestLeave", about("staffId", &colleague, first, last)).await, "FORBIDDEN", "{who}");
        }
        let nobody = app.anonymous();
        assert_eq!(app.denied(&nobody, "requestLeave", about("studentId", &own, first, last)).await, "UNAUTHENTICATED");
        let unknown = about("studentId", &app.id(Kind::Staff, 1), first, last);
        assert_eq!(app.refused(&pupil, "requestLeave", unknown).await, ["studentId NOT_FOUND"]);
    }

    async fn a_key_asks_once(app: TestApp) {
        let pupil = app.sign_in(cast::STUDENT).await;
        let mut input = days("2026-05-04", "2026-05-06");
        input["clientMutationId"] = json!("k");
        let first = pupil.done("requestLeave", input.clone(), REQUEST).await;
        let written = app.database.contents().await;
        assert_eq!(pupil.done("requestLeave", input, REQUEST).await, first);
        app.database.is_as(&written, "it").await;
    }

    async fn a_pending_request_is_withdrawn_by_the_student_or_a_parent(app: TestApp) {
        let id = pending(&app, cast::STUDENT).await;
        let input = json!({"id": id});
        for who in [cast::SIBLING, cast::PARENT_OF_ONE, cast::HOD_OF_TWO, cast::TEACHER] {
            let client = app.sign_in(who).await;
            assert_eq!(app.refused(&client, "withdrawLeaveRequest", input.clone()).await, ["id NOT_FOUND"], "{who}");
        }
        for who in [cast::HOD, cast::ADMIN, cast::ADMISSION] {
            let client = app.sign_in(who).await;
            assert_eq!(app.denied(&client, "withdrawLeaveRequest", input.clone()).await, "FORBIDDEN", "{who}");
        }
        assert_eq!(app.denied(&app.anonymous(), "withdrawLeaveRequest", input.clone()).await, "UNAUTHENTICATED");
        // What the student asked for a parent may take back, and the other way round.
        let parent = app.sign_in(cast::OTHER_PARENT).await;
        let done = parent.done("withdrawLeaveRequest", input.clone(), REQUEST).await;
        assert_eq!((&done["leaveRequest"]["status"], &done["leaveRequest"]["decidedAt"]), (&json!("WITHDRAWN"), &Value::Null));
        assert_eq!(app.refused(&parent, "withdrawLeaveRequest", input).await, ["id WRONG_STATUS"]);
        let asked = parent.done("requestLeave", about("studentId", &app.student(cast::STUDENT).await, "2026-07-01", "2026-07-02"), REQUEST).await;
        let pupil = app.sign_in(cast::STUDENT).await;
        pupil.done("withdrawLeaveRequest", json!({"id": asked["leaveRequest"]["id"]}), "").await;
        let found = pupil.data("{ leaveRequests(filter: {status: WITHDRAWN}) { totalCount } }").await;
        assert_eq!(found["leaveRequests"]["totalCount"], 2);
        // Staff take back their own, and nobody else's.
        let own = leave_of_staff(&app, cast::TEACHER, "2026-07-01").await;
        let hod = app.sign_in(cast::HOD).await;
        assert_eq!(app.denied(&hod, "withdrawLeaveRequest", json!({"id": own})).await, "FORBIDDEN");
        app.sign_in(cast::TEACHER).await.done("withdrawLeaveRequest", json!({"id": own}), "").await;
        for status in ["APPROVED", "REJECTED"] {
            let number = one(&app, &person("students", cast::STUDENT)).await;
            let decided = app.id(Kind::LeaveRequest, leave(&app, number, status, "2026-08-03", "2026-08-03").await);
            assert_eq!(app.refused(&pupil, "withdrawLeaveRequest", json!({"id": decided})).await, ["id WRONG_STATUS"], "{status}");
        }
    }

    async fn a_students_leave_is_decided_by_the_hod_of_the_course_or_an_admin(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let id = pending(&app, cast::STUDENT).await;
        let mut input = decide(&id, "REJECT");
        input["remark"] = json!(" There is an examination. ");
        let done = hod.done("decideLeaveRequest", input.clone(), REQUEST).await["leaveRequest"].clone();
        assert_eq!((&done["status"], &done["remark"]), (&json!("REJECTED"), &json!("There is an examination.")));
        assert_eq!(done["decidedAt"], "2026-03-20T12:00:00+00:00");
        assert_eq!(app.refused(&hod, "decideLeaveRequest", input).await, ["id WRONG_STATUS"]);
        assert_eq!(app.refused(&hod, "withdrawLeaveApproval", json!({"id": id})).await, ["id WRONG_STATUS"]);
        let id = pending(&app, cast::STUDENT).await;
        let admin = app.sign_in(cast::ADMIN).await;
        assert_eq!(app.refused(&admin, "withdrawLeaveApproval", json!({"id": id})).await, ["id WRONG_STATUS"]);
        let mut wrong = decide(&id, "APPROVE");
        wrong["remark"] = json!("a\u{0}");
        assert_eq!(app.refused(&admin, "decideLeaveRequest", wrong).await, ["remark INVALID"]);
        admin.done("decideLeaveRequest", decide(&id, "APPROVE"), "").await;
        let back = json!({"id": id, "remark": "By mistake."});
        let done = hod.done("withdrawLeaveApproval", back.clone(), REQUEST).await["leaveRequest"].clone();
        assert_eq!((&done["status"], &done["decidedAt"], &done["remark"]), (&json!("PENDING"), &Value::Null, &json!("By mistake.")));
        assert_eq!(app.refused(&hod, "withdrawLeaveApproval", back).await, ["id WRONG_STATUS"]);
        let pupil = app.sign_in(cast::STUDENT).await;
        pupil.done("withdrawLeaveRequest", json!({"id": id}), "").await;
        assert_eq!(app.refused(&hod, "decideLeaveRequest", decide(&id, "APPROVE")).await, ["id WRONG_STATUS"]);
    }

    async fn who_asked_and_who_decided_is_shown_to_who_reaches_them(app: TestApp) {
        let (hod, teacher) = (app.sign_in(cast::HOD).await, app.sign_in(cast::TEACHER).await);
        let (child, first) = (app.student(cast::STUDENT).await, "2026-05-04");
        let who = "query($id: ID!) { node(id: $id) { ... on LeaveRequest { decidedBy { id } requestedBy { __typename ... on Student { id } ... on Parent { id } ... on Staff { id } } } } }";
        let seen = async |email: &str, id: &Value| app.sign_in(email).await.ask_with(who, json!({"id": id})).await.ok().data["node"].take();
        let by = |type_name: &str, id: &str| json!({"__typename": type_name, "id": id});

        // A student and a parent ask for the student; each of the family, and those who decide, see who it was.
        for (email, type_name, id) in [(cast::STUDENT, "Student", &child), (cast::PARENT, "Parent", &app.parent(cast::PARENT).await)] {
            let input = about("studentId", &child, first, first);
            let request = app.sign_in(email).await.done("requestLeave", input, "leaveRequest { id }").await["leaveRequest"]["id"].clone();
            for viewer in [cast::STUDENT, cast::PARENT, cast::OTHER_PARENT, cast::HOD, cast::ADMIN] {
                assert_eq!(seen(viewer, &request).await, json!({"decidedBy": null, "requestedBy": by(type_name, id)}), "{viewer}");
            }
            hod.done("decideLeaveRequest", decide(request.as_str().unwrap(), "APPROVE"), "").await;
            let decider = app.staff(cast::HOD).await;
            for viewer in [cast::HOD, cast::ADMIN] {
                assert_eq!(seen(viewer, &request).await["decidedBy"], json!({"id": decider}), "{viewer}");
            }
            // The HOD does not teach, so the family does not reach them.
            for viewer in [cast::STUDENT, cast::PARENT] {
                assert_eq!(seen(viewer, &request).await["decidedBy"], Value::Null, "{viewer}");
            }
            // A teacher and ADMISSION need the days alone.
            for client in [&teacher, &app.sign_in(cast::ADMISSION).await] {
                let answer = client.ask_with(who, json!({"id": request})).await;
                for field in ["decidedBy", "requestedBy"] {
                    assert_eq!(answer.code_at(&json!(["node", field])), "FORBIDDEN");
                    assert_eq!(answer.at(&format!("/node/{field}")), &Value::Null);
                }
            }
            app.database.execute("UPDATE leave_requests SET first_day = '2026-05-05', last_day = '2026-05-05' WHERE first_day = '2026-05-04'").await;
        }
        // Who decides and teaches is reached by the family.
        app.database.execute(&format!("UPDATE courses SET hod_id = {} WHERE id = 1", person("staff", cast::HOD_TEACHER))).await;
        let request = json!(pending(&app, cast::STUDENT).await);
        app.sign_in(cast::HOD_TEACHER).await.done("decideLeaveRequest", decide(request.as_str().unwrap(), "REJECT"), "").await;
        let decider = json!({"id": app.staff(cast::HOD_TEACHER).await});
        assert_eq!(seen(cast::PARENT, &request).await["decidedBy"], decider);

        // Who is a teacher and a parent asked as a parent for their child, and as staff for themselves.
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        let own = app.id_of(Kind::Student, &format!("SELECT student_id FROM parent_students WHERE parent_id = {}", person("parents", cast::TEACHER_PARENT))).await;
        let (staff, parent) = (app.staff(cast::TEACHER_PARENT).await, app.parent(cast::TEACHER_PARENT).await);
        for (input, asked) in [(about("studentId", &own, first, first), by("Parent", &parent)), (about("staffId", &staff, first, first), by("Staff", &staff))] {
            let request = both.done("requestLeave", input, "leaveRequest { id }").await["leaveRequest"]["id"].clone();
            for viewer in [cast::TEACHER_PARENT, cast::ADMIN] {
                assert_eq!(seen(viewer, &request).await["requestedBy"], asked, "{viewer}");
            }
        }
        // A parent who is theirs no more is not reached by the family.
        app.database.execute(&format!("DELETE FROM parent_students WHERE parent_id = {}", person("parents", cast::PARENT))).await;
        let asked = format!("SELECT MAX(id) FROM leave_requests WHERE requested_by = {} AND first_day = '2026-05-05'", account(cast::PARENT));
        let asked = json!(app.id_of(Kind::LeaveRequest, &asked).await);
        for (viewer, requester) in [(cast::STUDENT, Value::Null), (cast::ADMIN, by("Parent", &app.parent(cast::PARENT).await))] {
            assert_eq!(seen(viewer, &asked).await["requestedBy"], requester, "{viewer}");
        }
    }

    async fn others_decide_nothing(app: TestApp) {
        let (id, granted) = (pending(&app, cast::STUDENT).await, pending(&app, cast::ONLY_CHILD).await);
        app.sign_in(cast::ADMIN).await.done("decideLeaveRequest", decide(&granted, "APPROVE"), "").await;
        for who in [cast::HOD_OF_TWO, cast::HOD_TEACHER] {
            let client = app.sign_in(who).await;
            assert_eq!(app.refused(&client, "decideLeaveRequest", decide(&id, "APPROVE")).await, ["id NOT_FOUND"], "{who}");
        }
        // They teach the class, so the approved one is in their scope; as HOD they head another course.
        let both = app.sign_in(cast::HOD_TEACHER).await;
        assert_eq!(app.denied(&both, "withdrawLeaveApproval", json!({"id": granted})).await, "FORBIDDEN");
        for (role, client) in app.everybody().await {
            let code = match role {
                "ADMIN" | "HOD" => continue,
                "ANONYMOUS" => "UNAUTHENTICATED",
                _ => "FORBIDDEN",
            };
            assert_eq!(app.denied(&client, "decideLeaveRequest", decide(&id, "APPROVE")).await, code, "{role}");
            assert_eq!(app.denied(&client, "withdrawLeaveApproval", json!({"id": granted})).await, code, "{role}");
        }
    }

    async fn staff_leave_is_decided_by_the_hod_of_a_course_they_teach_in(app: TestApp) {
        let id = leave_of_staff(&app, cast::TEACHER, "2026-07-01").await;
        for who in [cast::HOD_OF_TWO, cast::HOD_TEACHER] {
            let client = app.sign_in(who).await;
            assert_eq!(app.refused(&client, "decideLeaveRequest", decide(&id, "APPROVE")).await, ["id NOT_FOUND"], "{who}");
        }
        let hod = app.sign_in(cast::HOD).await;
        let marks = app.database.texts("SELECT session_id || ' ' || student_id || status FROM attendance_records ORDER BY id").await;
        let done = hod.done("decideLeaveRequest", decide(&id, "APPROVE"), REQUEST).await;
        assert_eq!(done["leaveRequest"]["status"], "APPROVED");
        hod.done("withdrawLeaveApproval", json!({"id": id}), "").await;
        assert_eq!(marks, app.database.texts("SELECT session_id || ' ' || student_id || status FROM attendance_records ORDER BY id").await);
        app.sign_in(cast::ADMIN).await.done("decideLeaveRequest", decide(&id, "REJECT"), "").await;
    }

    async fn nobody_decides_about_themselves_or_what_they_asked_for(app: TestApp) {
        // An HOD who teaches in the course they head reaches their own request as its HOD; an ADMIN reaches every one.
        app.database
            .execute(&format!("UPDATE courses SET hod_id = {} WHERE id = 1", person("staff", cast::HOD_TEACHER)))
            .await;
        for who in [cast::HOD_TEACHER, cast::ADMIN] {
            let client = app.sign_in(who).await;
            let own = leave_of_staff(&app, who, "2026-07-01").await;
            assert_eq!(app.denied(&client, "decideLeaveRequest", decide(&own, "APPROVE")).await, "FORBIDDEN", "{who}");
            // Not what they asked for, either: for a child of theirs, say.
            let of_child = pending(&app, cast::STUDENT).await;
            app.database.execute(&format!("UPDATE leave_requests SET requested_by = {} WHERE id = (SELECT MAX(id) FROM leave_requests)", account(who))).await;
            assert_eq!(app.denied(&client, "decideLeaveRequest", decide(&of_child, "REJECT")).await, "FORBIDDEN", "{who}");
            app.database.execute(&format!("UPDATE leave_requests SET status = 'APPROVED', decided_by = {}, decided_at = created_at WHERE status = 'PENDING' AND requested_by = {}", account(cast::ADMISSION), account(who))).await;
            for id in [&own, &of_child] {
                assert_eq!(app.denied(&client, "withdrawLeaveApproval", json!({"id": id})).await, "FORBIDDEN", "{who}");
            }
        }
        // Who is asked for by another may not decide either: as a student they are the one it is about.
        let admin = app.sign_in(cast::ADMIN).await;
        app.database.execute(&format!("INSERT INTO students (account_id, name, created_at) VALUES ({}, 'Evening Class', '2026-03-01 08:00:00')", account(cast::ADMIN))).await;
        let own = pending(&app, cast::ADMIN).await;
        app.database.execute(&format!("UPDATE leave_requests SET requested_by = {} WHERE id = (SELECT MAX(id) FROM leave_requests)", account(cast::PARENT))).await;
        assert_eq!(app.denied(&admin, "decideLeaveRequest", decide(&own, "APPROVE")).await, "FORBIDDEN");
    }
}
