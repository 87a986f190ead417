//! A server on loopback, on a database of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::NaiveDate;
use rollcall::{
    app::{Ambient, App, seal, work_of},
    auth::model::{Identifier, Proof},
    clock::Clock,
    config::Config,
    demo::cast,
    dispatch,
    graphql::{Api, Published},
    ids::{Kind, Seal},
    jobs::worker::Worker,
    random::Random,
    throttle::Rates,
};
use secrecy::ExposeSecret;

use super::{Backend, Client, TestDatabase, errors, of, told};

/// The day that the demonstration data is of: a Friday.
pub const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 20).unwrap();
/// The password of everybody in the data.
pub const PASSWORD: &str = "correct horse battery staple";
/// Its hash, so that filling the template need not compute one: argon2id with the service's parameters.
pub const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$sXHq8AG2YKkmLsJal1UkCg$N//Qn17gteBcvOaBjzcJA3BIUpKuE6vgBQyJx2g9swI";

/// The schema, read once for all applications of all tests.
static PUBLISHED: LazyLock<Arc<Published>> =
    LazyLock::new(|| Published::read().unwrap_or_else(|error| panic!("{}", error.report())));

/// The Redis of the test command.
#[expect(clippy::disallowed_methods, reason = "where the test command says its server is")]
pub fn redis_url() -> String {
    std::env::var("ROLLCALL_TEST_REDIS_URL")
        .expect("ROLLCALL_TEST_REDIS_URL is not set: run the tests with `make test`")
}

/// A running application.
pub struct TestApp {
    pub backend: Backend,
    pub address: SocketAddr,
    pub clock: Clock,
    pub database: Arc<TestDatabase>,
    pub api: Arc<Api>,
    pub config: Config,
    seal: Seal,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.abort();
        if !std::thread::panicking() {
            told::nothing_was_told();
        }
    }
}

impl TestApp {
    /// Starts on a copy of the demonstration institute, at noon of [`TODAY`].
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, |_| ()).await
    }

    /// The same, with the configuration changed first.
    pub async fn start_with(backend: Backend, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(backend, Arc::new(TestDatabase::filled(backend).await), change).await
    }

    /// The same on a database that is there.
    pub async fn start_on(backend: Backend, database: Arc<TestDatabase>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::demo(database.url.clone(), SocketAddr::from(([127, 0, 0, 1], 0)));
        // The clock stands still, and nothing spent comes back: only the tests of it limit what is spent.
        config.rates = Rates::default();
        config.oidc_providers = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/support/providers.json").into());
        // What the queue does, it does when a test says so: see `work`. And who subscribes hears what a test says, when it does.
        config.worker = false;
        config.live_look = Duration::from_hours(1);
        change(&mut config);
        if config.redis_url.is_some() {
            // Under a secret of its own, it does not count what other tests count in the same Redis.
            config.secret_key = Random::system().token().into();
        }
        Self::serve(backend, database, config, Clock::fixed(TODAY.and_hms_opt(12, 0, 0).unwrap())).await
    }

    /// The same by another clock: the system's, where other processes work on the same database.
    pub async fn start_at(backend: Backend, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let app = Self::start_with(backend, change).await;
        Self::serve(backend, Arc::clone(&app.database), app.config.clone(), clock).await
    }

    /// The secret that its ids are sealed with.
    pub fn secret_key(&self) -> String {
        self.config.secret_key.expose_secret().to_owned()
    }

    /// A second process's worth of application on the same database.
    pub async fn beside(&self) -> Self {
        self.beside_with(|_| ()).await
    }

    /// The same, with the configuration changed first.
    pub async fn beside_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.config.clone();
        change(&mut config);
        Self::serve(self.backend, Arc::clone(&self.database), config, self.clock.clone()).await
    }

    /// The same application, with its secret and its clock, on another database.
    pub async fn over(&self, backend: Backend, database: Arc<TestDatabase>) -> Self {
        let config = Config { database_url: database.url.clone().into(), ..self.config.clone() };
        Self::serve(backend, database, config, self.clock.clone()).await
    }

    async fn serve(backend: Backend, database: Arc<TestDatabase>, config: Config, clock: Clock) -> Self {
        told::search();
        let published = Some(Arc::clone(&PUBLISHED));
        let ambient = Ambient { clock: clock.clone(), published, ..Ambient::default() };
        let app = App::build(config.clone(), ambient).await.unwrap_or_else(|error| panic!("{}", error.report()));
        let (listener, address) = app.listen().await.unwrap_or_else(|error| panic!("{}", error.report()));
        let api = Arc::clone(app.api());
        let server = tokio::spawn(async move {
            let _ = app.serve(listener, &[]).await;
        });
        let seal = seal(&config);
        Self { backend, address, clock, database, api, config, seal, server }
    }

    /// Does what the queue has to do by now, and what that puts into it; how much it was.
    pub async fn work(&self) -> usize {
        let services = Arc::clone(self.api.services());
        services.background.finished().await;
        Worker::new(services, work_of(&self.config))
            .work_off()
            .await
            .unwrap_or_else(|error| panic!("{}", error.report()))
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A client that is nobody.
    pub fn anonymous(&self) -> Client {
        Client::new(self.url("/graphql"), None)
    }

    /// A client that is signed in, as who had their password. To compare it takes work by design; the tests of signing in do.
    pub async fn sign_in(&self, identifier: &str) -> Client {
        let services = self.api.services();
        let mut cx = services.db.write().await.unwrap_or_else(|error| panic!("{}", error.report()));
        let found = dispatch!(cx, auth::credential(&Identifier::parse(identifier))).unwrap();
        let (account, hash) = found.map(|found| (found.account_id, found.password_hash.unwrap_or_default())).unwrap();
        let proof = Proof::Password { hash, renewed: None };
        assert!(dispatch!(cx, auth::signed_in(account, (&proof, false), self.clock.now())).unwrap(), "{identifier}");
        drop(cx);
        let (_, token) = services.sessions.begin(account, &rollcall::client::Client::default()).await.unwrap();
        Client::new(self.url("/graphql"), Some(token))
    }

    /// The same by `signIn`, with the password of everybody.
    pub async fn sign_in_by_password(&self, identifier: &str) -> Client {
        let query = "mutation($input: SignInInput!) { signIn(input: $input) { token userErrors { message } } }";
        let input = serde_json::json!({"input": {"identifier": identifier, "password": PASSWORD}});
        let answer = self.anonymous().ask_with(query, input).await.ok();
        let token = answer.at("/signIn/token").as_str();
        let token = token.unwrap_or_else(|| panic!("{identifier}: {answer:?}")).to_owned();
        Client::new(self.url("/graphql"), Some(token))
    }

    /// A client with a new API key of a scope, in the schema's own name, made by the administrator.
    pub async fn api_key(&self, scope: &str) -> Client {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("{scope} {}", MADE.fetch_add(1, Ordering::Relaxed));
        let input = serde_json::json!({"name": name, "scope": scope, "expiresInDays": 30});
        let payload = self.sign_in(cast::ADMIN).await.done("createApiKey", input, "key").await;
        Client::new(self.url("/graphql"), Some(payload["key"].as_str().unwrap().to_owned()))
    }

    /// One client for each role, by name.
    pub async fn everybody(&self) -> Vec<(&'static str, Client)> {
        let mut clients = vec![("ANONYMOUS", self.anonymous())];
        for (role, identifier) in cast::BY_ROLE {
            clients.push((role, self.sign_in(identifier).await));
        }
        clients
    }

    /// What is wrong with the input of a mutation, as `field.path CODE`: it must be refused, and nothing written.
    #[track_caller]
    pub fn refused<'a>(
        &'a self,
        client: &'a Client,
        mutation: &'a str,
        input: serde_json::Value,
    ) -> impl Future<Output = Vec<String>> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let before = self.database.contents().await;
            let errors = errors(&client.change(mutation, &input, "").await);
            assert!(!errors.is_empty(), "{caller}: {mutation} was not refused: {input:#}");
            self.database.is_as(&before, &format!("{caller}: {mutation} of {input:#}")).await;
            errors
        }
    }

    /// The code with which a mutation is denied as a whole; nothing may be written.
    #[track_caller]
    pub fn denied<'a>(
        &'a self,
        client: &'a Client,
        mutation: &'a str,
        input: serde_json::Value,
    ) -> impl Future<Output = String> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let before = self.database.contents().await;
            let code = client.denied(mutation, input.clone()).await;
            self.database.is_as(&before, &format!("{caller}: {mutation} of {input:#}")).await;
            code
        }
    }

    /// The number of the one row that a query finds.
    pub async fn number(&self, query: &str) -> i64 {
        let numbers = self.database.numbers(query).await;
        assert_eq!(numbers.len(), 1, "{query}: {numbers:?}");
        numbers[0]
    }

    /// The global id of the staff member with an e-mail address.
    pub async fn staff(&self, email: &str) -> String {
        self.id_of(Kind::Staff, &of("staff", email)).await
    }

    /// The global id of the student with an e-mail address.
    pub async fn student(&self, email: &str) -> String {
        self.id_of(Kind::Student, &of("students", email)).await
    }

    /// The global id of the parent with an e-mail address.
    pub async fn parent(&self, email: &str) -> String {
        self.id_of(Kind::Parent, &of("parents", email)).await
    }

    /// The global id of the one row that a query finds.
    pub async fn id_of(&self, kind: Kind, query: &str) -> String {
        self.id(kind, self.number(query).await)
    }

    /// The global id of a row, as the service would give it.
    pub fn id(&self, kind: Kind, number: i64) -> String {
        self.seal.id(kind, number).to_string()
    }

    /// What the service seals with.
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// The row that a global id of the service's names.
    #[track_caller]
    pub fn open(&self, id: &str) -> (Kind, i64) {
        self.seal.open(id).unwrap_or_else(|| panic!("{id} is none of the service's ids"))
    }
}
