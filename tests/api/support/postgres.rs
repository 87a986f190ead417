//! A PostgreSQL of a test's own, which it may stop and start.

use std::{
    io::Write,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use rollcall::random::Random;
use tempfile::TempDir;

use super::process::{comes, signal};

/// A server on a free port, with a password of its own.
pub struct PostgresServer {
    folder: TempDir,
    port: u16,
    password: String,
    child: Child,
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal("QUIT", self.child.id());
            let _ = self.child.wait();
        }
    }
}

/// A program of the newest PostgreSQL, which Debian keeps out of `PATH`; it does not run as root.
fn program(name: &str) -> Command {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = installed.map(|entry| entry.path()).filter(|path| version(path).is_some()).max_by_key(version);
    let path = newest.map_or_else(|| name.into(), |newest| newest.join("bin").join(name));
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(path);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

impl PostgresServer {
    pub async fn start() -> Self {
        let (folder, password) = (tempfile::tempdir().unwrap(), Random::system().token());
        let file = folder.path().join("password");
        std::fs::File::create(&file).unwrap().write_all(password.as_bytes()).unwrap();
        if is_root() {
            let owned = Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status().unwrap();
            assert!(owned.success());
        }
        let made = program("initdb")
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-U", "rollcall", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"])
            .arg(format!("--pwfile={}", file.display()))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let child = spawn(&folder, port);
        let server = Self { folder, port, password, child };
        server.answers().await;
        server
    }

    /// The URL of a database of it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://rollcall:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Stops it, as an operator would: whoever is connected is told, and hung up on.
    pub fn stop(&mut self) {
        signal("INT", self.child.id());
        self.child.wait().unwrap();
    }

    pub async fn start_again(&mut self) {
        self.child = spawn(&self.folder, self.port);
        self.answers().await;
    }

    async fn answers(&self) {
        let url = self.url("postgres");
        comes(async || AsyncPgConnection::establish(&url).await.is_ok()).await;
    }
}

fn spawn(folder: &TempDir, port: u16) -> Child {
    let mut command = program("postgres");
    command.arg("-D").arg(folder.path().join("data")).args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=60",
        "shared_buffers=32MB",
        // It is stopped, and the machine is not.
        "fsync=off",
        "synchronous_commit=off",
    ] {
        command.args(["-c", setting]);
    }
    command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
