//! Every field is kept by what is stated for it: shown of a schema with every way to forget that, and of the real one.

use std::{collections::HashMap, net::SocketAddr, path::Path, sync::Arc};

use async_graphql::{EmptySubscription, Interface, MergedObject, Object, Request, Schema, SimpleObject, Union, value};
use chrono::NaiveDate;
use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _, sql_query,
    sql_types,
};
use tempfile::TempDir;

use super::{
    probe::{Findings, probe},
    *,
};
use crate::{
    app::{Ambient, App, open_database},
    auth::{Viewer, sets::ANYONE, sign_in::SessionTransport},
    client::Client,
    clock::Clock,
    config::Config,
    demo::{self, Size},
    events::model::{EventKind, Topic},
    graphql::{Asker, Described, Services, moment::Moment, schema},
    ids::Kind,
    live::Happened,
};

/// The demonstration institute, and a session of its ADMIN's.
struct Institute {
    services: Arc<Services>,
    admin: Viewer,
    rows: HashMap<String, i64>,
    _folder: TempDir,
}

/// The hash of no password that anybody knows: only that it is wrong is to be found out.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

/// Somebody has read something.
const ACCESS: &str = "INSERT INTO access_entries (at, account_id, outcome, type_name, field_name, row_count, request_id) \
    VALUES ('2026-03-20 09:00:00', 1, 'READ', 'Student', 'citizenshipNo', 1, 'probe')";

/// The ADMIN is somebody at a provider.
const IDENTITY: &str = "INSERT INTO identities (account_id, issuer, subject, created_at, last_used_at) \
    VALUES (1, 'https://accounts.example.org', 'probe', '2026-03-20 09:00:00', '2026-03-20 09:00:00')";

/// What comes of the queue: a job, an export, and a notification.
const TOLD: &str = "INSERT INTO jobs (id, key, kind, priority, payload, due_at, created_at) \
        VALUES (1, 'one', 'CLEAN_UP', 2, '{}', '2026-03-20 09:00:00', '2026-03-20 09:00:00'); \
    INSERT INTO exports (id, account_id, course_id, first_day, last_day, created_at) \
        VALUES (1, 1, 1, '2026-03-01', '2026-03-20', '2026-03-20 09:00:00'); \
    INSERT INTO events (id, kind, subject_id, at) VALUES (1, 'NOTICE_PUBLISHED', 1, '2026-03-20 09:00:00'); \
    INSERT INTO notifications (id, account_id, event_id, at) VALUES (1, 1, 1, '2026-03-20 09:00:00')";

/// The rows of the types whose first one, of that number, is not there or does not lead to every type.
const ROWS: &str = "SELECT 'TeacherFeedback' AS type_name, MIN(id) AS id FROM teacher_feedback \
    UNION ALL SELECT 'InstituteFeedback', MIN(id) FROM institute_feedback \
    UNION ALL SELECT 'Student', MIN(student_id) FROM attendance_records \
    UNION ALL SELECT 'AttendanceSession', MIN(session_id) FROM attendance_records \
    UNION ALL SELECT 'AttendanceRecord', MIN(record.id) FROM attendance_records record \
        JOIN attendance_corrections correction USING (session_id, student_id)";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    type_name: String,
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

/// Adds to the demonstration data what it lacks; the rows to ask for.
fn rows(database: &Path) -> HashMap<String, i64> {
    let mut cx = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    cx.batch_execute(ACCESS).unwrap();
    cx.batch_execute(IDENTITY).unwrap();
    cx.batch_execute(TOLD).unwrap();
    let rows: Vec<Row> = sql_query(ROWS).load(&mut cx).unwrap();
    rows.into_iter().map(|row| (row.type_name, row.id)).collect()
}

impl Institute {
    async fn open() -> Result<Self> {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("probe.db");
        let url = format!("sqlite:{}", database.display());
        let mut config = Config::demo(url, SocketAddr::from(([127, 0, 0, 1], 0)));
        config.oidc_providers = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/support/providers.json").into());
        let today = NaiveDate::from_ymd_opt(2026, 3, 20).unwrap();
        let db = open_database(&config).await?;
        db.migrate().await?;
        demo::fill(&db, &Size::of(60, 5), today, HASH, |_, _| ()).await?;
        let rows = rows(&database);
        let clock = Clock::fixed(today.and_hms_opt(12, 0, 0).unwrap());
        let app = App::build(config, Ambient { clock, ..Ambient::default() }).await?;
        let services = Arc::clone(app.api().services());
        let (_, token) = services.sessions.begin(1, &Client::default()).await?;
        let admin = services.sessions.viewer(&token).await?.unwrap();
        assert!(admin.roles().has(Role::Admin));
        Ok(Self { services, admin, rows, _folder: folder })
    }

    fn call(&self, viewer: &Viewer) -> Call {
        let (viewer, client) = (viewer.clone(), Client::default());
        let (transport, request_id) = (SessionTransport::default(), "probe".to_owned());
        let asker = Arc::new(Asker { viewer, transport, client, request_id, place: None });
        Call::new(Arc::clone(&self.services), self.services.db.clone(), asker, 50_000)
    }

    /// What a subscription is to tell of, to the ADMIN.
    fn happened(&self, document: &str) -> Moment {
        let marked = document.contains("attendanceMarked");
        Moment::Event(Arc::new(Happened {
            position: 1,
            at: self.services.clock.now(),
            told_at: self.services.clock.now(),
            kind: EventKind::NoticePublished,
            subject: if marked { self.rows["AttendanceSession"] } else { 1 },
            student: None,
            topics: vec![Topic::Account(1).text()],
        }))
    }

    /// The global id of a row of a type; of any type that has one where an interface is asked for.
    fn id(&self, type_name: &str) -> Option<String> {
        let type_name = if type_name == "Node" { "Student" } else { type_name };
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == type_name)?;
        Some(self.services.seal.id(kind, self.rows.get(type_name).copied().unwrap_or(1)).to_string())
    }
}

async fn institute() -> Institute {
    Box::pin(Institute::open()).await.unwrap_or_else(|error| panic!("{}", error.report()))
}

/// As every object is to be, but for a field of which nothing is said.
#[derive(SimpleObject, Clone, Default)]
#[graphql(guard = "stated(self)")]
struct Kept {
    #[graphql(directive = auth::apply(ANYONE))]
    id: i32,
    forgotten: i32,
}

impl Stated for Kept {}

/// Without the guard: what it states is nothing but words.
#[derive(SimpleObject, Clone, Default)]
struct Unkept {
    #[graphql(directive = auth::apply(ANYONE))]
    id: i32,
}

/// The guard of a field takes the place of the object's.
#[derive(SimpleObject, Clone, Default)]
#[graphql(guard = "stated(self)")]
struct Mixed {
    #[graphql(directive = auth::apply(ANYONE))]
    kept: i32,
    #[graphql(directive = auth::apply(ANYONE), guard = "anybody")]
    own: i32,
}

impl Stated for Mixed {}

#[expect(clippy::unnecessary_wraps, reason = "a guard")]
fn anybody(_: &Context<'_>) -> async_graphql::Result<()> {
    Ok(())
}

#[derive(Interface)]
#[graphql(field(name = "id", ty = "&i32"))]
enum Numbered {
    Kept(Kept),
    Unkept(Unkept),
}

#[derive(Union)]
enum Found {
    Kept(Kept),
    Mixed(Mixed),
}

#[derive(Default)]
struct KeptPart;

#[Object(guard = "root(\"Query\")")]
impl KeptPart {
    #[graphql(directive = auth::apply(ANYONE))]
    async fn kept(&self) -> Kept {
        Kept::default()
    }

    #[graphql(directive = auth::apply(ANYONE))]
    async fn numbered(&self) -> Numbered {
        Kept::default().into()
    }

    #[graphql(directive = auth::apply(ANYONE))]
    async fn found(&self) -> Vec<Found> {
        vec![Kept::default().into(), Mixed::default().into()]
    }

    #[graphql(directive = auth::apply(ANYONE))]
    async fn nothing(&self) -> Option<Unseen> {
        None
    }

    async fn forgotten(&self) -> i32 {
        0
    }
}

/// The guard of the whole is none of a part's.
#[derive(Default)]
struct UnkeptPart;

#[Object]
impl UnkeptPart {
    #[graphql(directive = auth::apply(ANYONE))]
    async fn unkept(&self) -> Unkept {
        Unkept::default()
    }
}

/// There is none to be asked.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
struct Unseen {
    #[graphql(directive = auth::apply(ANYONE))]
    id: i32,
}

impl Stated for Unseen {}

#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
struct Root(KeptPart, UnkeptPart);

/// A part with the guard of another root: its statements are looked up where they are not.
#[derive(Default)]
struct Misplaced;

#[Object(name = "Mutation", guard = "root(\"Query\")")]
impl Misplaced {
    #[graphql(directive = auth::apply(ANYONE))]
    async fn act(&self) -> i32 {
        0
    }
}

fn forgetful() -> Schema<Root, Misplaced, EmptySubscription> {
    let build = || Schema::build(Root::default(), Misplaced, EmptySubscription);
    let policy = Policy::from_sdl(&build().finish().sdl()).unwrap_or_default();
    build().data(policy).finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_which_nothing_is_said_is_denied() {
    let institute = institute().await;
    let call = institute.call(&institute.admin);
    let response = forgetful().execute(Request::new("{ kept { id forgotten } forgotten }").data(Arc::new(call))).await;
    assert_eq!(response.data, value!({"kept": {"id": 0}}));
    let mut denied: Vec<_> = response.errors.iter().map(|error| error.message.as_str()).collect();
    denied.sort_unstable();
    assert_eq!(denied, ["you may not read Kept.forgotten here", "you may not read Query.forgotten here"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_guard_forgets_is_found() {
    let institute = institute().await;
    let findings = probe(&forgetful(), || institute.call(&institute.admin), |_| None, |_, request| request).await;
    let unguarded: Vec<&str> = findings.unguarded.iter().map(String::as_str).collect();
    assert_eq!(unguarded, ["Mixed.own", "Mutation.act", "Query.unkept", "Unkept.id"]);
    let unreached: Vec<&str> = findings.unreached.iter().map(String::as_str).collect();
    assert_eq!(unreached, ["Unseen.id"], "what cannot be asked for is told, not passed over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_the_schema_is_kept_by_its_statement() {
    let institute = institute().await;
    let described = Described::read().unwrap_or_else(|error| panic!("{}", error.report()));
    let schema = schema(described.policy(), false);
    let call = || institute.call(&institute.admin);
    let happened = |document: &str, request: Request| request.data(institute.happened(document));
    let findings = probe(&schema, call, |type_name| institute.id(type_name), happened).await;
    assert_eq!(findings, Findings::default());
}
