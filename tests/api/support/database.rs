//! A database of its own for each test, copied from a template that is migrated and filled once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    sync_connection_wrapper::SyncConnectionWrapper,
};
use rollcall::{
    db::{Db, PoolOptions, Pooling},
    demo,
};
use tempfile::TempDir;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, OnceCell};

use super::app::{PASSWORD_HASH, TODAY};

type Sqlite = SyncConnectionWrapper<diesel::SqliteConnection>;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// A database that is thrown away with this value.
pub struct TestDatabase {
    pub url: String,
    /// Keeps the SQLite file.
    _folder: Option<TempDir>,
    /// The PostgreSQL database to drop.
    name: Option<String>,
    /// The query that [`TestDatabase::contents`] runs.
    everything: OnceCell<String>,
    /// The test's own connection, once there is one: signing in to PostgreSQL takes longer than most queries.
    own: Mutex<Option<AsyncPgConnection>>,
    /// What [`TestDatabase::contents`] has read of a SQLite file.
    read: Mutex<Option<Contents>>,
}

/// All that is in a SQLite file, and the connection that knows whether another has written since.
struct Contents {
    cx: Sqlite,
    /// SQLite's `data_version`, of when it was read.
    version: Option<i64>,
    tables: Vec<String>,
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

static NEXT: AtomicU32 = AtomicU32::new(0);
static SQLITE_TEMPLATE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();
static POSTGRES_TEMPLATE: OnceCell<String> = OnceCell::const_new();

pub fn options() -> PoolOptions {
    PoolOptions {
        size: 4,
        acquire_timeout: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
        slow: None,
        pooling: Pooling::Session,
    }
}

impl TestDatabase {
    /// A copy of the demonstration institute.
    pub async fn filled(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let (_, template) = SQLITE_TEMPLATE.get_or_init(sqlite_template).await;
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("test.db");
                std::fs::copy(template, &path).unwrap();
                Self::at(format!("sqlite:{}", path.display()), Some(folder), None)
            }
            Backend::Postgres => {
                let template = POSTGRES_TEMPLATE.get_or_init(postgres_template).await;
                Self::create_postgres(&format!("TEMPLATE {template}")).await
            }
        }
    }

    /// The demonstration institute, made in a database of a server of the test's own.
    pub async fn filled_at(url: String) -> Self {
        fill(&url).await;
        Self::over(url)
    }

    /// A database that is there, and stays.
    pub fn over(url: String) -> Self {
        Self::at(url, None, None)
    }

    /// The demonstration institute on a server of the test's own, with which it ends: by the URL of any database there.
    pub async fn filled_on(server: &str) -> Self {
        let mut cx = AsyncPgConnection::establish(server).await.unwrap();
        cx.batch_execute("CREATE DATABASE institute").await.unwrap();
        let (base, _) = server.rsplit_once('/').expect("a URL with a database");
        Self::filled_at(format!("{base}/institute")).await
    }

    /// Whatever is asked next is asked over another connection: the server was started anew.
    pub async fn connect_anew(&self) {
        *self.own.lock().await = None;
    }

    /// An empty database, without a table.
    pub async fn empty(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                Self::at(url, Some(folder), None)
            }
            Backend::Postgres => Self::create_postgres("").await,
        }
    }

    async fn create_postgres(how: &str) -> Self {
        let name = format!("rollcall_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        as_superuser(&format!("CREATE DATABASE {name} {how}")).await;
        Self::at(url_of(&name), None, Some(name))
    }

    fn at(url: String, folder: Option<TempDir>, name: Option<String>) -> Self {
        Self { url, _folder: folder, name, everything: OnceCell::new(), own: Mutex::default(), read: Mutex::default() }
    }

    /// The test's own connection to PostgreSQL.
    async fn own(&self) -> MappedMutexGuard<'_, AsyncPgConnection> {
        let mut own = self.own.lock().await;
        if own.is_none() {
            *own = Some(AsyncPgConnection::establish(&self.url).await.unwrap());
        }
        MutexGuard::map(own, |own| own.as_mut().unwrap())
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        // A drop cannot wait for the test's own runtime. PostgreSQL looks each tenth of a second whether everybody has left, for
        // which no other test need wait; what is not dropped at the end goes with the server.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(as_superuser(&format!("DROP DATABASE {name} WITH (FORCE)")));
        });
    }
}

async fn sqlite_template() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.db");
    let url = format!("sqlite:{}", path.display());
    fill(&url).await;
    // Everything into the one file that is copied.
    let mut cx = Sqlite::establish(&path.display().to_string()).await.unwrap();
    cx.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    (folder, path)
}

async fn postgres_template() -> String {
    let name = format!("rollcall_{}_template", std::process::id());
    as_superuser(&format!("CREATE DATABASE {name}")).await;
    fill(&url_of(&name)).await;
    // A template may have no connections; the pool's close on their own time.
    as_superuser(&format!(
        "ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    name
}

async fn fill(url: &str) {
    let db = Db::open(url, options()).await.unwrap();
    db.migrate().await.unwrap();
    demo::fill(&db, &demo::Size::demo(), TODAY, PASSWORD_HASH, |_, _| ()).await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "where the test command says its server is")]
pub fn server() -> String {
    std::env::var("ROLLCALL_TEST_DATABASE_URL")
        .expect("ROLLCALL_TEST_DATABASE_URL is not set: run the tests with `make test`, which starts the servers")
}

fn url_of(database: &str) -> String {
    let server = server();
    let (base, _) = server.rsplit_once('/').expect("a URL with a database");
    format!("{base}/{database}")
}

async fn as_superuser(statements: &str) {
    let mut cx = AsyncPgConnection::establish(&server()).await.unwrap();
    for statement in statements.split("; ") {
        cx.batch_execute(statement).await.unwrap();
    }
}

/// A query for the number of a person of a table by their e-mail address.
pub fn of(table: &str, email: &str) -> String {
    format!("SELECT x.id FROM {table} x JOIN accounts a ON a.id = x.account_id WHERE a.email = '{email}'")
}

impl TestDatabase {
    /// Runs a statement as nobody in particular: to make what no mutation makes yet.
    pub async fn execute(&self, statement: &str) {
        self.try_execute(statement).await.unwrap();
    }

    /// The same where the database may refuse it.
    pub async fn try_execute(&self, statement: &str) -> diesel::QueryResult<()> {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => {
                let mut cx = Sqlite::establish(path).await.unwrap();
                cx.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON").await.unwrap();
                cx.batch_execute(statement).await
            }
            None => self.own().await.batch_execute(statement).await,
        }
    }

    /// Gives each parent a device, which is told of what they are.
    pub async fn parents_have_devices(&self) {
        self.execute(
            "INSERT INTO devices (account_id, token, platform, created_at) \
             SELECT account_id, 'token-' || id, 'ANDROID', '2026-03-20 09:00:00' FROM parents WHERE archived_at IS NULL",
        )
        .await;
    }

    /// Runs a statement on PostgreSQL in a transaction that goes on until what this returns is dropped.
    pub async fn hold(&self, statement: &str) -> AsyncPgConnection {
        let mut cx = AsyncPgConnection::establish(&self.url).await.unwrap();
        cx.batch_execute(&format!("BEGIN; {statement}")).await.unwrap();
        cx
    }

    /// The numbers that a query gives, in its order: what the answers are compared with.
    pub async fn numbers(&self, query: &str) -> Vec<i64> {
        self.rows(&format!("WITH q (n) AS ({query}) SELECT n FROM q"))
            .await
            .into_iter()
            .map(|row: Number| row.n)
            .collect()
    }

    /// The same for a text a row: several columns are joined by the query.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        #[derive(diesel::QueryableByName)]
        struct Text {
            #[diesel(sql_type = diesel::sql_types::Text)]
            t: String,
        }
        self.rows(&format!("WITH q (t) AS ({query}) SELECT t FROM q"))
            .await
            .into_iter()
            .map(|row: Text| row.t)
            .collect()
    }

    /// Everything that is in every table but `sessions`, the access log, and the times of the last sign-in and the last use,
    /// in a text for each table: two that are equal mean that nothing was written in between.
    pub async fn contents(&self) -> Vec<String> {
        let query = self.everything.get_or_init(|| self.query_for_everything()).await;
        let Some(path) = self.url.strip_prefix("sqlite:") else { return self.texts(query).await };
        let mut read = self.read.lock().await;
        if read.is_none() {
            *read = Some(Contents { cx: Sqlite::establish(path).await.unwrap(), version: None, tables: Vec::new() });
        }
        let Contents { cx, version, tables } = read.as_mut().unwrap();
        let now: Number =
            diesel::sql_query("SELECT data_version AS n FROM pragma_data_version").get_result(cx).await.unwrap();
        // It is asked again because nothing may have been written, and mostly nothing was: then it is not read again.
        if Some(now.n) != *version {
            (*version, *tables) = (Some(now.n), self.texts(query).await);
        }
        tables.clone()
    }

    /// Fails where anything was written since, and says what: the rows on SQLite, the tables on PostgreSQL.
    pub async fn is_as(&self, before: &[String], after_what: &str) {
        let now = self.contents().await;
        let lines = |tables: &[String]| -> BTreeSet<String> {
            tables.iter().flat_map(|table| table.lines()).map(str::to_owned).collect()
        };
        // Only to show: lines that read alike in two tables would hide each other.
        let differ = || lines(&now).symmetric_difference(&lines(before)).cloned().collect::<Vec<_>>();
        assert!(now == before, "{after_what} wrote something: {:#?}", differ());
    }

    async fn query_for_everything(&self) -> String {
        let columns = if self.url.starts_with("sqlite:") {
            "SELECT t.name || ' ' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
        } else {
            "SELECT c.table_name || ' ' || c.column_name FROM information_schema.columns c \
             JOIN pg_tables t ON t.tablename = c.table_name WHERE c.table_schema = 'public' AND t.schemaname = 'public'"
        };
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for column in self.texts(columns).await {
            let (table, column) = column.split_once(' ').unwrap();
            let passing = table == "sessions" || table.starts_with("access_");
            if !passing && !["last_sign_in_at", "last_used_at"].contains(&column) {
                tables.entry(table.to_owned()).or_default().push(column.to_owned());
            }
        }
        let of_table = |(table, columns): (&String, &Vec<String>)| {
            if self.url.starts_with("sqlite:") {
                let row: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
                let row = row.join(" || ',' || ");
                format!(
                    "SELECT '{table} ' || coalesce(group_concat(r, char(10)), '') FROM (SELECT {row} AS r FROM {table} ORDER BY 1)"
                )
            } else {
                let row = columns.join(", ");
                // A sum of what the rows come to: it is the same in whatever order they are.
                format!(
                    "SELECT '{table} ' || count(*) || ' ' || coalesce(sum(hash_record_extended(ROW({row}), 0)), 0) FROM {table}"
                )
            }
        };
        tables.iter().map(of_table).collect::<Vec<_>>().join(" UNION ALL ")
    }

    async fn rows<R>(&self, query: &str) -> Vec<R>
    where
        R: diesel::deserialize::QueryableByName<diesel::pg::Pg>
            + diesel::deserialize::QueryableByName<diesel::sqlite::Sqlite>
            + Send
            + 'static,
    {
        let query = diesel::sql_query(query);
        match self.url.strip_prefix("sqlite:") {
            Some(path) => query.load(&mut Sqlite::establish(path).await.unwrap()).await.unwrap(),
            None => query.load(&mut *self.own().await).await.unwrap(),
        }
    }
}
