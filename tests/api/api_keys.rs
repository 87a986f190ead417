//! API keys: what they read, what they never do, who makes them, when they end, and that nobody finds one.

use chrono::Duration;
use rollcall::{auth::session::digest, demo::cast, ids::Kind};
use serde_json::{Value, json};

use super::support::{Answer, Backend, Client, PASSWORD, TestApp, http_client, of};

const SCOPES: [&str; 3] = ["AGGREGATES", "ADMISSION_READ", "ADMIN_READ"];
const NAMES: &str = "{ courses { edges { node { name } } } }";
const FIELDS: &str = "apiKey { id name prefix scope createdBy { email } createdAt expiresAt lastUsedAt revokedAt active version } \
                      key clientMutationId";

fn input(name: &str, scope: &str) -> Value {
    json!({"name": name, "scope": scope, "expiresInDays": 30})
}

fn with_key(app: &TestApp, key: &str) -> Client {
    Client::new(app.url("/graphql"), Some(key.to_owned()))
}

/// A key of a scope, whole, with its global id.
async fn made(app: &TestApp, scope: &str) -> (String, String) {
    let client = app.api_key(scope).await;
    let id = app.id_of(Kind::ApiKey, "SELECT max(id) FROM api_keys").await;
    (client.token.unwrap(), id)
}

/// Whether what comes with a token reads as REPORTING; if not, it must be nobody.
async fn reads(client: &Client) -> bool {
    let answer = client.ask(NAMES).await;
    assert_eq!(answer.status, 200);
    if answer.errors.is_empty() {
        return true;
    }
    assert_eq!(answer.code_at(&json!(["courses"])), "UNAUTHENTICATED");
    false
}

/// What an administrator is told of a key.
async fn shown(app: &TestApp, id: &str) -> Value {
    let query = format!("{{ node(id: \"{id}\") {{ ... on ApiKey {{ lastUsedAt active revokedAt version }} }} }}");
    app.sign_in(cast::ADMIN).await.data(&query).await["node"].take()
}

fn count(answer: &Answer, list: &str) -> i64 {
    answer.at(&format!("/{list}/totalCount")).as_i64().unwrap()
}

on_both! {
    async fn a_key_is_made_shown_once_and_revoked(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let payload = admin.done("createApiKey", input(" Figures for the board ", "AGGREGATES"), FIELDS).await;
        let key = payload["key"].as_str().unwrap();
        assert_eq!((key.len(), &key[..4]), (47, "rck_"), "256 bits in base64url");
        let id = payload["apiKey"]["id"].as_str().unwrap();
        let expected = json!({
            "id": id, "name": "Figures for the board", "prefix": key[..8], "scope": "AGGREGATES", "createdBy": {"email": cast::ADMIN},
            "createdAt": "2026-03-20T12:00:00+00:00", "expiresAt": "2026-04-19T12:00:00+00:00", "lastUsedAt": null, "revokedAt": null,
            "active": true, "version": 1
        });
        assert_eq!(payload["apiKey"], expected);
        assert!(reads(&with_key(&app, key)).await);

        let revoked = admin.done("revokeApiKey", json!({"id": id, "clientMutationId": "r"}), "apiKey { active revokedAt version }").await;
        assert_eq!(revoked["apiKey"], json!({"active": false, "revokedAt": "2026-03-20T12:00:00+00:00", "version": 2}));
        assert!(!reads(&with_key(&app, key)).await, "the next request is nobody's");
        assert_eq!(app.refused(&admin, "revokeApiKey", json!({"id": id})).await, ["id WRONG_STATUS"]);
        let again = admin.done("revokeApiKey", json!({"id": id, "clientMutationId": "r"}), "apiKey { version }").await;
        assert_eq!(again["apiKey"]["version"], 2, "sent again");
        assert_eq!(app.refused(&admin, "revokeApiKey", json!({"id": app.id(Kind::Course, 1)})).await, ["id NOT_FOUND"]);
    }

    async fn what_is_wrong_with_a_key_is_said_at_once(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        for days in [0, -1, 367, i32::MIN, i32::MAX] {
            let wrong = json!({"name": " ", "scope": "AGGREGATES", "expiresInDays": days});
            let mut errors = app.refused(&admin, "createApiKey", wrong).await;
            errors.sort();
            assert_eq!(errors, ["expiresInDays OUT_OF_RANGE", "name REQUIRED"], "{days}");
        }
        for days in [1, 366] {
            let right = json!({"name": format!("{days}"), "scope": "AGGREGATES", "expiresInDays": days});
            admin.done("createApiKey", right, "").await;
        }
        // Of those that are not revoked each has a name of its own.
        assert_eq!(app.refused(&admin, "createApiKey", input("1", "ADMIN_READ")).await, ["name TAKEN"]);
        let id = app.id_of(Kind::ApiKey, "SELECT id FROM api_keys WHERE name = '1'").await;
        admin.done("revokeApiKey", json!({"id": id}), "").await;
        admin.done("createApiKey", input("1", "ADMIN_READ"), "").await;
    }

    async fn sent_again_the_key_is_not_shown_again(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let mut input = input("Board", "AGGREGATES");
        input["clientMutationId"] = json!("k1");
        let first = admin.done("createApiKey", input.clone(), FIELDS).await;
        assert!(first["key"].is_string());
        let written = app.database.contents().await;
        let again = admin.done("createApiKey", input.clone(), FIELDS).await;
        assert_eq!((&again["apiKey"], &again["key"]), (&first["apiKey"], &Value::Null));
        assert_eq!(app.database.contents().await, written);
        input["scope"] = json!("ADMIN_READ");
        assert_eq!(app.refused(&admin, "createApiKey", input).await, ["clientMutationId KEY_REUSED"]);
    }

    async fn an_administrator_alone_makes_lists_and_revokes_keys(app: TestApp) {
        let (_, id) = made(&app, "AGGREGATES").await;
        let mut clients = app.everybody().await;
        for scope in SCOPES {
            clients.push((scope, app.api_key(scope).await));
        }
        for (role, client) in clients {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            let list = client.ask("{ apiKeys { totalCount edges { node { name prefix } } } }").await;
            let node = client.ask(&format!("{{ node(id: \"{id}\") {{ id }} }}")).await.ok();
            if ["ADMIN", "ADMIN_READ"].contains(&role) {
                assert_eq!(count(&list.ok(), "apiKeys"), 4, "{role}");
                assert_eq!(node.at("/node/id"), &json!(id), "{role}");
            } else {
                assert_eq!((list.code_at(&json!(["apiKeys"])), node.at("/node")), (code, &Value::Null), "{role}");
            }
            if role != "ADMIN" {
                assert_eq!(app.denied(&client, "createApiKey", input("Mine", "ADMIN_READ")).await, code, "{role}");
                assert_eq!(app.denied(&client, "revokeApiKey", json!({"id": id})).await, code, "{role}");
            }
        }
    }

    async fn the_list_tells_what_is_in_force(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (_, revoked) = made(&app, "AGGREGATES").await;
        admin.done("revokeApiKey", json!({"id": revoked}), "").await;
        let day = json!({"name": "A day", "scope": "AGGREGATES", "expiresInDays": 1});
        admin.done("createApiKey", day, "").await;
        let (_, kept) = made(&app, "ADMIN_READ").await;
        app.clock.advance(Duration::days(1));
        for (arguments, active) in [("filter: {active: true}", vec![true]), ("filter: {active: false}", vec![false; 2]), ("", vec![true, false, false])] {
            let (nodes, total) = admin.walk("apiKeys", arguments, "id active").await.unwrap();
            assert_eq!(nodes.iter().map(|node| node["active"] == true).collect::<Vec<_>>(), active, "{arguments}");
            assert_eq!((total, nodes[0]["id"] == kept), (active.len(), active[0]), "{arguments}: newest first");
        }
    }

    async fn a_key_reads_as_its_role_and_is_no_person(app: TestApp) {
        let students = app.number("SELECT count(*) FROM students WHERE archived_at IS NULL").await;
        let query = "{ viewer { roles } students(first: 1) { totalCount edges { node { name phone citizenshipNumber attendanceSummary { present } } } } \
                     auditEntries { totalCount } meetings { totalCount } }";
        let at = |field: &str| json!(["students", "edges", 0, "node", field]);

        let key = app.api_key("ADMIN_READ").await;
        let seen = key.data("{ __schema { mutationType { name } } input: __type(name: \"CreateCourseInput\") { name } }").await;
        assert_eq!(seen, json!({"__schema": {"mutationType": null}, "input": null}), "it is shown no mutation");
        let admin = key.ask(query).await.ok();
        assert_eq!((count(&admin, "students"), admin.at("/viewer")), (students, &Value::Null));
        assert_eq!(count(&admin, "auditEntries"), app.number("SELECT count(*) FROM audit_entries").await);

        let officer = app.api_key("ADMISSION_READ").await.ask(query).await;
        assert_eq!((count(&officer, "students"), officer.at("/viewer")), (students, &Value::Null));
        assert!(officer.at("/students/edges/0/node/phone").is_string());
        for path in [at("attendanceSummary"), json!(["meetings"]), json!(["auditEntries"])] {
            assert_eq!(officer.code_at(&path), "FORBIDDEN", "{path}: there is no SELF to a key");
        }
        assert_eq!(officer.errors.len(), 3, "{:?}", officer.errors);

        let tool = app.api_key("AGGREGATES").await.ask(query).await;
        assert_eq!(tool.data, json!({"viewer": null, "students": null, "auditEntries": null, "meetings": null}));
        for list in ["students", "meetings", "auditEntries"] {
            assert_eq!(tool.code_at(&json!([list])), "FORBIDDEN");
        }
    }

    async fn a_reporting_key_comes_to_no_person_by_any_way(app: TestApp) {
        let tool = app.api_key("AGGREGATES").await;
        let kinds = [
            (Kind::Student, of("students", cast::STUDENT)),
            (Kind::Parent, of("parents", cast::PARENT)),
            (Kind::Staff, of("staff", cast::TEACHER)),
            (Kind::Account, format!("SELECT id FROM accounts WHERE email = '{}'", cast::STUDENT)),
            (Kind::LeaveRequest, "SELECT min(id) FROM leave_requests".to_owned()),
            (Kind::Meeting, "SELECT min(id) FROM meetings".to_owned()),
            (Kind::AttendanceRecord, "SELECT min(id) FROM attendance_records".to_owned()),
            (Kind::TeacherFeedback, "SELECT min(id) FROM teacher_feedback".to_owned()),
            (Kind::InstituteFeedback, "SELECT min(id) FROM institute_feedback".to_owned()),
            (Kind::CourseTracking, "SELECT min(id) FROM course_trackings".to_owned()),
            (Kind::Notice, "SELECT min(id) FROM notices".to_owned()),
        ];
        for (kind, query) in kinds {
            let id = app.id_of(kind, &query).await;
            let found = tool.ask(&format!("{{ node(id: \"{id}\") {{ id }} }}")).await.ok();
            assert_eq!(found.data, json!({"node": null}), "{kind:?}");
        }
        // What it reaches has names, and leads to nobody.
        let answer = tool
            .ask(
                "{ courses(first: 1) { edges { node { name code hod { name } students { totalCount } routines { id } batches { id } progress { students } } } } \
                   batches(first: 1) { edges { node { name students { totalCount } startDate } } } \
                   subjects(first: 1) { edges { node { name code teachers { name } course { name } } } } }",
            )
            .await;
        for (list, denied, read) in [
            ("courses", vec!["hod", "students", "routines", "batches", "progress"], vec!["name", "code"]),
            ("batches", vec!["students", "startDate"], vec!["name"]),
            ("subjects", vec!["teachers", "course"], vec!["name", "code"]),
        ] {
            for field in denied {
                assert_eq!(answer.code_at(&json!([list, "edges", 0, "node", field])), "FORBIDDEN", "{list}.{field}");
                assert!(answer.at(&format!("/{list}/edges/0/node/{field}")).is_null());
            }
            for field in read {
                assert!(answer.at(&format!("/{list}/edges/0/node/{field}")).is_string(), "{list}.{field}");
            }
        }
        for filter in ["courses(filter: {active: true})", "batches(filter: {active: true})", "subjects(filter: {period: 1})"] {
            let answer = tool.ask(&format!("{{ {filter} {{ totalCount }} }}")).await;
            assert_eq!(answer.errors[0]["extensions"]["code"], "FORBIDDEN", "{filter}");
        }
    }

    async fn a_key_changes_nothing(app: TestApp) {
        let course = app.id(Kind::Course, 1);
        let batch = "createBatch(input: {name: \"X\"}) { userErrors { code } }";
        let sign_in = format!("signIn(input: {{identifier: \"{}\", password: \"{PASSWORD}\"}}) {{ token viewer {{ roles }} }}", cast::ADMIN);
        let mutations = [
            "signOut { success }".to_owned(),
            sign_in,
            batch.to_owned(),
            format!("editCourse(input: {{id: \"{course}\", version: 1, description: \"X\"}}) {{ course {{ id }} }}"),
            format!("changePassword(input: {{currentPassword: \"{PASSWORD}\", newPassword: \"another long password\"}}) {{ success }}"),
            "editProfile(input: {photoUrl: null}) { viewer { roles } }".to_owned(),
        ];
        for scope in SCOPES {
            let client = app.api_key(scope).await;
            let before = app.database.contents().await;
            let sessions = app.number("SELECT count(*) FROM sessions").await;
            for mutation in &mutations {
                // After it, in the same request, nobody is signed in either.
                let answer = client.ask(&format!("mutation {{ {mutation} after: {batch} }}")).await;
                let name = mutation.split(['(', ' ']).next().unwrap();
                assert_eq!(answer.data, json!({name: null, "after": null}), "{scope}");
                for path in [name, "after"] {
                    assert_eq!(answer.code_at(&json!([path])), "FORBIDDEN", "{scope}: {name}");
                }
            }
            assert_eq!(app.database.contents().await, before, "{scope}");
            assert_eq!(app.number("SELECT count(*) FROM sessions").await, sessions, "{scope}");
            assert!(reads(&client).await, "{scope}: signing out has not ended it");
        }
    }

    async fn what_is_no_key_in_force_is_nobody(app: TestApp) {
        let (key, id) = made(&app, "AGGREGATES").await;
        assert!(reads(&with_key(&app, &key)).await);
        let last = if key.ends_with('A') { "B" } else { "A" };
        let forged = format!("{}{last}", &key[..46]);
        for other in [&forged, &key[4..], &format!("xck_{}", &key[4..]), &format!("RCK_{}", &key[4..]), &key[..46], &format!("{key}A"), "rck_", &id] {
            assert!(!reads(&with_key(&app, other)).await, "{other}");
        }
        // It comes in the header, and never as a session's cookie.
        let body = json!({"query": NAMES});
        let cookie = http_client().post(app.url("/graphql")).header("cookie", format!("rollcall={key}")).json(&body);
        let answer: Value = cookie.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        // And a session's token is no key, however it begins.
        let session = app.sign_in(cast::ADMIN).await.token.unwrap();
        assert!(!reads(&with_key(&app, &format!("rck_{session}"))).await);
    }

    async fn a_key_ends_when_it_expires(app: TestApp) {
        let (key, id) = made(&app, "AGGREGATES").await;
        let client = with_key(&app, &key);
        app.clock.advance(Duration::days(30) - Duration::seconds(1));
        assert!(reads(&client).await);
        app.clock.advance(Duration::seconds(1));
        assert!(!reads(&client).await);
        assert_eq!(shown(&app, &id).await["active"], false);
    }

    async fn a_key_ends_with_its_makers_right_to_make_it(app: TestApp) {
        let (key, _) = made(&app, "ADMIN_READ").await;
        let client = with_key(&app, &key);
        let admin = of("staff", cast::ADMIN);
        let account = format!("email = '{}'", cast::ADMIN);
        let changes = [
            (format!("UPDATE accounts SET active = FALSE WHERE {account}"), format!("UPDATE accounts SET active = TRUE WHERE {account}")),
            (
                format!("UPDATE staff SET archived_at = '2026-03-20 12:00:00' WHERE id = ({admin})"),
                format!("UPDATE staff SET archived_at = NULL WHERE id = ({admin})"),
            ),
            (
                format!("DELETE FROM staff_roles WHERE role = 'ADMIN' AND staff_id = ({admin})"),
                format!("INSERT INTO staff_roles (staff_id, role) SELECT x.id, 'ADMIN' FROM staff x WHERE x.id = ({admin})"),
            ),
            (
                format!("UPDATE staff_roles SET role = 'ADMISSION' WHERE role = 'ADMIN' AND staff_id = ({admin})"),
                format!("UPDATE staff_roles SET role = 'ADMIN' WHERE role = 'ADMISSION' AND staff_id = ({admin})"),
            ),
        ];
        for (taken, given) in changes {
            app.database.execute(&taken).await;
            assert!(!reads(&client).await, "{taken}");
            app.database.execute(&given).await;
            assert!(reads(&client).await, "{given}");
        }
    }

    async fn the_last_use_is_shown_to_the_minute(app: TestApp) {
        let (key, id) = made(&app, "AGGREGATES").await;
        let client = with_key(&app, &key);
        assert_eq!(shown(&app, &id).await["lastUsedAt"], Value::Null);
        assert!(reads(&client).await);
        let first = "2026-03-20T12:00:00+00:00";
        assert_eq!(shown(&app, &id).await["lastUsedAt"], first);
        // Within the minute a request writes nothing.
        app.clock.advance(Duration::seconds(59));
        let before = app.api.services().db.statements();
        assert!(reads(&client).await);
        assert_eq!(app.api.services().db.statements() - before, 2, "the key and the courses");
        assert_eq!(shown(&app, &id).await["lastUsedAt"], first);
        app.clock.advance(Duration::seconds(1));
        assert!(reads(&client).await);
        assert_eq!(shown(&app, &id).await, json!({"lastUsedAt": "2026-03-20T12:01:00+00:00", "active": true, "revokedAt": null, "version": 1}));
        // What is refused is no use, and a revoked key is used no more.
        app.clock.advance(Duration::minutes(5));
        app.sign_in(cast::ADMIN).await.done("revokeApiKey", json!({"id": id}), "").await;
        assert!(!reads(&client).await);
        assert_eq!(shown(&app, &id).await["lastUsedAt"], "2026-03-20T12:01:00+00:00");
    }

    async fn neither_key_nor_digest_is_found_anywhere(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let mut input = input("Board", "AGGREGATES");
        input["clientMutationId"] = json!("k1");
        let payload = admin.done("createApiKey", input, FIELDS).await;
        let key = payload["key"].as_str().unwrap().to_owned();
        let mutate = with_key(&app, &key).ask("mutation { signOut { success } }").await.text;
        admin.done("revokeApiKey", json!({"id": payload["apiKey"]["id"]}), "").await;
        let audit = admin.data("{ auditEntries { edges { node { action subjectType subject { id } actor { email } changes { field before after } } } } }").await;
        let entries = audit["auditEntries"]["edges"].as_array().unwrap();
        let done: Vec<(&Value, &Value)> = entries.iter().map(|entry| (&entry["node"]["action"], &entry["node"]["subject"]["id"])).collect();
        assert_eq!(done, [(&json!("revokeApiKey"), &payload["apiKey"]["id"]), (&json!("createApiKey"), &payload["apiKey"]["id"])]);
        assert_eq!(entries[0]["node"]["changes"], json!([{"field": "revoked_at", "before": "null", "after": "\"2026-03-20T12:00:00\""}]));
        let made: Vec<&str> = entries[1]["node"]["changes"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect();
        assert_eq!(made, ["created_at", "created_by", "expires_at", "id", "name", "prefix", "revoked_at", "scope", "version"]);

        let hex: String = digest(&key).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let kept = "SELECT coalesce(before, '') || coalesce(after, '') FROM audit_entries UNION ALL SELECT result FROM client_mutations";
        let mut texts = app.database.texts(kept).await;
        assert!(texts.len() > 2);
        texts.extend([mutate, audit.to_string(), app.api_key("ADMIN_READ").await.ask("{ apiKeys { edges { node { name prefix } } } }").await.text]);
        for text in &texts {
            // The first eight characters are shown; what follows is nowhere.
            assert!(!text.contains(&key[4..]) && !text.contains(&key[8..20]) && !text.to_lowercase().contains(&hex), "{text}");
        }
        if app.backend == Backend::Sqlite {
            let all = app.database.contents().await.concat().to_lowercase();
            assert_eq!((all.matches(&hex).count(), all.contains(&key[4..].to_lowercase())), (1, false), "its digest is in one place");
        }
        let digests = app.database.numbers("SELECT CAST(length(key_hash) AS bigint) FROM api_keys").await;
        assert!(digests.iter().all(|length| *length == 32), "{digests:?}");
    }

    async fn a_cursor_is_good_for_the_key_that_it_was_given_to(app: TestApp) {
        let (one, other) = (app.api_key("AGGREGATES").await, app.api_key("AGGREGATES").await);
        let cursor = one.data("{ courses(first: 1) { pageInfo { endCursor } } }").await["courses"]["pageInfo"]["endCursor"].clone();
        let next = format!("{{ courses(first: 1, after: {cursor}) {{ edges {{ node {{ name }} }} }} }}");
        assert_eq!(one.data(&next).await["courses"]["edges"].as_array().unwrap().len(), 1);
        assert_eq!(other.ask(&next).await.code_at(&json!(["courses"])), "BAD_USER_INPUT");
    }
}
