//! Who leaves keeps nobody waiting: meetings to come and pending leave end with a teacher, a student, a parent.

use std::collections::BTreeSet;

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::{
    lessons::{account, leave, one, person},
    meetings::{families, in_may, made, offer, with},
    support::{Client, TestApp, errors},
};

/// The meetings of the cast's teacher for which a condition holds.
async fn meetings_of_teacher(app: &TestApp, condition: &str) -> BTreeSet<String> {
    let query = format!("SELECT id FROM meetings WHERE staff_id = {} AND {condition}", person("staff", cast::TEACHER));
    app.database.numbers(&query).await.into_iter().map(|number| app.id(Kind::Meeting, number)).collect()
}

/// A pending request of a parent for a meeting with the cast's teacher.
async fn asked(app: &TestApp, starts_at: &str) -> String {
    let [(_, child), _] = families(app).await;
    let input = json!({"staffId": app.staff(cast::TEACHER).await, "studentId": child, "startsAt": starts_at});
    let id = made(&app.sign_in(cast::PARENT).await, "requestMeeting", input).await["id"].clone();
    id.as_str().unwrap().to_owned()
}

/// What a viewer sees of a meeting; null where they do not reach it.
async fn seen(client: &Client, id: &Value) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on Meeting { status cancellationReason parents { id } } } }";
    client.ask_with(query, json!({"id": id})).await.ok().data["node"].take()
}

/// The subjects of the audit entries of a mutation, each once for each entry.
async fn recorded(app: &TestApp, mutation: &str, kind: &str) -> usize {
    let query = format!("SELECT count(*) FROM audit_entries WHERE action = '{mutation}' AND subject_type = '{kind}'");
    usize::try_from(app.number(&query).await).unwrap()
}

const TO_COME: &str = "(status = 'REQUESTED' OR (open AND starts_at > '2026-03-20 12:00:00'))";

on_both! {
    async fn nobody_waits_for_a_teacher_who_left(app: TestApp) {
        for (mutation, back, reason) in [
            ("deactivateStaff", "activateStaff", "the teacher is not available any more"),
            ("archiveStaff", "restoreStaff", "the teacher has left the institute"),
        ] {
            let (admin, parent) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::PARENT).await);
            let [family, _] = families(&app).await;
            let hour = if mutation == "archiveStaff" { 5 } else { 4 };
            made(&app.sign_in(cast::TEACHER).await, "offerMeeting", offer(&family, &in_may(4, hour, 0))).await;
            let request = asked(&app, &in_may(5, hour, 0)).await;
            let coming = meetings_of_teacher(&app, TO_COME).await;
            assert!(coming.contains(&request) && coming.len() > 1, "{coming:?}");
            let others = format!("SELECT id || ' ' || status || ' ' || version FROM meetings WHERE staff_id <> {} OR NOT {TO_COME}", person("staff", cast::TEACHER));
            let before = app.database.texts(&others).await;
            assert!(before.iter().any(|row| row.contains("SCHEDULED")), "some are overdue");
            for (status, decided) in [("PENDING", "NULL, NULL".to_owned()), ("APPROVED", format!("{}, '2026-03-18 09:00:00'", account(cast::ADMIN)))] {
                let asked = format!(
                    "INSERT INTO leave_requests (staff_id, requested_by, first_day, last_day, message, status, decided_by, decided_at, created_at) \
                     SELECT id, account_id, '2026-05-04', '2026-05-04', 'A wedding.', '{status}', {decided}, '2026-03-18 09:00:00' FROM staff WHERE id = {}",
                    person("staff", cast::TEACHER)
                );
                app.database.execute(&asked).await;
            }

            let waiting = format!("SELECT id FROM leave_requests WHERE status = 'PENDING' AND staff_id = {}", person("staff", cast::TEACHER));
            let pending = app.database.numbers(&waiting).await;
            // They stay until it is said what becomes of the meetings, which are named.
            let input = json!({"id": app.staff(cast::TEACHER).await, "endRoutines": true});
            assert_eq!(app.refused(&admin, mutation, input.clone()).await, ["cancelMeetings IN_USE"], "{mutation}");
            let told = admin.change(mutation, &input, "").await["userErrors"][0]["message"].as_str().unwrap().to_owned();
            assert!(told.contains(&format!("2026-05-04 {:02}:45", hour + 5)), "{told}");
            assert_eq!(told.matches(" to ").count(), coming.len() + 1, "{told}");

            let mut input = with(input, "cancelMeetings", true);
            input["clientMutationId"] = json!(mutation);
            let fields = "cancelledMeetings { id status cancellationReason }";
            let payload = admin.done(mutation, input.clone(), fields).await;
            let cancelled = payload["cancelledMeetings"].as_array().unwrap();
            let ids: BTreeSet<String> = cancelled.iter().map(|meeting| meeting["id"].as_str().unwrap().to_owned()).collect();
            assert_eq!(ids, coming, "{mutation}");
            for meeting in cancelled {
                assert_eq!((&meeting["status"], &meeting["cancellationReason"]), (&json!("CANCELLED"), &json!(reason)));
            }
            let after = app.database.texts(&others).await;
            assert!(before.iter().all(|row| after.contains(row)), "what has begun, and what others hold, stays as it was");
            assert_eq!(seen(&parent, &json!(request)).await["cancellationReason"], reason);
            assert_eq!(app.number("SELECT count(*) FROM meetings m JOIN meeting_parents p ON p.meeting_id = m.id WHERE m.open <> p.open").await, 0);
            let leave = format!("SELECT status FROM leave_requests WHERE staff_id = {} ORDER BY id DESC LIMIT 2", person("staff", cast::TEACHER));
            assert_eq!(app.database.texts(&leave).await, ["APPROVED", "WITHDRAWN"], "{mutation}");
            assert_eq!(recorded(&app, mutation, "Meeting").await, coming.len());
            assert_eq!(recorded(&app, mutation, "LeaveRequest").await, pending.len());
            assert!(app.database.numbers(&waiting).await.is_empty(), "{mutation}");
            let written = app.database.contents().await;
            assert_eq!(admin.done(mutation, input.clone(), fields).await, payload, "once by its key");
            app.database.is_as(&written, "it").await;

            // Who comes back begins anew.
            admin.done(back, json!({"id": input["id"]}), "").await;
            assert_eq!(seen(&parent, &json!(request)).await["status"], "CANCELLED");
            app.database.execute(&format!("UPDATE routines SET active = TRUE WHERE teacher_id = {}", person("staff", cast::TEACHER))).await;
        }
    }

    async fn an_hod_who_lets_a_teacher_go_cancels_their_meetings(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        app.database.execute(&format!("UPDATE routines SET active = FALSE WHERE course_id <> 1 AND teacher_id = {}", person("staff", cast::TEACHER))).await;
        let coming = meetings_of_teacher(&app, TO_COME).await;
        let input = json!({"id": app.staff(cast::TEACHER).await, "endRoutines": true, "cancelMeetings": true});
        let payload = hod.done("deactivateStaff", input, "cancelledMeetings { id }").await;
        // They are no teacher of the HOD's courses any more, and the HOD reaches nothing of theirs.
        assert_eq!(payload["cancelledMeetings"], json!([]));
        assert!(!coming.is_empty() && meetings_of_teacher(&app, TO_COME).await.is_empty());
        // Nothing is given to who may not sign in.
        let [family, _] = families(&app).await;
        let input = with(offer(&family, &in_may(6, 4, 0)), "staffId", app.staff(cast::TEACHER).await);
        assert_eq!(app.refused(&app.sign_in(cast::ADMIN).await, "offerMeeting", input).await, ["staffId WRONG_STATUS"]);
    }

    async fn of_a_meeting_and_a_teacher_who_leaves_at_once_one_is_told_of_the_other(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let new = json!({"name": "Ann Lee", "email": "new@example.org", "roles": ["TEACHER"]});
        let teacher = admin.done("addStaff", new, "staff { id }").await["staff"]["id"].clone();
        let [family, _] = families(&app).await;
        for round in 0..20 {
            let meeting = with(offer(&family, &in_may(1 + round, 4, 0)), "staffId", teacher.clone());
            let leave = json!({"id": teacher});
            let (a, b) = tokio::join!(admin.attempt("offerMeeting", &meeting), admin.attempt("deactivateStaff", &leave));
            let outcomes = [a.as_str(), b.as_str()];
            let fine = outcomes == ["done", "cancelMeetings IN_USE"] || outcomes == ["staffId WRONG_STATUS", "done"];
            assert!(fine, "round {round}: {outcomes:?}");
            app.database.execute("UPDATE meetings SET status = 'CANCELLED', open = FALSE, cancellation_reason = 'x' WHERE starts_at >= '2026-05-01'").await;
            app.database.execute("UPDATE accounts SET active = TRUE WHERE email = 'new@example.org'").await;
        }
    }

    async fn nobody_waits_for_a_student_who_left(app: TestApp) {
        let [family, other] = families(&app).await;
        let (admin, teacher) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::TEACHER).await);
        let both = json!({"parentIds": [family.0, other.0], "studentIds": [family.1, other.1], "startsAt": in_may(4, 4, 0)});
        let both = made(&teacher, "offerMeeting", both).await;
        let alone = made(&teacher, "offerMeeting", offer(&family, &in_may(4, 5, 0))).await;
        let request = json!(asked(&app, &in_may(4, 6, 0)).await);
        let number = one(&app, &person("students", cast::STUDENT)).await;
        app.database.execute("DELETE FROM attendance_excuses").await;
        app.database.execute(&format!("DELETE FROM leave_requests WHERE student_id = {number}")).await;
        let pending = leave(&app, number, "PENDING", "2026-05-04", "2026-05-04").await;
        let approved = leave(&app, number, "APPROVED", "2026-05-05", "2026-05-05").await;
        let past = format!("SELECT id || status || version FROM meetings WHERE starts_at < '2026-03-20 12:00:00' OR NOT {TO_COME} ORDER BY id");
        let before = app.database.texts(&past).await;

        admin.done("archiveStudent", json!({"id": family.1}), "").await;
        for meeting in [&alone["id"], &request] {
            let found = seen(&teacher, meeting).await;
            assert_eq!((&found["status"], &found["cancellationReason"]), (&json!("CANCELLED"), &json!("the student has left the institute")));
        }
        // What is about others as well takes place without the family.
        assert_eq!(seen(&teacher, &both["id"]).await, json!({"status": "SCHEDULED", "cancellationReason": null, "parents": [{"id": other.0}]}));
        let colleague = app.sign_in(cast::HOD_TEACHER).await;
        let sibling = (family.0.clone(), app.student(cast::SIBLING).await);
        made(&colleague, "offerMeeting", offer(&sibling, &in_may(4, 4, 0))).await;
        let parent = app.sign_in(cast::PARENT).await;
        for meeting in [&alone["id"], &request, &both["id"]] {
            assert_eq!(seen(&parent, meeting).await, Value::Null);
        }
        let after = app.database.texts(&past).await;
        assert!(before.iter().all(|row| after.contains(row)), "what is over stays as it was");
        let status = |id: i64| format!("SELECT status FROM leave_requests WHERE id = {id}");
        assert_eq!(app.database.texts(&status(pending)).await, ["WITHDRAWN"]);
        assert_eq!(app.database.texts(&status(approved)).await, ["APPROVED"]);
        assert_eq!(recorded(&app, "archiveStudent", "LeaveRequest").await, 1);
        assert!(recorded(&app, "archiveStudent", "Meeting").await >= 3);
        // Who comes back begins anew.
        admin.done("restoreStudent", json!({"id": family.1}), "").await;
        assert_eq!(seen(&parent, &alone["id"]).await["status"], "CANCELLED");
        assert_eq!(app.database.texts(&status(pending)).await, ["WITHDRAWN"]);
    }

    async fn a_parent_has_no_part_in_meetings_about_a_child_who_is_theirs_no_more(app: TestApp) {
        let (parent, other) = (app.parent(cast::PARENT).await, app.parent(cast::OTHER_PARENT).await);
        let (child, sibling) = (app.student(cast::STUDENT).await, app.student(cast::SIBLING).await);
        let (teacher, both) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::HOD_TEACHER).await);
        let (client, co_parent) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::OTHER_PARENT).await);
        let meeting = |parents: &[&String], hour: usize| json!({"parentIds": parents, "studentIds": [child], "startsAt": in_may(4, hour, 0)});
        let with_both = made(&teacher, "offerMeeting", meeting(&[&parent, &other], 4)).await;
        let alone = made(&teacher, "offerMeeting", meeting(&[&parent], 5)).await;
        let of_other = made(&teacher, "offerMeeting", meeting(&[&other], 6)).await;
        let of_sibling = made(&both, "offerMeeting", offer(&(parent.clone(), sibling), &in_may(4, 7, 0))).await;
        let request = json!(asked(&app, &in_may(4, 8, 0)).await);
        let completed = format!(
            "SELECT MIN(m.id) FROM meetings m JOIN meeting_parents p ON p.meeting_id = m.id WHERE m.status = 'COMPLETED' AND p.parent_id = {}",
            person("parents", cast::PARENT)
        );
        let completed = json!(app.id_of(Kind::Meeting, &completed).await);
        assert_eq!(seen(&client, &completed).await["status"], "COMPLETED");

        app.sign_in(cast::ADMISSION).await.done("unlinkParent", json!({"studentId": child, "parentId": parent}), "").await;
        for id in [&with_both["id"], &alone["id"], &of_other["id"], &request, &completed] {
            assert_eq!(seen(&client, id).await, Value::Null, "{id}");
            assert_eq!(app.refused(&client, "cancelMeeting", json!({"id": id, "reason": "x"})).await, ["id NOT_FOUND"]);
        }
        let listed = client.data("{ meetings(first: 100) { edges { node { students { id } } } } viewer { parent { meetings(first: 100) { edges { node { students { id } } } } } } }").await;
        for list in [&listed["meetings"]["edges"], &listed["viewer"]["parent"]["meetings"]["edges"]] {
            assert!(!list.as_array().unwrap().is_empty());
            assert!(list.as_array().unwrap().iter().all(|edge| edge["node"]["students"] != json!([])), "{listed:#}");
        }
        assert_eq!(seen(&client, &of_sibling["id"]).await["status"], "SCHEDULED");
        // Who is left goes on; where nobody is, there is no meeting.
        assert_eq!(seen(&co_parent, &with_both["id"]).await, json!({"status": "SCHEDULED", "cancellationReason": null, "parents": [{"id": other}]}));
        assert_eq!(seen(&co_parent, &of_other["id"]).await["status"], "SCHEDULED");
        for id in [&alone["id"], &request] {
            let found = seen(&co_parent, id).await;
            let reason = "nobody who was to take part is a parent of the student any more";
            assert_eq!((&found["status"], &found["cancellationReason"]), (&json!("CANCELLED"), &json!(reason)));
        }
        assert_eq!(seen(&co_parent, &completed).await["status"], "COMPLETED");
        let entries = "SELECT subject_type || ' ' || before || ' ' || after FROM audit_entries WHERE action = 'unlinkParent' AND before LIKE '{\"parents\":%' ORDER BY id";
        let entries = app.database.texts(entries).await;
        assert!(entries[0].starts_with("Student ") && entries.len() > 1, "{entries:?}");
        assert!(entries[1..].iter().all(|entry| entry.starts_with("Meeting ")), "{entries:?}");
        // The hour is free again.
        let again = offer(&(parent, app.student(cast::SIBLING).await), &in_may(4, 4, 0));
        assert_eq!(errors(&both.change("offerMeeting", &again, "").await), [""; 0]);
    }
}
