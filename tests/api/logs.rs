//! What the service writes to its log, at its most talkative: nothing of a person, and no secret.

use std::{
    fs::File,
    process::{Child, Command},
    time::Duration,
};

use data_encoding::BASE32_NOPAD;
use rollcall::{auth::totp, clock::Clock, demo::cast};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::{Backend, Client, PASSWORD, TestDatabase};

/// A server of its own process, and what it has written so far.
pub struct Server {
    pub child: Child,
    log: NamedTempFile,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn start(database: &TestDatabase, more: &[(&str, &str)]) -> Self {
        let log = NamedTempFile::new().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rollcall"))
            .arg("serve")
            .env_clear()
            .envs([
                ("ENVIRONMENT", "development"),
                ("DATABASE_URL", database.url.as_str()),
                ("LISTEN_ADDR", "127.0.0.1:0"),
                ("LOG_FORMAT", "json"),
                ("LOG_LEVEL", "rollcall=trace,tower_http=trace,info"),
            ])
            .envs(more.iter().copied())
            .current_dir(std::env::temp_dir())
            .stderr(File::create(log.path()).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    pub fn written(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Where it serves, once it says so.
    pub async fn url(&mut self) -> String {
        loop {
            let written = self.written();
            let mut lines = written.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let address = lines.find_map(|line| Some(line["fields"]["address"].as_str()?.to_owned()));
            if let Some(address) = address {
                return format!("http://{address}/graphql");
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it has ended: {written}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What the data has of persons, none of which is to be told to whoever runs the service.
pub async fn of_persons(database: &TestDatabase) -> Vec<String> {
    let mut told = Vec::new();
    for query in [
        "SELECT name FROM parents UNION SELECT name FROM students",
        "SELECT phone FROM accounts WHERE phone IS NOT NULL",
        "SELECT email FROM accounts WHERE email IS NOT NULL",
        "SELECT citizenship_number FROM students WHERE citizenship_number IS NOT NULL",
    ] {
        told.extend(database.texts(query).await);
    }
    told
}

pub async fn sign_in(url: &str, identifier: &str, password: &str) -> Option<Client> {
    let query = "mutation($input: SignInInput!) { signIn(input: $input) { token } }";
    let input = json!({"input": {"identifier": identifier, "password": password}});
    let answer = Client::new(url.to_owned(), None).ask_with(query, input).await.ok();
    let token = answer.at("/signIn/token").as_str()?.to_owned();
    Some(Client::new(url.to_owned(), Some(token)))
}

/// Sets a second factor up, and signs in and fails by it: the session as it goes on, and what of it must not be told.
async fn second_factor(url: &str, client: &Client) -> (Client, Vec<String>) {
    let begun = client.done("beginSecondFactor", json!({"currentPassword": PASSWORD}), "secret uri").await;
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let shared: totp::Secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap().try_into().unwrap();
    let code = totp::code(&shared, totp::step_at(Clock::system().now()));
    let confirmed = client.done("confirmSecondFactor", json!({"code": code}), "recoveryCodes token").await;
    let recovery: Vec<String> = serde_json::from_value(confirmed["recoveryCodes"].clone()).unwrap();
    let anybody = Client::new(url.to_owned(), None);
    let input = json!({"identifier": cast::ADMIN, "password": PASSWORD});
    let challenge = anybody.change("signIn", &input, "challenge").await["challenge"].as_str().unwrap().to_owned();
    for tried in ["guess-of-a-code", &recovery[0]] {
        anybody.change("completeSignIn", &json!({"challenge": challenge, "code": tried}), "token").await;
    }
    // Six digits may be in any number: what was typed as a code stands for them.
    let token = confirmed["token"].as_str().unwrap().to_owned();
    let client = Client::new(url.to_owned(), Some(token.clone()));
    (client, [secret, token, challenge, "guess-of-a-code".to_owned()].into_iter().chain(recovery).collect())
}

/// Everything that the log must not tell: who wrote what under no name, whoever they are, and how they came in.
async fn the_log_tells_nothing_of_a_person(backend: Backend) {
    let database = TestDatabase::filled(backend).await;
    let mut server = Server::start(&database, &[]);
    let url = server.url().await;
    let mut secrets = vec![PASSWORD.to_owned(), "a wrong guess".to_owned()];

    assert!(sign_in(&url, cast::PARENT, "a wrong guess").await.is_none());
    for who in [cast::STUDENT, cast::PARENT, cast::TEACHER] {
        let client = sign_in(&url, who, PASSWORD).await.unwrap();
        let message = format!("the roof leaks, says {who}");
        let rating =
            json!({"type": "FACILITIES", "rating": 2.0, "message": message, "anonymous": true, "public": true});
        client.done("rateInstitute", rating, "feedback { id }").await;
        client.data("{ instituteFeedback { edges { node { mine authorName message } } } }").await;
        // Denied, and so recorded.
        client.ask("{ students(first: 1) { edges { node { citizenshipNumber phone archivedAt } } } }").await;
        client.ask("{ nonsense(name: \"the roof leaks\") }").await;
        secrets.extend([message, who.to_owned(), client.token.clone().unwrap()]);
    }
    let admin = sign_in(&url, cast::ADMIN, PASSWORD).await.unwrap();
    let (admin, told) = second_factor(&url, &admin).await;
    secrets.extend(told);
    admin.data("{ instituteFeedback { edges { node { authorName } } } accessEntries { totalCount } auditEntries { totalCount } }").await;
    admin.data("{ parents(first: 100) { edges { node { name phone email } } } }").await;
    secrets.extend(of_persons(&database).await);

    let written = server.written();
    assert!(written.contains("citizenshipNumber"), "it is talkative: {written}");
    let told: Vec<&String> = secrets.iter().filter(|secret| written.contains(*secret)).collect();
    assert!(told.is_empty(), "{told:?} in {written}");
    // Nor does it say who did what: by that, what stands under no name would have one.
    for word in ["rateInstitute", "instituteFeedback", "FACILITIES"] {
        assert!(!written.contains(word), "{word} in {written}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_nothing_of_a_person_on_sqlite() {
    the_log_tells_nothing_of_a_person(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_nothing_of_a_person_on_postgres() {
    the_log_tells_nothing_of_a_person(Backend::Postgres).await;
}
