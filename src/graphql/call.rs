//! One call of the API: who asks, and what answering may use.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use async_graphql::{Context, ID, NewType, ServerError};
use chrono::NaiveDate;
use chrono_tz::Tz;
use redis::aio::ConnectionManager;
use tokio::{
    sync::{Notify, OnceCell},
    time::timeout,
};

use super::node;
use crate::{
    access::model::{Access, AccessOutcome, Accesses},
    auth::{
        RoleSet, Scope, Viewer, key, owner::Owners, password::Passwords, session::Sessions, sign_in::SessionTransport,
    },
    background::Background,
    client::Client,
    clock::Clock,
    db::{Db, reading::Reading},
    dispatch,
    error::{Code, Error, Result},
    ids::{Kind, Seal},
    jobs::wake::Wake,
    live::Hub,
    messages::Messages,
    metrics::Metrics,
    openid::client::Providers,
    random::Random,
    read,
    throttle::{DEVICE_LIFETIME, InFlight, Place, Throttle},
};

/// What every call shares; made once.
pub struct Services {
    /// The database.
    pub db: Db,
    /// How long it may take to recognise somebody.
    pub patience: Duration,
    /// Where queries are read.
    pub reading: Reading,
    /// The time.
    pub clock: Clock,
    /// Ids and cursors.
    pub seal: Seal,
    /// Randomness.
    pub random: Random,
    /// Password hashing.
    pub passwords: Passwords,
    /// Sessions.
    pub sessions: Sessions,
    /// Redis, where there is one: what several instances share and may lose.
    pub redis: Option<ConnectionManager>,
    /// The owners of accounts, as messages reach them.
    pub owners: Owners,
    /// What goes on after an answer.
    pub background: Background,
    /// Tells workers that there is something in the queue.
    pub wake: Wake,
    /// What happens, as it happens: to whom listens.
    pub hub: Hub,
    /// How messages are sent.
    pub messages: Messages,
    /// How often and how much.
    pub throttle: Throttle,
    /// How many requests are worked on at a time.
    pub in_flight: InFlight,
    /// The OpenID providers that one may sign in with.
    pub providers: Providers,
    /// What is counted.
    pub metrics: Box<Metrics>,
    /// For how many days events, notifications and jobs that were given up are kept.
    pub event_days: i64,
    /// Whether cookies are for HTTPS only, and carry the `__Host-` prefix.
    pub secure_cookies: bool,
    /// Whether who is not signed in may read the schema by introspection.
    pub anonymous_introspection: bool,
}

/// Who sends a request, and how.
pub struct Asker {
    /// The viewer.
    pub viewer: Viewer,
    /// How they carry their session's token.
    pub transport: SessionTransport,
    /// From where.
    pub client: Client,
    /// The request, as the log and the audit know it.
    pub request_id: String,
    /// Its place among those that are worked on, held for as long as it is: also where its client has hung up.
    pub place: Option<Place>,
}

/// The id by which a filter names a row. [`Call::reached`] opens it, through the viewer's scope, and nothing else can: so no
/// filter can do without.
#[derive(Clone, Debug, NewType)]
pub struct FilterId(ID);

/// One call: made for a request, seen by all of its resolvers, never shared with another viewer.
pub struct Call {
    services: Arc<Services>,
    db: Db,
    asker: Arc<Asker>,
    scope: Scope,
    /// Whether it has written anything.
    wrote: AtomicBool,
    /// Who signed in during the call: what is asked after `signIn`, in its payload too, is asked by them.
    signed_in: OnceLock<(Viewer, Scope)>,
    tried: AtomicBool,
    zone: OnceCell<Tz>,
    budget: Budget,
    accesses: Accesses,
}

/// How many values an answer may still have. A page in a page in a page multiplies: the query is small and not deep, and
/// its answer would fill the memory.
pub struct Budget {
    left: AtomicI64,
    exhausted: Notify,
}

impl Budget {
    fn new(values: u64) -> Self {
        let values = i64::try_from(values).unwrap_or(i64::MAX);
        Self { left: AtomicI64::new(values), exhausted: Notify::new() }
    }

    fn take(&self) -> bool {
        let left = self.left.fetch_sub(1, Ordering::Relaxed) > 0;
        if !left {
            self.exhausted.notify_one();
        }
        left
    }

    /// Whether more was asked for than there may be.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.left.load(Ordering::Relaxed) < 0
    }

    /// Waits until more is asked for than there may be.
    pub async fn exhausted(&self) {
        self.exhausted.notified().await;
    }
}

impl Call {
    /// A call of `asker` that reads from `db`; its answer may have so many `values`.
    #[must_use]
    pub fn new(services: Arc<Services>, db: Db, asker: Arc<Asker>, values: u64) -> Self {
        let scope = asker.viewer.scope();
        Self {
            services,
            db,
            asker,
            scope,
            wrote: AtomicBool::default(),
            signed_in: OnceLock::new(),
            tried: AtomicBool::new(false),
            zone: OnceCell::new(),
            budget: Budget::new(values),
            accesses: Accesses::default(),
        }
    }

    /// The call that a resolver works for.
    #[must_use]
    pub fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked::<Arc<Self>>()
    }

    /// What every call shares.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The database; of a query, it may be read from a replica.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Who asks.
    #[must_use]
    pub fn viewer(&self) -> &Viewer {
        self.signed_in.get().map_or(&self.asker.viewer, |(viewer, _)| viewer)
    }

    /// The rows that who asks can ever hold.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.signed_in.get().map_or(&self.scope, |(_, scope)| scope)
    }

    /// Lets a password or a code be tried once a call: aliases must not multiply guesses.
    ///
    /// # Errors
    /// Where one was tried before.
    pub fn one_try(&self) -> Result<()> {
        let before = self.tried.swap(true, Ordering::Relaxed);
        if before { Err(Error::bad_input("one password or code a request")) } else { Ok(()) }
    }

    /// From here on, `viewer` asks: they have just proved who they are.
    pub fn sign_in(&self, viewer: Viewer) {
        let scope = viewer.scope();
        // There is one try a call, so there is nobody here yet.
        let _ = self.signed_in.set((viewer, scope));
    }

    /// How who asks carries their session's token.
    #[must_use]
    pub fn transport(&self) -> SessionTransport {
        self.asker.transport
    }

    /// From where the request comes.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.asker.client
    }

    /// The request, as the log and the audit know it.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.asker.request_id
    }

    /// The global id of a row.
    #[must_use]
    pub fn id(&self, kind: Kind, number: i64) -> ID {
        self.services.seal.id(kind, number)
    }

    /// The global ids of rows that are there no more, by number.
    #[must_use]
    pub fn ids(&self, kind: Kind, numbers: Vec<i64>) -> HashMap<i64, ID> {
        numbers.into_iter().map(|number| (number, self.id(kind, number))).collect()
    }

    /// The row that a global id in the input names. One of another type, or forged, names row 0, which does not exist:
    /// it is treated exactly as a row that is not there.
    #[must_use]
    pub fn number(&self, kind: Kind, id: &ID) -> i64 {
        self.services.seal.open_as(kind, id).unwrap_or(0)
    }

    /// The row that a filter names, if the viewer reaches it; else row 0. What a filter by a row out of scope finds must
    /// not tell that the row is there, nor what refers to it.
    pub async fn reached(&self, kind: Kind, id: Option<FilterId>) -> Result<Option<i64>> {
        let Some(FilterId(id)) = id else { return Ok(None) };
        let number = self.number(kind, &id);
        let reached = number != 0 && node::find(self, kind, number).await?.is_some();
        Ok(Some(if reached { number } else { 0 }))
    }

    /// Refuses a filter of the root's `list` by what only `roles` may read: what it leaves out would tell it to others.
    ///
    /// # Errors
    /// When the viewer holds none of `roles`.
    pub fn may_filter(&self, roles: RoleSet, list: &str, what: &str) -> Result<()> {
        if self.viewer().roles().meets(roles) {
            return Ok(());
        }
        Err(Error::forbidden(format!("Query.{list}"), format!("you may not filter {list} by {what}")))
    }

    /// Takes one value of the answer from what a call may have of them. Where nothing is left the call is being given up
    /// ([`Budget::exhausted`]); until it is, each value that is still asked for ends here.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn spend(&self) -> Result<()> {
        if self.budget.take() { Ok(()) } else { Err(Error::new(Code::LimitExceeded, "too large")) }
    }

    /// What is left to be spent.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What the call reads that is sensitive.
    #[must_use]
    pub fn accesses(&self) -> &Accesses {
        &self.accesses
    }

    /// Notes that a change was made, where it was.
    pub fn has_written(&self, something: bool) {
        self.wrote.fetch_or(something, Ordering::Relaxed);
    }

    /// Whether a change was made.
    #[must_use]
    pub fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// Records what was read that is sensitive, and what was denied, of an answer with these errors. The log has the same
    /// without the rows.
    ///
    /// # Errors
    /// When it cannot be recorded: then nothing may be answered.
    pub async fn record(&self, errors: &[ServerError]) -> Result<()> {
        let accesses = self.accesses.finish(errors);
        if accesses.is_empty() {
            return Ok(());
        }
        let (account, api_key) = (self.viewer().account_id(), self.viewer().key_id());
        for Access { outcome, type_name, field_name, row_count, .. } in &accesses {
            tracing::info!(account, api_key, outcome = outcome.as_str(), type_name, field_name, row_count, "access");
            if *outcome == AccessOutcome::Denied {
                self.services.metrics.denied(type_name);
            }
        }
        let mut cx = self.db().begin().await?;
        dispatch!(cx, access::record((account, api_key), self.request_id(), self.services.clock.now(), &accesses))?;
        cx.commit().await
    }

    /// The institute's time zone, read once a call.
    pub async fn zone(&self) -> Result<Tz> {
        let read = || async { read!(self.db(), institute::zone()) };
        self.zone.get_or_try_init(read).await.copied()
    }

    /// Today, for the institute.
    pub async fn today(&self) -> Result<NaiveDate> {
        Ok(self.services.clock.today(self.zone().await?))
    }
}

impl Services {
    /// The viewer who comes with a token, a session's or an API key; `None` where it is neither, or not any more.
    ///
    /// # Errors
    /// When the database fails, or does not answer in time.
    pub async fn viewer(&self, token: &str) -> Result<Option<Viewer>> {
        let viewer = async {
            if key::is_key(token) {
                return key::viewer(&self.db, self.clock.now(), token).await;
            }
            self.sessions.viewer(token).await
        };
        timeout(self.patience, viewer).await.map_err(|_| Error::unavailable("nobody was recognised in time"))?
    }

    /// A place among the requests that are worked on; a request that finds none is counted.
    ///
    /// # Errors
    /// When as many are worked on as may be.
    pub fn place(&self) -> Result<Place> {
        self.in_flight.take().ok_or_else(|| {
            self.metrics.overloaded();
            Error::overloaded()
        })
    }

    /// The name of the session's cookie. `__Host-` (RFC 6265bis) keeps other hosts of the domain from setting it.
    #[must_use]
    pub fn cookie_name(&self) -> &'static str {
        if self.secure_cookies { "__Host-rollcall" } else { "rollcall" }
    }

    /// The `Set-Cookie` that carries a session's token: not for scripts, not for other sites.
    #[must_use]
    pub fn cookie(&self, token: &str) -> String {
        self.set_cookie(self.cookie_name(), token, self.sessions.lifetime().absolute.num_seconds())
    }

    /// The `Set-Cookie` that takes the session's cookie back.
    #[must_use]
    pub fn expired_cookie(&self) -> String {
        self.set_cookie(self.cookie_name(), "", 0)
    }

    /// The name of the cookie that a device is known by.
    #[must_use]
    pub fn device_cookie_name(&self) -> &'static str {
        if self.secure_cookies { "__Host-rollcall-device" } else { "rollcall-device" }
    }

    /// The `Set-Cookie` that carries what a device is known by. It signs nobody in.
    #[must_use]
    pub fn device_cookie(&self, device: &str) -> String {
        self.set_cookie(self.device_cookie_name(), device, DEVICE_LIFETIME.num_seconds())
    }

    fn set_cookie(&self, name: &str, value: &str, max_age: i64) -> String {
        let secure = if self.secure_cookies { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}")
    }
}
