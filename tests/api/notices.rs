//! Notices: who publishes, edits and withdraws them, and who has read them.

use chrono::Duration;
use futures_util::future::join_all;
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::support::{Client, TestApp};

const NOTICE: &str = "notice { id title message imageUrl fileUrl publishedAt version readAt publishedBy { id } \
     audience { kind role course { id } batch { id } } }";

fn notice(audience: impl Into<Value>) -> Value {
    with(json!({"title": " Library ", "message": "Open late."}), "audience", audience)
}

fn with(mut input: Value, field: &str, value: impl Into<Value>) -> Value {
    input[field] = value.into();
    input
}

fn headed(email: &str) -> String {
    format!(
        "(SELECT c.id FROM courses c JOIN staff s ON s.id = c.hod_id JOIN accounts a ON a.id = s.account_id WHERE a.email = '{email}')"
    )
}

async fn course(app: &TestApp, email: &str) -> String {
    app.id_of(Kind::Course, &format!("SELECT min(id) FROM courses WHERE id IN {}", headed(email))).await
}

/// A batch that is for courses that somebody heads, and for no others.
async fn batch(app: &TestApp, email: &str) -> String {
    let inside = format!("SELECT batch_id FROM batch_courses WHERE course_id IN {}", headed(email));
    let outside = format!("SELECT batch_id FROM batch_courses WHERE course_id NOT IN {}", headed(email));
    app.id_of(Kind::Batch, &format!("SELECT min(id) FROM batches WHERE id IN ({inside}) AND id NOT IN ({outside})"))
        .await
}

async fn published(client: &Client, audience: Value) -> Value {
    client.done("publishNotice", notice(audience), NOTICE).await["notice"].clone()
}

async fn reaches(client: &Client, id: &Value) -> bool {
    let found = client.data(&format!("{{ node(id: {id}) {{ id }} }}")).await["node"].is_object();
    let (nodes, total) = client.walk("notices", "", "id").await.unwrap();
    assert_eq!(nodes.len(), total);
    assert_eq!(nodes.iter().any(|node| &node["id"] == id), found, "the list and the node");
    found
}

on_both! {
    async fn an_admin_publishes_to_anybody(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (course, batch) = (course(&app, cast::HOD).await, batch(&app, cast::HOD).await);
        let input = notice(json!({"roles": ["STAFF", "ADMISSION", "STAFF"], "courseIds": [course], "batchIds": [batch]}));
        let input = with(with(input, "imageUrl", "https://files.example/a.jpg"), "fileUrl", "https://files.example/a.pdf");
        let made = admin.done("publishNotice", input, NOTICE).await["notice"].clone();
        assert_eq!((&made["title"], &made["message"], &made["version"]), (&json!("Library"), &json!("Open late."), &json!(1)));
        assert_eq!((&made["imageUrl"], &made["fileUrl"]), (&json!("https://files.example/a.jpg"), &json!("https://files.example/a.pdf")));
        assert_eq!((&made["publishedAt"], &made["readAt"]), (&json!("2026-03-20T12:00:00+00:00"), &Value::Null));
        assert!(made["publishedBy"]["id"].is_string());
        assert_eq!(made["audience"], json!([
            {"kind": "ROLE", "role": "ADMISSION", "course": null, "batch": null},
            {"kind": "ROLE", "role": "STAFF", "course": null, "batch": null},
            {"kind": "COURSE", "role": null, "course": {"id": course}, "batch": null},
            {"kind": "BATCH", "role": null, "course": null, "batch": {"id": batch}},
        ]));
        let everybody = published(&admin, json!({"everybody": true})).await;
        let to_parents = published(&admin, json!({"roles": ["PARENT"]})).await;
        for (role, client) in app.everybody().await.into_iter().skip(1) {
            assert!(reaches(&client, &everybody["id"]).await, "{role}");
            assert_eq!(reaches(&client, &to_parents["id"]).await, ["ADMIN", "PARENT"].contains(&role), "{role}");
        }
        let entries = format!("{{ auditEntries(filter: {{subjectId: {}}}) {{ edges {{ node {{ action changes {{ field }} }} }} }} }}", made["id"]);
        let entry = admin.data(&entries).await["auditEntries"]["edges"][0]["node"].clone();
        assert_eq!(entry, json!({"action": "publishNotice", "changes": [{"field": "audience"}, {"field": "notice"}]}));
    }

    async fn all_that_is_wrong_with_a_notice_is_said_at_once(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let wrong = json!({"title": "a\nb", "message": " ", "imageUrl": "ftp://x", "fileUrl": "x", "audience": {"everybody": false, "roles": []}});
        let mut found = app.refused(&admin, "publishNotice", wrong).await;
        found.sort();
        assert_eq!(found, ["audience REQUIRED", "fileUrl INVALID", "imageUrl INVALID", "message REQUIRED", "title INVALID"]);
        let course = course(&app, cast::HOD).await;
        let audience = json!({"courseIds": [course, course, app.id(Kind::Course, 999)], "batchIds": [course]});
        let expected = ["audience.courseIds.1 DUPLICATE", "audience.courseIds.2 NOT_FOUND", "audience.batchIds.0 NOT_FOUND"];
        assert_eq!(app.refused(&admin, "publishNotice", notice(audience)).await, expected);
        let long = with(notice(json!({"everybody": true})), "title", "a".repeat(201));
        assert_eq!(app.refused(&admin, "publishNotice", long).await, ["title TOO_LONG"]);
        let reporting = json!({"input": notice(json!({"roles": ["REPORTING"]}))});
        let answer = admin.ask_with("mutation($input: PublishNoticeInput!) { publishNotice(input: $input) { userErrors { code } } }", reporting).await;
        assert!(!answer.errors.is_empty(), "a role that nobody signs in with");
    }

    async fn an_hod_publishes_to_their_courses_and_batches(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let (own, other) = (course(&app, cast::HOD).await, course(&app, cast::HOD_OF_TWO).await);
        let (own_batch, other_batch) = (batch(&app, cast::HOD).await, batch(&app, cast::HOD_OF_TWO).await);
        let made = published(&hod, json!({"courseIds": [own], "batchIds": [own_batch]})).await;
        assert!(reaches(&app.sign_in(cast::STUDENT).await, &made["id"]).await);
        assert!(!reaches(&app.sign_in(cast::SIBLING).await, &made["id"]).await);
        let shared = "SELECT min(batch_id) FROM batch_courses GROUP BY batch_id HAVING count(*) > 1 ORDER BY 1 LIMIT 1";
        let shared = app.id_of(Kind::Batch, shared).await;
        let empty = app.sign_in(cast::ADMIN).await.done("createBatch", json!({"name": "For none"}), "batch { id }").await;
        for audience in [
            json!({"everybody": true}),
            json!({"roles": ["HOD"]}),
            json!({"courseIds": [own], "roles": ["STUDENT"]}),
            json!({"courseIds": [own, other]}),
            json!({"batchIds": [other_batch]}),
            json!({"batchIds": [own_batch, shared]}),
            json!({"batchIds": [empty["batch"]["id"]]}),
            json!({"courseIds": [other, app.id(Kind::Course, 999)]}),
        ] {
            assert_eq!(app.denied(&hod, "publishNotice", notice(audience.clone())).await, "FORBIDDEN", "{audience}");
        }
        assert_eq!(app.refused(&hod, "publishNotice", notice(json!({"courseIds": [own, app.id(Kind::Course, 999)]}))).await, ["audience.courseIds.1 NOT_FOUND"]);
        assert_eq!(app.refused(&hod, "publishNotice", notice(json!({}))).await, ["audience REQUIRED"]);
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if !["ADMIN", "HOD"].contains(&role) {
                assert_eq!(app.denied(&client, "publishNotice", notice(json!({"courseIds": [own]}))).await, code, "{role}");
            }
        }
    }

    async fn a_notice_is_edited_by_who_published_it_while_they_might(app: TestApp) {
        let (admin, hod) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::HOD).await);
        let own = course(&app, cast::HOD).await;
        let made = published(&hod, json!({"courseIds": [own]})).await;
        let by_admin = published(&admin, json!({"courseIds": [own], "roles": ["HOD"]})).await;
        let edit = json!({"id": made["id"], "version": 1, "title": "Hours", "imageUrl": "https://files.example/a.jpg"});
        let edited = hod.done("editNotice", edit.clone(), NOTICE).await["notice"].clone();
        assert_eq!((&edited["title"], &edited["message"], &edited["version"]), (&json!("Hours"), &json!("Open late."), &json!(2)));
        assert_eq!((&edited["imageUrl"], &edited["audience"]), (&json!("https://files.example/a.jpg"), &made["audience"]));
        assert_eq!(app.refused(&hod, "editNotice", edit).await, ["version STALE"]);
        let emptied = admin.done("editNotice", json!({"id": made["id"], "version": 2, "imageUrl": null}), NOTICE).await;
        assert_eq!(emptied["notice"]["imageUrl"], Value::Null);
        let wrong = json!({"id": made["id"], "version": 2, "title": null, "message": " ", "fileUrl": "http://x"});
        assert_eq!(app.refused(&hod, "editNotice", wrong).await, ["title REQUIRED", "message REQUIRED", "fileUrl INVALID", "version STALE"]);
        for id in [app.id(Kind::Notice, 999_999), own.clone()] {
            assert_eq!(app.refused(&hod, "editNotice", json!({"id": id, "version": 1})).await, ["id NOT_FOUND"]);
            assert_eq!(app.refused(&hod, "withdrawNotice", json!({"id": id})).await, ["id NOT_FOUND"]);
        }
        let (input, target) = (json!({"id": made["id"], "version": 3, "title": "Mine"}), json!({"id": made["id"]}));
        // Reached, but not theirs.
        let theirs = json!({"id": by_admin["id"], "version": 1, "title": "Mine"});
        assert_eq!(app.denied(&hod, "editNotice", theirs).await, "FORBIDDEN");
        assert_eq!(app.denied(&hod, "withdrawNotice", json!({"id": by_admin["id"]})).await, "FORBIDDEN");
        assert_eq!(app.refused(&app.sign_in(cast::HOD_OF_TWO).await, "editNotice", input.clone()).await, ["id NOT_FOUND"]);
        for (role, client) in app.everybody().await {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            if !["ADMIN", "HOD"].contains(&role) {
                assert_eq!(app.denied(&client, "editNotice", input.clone()).await, code, "{role}");
                assert_eq!(app.denied(&client, "withdrawNotice", target.clone()).await, code, "{role}");
            }
        }
        // Who heads the course no more reads what they published, and that is all.
        app.database.execute(&format!("UPDATE courses SET hod_id = NULL WHERE id IN {}", headed(cast::HOD))).await;
        assert!(reaches(&hod, &made["id"]).await);
        assert_eq!(app.denied(&hod, "editNotice", input).await, "FORBIDDEN");
        assert_eq!(app.denied(&hod, "withdrawNotice", target.clone()).await, "FORBIDDEN");
        admin.done("withdrawNotice", target, "").await;
    }

    async fn a_batch_notice_is_its_publishers_though_nobody_of_theirs_is_in_the_batch(app: TestApp) {
        let (admin, hod) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::HOD).await);
        let new = json!({"name": "Next year", "courseIds": [course(&app, cast::HOD).await]});
        let new = admin.done("createBatch", new, "batch { id }").await["batch"]["id"].clone();
        let made = published(&hod, json!({"batchIds": [new]})).await;
        hod.done("editNotice", json!({"id": made["id"], "version": 1, "title": "Soon"}), "").await;
        let other = course(&app, cast::HOD_OF_TWO).await;
        admin.done("editBatch", json!({"id": new, "version": 1, "courseIds": [course(&app, cast::HOD).await, other]}), "").await;
        assert_eq!(app.denied(&hod, "withdrawNotice", json!({"id": made["id"]})).await, "FORBIDDEN");
    }

    async fn a_withdrawn_notice_is_for_an_admin_alone(app: TestApp) {
        let (admin, hod, student) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::HOD).await, app.sign_in(cast::STUDENT).await);
        let made = published(&hod, json!({"courseIds": [course(&app, cast::HOD).await]})).await;
        assert!(reaches(&student, &made["id"]).await && reaches(&hod, &made["id"]).await);
        let done = hod.done("withdrawNotice", json!({"id": made["id"]}), NOTICE).await;
        assert_eq!(done["notice"], Value::Null, "its publisher reaches it no more");
        for client in [&hod, &student] {
            assert!(!reaches(client, &made["id"]).await);
            let (nodes, total) = client.walk("notices", "filter: {withdrawn: true}", "id").await.unwrap();
            assert_eq!((nodes.len(), total), (0, 0));
            assert_eq!(app.refused(client, "markNoticeRead", json!({"id": made["id"]})).await, ["id NOT_FOUND"]);
        }
        assert_eq!(app.refused(&hod, "withdrawNotice", json!({"id": made["id"]})).await, ["id NOT_FOUND"]);
        assert_eq!(app.refused(&hod, "editNotice", json!({"id": made["id"], "version": 2})).await, ["id NOT_FOUND"]);
        let (nodes, _) = admin.walk("notices", "filter: {withdrawn: true}", "id withdrawnAt").await.unwrap();
        assert_eq!(nodes, [json!({"id": made["id"], "withdrawnAt": "2026-03-20T12:00:00+00:00"})]);
        let (nodes, _) = admin.walk("notices", "", "id withdrawnAt").await.unwrap();
        assert!(!nodes.is_empty() && nodes.iter().all(|node| node["id"] != made["id"] && node["withdrawnAt"].is_null()));
        assert_eq!(app.refused(&admin, "withdrawNotice", json!({"id": made["id"]})).await, ["id WRONG_STATUS"]);
        assert_eq!(app.refused(&admin, "editNotice", json!({"id": made["id"], "version": 2, "title": "x"})).await, ["id WRONG_STATUS"]);
    }

    async fn what_somebody_has_read_is_marked_once(app: TestApp) {
        let made = published(&app.sign_in(cast::ADMIN).await, json!({"roles": ["STUDENT", "HOD"]})).await;
        let (student, hod) = (app.sign_in(cast::STUDENT).await, app.sign_in(cast::HOD).await);
        let entries = app.number("SELECT count(*) FROM audit_entries").await;
        let read = student.done("markNoticeRead", json!({"id": made["id"]}), "notice { id readAt }").await["notice"].clone();
        assert_eq!(read["readAt"], "2026-03-20T12:00:00+00:00");
        app.clock.advance(Duration::hours(1));
        let again = student.done("markNoticeRead", json!({"id": made["id"]}), "notice { id readAt }").await["notice"].clone();
        assert_eq!(again, read, "the time of the first reading");
        let unread = hod.data(&format!("{{ node(id: {}) {{ ... on Notice {{ readAt }} }} }}", made["id"])).await;
        assert_eq!(unread["node"]["readAt"], Value::Null, "another's reading");
        let unread = student.walk("notices", "filter: {unread: true}", "id").await.unwrap().0;
        assert!(unread.iter().all(|node| node["id"] != made["id"]));
        let of_another = hod.walk("notices", "filter: {unread: true}", "id").await.unwrap().0;
        assert!(of_another.iter().any(|node| node["id"] == made["id"]));
        assert_eq!(app.number("SELECT count(*) FROM audit_entries").await, entries, "nobody else is told");
        // Who published it reaches it as well; others do not.
        let own = published(&hod, json!({"courseIds": [course(&app, cast::HOD).await]})).await;
        hod.done("markNoticeRead", json!({"id": own["id"]}), "").await;
        for (role, client) in app.everybody().await {
            if role == "ANONYMOUS" {
                assert_eq!(app.denied(&client, "markNoticeRead", json!({"id": made["id"]})).await, "UNAUTHENTICATED");
            } else if !["ADMIN", "HOD", "STUDENT"].contains(&role) {
                assert_eq!(app.refused(&client, "markNoticeRead", json!({"id": made["id"]})).await, ["id NOT_FOUND"], "{role}");
            }
        }
        // Two devices at once.
        for _ in 0..25 {
            let made = published(&hod, json!({"courseIds": [course(&app, cast::HOD).await]})).await;
            let input = json!({"id": made["id"]});
            let answers = join_all((0..2).map(|_| student.change("markNoticeRead", &input, "notice { id readAt }"))).await;
            assert!(answers.iter().all(|answer| answer["userErrors"] == json!([]) && answer["notice"]["readAt"].is_string()), "{answers:#?}");
        }
    }
}
