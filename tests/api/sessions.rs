//! Signing in and out, over HTTP.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, phc::PasswordHash},
};
use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, TestApp, http_client, session_cookie};

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) \
    { token viewer { roles account { email } } userErrors { field code message } } }";

async fn try_sign_in(app: &TestApp, identifier: &str, password: &str) -> Answer {
    app.anonymous().ask_with(SIGN_IN, json!({"input": {"identifier": identifier, "password": password}})).await
}

async fn roles(client: &Client) -> Value {
    client.data("{ viewer { roles } }").await["viewer"].clone()
}

on_both! {
    async fn an_email_or_a_phone_signs_in(app: TestApp) {
        let answer = try_sign_in(&app, &cast::PARENT.to_uppercase(), PASSWORD).await.ok();
        assert_eq!(answer.at("/signIn/viewer/account/email"), cast::PARENT);
        assert_eq!(answer.at("/signIn/viewer/roles"), &json!(["PARENT"]));
        assert_eq!(answer.at("/signIn/token").as_str().unwrap().len(), 43, "256 bits");
        let parent = app.sign_in(cast::PARENT).await;
        let phone = parent.data("{ viewer { account { phone } } }").await["viewer"]["account"]["phone"].as_str().unwrap().to_owned();
        let spaced = format!("{} {}", &phone[..4], &phone[4..]);
        assert_eq!(try_sign_in(&app, &spaced, PASSWORD).await.ok().at("/signIn/viewer/account/email"), cast::PARENT);
    }

    async fn what_does_not_sign_in_gets_one_answer(app: TestApp) {
        let wrong = try_sign_in(&app, cast::PARENT, "wrong").await.ok();
        assert_eq!(wrong.at("/signIn/token"), &Value::Null);
        assert_eq!(wrong.at("/signIn/viewer"), &Value::Null);
        assert_eq!(wrong.at("/signIn/userErrors/0/code"), "INVALID_CREDENTIALS");
        for identifier in ["nobody@example.org", "+9779999999999", "", cast::DEACTIVATED, cast::INVITED] {
            let answer = try_sign_in(&app, identifier, PASSWORD).await.ok();
            assert_eq!(answer.data, wrong.data, "{identifier:?}");
        }
    }

    async fn a_session_ends_when_it_is_ended_or_has_lasted(app: TestApp) {
        let (one, other) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::PARENT).await);
        assert_eq!(one.data("mutation { signOut { success } }").await["signOut"]["success"], true);
        assert_eq!(roles(&one).await, Value::Null);
        assert_eq!(roles(&other).await["roles"], json!(["PARENT"]));
        app.clock.advance(chrono::Duration::days(15));
        assert_eq!(roles(&other).await, Value::Null);
    }

    async fn who_may_not_sign_in_any_more_is_nobody_at_once(app: TestApp) {
        let client = app.sign_in(cast::PARENT).await;
        let set = |active: &str| format!("UPDATE accounts SET active = {active} WHERE email = '{}'", cast::PARENT);
        app.database.execute(&set("FALSE")).await;
        assert_eq!(roles(&client).await, Value::Null);
        app.database.execute(&set("TRUE")).await;
        assert_eq!(roles(&client).await["roles"], json!(["PARENT"]));
    }

    async fn a_token_is_kept_as_its_digest_only(app: TestApp) {
        let client = app.sign_in(cast::PARENT).await;
        let token = client.token.clone().unwrap();
        let like = format!("SELECT count(*) FROM sessions WHERE CAST(token_hash AS text) LIKE '%{}%'", &token[..20]);
        assert_eq!(app.database.numbers(&like).await, [0]);
        assert!(app.database.numbers("SELECT count(*) FROM sessions").await[0] > 0);
        let mut forged = token;
        forged.pop();
        assert_eq!(roles(&Client::new(app.url("/graphql"), Some(forged))).await, Value::Null);
    }

    async fn a_hash_that_took_less_work_is_renewed_by_who_signs_in(app: TestApp) {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(4096, 1, 1, None).unwrap());
        let weak: PasswordHash = weak.hash_password_with_salt(PASSWORD.as_bytes(), b"salt of sixteen.").unwrap();
        let weak = weak.to_string();
        let set = format!("UPDATE accounts SET password_hash = '{weak}' WHERE email = '{}'", cast::PARENT);
        app.database.execute(&set).await;
        let hash = format!("SELECT password_hash FROM accounts WHERE email = '{}'", cast::PARENT);
        let wrong = json!({"input": {"identifier": cast::PARENT, "password": "wrong"}});
        assert_eq!(app.anonymous().ask_with(SIGN_IN, wrong).await.at("/signIn/viewer"), &Value::Null);
        assert_eq!(app.database.texts(&hash).await, [weak], "only who knows the password");
        let here = app.sign_in_by_password(cast::PARENT).await;
        let renewed = app.database.texts(&hash).await.remove(0);
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
        assert_eq!(roles(&app.sign_in_by_password(cast::PARENT).await).await["roles"], json!(["PARENT"]));
        assert_eq!(roles(&here).await["roles"], json!(["PARENT"]), "no session ends by it");
        assert_eq!(app.database.texts(&hash).await, [renewed], "once");
    }

    async fn one_try_a_request(app: TestApp) {
        let input = |name: &str| format!("{name}: signIn(input: {{identifier: \"{}\", password: \"x\"}}) {{ token }}", cast::PARENT);
        let answer = app.anonymous().ask(&format!("mutation {{ {} {} }}", input("a"), input("b"))).await;
        assert_eq!(answer.code_at(&json!(["b"])), "BAD_USER_INPUT");
    }

    async fn a_session_is_honoured_and_ended_on_every_instance(app: TestApp) {
        let beside = app.beside().await;
        let here = app.sign_in(cast::PARENT).await;
        let there = Client::new(beside.url("/graphql"), here.token.clone());
        assert_eq!(roles(&there).await["roles"], json!(["PARENT"]));
        there.data("mutation { signOut { success } }").await;
        assert_eq!(roles(&here).await, Value::Null);
    }

    async fn a_browsers_cookie_is_out_of_reach_of_scripts_and_other_sites(app: TestApp) {
        let http = http_client();
        let body = |query: &str| json!({"query": query, "variables": {"input": {"identifier": cast::PARENT, "password": PASSWORD, "session": "COOKIE"}}});
        let response = http.post(app.url("/graphql")).json(&body(SIGN_IN)).send().await.unwrap();
        let set = session_cookie(response.headers()).unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"), "{set}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["data"]["signIn"]["token"], Value::Null, "scripts get no token");
        assert_eq!(answer["data"]["signIn"]["viewer"]["roles"], json!(["PARENT"]));
        let cookie = set.split(';').next().unwrap().to_owned();
        let ask = |origin: Option<String>| {
            let request = http.post(app.url("/graphql")).header("cookie", &cookie).json(&json!({"query": "{ viewer { roles } }"}));
            match origin {
                Some(origin) => request.header("origin", origin),
                None => request,
            }
        };
        let own: Value = ask(Some(format!("http://{}", app.address))).send().await.unwrap().json().await.unwrap();
        assert_eq!(own["data"]["viewer"]["roles"], json!(["PARENT"]));
        let foreign = ask(Some("https://evil.example".to_owned())).send().await.unwrap();
        assert_eq!(foreign.status(), 403);
        let form = http.post(app.url("/graphql")).header("cookie", &cookie).header("content-type", "text/plain").body("{}").send().await.unwrap();
        assert_eq!(form.status(), 415, "what a form can send is not read");
        let out = http.post(app.url("/graphql")).header("cookie", &cookie).json(&json!({"query": "mutation { signOut { success } }"})).send().await.unwrap();
        assert!(session_cookie(out.headers()).unwrap().contains("Max-Age=0"));
        let after: Value = ask(None).send().await.unwrap().json().await.unwrap();
        assert_eq!(after["data"]["viewer"], Value::Null);
    }
}
