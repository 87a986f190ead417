//! The access log: who read what is sensitive, and who was denied what.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, of};

const ENTRIES: &str = "{ accessEntries(first: 100) { totalCount edges { node { \
    actor { email } outcome coordinate rowCount requestId subjects { id } } } } }";

/// The access log, newest first, as ADMIN reads it.
async fn entries(app: &TestApp) -> Vec<Value> {
    let data = app.sign_in(cast::ADMIN).await.data(ENTRIES).await;
    let edges = data["accessEntries"]["edges"].as_array().unwrap();
    assert_eq!(data["accessEntries"]["totalCount"], edges.len());
    edges.iter().map(|edge| edge["node"].clone()).collect()
}

async fn recorded(app: &TestApp) -> i64 {
    app.number("SELECT count(*) FROM access_entries").await
}

async fn read(client: &Client, id: &str, field: &str) -> Value {
    let query =
        format!("query($id: ID!) {{ node(id: $id) {{ ... on Student {{ {field} }} ... on Staff {{ {field} }} }} }}");
    client.ask_with(&query, json!({"id": id})).await.data
}

on_both! {
    async fn whoever_reads_a_citizenship_number_is_recorded_with_whose_it_is(app: TestApp) {
        let student = app.student(cast::STUDENT).await;
        for who in [cast::ADMIN, cast::ADMISSION] {
            assert!(read(&app.sign_in(who).await, &student, "citizenshipNumber").await["node"]["citizenshipNumber"].is_string());
            let newest = entries(&app).await.remove(0);
            assert_eq!(newest["actor"]["email"], who);
            assert_eq!((&newest["outcome"], &newest["coordinate"]), (&json!("READ"), &json!("Student.citizenshipNumber")));
            assert_eq!((&newest["rowCount"], &newest["subjects"]), (&json!(1), &json!([{"id": student}])));
            assert!(!newest["requestId"].as_str().unwrap().is_empty());
        }
        let before = recorded(&app).await;
        let admin = app.sign_in(cast::ADMIN).await;
        let staff = app.staff(cast::TEACHER).await;
        read(&admin, &staff, "citizenshipNumber").await;
        let query = format!("{{ node(id: \"{staff}\") {{ ... on Staff {{ passportNumber }} }} }}");
        admin.data(&query).await;
        assert_eq!(recorded(&app).await, before + 2, "and of staff both numbers");
    }

    async fn what_people_read_of_themselves_and_of_their_children_is_not_recorded(app: TestApp) {
        let student = app.student(cast::STUDENT).await;
        let query = "{ students { edges { node { citizenshipNumber phone parents { phone } } } } }";
        for who in [cast::STUDENT, cast::PARENT] {
            app.sign_in(who).await.ask(query).await;
        }
        assert!(read(&app.sign_in(cast::STUDENT).await, &student, "citizenshipNumber").await["node"]["citizenshipNumber"].is_string());
        let own = app.staff(cast::TEACHER).await;
        read(&app.sign_in(cast::TEACHER).await, &own, "citizenshipNumber").await;
        assert_eq!(app.number("SELECT count(*) FROM access_entries WHERE outcome = 'READ'").await, 0);
    }

    async fn phones_are_recorded_where_they_are_read_in_bulk(app: TestApp) {
        let officer = app.sign_in(cast::ADMISSION).await;
        let phones = |first: u32| format!("{{ parents(first: {first}) {{ edges {{ node {{ id phone }} }} }} }}");
        officer.data(&phones(9)).await;
        assert_eq!(recorded(&app).await, 0, "nine are no bulk");
        let data = officer.data(&phones(10)).await;
        let [newest] = &entries(&app).await[..] else { panic!("one of them") };
        assert_eq!((&newest["coordinate"], &newest["rowCount"]), (&json!("Parent.phone"), &json!(10)));
        let ids = |nodes: &Value, pointer: &str| {
            let ids = nodes.as_array().unwrap().iter().map(|node| node.pointer(pointer).unwrap().to_string());
            ids.collect::<std::collections::BTreeSet<String>>()
        };
        assert_eq!(ids(&newest["subjects"], "/id"), ids(&data["parents"]["edges"], "/node/id"));

        // In portions of one request as well: aliases do not make less of it.
        let two = format!("{{ a: {p} b: parents(last: 5) {{ edges {{ node {{ phone }} }} }} }}", p = "parents(first: 5) { edges { node { phone } } }");
        officer.data(&two).await;
        assert_eq!(recorded(&app).await, 2);
        let filter = |filter: String| format!("{{ accessEntries(filter: {{{filter}}}) {{ totalCount }} }}");
        let admin = app.sign_in(cast::ADMIN).await;
        let id = &data["parents"]["edges"][9]["node"]["id"];
        for (by, found) in [
            (format!("subjectId: {id}"), 1),
            ("coordinate: \"Parent.phone\"".to_owned(), 2),
            ("coordinate: \"Parent.email\"".to_owned(), 0),
            ("coordinate: \"nonsense\"".to_owned(), 0),
            ("outcome: DENIED".to_owned(), 0),
            ("from: \"2026-03-20T12:00:01Z\"".to_owned(), 0),
            ("to: \"2026-03-20T12:00:01Z\"".to_owned(), 2),
            (format!("actorId: \"{}\"", app.id(Kind::Account, 999_999)), 0),
        ] {
            assert_eq!(admin.data(&filter(by.clone())).await["accessEntries"]["totalCount"], found, "{by}");
        }
    }

    async fn denials_are_recorded_of_fields_and_of_mutations(app: TestApp) {
        let teacher = app.sign_in(cast::TEACHER).await;
        let answer = teacher.ask("{ students(first: 2) { edges { node { phone x: phone email } } } }").await;
        assert_eq!(answer.errors[0]["extensions"]["coordinate"], "Student.phone");
        let student = app.student(cast::STUDENT).await;
        assert_eq!(teacher.denied("archiveStudent", json!({"id": student})).await, "FORBIDDEN");
        let hod = app.sign_in(cast::HOD).await;
        let foreign = app.number(&format!(
            "SELECT MIN(id) FROM courses WHERE hod_id <> ({})", of("staff", cast::HOD)
        )).await;
        let edit = json!({"id": app.id(Kind::Course, foreign), "version": 1, "name": "Mine"});
        assert_eq!(hod.denied("editCourse", edit).await, "FORBIDDEN");

        let log = entries(&app).await;
        let seen: Vec<(&str, &str, i64)> = log.iter().map(|entry| {
            assert_eq!((&entry["outcome"], &entry["subjects"]), (&json!("DENIED"), &json!([])));
            (entry["actor"]["email"].as_str().unwrap(), entry["coordinate"].as_str().unwrap(), entry["rowCount"].as_i64().unwrap())
        }).collect();
        assert_eq!(seen, [
            (cast::HOD, "Mutation.editCourse", 1),
            (cast::TEACHER, "Mutation.archiveStudent", 1),
            (cast::TEACHER, "Student.phone", 4),
            (cast::TEACHER, "Student.email", 2),
        ]);

        app.anonymous().ask("{ students { totalCount } }").await;
        assert_eq!(recorded(&app).await, 4, "a stranger fills no table");
    }

    async fn an_api_key_is_recorded_as_a_person_is(app: TestApp) {
        let key = app.api_key("ADMISSION_READ").await;
        let student = app.student(cast::STUDENT).await;
        assert!(read(&key, &student, "citizenshipNumber").await["node"]["citizenshipNumber"].is_string());
        assert_eq!(key.denied("archiveStudent", json!({"id": student})).await, "FORBIDDEN");
        let query = "{ accessEntries { edges { node { actor { id } apiKey { scope } coordinate } } } }";
        let data = app.sign_in(cast::ADMIN).await.data(query).await;
        for (i, coordinate) in ["Mutation.archiveStudent", "Student.citizenshipNumber"].into_iter().enumerate() {
            let entry = &data["accessEntries"]["edges"][i]["node"];
            let expected = json!({"actor": null, "apiKey": {"scope": "ADMISSION_READ"}, "coordinate": coordinate});
            assert_eq!(entry, &expected);
        }
    }

    async fn the_access_log_is_for_admin_alone(app: TestApp) {
        app.sign_in(cast::TEACHER).await.ask("{ students(first: 1) { edges { node { phone } } } }").await;
        let entry = app.id_of(Kind::AccessEntry, "SELECT id FROM access_entries").await;
        for (role, client) in app.everybody().await {
            let answer = client.ask("{ accessEntries { totalCount } }").await;
            let node = client.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({"id": entry})).await.ok();
            if role == "ADMIN" {
                assert!(answer.at("/accessEntries/totalCount").is_i64());
                assert_eq!(node.at("/node/id"), &json!(entry));
                continue;
            }
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(answer.code_at(&json!(["accessEntries"])), code, "{role}");
            assert!(node.at("/node").is_null(), "{role}");
        }
    }

    async fn an_access_entry_has_no_value_in_it_and_is_never_changed(app: TestApp) {
        let student = app.student(cast::STUDENT).await;
        let data = read(&app.sign_in(cast::ADMIN).await, &student, "citizenshipNumber").await;
        let secret = data["node"]["citizenshipNumber"].as_str().unwrap();
        let columns = "type_name || field_name || request_id || outcome";
        let texts = app.database.texts(&format!("SELECT {columns} FROM access_entries")).await;
        assert!(texts.len() == 1 && !texts[0].contains(secret), "{texts:?}");
        for statement in [
            "UPDATE access_entries SET outcome = 'DENIED'",
            "DELETE FROM access_subjects",
            "UPDATE access_subjects SET subject_id = 1000000",
            "DELETE FROM access_entries",
        ] {
            assert!(app.database.try_execute(statement).await.is_err(), "{statement}");
        }
    }

    async fn what_cannot_be_recorded_is_not_answered(app: TestApp) {
        let student = app.student(cast::STUDENT).await;
        let admin = app.sign_in(cast::ADMIN).await;
        app.database.execute("ALTER TABLE access_entries RENAME TO elsewhere").await;
        let query = format!("{{ node(id: \"{student}\") {{ ... on Student {{ name citizenshipNumber }} }} }}");
        let answer = admin.ask(&query).await;
        assert_eq!((&answer.data, answer.errors.len()), (&Value::Null, 1));
        assert_eq!(answer.errors[0]["extensions"]["code"], "INTERNAL");
        let plain = format!("{{ node(id: \"{student}\") {{ ... on Student {{ name }} }} }}");
        assert!(admin.data(&plain).await["node"]["name"].is_string(), "all else goes on");
    }
}
