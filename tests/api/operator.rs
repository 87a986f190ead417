//! `rollcall accounts`: what an operator does from the machine itself.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::{
    commands::{rollcall, text},
    second_factor,
    support::{Backend, Client, PASSWORD, TestApp, TestDatabase},
};

const NEW: &str = "a horse of another colour";

/// Runs the command on a database, with something on its standard input.
fn accounts_with(database: &TestDatabase, arguments: &[&str], input: &str) -> Output {
    accounts_of(database, arguments, input, &[])
}

/// The same, with more in the environment.
fn accounts_of(database: &TestDatabase, arguments: &[&str], input: &str, more: &[(&str, &str)]) -> Output {
    let variables =
        [("ENVIRONMENT", "development"), ("DATABASE_URL", database.url.as_str()), ("MIGRATE_ON_START", "true")];
    let mut command = rollcall(&[&["accounts"], arguments].concat(), &[&variables, more].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may have ended by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn accounts(database: &TestDatabase, arguments: &[&str]) -> Output {
    accounts_with(database, arguments, "")
}

/// The output of a command that must be refused.
fn refused(output: &Output) -> String {
    assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(1), ""), "{}", text(&output.stderr));
    text(&output.stderr)
}

#[track_caller]
fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

async fn roles(client: &Client) -> Value {
    client.data("{ viewer { roles } }").await["viewer"]["roles"].clone()
}

async fn sign_in(app: &TestApp, identifier: &str, password: &str) -> Option<Client> {
    let input = json!({"identifier": identifier, "password": password});
    let payload = app.anonymous().change("signIn", &input, "token").await;
    Some(Client::new(app.url("/graphql"), Some(payload["token"].as_str()?.to_owned())))
}

/// What the audit log has of the operator.
async fn entries(admin: &Client) -> Value {
    let query =
        "{ auditEntries(first: 3) { edges { node { action actor { email } subjectType changes { field after } } } } }";
    let mut entries = admin.data(query).await["auditEntries"]["edges"].take();
    entries.as_array_mut().unwrap().iter_mut().map(|edge| edge["node"].take()).collect()
}

/// Nobody runs the institute any more.
async fn without_an_administrator(app: &TestApp) {
    app.database.execute("DELETE FROM staff_roles WHERE role = 'ADMIN'").await;
}

const FIRST: [&str; 5] = ["create-admin", "--name", "Ann Lee", "--email", "Ann@School.Example"];

on_both! {
    async fn the_first_administrator_is_added_and_signs_in(app: TestApp) {
        let with = |more: &[&'static str]| [&FIRST, more].concat();
        let told = refused(&accounts(&app.database, &FIRST));
        assert!(told.contains("addStaff"), "there is one: {told}");
        without_an_administrator(&app).await;
        let before = app.database.contents().await;
        let wrong = ["create-admin", "--name", " ", "--email", "ann", "--phone", "123", "--password-stdin"];
        let told = refused(&accounts_with(&app.database, &wrong, "short\n"));
        for line in ["name: ", "email: ", "phone: ", "password: "] {
            assert!(told.lines().any(|told| told.starts_with(line)), "{line} in {told}");
        }
        let taken = ["create-admin", "--name", "Ann Lee", "--email", cast::PARENT];
        assert!(refused(&accounts(&app.database, &taken)).starts_with("email: "));
        app.database.is_as(&before, "what was refused").await;

        let output = accounts_with(&app.database, &with(&["--password-stdin"]), &format!("{NEW}\n"));
        assert!(!done(&output).contains(NEW) && !text(&output.stderr).contains(NEW));
        let admin = sign_in(&app, "ann@school.example", NEW).await.unwrap();
        assert_eq!(roles(&admin).await, json!(["ADMIN"]));
        let entry = &entries(&admin).await[0];
        assert_eq!((&entry["action"], &entry["actor"], &entry["subjectType"]), (&json!("accounts create-admin"), &Value::Null, &json!("Staff")));
        let told = refused(&accounts(&app.database, &["create-admin", "--name", "Bo Lee", "--email", "bo@school.example"]));
        assert!(told.contains("addStaff"), "the second is added by the first: {told}");
    }

    async fn a_new_institute_is_set_up_with_its_first_administrator(app: TestApp) {
        let (card, audits) = ("{ institute { name timeZone version } }", "SELECT count(*) FROM audit_entries");
        let of = |institute: &'static str, zone: &'static str| [&FIRST[..], &["--institute", institute, "--time-zone", zone, "--password-stdin"]].concat();
        without_an_administrator(&app).await;
        let told = refused(&accounts_with(&app.database, &of("Hill School", "Asia/Kathmandu"), &format!("{NEW}\n")));
        assert!(told.starts_with("institute: ") && told.contains("editInstitute"), "there is one: {told}");
        app.database.execute("DELETE FROM institute").await;
        let before = app.database.contents().await;
        assert!(refused(&accounts(&app.database, &FIRST)).starts_with("institute: "), "there is none");
        let told = refused(&accounts_with(&app.database, &of(" ", "Asia/Nowhere"), "short\n"));
        for line in ["institute: ", "timeZone: ", "password: "] {
            assert!(told.lines().any(|told| told.starts_with(line)), "{line} in {told}");
        }
        app.database.is_as(&before, "what was refused").await;
        let entries = app.number(audits).await;
        done(&accounts_with(&app.database, &of("Hill School", "Asia/Kathmandu"), &format!("{NEW}\n")));
        let admin = sign_in(&app, "ann@school.example", NEW).await.unwrap();
        assert_eq!(admin.data(card).await["institute"], json!({"name": "Hill School", "timeZone": "Asia/Kathmandu", "version": 1}));
        assert_eq!(app.number(audits).await, entries + 2);
        admin.done("editInstitute", json!({"version": 1, "name": "Hill College"}), "").await;
        assert_eq!(admin.data(card).await["institute"]["name"], "Hill College");
    }

    async fn without_a_password_it_is_an_invitation(app: TestApp) {
        without_an_administrator(&app).await;
        done(&accounts(&app.database, &FIRST));
        let kept = "SELECT coalesce(password_hash, 'none') FROM accounts WHERE email = 'ann@school.example'";
        assert_eq!(app.database.texts(kept).await, ["none"]);
        for password in ["", PASSWORD] {
            assert!(sign_in(&app, "ann@school.example", password).await.is_none());
        }
    }

    async fn an_account_is_reset_and_deactivated(app: TestApp) {
        let (admin, hod, parent) = (app.sign_in(cast::ADMIN).await, app.sign_in(cast::HOD).await, app.sign_in(cast::PARENT).await);
        app.database.execute(&format!("UPDATE accounts SET second_factor_at = '2026-03-20 12:00:00' WHERE email = '{}'", cast::HOD)).await;
        let factor = format!("SELECT count(*) FROM accounts WHERE email = '{}' AND second_factor_at IS NOT NULL", cast::HOD);
        done(&accounts(&app.database, &["reset", "--identifier", &cast::HOD.to_uppercase()]));
        assert_eq!(roles(&hod).await, Value::Null, "its sessions end");
        assert!(sign_in(&app, cast::HOD, PASSWORD).await.is_none());
        assert_eq!(app.number(&factor).await, 1, "it is kept unless it is to go");
        done(&accounts(&app.database, &["reset", "--identifier", cast::HOD, "--second-factor"]));
        assert_eq!(app.number(&factor).await, 0);
        done(&accounts(&app.database, &["deactivate", "--identifier", cast::PARENT]));
        assert_eq!(roles(&parent).await, Value::Null);
        assert!(sign_in(&app, cast::PARENT, PASSWORD).await.is_none());
        assert!(refused(&accounts(&app.database, &["deactivate", "--identifier", cast::PARENT])).starts_with("identifier: "));
        for nobody in ["nobody@example.org", "+9779999999999", ""] {
            for command in ["reset", "deactivate"] {
                assert!(refused(&accounts(&app.database, &[command, "--identifier", nobody])).starts_with("identifier: "), "{nobody}");
            }
        }
        let by_operator = |action: &str, changes: Value| json!({"action": action, "actor": null, "subjectType": "Account", "changes": changes});
        let password = json!({"field": "password", "after": "\"reset\""});
        let expected = json!([
            by_operator("accounts deactivate", json!([{"field": "active", "after": "false"}])),
            by_operator("accounts reset", json!([password, {"field": "second_factor", "after": "\"reset\""}])),
            by_operator("accounts reset", json!([password])),
        ]);
        assert_eq!(entries(&admin).await, expected);
        // They are nobody's own: others see nothing of them.
        let teacher = app.sign_in(cast::TEACHER).await;
        assert_eq!(teacher.data("{ auditEntries { totalCount } }").await["auditEntries"]["totalCount"], 0);
    }

    async fn the_secret_key_is_changed_and_nothing_is_lost(app: TestApp) {
        let (before, after) = (app.secret_key(), "the next key of this deployment, 32 and more");
        let holder = second_factor::set_up(&app, cast::HOD).await;
        let student = app.student(cast::STUDENT).await;
        // Each of the two that run side by side opens what the other sealed.
        let mixed = app.beside_with(|config| {
            config.secret_key_previous = Some(std::mem::replace(&mut config.secret_key, after.into()));
        });
        let mixed = mixed.await;
        let sent = mixed.sign_in(cast::ADMIN).await.data(&format!("{{ node(id: \"{student}\") {{ id }} }}")).await;
        let own = mixed.student(cast::STUDENT).await;
        assert_eq!(sent["node"]["id"], json!(own), "what it gives is sealed under its own key");
        assert_ne!(own, student);
        let ready = app.beside_with(|config| config.secret_key_previous = Some(after.into())).await;
        assert_eq!(ready.sign_in(cast::ADMIN).await.data(&format!("{{ node(id: \"{own}\") {{ id }} }}")).await["node"]["id"], json!(student));
        let enters = async |app: &TestApp| {
            // A code is good once, and the one of this minute was used.
            app.clock.advance(chrono::Duration::minutes(1));
            let input = json!({"identifier": cast::HOD, "password": PASSWORD});
            let payload = app.anonymous().change("signIn", &input, "challenge").await;
            let code = second_factor::code(app, &holder.secret, 0);
            second_factor::complete(app, payload["challenge"].as_str().unwrap(), &code).await
        };
        assert!(enters(&mixed).await.is_ok());
        let keys = [("SECRET_KEY", after), ("SECRET_KEY_PREVIOUS", before.as_str())];
        let unknown = [("SECRET_KEY", after)];
        assert_eq!(accounts_of(&app.database, &["reseal"], "", &unknown).status.code(), Some(1), "not without the key before");
        assert!(enters(&app).await.is_ok(), "and then nothing is sealed anew");
        assert!(done(&accounts_of(&app.database, &["reseal"], "", &keys)).contains("SECRET_KEY_PREVIOUS is not needed"));
        let alone = app.beside_with(|config| config.secret_key = after.into()).await;
        assert!(enters(&alone).await.is_ok());
        let before = [("SECRET_KEY", before.as_str())];
        assert_eq!(accounts_of(&app.database, &["reseal"], "", &before).status.code(), Some(1), "it opens nothing any more");
    }

    async fn what_is_duplicate_or_malformed_is_named_and_not_shown(app: TestApp) {
        let check = |csv: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("import.csv");
            std::fs::write(&path, csv).unwrap();
            accounts(&app.database, &["check", "--csv", path.to_str().unwrap()])
        };
        assert_eq!(done(&accounts(&app.database, &["check"])).lines().count(), 1, "what is kept is right");
        let phone = app.database.texts(&format!("SELECT phone FROM accounts WHERE email = '{}'", cast::PARENT)).await.remove(0);
        let number = app.number(&format!("SELECT id FROM accounts WHERE email = '{}'", cast::PARENT)).await;
        let csv = format!(
            "\u{feff}Name, Email ,PHONE\n\
             Ann Lee,ann@school.example,+977 981-000-0001\n\
             \"Bo\nLee\",bo@school,\n\
             Cy Lee,ANN@school.example,+9779810000001\n\
             Di Lee,,12345\n\
             Ed Lee,{},{phone}\n",
            cast::PARENT.to_uppercase()
        );
        let output = check(&csv);
        let told = text(&output.stdout);
        let end = &phone[phone.len() - 2..];
        let expected = format!(
            "line 3: e-mail b…@s…: malformed\n\
             line 5: e-mail A…@s…: the same as that of line 2\n\
             line 5: phone …01: the same as that of line 2\n\
             line 6: phone …45: malformed\n\
             line 7: e-mail P…@E…: the same as that of account {number}\n\
             line 7: phone …{end}: the same as that of account {number}\n\
             6 of 8 wrong\n"
        );
        assert_eq!((told.as_str(), output.status.code()), (expected.as_str(), Some(1)));
        assert_eq!(done(&check("email\nann@school.example\n\nbo@school.example\n")), "0 of 2 wrong\n");
        for wrong in ["", "name\nAnn\n"] {
            let output = check(wrong);
            assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(2), ""), "{wrong}");
        }
        assert_eq!(accounts(&app.database, &["check", "--csv", "/nowhere/import.csv"]).status.code(), Some(2));
        assert_eq!(accounts(&app.database, &["check", "--xml"]).status.code(), Some(2));
        let written = app.database.contents().await;
        app.database.execute(&format!("UPDATE accounts SET email = 'parent,@example.org' WHERE id = {number}")).await;
        let output = accounts(&app.database, &["check"]);
        assert_eq!((output.status.code(), text(&output.stdout).lines().next()), (Some(1), Some(&*format!("account {number}: e-mail p…@e…: malformed"))));
        app.database.execute(&format!("UPDATE accounts SET email = '{}' WHERE id = {number}", cast::PARENT)).await;
        app.database.is_as(&written, "a check").await;
        if app.backend == Backend::Sqlite {
            // Its own folding knows ASCII alone.
            app.database.execute(&format!("UPDATE accounts SET email = 'É@example.org' WHERE id = {number}")).await;
            assert_eq!(accounts(&app.database, &["check"]).status.code(), Some(1));
        }
    }
}
