//! Admission and enrolment: who comes to the institute, with whom, and into which course.

use futures_util::future::join_all;
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::support::{TestApp, errors, of};

/// Everything of a student that admission writes.
const STUDENT: &str = "student { id name email phone gender birthDate temporaryAddress permanentAddress maritalStatus \
                       citizenshipNumber photoUrl status course { code } currentPeriod joiningDate version batches { name } parents { name phone } \
                       courseTrackings { status completion enrolledOn startedOn expectedEnd actualEnd currentPeriod \
                       periodStartedOn periodEndsOn course { code } } }";

/// The phone number of somebody.
pub async fn phone(app: &TestApp, email: &str) -> String {
    app.database.texts(&format!("SELECT phone FROM accounts WHERE email = '{email}'")).await.remove(0)
}

/// The id of a course.
pub async fn course(app: &TestApp, code: &str) -> String {
    app.id_of(Kind::Course, &format!("SELECT id FROM courses WHERE code = '{code}'")).await
}

/// The id of a batch.
async fn batch(app: &TestApp, name: &str, start: Option<&str>) -> String {
    let start = start.map_or("NULL".to_owned(), |day| format!("'{day}'"));
    app.database.execute(&format!("INSERT INTO batches (name, start_date) VALUES ('{name}', {start})")).await;
    app.id_of(Kind::Batch, &format!("SELECT id FROM batches WHERE name = '{name}'")).await
}

fn sorted(mut errors: Vec<String>) -> Vec<String> {
    errors.sort();
    errors
}

on_both! {
    async fn a_student_is_admitted_with_course_batches_and_parents(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let (known, teacher) = (phone(&app, cast::PARENT_OF_ONE).await, phone(&app, cast::TEACHER).await);
        let batch = batch(&app, "Morning", Some("2026-01-10")).await;
        let input = json!({
            "name": " Nina Vale ", "email": "Nina@Example.org", "phone": "+977 980-000 0001", "gender": "FEMALE", "birthDate": "2006-05-04",
            "temporaryAddress": "Hostel 2", "permanentAddress": "Hill 7", "maritalStatus": "SINGLE", "citizenshipNumber": "C-1",
            "photoUrl": "https://files.example/n.jpg", "courseId": course(&app, "CMP").await, "period": 2, "batchIds": [batch],
            "joiningDate": "2026-02-01",
            "parents": [
                {"name": "Somebody else", "phone": known, "email": "not.theirs@example.org", "address": "Nowhere"},
                {"name": "Olga Vale", "phone": "+9779800000002", "email": "Olga@example.org", "address": "Hill 7"},
                {"name": "Tara Quill", "phone": teacher},
            ],
        });
        let names = "SELECT name FROM parents p JOIN accounts a ON a.id = p.account_id WHERE a.email = 'parent.of.one@example.org'";
        let known_name = app.database.texts(names).await.remove(0);
        let student = admission.done("admitStudent", input, STUDENT).await["student"].clone();
        let expected = json!({
            "id": student["id"], "name": "Nina Vale", "email": "nina@example.org", "phone": "+9779800000001", "gender": "FEMALE",
            "birthDate": "2006-05-04", "temporaryAddress": "Hostel 2", "permanentAddress": "Hill 7", "maritalStatus": "SINGLE",
            "citizenshipNumber": "C-1", "photoUrl": "https://files.example/n.jpg", "status": "ACTIVE", "course": {"code": "CMP"},
            "currentPeriod": 2, "joiningDate": "2026-02-01", "version": 1, "batches": [{"name": "Morning"}], "parents": student["parents"],
            "courseTrackings": [{
                "status": "IN_PROGRESS", "completion": 0.0, "enrolledOn": "2026-02-01", "startedOn": "2026-02-01", "expectedEnd": "2028-02-01",
                "actualEnd": null, "currentPeriod": 2, "periodStartedOn": "2026-03-20", "periodEndsOn": "2026-09-19", "course": {"code": "CMP"},
            }],
        });
        assert_eq!(student, expected);
        // Who was there keeps their name; the others are as they were given.
        let parents = student["parents"].as_array().unwrap();
        for (name, phone) in [(known_name.as_str(), known.as_str()), ("Olga Vale", "+9779800000002"), ("Tara Quill", &teacher)] {
            assert!(parents.contains(&json!({"name": name, "phone": phone})), "{name} in {parents:#?}");
        }
        assert_eq!(parents.len(), 3);
        // Nobody has a default password, and what was known of the others stays.
        assert_eq!(app.number("SELECT count(*) FROM accounts WHERE phone IN ('+9779800000001', '+9779800000002') AND password_hash IS NULL AND active").await, 2);
        assert_eq!(app.number("SELECT count(*) FROM accounts WHERE email = 'olga@example.org' AND phone = '+9779800000002'").await, 1);
        assert_eq!(app.number("SELECT count(*) FROM accounts WHERE email = 'not.theirs@example.org'").await, 0);
        // The parents reach the child at once, the teacher on the account that they have.
        for (email, roles) in [(cast::PARENT_OF_ONE, json!(["PARENT"])), (cast::TEACHER, json!(["STAFF", "PARENT"]))] {
            let parent = app.sign_in(email).await;
            let query = "query($id: ID!) { viewer { roles } node(id: $id) { ... on Student { citizenshipNumber } } }";
            let answer = parent.ask_with(query, json!({"id": student["id"]})).await.ok();
            assert_eq!((answer.at("/viewer/roles"), answer.at("/node/citizenshipNumber")), (&roles, &json!("C-1")), "{email}");
        }
        let entries = app.database.texts("SELECT action || ' ' || subject_type FROM audit_entries ORDER BY 1").await;
        assert_eq!(entries, ["admitStudent CourseTracking", "admitStudent Parent", "admitStudent Parent", "admitStudent Student"]);
        let made = app.database.texts("SELECT after FROM audit_entries WHERE subject_type = 'Student'").await.remove(0);
        let made: Value = serde_json::from_str(&made).unwrap();
        assert_eq!((&made["student"]["email"], made["parents"].as_array().unwrap().len()), (&json!("nina@example.org"), 3));
    }

    async fn a_name_is_enough(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let student = admin.done("admitStudent", json!({"name": "Solo"}), STUDENT).await["student"].clone();
        assert_eq!((&student["course"], &student["currentPeriod"], &student["joiningDate"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!((&student["courseTrackings"], &student["parents"], &student["batches"]), (&json!([]), &json!([]), &json!([])));
        // With a course, it begins today.
        let student = admin.done("admitStudent", json!({"name": "Solo", "courseId": course(&app, "BUS").await}), STUDENT).await["student"].clone();
        let tracking = &student["courseTrackings"][0];
        assert_eq!((&student["currentPeriod"], &tracking["startedOn"], &tracking["expectedEnd"]), (&json!(1), &json!("2026-03-20"), &json!("2028-03-20")));
        assert_eq!((&tracking["periodStartedOn"], &tracking["periodEndsOn"]), (&json!("2026-03-20"), &json!("2027-03-19")));
    }

    async fn who_joins_a_batch_joins_on_the_day_that_the_first_began(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let batches = [
            batch(&app, "None", None).await,
            batch(&app, "Later", Some("2026-01-20")).await,
            batch(&app, "First", Some("2025-11-01")).await,
            batch(&app, "Future", Some("2026-04-01")).await,
        ];
        let cases = [(json!(batches), json!("2025-11-01")), (json!([batches[0]]), Value::Null), (json!([batches[3]]), Value::Null)];
        for (batches, day) in cases {
            let input = json!({"name": "Nina", "batchIds": batches, "courseId": course(&app, "CMP").await});
            let student = admin.done("admitStudent", input, STUDENT).await["student"].clone();
            assert_eq!(student["joiningDate"], day);
            let begun = if day.is_null() { json!("2026-03-20") } else { day };
            assert_eq!(student["courseTrackings"][0]["startedOn"], begun);
        }
        let given = json!({"name": "Nina", "batchIds": batches, "joiningDate": "2026-03-20"});
        assert_eq!(admin.done("admitStudent", given, STUDENT).await["student"]["joiningDate"], "2026-03-20");
        let unborn = json!({"name": "Nina", "batchIds": [batches[2]], "birthDate": "2025-11-01"});
        assert_eq!(app.refused(&admin, "admitStudent", unborn).await, ["birthDate OUT_OF_RANGE"]);
    }

    async fn all_that_is_wrong_with_an_admission_is_said_at_once(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let closed = batch(&app, "Closed", None).await;
        app.database.execute("UPDATE batches SET active = FALSE WHERE name = 'Closed'").await;
        let input = json!({
            "name": " ", "email": cast::STUDENT, "phone": phone(&app, cast::ADMIN).await, "birthDate": "2026-03-21", "joiningDate": "2026-03-21",
            "photoUrl": "ftp://x", "courseId": course(&app, "MUS").await, "period": 3, "batchIds": [closed, app.id(Kind::Batch, 999)],
            "parents": [{"name": "", "phone": "12"}, {"name": "A", "phone": " "}],
        });
        let expected = [
            "batchIds NOT_FOUND", "batchIds WRONG_STATUS", "birthDate IN_FUTURE", "birthDate OUT_OF_RANGE", "courseId WRONG_STATUS", "email TAKEN",
            "joiningDate IN_FUTURE", "name REQUIRED", "parents.0.name REQUIRED", "parents.0.phone INVALID", "parents.1.phone REQUIRED",
            "period OUT_OF_RANGE", "phone TAKEN", "photoUrl INVALID",
        ];
        assert_eq!(sorted(app.refused(&admission, "admitStudent", input).await), expected);
        let input = json!({
            "name": "N", "email": "n", "phone": "1", "period": 1, "citizenshipNumber": "a\nb", "temporaryAddress": "a\u{0}",
            "permanentAddress": "a".repeat(10_001), "batchIds": vec![closed; 21], "parents": vec![json!({"name": "P", "phone": ""}); 11],
        });
        let errors = sorted(app.refused(&admission, "admitStudent", input).await);
        let of_student: Vec<&String> = errors.iter().filter(|error| !error.starts_with("parents.")).collect();
        let expected = [
            "batchIds OUT_OF_RANGE", "batchIds WRONG_STATUS", "citizenshipNumber INVALID", "email INVALID", "parents OUT_OF_RANGE", "period INVALID",
            "permanentAddress TOO_LONG", "phone INVALID", "temporaryAddress INVALID",
        ];
        assert_eq!(of_student, expected);
        let unknown = json!({"name": "N", "courseId": app.id(Kind::Batch, 1), "period": 0});
        assert_eq!(app.refused(&admission, "admitStudent", unknown).await, ["courseId NOT_FOUND"]);
        let zero = json!({"name": "N", "courseId": course(&app, "CMP").await, "period": 0});
        assert_eq!(app.refused(&admission, "admitStudent", zero).await, ["period OUT_OF_RANGE"]);
    }

    async fn a_phone_that_is_no_parents_to_have_is_refused(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let archived_parent = phone(&app, cast::OTHER_PARENT).await;
        let archived_teacher = phone(&app, cast::TEACHER_WHO_LEFT_CLASS).await;
        for (table, email) in [("parents", cast::OTHER_PARENT), ("staff", cast::TEACHER_WHO_LEFT_CLASS)] {
            app.database.execute(&format!("UPDATE {table} SET archived_at = '2026-03-01 00:00:00' WHERE id = ({})", of(table, email))).await;
        }
        let parent = |phone: &str| json!({"name": "P", "phone": phone});
        let input = json!({
            "name": "N", "phone": "+9779800000001", "email": "n@example.org",
            "parents": [
                parent(&phone(&app, cast::STUDENT).await), parent(&archived_parent), parent(&archived_teacher), parent("+9779800000001"),
                parent("+9779800000002"), parent("+977 980 000 0002"),
                {"name": "P", "phone": "+9779800000003", "email": cast::TEACHER}, {"name": "P", "phone": "+9779800000004", "email": "N@example.org"},
                {"name": "P", "phone": "+9779800000005", "email": "p@example.org"}, {"name": "P", "phone": "+9779800000006", "email": "P@example.org"},
            ],
        });
        let expected = [
            "parents.0.phone TAKEN", "parents.1.phone TAKEN", "parents.2.phone TAKEN", "parents.3.phone TAKEN", "parents.5.phone DUPLICATE",
            "parents.6.email TAKEN", "parents.7.email TAKEN", "parents.9.email DUPLICATE",
        ];
        assert_eq!(sorted(app.refused(&admission, "admitStudent", input.clone()).await), expected);
        let answer = admission.change("admitStudent", &input, "").await;
        let message = answer["userErrors"].as_array().unwrap().iter().find(|error| error["field"][1] == "1").unwrap()["message"].clone();
        assert!(message.as_str().unwrap().contains("archived"), "{message}");
        // An account with nobody behind it is nobody's to hand out.
        app.database.execute("INSERT INTO accounts (phone, created_at) VALUES ('+9779800000009', '2026-03-01 00:00:00')").await;
        let input = json!({"name": "N", "parents": [parent("+9779800000009")]});
        assert_eq!(app.refused(&admission, "admitStudent", input).await, ["parents.0.phone TAKEN"]);
    }

    async fn nobody_makes_themselves_a_parent(app: TestApp) {
        for (email, code) in [(cast::ADMISSION, "CMP"), (cast::HOD_TEACHER, "CMP"), (cast::HOD, "BUS")] {
            let client = app.sign_in(email).await;
            let input = json!({"name": "N", "courseId": course(&app, code).await, "parents": [{"name": "Me", "phone": phone(&app, email).await}]});
            assert_eq!(app.denied(&client, "admitStudent", input).await, "FORBIDDEN", "{email}");
        }
        // An ADMIN reads everything anyway.
        let admin = app.sign_in(cast::ADMIN).await;
        let input = json!({"name": "N", "parents": [{"name": "Me", "phone": phone(&app, cast::ADMIN).await}]});
        admin.done("admitStudent", input, "").await;
    }

    async fn the_same_key_admits_one_student(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let input = json!({"name": "Nina Vale", "phone": "+9779800000001", "parents": [{"name": "P", "phone": "+9779800000002"}], "clientMutationId": "a"});
        let first = admission.done("admitStudent", input.clone(), "student { id }").await;
        assert_eq!(admission.done("admitStudent", input, "student { id }").await, first);
        for round in 0..5 {
            let input = json!({"name": format!("Round {round}"), "phone": format!("+97798100000{round:02}"), "clientMutationId": format!("k{round}"),
                "parents": [{"name": "P", "phone": format!("+97798200000{round:02}")}]});
            let answers = join_all((0..5).map(|_| admission.change("admitStudent", &input, "student { id }"))).await;
            assert!(answers.iter().all(|answer| answer == &answers[0] && answer["student"]["id"].is_string()), "{answers:#?}");
        }
        assert_eq!(app.number("SELECT count(*) FROM students WHERE name = 'Nina Vale' OR name LIKE 'Round %'").await, 6);
    }

    async fn of_two_admissions_with_one_phone_one_is_told_by_the_rule(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        for round in 0..25 {
            // Once as students, then as a student and a parent of another one: a number is one person's.
            let number = format!("+97798100000{round:02}");
            let a = json!({"name": "A", "phone": number});
            let b = if round % 2 == 0 { json!({"name": "B", "phone": number}) } else { json!({"name": "B", "parents": [{"name": "P", "phone": number}]}) };
            let (a, b) = tokio::join!(admission.change("admitStudent", &a, ""), admission.change("admitStudent", &b, ""));
            let outcomes = [errors(&a), errors(&b)];
            assert!(outcomes.contains(&vec![]), "{outcomes:?}");
            let refused: Vec<&String> = outcomes.iter().flatten().collect();
            assert!(refused == ["phone TAKEN"] || (round % 2 == 1 && refused == ["parents.0.phone TAKEN"]), "{refused:?}");
            assert_eq!(app.number(&format!("SELECT count(*) FROM accounts WHERE phone = '{number}'")).await, 1);
        }
    }

    async fn two_children_with_one_new_parent_get_the_same(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        for round in 0..25 {
            let child = |name: &str| json!({"name": name, "parents": [{"name": "P", "phone": format!("+97798100000{round:02}")}]});
            let (a, b) = (child("A"), child("B"));
            let parents = "student { parents { id } }";
            let (a, b) = tokio::join!(admission.change("admitStudent", &a, parents), admission.change("admitStudent", &b, parents));
            assert_eq!((errors(&a), errors(&b)), (vec![], vec![]));
            assert_eq!(a["student"]["parents"], b["student"]["parents"]);
            assert_eq!(a["student"]["parents"].as_array().unwrap().len(), 1);
        }
    }

    async fn ten_parents_take_as_many_statements_as_two(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let mut counted = Vec::new();
        for parents in [2, 10] {
            let parent = |i: i32| json!({"name": "P", "phone": format!("+9779800{parents:02}00{i:02}"), "email": format!("p{i}.{parents}@example.org")});
            let parents: Vec<Value> = (0..parents).map(parent).collect();
            let before = app.api.services().db.statements();
            admission.done("admitStudent", json!({"name": "N", "parents": parents}), "").await;
            counted.push(app.api.services().db.statements() - before);
        }
        assert_eq!(counted[0], counted[1]);
    }

    async fn an_hod_admits_into_what_they_head(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (own, other) = (course(&app, "BUS").await, course(&app, "CMP").await);
        let made = hod.done("admitStudent", json!({"name": "N", "courseId": own}), "student { id name course { code } }").await;
        assert_eq!((&made["student"]["name"], &made["student"]["course"]["code"]), (&json!("N"), &json!("BUS")));
        for wrong in [
            json!({"name": "N", "courseId": other}),
            json!({"name": "N"}),
            json!({"name": "N", "courseId": own, "citizenshipNumber": "C"}),
            json!({"name": "N", "courseId": own, "maritalStatus": "SINGLE"}),
        ] {
            assert_eq!(app.denied(&hod, "admitStudent", wrong).await, "FORBIDDEN");
        }
    }

    async fn nobody_else_admits_or_enrols(app: TestApp) {
        let student = app.student(cast::STUDENT).await;
        let enrol = json!({"studentId": student, "version": 1, "courseId": course(&app, "CMP").await});
        for (role, client) in app.everybody().await {
            if ["ADMIN", "ADMISSION", "HOD"].contains(&role) {
                continue;
            }
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(app.denied(&client, "admitStudent", json!({"name": "N", "courseId": course(&app, "BUS").await})).await, code, "{role}");
            assert_eq!(app.denied(&client, "enrolStudent", enrol.clone()).await, code, "{role}");
        }
    }

    async fn a_student_changes_course_and_comes_back(app: TestApp) {
        let admission = app.sign_in(cast::ADMISSION).await;
        let (bus, cmp) = (course(&app, "BUS").await, course(&app, "CMP").await);
        let input = json!({"name": "Nina", "courseId": bus, "joiningDate": "2026-03-01", "batchIds": [batch(&app, "Morning", None).await]});
        let student = admission.done("admitStudent", input, STUDENT).await["student"].clone();
        app.clock.advance(chrono::Duration::days(10));
        let admission = app.sign_in(cast::ADMISSION).await;
        let enrol = |version: i32, course: &str, period: i32| json!({"studentId": student["id"], "version": version, "courseId": course, "period": period});
        let moved = admission.done("enrolStudent", enrol(1, &cmp, 3), STUDENT).await["student"].clone();
        assert_eq!((&moved["course"]["code"], &moved["currentPeriod"], &moved["version"]), (&json!("CMP"), &json!(3), &json!(2)));
        assert_eq!(moved["batches"], student["batches"]);
        let trackings = &moved["courseTrackings"];
        assert_eq!((&trackings[0]["status"], &trackings[0]["actualEnd"], &trackings[0]["currentPeriod"]), (&json!("DROPPED"), &json!("2026-03-30"), &json!(1)));
        assert_eq!((&trackings[1]["status"], &trackings[1]["startedOn"], &trackings[1]["currentPeriod"]), (&json!("IN_PROGRESS"), &json!("2026-03-30"), &json!(3)));
        let back = admission.done("enrolStudent", enrol(2, &bus, 2), STUDENT).await["student"]["courseTrackings"].clone();
        assert_eq!(back.as_array().unwrap().len(), 2);
        let revived = &back[0];
        assert_eq!((&revived["status"], &revived["actualEnd"], &revived["currentPeriod"]), (&json!("IN_PROGRESS"), &Value::Null, &json!(2)));
        assert_eq!((&revived["startedOn"], &revived["periodStartedOn"], &revived["expectedEnd"]), (&json!("2026-03-30"), &json!("2026-03-30"), &json!("2028-03-30")));
        assert_eq!(back[1]["status"], "DROPPED");
        let entries = app.database.texts("SELECT subject_type FROM audit_entries WHERE action = 'enrolStudent' ORDER BY id").await;
        assert_eq!(entries, ["Student", "CourseTracking", "CourseTracking", "Student", "CourseTracking", "CourseTracking"]);
        // A first course is begun in the same way.
        let made = admission.done("admitStudent", json!({"name": "Nobody"}), STUDENT).await["student"].clone();
        let input = json!({"studentId": made["id"], "version": 1, "courseId": cmp});
        let enrolled = admission.done("enrolStudent", input, STUDENT).await["student"].clone();
        assert_eq!((&enrolled["currentPeriod"], &enrolled["courseTrackings"][0]["currentPeriod"]), (&json!(1), &json!(1)));
    }

    async fn an_enrolment_keeps_its_rules(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let number = app.number(&of("students", cast::STUDENT)).await;
        let student = app.id(Kind::Student, number);
        let (bus, cmp, music) = (course(&app, "BUS").await, course(&app, "CMP").await, course(&app, "MUS").await);
        let enrol = |version: i32, course: &str, period: i32| json!({"studentId": student, "version": version, "courseId": course, "period": period});
        assert_eq!(app.refused(&admin, "enrolStudent", enrol(7, &music, 9)).await, ["version STALE", "courseId WRONG_STATUS", "period OUT_OF_RANGE"]);
        assert_eq!(app.refused(&admin, "enrolStudent", enrol(1, &bus, 1)).await, ["courseId WRONG_STATUS"]);
        assert_eq!(app.refused(&admin, "enrolStudent", enrol(2, &student, 1)).await, ["version STALE", "courseId NOT_FOUND"]);
        app.database
            .execute(&format!(
                "INSERT INTO course_trackings (student_id, course_id, enrolled_on, started_on, expected_end, actual_end, status, completion, current_period, \
                 period_started_on, period_ends_on) SELECT {number}, id, '2020-01-01', '2020-01-01', '2022-01-01', '2022-01-01', 'COMPLETED', 100, 4, \
                 '2021-07-01', '2021-12-31' FROM courses WHERE code = 'CMP'"
            ))
            .await;
        assert_eq!(app.refused(&admin, "enrolStudent", enrol(1, &cmp, 1)).await, ["courseId WRONG_STATUS"]);
        // What was completed stays so when its student goes on elsewhere.
        let design = course(&app, "DSN").await;
        app.database.execute(&format!("UPDATE students SET course_id = (SELECT id FROM courses WHERE code = 'CMP'), current_period = 4 WHERE id = {number}")).await;
        admin.done("enrolStudent", enrol(1, &design, 1), "").await;
        assert_eq!(app.number(&format!("SELECT count(*) FROM course_trackings WHERE student_id = {number} AND status = 'COMPLETED'")).await, 1);
        app.database.execute(&format!("UPDATE students SET archived_at = '2026-03-01 00:00:00' WHERE id = {number}")).await;
        assert_eq!(app.refused(&admin, "enrolStudent", enrol(2, &bus, 1)).await, ["studentId WRONG_STATUS"]);
    }

    async fn an_hod_enrols_their_own_in_what_they_head(app: TestApp) {
        let student = app.student(cast::STUDENT).await;
        let hod = app.sign_in(cast::HOD).await;
        let away = json!({"studentId": student, "version": 1, "courseId": course(&app, "CMP").await});
        assert_eq!(app.denied(&hod, "enrolStudent", away.clone()).await, "FORBIDDEN");
        // The HOD of the other course teaches the student, and does not take them over for that.
        let other = app.sign_in(cast::HOD_TEACHER).await;
        assert_eq!(app.denied(&other, "enrolStudent", away.clone()).await, "FORBIDDEN");
        let stranger = app.sign_in(cast::HOD_OF_TWO).await;
        assert_eq!(app.refused(&stranger, "enrolStudent", away).await, ["studentId NOT_FOUND"]);
        app.database.execute("UPDATE courses SET active = TRUE WHERE code = 'MUS'").await;
        let child = app.id_of(Kind::Student, "SELECT min(id) FROM students WHERE course_id = (SELECT id FROM courses WHERE code = 'DSN')").await;
        let own = json!({"studentId": child, "version": 1, "courseId": course(&app, "MUS").await});
        assert_eq!(stranger.done("enrolStudent", own, "student { course { code } }").await["student"]["course"]["code"], "MUS");
    }
}
