//! What every mutation shares: keys that make it idempotent, versions, the audit log, and transactions that meet.

use futures_util::future::join_all;
use rollcall::{demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::support::errors;

fn course(code: &str, key: &str) -> Value {
    json!({"code": code, "name": "Nursing", "durationYears": 3, "durationType": "YEAR", "clientMutationId": key})
}

on_both! {
    async fn a_key_gives_the_same_answer_and_one_effect(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let fields = "course { id name } clientMutationId";
        let first = admin.done("createCourse", course("NUR", "k1"), fields).await;
        assert_eq!(first["clientMutationId"], "k1");
        let written = app.database.contents().await;
        assert_eq!(admin.done("createCourse", course("NUR", "k1"), fields).await, first);
        app.database.is_as(&written, "it").await;
        assert_eq!(app.refused(&admin, "createCourse", course("OTH", "k1")).await, ["clientMutationId KEY_REUSED"]);
        // Another viewer's keys are their own, and a refusal is not kept.
        let admission = app.sign_in(cast::ADMISSION).await;
        assert_eq!(app.refused(&admission, "createCourse", course("NUR", "k1")).await, ["code TAKEN"]);
        admission.done("createCourse", course("OTH", "k1"), fields).await;
        for key in ["", " ", &"k".repeat(101), "a\u{0}"] {
            assert_eq!(app.denied(&admin, "createCourse", course("KEY", key)).await, "BAD_USER_INPUT", "{key:?}");
        }
    }

    async fn the_same_key_many_times_at_once_has_one_effect(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        for round in 0..10 {
            let input = course(&format!("C{round}"), &format!("k{round}"));
            let tries = (0..5).map(|_| admin.change("createCourse", &input, "course { id }"));
            let answers = join_all(tries).await;
            assert!(answers.iter().all(|answer| answer == &answers[0] && !answer["course"]["id"].is_null()), "{answers:#?}");
        }
        assert_eq!(app.number("SELECT count(*) FROM courses WHERE name = 'Nursing'").await, 10);
    }

    async fn of_two_edits_of_what_both_have_read_one_is_made(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let id = app.id(Kind::Course, 1);
        for version in 1..=25 {
            let edit = |name: &str| json!({"id": id, "version": version, "name": format!("{name} {version}")});
            let (a, b) = (edit("A"), edit("B"));
            let (a, b) = tokio::join!(admin.change("editCourse", &a, ""), admin.change("editCourse", &b, ""));
            let mut outcomes = [errors(&a), errors(&b)];
            outcomes.sort();
            assert_eq!(outcomes, [vec![], vec!["version STALE".to_owned()]]);
        }
        assert_eq!(app.number("SELECT CAST(version AS bigint) FROM courses WHERE id = 1").await, 26);
    }

    async fn of_two_that_take_the_same_code_one_is_told_by_the_rule(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        for round in 0..25 {
            let input = json!({"code": format!("C{round}"), "name": "X", "durationYears": 1, "durationType": "YEAR"});
            let (a, b) = tokio::join!(admin.change("createCourse", &input, ""), admin.change("createCourse", &input, ""));
            let mut outcomes = [errors(&a), errors(&b)];
            outcomes.sort();
            assert_eq!(outcomes, [vec![], vec!["code TAKEN".to_owned()]]);
        }
    }

    async fn the_audit_log_says_who_did_what(app: TestApp) {
        let (admin, hod) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::HOD).await);
        let id = app.id_of(Kind::Course, &format!("SELECT c.id FROM courses c JOIN staff s ON s.id = c.hod_id JOIN accounts a ON a.id = s.account_id WHERE a.email = '{}'", cast::HOD)).await;
        hod.done("editCourse", json!({"id": id, "version": 1, "description": "New."}), "").await;
        admin.done("createCourse", course("NUR", "k1"), "").await;
        let entries = "nodes: edges { node { action subjectType subject { id } at actor { email } changes { field before after } requestId } } totalCount";
        let about = format!("{{ auditEntries(filter: {{subjectId: \"{id}\"}}) {{ {entries} }} }}");
        let entry = admin.data(&about).await["auditEntries"]["nodes"][0]["node"].clone();
        assert_eq!((&entry["action"], &entry["subjectType"], &entry["at"]), (&json!("editCourse"), &json!("Course"), &json!("2026-03-20T12:00:00+00:00")));
        assert_eq!((&entry["subject"]["id"], &entry["actor"]["email"]), (&json!(id), &json!(cast::HOD)));
        assert_eq!(entry["changes"].as_array().unwrap().len(), 1);
        assert_eq!((&entry["changes"][0]["field"], &entry["changes"][0]["after"]), (&json!("description"), &json!("\"New.\"")));
        assert_eq!(entry["requestId"].as_str().unwrap().len(), 36);
        // Everybody sees what they did themselves, and not what they wrote.
        let own = hod.ask(&format!("{{ auditEntries {{ {entries} }} }}")).await;
        assert_eq!(own.at("/auditEntries/totalCount"), &json!(1));
        assert_eq!(own.at("/auditEntries/nodes/0/node/changes"), &Value::Null);
        assert_eq!(own.code_at(&json!(["auditEntries", "nodes", 0, "node", "changes"])), "FORBIDDEN");
        let parent = app.sign_in(cast::PARENT).await;
        assert_eq!(parent.data(&about).await["auditEntries"]["totalCount"], 0);
        assert_eq!(parent.data("{ auditEntries { totalCount } }").await["auditEntries"]["totalCount"], 0);
        let filters = "a: auditEntries(filter: {action: \"createCourse\"}) { totalCount } \
                       b: auditEntries(filter: {from: \"2026-03-20T12:00:01Z\"}) { totalCount } \
                       c: auditEntries(filter: {to: \"2026-03-20T12:00:01Z\"}) { totalCount }";
        let found = admin.data(&format!("{{ {filters} }}")).await;
        assert_eq!(["a", "b", "c"].map(|alias| found[alias]["totalCount"].clone()), [json!(1), json!(0), json!(2)]);
    }

    async fn an_audit_entry_is_never_changed(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        admin.done("createCourse", course("NUR", "k1"), "").await;
        for statement in ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries"] {
            assert!(app.database.try_execute(statement).await.is_err(), "{statement}");
        }
        assert_eq!(app.number("SELECT count(*) FROM audit_entries").await, 1);
    }
}
