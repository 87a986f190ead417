//! The kit of the tests: an application on a database of its own, and a client per viewer.

mod app;
mod client;
mod database;
pub mod schema;
pub mod select;

pub use app::{PASSWORD, TestApp};
pub use client::{Answer, Client, errors};
pub use database::{Backend, TestDatabase, of, options};

/// Runs a test on both databases: `on_both! { async fn name(app: TestApp) { … } }`.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run($app: $crate::support::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::support::TestApp::start($crate::support::Backend::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run($crate::support::TestApp::start($crate::support::Backend::Postgres).await).await;
            }
        }
    )+};
}
