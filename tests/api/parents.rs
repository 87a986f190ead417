//! Parents: whose they are, what of them is edited and by whom.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::{
    admission::phone,
    support::{TestApp, errors, of},
};

const PARENT: &str = "parent { id name email phone address photoUrl version students { edges { node { id } } } }";

/// Makes somebody the parent of a student.
async fn adopt(app: &TestApp, email: &str, child: &str) {
    let account = format!("(SELECT id FROM accounts WHERE email = '{email}')");
    let statements = [
        format!(
            "INSERT INTO parents (account_id, name, created_at) VALUES ({account}, 'Adopter', '2026-03-01 00:00:00')"
        ),
        format!(
            "INSERT INTO parent_students (parent_id, student_id) SELECT id, ({}) FROM parents WHERE account_id = {account}",
            of("students", child)
        ),
    ];
    for statement in statements {
        app.database.execute(&statement).await;
    }
}

async fn denied_to_others(app: &TestApp, mutation: &str, input: &Value) {
    for (role, client) in app.everybody().await {
        if !["ADMIN", "HOD", "ADMISSION"].contains(&role) {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(app.denied(&client, mutation, input.clone()).await, code, "{role} {mutation}");
        }
    }
}

on_both! {
    async fn a_parent_is_linked_by_phone_or_made(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let child = app.student(cast::STUDENT).await;
        let link = |name: &str, phone: &str| json!({"studentId": child, "parent": {"name": name, "phone": phone, "email": "New@example.org", "address": "Hill"}});
        let known = admission.done("linkParent", link("Other name", &phone(&app, cast::PARENT_OF_ONE).await), PARENT).await["parent"].clone();
        assert_eq!((&known["id"], &known["email"]), (&json!(app.parent(cast::PARENT_OF_ONE).await), &json!(cast::PARENT_OF_ONE)));
        assert!(known["name"] != "Other name" && known["address"] != "Hill");
        let mut children = vec![json!({"node": {"id": child}}), json!({"node": {"id": app.student(cast::ONLY_CHILD).await}})];
        children.sort_by_key(Value::to_string);
        let mut found = known["students"]["edges"].as_array().unwrap().clone();
        found.sort_by_key(Value::to_string);
        assert_eq!(found, children);
        let new = admission.done("linkParent", link("Olga", "+977 9800000001"), PARENT).await["parent"].clone();
        let expected = json!({"id": new["id"], "name": "Olga", "email": "new@example.org", "phone": "+9779800000001", "address": "Hill", "photoUrl": null,
            "version": 1, "students": {"edges": [{"node": {"id": child}}]}});
        assert_eq!(new, expected);
        assert_eq!(app.number("SELECT count(*) FROM accounts WHERE phone = '+9779800000001' AND password_hash IS NULL").await, 1);
        let teacher = admission.done("linkParent", link("Tara", &phone(&app, cast::TEACHER).await), PARENT).await["parent"].clone();
        assert_eq!((&teacher["name"], &teacher["email"]), (&json!("Tara"), &json!(cast::TEACHER)));
        // Who is linked already stays so, and there is nothing to record.
        let entries = app.number("SELECT count(*) FROM audit_entries").await;
        let again = admission.done("linkParent", link("Olga", "+9779800000001"), PARENT).await["parent"].clone();
        assert_eq!(again, expected);
        assert_eq!(app.number("SELECT count(*) FROM audit_entries").await, entries);
        let entries = app.database.texts("SELECT subject_type FROM audit_entries ORDER BY id").await;
        assert_eq!(entries, ["Student", "Parent", "Student", "Parent", "Student"]);
    }

    async fn a_link_keeps_its_rules(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let child = app.student(cast::STUDENT).await;
        let archived = phone(&app, cast::OTHER_PARENT).await;
        app.database.execute(&format!("UPDATE parents SET archived_at = '2026-03-01 00:00:00' WHERE id = ({})", of("parents", cast::OTHER_PARENT))).await;
        let link = |name: &str, phone: &str, email: &str| json!({"studentId": child, "parent": {"name": name, "phone": phone, "email": email}});
        for (input, expected) in [
            (link(" ", "1", "x"), vec!["parent.phone INVALID", "parent.name REQUIRED", "parent.email INVALID"]),
            (link("A", "", ""), vec!["parent.phone REQUIRED"]),
            (link("A", &phone(&app, cast::STUDENT).await, ""), vec!["parent.phone TAKEN"]),
            (link("A", &phone(&app, cast::SIBLING).await, ""), vec!["parent.phone TAKEN"]),
            (link("A", &archived, ""), vec!["parent.phone TAKEN"]),
            (link("A", "+9779800000001", cast::PARENT), vec!["parent.email TAKEN"]),
            (link("A", "+9779800000001", cast::STUDENT), vec!["parent.email TAKEN"]),
        ] {
            assert_eq!(app.refused(&admission, "linkParent", input).await, expected);
        }
        let mut far = link("A", "+9779800000001", "");
        far["studentId"] = json!(app.parent(cast::PARENT).await);
        assert_eq!(app.refused(&admission, "linkParent", far).await, ["studentId NOT_FOUND"]);
        let own = link("Me", &phone(&app, cast::ADMISSION).await, "");
        assert_eq!(app.denied(&admission, "linkParent", own).await, "FORBIDDEN");
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-01 00:00:00' WHERE id = ({})", of("students", cast::STUDENT))).await;
        let admin = app.sign_in(cast::ADMIN).await;
        let late = link("A", "+9779800000001", "");
        assert_eq!(app.refused(&admin, "linkParent", late).await, ["studentId WRONG_STATUS"]);
        let apart = json!({"studentId": child, "parentId": app.parent(cast::PARENT).await});
        assert_eq!(app.refused(&admin, "unlinkParent", apart).await, ["studentId WRONG_STATUS"]);
    }

    async fn nobody_is_given_somebody_elses_child(app: TestApp) {
        let (child, of_one) = (app.student(cast::ONLY_CHILD).await, phone(&app, cast::PARENT).await);
        let link = json!({"studentId": child, "parent": {"name": "P", "phone": of_one}});
        denied_to_others(&app, "linkParent", &link).await;
        let unlink = json!({"studentId": child, "parentId": app.parent(cast::PARENT_OF_ONE).await});
        denied_to_others(&app, "unlinkParent", &unlink).await;
        // An HOD of another course who teaches there, and one who does not.
        assert_eq!(app.denied(&app.sign_in(cast::HOD_TEACHER).await, "linkParent", link.clone()).await, "FORBIDDEN");
        assert_eq!(app.denied(&app.sign_in(cast::HOD_TEACHER).await, "unlinkParent", unlink.clone()).await, "FORBIDDEN");
        let stranger = app.sign_in(cast::HOD_OF_TWO).await;
        assert_eq!(app.refused(&stranger, "linkParent", link.clone()).await, ["studentId NOT_FOUND"]);
        assert_eq!(app.refused(&stranger, "unlinkParent", unlink.clone()).await, ["studentId NOT_FOUND"]);
        // The HOD of the course may; a parent of another child is none of this one's.
        let hod = app.sign_in(cast::HOD).await;
        let other = json!({"studentId": child, "parentId": app.parent(cast::PARENT).await});
        assert_eq!(app.refused(&hod, "unlinkParent", other).await, ["parentId NOT_FOUND"]);
        assert_eq!(app.refused(&hod, "unlinkParent", json!({"studentId": child, "parentId": child})).await, ["parentId NOT_FOUND"]);
        hod.done("linkParent", link, "").await;
        hod.done("unlinkParent", unlink, "").await;
    }

    async fn who_is_unlinked_reaches_nothing_of_the_child_at_once(app: TestApp) {
        let (parent_client, admission) = (app.sign_in(cast::PARENT_OF_ONE).await, app.sign_in(cast::ADMISSION).await);
        let child = app.student(cast::ONLY_CHILD).await;
        let query = "query($id: ID!) { node(id: $id) { ... on Student { id course { id } batches { id } courseTrackings { id } subjectProgress { id } \
                     routines { id teacher { id } subject { id } } attendanceRecords(first: 3) { edges { node { id session { id } } } } \
                     leaveRequests(first: 3) { edges { node { id } } } } } }";
        let before = parent_client.ask_with(query, json!({"id": child})).await.ok();
        let ids: Vec<String> = before.text.split("\"id\":\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
        assert!(ids.len() > 15, "{}", before.text);
        let unlink = json!({"studentId": child, "parentId": app.parent(cast::PARENT_OF_ONE).await});
        let left = admission.done("unlinkParent", unlink.clone(), "student { id parents { id } }").await;
        assert_eq!(left["student"], json!({"id": child, "parents": []}));
        for id in ids {
            let node = parent_client.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({"id": id})).await.ok();
            assert_eq!(node.at("/node"), &Value::Null, "{id}");
        }
        let lists = "{ students { totalCount } courses { totalCount } batches { totalCount } routines { totalCount } leaveRequests { totalCount } \
                     attendanceSessions { totalCount } courseTrackings { totalCount } staff { totalCount } \
                     meetings(first: 100) { edges { node { students { name } } } } viewer { parent { students { totalCount } } } }";
        let after = parent_client.data(lists).await;
        for list in ["students", "courses", "batches", "routines", "leaveRequests", "attendanceSessions", "courseTrackings", "staff"] {
            assert_eq!(after[list]["totalCount"], 0, "{list}");
        }
        assert_eq!(after["viewer"]["parent"]["students"]["totalCount"], 0);
        assert!(after["meetings"]["edges"].as_array().unwrap().iter().all(|edge| edge["node"]["students"] == json!([])), "{after:#}");
        assert_eq!(app.refused(&admission, "unlinkParent", unlink).await, ["parentId NOT_FOUND"]);
        let entry = app.database.texts("SELECT subject_type || before || after FROM audit_entries").await;
        assert!(entry[0].starts_with("Student{\"parents\":[") && entry[0].ends_with("{\"parents\":[]}"), "{entry:?}");
    }

    async fn a_parent_is_edited(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let id = app.parent(cast::PARENT).await;
        let edit = json!({"id": id, "version": 1, "name": "Olga", "phone": "+977 9800000001", "email": "Olga@Example.org", "address": null,
            "photoUrl": "https://files.example/o.jpg"});
        let after = admission.done("editParent", edit, PARENT).await["parent"].clone();
        let expected = json!({"id": id, "name": "Olga", "email": "olga@example.org", "phone": "+9779800000001", "address": null,
            "photoUrl": "https://files.example/o.jpg", "version": 2, "students": after["students"]});
        assert_eq!(after, expected);
        let kept = admission.done("editParent", json!({"id": id, "version": 2, "email": null}), PARENT).await["parent"].clone();
        assert_eq!((&kept["email"], &kept["phone"], &kept["name"]), (&Value::Null, &json!("+9779800000001"), &json!("Olga")));
        let wrong = json!({"id": id, "version": 2, "name": " ", "phone": phone(&app, cast::STUDENT).await, "email": cast::ADMIN, "photoUrl": "x", "address": "\u{1}"});
        let mut found = app.refused(&admission, "editParent", wrong).await;
        found.sort();
        assert_eq!(found, ["address INVALID", "email TAKEN", "name REQUIRED", "phone TAKEN", "photoUrl INVALID", "version STALE"]);
        assert_eq!(app.refused(&admission, "editParent", json!({"id": id, "version": 3, "phone": null})).await, ["phone REQUIRED"]);
        let unknown = json!({"id": app.student(cast::STUDENT).await, "version": 1});
        assert_eq!(app.refused(&admission, "editParent", unknown).await, ["id NOT_FOUND"]);
        let audited = app.database.texts("SELECT before FROM audit_entries ORDER BY id").await;
        assert!(audited[0].contains(cast::PARENT) && !audited[0].contains("version"), "{audited:?}");
        app.database.execute("UPDATE parents SET archived_at = '2026-03-01 00:00:00' WHERE name = 'Olga'").await;
        let admin = app.sign_in(cast::ADMIN).await;
        assert_eq!(app.refused(&admin, "editParent", json!({"id": id, "version": 3, "name": "X"})).await, ["id WRONG_STATUS"]);
    }

    async fn an_hod_edits_parents_of_theirs_and_their_contact_where_all_children_are(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (one, two) = (app.parent(cast::PARENT_OF_ONE).await, app.parent(cast::PARENT).await);
        hod.done("editParent", json!({"id": one, "version": 1, "phone": "+9779800000001"}), "").await;
        // The other one has a child in another course, too.
        hod.done("editParent", json!({"id": two, "version": 1, "address": "Hill"}), "").await;
        assert_eq!(app.denied(&hod, "editParent", json!({"id": two, "version": 2, "phone": "+9779800000002"})).await, "FORBIDDEN");
        // To link them with a child of one's own makes them no more one's own.
        let stranger = app.sign_in(cast::HOD_OF_TWO).await;
        let take = json!({"id": two, "version": 2, "phone": "+9779800000002"});
        assert_eq!(app.refused(&stranger, "editParent", take.clone()).await, ["id NOT_FOUND"]);
        let own = app.id_of(Kind::Student, "SELECT min(id) FROM students WHERE course_id = (SELECT id FROM courses WHERE code = 'DSN')").await;
        stranger.done("linkParent", json!({"studentId": own, "parent": {"name": "P", "phone": phone(&app, cast::PARENT).await}}), "").await;
        assert_eq!(app.denied(&stranger, "editParent", take).await, "FORBIDDEN");
        // Who teaches a child reaches its parents, and edits nothing of them.
        assert_eq!(app.denied(&app.sign_in(cast::HOD_TEACHER).await, "editParent", json!({"id": one, "version": 2, "name": "X"})).await, "FORBIDDEN");
        denied_to_others(&app, "editParent", &json!({"id": one, "version": 2})).await;
    }

    async fn nobody_takes_over_a_parent_who_may_more_than_they(app: TestApp) {
        let (admin, admission, hod) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::ADMISSION).await, app.sign_in(cast::HOD).await);
        for who in [cast::ADMIN, cast::ADMISSION, cast::HOD_OF_TWO, cast::TEACHER] {
            adopt(&app, who, cast::ONLY_CHILD).await;
            let id = app.parent(who).await;
            for take in [json!({"email": "mine@example.org"}), json!({"phone": "+9779800000001"}), json!({"email": null})] {
                let mut take = take;
                take["id"] = json!(id);
                take["version"] = json!(1);
                assert_eq!(app.denied(&admission, "editParent", take.clone()).await, "FORBIDDEN", "{who}");
                if who != cast::TEACHER {
                    assert_eq!(app.denied(&hod, "editParent", take).await, "FORBIDDEN", "{who}");
                }
            }
            // All else of them may be edited, with the contact as it is.
            let same = json!({"id": id, "version": 1, "name": "X", "email": who, "phone": phone(&app, who).await});
            assert_eq!(errors(&admission.change("editParent", &same, "").await), [""; 0]);
        }
        // Teachers are an HOD's to add and edit, and everybody an ADMIN's.
        hod.done("editParent", json!({"id": app.parent(cast::TEACHER).await, "version": 2, "phone": "+9779800000001"}), "").await;
        admin.done("editParent", json!({"id": app.parent(cast::ADMISSION).await, "version": 2, "phone": "+9779800000002"}), "").await;
    }
}
