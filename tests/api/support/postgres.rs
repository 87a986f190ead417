//! A PostgreSQL of a test's own, with a replica: it may stop and start both.

use std::{
    fs::{Permissions, set_permissions},
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use tempfile::TempDir;

use super::TestDatabase;

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
        let data = folder.path().join("data");
        run(program("initdb", folder.path()).arg("-D").arg(data).args([
            "-U",
            "rollcall",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=trust",
        ]));
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
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, port, child: None };
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

    /// Ends it at once, with all who are connected.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let told = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
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

/// A folder of whoever runs the server.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if let Some((user, group)) = somebody() {
        chown(folder.path(), Some(user), Some(group)).unwrap();
    }
    set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    folder
}

/// Who runs the server where root runs the test: PostgreSQL does not run as root.
fn somebody() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let number = |field| line.split(':').nth(field)?.parse().ok();
        Some((number(2)?, number(3)?))
    };
    Some(of("postgres").or_else(|| of("nobody")).expect("a user without rights"))
}

/// A program of PostgreSQL's; Debian keeps those of servers out of `PATH`, by version.
fn program(name: &str, folder: &Path) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok());
    let path = match versions.max() {
        Some(newest) => PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin/{name}")),
        None => PathBuf::from(name),
    };
    let mut command = Command::new(path);
    command.current_dir(folder).stdin(Stdio::null());
    if let Some((user, group)) = somebody() {
        command.uid(user).gid(group);
    }
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
