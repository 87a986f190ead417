//! A way to a server, which may be cut, closed, blocked and made slow.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, watch},
    task::{JoinHandle, JoinSet},
};

/// How the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Who comes is hung up on.
    Closed,
    /// Nothing passes, and nobody is told.
    Blocked,
    /// Each packet takes so long.
    Slow(Duration),
}

/// A way on loopback to what a URL names.
pub struct Proxy {
    url: String,
    way: watch::Sender<Way>,
    connections: Arc<Mutex<JoinSet<()>>>,
    server: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Proxy {
    pub async fn before(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (credentials, rest) = rest.rsplit_once('@').map_or(("", rest), |(credentials, rest)| (credentials, rest));
        let (target, path) = rest.split_once('/').map_or((rest, ""), |(target, path)| (target, path));
        let target: SocketAddr = target.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let at = if credentials.is_empty() { "" } else { "@" };
        let url = format!("{scheme}://{credentials}{at}{address}/{path}");
        let (way, connections) = (watch::Sender::new(Way::Open), Arc::<Mutex<JoinSet<()>>>::default());
        let (seen, all) = (way.subscribe(), Arc::clone(&connections));
        let server = tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let mut all = all.lock().await;
                while all.try_join_next().is_some() {}
                if *seen.borrow() != Way::Closed {
                    all.spawn(lead(from, target, seen.clone()));
                }
            }
        });
        Self { url, way, connections, server }
    }

    /// The URL of the same by this way.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Ends every connection that there is; others may be made.
    pub async fn cut(&self) {
        self.connections.lock().await.shutdown().await;
    }

    /// Ends every connection that there is, and each that is made.
    pub async fn close(&self) {
        self.way.send_replace(Way::Closed);
        self.cut().await;
    }

    /// Lets nothing pass, as where packets vanish: connections stay, and new ones are made, to nobody.
    pub fn block(&self) {
        self.way.send_replace(Way::Blocked);
    }

    pub fn slow(&self, by: Duration) {
        self.way.send_replace(Way::Slow(by));
    }

    /// Lets everything pass again, also what has waited.
    pub fn open(&self) {
        self.way.send_replace(Way::Open);
    }
}

async fn lead(from: TcpStream, target: SocketAddr, way: watch::Receiver<Way>) {
    let Ok(to) = TcpStream::connect(target).await else { return };
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    let ((from, answer), (reply, to)) = (from.into_split(), to.into_split());
    // Whoever of the two ends, ends the other.
    tokio::select! {
        () = carry(from, to, way.clone()) => {}
        () = carry(reply, answer, way) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut packet = vec![0; 64 * 1024];
    loop {
        let Ok(length @ 1..) = from.read(&mut packet).await else { return };
        let Ok(slow) = way.wait_for(|way| *way != Way::Blocked).await.map(|way| *way) else { return };
        if let Way::Slow(by) = slow {
            tokio::time::sleep(by).await;
        }
        if to.write_all(&packet[..length]).await.is_err() {
            return;
        }
    }
}
