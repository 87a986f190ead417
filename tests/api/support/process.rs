//! The binary as processes of their own, which may be told to stop, and be killed.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rollcall::demo::cast;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{Client, PASSWORD, TestApp, http_client, told};
use crate::commands::rollcall;

/// After how long nobody waits any more for what a test waits for: so long that nothing but a fault takes it.
const NEVER: Duration = Duration::from_mins(10);

/// A number that the command that runs the tests may set.
#[expect(clippy::disallowed_methods, reason = "how large a run is, the test command says")]
pub fn size(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

/// Waits until something is so: in the end it is never.
#[track_caller]
pub fn comes(mut is_so: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let asked = std::panic::Location::caller();
    async move {
        let began = Instant::now();
        while !is_so().await {
            assert!(began.elapsed() < NEVER, "what is waited for at {asked} never comes");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Tells a process that a test has started: SIGTERM, SIGQUIT and the others, by their names.
pub fn signal(name: &str, pid: u32) {
    let told = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap();
    assert!(told.success(), "{name} to {pid}");
}

/// Bytes that a process has in memory, and had at most.
pub fn resident(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let bytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    (bytes("VmRSS:"), bytes("VmHWM:"))
}

/// A worker of its own process.
pub struct Worker {
    child: Child,
    log: NamedTempFile,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            nothing_told(&self.told());
        }
    }
}

/// Fails where the log of a process has something of a person, or a secret.
fn nothing_told(log: &str) {
    let told = told::first_that_tells(log);
    assert!(told.is_none(), "the log tells it: {told:?}");
}

impl Worker {
    /// Works on the database of `app`, as it is configured, and delivers to the peers that `variables` name.
    pub fn start(app: &TestApp, variables: &[(&str, String)]) -> Self {
        Self::on(&app.database.url, variables)
    }

    /// Works on a database.
    pub fn on(url: &str, variables: &[(&str, String)]) -> Self {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let own = [("ENVIRONMENT", "development"), ("DATABASE_URL", url), ("LOG_LEVEL", "error")];
        let mut command = rollcall(&["worker"], &[&own, &variables[..]].concat());
        let log = NamedTempFile::new().unwrap();
        let child = command.stdin(Stdio::null()).stderr(log.reopen().unwrap()).spawn().unwrap();
        Self { child, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        signal("TERM", self.id());
    }

    /// Waits until it has ended, and says how.
    pub async fn ended(&mut self) -> ExitStatus {
        comes(async || self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }

    /// SIGKILL: it can do nothing about it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A server of its own process, on a port that was free.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            nothing_told(&self.told());
        }
    }
}

impl Server {
    /// Serves a database, and leaves the queue to others; waits until it listens.
    pub async fn on(url: &str, variables: &[(&str, String)]) -> Self {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let own = [
            ("ENVIRONMENT", "development"),
            ("DATABASE_URL", url),
            ("LISTEN_ADDR", "127.0.0.1:0"),
            ("WORKER", "false"),
            ("LOG_FORMAT", "json"),
            ("RATE_LIMIT_COST_PER_MINUTE", "0"),
            ("RATE_LIMIT_ANONYMOUS_COST_PER_MINUTE", "0"),
        ];
        let mut command = rollcall(&["serve"], &[&own, &variables[..]].concat());
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (told, kept) = (Arc::new(Mutex::new(Vec::new())), Arc::<Mutex<Vec<String>>>::default());
        let all: Arc<Mutex<Vec<String>>> = Arc::clone(&told);
        let address = tokio::task::spawn_blocking(move || {
            for line in &mut lines {
                let line = line.unwrap();
                let address = serving(&line);
                kept.lock().unwrap().push(line);
                if let Some(address) = address {
                    all.lock().unwrap().append(&mut kept.lock().unwrap());
                    // What it says later is taken as well: it must not wait for a pipe that is full.
                    std::thread::spawn(move || {
                        for line in lines.map_while(Result::ok) {
                            all.lock().unwrap().push(line);
                        }
                    });
                    return address;
                }
            }
            panic!("it does not serve: {}", kept.lock().unwrap().join("\n"));
        });
        Self { child, address: address.await.unwrap(), told }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn told(&self) -> String {
        self.told.lock().unwrap().join("\n")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn sign_in(&self, identifier: &str) -> Client {
        let query = "mutation($input: SignInInput!) { signIn(input: $input) { token userErrors { message } } }";
        let input = json!({"input": {"identifier": identifier, "password": PASSWORD}});
        let answer = Client::new(self.url("/graphql"), None).ask_with(query, input).await.ok();
        Client::new(self.url("/graphql"), Some(answer.at("/signIn/token").as_str().unwrap().to_owned()))
    }

    /// The administrator.
    pub async fn admin(&self) -> Client {
        self.sign_in(cast::ADMIN).await
    }

    /// What it says of itself to who asks whether it is ready; nothing where it does not answer.
    pub async fn ready(&self) -> Option<(u16, Value)> {
        ready(&self.url("/health/ready")).await
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        signal("TERM", self.id());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended, and says how.
    pub async fn ended(&mut self) -> ExitStatus {
        comes(async || self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }
}

/// The status and the body of an answer of health.
pub async fn ready(url: &str) -> Option<(u16, Value)> {
    let response = http_client().get(url).send().await.ok()?;
    Some((response.status().as_u16(), response.json().await.ok()?))
}

/// The address that a line of the log says is served.
fn serving(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    (fields["message"] == "serving").then(|| fields["address"].as_str().unwrap().parse().unwrap())
}
