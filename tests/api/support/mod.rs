//! The kit of the tests: an application on a database of its own, and a client per viewer.

mod app;
mod certificates;
mod client;
mod database;
mod fcm;
mod heard;
mod live;
pub mod making;
mod own;
mod peers;
mod pgbouncer;
mod postgres;
pub mod process;
pub mod provider;
pub mod proxy;
mod redis;
pub mod schema;
pub mod select;
mod told;

pub use app::{PASSWORD, TestApp, redis_url};
pub use certificates::Authority;
pub use client::{Answer, Client, errors, http_builder, http_client, session_cookie};
pub use database::{Backend, TestDatabase, of, options};
pub use fcm::{FakeFcm, Refusal};
pub use heard::{Heard, Seen};
pub use live::{Events, Said, Socket};
pub use own::free_port;
pub use peers::{Fault, Mail, Peers};
pub use pgbouncer::PgBouncer;
pub use postgres::{EncryptedPostgres, PostgresServer, SECRET as POSTGRES_SECRET};
pub use redis::RedisServer;

/// Runs a test on both databases: `on_both! { async fn name(app: TestApp) { … } }`.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run($app: $crate::support::TestApp) $body

            #[test]
            fn sqlite() {
                $crate::support::on($crate::support::Backend::Sqlite, run);
            }

            #[test]
            fn postgres() {
                $crate::support::on($crate::support::Backend::Postgres, run);
            }
        }
    )+};
}

/// Runs a test on one of the databases, in the runtime that the service has.
pub fn on<R: Future<Output = ()>>(backend: Backend, run: impl FnOnce(TestApp) -> R) {
    let runtime = rollcall::app::runtime().unwrap();
    // The test itself is no task of the runtime's and has a small stack: on it a box only.
    runtime.block_on(Box::pin(async { run(TestApp::start(backend).await).await }));
}
