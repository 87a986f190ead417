//! Connections to one PostgreSQL, kept for whoever wants one next.

use std::{sync::Arc, time::Duration};

use diesel_async::pooled_connection::{AsyncDieselConnectionManager, bb8};
use futures_util::FutureExt;
use tokio::time::timeout;

use super::{Cx, connector::Connector, held::Held};
use crate::{
    db::{PoolOptions, builder, manager, pool_error},
    error::{Error, Result},
    telemetry::sql::{Counts, Watch},
};

/// The pool of one server.
#[derive(Clone)]
pub struct Pool {
    kept: bb8::Pool<Cx>,
    by: Arc<Connector>,
}

impl Pool {
    /// Of the server that `url` names, which must be there.
    ///
    /// # Errors
    /// What is wrong with the URL, or why there is no connection; no password is in that.
    pub async fn open(url: &str, options: PoolOptions, statements: &Counts) -> Result<Self> {
        let by = Arc::new(Connector::new(url, options)?);
        let kept = builder(options.size, options).build(made(&by, options, statements)).await.map_err(pool_error)?;
        Ok(Self { kept, by })
    }

    /// Of one that need not be there yet: it is connected to when somebody wants a connection.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn later(url: &str, options: PoolOptions, statements: &Counts) -> Result<Self> {
        let by = Arc::new(Connector::new(url, options)?);
        let unasked = builder(options.size, options).min_idle(None::<u32>);
        Ok(Self { kept: unasked.build_unchecked(made(&by, options, statements)), by })
    }

    /// A connection, until it is dropped.
    pub async fn get(&self) -> Result<Held<'_>> {
        Ok(Held::new(self.kept.get().await?, &self.by))
    }

    /// A connection that the pool knows nothing of, where there is one within a time.
    pub async fn dedicated(&self, patience: Duration) -> Result<Cx> {
        match timeout(patience, self.kept.dedicated_connection()).await {
            Ok(connected) => connected.map_err(pool_error),
            Err(_) => Err(Error::unavailable("no connection in time")),
        }
    }

    /// What makes its connections.
    #[must_use]
    pub fn connector(&self) -> &Connector {
        &self.by
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> ::bb8::State {
        self.kept.state()
    }
}

fn made(by: &Arc<Connector>, options: PoolOptions, statements: &Counts) -> AsyncDieselConnectionManager<Cx> {
    let by = Arc::clone(by);
    let connect = move || {
        let by = Arc::clone(&by);
        async move { by.connect().await }.boxed()
    };
    manager(connect, Watch::new("postgresql", statements.clone(), options.slow), options.acquire_timeout)
}
