//! A PostgreSQL of a test's own, which lets nobody in who comes unencrypted.

use std::path::PathBuf;

use tempfile::TempDir;

use super::{
    certificates::Issued,
    own::{Server, await_line, free_port, give, unprivileged},
};

/// The password of its user `rollcall`.
pub const SECRET: &str = "hunter2-of-the-tests";

/// A server on a free port, with a certificate.
pub struct EncryptedPostgres {
    port: u16,
    _server: Server,
    _folder: TempDir,
}

#[expect(clippy::disallowed_methods, reason = "where the test command says its programs are")]
fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("ROLLCALL_TEST_POSTGRES_BIN")
        .expect("ROLLCALL_TEST_POSTGRES_BIN is not set: run the tests with `make test`");
    PathBuf::from(folder).join(name)
}

impl EncryptedPostgres {
    pub fn start(issued: &Issued) -> Self {
        let folder = tempfile::tempdir().unwrap();
        give(folder.path());
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            give(&path);
            path
        };
        let data = folder.path().join("data");
        let password = file("password", SECRET);
        let made = unprivileged(&program("initdb"))
            .args(["--username=rollcall", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"])
            .arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(&password)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let hba = file("hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256\n");
        let (certificate, key) = (file("server.pem", &issued.certificate), file("server.key", &issued.key));
        let port = free_port();
        let mut command = unprivileged(&program("postgres"));
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string()).current_dir(folder.path());
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
