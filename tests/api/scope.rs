//! Row scope: nobody holds a row that is not theirs to hold, by whatever way they come to it.

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, of};

/// The names in a connection.
fn names(connection: &Value) -> Vec<&str> {
    let edges = connection["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["node"]["name"].as_str().unwrap()).collect()
}

/// A student linked to this parent, and one who is not.
async fn child_and_stranger(app: &TestApp, parent: &str) -> (i64, i64) {
    let linked = format!(
        "SELECT student_id FROM parent_students JOIN parents ON parents.id = parent_id \
         JOIN accounts ON accounts.id = account_id WHERE email = '{parent}'"
    );
    let child = app.database.numbers(&format!("{linked} ORDER BY 1")).await[0];
    let others = format!("SELECT id FROM students WHERE archived_at IS NULL AND id NOT IN ({linked}) ORDER BY id");
    (child, app.database.numbers(&others).await[0])
}

async fn total(client: &Client, list: &str) -> i64 {
    client.data(&format!("{{ {list} {{ totalCount }} }}")).await[list]["totalCount"].as_i64().unwrap()
}

on_both! {
    async fn a_parent_reads_the_attendance_of_their_children_and_of_nobody_else(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let data = parent
            .data(
                "{ viewer { parent { students { edges { node { name batches { name } attendanceSummary { percentage } } } } } } \
                   students { edges { node { name } } totalCount } }",
            )
            .await;
        let children = &data["viewer"]["parent"]["students"];
        assert_eq!(names(children).len(), 2, "the parent of two");
        assert_eq!(names(children), names(&data["students"]), "the root has the same children");
        assert_eq!(data["students"]["totalCount"], 2);
        for edge in children["edges"].as_array().unwrap() {
            let percentage = edge["node"]["attendanceSummary"]["percentage"].as_f64().unwrap();
            assert!((0.0..=100.0).contains(&percentage));
            assert!(!edge["node"]["batches"].as_array().unwrap().is_empty());
        }
    }

    async fn a_strangers_id_is_as_unknown_as_one_that_was_never_given(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let (child, stranger) = child_and_stranger(&app, cast::PARENT).await;
        let node = "query($id: ID!) { node(id: $id) { id ... on Student { name phone } } }";
        let own = parent.ask_with(node, json!({"id": app.id(Kind::Student, child)})).await.ok();
        assert!(own.at("/node/name").is_string());
        let strange = parent.ask_with(node, json!({"id": app.id(Kind::Student, stranger)})).await;
        let absent = parent.ask_with(node, json!({"id": app.id(Kind::Student, 999_999)})).await;
        let forged = parent.ask_with(node, json!({"id": "AAAAAAAAAAAAAAAAAAAAAA"})).await;
        for answer in [&strange, &absent, &forged] {
            assert_eq!(answer.data, json!({"node": null}));
            assert!(answer.errors.is_empty() && answer.status == 200);
        }
    }

    async fn each_role_reaches_the_students_that_the_rules_give_it(app: TestApp) {
        let all = "SELECT id FROM students WHERE archived_at IS NULL";
        let me = |email: &str| format!("JOIN accounts a ON a.id = account_id WHERE a.email = '{email}'");
        let hod = format!(
            "{all} AND course_id IN (SELECT id FROM courses WHERE hod_id = (SELECT staff.id FROM staff {}))",
            me(cast::HOD)
        );
        let teacher = format!(
            "{all} AND EXISTS (SELECT 1 FROM routines r WHERE r.active AND r.course_id = students.course_id \
             AND r.period = students.current_period AND r.teacher_id = (SELECT staff.id FROM staff {}))",
            me(cast::TEACHER)
        );
        let cases = [
            (cast::ADMIN, all.to_owned()),
            (cast::ADMISSION, all.to_owned()),
            (cast::HOD, hod),
            (cast::TEACHER, teacher),
            (cast::STUDENT, format!("SELECT students.id FROM students {}", me(cast::STUDENT))),
        ];
        for (who, query) in cases {
            let mut expected: Vec<String> =
                app.database.numbers(&query).await.into_iter().map(|n| app.id(Kind::Student, n)).collect();
            assert!(!expected.is_empty(), "{who} reaches somebody");
            let client = app.sign_in(who).await;
            let mut found = Vec::new();
            let mut after = Value::Null;
            loop {
                let page = client
                    .ask_with(
                        "query($after: String) { students(first: 100, after: $after) { edges { node { id } } \
                           pageInfo { hasNextPage endCursor } totalCount } }",
                        json!({"after": after}),
                    )
                    .await
                    .ok();
                assert_eq!(page.at("/students/totalCount"), &json!(expected.len()), "{who}");
                let edges = page.at("/students/edges").as_array().unwrap();
                found.extend(edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()));
                after = page.at("/students/pageInfo/endCursor").clone();
                if page.at("/students/pageInfo/hasNextPage") == &json!(false) {
                    break;
                }
            }
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{who}");
        }
    }

    async fn no_way_round_by_other_objects_is_wider_than_the_root(app: TestApp) {
        // A parent comes to their child's batch and course, and from there to classmates: not one is theirs.
        let parent = app.sign_in(cast::PARENT).await;
        let data = parent
            .data(
                "{ students { edges { node { name course { name students { totalCount edges { node { name } } } } \
                   batches { students { totalCount edges { node { name } } } } parents { name students { totalCount } } } } } \
                   courses { edges { node { students { totalCount } } } } \
                   batches { edges { node { students { totalCount } } } } }",
            )
            .await;
        let own = names(&data["students"]);
        for edge in data["students"]["edges"].as_array().unwrap() {
            let node = &edge["node"];
            assert!(names(&node["course"]["students"]).iter().all(|name| own.contains(name)));
            for batch in node["batches"].as_array().unwrap() {
                assert!(names(&batch["students"]).iter().all(|name| own.contains(name)));
                assert!(batch["students"]["totalCount"].as_i64().unwrap() <= 2);
            }
        }
        for list in ["courses", "batches"] {
            for edge in data[list]["edges"].as_array().unwrap() {
                assert!(edge["node"]["students"]["totalCount"].as_i64().unwrap() <= 2, "{list}");
            }
        }
    }

    async fn nobody_reaches_nothing(app: TestApp) {
        let nobody = app.anonymous();
        for list in ["students", "parents", "staff", "courses", "batches"] {
            let answer = nobody.ask(&format!("{{ {list} {{ totalCount }} }}")).await;
            assert_eq!(answer.at(&format!("/{list}")), &Value::Null);
            assert_eq!(answer.code_at(&json!([list])), "UNAUTHENTICATED");
        }
        let (child, _) = child_and_stranger(&app, cast::PARENT).await;
        let answer = nobody
            .ask_with("query($id: ID!) { viewer { roles } node(id: $id) { id } institute { name } }", json!({"id": app.id(Kind::Student, child)}))
            .await
            .ok();
        assert_eq!(answer.at("/viewer"), &Value::Null);
        assert_eq!(answer.at("/node"), &Value::Null);
        assert!(answer.at("/institute/name").is_string());
    }

    async fn an_archived_student_is_for_admin_alone(app: TestApp) {
        let archived = app.database.numbers("SELECT id FROM students WHERE archived_at IS NOT NULL").await[0];
        let id = app.id(Kind::Student, archived);
        for (role, client) in app.everybody().await {
            let found = client.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({"id": id})).await;
            assert_eq!(found.at("/node").is_null(), role != "ADMIN", "{role}");
        }
        let admin = app.sign_in(cast::ADMIN).await;
        let data = admin.data("{ students(filter: {archived: true}) { totalCount edges { node { archivedAt } } } }").await;
        assert_eq!(data["students"]["totalCount"], 1);
    }

    async fn a_filter_by_a_row_out_of_scope_finds_what_a_filter_by_none_finds(app: TestApp) {
        // A batch that is not active is out of a teacher's scope; that their students are members must not show either.
        let teacher = app.sign_in(cast::TEACHER).await;
        let batch = app
            .database
            .numbers(&format!(
                "SELECT DISTINCT batch_id FROM batch_students JOIN students s ON s.id = student_id JOIN accounts a \
                 ON a.id = s.account_id WHERE a.email = '{}'",
                cast::STUDENT
            ))
            .await[0];
        let ask = "query($id: ID!) { node(id: $id) { id } students(filter: {batchId: $id}) { totalCount edges { node { id } } } }";
        let id = json!({"id": app.id(Kind::Batch, batch)});
        let found = teacher.ask_with(ask, id.clone()).await.ok();
        assert!(found.at("/students/totalCount").as_i64().unwrap() > 0);
        app.database.execute(&format!("UPDATE batches SET active = FALSE WHERE id = {batch}")).await;
        let hidden = teacher.ask_with(ask, id).await.ok();
        let absent = teacher.ask_with(ask, json!({"id": app.id(Kind::Batch, 999_999)})).await.ok();
        assert_eq!(hidden.data, absent.data);
        assert_eq!(absent.data, json!({"node": null, "students": {"totalCount": 0, "edges": []}}));
    }

    async fn a_routine_that_is_handed_on_takes_its_sessions_along(app: TestApp) {
        let (former, present) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::TEACHER_PARENT).await);
        let staff = |email: &str| of("staff", email);
        let routine = app
            .database
            .numbers(&format!(
                "SELECT DISTINCT routine_id FROM attendance_sessions WHERE routine_id IN \
                 (SELECT id FROM routines WHERE teacher_id = ({})) ORDER BY 1",
                staff(cast::TEACHER)
            ))
            .await[0];
        let session = app.database.numbers(&format!("SELECT id FROM attendance_sessions WHERE routine_id = {routine}")).await[0];
        let ask = "query($id: ID!) { node(id: $id) { ... on AttendanceSession { records { totalCount } } } }";
        let id = json!({"id": app.id(Kind::AttendanceSession, session)});
        assert!(former.ask_with(ask, id.clone()).await.ok().at("/node/records/totalCount").is_i64());
        app.database
            .execute(&format!("UPDATE routines SET active = FALSE, teacher_id = ({}) WHERE id = {routine}", staff(cast::TEACHER_PARENT)))
            .await;
        assert_eq!(former.ask_with(ask, id.clone()).await.ok().data, json!({"node": null}));
        assert!(present.ask_with(ask, id).await.ok().at("/node/records/totalCount").is_i64());
    }

    async fn the_next_request_obeys_what_has_changed(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let (child, _) = child_and_stranger(&app, cast::PARENT).await;
        assert_eq!(total(&parent, "students").await, 2);
        app.database.execute(&format!("DELETE FROM parent_students WHERE student_id = {child}")).await;
        assert_eq!(total(&parent, "students").await, 1);

        let hod = app.sign_in(cast::HOD).await;
        assert!(total(&hod, "students").await > 0);
        let roles = format!(
            "DELETE FROM staff_roles WHERE staff_id = (SELECT staff.id FROM staff JOIN accounts a ON a.id = account_id \
             WHERE a.email = '{}')",
            cast::HOD
        );
        app.database.execute(&roles).await;
        assert_eq!(hod.data("{ viewer { roles } }").await["viewer"]["roles"], json!([]));
        assert_eq!(total(&hod, "students").await, 0);

        app.database.execute(&format!("UPDATE accounts SET active = FALSE WHERE email = '{}'", cast::HOD)).await;
        assert_eq!(hod.data("{ viewer { roles } }").await["viewer"], Value::Null);
    }
}
