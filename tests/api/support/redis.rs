//! A Redis of a test's own, which it may stop and start: it keeps nothing.

use std::{
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{certificates::Issued, own::free_port};

/// A server on a free port, without a file; without a password too, unless it is encrypted.
pub struct RedisServer {
    port: u16,
    child: Child,
    /// Where its certificate is.
    _folder: Option<TempDir>,
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RedisServer {
    pub async fn start() -> Self {
        let port = free_port();
        let server = Self { port, child: spawn(port), _folder: None };
        server.answers().await;
        server
    }

    /// The password of one that is encrypted.
    pub const SECRET: &str = "hunter2-of-redis";

    /// One that takes nothing but TLS.
    pub async fn start_encrypted(issued: &Issued) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (certificate, key) = (file("server.pem", &issued.certificate), file("server.key", &issued.key));
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port.to_string(), "--save", ""])
            .args(["--appendonly", "no", "--tls-auth-clients", "no", "--requirepass", Self::SECRET])
            .arg("--tls-cert-file")
            .arg(certificate)
            .arg("--tls-key-file")
            .arg(key)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { port, child, _folder: Some(folder) };
        while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    /// The URL of one that is encrypted, by a name of its host.
    pub fn encrypted_url(&self, host: &str) -> String {
        format!("rediss://:{}@{host}:{}/", Self::SECRET, self.port)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with nothing in it.
    pub async fn start_again(&mut self) {
        self.child = spawn(self.port);
        self.answers().await;
    }

    async fn answers(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        while client.get_multiplexed_async_connection().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn spawn(port: u16) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
