//! PostgreSQL servers of a test's own: one with a replica, which may stop and start, and one that lets nobody in who comes
//! unencrypted.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use tempfile::TempDir;

use super::{
    TestDatabase,
    certificates::Issued,
    own::{Server, await_line, free_port, give, unprivileged},
};

/// The password of the encrypted one's user `rollcall`.
pub const SECRET: &str = "hunter2-of-the-tests";

/// A program of PostgreSQL's, run by somebody without rights.
#[expect(clippy::disallowed_methods, reason = "where the test command says its programs are")]
fn program(name: &str, folder: &Path) -> Command {
    let programs = std::env::var_os("ROLLCALL_TEST_POSTGRES_BIN")
        .expect("ROLLCALL_TEST_POSTGRES_BIN is not set: run the tests with `make test`");
    let mut command = unprivileged(&PathBuf::from(programs).join(name));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    give(folder.path());
    folder
}

/// Makes a server's files in `folder`.
fn init(folder: &TempDir, auth: &[&str]) -> PathBuf {
    let data = folder.path().join("data");
    run(program("initdb", folder.path())
        .args(["--username=rollcall", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"])
        .args(auth)
        .arg("--pgdata")
        .arg(&data));
    data
}

/// A server with a certificate, on a free port.
pub struct EncryptedPostgres {
    port: u16,
    _server: Server,
    _folder: TempDir,
}

impl EncryptedPostgres {
    pub fn start(issued: &Issued) -> Self {
        let folder = folder();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            give(&path);
            path
        };
        let password = file("password", SECRET);
        let data = init(&folder, &["--auth=scram-sha-256", "--pwfile", password.to_str().unwrap()]);
        let hba = file("hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256\n");
        let (certificate, key) = (file("server.pem", &issued.certificate), file("server.key", &issued.key));
        let port = free_port();
        let mut command = program("postgres", folder.path());
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        for (setting, value) in [("hba_file", hba), ("ssl_cert_file", certificate), ("ssl_key_file", key)] {
            command.arg("-c").arg(format!("{setting}={}", value.display()));
        }
        for setting in ["ssl=on", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
            command.args(["-c", setting]);
        }
        let (server, lines) = Server::start(&mut command);
        await_line(&lines, "ready to accept connections");
        Self { port, _server: server, _folder: folder }
    }

    /// Its URL by a name of its host, with these parameters.
    pub fn url(&self, host: &str, parameters: &str) -> String {
        format!("postgres://rollcall:{SECRET}@{host}:{}/postgres?{parameters}", self.port)
    }
}

/// A server on a free port of loopback, where everybody on this machine may do everything.
pub struct PostgresServer {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl PostgresServer {
    /// A new one, with nothing in it.
    pub async fn start() -> Self {
        let folder = folder();
        init(&folder, &["--auth=trust"]);
        Self::of(folder).await
    }

    /// A replica of it, which goes on with what is written to it.
    pub async fn replica(&self) -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        let mut copy = program("pg_basebackup", folder.path());
        copy.arg("-D").arg(data).args(["-d", &self.url("postgres"), "-R", "-X", "stream", "-c", "fast", "--no-sync"]);
        run(&mut copy);
        Self::of(folder).await
    }

    async fn of(folder: TempDir) -> Self {
        let mut server = Self { folder, port: free_port(), child: None };
        server.start_again().await;
        server
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://rollcall@127.0.0.1:{}/{database}", self.port)
    }

    /// One of its databases, to be asked by the test; of who asks before it stops nothing is left after.
    pub fn database(&self, name: &str) -> TestDatabase {
        TestDatabase::over(self.url(name))
    }

    /// Stops it, as an operator would: whoever is connected is told, and hung up on.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        if !told.is_ok_and(|status| status.success()) {
            let _ = child.kill();
        }
        let _ = child.wait();
    }

    pub async fn start_again(&mut self) {
        let mut server = program("postgres", self.folder.path());
        server.arg("-D").arg(self.folder.path().join("data")).args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=100",
            "wal_level=replica",
            "fsync=off",
            "full_page_writes=off",
        ] {
            server.args(["-c", setting]);
        }
        let mut child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while AsyncPgConnection::establish(&self.url("postgres")).await.is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "it ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.child = Some(child);
    }

    /// Has a replica go on no more, whatever is written to the primary.
    pub async fn pause(&self) {
        let own = self.database("postgres");
        own.execute("SELECT pg_wal_replay_pause()").await;
        while own.texts("SELECT pg_get_wal_replay_pause_state()").await != ["paused"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn resume(&self) {
        self.database("postgres").execute("SELECT pg_wal_replay_resume()").await;
    }
}
