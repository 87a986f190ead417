//! The application: built here, run here, shut down here.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use crate::{
    auth::{
        owner::Owners,
        password::Passwords,
        session::{Lifetime, Sessions},
    },
    background::Background,
    clock::Clock,
    config::{Config, Environment},
    db::{Db, PoolOptions, Pooling, reading::Reading},
    error::{Error, Result},
    graphql::{self, Api, Published, Services},
    http::{self, Connections, Console, DemoSignIn, admin},
    ids::Seal,
    jobs::{relay::Relay, wake::Wake, worker},
    live::Hub,
    messages::{self, Messages},
    openid::client::Providers,
    random::Random,
    redis::Server,
    stop::Stop,
    throttle::{InFlight, PerMinute, Throttle},
};

/// What the parts are made from that a test may set.
#[derive(Clone, Default)]
pub struct Ambient {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// The schema, where it was read before: it is the same for all that serve it.
    pub published: Option<Arc<Published>>,
}

/// Bytes of stack a thread has. Execution recurses as deep as the query is nested, and a thread whose stack overflows takes
/// the whole service with it: eight times the usual leaves the deepest query that is let in far from that.
const STACK: usize = 16 * 1024 * 1024;

/// How long what goes on in the background may go on when the process is told to stop.
const LAST_WORKS: Duration = Duration::from_secs(10);

/// The runtime that the service runs on, with a thread for each processor.
///
/// # Errors
///
/// What the operating system says where it gives no threads.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()
}

/// The seal that the configuration has the keys for.
#[must_use]
pub fn seal(config: &Config) -> Seal {
    let seal = Seal::new(config.secret_key.expose_secret());
    match &config.secret_key_previous {
        Some(previous) => seal.after(previous.expose_secret()),
        None => seal,
    }
}

/// The application, ready to serve.
pub struct App {
    config: Config,
    api: Arc<Api>,
    redis: Option<Server>,
    /// Where the operator listens.
    admin: Option<TcpListener>,
    stop: Stop,
}

impl App {
    /// Opens what the configuration names: the database, and Redis where there is one.
    ///
    /// # Errors
    /// When something cannot be opened, or migrations are pending and may not be applied here.
    pub async fn build(config: Config, ambient: Ambient) -> Result<Self> {
        let db = open_migrated(&config).await?;
        let (replicas, most_lag) = (&config.database_replica_urls, config.database_replica_max_lag);
        let db = db.with_replicas(replicas, most_lag, pool_options(&config))?;
        if !replicas.is_empty() && config.redis_url.is_none() {
            tracing::warn!(
                "there are replicas and no REDIS_URL: where there are several processes, some do not find what they have just done"
            );
        }
        let server = match &config.redis_url {
            Some(url) => Some(Server::new(url.expose_secret(), config.redis_ca_file.as_deref())?),
            None => None,
        };
        let redis = match &server {
            Some(server) => Some(server.connect().await?),
            None => None,
        };
        let lifetime = Lifetime {
            absolute: chrono::Duration::from_std(config.session_lifetime).map_err(Error::internal)?,
            idle: chrono::Duration::from_std(config.session_idle).map_err(Error::internal)?,
        };
        let sessions = Sessions::new(db.clone(), ambient.clock.clone(), ambient.random.clone(), lifetime);
        let Ambient { clock, random, published } = ambient;
        let (seal, background) = (seal(&config), Background::default());
        let wake = Wake::new(redis.clone(), &seal, background.clone());
        let hub = Hub::new(redis.clone(), &seal, config.live_buffer);
        let pushes = PerMinute::new("push", config.fcm_per_minute, clock.clone(), &seal, redis.clone());
        let messages = Messages::new(&messages_of(&config), (&clock, &seal), pushes)?;
        let throttle = Throttle::new(clock.clone(), random.clone(), seal.clone(), redis.clone(), config.rates);
        let development = config.environment == Environment::Development;
        let providers = match &config.oidc_providers {
            Some(path) => Providers::read(path, development, &clock)?,
            None => Providers::default(),
        };
        let services = Services {
            owners: Owners::new(
                db.clone(),
                clock.clone(),
                random.clone(),
                seal.clone(),
                wake.clone(),
                background.clone(),
            ),
            reading: Reading::new(db.clone(), seal.clone(), redis.clone()),
            in_flight: InFlight::new(config.max_in_flight),
            wake,
            hub,
            messages,
            background,
            db,
            patience: config.request_timeout,
            clock,
            random: random.clone(),
            seal,
            passwords: Passwords::new(random, config.password_hashes_at_once),
            sessions,
            redis,
            throttle,
            providers,
            metrics: Box::default(),
            event_days: config.event_days,
            secure_cookies: !development,
            anonymous_introspection: config.introspection_anonymous,
        };
        let options = graphql::Options {
            timeout: config.request_timeout,
            limits: config.limits,
            manifests: manifests(&config)?,
            only_kept: config.persisted_documents_only,
            // The other connections are for those who wait for an answer.
            live_at_once: usize::try_from(config.database_pool_size / 2).map_err(Error::internal)?,
            slow: config.telemetry.slow_operation,
            traced: config.telemetry.otlp_endpoint.is_some(),
        };
        let published = published.map_or_else(Published::read, Ok)?;
        let api = Box::pin(Api::new(published, services, options)).await?;
        let admin = match config.admin_addr {
            Some(address) => Some(bind(address).await?.0),
            None => None,
        };
        Ok(Self { config, api, redis: server, admin, stop: Stop::default() })
    }

    /// The API.
    #[must_use]
    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }

    /// The routes; GraphiQL offers `sign_ins`, where it is shown.
    pub fn router(&self, sign_ins: &[DemoSignIn]) -> Router {
        let options = http::Options {
            allowed_hosts: self.config.allowed_hosts.clone(),
            trusted_proxies: self.config.trusted_proxies.clone(),
            https_only: self.config.https_redirect,
            strict_transport: self.config.environment == Environment::Production,
            cors_origins: self.config.cors_origins.clone(),
            max_body_bytes: self.config.max_body_bytes,
            body_timeout: self.config.body_timeout,
            live: http::LiveLimits {
                subscriptions: self.config.max_subscriptions,
                connections: self.config.max_live_connections,
            },
            console: self.config.graphiql.then(|| Console::new(sign_ins)),
            leaving: self.stop.leaving.clone(),
        };
        http::router(Arc::clone(&self.api), options)
    }

    /// Takes the configured address.
    pub async fn listen(&self) -> Result<(TcpListener, SocketAddr)> {
        bind(self.config.listen_addr).await
    }

    /// The address that metrics are served on, where they are.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until the process is told to stop, and lets requests in flight finish, and what they have started. Where this
    /// process is to do the queue's work, it does so meanwhile.
    ///
    /// # Errors
    /// When it is told to stop a second time before all of that is done.
    pub async fn serve(mut self, listener: TcpListener, sign_ins: &[DemoSignIn]) -> Result<()> {
        let connections = self.connections();
        let (router, admin) = (self.router(sign_ins), self.admin.take());
        let relay = self.config.worker.then(|| self.relay());
        let work = async {
            if let Some(relay) = &relay {
                relay.run().await;
            }
        };
        let stopping = self.stop.stopping.clone().cancelled_owned();
        let serve: BoxFuture<'_, ()> = Box::pin(http::serve(listener, router, connections, stopping));
        let work: BoxFuture<'_, ()> = Box::pin(work);
        let watched: BoxFuture<'_, ()> = Box::pin(self.watched(admin));
        let all: BoxFuture<'_, ()> = Box::pin(async {
            tokio::select! {
                _ = async { tokio::join!(serve, work, watched) } => {}
                () = self.api.services().reading.watch() => {}
            }
        });
        self.stop.ends(self.to_the_end(all), self.config.shutdown_delay).await
    }

    /// Does the queue's work until the process is told to stop, and serves nobody but the operator.
    ///
    /// # Errors
    /// When it is told to stop a second time before what it works on is done.
    pub async fn work_until_told(mut self) -> Result<()> {
        let (relay, admin) = (self.relay(), self.admin.take());
        let all: BoxFuture<'_, ()> = Box::pin(async {
            tokio::join!(relay.run(), self.watched(admin));
        });
        // Nobody sends it requests who would have to know before.
        self.stop.ends(self.to_the_end(all), Duration::ZERO).await
    }

    /// Does `all`, hears what happens meanwhile, and finishes what was begun and nobody waits for.
    async fn to_the_end(&self, all: impl Future<Output = ()>) {
        let services = self.api.services();
        tokio::select! {
            () = all => {}
            () = services.hub.run(self.redis.as_ref(), &services.db, &services.random, self.config.live_look) => {}
        }
        self.api.finished().await;
        services.background.finish_within(LAST_WORKS).await;
    }

    /// What does the queue's work in this process, until it is told to stop.
    fn relay(&self) -> Relay {
        let stopping = self.stop.stopping.clone();
        Relay::new(self.api.services(), work_of(&self.config), self.redis.clone(), stopping)
    }

    /// How connections are taken.
    fn connections(&self) -> Connections {
        Connections {
            most: self.config.max_connections,
            header_timeout: self.config.header_timeout,
            max_header_bytes: self.config.max_header_bytes,
        }
    }

    /// Serves the operator, where there is an address for it.
    async fn watched(&self, listener: Option<TcpListener>) {
        if let Some(listener) = listener {
            admin::serve(listener, Arc::clone(&self.api), self.connections(), self.stop.clone()).await;
        }
    }
}

/// Takes an address.
async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let taken = TcpListener::bind(address).await;
    let listener = taken.map_err(|error| Error::internal(format!("{address}: {error}")))?;
    let local = listener.local_addr().map_err(Error::internal)?;
    Ok((listener, local))
}

/// How jobs are done, as configured.
#[must_use]
pub fn work_of(config: &Config) -> worker::Options {
    worker::Options { at_once: config.jobs_at_once, lease: config.job_lease, attempts: config.job_attempts }
}

/// How messages are sent, as configured.
fn messages_of(config: &Config) -> messages::Options {
    messages::Options {
        smtp: config.smtp_url.clone().zip(config.mail_from.clone()),
        gateway: config.sms_gateway_url.clone().zip(config.sms_gateway_token.clone()),
        fcm_credentials: config.fcm_credentials.clone(),
        fcm_url: config.fcm_url.clone(),
        console: config.environment == Environment::Development,
    }
}

/// Opens the configured database; the folder of an SQLite file is made where it is not there.
pub async fn open_database(config: &Config) -> Result<Db> {
    let url = config.database_url.expose_secret();
    if let Some(folder) = url.strip_prefix("sqlite:").and_then(|path| Path::new(path).parent()) {
        std::fs::create_dir_all(folder).map_err(|error| Error::internal(format!("{}: {error}", folder.display())))?;
    }
    Db::open(url, pool_options(config)).await
}

/// How the configuration wants pools made.
pub fn pool_options(config: &Config) -> PoolOptions {
    PoolOptions {
        size: config.database_pool_size,
        acquire_timeout: config.database_acquire_timeout,
        statement_timeout: config.database_statement_timeout,
        slow: config.telemetry.slow_sql,
        pooling: config.database_pooling,
    }
}

/// Opens the configured database for who needs its tables.
///
/// # Errors
/// When migrations are pending and may not be applied here.
pub async fn open_migrated(config: &Config) -> Result<Db> {
    let db = open_database(config).await?;
    require_migrated(&db, config).await?;
    Ok(db)
}

/// The URL of the configured database, for what needs sessions of its own: migrations, and what moves much at once.
///
/// # Errors
/// When there is none, for a pooler of transactions is in between.
pub fn session_url(config: &Config) -> Result<&str> {
    match &config.database_migration_url {
        Some(url) => Ok(url.expose_secret()),
        None if config.database_pooling == Pooling::Session => Ok(config.database_url.expose_secret()),
        None => Err(Error::bad_input(
            "this needs sessions of its own, and DATABASE_POOLING=transaction has none: set DATABASE_MIGRATION_URL",
        )),
    }
}

/// Opens the configured database where sessions are to be had.
pub async fn open_for_sessions(config: &Config) -> Result<Db> {
    let url = session_url(config)?.to_owned();
    open_database(&Config { database_url: url.into(), database_pooling: Pooling::Session, ..config.clone() }).await
}

/// The manifests of the documents that are kept.
fn manifests(config: &Config) -> Result<Vec<String>> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .map_err(|error| Error::internal(format!("PERSISTED_DOCUMENTS: {}: {error}", path.display())))
    };
    config.persisted_documents.iter().map(read).collect()
}

async fn require_migrated(db: &Db, config: &Config) -> Result<()> {
    let (pending, unknown) = (db.pending_migrations().await?, db.unknown_migrations().await?);
    if !unknown.is_empty() {
        tracing::warn!(unknown = unknown.join(", "), "the database is newer than this program");
    }
    if pending.is_empty() {
        return Ok(());
    }
    if !config.migrate_on_start {
        let cause = format!(
            "migrations are pending ({}): run `rollcall migrate`, or set MIGRATE_ON_START=true",
            pending.join(", ")
        );
        return Err(Error::internal(cause));
    }
    let applied = match &config.database_migration_url {
        Some(_) => open_for_sessions(config).await?.migrate().await?,
        None => db.migrate().await?,
    };
    tracing::info!(applied = applied.join(", "), "migrated");
    Ok(())
}
