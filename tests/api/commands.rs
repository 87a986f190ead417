//! The commands of the binary, as an operator runs them.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    support::{Backend, Client, TestDatabase, http_client},
    visible::{expected, outline},
};

/// The binary, with no configuration but what is given.
pub fn rollcall(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command.args(arguments).env_clear().envs(variables.iter().copied()).current_dir(std::env::temp_dir());
    command
}

pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    rollcall(arguments, variables).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_wrong_configuration_is_told_whole_and_exits_with_2() {
    let output = run(
        &["serve"],
        &[("DATABASE_URL", "mysql://root:hunter2@db"), ("LISTEN_ADDR", "here"), ("SECRET_KEY", "short")],
    );
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    for variable in ["DATABASE_URL", "LISTEN_ADDR", "SECRET_KEY", "ALLOWED_HOSTS"] {
        assert!(told.contains(variable), "{variable} in {told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn the_schema_is_printed_whole_or_as_a_role_sees_it() {
    let printed = |arguments: &[&str]| text(&run(&[&["schema"], arguments].concat(), &[]).stdout);
    assert_eq!(printed(&[]), include_str!("../../schema.graphql"));
    for role in ["ADMIN", "HOD", "ADMISSION", "STAFF", "STUDENT", "PARENT"] {
        let seen = printed(&["--role", &role.to_lowercase()]);
        assert_eq!(outline(&seen), expected(&[role, "SELF"]), "{role}");
    }
    assert_eq!(outline(&printed(&["--role", "reporting"])), expected(&["REPORTING"]), "a key is nobody's self");
    assert_eq!(outline(&printed(&["--role", "anonymous"])), expected(&["ANONYMOUS"]));
    let both = printed(&["--role", "staff,parent"]);
    assert_eq!(outline(&both), expected(&["STAFF", "PARENT", "SELF"]));
    assert_eq!(printed(&["--role", "parent", "--role", "staff"]), both);

    let refused = run(&["schema", "--role", "boss"], &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("ADMISSION"), "it says which there are: {}", text(&refused.stderr));
}

#[test]
fn the_demo_binds_loopback_only() {
    let output = run(&["demo", "--listen", "0.0.0.0:0"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("loopback"));
}

#[test]
fn the_demo_touches_no_database_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = format!("sqlite:{}", folder.path().join("foreign.db").display());
    let mut command = rollcall(&["demo", "--json", "--listen", "127.0.0.1:0"], &[("DATABASE_URL", &foreign)]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let _running = Running(child);
    assert!(BufReader::new(stdout).lines().next().unwrap().unwrap().contains("signIns"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Ends the process that a test started.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_says_where_it_is_and_signs_every_role_in() {
    let mut child =
        rollcall(&["demo", "--json", "--listen", "127.0.0.1:0"], &[]).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let _running = Running(child);
    let line =
        tokio::task::spawn_blocking(move || BufReader::new(stdout).lines().next().unwrap().unwrap()).await.unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let url = said["url"].as_str().unwrap().to_owned();
    let sign_ins = said["signIns"].as_array().unwrap();
    let mut roles: Vec<&str> = sign_ins.iter().map(|sign_in| sign_in["role"].as_str().unwrap()).collect();
    roles.sort_unstable();
    assert_eq!(roles, ["ADMIN", "ADMISSION", "HOD", "PARENT", "STAFF", "STUDENT"]);
    for sign_in in sign_ins {
        let input = json!({"input": {"identifier": sign_in["identifier"], "password": sign_in["password"]}});
        let query =
            "mutation($input: SignInInput!) { signIn(input: $input) { viewer { roles } userErrors { message } } }";
        let answer = Client::new(url.clone(), None).ask_with(query, input).await.ok();
        let held = answer.at("/signIn/viewer/roles").as_array().unwrap();
        assert!(held.contains(&sign_in["role"]), "{sign_in} holds {held:?}");
    }
    let page = http_client().get(said["graphiql"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("id=\"demo\""), "the page offers the sign-ins");
}

async fn migrate_is_a_step_that_serve_waits_for(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let variables = [
        ("ENVIRONMENT", "development"),
        ("DATABASE_URL", database.url.as_str()),
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("MIGRATE_ON_START", "false"),
    ];
    let refused = run(&["serve"], &variables);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("rollcall migrate"), "{}", text(&refused.stderr));
    let pending = text(&run(&["migrate", "--status"], &variables).stdout);
    let applied = text(&run(&["migrate"], &variables).stdout);
    assert_eq!(pending.replace("pending", "applied"), applied);
    assert!(applied.lines().count() >= 4, "{applied}");
    assert_eq!(text(&run(&["migrate"], &variables).stdout), "nothing applied\n");

    let seeded = run(&["seed", "--students", "60", "--days", "3", "--password", "for a test"], &variables);
    assert!(seeded.status.success(), "{}", text(&seeded.stderr));
    assert!(text(&seeded.stdout).contains("Parent: "));
    let again = run(&["seed", "--students", "60", "--days", "3", "--password", "for a test"], &variables);
    assert_eq!(again.status.code(), Some(1), "data is not written over data");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_is_a_step_that_serve_waits_for_on_sqlite() {
    migrate_is_a_step_that_serve_waits_for(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_is_a_step_that_serve_waits_for_on_postgres() {
    migrate_is_a_step_that_serve_waits_for(Backend::Postgres).await;
}
