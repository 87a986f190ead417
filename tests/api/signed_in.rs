//! Where somebody is signed in: sessions as they are listed, ended, left alone, and given another token; and who tries to
//! get at those of others.

use std::collections::BTreeSet;

use chrono::Duration;
use futures_util::future::join_all;
use reqwest::header::HeaderValue;
use rollcall::{auth::session::digest, demo::cast, ids::Kind};
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, TestApp, http_client, session_cookie};

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) { token userErrors { code } } }";
const SESSIONS: &str = "sessions(first: 100) { totalCount edges { node { id device createdAt lastUsedAt expiresAt current viewerCan { end } } } }";
const END_OTHERS: &str = "mutation { endOtherSessions { ended userErrors { code } } }";
const NEW: &str = "a horse of another colour";

async fn roles(client: &Client) -> Value {
    client.data("{ viewer { roles } }").await["viewer"]["roles"].clone()
}

/// What a `signIn` asks for.
fn credentials(email: &str, session: &str) -> Value {
    json!({"input": {"identifier": email, "password": PASSWORD, "session": session}})
}

/// Somebody who has signed in on a device.
async fn on_device(app: &TestApp, email: &str, device: &[u8]) -> Client {
    let body = json!({"query": SIGN_IN, "variables": credentials(email, "TOKEN")});
    let request = http_client().post(app.url("/graphql")).json(&body);
    let request = request.header("user-agent", HeaderValue::from_bytes(device).unwrap());
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    Client::new(app.url("/graphql"), Some(answer["data"]["signIn"]["token"].as_str().unwrap().to_owned()))
}

/// A client's sessions, newest first.
async fn sessions(client: &Client) -> Vec<Value> {
    let data = client.data(&format!("{{ viewer {{ {SESSIONS} account {{ {SESSIONS} }} }} }}")).await;
    let listed = &data["viewer"]["sessions"];
    assert_eq!(listed, &data["viewer"]["account"]["sessions"], "the same by way of the account");
    let nodes: Vec<Value> = listed["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect();
    assert_eq!(listed["totalCount"], nodes.len());
    nodes
}

/// The id of the session that a client comes with.
async fn own(client: &Client) -> String {
    let sessions = sessions(client).await;
    let current: Vec<&Value> = sessions.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1, "one asks");
    current[0]["id"].as_str().unwrap().to_owned()
}

/// How many rows an account has in the table of sessions, whether they are in force or not.
async fn kept(app: &TestApp, email: &str) -> i64 {
    let of =
        format!("SELECT count(*) FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.email = '{email}'");
    app.number(&of).await
}

/// A request with a cookie; the cookie that the answer sets, if any, and the answer.
async fn with_cookie(app: &TestApp, cookie: &str, query: &str, variables: Value) -> (Option<String>, Value) {
    let request = http_client().post(app.url("/graphql")).header("cookie", cookie);
    let response = request.json(&json!({"query": query, "variables": variables})).send().await.unwrap();
    let set = session_cookie(response.headers());
    (set, response.json().await.unwrap())
}

/// What a browser sends back of a cookie that was set.
fn pair(set: &str) -> String {
    set.split(';').next().unwrap().to_owned()
}

#[track_caller]
fn code(answer: &Answer, field: &str) -> String {
    answer.code_at(&json!([field])).to_owned()
}

on_both! {
    async fn everybody_sees_where_they_are_signed_in_and_nobody_else(app: TestApp) {
        let phone = on_device(&app, cast::PARENT, b"Rollcall/1.2 (Android 15)").await;
        app.clock.advance(Duration::minutes(1));
        let laptop = on_device(&app, cast::PARENT, b"Mozilla/5.0 (X11; Linux x86_64)").await;
        let session = |id: &Value, device: &str, at: &str, current: bool| json!({
            "id": id, "device": device, "createdAt": format!("2026-03-20T{at}+00:00"), "lastUsedAt": format!("2026-03-20T{at}+00:00"),
            "expiresAt": format!("2026-04-03T{at}+00:00"), "current": current, "viewerCan": {"end": true},
        });
        for (client, here) in [(&laptop, 0), (&phone, 1)] {
            let listed = sessions(client).await;
            let expected = [
                session(&listed[0]["id"], "Mozilla/5.0 (X11; Linux x86_64)", "12:01:00", here == 0),
                session(&listed[1]["id"], "Rollcall/1.2 (Android 15)", "12:00:00", here == 1),
            ];
            assert_eq!(listed, expected);
        }
        // Page by page, and the cursor is as good for the other device: it is the same viewer.
        let page = "query($c: String) { viewer { sessions(first: 1, after: $c) { edges { node { device } } pageInfo { endCursor hasNextPage } } } }";
        let first = phone.ask_with(page, json!({})).await.ok();
        assert_eq!(first.at("/viewer/sessions/pageInfo/hasNextPage"), true);
        let cursor = json!({"c": first.at("/viewer/sessions/pageInfo/endCursor")});
        let second = laptop.ask_with(page, cursor).await.ok();
        assert_eq!(second.at("/viewer/sessions/edges/0/node/device"), "Rollcall/1.2 (Android 15)");

        for (role, email) in cast::BY_ROLE {
            let client = app.sign_in(email).await;
            let listed = sessions(&client).await;
            let listed: BTreeSet<String> = listed.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect();
            let theirs = format!("SELECT s.id FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.email = '{email}'");
            let theirs = app.database.numbers(&theirs).await.into_iter().map(|number| app.id(Kind::Session, number));
            assert_eq!(listed, theirs.collect(), "{role}");
        }
        let nobody = app.anonymous().data("{ viewer { sessions { totalCount } } }").await;
        assert_eq!(nobody, json!({"viewer": null}));
    }

    async fn a_device_is_a_short_line_whatever_it_sends(app: TestApp) {
        let long = vec![b'x'; 5000];
        for (sent, kept) in [
            (&b"'; DROP TABLE sessions; --"[..], json!("'; DROP TABLE sessions; --")),
            (b"<script>alert(1)</script>\tand more", json!("<script>alert(1)</script>and more")),
            (b"\xff\xfe\x80", Value::Null),
            (b"Phone \xe2\x80\xae of mine", Value::Null),
            (b"\t \t", Value::Null),
            (b"", Value::Null),
            (&long, json!("x".repeat(200))),
        ] {
            let client = on_device(&app, cast::PARENT, sent).await;
            let listed = sessions(&client).await;
            assert_eq!(listed[0]["device"], kept, "{}", String::from_utf8_lossy(sent));
        }
        let silent = app.sign_in(cast::PARENT).await;
        assert_eq!(sessions(&silent).await[0]["device"], Value::Null);
    }

    async fn an_ended_session_is_nobodys_at_once_on_every_instance(app: TestApp) {
        let beside = app.beside().await;
        let (here, there) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::PARENT).await);
        let there = Client::new(beside.url("/graphql"), there.token);
        assert_eq!(roles(&there).await, json!(["PARENT"]));
        let id = own(&there).await;
        let input = json!({"id": id, "clientMutationId": "e"});
        let done = here.done("endSession", input.clone(), "endedId clientMutationId").await;
        assert_eq!((&done["endedId"], &done["clientMutationId"]), (&json!(id), &json!("e")));
        assert_eq!((roles(&there).await, roles(&here).await), (Value::Null, json!(["PARENT"])));
        assert_eq!(here.done("endSession", input, "endedId").await["endedId"], id, "sent again");
        assert_eq!(app.refused(&here, "endSession", json!({"id": id})).await, ["id NOT_FOUND"], "it ends once");
        assert_eq!(sessions(&here).await.len(), 1);
        // One's own too: it is to sign out.
        let id = own(&here).await;
        here.done("endSession", json!({"id": id}), "").await;
        assert_eq!(roles(&here).await, Value::Null);
    }

    async fn a_strangers_session_is_as_one_that_is_not_there(app: TestApp) {
        let victim = app.sign_in(cast::OTHER_PARENT).await;
        let theirs = own(&victim).await;
        let words = "mutation($input: EndSessionInput!) { endSession(input: $input) { endedId userErrors { field code message } } }";
        for (role, client) in app.everybody().await.into_iter().filter(|(role, _)| *role != "ADMIN") {
            if role == "ANONYMOUS" {
                assert_eq!(app.denied(&client, "endSession", json!({"id": theirs})).await, "UNAUTHENTICATED");
                continue;
            }
            assert_eq!(app.refused(&client, "endSession", json!({"id": theirs})).await, ["id NOT_FOUND"], "{role}");
            let mut told = Vec::new();
            for id in [theirs.clone(), app.id(Kind::Session, 999_999), app.id(Kind::Account, 1), "1".to_owned()] {
                told.push(client.ask_with(words, json!({"input": {"id": id}})).await.text);
                assert_eq!(client.data(&format!("{{ node(id: \"{id}\") {{ ... on Session {{ device }} }} }}")).await["node"].get("device"), None, "{role}");
            }
            assert!(told.iter().all(|one| *one == told[0]), "{role}: {told:?}");
            // What ends their own leaves those of others alone.
            client.data(END_OTHERS).await;
            assert_eq!(roles(&victim).await, json!(["PARENT"]), "{role}");
        }
    }

    async fn a_key_ends_no_session(app: TestApp) {
        let victim = app.sign_in(cast::PARENT).await;
        let theirs = own(&victim).await;
        for scope in ["AGGREGATES", "ADMISSION_READ", "ADMIN_READ"] {
            let key = app.api_key(scope).await;
            assert_eq!(app.denied(&key, "endSession", json!({"id": theirs})).await, "FORBIDDEN", "{scope}");
            assert_eq!(code(&key.ask(END_OTHERS).await, "endOtherSessions"), "FORBIDDEN", "{scope}");
            let node = key.data(&format!("{{ node(id: \"{theirs}\") {{ ... on Session {{ current viewerCan {{ end }} }} }} }}")).await;
            let read = json!({"current": false, "viewerCan": {"end": false}});
            assert_eq!(node["node"], if scope == "ADMIN_READ" { read } else { Value::Null }, "{scope}: as the role reads");
        }
        assert_eq!(roles(&victim).await, json!(["PARENT"]));
        assert_eq!(code(&app.anonymous().ask(END_OTHERS).await, "endOtherSessions"), "UNAUTHENTICATED");
    }

    async fn an_administrator_sees_and_ends_anybodys_session(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let student = on_device(&app, cast::STUDENT, b"Phone/1").await;
        let other = app.sign_in(cast::STUDENT).await;
        let person = app.student(cast::STUDENT).await;
        let query = format!("{{ node(id: \"{person}\") {{ ... on Student {{ account {{ {SESSIONS} }} }} }} }}");
        let listed = admin.data(&query).await["node"]["account"]["sessions"]["edges"].clone();
        let phone = listed.as_array().unwrap().iter().find(|edge| edge["node"]["device"] == "Phone/1").unwrap()["node"].clone();
        assert_eq!((listed.as_array().unwrap().len(), &phone["current"]), (2, &json!(false)));
        admin.done("endSession", json!({"id": phone["id"]}), "").await;
        assert_eq!((roles(&student).await, roles(&other).await), (Value::Null, json!(["STUDENT"])));
        let entry = "{ auditEntries(first: 1) { edges { node { action subjectType actor { email } changes { field before after } } } } }";
        let entry = admin.data(entry).await["auditEntries"]["edges"][0]["node"].clone();
        assert_eq!((&entry["action"], &entry["subjectType"], &entry["actor"]["email"]), (&json!("endSession"), &json!("Session"), &json!(cast::ADMIN)));
        assert!(entry["changes"].as_array().unwrap().contains(&json!({"field": "device", "before": "\"Phone/1\"", "after": null})));
        // A teacher of the student comes to neither.
        let teacher = app.sign_in(cast::TEACHER).await;
        let denied = teacher.ask(&query).await;
        assert_eq!((denied.at("/node/account"), denied.code_at(&json!(["node", "account"]))), (&Value::Null, "FORBIDDEN"));
    }

    async fn the_others_end_and_the_one_that_asks_goes_on(app: TestApp) {
        let (here, one, two) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::PARENT).await, app.sign_in(cast::PARENT).await);
        let somebody = app.sign_in(cast::OTHER_PARENT).await;
        let ended = here.data(END_OTHERS).await;
        assert_eq!(ended["endOtherSessions"], json!({"ended": 2, "userErrors": []}));
        for (client, expected) in [(&here, json!(["PARENT"])), (&one, Value::Null), (&two, Value::Null), (&somebody, json!(["PARENT"]))] {
            assert_eq!(roles(client).await, expected);
        }
        let entries = "SELECT count(*) FROM audit_entries WHERE action = 'endOtherSessions' AND subject_type = 'Session' AND after IS NULL";
        assert_eq!(app.number(entries).await, 2);
        assert_eq!(here.data(END_OTHERS).await["endOtherSessions"]["ended"], 0);
        assert_eq!(app.number(entries).await, 2, "nothing ended, nothing to tell");
    }

    async fn use_keeps_a_session_and_not_beyond_its_end(app: TestApp) {
        let (used, unused) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::PARENT).await);
        app.clock.advance(Duration::days(7) - Duration::seconds(1));
        assert_eq!(sessions(&used).await.len(), 2);
        app.clock.advance(Duration::seconds(1));
        assert_eq!(roles(&unused).await, Value::Null, "a week without use");
        assert_eq!(roles(&used).await, json!(["PARENT"]));
        assert_eq!(sessions(&used).await.len(), 1, "what has ended is in no list");
        let ended = app.number("SELECT max(id) FROM sessions").await;
        let ended = app.id(Kind::Session, ended);
        assert_eq!(used.data(&format!("{{ node(id: \"{ended}\") {{ id }} }}")).await["node"], Value::Null);
        assert_eq!(app.refused(&used, "endSession", json!({"id": ended})).await, ["id NOT_FOUND"]);
        app.clock.advance(Duration::days(6));
        assert_eq!(roles(&used).await, json!(["PARENT"]), "used and used again");
        app.clock.advance(Duration::days(1) - Duration::seconds(1));
        assert_eq!(roles(&used).await, json!(["PARENT"]));
        app.clock.advance(Duration::seconds(1));
        assert_eq!(roles(&used).await, Value::Null, "two weeks, however much it was used");
        // Who signs in clears their own away, and nobody else's.
        app.sign_in(cast::OTHER_PARENT).await;
        assert_eq!(kept(&app, cast::PARENT).await, 2);
        app.sign_in(cast::PARENT).await;
        assert_eq!((kept(&app, cast::PARENT).await, kept(&app, cast::OTHER_PARENT).await), (1, 1));
    }

    async fn the_last_use_is_noted_every_five_minutes(app: TestApp) {
        let client = app.sign_in(cast::PARENT).await;
        let statements = async || {
            let before = app.api.services().db.statements();
            roles(&client).await;
            app.api.services().db.statements() - before
        };
        let used = async || sessions(&client).await[0]["lastUsedAt"].clone();
        assert_eq!(statements().await, 1, "the session and the viewer in one");
        app.clock.advance(Duration::seconds(299));
        assert_eq!((statements().await, used().await), (1, json!("2026-03-20T12:00:00+00:00")));
        app.clock.advance(Duration::seconds(1));
        assert_eq!((statements().await, used().await), (2, json!("2026-03-20T12:05:00+00:00")));
        assert_eq!(statements().await, 1);
        // Many at once note it as one does.
        app.clock.advance(Duration::hours(1));
        let many = join_all((0..20).map(|_| roles(&client))).await;
        assert!(many.iter().all(|roles| *roles == json!(["PARENT"])), "{many:?}");
        assert_eq!((statements().await, used().await), (1, json!("2026-03-20T13:05:00+00:00")));
    }

    async fn use_does_not_bring_back_what_is_ended_meanwhile(app: TestApp) {
        let here = app.sign_in(cast::PARENT).await;
        for _ in 0..5 {
            let other = app.sign_in(cast::PARENT).await;
            let input = json!({"id": own(&other).await});
            app.clock.advance(Duration::minutes(6));
            let uses = join_all((0..8).map(|_| roles(&other)));
            let (outcome, _) = tokio::join!(here.attempt("endSession", &input), uses);
            assert_eq!(outcome, "done");
            assert_eq!(roles(&other).await, Value::Null);
        }
        assert_eq!(kept(&app, cast::PARENT).await, 1);
    }

    async fn a_new_password_leaves_the_old_token_worthless(app: TestApp) {
        let beside = app.beside().await;
        let here = app.sign_in(cast::PARENT).await;
        let before = sessions(&here).await;
        app.clock.advance(Duration::minutes(1));
        let change = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { success token userErrors { code } } }";
        let wrong = json!({"input": {"currentPassword": "wrong", "newPassword": NEW}});
        let refused = here.ask_with(change, wrong).await.ok();
        assert_eq!(refused.at("/changePassword"), &json!({"success": false, "token": null, "userErrors": [{"code": "INVALID_CREDENTIALS"}]}));
        assert_eq!(roles(&here).await, json!(["PARENT"]), "nothing was changed");
        let done = here.ask_with(change, json!({"input": {"currentPassword": PASSWORD, "newPassword": NEW}})).await.ok();
        let token = done.at("/changePassword/token").as_str().unwrap().to_owned();
        assert_eq!((token.len(), Some(&token) == here.token.as_ref()), (43, false), "256 bits, and others");
        for url in [app.url("/graphql"), beside.url("/graphql")] {
            assert_eq!(roles(&Client::new(url.clone(), here.token.clone())).await, Value::Null, "who had the old one is nobody");
            assert_eq!(sessions(&Client::new(url, Some(token.clone()))).await, before, "the same session, to its old end");
        }
    }

    async fn a_new_password_sets_the_cookie_anew(app: TestApp) {
        let (set, _) = with_cookie(&app, "", SIGN_IN, credentials(cast::PARENT, "COOKIE")).await;
        let old = pair(&set.unwrap());
        let change = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { success token } }";
        let wrong = json!({"input": {"currentPassword": "wrong", "newPassword": NEW}});
        assert_eq!(with_cookie(&app, &old, change, wrong).await.0, None, "nothing was changed");
        let (set, answer) = with_cookie(&app, &old, change, json!({"input": {"currentPassword": PASSWORD, "newPassword": NEW}})).await;
        assert_eq!(answer["data"]["changePassword"], json!({"success": true, "token": null}), "scripts get no token");
        let set = set.unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"), "{set}");
        let viewer = "{ viewer { roles } }";
        assert_eq!(with_cookie(&app, &old, viewer, json!({})).await.1["data"]["viewer"], Value::Null);
        assert_eq!(with_cookie(&app, &pair(&set), viewer, json!({})).await.1["data"]["viewer"]["roles"], json!(["PARENT"]));
    }

    async fn who_ends_their_own_session_loses_the_cookie(app: TestApp) {
        let (set, _) = with_cookie(&app, "", SIGN_IN, credentials(cast::PARENT, "COOKIE")).await;
        let cookie = pair(&set.unwrap());
        let other = app.sign_in(cast::PARENT).await;
        let here = with_cookie(&app, &cookie, &format!("{{ viewer {{ {SESSIONS} }} }}"), json!({})).await.1;
        let here = here["data"]["viewer"]["sessions"]["edges"].as_array().unwrap().iter().find(|edge| edge["node"]["current"] == true).unwrap()["node"]["id"].clone();
        let end = "mutation($input: EndSessionInput!) { endSession(input: $input) { endedId } }";
        let (set, _) = with_cookie(&app, &cookie, end, json!({"input": {"id": own(&other).await}})).await;
        assert_eq!(set, None, "the other one's end is not this one's");
        let (set, answer) = with_cookie(&app, &cookie, end, json!({"input": {"id": here}})).await;
        assert_eq!(answer["data"]["endSession"]["endedId"], here);
        assert!(set.unwrap().contains("Max-Age=0"));
        // One that has ended already is taken back as well, and who carries a token has no cookie to lose.
        let (set, _) = with_cookie(&app, &cookie, "mutation { signOut { success } }", json!({})).await;
        assert!(set.unwrap().contains("Max-Age=0"));
        let http = http_client().post(app.url("/graphql")).bearer_auth(app.sign_in(cast::PARENT).await.token.unwrap());
        let out = http.json(&json!({"query": "mutation { signOut { success } }"})).send().await.unwrap();
        assert_eq!(session_cookie(out.headers()), None);
    }

    async fn who_signs_in_anew_has_one_session_and_not_two(app: TestApp) {
        let here = app.sign_in(cast::PARENT).await;
        let wrong = json!({"input": {"identifier": cast::PARENT, "password": "wrong"}});
        assert_eq!(here.ask_with(SIGN_IN, wrong).await.at("/signIn/token"), &Value::Null);
        assert_eq!(roles(&here).await, json!(["PARENT"]), "who fails keeps what they had");
        let elsewhere = app.sign_in(cast::PARENT).await;
        let payload = "mutation($input: SignInInput!) { signIn(input: $input) { token viewer { sessions { edges { node { current } } } } } }";
        let again = here.ask_with(payload, credentials(cast::PARENT, "TOKEN")).await.ok();
        let current = again.at("/signIn/viewer/sessions/edges");
        assert_eq!(current, &json!([{"node": {"current": true}}, {"node": {"current": false}}]), "the new one, and the one elsewhere");
        let again = Client::new(app.url("/graphql"), Some(again.at("/signIn/token").as_str().unwrap().to_owned()));
        for (client, expected) in [(&here, Value::Null), (&elsewhere, json!(["PARENT"])), (&again, json!(["PARENT"]))] {
            assert_eq!(roles(client).await, expected);
        }
    }

    async fn who_is_deactivated_has_no_session_left(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (one, two) = (app.sign_in(cast::TEACHER).await, app.sign_in(cast::TEACHER).await);
        let staff = app.staff(cast::TEACHER).await;
        admin.done("deactivateStaff", json!({"id": staff, "endRoutines": true, "cancelMeetings": true}), "").await;
        assert_eq!((roles(&one).await, roles(&two).await, kept(&app, cast::TEACHER).await), (Value::Null, Value::Null, 0));
        admin.done("activateStaff", json!({"id": staff}), "").await;
        assert_eq!((roles(&one).await, roles(&two).await), (Value::Null, Value::Null), "none comes back");
    }

    async fn no_list_and_no_log_has_a_token_in_it(app: TestApp) {
        let (here, other) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::PARENT).await);
        let listed = here.ask(&format!("{{ viewer {{ {SESSIONS} }} }}")).await.ok().text;
        here.done("endSession", json!({"id": own(&other).await, "clientMutationId": "e"}), "").await;
        app.sign_in(cast::PARENT).await;
        here.data(END_OTHERS).await;
        let changed = here.done("changePassword", json!({"currentPassword": PASSWORD, "newPassword": NEW}), "token").await;
        let admin = app.sign_in(cast::ADMIN).await;
        let audit = admin.ask("{ auditEntries { edges { node { action subject { id } changes { field before after } } } } }").await.ok();
        let actions: Vec<&Value> = audit.at("/auditEntries/edges").as_array().unwrap().iter().map(|edge| &edge["node"]["action"]).collect();
        assert_eq!(actions, ["changePassword", "endOtherSessions", "endSession"]);
        let kept = "SELECT coalesce(before, '') || coalesce(after, '') FROM audit_entries UNION ALL SELECT result FROM client_mutations";
        let mut texts = app.database.texts(kept).await;
        texts.extend([listed, audit.text]);
        for token in [here.token.unwrap(), other.token.unwrap(), changed["token"].as_str().unwrap().to_owned()] {
            let hex: String = digest(&token).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            for text in &texts {
                assert!(!text.contains(&token) && !text.contains("token") && !text.to_lowercase().contains(&hex), "{text}");
            }
        }
    }
}
