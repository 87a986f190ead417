//! Students as they are edited, join and leave batches, and are archived and restored.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::{
    admission::phone,
    support::{Client, PASSWORD, TestApp, errors, of},
};

const STUDENT: &str = "student { id name email phone gender birthDate temporaryAddress permanentAddress photoUrl status joiningDate version \
                       batches { name } }";

/// Whether somebody can sign in.
async fn can_sign_in(app: &TestApp, email: &str) -> bool {
    let input = json!({"identifier": email, "password": PASSWORD});
    errors(&app.anonymous().change("signIn", &input, "").await).is_empty()
}

/// Makes the account of a student that of a staff member with this role, too.
async fn also_staff(app: &TestApp, email: &str, role: &str) {
    let account = format!("(SELECT id FROM accounts WHERE email = '{email}')");
    let statements = [
        format!("INSERT INTO staff (account_id, name, created_at) VALUES ({account}, 'Both', '2026-03-01 00:00:00')"),
        format!("INSERT INTO staff_roles (staff_id, role) SELECT id, '{role}' FROM staff WHERE account_id = {account}"),
    ];
    for statement in statements {
        app.database.execute(&statement).await;
    }
}

async fn denied_to_others(app: &TestApp, mutation: &str, input: &Value, may: &[&str]) {
    for (role, client) in app.everybody().await {
        if !may.contains(&role) {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(app.denied(&client, mutation, input.clone()).await, code, "{role} {mutation}");
        }
    }
}

/// What an HOD of the student's course does; one of a course that the student is taught in by them may not, and another
/// one does not reach them.
async fn only_the_hod_of_the_course(app: &TestApp, mutation: &str, path: &str, input: Value) -> Client {
    assert_eq!(
        app.denied(&app.sign_in(cast::HOD_TEACHER).await, mutation, input.clone()).await,
        "FORBIDDEN",
        "{mutation}"
    );
    let stranger = app.sign_in(cast::HOD_OF_TWO).await;
    let absent = format!("{path} NOT_FOUND");
    assert_eq!(app.refused(&stranger, mutation, input.clone()).await, [absent], "{mutation}");
    let hod = app.sign_in(cast::HOD).await;
    hod.done(mutation, input, "").await;
    hod
}

on_both! {
    async fn a_student_is_edited(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let id = app.student(cast::STUDENT).await;
        let edit = json!({
            "id": id, "version": 1, "name": "Nina Vale", "email": "Nina@Example.org", "phone": "+977 9800000001", "gender": null, "birthDate": "2005-01-02",
            "temporaryAddress": "Hostel", "permanentAddress": null, "maritalStatus": "MARRIED", "citizenshipNumber": "C-9",
            "photoUrl": "https://files.example/n.jpg", "joiningDate": "2025-09-01",
        });
        let after = admission.done("editStudent", edit, STUDENT).await["student"].clone();
        let expected = json!({
            "id": id, "name": "Nina Vale", "email": "nina@example.org", "phone": "+9779800000001", "gender": null, "birthDate": "2005-01-02",
            "temporaryAddress": "Hostel", "permanentAddress": null, "photoUrl": "https://files.example/n.jpg", "status": "ACTIVE",
            "joiningDate": "2025-09-01", "version": 2, "batches": after["batches"],
        });
        assert_eq!(after, expected);
        assert!(can_sign_in(&app, "nina@example.org").await && !can_sign_in(&app, cast::STUDENT).await);
        // What is left out stays.
        let kept = admission.done("editStudent", json!({"id": id, "version": 2, "name": "Nina"}), "student { email maritalStatus citizenshipNumber joiningDate }").await;
        let rest = json!({"email": "nina@example.org", "maritalStatus": "MARRIED", "citizenshipNumber": "C-9", "joiningDate": "2025-09-01"});
        assert_eq!(kept["student"], rest);
        let audited = app.database.texts("SELECT after FROM audit_entries ORDER BY id").await;
        assert!(audited[0].contains("\"email\":\"nina@example.org\"") && audited[0].contains("\"citizenship_number\":\"C-9\""), "{audited:?}");
        assert_eq!(audited[1], "{\"name\":\"Nina\"}");
    }

    async fn all_that_is_wrong_with_an_edit_is_said_at_once(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let id = app.student(cast::STUDENT).await;
        let wrong = json!({
            "id": id, "version": 9, "name": null, "email": cast::PARENT, "phone": phone(&app, cast::ADMIN).await, "birthDate": "2026-03-21",
            "joiningDate": "2026-03-22", "photoUrl": "x", "citizenshipNumber": "a\nb", "temporaryAddress": "\u{0}", "permanentAddress": "a".repeat(10_001),
        });
        let mut found = app.refused(&admission, "editStudent", wrong).await;
        found.sort();
        let expected = [
            "birthDate IN_FUTURE", "citizenshipNumber INVALID", "email TAKEN", "joiningDate IN_FUTURE", "name REQUIRED", "permanentAddress TOO_LONG",
            "phone TAKEN", "photoUrl INVALID", "temporaryAddress INVALID", "version STALE",
        ];
        assert_eq!(found, expected);
        let edit = |fields: Value| {
            let mut input = json!({"id": id, "version": 1});
            input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            input
        };
        for (fields, error) in [
            (json!({"birthDate": "2026-03-20"}), "birthDate OUT_OF_RANGE"),
            (json!({"joiningDate": "1990-01-01"}), "joiningDate OUT_OF_RANGE"),
            (json!({"email": "x"}), "email INVALID"),
            (json!({"phone": "x"}), "phone INVALID"),
            (json!({"email": null, "phone": " "}), "email REQUIRED"),
        ] {
            assert_eq!(app.refused(&admission, "editStudent", edit(fields)).await, [error]);
        }
        let unknown = json!({"id": app.id(Kind::Parent, 1), "version": 1});
        assert_eq!(app.refused(&admission, "editStudent", unknown).await, ["id NOT_FOUND"]);
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-01 00:00:00' WHERE id = ({})", of("students", cast::STUDENT))).await;
        assert_eq!(app.refused(&admission, "editStudent", edit(json!({"name": "X"}))).await, ["id NOT_FOUND"]);
        let admin = app.sign_in(cast::ADMIN).await;
        assert_eq!(app.refused(&admin, "editStudent", edit(json!({"name": "X"}))).await, ["id WRONG_STATUS"]);
    }

    async fn an_hod_edits_their_own_and_not_what_they_may_not_read(app: TestApp) {
        let id = app.student(cast::STUDENT).await;
        let edit = json!({"id": id, "version": 1, "name": "Nina", "phone": "+9779800000001"});
        let hod = only_the_hod_of_the_course(&app, "editStudent", "id", edit.clone()).await;
        for civil in [json!({"id": id, "version": 2, "citizenshipNumber": "C"}), json!({"id": id, "version": 2, "maritalStatus": null})] {
            assert_eq!(app.denied(&hod, "editStudent", civil).await, "FORBIDDEN");
        }
        denied_to_others(&app, "editStudent", &json!({"id": id, "version": 2}), &["ADMIN", "HOD", "ADMISSION"]).await;
    }

    async fn nobody_takes_over_an_account_that_may_more_than_they(app: TestApp) {
        let id = app.student(cast::STUDENT).await;
        let (admin, admission, hod) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::ADMISSION).await, app.sign_in(cast::HOD).await);
        let edit = |version: i32, email: &str| json!({"id": id, "version": version, "email": email, "name": "Nina"});
        let (mut version, mut email) = (1, cast::STUDENT);
        for (role, hod_may) in [("TEACHER", true), ("ADMISSION", false), ("HOD", false), ("ADMIN", false)] {
            app.database.execute("DELETE FROM staff_roles WHERE staff_id IN (SELECT id FROM staff WHERE name = 'Both')").await;
            app.database.execute("DELETE FROM staff WHERE name = 'Both'").await;
            also_staff(&app, email, role).await;
            assert_eq!(app.denied(&admission, "editStudent", edit(version, "mine@example.org")).await, "FORBIDDEN", "{role}");
            // Also where the staff member is archived: who comes back has their roles again.
            app.database.execute("UPDATE staff SET archived_at = '2026-03-01 00:00:00' WHERE name = 'Both'").await;
            assert_eq!(app.denied(&admission, "editStudent", edit(version, "mine@example.org")).await, "FORBIDDEN", "{role}");
            if hod_may {
                email = "teaches@example.org";
                hod.done("editStudent", edit(version, email), "").await;
                version += 1;
            } else {
                assert_eq!(app.denied(&hod, "editStudent", edit(version, "mine@example.org")).await, "FORBIDDEN", "{role}");
            }
            // The rest of the student is theirs to edit, with the contact as it is.
            admission.done("editStudent", edit(version, &email.to_uppercase()), "").await;
            version += 1;
        }
        admin.done("editStudent", edit(version, "new@example.org"), "").await;
        // A student who is the parent of somebody in another course.
        let account = format!("SELECT account_id FROM students WHERE id = ({})", of("students", cast::ONLY_CHILD));
        app.database.execute(&format!("INSERT INTO parents (account_id, name, created_at) VALUES (({account}), 'Young', '2026-03-01 00:00:00')")).await;
        let sibling = of("students", cast::SIBLING);
        app.database.execute(&format!("INSERT INTO parent_students (parent_id, student_id) SELECT id, ({sibling}) FROM parents WHERE name = 'Young'")).await;
        let young = json!({"id": app.student(cast::ONLY_CHILD).await, "version": 1, "phone": "+9779800000001"});
        assert_eq!(app.denied(&hod, "editStudent", young.clone()).await, "FORBIDDEN");
        admission.done("editStudent", young, "").await;
    }

    async fn of_two_edits_of_what_both_have_read_one_is_made(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let id = app.student(cast::STUDENT).await;
        for version in 1..=25 {
            let name = json!({"id": id, "version": version, "name": format!("N {version}")});
            let batches = json!({"studentId": id, "version": version});
            let (a, b) = tokio::join!(admission.change("editStudent", &name, ""), admission.change("setStudentBatches", &batches, ""));
            let mut outcomes = [errors(&a), errors(&b)];
            outcomes.sort();
            assert_eq!(outcomes, [vec![], vec!["version STALE".to_owned()]]);
        }
    }

    async fn a_status_is_changed(app: TestApp) {
        let id = app.student(cast::STUDENT).await;
        let leave = json!({"id": id, "version": 1, "status": "LEAVE"});
        let hod = only_the_hod_of_the_course(&app, "changeStudentStatus", "id", leave.clone()).await;
        assert_eq!(app.refused(&hod, "changeStudentStatus", leave).await, ["version STALE", "status WRONG_STATUS"]);
        let admission = app.sign_in(cast::ADMISSION).await;
        for (version, status) in [(2, "ACTIVE"), (3, "COMPLETED")] {
            let done = admission.done("changeStudentStatus", json!({"id": id, "version": version, "status": status}), STUDENT).await;
            assert_eq!((&done["student"]["status"], &done["student"]["version"]), (&json!(status), &json!(version + 1)));
        }
        assert_eq!(app.database.texts("SELECT before || after FROM audit_entries ORDER BY id").await[0], "{\"status\":\"ACTIVE\"}{\"status\":\"LEAVE\"}");
        let input = json!({"id": id, "version": 4, "status": "ACTIVE"});
        denied_to_others(&app, "changeStudentStatus", &input, &["ADMIN", "HOD", "ADMISSION"]).await;
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-01 00:00:00' WHERE id = ({})", of("students", cast::STUDENT))).await;
        assert_eq!(app.refused(&app.sign_in(cast::ADMIN).await, "changeStudentStatus", input).await, ["id WRONG_STATUS"]);
    }

    async fn batches_are_joined_and_left(app: TestApp) {
        let number = app.number(&of("students", cast::STUDENT)).await;
        let student = app.id(Kind::Student, number);
        for (name, day) in [("New", "'2026-01-10'"), ("Newer", "'2026-02-10'"), ("Next", "'2026-09-01'"), ("Closed", "NULL")] {
            app.database.execute(&format!("INSERT INTO batches (name, start_date, active) VALUES ('{name}', {day}, {})", name != "Closed")).await;
        }
        let mut batches = Vec::new();
        for name in ["New", "Newer", "Next", "Closed"] {
            batches.push(app.id_of(Kind::Batch, &format!("SELECT id FROM batches WHERE name = '{name}'")).await);
        }
        let [new, newer, next, closed] = [0, 1, 2, 3].map(|i| batches[i].clone());
        let old: Vec<String> = app.database.numbers(&format!("SELECT batch_id FROM batch_students WHERE student_id = {number}")).await.into_iter()
            .map(|batch| app.id(Kind::Batch, batch)).collect();
        app.database.execute(&format!("UPDATE students SET joining_date = NULL WHERE id = {number}")).await;
        let set = |version: i32, add: &[&String], remove: &[&String]| json!({"studentId": student, "version": version, "add": add, "remove": remove});
        let old: Vec<&String> = old.iter().collect();
        let hod = only_the_hod_of_the_course(&app, "setStudentBatches", "studentId", set(1, &[&next], &[])).await;
        let none = hod.data(&format!("{{ node(id: \"{student}\") {{ ... on Student {{ joiningDate batches {{ name }} }} }} }}")).await;
        assert_eq!(none["node"]["joiningDate"], Value::Null, "nobody joined in the future");
        let done = hod.done("setStudentBatches", set(2, &[&newer, &new, &next], &old), STUDENT).await["student"].clone();
        let names = json!([{"name": "New"}, {"name": "Newer"}, {"name": "Next"}]);
        assert_eq!((&done["joiningDate"], &done["batches"], &done["version"]), (&json!("2026-01-10"), &names, &json!(3)));
        let audited = app.database.texts("SELECT after FROM audit_entries ORDER BY id DESC").await.remove(0);
        assert!(audited.contains("\"joining_date\":\"2026-01-10\"") && audited.contains("\"batches\":["), "{audited}");

        let admission = app.sign_in(cast::ADMISSION).await;
        let absent = app.id(Kind::Batch, 999);
        let mut found = app.refused(&admission, "setStudentBatches", set(2, &[&new, &absent, &closed], &[&new, &closed])).await;
        found.sort();
        assert_eq!(found, ["add NOT_FOUND", "add WRONG_STATUS", "remove DUPLICATE", "remove NOT_FOUND", "version STALE"]);
        let many = vec![&next; 21];
        assert_eq!(app.refused(&admission, "setStudentBatches", set(3, &many, &many)).await, ["add OUT_OF_RANGE", "remove OUT_OF_RANGE", "remove DUPLICATE"]);
        app.database.execute(&format!("UPDATE students SET joining_date = NULL, birth_date = '2026-01-10' WHERE id = {number}")).await;
        assert_eq!(app.refused(&admission, "setStudentBatches", set(3, &[&new], &[])).await, ["add OUT_OF_RANGE"]);
        denied_to_others(&app, "setStudentBatches", &set(3, &[], &[]), &["ADMIN", "HOD", "ADMISSION"]).await;
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-01 00:00:00' WHERE id = {number}")).await;
        assert_eq!(app.refused(&app.sign_in(cast::ADMIN).await, "setStudentBatches", set(3, &[], &[])).await, ["studentId WRONG_STATUS"]);
    }

    async fn a_student_is_archived_and_comes_back(app: TestApp) {
        let id = app.student(cast::STUDENT).await;
        let (student, parent, admin) = (app.sign_in(cast::STUDENT).await, app.sign_in(cast::PARENT).await, app.sign_in(cast::ADMIN).await);
        let input = json!({"id": id});
        denied_to_others(&app, "archiveStudent", &input, &["ADMIN", "HOD"]).await;
        denied_to_others(&app, "restoreStudent", &input, &["ADMIN"]).await;
        assert_eq!(app.refused(&admin, "restoreStudent", input.clone()).await, ["id WRONG_STATUS"]);
        let hod = only_the_hod_of_the_course(&app, "archiveStudent", "id", input.clone()).await;
        let node = "query($id: ID!) { viewer { roles } node(id: $id) { id } }";
        for (who, client) in [("hod", &hod), ("parent", &parent), ("student", &student)] {
            assert_eq!(client.ask_with(node, input.clone()).await.ok().at("/node"), &Value::Null, "{who}");
        }
        assert_eq!(student.data("{ viewer { roles } }").await["viewer"], Value::Null, "the session ended");
        assert!(!can_sign_in(&app, cast::STUDENT).await);
        assert_eq!(app.refused(&hod, "archiveStudent", input.clone()).await, ["id NOT_FOUND"]);
        assert_eq!(app.refused(&admin, "archiveStudent", input.clone()).await, ["id WRONG_STATUS"]);
        let archived = admin.ask_with("query($id: ID!) { node(id: $id) { ... on Student { archivedAt version } } }", input.clone()).await.ok();
        assert_eq!(archived.at("/node"), &json!({"archivedAt": "2026-03-20T12:00:00+00:00", "version": 2}));
        let back = admin.done("restoreStudent", input.clone(), "student { id archivedAt course { code } }").await;
        assert_eq!(back["student"], json!({"id": id, "archivedAt": null, "course": {"code": "BUS"}}));
        assert!(can_sign_in(&app, cast::STUDENT).await);
        assert_eq!(student.data("{ viewer { roles } }").await["viewer"], Value::Null, "an old session does not come back");
        assert_eq!(parent.ask_with(node, input).await.ok().at("/node/id"), &json!(id));
        let entries = app.database.texts("SELECT action || ' ' || subject_type FROM audit_entries ORDER BY id").await;
        let expected = [
            "archiveStudent Student", "archiveStudent Meeting", "archiveStudent LeaveRequest", "archiveStudent Account",
            "restoreStudent Student", "restoreStudent Account",
        ];
        assert_eq!(entries, expected);
    }

    async fn an_account_that_somebody_else_has_too_stays_open(app: TestApp) {
        also_staff(&app, cast::STUDENT, "TEACHER").await;
        let admin = app.sign_in(cast::ADMIN).await;
        admin.done("archiveStudent", json!({"id": app.student(cast::STUDENT).await}), "").await;
        let both = app.sign_in(cast::STUDENT).await;
        assert_eq!(both.data("{ viewer { roles } }").await["viewer"]["roles"], json!(["STAFF"]));
    }
}
