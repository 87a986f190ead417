//! `PgBouncer` in front of the PostgreSQL of the test command: a pooler of transactions that knows no prepared statements.

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use reqwest::Url;
use tempfile::TempDir;

use super::{
    database::server,
    own::{Server, await_line, free_port, is_root},
};

/// One on a free port.
pub struct PgBouncer {
    port: u16,
    _server: Server,
    _folder: TempDir,
}

#[expect(clippy::disallowed_methods, reason = "where the test command says it is")]
fn program() -> PathBuf {
    let program = std::env::var_os("ROLLCALL_TEST_PGBOUNCER");
    program
        .expect("ROLLCALL_TEST_PGBOUNCER is not set: run the tests with `make test`, or see scripts/pgbouncer")
        .into()
}

impl PgBouncer {
    /// One with so many connections to each database.
    pub fn start(connections: usize) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let url = Url::parse(&server()).unwrap();
        let (host, to) = (url.host_str().unwrap(), url.port().unwrap());
        let (user, password) = (url.username(), url.password().unwrap());
        let configuration = format!(
            "[databases]\n* = host={host} port={to} user={user} password={password}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\nmax_prepared_statements = 0\ndefault_pool_size = {connections}\n\
             max_client_conn = 200\nquery_wait_timeout = 30\nlogfile =\npidfile =\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, configuration).unwrap();
        let mut command = std::process::Command::new(program());
        if is_root() {
            // It does not run as root.
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
            command.args(["-u", "nobody"]);
        }
        let (started, lines) = Server::start(command.arg(file).current_dir(std::env::temp_dir()));
        await_line(&lines, "process up");
        Self { port, _server: started, _folder: folder }
    }

    /// The same database by way of it.
    pub fn over(&self, url: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }
}
