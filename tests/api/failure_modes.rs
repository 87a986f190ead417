//! Ways in which such systems fail, and what keeps this one from it. `docs/authorization.md` has all of them, with their
//! tests; here are those that no other module has.

use std::collections::BTreeSet;

use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, of};

/// The ids of all students that somebody finds, by the root and by way of batches and courses.
async fn students(client: &Client) -> BTreeSet<String> {
    let students = "students(first: 100) { edges { node { id } } }";
    let data = client
        .data(&format!("{{ {students} batches {{ edges {{ node {{ {students} }} }} }} courses {{ edges {{ node {{ {students} }} }} }} }}"))
        .await;
    let lists = ["batches", "courses"].into_iter().flat_map(|list| data[list]["edges"].as_array().unwrap());
    let lists = lists.map(|edge| &edge["node"]["students"]).chain([&data["students"]]);
    let nodes = lists.flat_map(|list| list["edges"].as_array().unwrap());
    nodes.map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect()
}

/// What everybody must feel at once who had a session before: an open one goes on, and reaches what is theirs now.
async fn what_has_changed_is_felt_by_open_sessions(app: TestApp) {
    let (parent, hod, teacher) =
        (app.sign_in(cast::PARENT).await, app.sign_in(cast::HOD).await, app.sign_in(cast::TEACHER).await);
    let student = app.student(cast::STUDENT).await;
    for client in [&parent, &hod, &teacher] {
        assert!(students(client).await.contains(&student));
    }
    let number = app.number(&of("students", cast::STUDENT)).await;

    // Into a course that neither heads nor teaches in.
    let elsewhere = format!(
        "SELECT MIN(id) FROM courses WHERE active AND hod_id IS DISTINCT FROM ({}) AND id NOT IN (SELECT course_id FROM routines \
         WHERE teacher_id = ({}))",
        of("staff", cast::HOD),
        of("staff", cast::TEACHER)
    );
    let elsewhere = app.id_of(Kind::Course, &elsewhere).await;
    let version = app.number(&format!("SELECT CAST(version AS BIGINT) FROM students WHERE id = {number}")).await;
    let admin = app.sign_in(cast::ADMIN).await;
    let enrolment = json!({"studentId": student, "version": version, "courseId": elsewhere});
    admin.done("enrolStudent", enrolment, "").await;
    for client in [&hod, &teacher] {
        assert!(!students(client).await.contains(&student));
        let node = client.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({"id": student})).await.ok();
        assert!(node.at("/node").is_null());
    }
    assert!(students(&parent).await.contains(&student), "a parent's child stays theirs");

    let unlink = json!({"studentId": student, "parentId": app.parent(cast::PARENT).await});
    admin.done("unlinkParent", unlink, "").await;
    assert!(!students(&parent).await.contains(&student));

    let staff = app.staff(cast::HOD).await;
    let version =
        app.number(&format!("SELECT CAST(version AS BIGINT) FROM staff WHERE id = ({})", of("staff", cast::HOD))).await;
    app.database
        .execute(&format!("UPDATE courses SET hod_id = NULL WHERE hod_id = ({})", of("staff", cast::HOD)))
        .await;
    assert_eq!(students(&hod).await, BTreeSet::new(), "who heads nothing");
    admin.done("setStaffRoles", json!({"id": staff, "version": version, "roles": ["ADMISSION"]}), "").await;
    assert!(students(&hod).await.len() > 100, "a role that was given is felt as well");
    let deactivation = json!({"id": staff, "endRoutines": true, "cancelMeetings": true});
    admin.done("deactivateStaff", deactivation, "").await;
    assert_eq!(hod.data("{ viewer { roles } }").await, json!({"viewer": null}));
}

on_both! {
    async fn a_role_or_a_link_that_is_taken_away_is_felt_in_open_sessions(app: TestApp) {
        what_has_changed_is_felt_by_open_sessions(app).await;
    }

    async fn no_loader_or_cache_is_shared_between_viewers(app: TestApp) {
        let mut asked = Vec::new();
        for who in [cast::PARENT, cast::OTHER_PARENT, cast::PARENT_OF_ONE, cast::STUDENT, cast::TEACHER, cast::HOD] {
            let client = app.sign_in(who).await;
            asked.push((who, students(&client).await, client));
        }
        // All at once and over and over, so that what one has loaded is there while another asks.
        for _ in 0..10 {
            let answers = asked.iter().map(|(who, alone, client)| async move {
                assert_eq!(&students(client).await, alone, "{who}");
            });
            futures_util::future::join_all(answers).await;
        }
    }

    async fn neither_words_nor_work_tell_whether_a_row_is_there(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let linked = format!("SELECT student_id FROM parent_students WHERE parent_id = ({})", of("parents", cast::PARENT));
        let stranger = app.number(&format!("SELECT MIN(id) FROM students WHERE archived_at IS NULL AND id NOT IN ({linked})")).await;
        let archived = app.number("SELECT MIN(id) FROM students WHERE archived_at IS NOT NULL").await;
        let mut told = Vec::new();
        for number in [stranger, archived, 999_999] {
            let id = app.id(Kind::Student, number);
            let before = app.api.services().db.statements();
            let node = parent.ask_with("query($id: ID!) { node(id: $id) { id ... on Student { name } } }", json!({"id": id})).await;
            let read = app.api.services().db.statements() - before;
            let input = json!({"input": {"studentId": id, "firstDay": "2026-04-01", "lastDay": "2026-04-02", "message": "m"}});
            let ask = "mutation($input: RequestLeaveInput!) { requestLeave(input: $input) { userErrors { field code message } } }";
            let leave = parent.ask_with(ask, input).await;
            told.push((node.text, read, leave.text, app.api.services().db.statements() - before));
        }
        assert!(told.iter().all(|one| *one == told[0]), "{told:#?}");
    }

    async fn a_cursor_from_before_a_role_was_taken_away_does_not_open(app: TestApp) {
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        let page = "query($c: String) { students(first: 1, after: $c) { pageInfo { endCursor } } }";
        let data = both.ask_with(page, json!({})).await.ok().data;
        let cursor = &data["students"]["pageInfo"]["endCursor"];
        both.ask_with(page, json!({"c": cursor})).await.ok();
        app.database.execute(&format!("DELETE FROM staff_roles WHERE staff_id = ({})", of("staff", cast::TEACHER_PARENT))).await;
        let answer = both.ask_with(page, json!({"c": cursor})).await;
        assert_eq!(answer.code_at(&json!(["students"])), "BAD_USER_INPUT");
        assert!(answer.errors[0]["message"].as_str().unwrap().contains("cursor"), "{:?}", answer.errors);
    }

    async fn ids_cannot_be_guessed_in_order(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let known = app.id(Kind::Student, 1);
        // One character changed anywhere, and it names nothing: there is no next one.
        let guesses: Vec<String> = (0..known.len())
            .map(|i| {
                let other = if &known[i..=i] == "A" { "B" } else { "A" };
                format!("{}{other}{}", &known[..i], &known[i + 1..])
            })
            .collect();
        let nodes: Vec<String> = guesses.iter().enumerate().map(|(i, id)| format!("n{i}: node(id: \"{id}\") {{ id }}")).collect();
        let data = admin.data(&format!("{{ {} known: node(id: \"{known}\") {{ id }} }}", nodes.join(" "))).await;
        assert_eq!(data["known"]["id"], known);
        // The last character carries bits that are no part of the id.
        let last = format!("n{}", guesses.len() - 1);
        let found: Vec<&String> = data.as_object().unwrap().iter().filter(|(name, node)| **name != last && !node.is_null()).map(|(name, _)| name).collect();
        assert_eq!(found, ["known"]);
        let next = app.id(Kind::Student, 2);
        let same = known.bytes().zip(next.bytes()).filter(|(a, b)| a == b).count();
        assert!(same < known.len() / 2, "{known} {next}");
        assert_ne!(Value::from(known), app.id(Kind::Parent, 1));
    }
}
