//! One's own: profile, password, and the sessions that a new password ends.

use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp};

const NEW: &str = "a horse of another colour";

async fn roles(client: &Client) -> Value {
    client.data("{ viewer { roles } }").await["viewer"]["roles"].clone()
}

/// The session's token, or the code with which there is none.
async fn sign_in(app: &TestApp, email: &str, password: &str) -> Result<Client, String> {
    let query = "mutation($input: SignInInput!) { signIn(input: $input) { token userErrors { code } } }";
    let answer =
        app.anonymous().ask_with(query, json!({"input": {"identifier": email, "password": password}})).await.ok();
    match answer.at("/signIn/token").as_str() {
        Some(token) => Ok(Client::new(app.url("/graphql"), Some(token.to_owned()))),
        None => Err(answer.at("/signIn/userErrors/0/code").as_str().unwrap().to_owned()),
    }
}

fn passwords(current: &str, new: &str) -> Value {
    json!({"currentPassword": current, "newPassword": new})
}

/// Changes a password: the client with the session's new token.
async fn changed(client: &Client, current: &str, new: &str) -> Client {
    let done = client.done("changePassword", passwords(current, new), "success token").await;
    assert_eq!(done["success"], true);
    let mut renewed = client.clone();
    renewed.token = Some(done["token"].as_str().unwrap().to_owned());
    renewed
}

on_both! {
    async fn everybody_edits_their_own_profile(app: TestApp) {
        let student = app.sign_in(cast::STUDENT).await;
        let input = json!({"photoUrl": "https://files.example.org/me.jpg", "temporaryAddress": " Here ", "permanentAddress": null, "maritalStatus": "MARRIED", "clientMutationId": "k1"});
        let fields = "viewer { student { photoUrl temporaryAddress permanentAddress maritalStatus } } clientMutationId";
        let done = student.done("editProfile", input.clone(), fields).await;
        let expected = json!({"photoUrl": "https://files.example.org/me.jpg", "temporaryAddress": "Here", "permanentAddress": null, "maritalStatus": "MARRIED"});
        assert_eq!((&done["viewer"]["student"], &done["clientMutationId"]), (&expected, &json!("k1")));
        let email = cast::STUDENT;
        let count = |condition: &str| format!("SELECT count(*) FROM students s JOIN accounts a ON a.id = s.account_id WHERE a.email = '{email}' AND {condition}");
        assert_eq!(app.number(&count("s.version = 2 AND s.name <> ''")).await, 1);
        assert_eq!(student.done("editProfile", input, fields).await, done);
        assert_eq!(app.number(&count("s.version = 2")).await, 1, "once by its key");
        student.done("editProfile", json!({"temporaryAddress": "Here"}), fields).await;
        assert_eq!(app.number(&count("s.version = 2")).await, 1, "nothing was changed");
        let admin = app.sign_in(cast::ADMIN).await;
        let entries = "{ auditEntries(filter: {action: \"editProfile\"}) { edges { node { actor { email } subjectType changes { field after } } } } }";
        let entries = admin.data(entries).await["auditEntries"]["edges"].clone();
        assert_eq!(entries.as_array().unwrap().len(), 1);
        assert_eq!((&entries[0]["node"]["actor"]["email"], &entries[0]["node"]["subjectType"]), (&json!(cast::STUDENT), &json!("Student")));
        assert!(entries[0]["node"]["changes"].as_array().unwrap().contains(&json!({"field": "marital_status", "after": "\"MARRIED\""})));

        let parent = app.sign_in(cast::PARENT).await;
        let done = parent.done("editProfile", json!({"address": "Old Road 1", "photoUrl": "https://files.example.org/p.jpg"}), "viewer { parent { address photoUrl } }").await;
        assert_eq!(done["viewer"]["parent"], json!({"address": "Old Road 1", "photoUrl": "https://files.example.org/p.jpg"}));
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        let input = json!({"photoUrl": "https://files.example.org/b.jpg", "address": "One", "permanentAddress": "Two", "nextOfKin": "Bo"});
        let done = both.done("editProfile", input, "viewer { parent { address photoUrl } staff { permanentAddress photoUrl nextOfKin } }").await;
        assert_eq!(done["viewer"]["parent"], json!({"address": "One", "photoUrl": "https://files.example.org/b.jpg"}));
        assert_eq!(done["viewer"]["staff"], json!({"permanentAddress": "Two", "photoUrl": "https://files.example.org/b.jpg", "nextOfKin": "Bo"}));
        for (role, email) in cast::BY_ROLE {
            app.sign_in(email).await.done("editProfile", json!({"photoUrl": null}), "").await;
            assert_eq!(app.number(&format!("SELECT count(*) FROM accounts WHERE email = '{email}'")).await, 1, "{role}");
        }
    }

    async fn what_a_profile_has_not_is_refused(app: TestApp) {
        let (student, parent) = (app.sign_in(cast::STUDENT).await, app.sign_in(cast::PARENT).await);
        let everything = json!({"address": "x", "temporaryAddress": "x", "permanentAddress": null, "maritalStatus": null, "nextOfKin": "x", "photoUrl": "x"});
        assert_eq!(app.refused(&student, "editProfile", everything.clone()).await, ["photoUrl INVALID", "address INVALID", "nextOfKin INVALID"]);
        let expected = ["photoUrl INVALID", "temporaryAddress INVALID", "permanentAddress INVALID", "maritalStatus INVALID", "nextOfKin INVALID"];
        assert_eq!(app.refused(&parent, "editProfile", everything).await, expected);
        let teacher = app.sign_in(cast::TEACHER).await;
        assert_eq!(app.refused(&teacher, "editProfile", json!({"address": "x", "nextOfKin": "a\nb"})).await, ["nextOfKin INVALID", "address INVALID"]);
        assert_eq!(app.denied(&app.anonymous(), "editProfile", json!({"photoUrl": null})).await, "UNAUTHENTICATED");
        assert_eq!(app.denied(&app.anonymous(), "changePassword", passwords(PASSWORD, NEW)).await, "UNAUTHENTICATED");
        // Who is archived is nobody who has a profile.
        app.database.execute("UPDATE students SET archived_at = '2026-03-19 08:00:00'").await;
        assert_eq!(app.refused(&student, "editProfile", json!({"photoUrl": null})).await, ["photoUrl INVALID"]);
    }

    async fn a_password_is_changed_by_who_knows_it(app: TestApp) {
        a_new_password_ends_the_other_sessions(&app).await;
    }

    async fn what_is_no_password_is_refused(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let refused = |current: &'static str, new: String| { let (app, parent) = (&app, &parent); async move { app.refused(parent, "changePassword", passwords(current, &new)).await } };
        assert_eq!(refused("wrong", NEW.to_owned()).await, ["currentPassword INVALID_CREDENTIALS"]);
        assert_eq!(refused(PASSWORD, PASSWORD.to_owned()).await, ["newPassword INVALID"]);
        assert_eq!(refused(PASSWORD, "é".repeat(11)).await, ["newPassword OUT_OF_RANGE"]);
        assert_eq!(refused(PASSWORD, "é".repeat(129)).await, ["newPassword OUT_OF_RANGE"]);
        assert_eq!(refused("wrong", "wrong".to_owned()).await, ["newPassword OUT_OF_RANGE", "newPassword INVALID", "currentPassword INVALID_CREDENTIALS"]);
        assert!(sign_in(&app, cast::PARENT, PASSWORD).await.is_ok());
        // Characters count, not bytes; nor need they be of any kind.
        let (shortest, longest) = ("ébqmortžvłfz", "ébqmortžvłfz wjs".repeat(8));
        let parent = changed(&parent, PASSWORD, shortest).await;
        changed(&parent, shortest, &longest).await;
        assert!(sign_in(&app, cast::PARENT, &longest).await.is_ok());
    }

    async fn what_is_common_or_made_of_ones_own_name_e_mail_or_phone_is_refused(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let account = format!("FROM parents p JOIN accounts a ON a.id = p.account_id WHERE a.email = '{}'", cast::PARENT);
        let own = app.database.texts(&format!("SELECT p.name || '#' || a.phone {account}")).await.remove(0);
        let (name, phone) = own.split_once('#').unwrap();
        for new in ["password1234", "qwertyuiop12", "abcabcabcabc", "letmeinletmein", &format!("{name} {name}"), &format!("{phone}a"), cast::PARENT] {
            let told = app.refused(&parent, "changePassword", passwords(PASSWORD, new)).await;
            assert_eq!(told, ["newPassword GUESSABLE"], "{new}");
        }
        // What is known of somebody else may be in it.
        let other = app.sign_in(cast::ADMIN).await;
        assert_eq!(other.attempt("changePassword", &passwords(PASSWORD, &format!("{name} {name} 71"))).await, "done");
    }

    async fn one_password_a_request(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let change = |alias: &str, current: &str| format!("{alias}: changePassword(input: {{currentPassword: \"{current}\", newPassword: \"{NEW}\"}}) {{ success }}");
        let answer = parent.ask(&format!("mutation {{ {} {} }}", change("a", "guess"), change("b", PASSWORD))).await;
        assert_eq!(answer.at("/a/success"), &json!(false));
        assert_eq!(answer.code_at(&json!(["b"])), "BAD_USER_INPUT");
        // Nor one of each kind.
        let guess = format!("a: signIn(input: {{identifier: \"{}\", password: \"x\"}}) {{ token }}", cast::TEACHER);
        let answer = parent.ask(&format!("mutation {{ {guess} {} }}", change("b", PASSWORD))).await;
        assert_eq!(answer.code_at(&json!(["b"])), "BAD_USER_INPUT");
        let answer = parent.ask(&format!("mutation {{ {} {guess} }}", change("b", "guess")).replace("a: signIn", "c: signIn")).await;
        assert_eq!(answer.code_at(&json!(["c"])), "BAD_USER_INPUT");
        assert!(sign_in(&app, cast::PARENT, PASSWORD).await.is_ok());
    }

    async fn of_two_changes_of_a_password_at_once_one_is_made(app: TestApp) {
        let mut current = PASSWORD.to_owned();
        for round in 0..10 {
            let (one, other) = (sign_in(&app, cast::PARENT, &current).await.unwrap(), sign_in(&app, cast::PARENT, &current).await.unwrap());
            let new = [format!("the first one {round}"), format!("the other one {round}")];
            let (a, b) = (passwords(&current, &new[0]), passwords(&current, &new[1]));
            let (a, b) = tokio::join!(one.attempt("changePassword", &a), other.attempt("changePassword", &b));
            let made: Vec<usize> = [&a, &b].iter().enumerate().filter(|(_, outcome)| **outcome == "done").map(|(i, _)| i).collect();
            assert_eq!(made.len(), 1, "{a}, {b}");
            assert!(sign_in(&app, cast::PARENT, &new[1 - made[0]]).await.is_err());
            current.clone_from(&new[made[0]]);
        }
    }

    async fn a_session_that_begins_with_the_old_password_meanwhile_does_not_stay(app: TestApp) {
        sign_in_meanwhile(&app).await;
    }
}

async fn a_new_password_ends_the_other_sessions(app: &TestApp) {
    let (here, there) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::PARENT).await);
    let somebody = app.sign_in(cast::OTHER_PARENT).await;
    let ended = app.sign_in(cast::PARENT).await;
    ended.data("mutation { signOut { success } }").await;
    let here = changed(&here, PASSWORD, NEW).await;
    assert_eq!(
        (roles(&here).await, roles(&there).await, roles(&ended).await),
        (json!(["PARENT"]), Value::Null, Value::Null)
    );
    assert_eq!(roles(&somebody).await, json!(["PARENT"]));
    assert_eq!(sign_in(app, cast::PARENT, PASSWORD).await.err().unwrap(), "INVALID_CREDENTIALS");
    let again = sign_in(app, cast::PARENT, NEW).await.unwrap();
    assert_eq!(roles(&again).await, json!(["PARENT"]));
    // And once more, from the other side.
    let again = changed(&again, NEW, PASSWORD).await;
    assert_eq!((roles(&here).await, roles(&again).await), (Value::Null, json!(["PARENT"])));
    let entries = "{ auditEntries(filter: {action: \"changePassword\"}) { edges { node { subjectType changes { field before after } } } } }";
    let entries = app.sign_in(cast::ADMIN).await.data(entries).await["auditEntries"]["edges"].clone();
    assert_eq!(
        entries[1]["node"],
        json!({"subjectType": "Account", "changes": [{"field": "password", "before": null, "after": "\"changed\""}]})
    );
    let secrets =
        app.database.texts("SELECT coalesce(before, '') || coalesce(after, '') FROM audit_entries").await.join(" ");
    assert!(!secrets.contains("argon2") && !secrets.contains("horse"), "{secrets}");
    assert_eq!(app.database.numbers("SELECT count(*) FROM client_mutations").await, [0]);
}

async fn sign_in_meanwhile(app: &TestApp) {
    let mut here = app.sign_in(cast::PARENT).await;
    let mut current = PASSWORD.to_owned();
    for round in 0..10 {
        let new = format!("{NEW} {round}");
        // Who fails each time has to wait.
        app.clock.advance(chrono::Duration::minutes(15));
        let late = async {
            tokio::time::sleep(std::time::Duration::from_millis(round * 8)).await;
            sign_in(app, cast::PARENT, &current).await
        };
        let (renewed, began) = tokio::join!(changed(&here, &current, &new), late);
        if let Ok(began) = began {
            assert_eq!(roles(&began).await, Value::Null, "round {round}");
        }
        assert_eq!(roles(&renewed).await, json!(["PARENT"]));
        (here, current) = (renewed, new);
    }
}
