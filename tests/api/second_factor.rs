//! The second factor: set up, asked for at sign-in, required of roles, lost and reset; and who tries to get around it.

use chrono::Duration;
use data_encoding::BASE32_NOPAD;
use rollcall::{
    auth::totp::{self, Secret},
    demo::cast,
    ids::Kind,
};
use serde_json::{Value, json};

use crate::support::{Backend, Client, PASSWORD, TestApp, errors, http_client, session_cookie};

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) \
    { token viewer { roles } secondFactorRequired challenge userErrors { field code message } } }";
const PAYLOAD: &str = "token viewer { roles } secondFactorRequired challenge";

/// Somebody with an authenticator.
pub struct Holder {
    /// The session in which it was set up.
    client: Client,
    pub secret: Secret,
    recovery: Vec<String>,
}

/// The code of a step as far from the present one.
pub fn code(app: &TestApp, secret: &Secret, drift: i64) -> String {
    totp::code(secret, totp::step_at(app.clock.now()) + drift)
}

fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &code[..5])
}

/// The secret that is given to an authenticator.
async fn begin(client: &Client) -> Secret {
    let begun = client.done("beginSecondFactor", json!({"currentPassword": PASSWORD}), "secret uri").await;
    let secret = BASE32_NOPAD.decode(begun["secret"].as_str().unwrap().as_bytes()).unwrap();
    secret.try_into().unwrap()
}

/// The session as it goes on, under another token, and the recovery codes.
async fn confirm(app: &TestApp, client: &Client, code: &str) -> (Client, Vec<String>) {
    let confirmed = client.done("confirmSecondFactor", json!({"code": code}), "recoveryCodes token").await;
    let recovery = serde_json::from_value(confirmed["recoveryCodes"].clone()).unwrap();
    (Client::new(app.url("/graphql"), confirmed["token"].as_str().map(ToOwned::to_owned)), recovery)
}

/// Sets a second factor up, and waits until its next code.
pub async fn set_up(app: &TestApp, who: &str) -> Holder {
    let client = app.sign_in(who).await;
    let secret = begin(&client).await;
    let (client, recovery) = confirm(app, &client, &code(app, &secret, 0)).await;
    app.clock.advance(Duration::minutes(2));
    Holder { client, secret, recovery }
}

async fn sign_in(app: &TestApp, who: &str) -> Value {
    let input = json!({"input": {"identifier": who, "password": PASSWORD}});
    app.anonymous().ask_with(SIGN_IN, input).await.ok().data["signIn"].take()
}

async fn challenge(app: &TestApp, who: &str) -> String {
    let payload = sign_in(app, who).await;
    payload["challenge"].as_str().unwrap_or_else(|| panic!("{who}: {payload}")).to_owned()
}

/// The session that a challenge and a code begin, or why none is.
pub async fn complete(app: &TestApp, challenge: &str, code: &str) -> Result<Client, String> {
    let input = json!({"challenge": challenge, "code": code});
    let payload = app.anonymous().change("completeSignIn", &input, PAYLOAD).await;
    match payload["token"].as_str() {
        Some(token) => Ok(Client::new(app.url("/graphql"), Some(token.to_owned()))),
        None => {
            assert_eq!((&payload["viewer"], &payload["challenge"]), (&Value::Null, &Value::Null));
            Err(errors(&payload).join(", "))
        }
    }
}

async fn try_code(app: &TestApp, who: &str, code: &str) -> Result<Client, String> {
    complete(app, &challenge(app, who).await, code).await
}

/// The refusal of what is to be refused.
fn refusal(tried: Result<Client, String>) -> String {
    tried.map(|_| "signed in").unwrap_err()
}

async fn roles(client: &Client) -> Value {
    client.data("{ viewer { roles } }").await["viewer"]["roles"].clone()
}

async fn state(client: &Client) -> Value {
    let query = "{ viewer { secondFactor { confirmed required recoveryCodesLeft } } }";
    client.data(query).await["viewer"]["secondFactor"].clone()
}

async fn require(admin: &Client, roles: Value) -> String {
    let version = admin.data("{ institute { version } }").await["institute"]["version"].clone();
    admin.attempt("editInstitute", &json!({"version": version, "secondFactorRequired": roles})).await
}

const WRONG: &str = "code INVALID_CREDENTIALS";
const OVER: &str = "challenge INVALID_CREDENTIALS";
const PAUSED: &str = "code TOO_MANY_TRIES";

on_both! {
    async fn an_authenticator_is_set_up_and_asked_for(app: TestApp) {
        let teacher = app.sign_in(cast::TEACHER).await;
        assert_eq!(state(&teacher).await, json!({"confirmed": false, "required": false, "recoveryCodesLeft": 0}));
        let password = json!({"currentPassword": PASSWORD});
        assert_eq!(app.refused(&teacher, "beginSecondFactor", json!({"currentPassword": "wrong"})).await, ["currentPassword INVALID_CREDENTIALS"]);
        assert_eq!(app.refused(&teacher, "confirmSecondFactor", json!({"code": "000000"})).await, [" WRONG_STATUS"]);
        let begun = teacher.done("beginSecondFactor", password.clone(), "secret uri").await;
        let (secret, uri) = (begun["secret"].as_str().unwrap(), begun["uri"].as_str().unwrap());
        assert_eq!(secret.len(), 32, "160 bits");
        assert!(uri.starts_with("otpauth://totp/") && uri.contains(&format!(":teacher%40example.org?secret={secret}&issuer=")), "{uri}");
        assert!(sign_in(&app, cast::TEACHER).await["token"].is_string(), "it is none until it is confirmed");
        let first: Secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap().try_into().unwrap();
        let second = begin(&teacher).await;
        assert_eq!(teacher.attempt("confirmSecondFactor", &json!({"code": code(&app, &first, 0)})).await, WRONG, "another was begun");
        let elsewhere = app.sign_in(cast::TEACHER).await;
        let right = code(&app, &second, 0);
        let before = teacher;
        let (teacher, recovery) = confirm(&app, &before, &right).await;
        assert_eq!((recovery.len(), roles(&before).await), (10, Value::Null), "the token of before is worth nothing");
        assert_eq!(state(&teacher).await, json!({"confirmed": true, "required": false, "recoveryCodesLeft": 10}));
        assert_eq!(roles(&elsewhere).await, Value::Null, "sessions that began without it end");
        assert_eq!(app.refused(&teacher, "beginSecondFactor", password).await, [" WRONG_STATUS"]);
        assert_eq!(app.refused(&teacher, "confirmSecondFactor", json!({"code": right})).await, [" WRONG_STATUS"]);

        let sessions = app.number("SELECT count(*) FROM sessions").await;
        let asked = sign_in(&app, cast::TEACHER).await;
        let challenge = asked["challenge"].as_str().unwrap();
        assert_eq!(asked, json!({"token": null, "viewer": null, "secondFactorRequired": true, "challenge": challenge, "userErrors": []}));
        assert_eq!(app.number("SELECT count(*) FROM sessions").await, sessions, "nobody is signed in by that");
        assert_eq!(roles(&Client::new(app.url("/graphql"), Some(challenge.to_owned()))).await, Value::Null, "nor is it a token");
        assert_eq!(refusal(complete(&app, challenge, &right).await), WRONG, "the code that it was confirmed by");
        app.clock.advance(Duration::seconds(30));
        let client = complete(&app, challenge, &code(&app, &second, 0)).await.unwrap();
        assert_eq!(roles(&client).await, json!(["STAFF"]));
    }

    async fn in_a_browser_the_cookie_comes_with_the_code(app: TestApp) {
        let holder = set_up(&app, cast::PARENT).await;
        let query = "mutation($s: SignInInput!) { signIn(input: $s) { challenge } }";
        let variables = json!({"s": {"identifier": cast::PARENT, "password": PASSWORD, "session": "COOKIE"}});
        let post = |query: &str, variables: Value| http_client().post(app.url("/graphql")).json(&json!({"query": query, "variables": variables})).send();
        let response = post(query, variables).await.unwrap();
        assert_eq!(session_cookie(response.headers()), None);
        let answer: Value = response.json().await.unwrap();
        let query = "mutation($c: CompleteSignInInput!) { completeSignIn(input: $c) { token viewer { roles } } }";
        let input = json!({"c": {"challenge": answer["data"]["signIn"]["challenge"], "code": code(&app, &holder.secret, 0), "session": "COOKIE"}});
        let response = post(query, input).await.unwrap();
        assert!(session_cookie(response.headers()).unwrap().contains("HttpOnly"));
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["data"]["completeSignIn"], json!({"token": null, "viewer": {"roles": ["PARENT"]}}));
    }

    async fn a_code_is_taken_once_and_a_clock_may_be_a_step_off(app: TestApp) {
        let holder = set_up(&app, cast::STUDENT).await;
        let at = |drift| code(&app, &holder.secret, drift);
        let tried = async |drift| try_code(&app, cast::STUDENT, &at(drift)).await.map(|_| ());
        assert_eq!(tried(-2).await, Err(WRONG.to_owned()));
        assert_eq!(tried(2).await, Err(WRONG.to_owned()));
        assert_eq!(tried(-1).await, Ok(()));
        assert_eq!(tried(-1).await, Err(WRONG.to_owned()), "again");
        assert_eq!(tried(0).await, Ok(()));
        assert_eq!(tried(1).await, Ok(()));
        assert_eq!(tried(0).await, Err(WRONG.to_owned()), "an older one than the last");
        // Nor by another way.
        assert_eq!(holder.client.attempt("renewRecoveryCodes", &json!({"code": at(1)})).await, WRONG);
    }

    async fn of_two_who_use_a_code_at_once_one_is_signed_in(app: TestApp) {
        let holder = set_up(&app, cast::STUDENT).await;
        for round in 0..5 {
            let right = if round % 2 == 0 { code(&app, &holder.secret, 0) } else { holder.recovery[round].clone() };
            let (one, other) = (challenge(&app, cast::STUDENT).await, challenge(&app, cast::STUDENT).await);
            let (one, other) = tokio::join!(complete(&app, &one, &right), complete(&app, &other, &right));
            assert!(one.is_ok() != other.is_ok(), "round {round}");
            app.clock.advance(Duration::seconds(30));
        }
    }

    async fn a_recovery_code_stands_in_once(app: TestApp) {
        let holder = set_up(&app, cast::HOD).await;
        let [one, two] = [&holder.recovery[0], &holder.recovery[1]];
        let client = try_code(&app, cast::HOD, one).await.unwrap();
        assert_eq!(state(&client).await["recoveryCodesLeft"], 9);
        assert_eq!(refusal(try_code(&app, cast::HOD, one).await), WRONG);
        let client = try_code(&app, cast::HOD, &two.replace('-', " ").to_uppercase()).await.unwrap();
        assert_eq!(state(&client).await["recoveryCodesLeft"], 8);
        // One of somebody else's is none.
        let other = set_up(&app, cast::PARENT).await;
        assert_eq!(refusal(try_code(&app, cast::HOD, &other.recovery[0]).await), WRONG);

        assert_eq!(client.attempt("renewRecoveryCodes", &json!({"code": wrong(&code(&app, &holder.secret, 0))})).await, WRONG);
        let renewed = client.done("renewRecoveryCodes", json!({"code": code(&app, &holder.secret, 0)}), "recoveryCodes").await;
        assert_eq!(state(&client).await["recoveryCodesLeft"], 10);
        assert_eq!(refusal(try_code(&app, cast::HOD, &holder.recovery[2]).await), WRONG, "those before are good no more");
        assert!(try_code(&app, cast::HOD, renewed["recoveryCodes"][9].as_str().unwrap()).await.is_ok());
        let none = app.sign_in(cast::TEACHER).await;
        assert_eq!(app.refused(&none, "renewRecoveryCodes", json!({"code": "000000"})).await, [" WRONG_STATUS"]);
    }

    async fn guessing_is_stopped_for_a_while(app: TestApp) {
        let holder = set_up(&app, cast::ADMIN).await;
        let beside = app.beside().await;
        let right = |app: &TestApp| code(app, &holder.secret, 0);
        // Four, and the owner comes in: they begin anew.
        for guess in 0..4 {
            assert_eq!(refusal(try_code(&app, cast::ADMIN, &wrong(&right(&app))).await), WRONG, "{guess}");
        }
        assert!(try_code(&app, cast::ADMIN, &right(&app)).await.is_ok());
        app.clock.advance(Duration::minutes(1));
        let challenge = challenge(&app, cast::ADMIN).await;
        for guess in 0..5 {
            let app = if guess % 2 == 0 { &app } else { &beside };
            assert_eq!(refusal(complete(app, &challenge, &wrong(&right(app))).await), WRONG, "{guess}");
        }
        for app in [&app, &beside] {
            assert_eq!(refusal(complete(app, &challenge, &right(app)).await), PAUSED);
            assert_eq!(refusal(try_code(app, cast::ADMIN, &right(app)).await), PAUSED, "by another challenge");
            assert_eq!(refusal(try_code(app, cast::ADMIN, &holder.recovery[0]).await), PAUSED);
        }
        assert_eq!(holder.client.attempt("renewRecoveryCodes", &json!({"code": right(&app)})).await, PAUSED);
        assert_eq!(holder.client.attempt("removeSecondFactor", &json!({"currentPassword": PASSWORD, "code": right(&app)})).await, PAUSED);
        assert_eq!(roles(&holder.client).await, json!(["ADMIN"]), "who is signed in is not signed out by that");
        app.clock.advance(Duration::minutes(15) - Duration::seconds(1));
        assert_eq!(refusal(try_code(&app, cast::ADMIN, &right(&app)).await), PAUSED);
        app.clock.advance(Duration::seconds(1));
        assert!(try_code(&app, cast::ADMIN, &right(&app)).await.is_ok());
    }

    async fn one_try_a_request(app: TestApp) {
        let holder = set_up(&app, cast::ADMIN).await;
        let challenge = challenge(&app, cast::ADMIN).await;
        let complete = |alias: &str, code: &str| format!("{alias}: completeSignIn(input: {{challenge: \"{challenge}\", code: \"{code}\"}}) {{ token }} ");
        let right = code(&app, &holder.secret, 0);
        let answer = app.anonymous().ask(&format!("mutation {{ {} {} }}", complete("a", &wrong(&right)), complete("b", &right))).await;
        assert_eq!((answer.at("/a/token"), answer.code_at(&json!(["b"]))), (&Value::Null, "BAD_USER_INPUT"));
        let renew = |alias: &str| format!("{alias}: renewRecoveryCodes(input: {{code: \"000000\"}}) {{ recoveryCodes }} ");
        let remove = "remove: removeSecondFactor(input: {currentPassword: \"x\", code: \"x\"}) { success } ";
        let begin = "begin: beginSecondFactor(input: {currentPassword: \"x\"}) { secret } ";
        let confirm = "confirm: confirmSecondFactor(input: {code: \"x\"}) { recoveryCodes } ";
        for second in [renew("second"), remove.to_owned(), begin.to_owned(), confirm.to_owned(), complete("last", &right)] {
            let alias = second.split(':').next().unwrap();
            let answer = holder.client.ask(&format!("mutation {{ {} {second} }}", renew("a"))).await;
            assert_eq!(answer.code_at(&json!([alias])), "BAD_USER_INPUT", "{alias}");
            // A code that is right is not counted: none of the guesses were more than the first.
            app.database.execute("UPDATE second_factors SET failures = 0").await;
        }
    }

    async fn a_challenge_is_of_one_account_one_password_and_five_minutes(app: TestApp) {
        let (parent, student) = (set_up(&app, cast::PARENT).await, set_up(&app, cast::STUDENT).await);
        app.clock.advance(Duration::minutes(2));
        let of_parent = challenge(&app, cast::PARENT).await;
        assert_eq!(refusal(complete(&app, &of_parent, &code(&app, &student.secret, 0)).await), WRONG, "another's code");
        let right = code(&app, &parent.secret, 0);
        for n in [0, of_parent.len() / 2, of_parent.len() - 2] {
            let mut forged = of_parent.clone().into_bytes();
            forged[n] = if forged[n] == b'A' { b'B' } else { b'A' };
            assert_eq!(refusal(complete(&app, std::str::from_utf8(&forged).unwrap(), &right).await), OVER, "{n}");
        }
        for none in ["", "AAAA", &app.id(Kind::Account, 1), parent.client.token.as_deref().unwrap()] {
            assert_eq!(refusal(complete(&app, none, &right).await), OVER, "{none}");
        }
        app.clock.advance(Duration::minutes(5));
        assert_eq!(refusal(complete(&app, &of_parent, &code(&app, &parent.secret, 0)).await), OVER, "five minutes later");

        // It is over with the code that the owner signs in by, elsewhere too.
        let (one, other) = (challenge(&app, cast::PARENT).await, challenge(&app, cast::PARENT).await);
        let signed_in = complete(&app, &one, &code(&app, &parent.secret, 0)).await.unwrap();
        app.clock.advance(Duration::seconds(30));
        for used in [&one, &other] {
            assert_eq!(refusal(complete(&app, used, &code(&app, &parent.secret, 0)).await), OVER);
        }
        // And with the password that was proved.
        let before = challenge(&app, cast::PARENT).await;
        signed_in.done("changePassword", json!({"currentPassword": PASSWORD, "newPassword": "a horse of another colour"}), "").await;
        assert_eq!(refusal(complete(&app, &before, &code(&app, &parent.secret, 0)).await), OVER);
        // Nor does it bring in who may not sign in any more, or who has no second factor now.
        let before = challenge(&app, cast::STUDENT).await;
        app.database.execute(&format!("UPDATE accounts SET active = FALSE WHERE email = '{}'", cast::STUDENT)).await;
        assert_eq!(refusal(complete(&app, &before, &code(&app, &student.secret, 0)).await), OVER);
        app.database.execute(&format!("UPDATE accounts SET active = TRUE WHERE email = '{}'", cast::STUDENT)).await;
        let before = challenge(&app, cast::STUDENT).await;
        let input = json!({"accountId": app.student(cast::STUDENT).await});
        app.sign_in(cast::ADMIN).await.done("resetSecondFactor", input, "success").await;
        assert_eq!(refusal(complete(&app, &before, &code(&app, &student.secret, 1)).await), OVER);
    }

    async fn who_signs_in_by_the_password_alone_meanwhile_does_not_stay(app: TestApp) {
        for who in [cast::STUDENT, cast::PARENT, cast::TEACHER, cast::HOD, cast::ADMISSION] {
            let client = app.sign_in(who).await;
            let secret = begin(&client).await;
            let right = code(&app, &secret, 0);
            let ((client, _), meanwhile) = tokio::join!(confirm(&app, &client, &right), sign_in(&app, who));
            if let Some(token) = meanwhile["token"].as_str() {
                let session = Client::new(app.url("/graphql"), Some(token.to_owned()));
                assert_eq!(roles(&session).await, Value::Null, "{who}");
            }
            assert_ne!(roles(&client).await, Value::Null, "{who}: the session that set it up stays");
        }
    }

    async fn a_policy_withholds_roles_and_gives_them_back_at_once(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let (hod, elsewhere) = (app.sign_in(cast::HOD).await, app.sign_in(cast::HOD).await);
        let (twofold, student, key) = (app.sign_in(cast::HOD_TEACHER).await, app.sign_in(cast::STUDENT).await, app.api_key("ADMIN_READ").await);
        let required = "{ institute { secondFactorRequired } }";
        assert_eq!(admin.data(required).await["institute"]["secondFactorRequired"], json!([]));
        for roles in [json!(["ADMIN"]), json!(["HOD"])] {
            assert_eq!(require(&admin, roles).await, "secondFactorRequired WRONG_STATUS", "who has none would lock themselves out");
        }
        assert_eq!(require(&admin, json!([])).await, "done");
        let admin = set_up(&app, cast::ADMIN).await.client;
        assert_eq!(require(&admin, json!(["HOD", "STUDENT", "ADMIN", "SELF"])).await, "secondFactorRequired.1 INVALID, secondFactorRequired.3 INVALID");
        assert_eq!(require(&admin, json!(["HOD", "ADMIN", "HOD"])).await, "done");
        assert_eq!(admin.data(required).await["institute"]["secondFactorRequired"], json!(["ADMIN", "HOD"]));
        assert_eq!(hod.ask(required).await.code_at(&json!(["institute", "secondFactorRequired"])), "FORBIDDEN");

        for (client, left) in [(&hod, json!([])), (&elsewhere, json!([])), (&twofold, json!(["STAFF"])), (&student, json!(["STUDENT"])), (&admin, json!(["ADMIN"]))] {
            assert_eq!(roles(client).await, left);
        }
        let students = "{ students { totalCount } }";
        assert_eq!(hod.data(students).await["students"]["totalCount"], 0, "nobody is reached by a role that is withheld");
        let notice = json!({"title": "Mine", "message": "x", "audience": {"everybody": true}});
        assert_eq!(app.denied(&hod, "publishNotice", notice).await, "FORBIDDEN");
        assert_eq!(state(&hod).await, json!({"confirmed": false, "required": true, "recoveryCodesLeft": 0}));
        assert_eq!(state(&student).await["required"], false);
        assert!(key.data(students).await["students"]["totalCount"] != 0, "a key signs in to nothing");

        // What is left is enough to set one up, and the role is back with the next request.
        let secret = begin(&hod).await;
        assert_eq!(roles(&hod).await, json!([]));
        let (hod, _) = confirm(&app, &hod, &code(&app, &secret, 0)).await;
        assert_eq!((roles(&hod).await, roles(&elsewhere).await), (json!(["HOD"]), Value::Null));
        assert_eq!(state(&hod).await["required"], true);
        app.clock.advance(Duration::seconds(30));
        hod.done("removeSecondFactor", json!({"currentPassword": PASSWORD, "code": code(&app, &secret, 0)}), "success").await;
        assert_eq!(roles(&hod).await, json!([]), "withheld again");
        assert_eq!(roles(&app.sign_in(cast::HOD).await).await, json!([]), "whoever signs in without");

        assert_eq!(require(&admin, json!(["ADMISSION"])).await, "done");
        assert_eq!(roles(&hod).await, json!(["HOD"]));
        assert_eq!(require(&admin, Value::Null).await, "done");
        let entries = "{ auditEntries(filter: {action: \"editInstitute\"}) { edges { node { changes { field before after } } } } }";
        let entries = admin.data(entries).await["auditEntries"]["edges"].clone();
        assert_eq!(entries[1]["node"]["changes"], json!([{"field": "second_factor_required", "before": "[\"ADMIN\",\"HOD\"]", "after": "[\"ADMISSION\"]"}]));
    }

    async fn it_is_removed_by_the_password_and_a_code(app: TestApp) {
        let holder = set_up(&app, cast::ADMISSION).await;
        let right = code(&app, &holder.secret, 0);
        let elsewhere = try_code(&app, cast::ADMISSION, &holder.recovery[0]).await.unwrap();
        let input = |password: &str, code: &str| json!({"currentPassword": password, "code": code});
        assert_eq!(app.refused(&holder.client, "removeSecondFactor", input("wrong", &right)).await, ["currentPassword INVALID_CREDENTIALS"]);
        assert_eq!(holder.client.attempt("removeSecondFactor", &input(PASSWORD, &wrong(&right))).await, WRONG);
        holder.client.done("removeSecondFactor", input(PASSWORD, &right), "success").await;
        assert_eq!(roles(&elsewhere).await, Value::Null, "other sessions end");
        assert_eq!(roles(&holder.client).await, json!(["ADMISSION"]));
        assert!(sign_in(&app, cast::ADMISSION).await["token"].is_string());
        assert_eq!(app.database.numbers("SELECT count(*) FROM second_factors UNION ALL SELECT count(*) FROM recovery_codes").await, [0, 0]);
        assert_eq!(app.refused(&holder.client, "removeSecondFactor", input(PASSWORD, &right)).await, [" WRONG_STATUS"]);
    }

    async fn an_administrator_resets_that_of_others(app: TestApp) {
        let everybody = app.everybody().await;
        let (lost, holder) = (app.staff(cast::HOD).await, set_up(&app, cast::HOD).await);
        let account = app.id_of(Kind::Account, &format!("SELECT id FROM accounts WHERE email = '{}'", cast::HOD)).await;
        for (role, client) in everybody.into_iter().filter(|(role, _)| !["ADMIN", "HOD"].contains(role)) {
            let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
            assert_eq!(app.denied(&client, "resetSecondFactor", json!({"accountId": account})).await, code, "{role}");
        }
        assert_eq!(app.denied(&holder.client, "resetSecondFactor", json!({"accountId": account})).await, "FORBIDDEN", "nor their own");
        let admin = set_up(&app, cast::ADMIN).await.client;
        let own = app.staff(cast::ADMIN).await;
        assert_eq!(app.refused(&admin, "resetSecondFactor", json!({"accountId": own})).await, ["accountId INVALID"]);
        for none in [app.id(Kind::Account, 999_999), app.id(Kind::Course, 1), String::new()] {
            assert_eq!(app.refused(&admin, "resetSecondFactor", json!({"accountId": none})).await, ["accountId NOT_FOUND"]);
        }
        for without in [app.staff(cast::TEACHER).await, app.parent(cast::PARENT).await, app.student(cast::STUDENT).await] {
            assert_eq!(app.refused(&admin, "resetSecondFactor", json!({"accountId": without})).await, ["accountId WRONG_STATUS"]);
        }
        admin.done("resetSecondFactor", json!({"accountId": lost}), "success").await;
        assert_eq!(roles(&holder.client).await, Value::Null, "whoever has the phone is signed out");
        assert!(sign_in(&app, cast::HOD).await["token"].is_string());
        set_up(&app, cast::HOD).await;
        admin.done("resetSecondFactor", json!({"accountId": account}), "success").await;
        let entries = "{ auditEntries(filter: {action: \"resetSecondFactor\"}) { edges { node { actor { email } subject { id } changes { field before after } } } } }";
        let entries = admin.data(entries).await["auditEntries"]["edges"].clone();
        let expected = json!({"actor": {"email": cast::ADMIN}, "subject": {"id": account}, "changes": [{"field": "second_factor", "before": "\"confirmed\"", "after": "\"reset\""}]});
        assert_eq!((entries.as_array().unwrap().len(), &entries[0]["node"]), (2, &expected));
    }

    async fn nothing_of_it_can_be_read_again(app: TestApp) {
        let holder = set_up(&app, cast::ADMIN).await;
        let text = |column: &str, table: &str| match app.backend {
            Backend::Sqlite => format!("SELECT hex({column}) FROM {table}"),
            Backend::Postgres => format!("SELECT upper(encode({column}, 'hex')) FROM {table}"),
        };
        let hex = |bytes: &[u8]| data_encoding::HEXUPPER.encode(bytes);
        let kept = app.database.texts(&text("secret", "second_factors")).await.remove(0);
        assert_eq!(kept.len(), 2 * (20 + 16), "sealed, with its tag");
        assert!(!kept.contains(&hex(&holder.secret)));
        let codes = app.database.texts(&text("code_hash", "recovery_codes")).await;
        let plain: Vec<String> = holder.recovery.iter().map(|code| hex(code.replace('-', "").as_bytes())).collect();
        assert!(codes.len() == 10 && codes.iter().all(|code| code.len() == 64 && !plain.contains(code)));
        // One that is put into another's row does not open there.
        app.database.execute(&format!("UPDATE accounts SET second_factor_at = '2026-03-20 12:00:00' WHERE email = '{}'", cast::HOD)).await;
        app.database.execute(&format!(
            "INSERT INTO second_factors (account_id, secret, created_at) SELECT a.id, f.secret, f.created_at FROM accounts a, second_factors f WHERE a.email = '{}'",
            cast::HOD
        )).await;
        let input = json!({"input": {"challenge": challenge(&app, cast::HOD).await, "code": code(&app, &holder.secret, 0)}});
        let query = "mutation($input: CompleteSignInInput!) { completeSignIn(input: $input) { token } }";
        let answer = app.anonymous().ask_with(query, input).await;
        assert_eq!(answer.code_at(&json!(["completeSignIn"])), "INTERNAL");
        let audit = "SELECT coalesce(before, '') || coalesce(after, '') FROM audit_entries";
        let audit = app.database.texts(audit).await.concat();
        assert!(audit.contains("second_factor") && !audit.contains(&BASE32_NOPAD.encode(&holder.secret)), "{audit}");
        assert!(holder.recovery.iter().all(|code| !audit.contains(code)));
    }
}
