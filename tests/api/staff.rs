//! Staff: who adds and edits them, which roles they hold, and what happens when they leave.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp, of};

const STAFF: &str = "staff { id name version email phone active roles designation gender birthDate temporaryAddress permanentAddress \
                     maritalStatus citizenshipNumber passportNumber nextOfKin photoUrl joiningDate archivedAt }";

async fn version(app: &TestApp, email: &str) -> i64 {
    let query = format!(
        "SELECT CAST(s.version AS bigint) FROM staff s JOIN accounts a ON a.id = s.account_id WHERE a.email = '{email}'"
    );
    app.number(&query).await
}

/// An edit of a staff member as they are now.
async fn edit(app: &TestApp, email: &str, fields: Value) -> Value {
    let mut input = json!({"id": app.staff(email).await, "version": version(app, email).await});
    input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    input
}

fn person(email: &str, roles: &[&str]) -> Value {
    json!({"name": "Ann Lee", "email": email, "roles": roles})
}

async fn signed_in(client: &Client) -> bool {
    !client.data("{ viewer { roles } }").await["viewer"].is_null()
}

/// Puts somebody at ease who could stand in the way: a second administrator who can sign in.
async fn second_admin(app: &TestApp) {
    app.database
        .execute(&format!(
            "INSERT INTO staff_roles (staff_id, role) VALUES (({}), 'ADMIN')",
            of("staff", cast::ADMISSION)
        ))
        .await;
}

on_both! {
    async fn a_staff_member_is_added_with_an_account_that_has_no_password(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let input = json!({
            "name": " Ann Lee ", "email": "Ann.Lee@Example.org", "phone": "+977 981-2345678", "roles": ["TEACHER", "ADMISSION"],
            "designation": "Lecturer", "gender": "FEMALE", "birthDate": "1990-02-01", "temporaryAddress": "Here", "permanentAddress": "There",
            "maritalStatus": "MARRIED", "citizenshipNumber": "C-1", "passportNumber": "P-1", "nextOfKin": "Bo Lee",
            "photoUrl": "https://files.example.org/ann.jpg", "joiningDate": "2026-03-20", "clientMutationId": "k1",
        });
        let made = admin.done("addStaff", input.clone(), STAFF).await["staff"].clone();
        let mut expected = input.clone();
        for (field, value) in [
            ("id", made["id"].clone()), ("name", json!("Ann Lee")), ("email", json!("ann.lee@example.org")), ("phone", json!("+9779812345678")),
            ("version", json!(1)), ("active", json!(true)), ("archivedAt", Value::Null), ("roles", json!(["ADMISSION", "TEACHER"])),
        ] {
            expected[field] = value;
        }
        expected.as_object_mut().unwrap().remove("clientMutationId");
        assert_eq!(made, expected);
        assert_eq!(admin.done("addStaff", input, STAFF).await["staff"], made, "once by its key");
        assert_eq!(app.number("SELECT count(*) FROM accounts WHERE email = 'ann.lee@example.org' AND password_hash IS NULL AND active").await, 1);
        let about = format!("{{ auditEntries(filter: {{subjectId: {}}}) {{ edges {{ node {{ action changes {{ field after }} }} }} }} }}", made["id"]);
        let entry = admin.data(&about).await["auditEntries"]["edges"][0]["node"].clone();
        for (field, after) in [("email", "\"ann.lee@example.org\""), ("roles", "[\"TEACHER\",\"ADMISSION\"]")] {
            assert!(entry["changes"].as_array().unwrap().contains(&json!({"field": field, "after": after})), "{entry:#}");
        }
    }

    async fn all_that_is_wrong_with_a_staff_member_is_said_at_once(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let phone = app.database.texts("SELECT phone FROM accounts WHERE phone IS NOT NULL ORDER BY id LIMIT 1").await.remove(0);
        let wrong = json!({
            "name": " ", "email": cast::PARENT.to_uppercase(), "phone": phone, "roles": ["TEACHER", "TEACHER"], "designation": "a\nb",
            "birthDate": "2026-03-22", "joiningDate": "2026-03-21", "photoUrl": "x", "nextOfKin": "x".repeat(201),
        });
        let mut errors = app.refused(&admin, "addStaff", wrong).await;
        errors.sort();
        let expected = [
            "birthDate IN_FUTURE", "designation INVALID", "email TAKEN", "joiningDate IN_FUTURE", "joiningDate OUT_OF_RANGE", "name REQUIRED",
            "nextOfKin TOO_LONG", "phone TAKEN", "photoUrl INVALID", "roles DUPLICATE",
        ];
        assert_eq!(errors, expected);
        let nothing = json!({"name": "Ann Lee", "email": " ", "roles": []});
        assert_eq!(app.refused(&admin, "addStaff", nothing).await, ["email REQUIRED", "roles REQUIRED"]);
        let shapeless = json!({"name": "Ann Lee", "email": "x", "phone": "12", "roles": ["TEACHER"]});
        assert_eq!(app.refused(&admin, "addStaff", shapeless).await, ["email INVALID", "phone INVALID"]);

        let of = |fields: Value| edit(&app, cast::TEACHER, fields);
        let mut wrong = of(json!({"name": null, "email": cast::PARENT, "phone": null, "birthDate": "2026-03-20", "joiningDate": "2026-03-20"})).await;
        wrong["version"] = json!(7);
        let mut errors = app.refused(&admin, "editStaff", wrong).await;
        errors.sort();
        assert_eq!(errors, ["email TAKEN", "joiningDate OUT_OF_RANGE", "name REQUIRED", "version STALE"]);
        assert_eq!(app.refused(&admin, "editStaff", of(json!({"email": null, "phone": null})).await).await, ["email REQUIRED"]);
        assert_eq!(app.refused(&admin, "editStaff", of(json!({"birthDate": "2026-03-20"})).await).await, ["birthDate OUT_OF_RANGE"]);
        let unknown = app.id(Kind::Student, 1);
        for (mutation, input) in [
            ("editStaff", json!({"id": unknown, "version": 1})),
            ("setStaffRoles", json!({"id": unknown, "version": 1, "roles": ["TEACHER"]})),
            ("deactivateStaff", json!({"id": unknown})),
            ("activateStaff", json!({"id": unknown})),
            ("archiveStaff", json!({"id": unknown})),
            ("restoreStaff", json!({"id": unknown})),
        ] {
            assert_eq!(app.refused(&admin, mutation, input).await, ["id NOT_FOUND"], "{mutation}");
        }
    }

    async fn a_staff_member_is_edited(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let fields = json!({
            "name": "Ann Lee", "email": "ann@example.org", "phone": null, "designation": null, "gender": "OTHER", "birthDate": "1980-01-01",
            "temporaryAddress": null, "permanentAddress": "There", "maritalStatus": null, "citizenshipNumber": "C-9", "passportNumber": null,
            "nextOfKin": "Bo", "photoUrl": "https://files.example.org/a.jpg", "joiningDate": "2020-01-01",
        });
        let edited = admin.done("editStaff", edit(&app, cast::TEACHER, fields.clone()).await, STAFF).await["staff"].clone();
        for (field, value) in fields.as_object().unwrap() {
            assert_eq!(&edited[field], value, "{field}");
        }
        assert_eq!(edited["version"], 2);
        // What is left out stays, and the account is theirs by the new address.
        let kept = admin.done("editStaff", json!({"id": edited["id"], "version": 2}), STAFF).await["staff"].clone();
        assert_eq!((&kept["name"], &kept["email"], &kept["version"]), (&json!("Ann Lee"), &json!("ann@example.org"), &json!(3)));
        assert!(signed_in(&app.sign_in("ann@example.org").await).await);
        let about = format!("{{ auditEntries(filter: {{subjectId: {}, action: \"editStaff\"}}) {{ edges {{ node {{ changes {{ field before after }} }} }} }} }}", edited["id"]);
        let entries = admin.data(&about).await["auditEntries"]["edges"].clone();
        assert_eq!(entries[0]["node"]["changes"], json!([]));
        let moved = json!({"field": "email", "before": format!("\"{}\"", cast::TEACHER), "after": "\"ann@example.org\""});
        assert!(entries[1]["node"]["changes"].as_array().unwrap().contains(&moved));
    }

    async fn an_hod_adds_and_edits_teachers_and_nobody_else(app: TestApp) {
        let (hod, of_two) = (app.sign_in(cast::HOD).await, app.sign_in(cast::HOD_OF_TWO).await);
        let made = hod.done("addStaff", person("new@example.org", &["TEACHER"]), "staff { id name }").await;
        assert_eq!(made["staff"]["name"], "Ann Lee");
        for roles in [vec!["ADMIN"], vec!["HOD"], vec!["TEACHER", "HOD"], vec!["ADMISSION", "TEACHER"], vec![]] {
            assert_eq!(app.denied(&hod, "addStaff", person("x@example.org", &roles)).await, "FORBIDDEN", "{roles:?}");
        }
        let fields = json!({"name": "Bo Lee", "designation": "Reader", "photoUrl": null, "email": "bo@example.org", "phone": "+9779800000001"});
        let card = "staff { name designation photoUrl email phone active version }";
        let edited = hod.done("editStaff", edit(&app, cast::TEACHER, fields).await, card).await["staff"].clone();
        assert_eq!((&edited["email"], &edited["phone"], &edited["version"]), (&json!("bo@example.org"), &json!("+9779800000001"), &json!(2)));
        app.database.execute(&format!("UPDATE accounts SET email = '{}' WHERE email = 'bo@example.org'", cast::TEACHER)).await;
        for (field, value) in [
            ("gender", json!("OTHER")), ("birthDate", json!("1980-01-01")), ("temporaryAddress", json!("x")), ("permanentAddress", Value::Null),
            ("maritalStatus", Value::Null), ("citizenshipNumber", json!("x")), ("passportNumber", json!("x")), ("nextOfKin", json!("x")),
            ("joiningDate", json!("2020-01-01")),
        ] {
            let input = edit(&app, cast::TEACHER, json!({field: value})).await;
            assert_eq!(app.denied(&hod, "editStaff", input).await, "FORBIDDEN", "{field}");
        }
        // The HOD who teaches here, a teacher of others' courses, who is no teacher, ADMIN, and themselves.
        for email in [cast::HOD_TEACHER, cast::TEACHER_WHO_LEFT_CLASS, cast::ADMISSION, cast::ADMIN, cast::HOD] {
            for fields in [json!({"name": "Mine"}), json!({"email": "mine@example.org"}), json!({"phone": null})] {
                assert_eq!(app.denied(&hod, "editStaff", edit(&app, email, fields).await).await, "FORBIDDEN", "{email}");
            }
            for mutation in ["deactivateStaff", "archiveStaff"] {
                let input = json!({"id": app.staff(email).await, "endRoutines": true, "cancelMeetings": true});
                assert_eq!(app.denied(&hod, mutation, input).await, "FORBIDDEN", "{email}");
            }
        }
        assert_eq!(app.denied(&of_two, "editStaff", edit(&app, cast::TEACHER, json!({"name": "Mine"})).await).await, "FORBIDDEN");
        // Who heads nothing is nobody's HOD.
        app.database.execute(&format!("UPDATE courses SET hod_id = NULL WHERE hod_id = ({})", of("staff", cast::HOD))).await;
        assert_eq!(app.denied(&hod, "addStaff", person("y@example.org", &["TEACHER"])).await, "FORBIDDEN");
    }

    async fn who_is_a_parent_elsewhere_keeps_what_they_sign_in_with(app: TestApp) {
        let hod = app.sign_in(cast::HOD_TEACHER).await;
        hod.done("editStaff", edit(&app, cast::TEACHER_PARENT, json!({"name": "Ann Quire"})).await, "").await;
        let email = edit(&app, cast::TEACHER_PARENT, json!({"email": "mine@example.org"})).await;
        assert_eq!(app.denied(&hod, "editStaff", email).await, "FORBIDDEN");
        let id = app.staff(cast::TEACHER_PARENT).await;
        app.database.execute(&format!("UPDATE routines SET active = FALSE WHERE course_id <> 2 AND teacher_id = ({})", of("staff", cast::TEACHER_PARENT))).await;
        assert_eq!(app.denied(&hod, "deactivateStaff", json!({"id": id, "endRoutines": true, "cancelMeetings": true})).await, "FORBIDDEN");
        // To be archived as staff leaves them what else they are.
        hod.done("archiveStaff", json!({"id": id, "endRoutines": true, "cancelMeetings": true}), "").await;
        let parent = app.sign_in(cast::TEACHER_PARENT).await;
        assert_eq!(parent.data("{ viewer { roles staff { id } } }").await["viewer"], json!({"roles": ["PARENT"], "staff": null}));
    }

    async fn roles_are_given_and_taken(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let roles_of = |email: &'static str, roles: Value| edit(&app, email, json!({"roles": roles}));
        let given = admin.done("setStaffRoles", roles_of(cast::ADMISSION, json!(["TEACHER", "ADMIN"])).await, STAFF).await["staff"].clone();
        assert_eq!((&given["roles"], &given["version"]), (&json!(["ADMIN", "TEACHER"]), &json!(2)));
        let changes = format!("{{ auditEntries(filter: {{subjectId: {}}}) {{ edges {{ node {{ changes {{ field before after }} }} }} }} }}", given["id"]);
        let entry = admin.data(&changes).await["auditEntries"]["edges"][0]["node"]["changes"].clone();
        assert_eq!(entry, json!([{"field": "roles", "before": "[\"ADMISSION\"]", "after": "[\"TEACHER\",\"ADMIN\"]"}]));
        admin.done("setStaffRoles", roles_of(cast::ADMISSION, json!(["ADMISSION"])).await, "").await;

        let stale = json!({"id": app.staff(cast::TEACHER).await, "version": 7, "roles": []});
        let mut errors = app.refused(&admin, "setStaffRoles", stale).await;
        errors.sort();
        assert_eq!(errors, ["roles IN_USE", "roles REQUIRED", "version STALE"]);
        assert_eq!(app.refused(&admin, "setStaffRoles", roles_of(cast::TEACHER, json!(["TEACHER", "TEACHER"])).await).await, ["roles DUPLICATE"]);
        let input = roles_of(cast::HOD_TEACHER, json!(["ADMISSION"])).await;
        assert_eq!(app.refused(&admin, "setStaffRoles", input.clone()).await, ["roles IN_USE", "roles IN_USE"]);
        let payload = admin.change("setStaffRoles", &input, "").await;
        let course = app.database.texts("SELECT name FROM courses WHERE id = 2").await.remove(0);
        assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains(&course), "{payload:#}");
        let taught = format!("SELECT s.name FROM routines r JOIN subjects s ON s.id = r.subject_id WHERE r.active AND r.teacher_id = ({})", of("staff", cast::HOD_TEACHER));
        for subject in app.database.texts(&taught).await {
            assert!(payload["userErrors"][1]["message"].as_str().unwrap().contains(&subject), "{payload:#}");
        }
        // Who heads nothing and teaches nothing may lose both.
        app.database.execute(&format!("UPDATE courses SET hod_id = NULL WHERE hod_id = ({})", of("staff", cast::HOD_TEACHER))).await;
        app.database.execute(&format!("UPDATE routines SET active = FALSE WHERE teacher_id = ({})", of("staff", cast::HOD_TEACHER))).await;
        admin.done("setStaffRoles", input, "").await;
    }

    async fn an_administrator_remains(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (id, roles) = (app.staff(cast::ADMIN).await, edit(&app, cast::ADMIN, json!({"roles": ["ADMISSION"]})).await);
        let alone = || async {
            assert_eq!(app.refused(&admin, "setStaffRoles", roles.clone()).await, ["roles LAST_ADMIN"]);
            assert_eq!(app.refused(&admin, "deactivateStaff", json!({"id": id})).await, ["id LAST_ADMIN"]);
            assert_eq!(app.refused(&admin, "archiveStaff", json!({"id": id, "endRoutines": true, "cancelMeetings": true})).await, ["id LAST_ADMIN"]);
        };
        alone().await;
        // One who was archived, may not sign in, or cannot yet, is not there.
        second_admin(&app).await;
        let other = format!("(SELECT id FROM accounts WHERE email = '{}')", cast::ADMISSION);
        for (gone, back) in [
            ("UPDATE staff SET archived_at = '2026-03-19 08:00:00' WHERE account_id = ", "UPDATE staff SET archived_at = NULL WHERE account_id = "),
            ("UPDATE accounts SET active = FALSE WHERE id = ", "UPDATE accounts SET active = TRUE WHERE id = "),
            ("UPDATE accounts SET password_hash = NULL WHERE id = ", "UPDATE accounts SET password_hash = 'x' WHERE id = "),
        ] {
            app.database.execute(&format!("{gone}{other}")).await;
            alone().await;
            app.database.execute(&format!("{back}{other}")).await;
        }
        admin.done("setStaffRoles", roles, "").await;
        assert_eq!(admin.data("{ viewer { roles } }").await["viewer"]["roles"], json!(["ADMISSION"]), "felt by the next request");
    }

    async fn of_two_administrators_who_remove_each_other_one_remains(app: TestApp) {
        second_admin(&app).await;
        let (one, other) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::ADMISSION).await);
        for round in 0..25 {
            let a = edit(&app, cast::ADMISSION, json!({"roles": ["TEACHER"]})).await;
            let b = edit(&app, cast::ADMIN, json!({"roles": ["TEACHER"]})).await;
            let (a, b) = tokio::join!(one.attempt("setStaffRoles", &a), other.attempt("setStaffRoles", &b));
            let mut outcomes = [a, b];
            outcomes.sort();
            // Who is late may be ADMIN no more before they ask.
            assert!(outcomes == ["done", "roles LAST_ADMIN"] || outcomes == ["FORBIDDEN", "done"], "round {round}: {outcomes:?}");
            assert_eq!(app.number("SELECT count(*) FROM staff_roles WHERE role = 'ADMIN'").await, 1, "round {round}");
            app.database.execute("DELETE FROM staff_roles WHERE role = 'ADMIN'").await;
            let again = format!("INSERT INTO staff_roles (staff_id, role) VALUES (({}), 'ADMIN'), (({}), 'ADMIN')", of("staff", cast::ADMIN), of("staff", cast::ADMISSION));
            app.database.execute(&again).await;
        }
    }

    async fn of_two_administrators_who_deactivate_each_other_one_remains(app: TestApp) {
        second_admin(&app).await;
        let (a, b) = (json!({"id": app.staff(cast::ADMISSION).await}), json!({"id": app.staff(cast::ADMIN).await}));
        for round in 0..25 {
            let (one, other) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::ADMISSION).await);
            let (a, b) = tokio::join!(one.attempt("deactivateStaff", &a), other.attempt("deactivateStaff", &b));
            let mut outcomes = [a, b];
            outcomes.sort();
            assert!(outcomes == ["done", "id LAST_ADMIN"] || outcomes == ["UNAUTHENTICATED", "done"], "round {round}: {outcomes:?}");
            assert_eq!(app.number("SELECT count(*) FROM staff_roles r JOIN staff s ON s.id = r.staff_id JOIN accounts a ON a.id = s.account_id WHERE r.role = 'ADMIN' AND a.active").await, 1);
            app.database.execute(&format!("UPDATE accounts SET active = TRUE WHERE email IN ('{}', '{}')", cast::ADMIN, cast::ADMISSION)).await;
        }
    }

    async fn nobody_is_given_a_slot_while_they_are_deactivated(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let teacher = admin.done("addStaff", person("new@example.org", &["TEACHER"]), "staff { id }").await["staff"]["id"].clone();
        let subject = app.id_of(Kind::Subject, "SELECT min(id) FROM subjects WHERE course_id = 1 AND period = 2").await;
        let slot = json!({"subjectId": subject, "teacherId": teacher, "weekdays": ["SUNDAY"], "startsAt": "18:00", "endsAt": "19:00"});
        let leave = json!({"id": teacher});
        for round in 0..25 {
            let (a, b) = tokio::join!(admin.attempt("createRoutine", &slot), admin.attempt("deactivateStaff", &leave));
            let outcomes = [a.as_str(), b.as_str()];
            let fine = outcomes == ["done", "endRoutines IN_USE"] || outcomes == ["teacherId WRONG_STATUS", "done"];
            assert!(fine, "round {round}: {outcomes:?}");
            app.database.execute("UPDATE routines SET active = FALSE WHERE starts_at = '18:00:00'").await;
            app.database.execute("UPDATE accounts SET active = TRUE WHERE email = 'new@example.org'").await;
        }
    }

    async fn who_is_deactivated_is_out_at_once(app: TestApp) {
        let (admin, teacher) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::TEACHER).await);
        let id = app.staff(cast::TEACHER).await;
        assert_eq!(app.refused(&admin, "deactivateStaff", json!({"id": id})).await, ["endRoutines IN_USE", "cancelMeetings IN_USE"]);
        let payload = admin.change("deactivateStaff", &json!({"id": id}), "").await;
        let taught = format!("SELECT s.name FROM routines r JOIN subjects s ON s.id = r.subject_id WHERE r.active AND r.teacher_id = ({})", of("staff", cast::TEACHER));
        let taught = app.database.texts(&taught).await;
        for subject in &taught {
            assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains(subject), "{payload:#}");
        }
        assert!(signed_in(&teacher).await);
        let fields = "staff { id active } endedRoutines { id active } clientMutationId";
        let input = json!({"id": id, "endRoutines": true, "cancelMeetings": true, "clientMutationId": "k1"});
        let done = admin.done("deactivateStaff", input.clone(), fields).await;
        assert_eq!(done["staff"], json!({"id": id, "active": false}));
        assert_eq!(done["endedRoutines"].as_array().unwrap().len(), taught.len());
        assert!(done["endedRoutines"].as_array().unwrap().iter().all(|routine| routine["active"] == json!(false)));
        assert_eq!(admin.done("deactivateStaff", input, fields).await, done, "once by its key");
        assert!(!signed_in(&teacher).await, "the open session is refused");
        assert_eq!(app.number(&format!("SELECT count(*) FROM routines WHERE active AND teacher_id = ({})", of("staff", cast::TEACHER))).await, 0);
        let sign_in = format!("mutation {{ signIn(input: {{identifier: \"{}\", password: \"{PASSWORD}\"}}) {{ token userErrors {{ code }} }} }}", cast::TEACHER);
        assert_eq!(app.anonymous().data(&sign_in).await["signIn"], json!({"token": null, "userErrors": [{"code": "INVALID_CREDENTIALS"}]}));
        let entries = "{ auditEntries(filter: {action: \"deactivateStaff\"}) { edges { node { subjectType changes { field before after } } } } }";
        let entries = admin.data(entries).await["auditEntries"]["edges"].as_array().unwrap().clone();
        let ended: Vec<&Value> = entries.iter().filter(|entry| ["Staff", "Routine"].contains(&entry["node"]["subjectType"].as_str().unwrap())).collect();
        assert_eq!(ended.len(), 1 + taught.len());
        assert!(ended.iter().all(|entry| entry["node"]["changes"] == json!([{"field": "active", "before": "true", "after": "false"}])));

        assert_eq!(app.refused(&admin, "deactivateStaff", json!({"id": id})).await, ["id WRONG_STATUS"]);
        assert_eq!(admin.done("activateStaff", json!({"id": id}), fields.split(" endedRoutines").next().unwrap()).await["staff"]["active"], true);
        assert_eq!(app.refused(&admin, "activateStaff", json!({"id": id})).await, ["id WRONG_STATUS"]);
        assert!(!signed_in(&teacher).await, "a session that was ended stays so");
        assert!(signed_in(&app.sign_in(cast::TEACHER).await).await);
    }

    async fn who_is_archived_is_staff_no_more(app: TestApp) {
        let (admin, teacher) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::TEACHER).await);
        let id = app.staff(cast::TEACHER).await;
        assert_eq!(app.refused(&admin, "archiveStaff", json!({"id": id})).await, ["endRoutines IN_USE", "cancelMeetings IN_USE"]);
        let fields = "staff { id archivedAt active } endedRoutines { id }";
        let done = admin.done("archiveStaff", json!({"id": id, "endRoutines": true, "cancelMeetings": true}), fields).await;
        assert_eq!(done["staff"], json!({"id": id, "archivedAt": "2026-03-20T12:00:00+00:00", "active": true}));
        assert!(!done["endedRoutines"].as_array().unwrap().is_empty());
        assert_eq!(teacher.data("{ viewer { roles } }").await["viewer"]["roles"], json!([]));
        assert_eq!(app.refused(&admin, "archiveStaff", json!({"id": id})).await, ["id WRONG_STATUS"]);
        let hod = app.sign_in(cast::HOD).await;
        assert_eq!(app.denied(&hod, "restoreStaff", json!({"id": id})).await, "FORBIDDEN");
        assert_eq!(app.refused(&hod, "archiveStaff", json!({"id": id})).await, ["id NOT_FOUND"]);
        let restored = admin.done("restoreStaff", json!({"id": id}), "staff { archivedAt routines { id } roles }").await;
        assert_eq!(restored["staff"], json!({"archivedAt": null, "routines": [], "roles": ["TEACHER"]}));
        assert_eq!(app.refused(&admin, "restoreStaff", json!({"id": id})).await, ["id WRONG_STATUS"]);
        assert_eq!(teacher.data("{ viewer { roles } }").await["viewer"]["roles"], json!(["STAFF"]));
    }

    async fn who_heads_a_course_stays(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let input = json!({"id": app.staff(cast::HOD_OF_TWO).await, "endRoutines": true, "cancelMeetings": true});
        for mutation in ["deactivateStaff", "archiveStaff"] {
            assert_eq!(app.refused(&admin, mutation, input.clone()).await, ["id IN_USE"]);
            let payload = admin.change(mutation, &input, "").await;
            for course in app.database.texts("SELECT name FROM courses WHERE id >= 3").await {
                assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains(&course), "{payload:#}");
            }
        }
        let input = json!({"id": app.staff(cast::HOD_TEACHER).await, "cancelMeetings": true});
        assert_eq!(app.refused(&admin, "deactivateStaff", input).await, ["id IN_USE", "endRoutines IN_USE"]);
    }

    async fn an_hod_lets_go_who_teaches_in_their_courses_alone(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let input = json!({"id": app.staff(cast::TEACHER).await, "endRoutines": true, "cancelMeetings": true});
        let lesson = "SELECT min(id) FROM subjects WHERE course_id = 2";
        let elsewhere = format!(
            "INSERT INTO routines (course_id, period, subject_id, teacher_id, weekdays, starts_at, ends_at) \
             SELECT course_id, period, id, ({}), 64, '20:00:00', '21:00:00' FROM subjects WHERE id = ({lesson})",
            of("staff", cast::TEACHER)
        );
        app.database.execute(&format!("UPDATE routines SET active = FALSE WHERE course_id <> 1 AND teacher_id = ({})", of("staff", cast::TEACHER))).await;
        app.database.execute(&elsewhere).await;
        for mutation in ["deactivateStaff", "archiveStaff"] {
            assert_eq!(app.denied(&hod, mutation, input.clone()).await, "FORBIDDEN");
        }
        app.database.execute("UPDATE routines SET active = FALSE WHERE starts_at = '20:00:00'").await;
        assert_eq!(app.refused(&hod, "deactivateStaff", json!({"id": input["id"]})).await, ["endRoutines IN_USE", "cancelMeetings IN_USE"]);
        let done = hod.done("deactivateStaff", input.clone(), "staff { id name } endedRoutines { id active }").await;
        assert_eq!(done["staff"]["id"], input["id"]);
        assert!(!done["endedRoutines"].as_array().unwrap().is_empty());
        // They teach nothing of theirs any more.
        assert_eq!(app.denied(&hod, "archiveStaff", input).await, "FORBIDDEN");
    }

    async fn staff_are_for_hods_and_administrators(app: TestApp) {
        let id = app.staff(cast::TEACHER).await;
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if role != "ADMIN" {
                let roles = json!({"id": id, "version": 1, "roles": ["ADMIN"]});
                assert_eq!(app.denied(&client, "setStaffRoles", roles).await, code, "{role}");
                assert_eq!(app.denied(&client, "activateStaff", json!({"id": id})).await, code, "{role}");
                assert_eq!(app.denied(&client, "restoreStaff", json!({"id": id})).await, code, "{role}");
            }
            if !["ADMIN", "HOD"].contains(&role) {
                assert_eq!(app.denied(&client, "addStaff", person("x@example.org", &["TEACHER"])).await, code, "{role}");
                assert_eq!(app.denied(&client, "editStaff", json!({"id": id, "version": 1, "name": "x"})).await, code, "{role}");
                assert_eq!(app.denied(&client, "deactivateStaff", json!({"id": id})).await, code, "{role}");
                assert_eq!(app.denied(&client, "archiveStaff", json!({"id": id})).await, code, "{role}");
            }
        }
        // Not themselves either.
        let hod = app.sign_in(cast::HOD).await;
        let own = json!({"id": app.staff(cast::HOD).await, "version": 1, "roles": ["HOD", "ADMIN"]});
        assert_eq!(app.denied(&hod, "setStaffRoles", own).await, "FORBIDDEN");
    }
}
