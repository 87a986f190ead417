//! Connections: how many there are, how long each may be unused, and how large a request's head may be.
//!
//! hyper's own timer for the head of a request begins when it knows which version of HTTP is spoken, and there is none for
//! HTTP/2. So a connection is also watched from here: without a request for so long, whatever it does instead, it is closed.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    serve::Listener,
};
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

/// How connections are taken.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Open ones at most; further ones wait to be accepted.
    pub most: usize,
    /// How long one may be without a request, or with half the head of one.
    pub header_timeout: Duration,
    /// Bytes of a request's head at most; 8192 or more.
    pub max_header_bytes: usize,
}

impl Connections {
    fn builder(self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        let mut http1 = builder.http1();
        http1.timer(TokioTimer::new()).header_read_timeout(self.header_timeout).max_buf_size(self.max_header_bytes);
        builder.http2().max_header_list_size(u32::try_from(self.max_header_bytes).unwrap_or(u32::MAX));
        builder
    }
}

/// Serves `router` on `listener` until `stop`; then requests under way are still answered.
///
/// Each request has the [`ConnectInfo`] of its peer. What a request may take once its head is there is bounded elsewhere.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    connections: Connections,
    stop: impl Future<Output = ()>,
) {
    let builder = Arc::new(connections.builder());
    let places = Arc::new(Semaphore::new(connections.most));
    let (stopping, _) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place.ok().map(Arc::new), Listener::accept(&mut listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let connection = Connection {
            peer,
            router: TowerToHyperService::new(router.clone()),
            builder: Arc::clone(&builder),
            patience: connections.header_timeout,
            place,
            stopping: stopping.subscribe(),
        };
        tokio::spawn(connection.attend(stream));
    }
    drop(listener);
    stopping.send_replace(true);
    stopping.closed().await;
}

/// What serving a connection takes.
struct Connection {
    peer: SocketAddr,
    router: TowerToHyperService<Router>,
    builder: Arc<Builder<TokioExecutor>>,
    patience: Duration,
    place: Option<Arc<OwnedSemaphorePermit>>,
    stopping: watch::Receiver<bool>,
}

/// What a request's handler keeps of its connection, where something goes on after the answer: its place, the word that the
/// service is to stop, which waits for it to be dropped, and what tells that the connection is in use.
#[derive(Clone)]
pub struct Hold {
    stopping: watch::Receiver<bool>,
    requests: watch::Sender<usize>,
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

impl Hold {
    /// Waits until the service is to stop.
    pub async fn stopped(&mut self) {
        // Where nobody can say so any more, it has stopped.
        let _ = self.stopping.wait_for(|stopping| *stopping).await;
    }

    /// Keeps the connection in use.
    #[must_use]
    pub fn busy(&self) -> UnderWay {
        UnderWay::begin(&self.requests)
    }
}

impl Connection {
    async fn attend(self, stream: TcpStream) {
        let Self { peer, router, builder, patience, place, mut stopping } = self;
        // Answers are small and a client waits for each: do not hold them back to fill a packet.
        let _ = stream.set_nodelay(true);
        let requests = watch::Sender::new(0);
        let hold = Hold { stopping: stopping.clone(), requests: requests.clone(), _place: place };
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(hold.clone());
            let under_way = hold.busy();
            let answer = router.call(request);
            async move {
                let answer = answer.await;
                drop(under_way);
                answer
            }
        });
        let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        tokio::select! {
            // How it ended is the client's doing, and nobody's news.
            _ = connection.as_mut() => return,
            () = unused(requests.subscribe(), patience) => {}
            () = async { let _ = stopping.wait_for(|stopping| *stopping).await; } => {}
        }
        // No further request. An answer that is being written gets as long again, and a request under way until it is answered.
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection => {}
            () = unused(requests.subscribe(), patience) => {}
        }
    }
}

/// A request that is counted until it is answered, or given up.
pub struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn begin(requests: &watch::Sender<usize>) -> Self {
        requests.send_modify(|requests| *requests += 1);
        Self(requests.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|requests| *requests -= 1);
    }
}

/// Waits until there has been no request for so long.
async fn unused(mut requests: watch::Receiver<usize>, patience: Duration) {
    loop {
        let none = requests.wait_for(|requests| *requests == 0).await.is_ok();
        if !none || timeout(patience, requests.changed()).await.is_err() {
            return;
        }
    }
}
