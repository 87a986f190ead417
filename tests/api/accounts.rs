//! Activating an account and resetting a password by a one-time code, over HTTP, with real peers for mail and messages.

use chrono::Duration;
use futures_util::future::join_all;
use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::{
    admission::phone,
    second_factor::{self, complete, set_up},
    support::{Backend, Client, PASSWORD, Peers, TestApp, errors},
};

const NEW: &str = "a horse of another colour";
const OTHER: &str = "three sober otters hum";
const WRONG: &str = "000000";

/// The payload of an attempt to use a code.
async fn redeem(app: &TestApp, mutation: &str, identifier: &str, code: &str, password: &str) -> Value {
    let input = json!({"identifier": identifier, "code": code, "newPassword": password});
    app.anonymous().change(mutation, &input, "token viewer { roles account { email } }").await
}

/// What is wrong with it; nothing where it was the right one.
async fn told(app: &TestApp, mutation: &str, identifier: &str, code: &str, password: &str) -> Vec<String> {
    errors(&redeem(app, mutation, identifier, code, password).await)
}

async fn ask(app: &TestApp, mutation: &str, identifier: &str) {
    let payload = app.anonymous().done(mutation, json!({"identifier": identifier}), "success").await;
    assert_eq!(payload["success"], true);
}

/// A code to reset the password of somebody with.
async fn reset_code(app: &TestApp, peers: &Peers, email: &str) -> String {
    ask(app, "requestPasswordReset", email).await;
    peers.mailed_code(app).await
}

async fn signs_in(app: &TestApp, identifier: &str, password: &str) -> bool {
    let input = json!({"identifier": identifier, "password": password});
    errors(&app.anonymous().change("signIn", &input, "").await).is_empty()
}

async fn roles(client: &Client) -> Value {
    client.data("{ viewer { roles } }").await["viewer"]["roles"].clone()
}

/// A code that is not the right one.
fn another(code: &str) -> &'static str {
    if code == WRONG { "000001" } else { WRONG }
}

on_both! {
    async fn who_was_invited_activates_by_mail(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        ask(&app, "requestActivation", &format!(" {} ", cast::INVITED.to_uppercase())).await;
        let mails = peers.mails(&app).await;
        assert_eq!((mails.len(), &*mails[0].from, &mails[0].to[..]), (1, "office@school.example", &[cast::INVITED.to_owned()][..]));
        assert_eq!(peers.texts(&app).await.len(), 0, "it goes where it was asked to");
        let institute = app.database.texts("SELECT name FROM institute").await.remove(0);
        assert_eq!(mails[0].header("Subject"), format!("Your code to activate your account ({institute})"));
        let code = mails[0].code().unwrap();
        let kept = app.database.numbers(&format!("SELECT count(*) FROM one_time_codes WHERE CAST(code_hash AS text) LIKE '%{code}%'")).await;
        assert_eq!(kept, [0], "its hash is kept alone");

        let payload = redeem(&app, "activateAccount", cast::INVITED, &code, NEW).await;
        assert_eq!((errors(&payload), &payload["viewer"]), (vec![], &json!({"roles": ["PARENT"], "account": {"email": cast::INVITED}})));
        let client = Client::new(app.url("/graphql"), Some(payload["token"].as_str().unwrap().to_owned()));
        assert_eq!(roles(&client).await, json!(["PARENT"]));
        assert!(signs_in(&app, cast::INVITED, NEW).await);
        let admin = app.sign_in(cast::ADMIN).await;
        let entries = admin.data("{ auditEntries { edges { node { action subjectType actor { email } changes { field before after } } } } }").await;
        let entry = json!({"action": "activateAccount", "subjectType": "Account", "actor": {"email": cast::INVITED},
            "changes": [{"field": "password", "before": null, "after": "\"changed\""}]});
        assert_eq!(entries["auditEntries"]["edges"], json!([{"node": entry}]));
        // And the owner is told of it wherever they are reached.
        let (mails, texts) = (peers.mails(&app).await, peers.texts(&app).await);
        assert_eq!((mails.len(), mails[0].header("Subject").starts_with("Your password was changed"), texts.len()), (1, true, 1));
        // There is nothing left to activate.
        app.clock.advance(Duration::minutes(5));
        ask(&app, "requestActivation", cast::INVITED).await;
        assert_eq!(peers.mails(&app).await.len(), 0);
        assert_eq!(told(&app, "activateAccount", cast::INVITED, &code, OTHER).await, ["code INVALID_CODE"]);
    }

    async fn who_was_invited_activates_by_text_message(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let phone = phone(&app, cast::INVITED).await;
        ask(&app, "requestActivation", &format!("{} {}", &phone[..4], &phone[4..])).await;
        let texts = peers.texts(&app).await;
        assert_eq!((texts.len(), &texts[0].to, &*texts[0].authorization), (1, &phone, "Bearer the gateway's token"));
        assert_eq!(peers.mails(&app).await.len(), 0);
        let code = texts[0].code().unwrap();
        let typed = format!("{} {}", &code[..3], &code[3..]);
        let input = json!({"identifier": phone, "code": typed, "newPassword": NEW, "session": "COOKIE"});
        let payload = app.anonymous().done("activateAccount", input, "token viewer { roles }").await;
        assert_eq!((&payload["token"], &payload["viewer"]["roles"]), (&Value::Null, &json!(["PARENT"])), "in a cookie");
        assert!(signs_in(&app, &phone, NEW).await);
    }

    async fn a_reset_ends_the_sessions_and_the_password_that_was(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let (before, somebody) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::OTHER_PARENT).await);
        let code = reset_code(&app, &peers, cast::PARENT).await;
        assert_eq!(roles(&before).await, json!(["PARENT"]), "asking does nothing");
        assert!(signs_in(&app, cast::PARENT, PASSWORD).await);
        let payload = redeem(&app, "resetPassword", cast::PARENT, &code, NEW).await;
        let now = Client::new(app.url("/graphql"), Some(payload["token"].as_str().unwrap().to_owned()));
        assert_eq!((roles(&before).await, roles(&now).await, roles(&somebody).await), (Value::Null, json!(["PARENT"]), json!(["PARENT"])));
        assert!(!signs_in(&app, cast::PARENT, PASSWORD).await && signs_in(&app, cast::PARENT, NEW).await);
        // So is who changes their password themselves told of it.
        peers.mails(&app).await;
        now.done("changePassword", json!({"currentPassword": NEW, "newPassword": OTHER}), "").await;
        assert_eq!(peers.mails(&app).await.len(), 1);
    }

    async fn a_code_is_good_once_for_ten_minutes_and_five_tries(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let reset = async |code: &str, password: &str| told(&app, "resetPassword", cast::PARENT, code, password).await;
        let code = reset_code(&app, &peers, cast::PARENT).await;
        assert_eq!(reset(&code, NEW).await, [""; 0]);
        assert_eq!(reset(&code, OTHER).await, ["code INVALID_CODE"], "once");
        peers.mails(&app).await;

        app.clock.advance(Duration::minutes(1));
        let code = reset_code(&app, &peers, cast::PARENT).await;
        app.clock.advance(Duration::minutes(10));
        assert_eq!(reset(&code, OTHER).await, ["code INVALID_CODE"], "for ten minutes");

        let code = reset_code(&app, &peers, cast::PARENT).await;
        app.clock.advance(Duration::minutes(10) - Duration::seconds(1));
        for _ in 0..4 {
            assert_eq!(reset(another(&code), OTHER).await, ["code INVALID_CODE"]);
        }
        assert_eq!(reset(&code, OTHER).await, [""; 0], "at the fifth try, in the last second");
        peers.mails(&app).await;

        let code = reset_code(&app, &peers, cast::PARENT).await;
        for wrong in [another(&code), "", "12345", "1234567", "١٢٣٤٥٦"] {
            assert_eq!(reset(wrong, NEW).await, ["code INVALID_CODE"], "{wrong:?}");
        }
        assert_eq!(reset(&code, NEW).await, ["code INVALID_CODE"], "not at the sixth");
        app.clock.advance(Duration::minutes(1));
        let next = reset_code(&app, &peers, cast::PARENT).await;
        if next != code {
            assert_eq!(reset(&code, NEW).await, ["code INVALID_CODE"], "a new one takes the place of the old");
        }
        assert_eq!(reset(&next, NEW).await, [""; 0]);
    }

    async fn a_code_is_for_its_account_and_its_purpose(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        ask(&app, "requestActivation", cast::INVITED).await;
        let activation = peers.mailed_code(&app).await;
        let reset = reset_code(&app, &peers, cast::PARENT).await;
        for (mutation, identifier, code) in [
            ("resetPassword", cast::INVITED, &activation),
            ("activateAccount", cast::PARENT, &reset),
            ("activateAccount", cast::PARENT, &activation),
            ("resetPassword", cast::OTHER_PARENT, &reset),
        ] {
            assert_eq!(told(&app, mutation, identifier, code, NEW).await, ["code INVALID_CODE"], "{mutation} {identifier}");
        }
        // Each of the two was nobody's guess, and an account that was activated otherwise has no use for its code.
        app.database.execute(&format!("UPDATE accounts SET password_hash = 'x' WHERE email = '{}'", cast::INVITED)).await;
        assert_eq!(told(&app, "activateAccount", cast::INVITED, &activation, NEW).await, ["code INVALID_CODE"]);
        // Who was deactivated meanwhile does not come in.
        let set = |active: &str| format!("UPDATE accounts SET active = {active} WHERE email = '{}'", cast::PARENT);
        app.database.execute(&set("FALSE")).await;
        assert_eq!(told(&app, "resetPassword", cast::PARENT, &reset, NEW).await, ["code INVALID_CODE"]);
        app.database.execute(&set("TRUE")).await;
        assert_eq!(told(&app, "resetPassword", cast::PARENT, &reset, NEW).await, [""; 0]);
    }

    async fn nothing_tells_whether_there_is_an_account(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let services = app.api.services();
        let strangers = ["nobody@example.org", "+9779999999999", "", "'; --", cast::DEACTIVATED];
        for (mutation, not_for, owner) in [
            ("requestActivation", cast::PARENT, cast::INVITED),
            ("requestPasswordReset", cast::INVITED, cast::PARENT),
        ] {
            let mut answers = Vec::new();
            let input = format!("{}Input", mutation.replacen('r', "R", 1));
            let query = format!("mutation($input: {input}!) {{ {mutation}(input: $input) {{ success userErrors {{ code }} }} }}");
            for identifier in strangers.into_iter().chain([not_for]) {
                answers.push(app.anonymous().ask_with(&query, json!({"input": {"identifier": identifier}})).await.ok().text);
            }
            assert_eq!((peers.mails(&app).await.len(), peers.texts(&app).await.len()), (0, 0), "{mutation}");
            // There is a code, and it is too soon for another.
            for _ in 0..2 {
                answers.push(app.anonymous().ask_with(&query, json!({"input": {"identifier": owner}})).await.ok().text);
                services.background.finished().await;
            }
            assert_eq!(peers.mails(&app).await.len(), 1, "{mutation}");
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        }
        // Nor does the work of who comes with a wrong code, be there one or not, nor the order of what is found wrong.
        let mut answers = Vec::new();
        for (mutation, owner, not_for) in [("activateAccount", cast::INVITED, cast::PARENT), ("resetPassword", cast::PARENT, cast::INVITED)] {
            for identifier in strangers.into_iter().chain([owner, not_for, cast::OTHER_PARENT]) {
                for (code, password) in [("0000000", NEW), ("", NEW), ("0000000", "short"), ("0000000", "password1234")] {
                    let before = (services.db.statements(), services.passwords.computed());
                    let payload = redeem(&app, mutation, identifier, code, password).await;
                    let work = (services.db.statements() - before.0, services.passwords.computed() - before.1);
                    answers.push((password, payload, work));
                }
            }
        }
        for (password, told, hashes) in [(NEW, "code INVALID_CODE", 1), ("short", "newPassword OUT_OF_RANGE", 0), ("password1234", "newPassword GUESSABLE", 0)] {
            let (_, payload, work) = answers.iter().find(|(own, ..)| *own == password).unwrap();
            assert_eq!((errors(payload), work.1), (vec![told.to_owned()], hashes));
            let alike = answers.iter().filter(|(own, ..)| *own == password).all(|(_, own, done)| (own, done) == (payload, work));
            assert!(alike, "{answers:#?}");
        }
        assert!(answers[0].2.0 > 0, "statements are counted");
    }

    async fn a_code_by_mail_stands_for_no_second_factor(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let holder = set_up(&app, cast::PARENT).await;
        let code = reset_code(&app, &peers, cast::PARENT).await;
        let input = json!({"identifier": cast::PARENT, "code": code, "newPassword": NEW});
        let payload = app.anonymous().change("resetPassword", &input, "token viewer { roles } secondFactorRequired challenge").await;
        assert_eq!((errors(&payload), &payload["token"], &payload["viewer"]), (vec![], &Value::Null, &Value::Null));
        assert_eq!(payload["secondFactorRequired"], true);
        let challenge = payload["challenge"].as_str().unwrap();
        assert!(complete(&app, challenge, "000000").await.is_err());
        let client = complete(&app, challenge, &second_factor::code(&app, &holder.secret, 0)).await.unwrap();
        assert_eq!(roles(&client).await, json!(["PARENT"]));
    }

    async fn nobody_is_flooded(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let first = reset_code(&app, &peers, cast::PARENT).await;
        // From everywhere at once, by the phone too: there is one a minute, and it stays good.
        let phone = phone(&app, cast::PARENT).await;
        let beside = peers.of(&app).await;
        let both = [&app, &beside].into_iter().flat_map(|app| [(app, cast::PARENT), (app, phone.as_str())]);
        join_all(both.map(|(app, identifier)| ask(app, "requestPasswordReset", identifier))).await;
        beside.api.services().background.finished().await;
        assert_eq!((peers.mails(&app).await.len(), peers.texts(&app).await.len()), (0, 0));
        assert_eq!(told(&app, "resetPassword", cast::PARENT, &first, NEW).await, [""; 0]);
        peers.mails(&app).await;
        // Each minute, and nobody gets a sixth in the hour.
        let mut sent = 0;
        for _ in 0..20 {
            app.clock.advance(Duration::minutes(1));
            ask(&app, "requestPasswordReset", cast::PARENT).await;
            sent += peers.mails(&app).await.len();
        }
        assert_eq!(sent, 4, "after the first");
        app.clock.advance(Duration::minutes(40));
        let again = reset_code(&app, &peers, cast::PARENT).await;
        assert_eq!(told(&app, "resetPassword", cast::PARENT, &again, OTHER).await, [""; 0]);
        // Others are not kept from theirs by it.
        peers.mails(&app).await;
        reset_code(&app, &peers, cast::OTHER_PARENT).await;
    }

    async fn two_who_ask_at_once_get_one_code(app: TestApp) {
        let peers = Peers::start().await;
        let (app, beside) = (peers.of(&app).await, peers.of(&app).await);
        join_all([&app, &beside, &app, &beside].map(|app| ask(app, "requestPasswordReset", cast::PARENT))).await;
        beside.api.services().background.finished().await;
        let code = peers.mailed_code(&app).await;
        assert_eq!(told(&app, "resetPassword", cast::PARENT, &code, NEW).await, [""; 0]);
    }

    async fn of_two_uses_at_once_one_wins(app: TestApp) {
        let peers = Peers::start().await;
        let (app, beside) = (peers.of(&app).await, peers.of(&app).await);
        for round in 0..5 {
            let code = reset_code(&app, &peers, cast::PARENT).await;
            let passwords = [format!("the first one of {round}"), format!("the other one of {round}")];
            let (one, other) = tokio::join!(
                told(&app, "resetPassword", cast::PARENT, &code, &passwords[0]),
                told(&beside, "resetPassword", cast::PARENT, &code, &passwords[1]),
            );
            let won = usize::from(one != [""; 0]);
            assert_eq!([one, other][1 - won], ["code INVALID_CODE"], "one of the two");
            assert!(signs_in(&app, cast::PARENT, &passwords[won]).await);
            assert!(!signs_in(&app, cast::PARENT, &passwords[1 - won]).await);
            beside.api.services().background.finished().await;
            peers.mails(&app).await;
            app.clock.advance(Duration::minutes(15));
        }
    }

    async fn tries_at_once_are_counted_each(app: TestApp) {
        let peers = Peers::start().await;
        let (app, beside) = (peers.of(&app).await, peers.of(&app).await);
        let code = reset_code(&app, &peers, cast::PARENT).await;
        let tries = [&app, &beside, &app, &beside, &app].map(|app| told(app, "resetPassword", cast::PARENT, another(&code), NEW));
        for outcome in join_all(tries).await {
            assert_eq!(outcome, ["code INVALID_CODE"]);
        }
        assert_eq!(app.database.numbers("SELECT CAST(attempts AS bigint) FROM one_time_codes").await, [5]);
        assert_eq!(told(&app, "resetPassword", cast::PARENT, &code, NEW).await, ["code INVALID_CODE"]);
    }

    async fn one_code_a_request(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let code = reset_code(&app, &peers, cast::PARENT).await;
        let guess = |alias: &str, code: &str| format!(
            "{alias}: resetPassword(input: {{identifier: \"{}\", code: \"{code}\", newPassword: \"{NEW}\"}}) {{ userErrors {{ code }} }}", cast::PARENT
        );
        let request = |alias: &str, whom: &str| format!("{alias}: requestPasswordReset(input: {{identifier: \"{whom}\"}}) {{ success }}");
        let sign_in = format!("b: signIn(input: {{identifier: \"{}\", password: \"x\"}}) {{ token }}", cast::TEACHER);
        for (first, second) in [
            (guess("a", another(&code)), guess("b", &code)),
            (request("a", cast::STUDENT), request("b", cast::TEACHER)),
            (request("a", "nobody@example.org"), guess("b", &code)),
            (guess("a", another(&code)), sign_in),
        ] {
            let answer = app.anonymous().ask(&format!("mutation {{ {first} {second} }}")).await;
            assert!(answer.at("/a").is_object() && answer.at("/b").is_null(), "{answer:?}");
            assert_eq!(answer.code_at(&json!(["b"])), "BAD_USER_INPUT");
        }
        assert_eq!(peers.mails(&app).await.len(), 1, "the student's");
        assert_eq!(told(&app, "resetPassword", cast::PARENT, &code, NEW).await, [""; 0], "two guesses were made");
        let key = app.api_key("ADMIN_READ").await;
        assert_eq!(key.denied("requestPasswordReset", json!({"identifier": cast::PARENT})).await, "FORBIDDEN");
    }

    async fn what_is_no_password_leaves_the_code_as_it_is(app: TestApp) {
        let peers = Peers::start().await;
        let app = peers.of(&app).await;
        let own = format!("SELECT p.name FROM parents p JOIN accounts a ON a.id = p.account_id WHERE a.email = '{}'", cast::INVITED);
        let name = app.database.texts(&own).await.remove(0);
        ask(&app, "requestActivation", cast::INVITED).await;
        let code = peers.mailed_code(&app).await;
        let of_name = format!("{name}{}", phone(&app, cast::INVITED).await);
        // More often than a code is tried. Who does not have it is not told what the owner is called.
        for _ in 0..6 {
            for (password, expected) in [("short", "OUT_OF_RANGE"), ("password1234", "GUESSABLE"), (&of_name, "GUESSABLE")] {
                let told = told(&app, "activateAccount", cast::INVITED, &code, password).await;
                assert_eq!(told, [format!("newPassword {expected}")], "{password}");
            }
        }
        assert_eq!(told(&app, "activateAccount", cast::INVITED, another(&code), &of_name).await, ["code INVALID_CODE"]);
        assert_eq!(app.database.numbers("SELECT CAST(attempts AS bigint) FROM one_time_codes").await, [1]);
        assert_eq!(told(&app, "activateAccount", cast::INVITED, &code, NEW).await, [""; 0]);
    }
}

/// What the page shows, as it stands there but for the code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_what_works() {
    let (peers, app) = (Peers::start().await, TestApp::start(Backend::Sqlite).await);
    let app = peers.of(&app).await;
    let blocks: Vec<&str> = include_str!("../../docs/accounts.md").split("```graphql\n").skip(1).collect();
    assert_eq!(blocks.len(), 4);
    for pair in blocks.chunks(2) {
        let [ask, redeem] = [pair[0], pair[1]].map(|block| block.split("```").next().unwrap());
        app.anonymous().data(ask).await;
        let code = peers.mailed_code(&app).await;
        let answer = app.anonymous().data(&redeem.replace("123 456", &code).replace("123456", &code)).await.to_string();
        assert!(answer.contains("\"roles\":[\"PARENT\"]"), "{redeem}: {answer}");
        peers.mails(&app).await;
    }
}

/// That an answer waits for nothing that has to do with an account: here nobody can read one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_does_not_wait_for_the_account_to_be_looked_up() {
    let (peers, app) = (Peers::start().await, TestApp::start(Backend::Postgres).await);
    let app = peers.of(&app).await;
    let held = app.database.hold("LOCK TABLE accounts, one_time_codes IN ACCESS EXCLUSIVE MODE").await;
    for identifier in [cast::PARENT, "nobody@example.org"] {
        ask(&app, "requestPasswordReset", identifier).await;
    }
    assert_eq!(peers.mails_so_far().len(), 0);
    drop(held);
    peers.mailed_code(&app).await;
}
