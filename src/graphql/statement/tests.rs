//! Every field is kept by what is stated for it: shown of a schema with every way to forget that, and of the real one.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use async_graphql::{EmptySubscription, Interface, MergedObject, Object, Request, Schema, SimpleObject, Union, value};
use chrono::NaiveDate;
use tempfile::TempDir;

use super::{probe::probe, *};
use crate::{
    app::{Ambient, App, open_database},
    auth::{Viewer, sets::ANYONE},
    clock::Clock,
    config::Config,
    demo::{self, Size},
    graphql::{Services, schema},
    ids::Kind,
};

/// The demonstration institute, and a session of its ADMIN's.
struct Institute {
    services: Arc<Services>,
    admin: Viewer,
    _folder: TempDir,
}

impl Institute {
    async fn open() -> Result<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("probe.db").display());
        let config = Config::demo(url, SocketAddr::from(([127, 0, 0, 1], 0)));
        let today = NaiveDate::from_ymd_opt(2026, 3, 20).unwrap();
        let db = open_database(&config).await?;
        db.migrate().await?;
        demo::fill(&db, &Size::of(60, 5), today, "no hash", |_, _| ()).await?;
        let clock = Clock::fixed(today.and_hms_opt(12, 0, 0).unwrap());
        let app = App::build(config, Ambient { clock, ..Ambient::default() }).await?;
        let services = Arc::clone(app.api().services());
        let token = services.sessions.begin(1).await?;
        let admin = services.sessions.viewer(&token).await?.unwrap();
        assert!(admin.roles().has(Role::Admin));
        Ok(Self { services, admin, _folder: folder })
    }

    fn call(&self, viewer: &Viewer) -> Call {
        Call::new(Arc::clone(&self.services), viewer.clone(), None, "probe".to_owned(), 50_000)
    }

    /// The global id of the first row of a type.
    fn id(&self, type_name: &str) -> Option<String> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == type_name)?;
        Some(self.services.seal.id(kind, 1).to_string())
    }
}

async fn institute() -> Institute {
    Institute::open().await.unwrap_or_else(|error| panic!("{}", error.report()))
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
    let findings = probe(&forgetful(), || institute.call(&institute.admin), |_| None).await;
    let unguarded: Vec<&str> = findings.unguarded.iter().map(String::as_str).collect();
    assert_eq!(unguarded, ["Mixed.own", "Mutation.act", "Query.unkept", "Unkept.id"]);
    let unreached: Vec<&str> = findings.unreached.iter().map(String::as_str).collect();
    assert_eq!(unreached, ["Unseen.id"], "what cannot be asked for is told, not passed over");
}

/// The types of which the first rows of the demonstration data lead to none. The matrix of the API's tests asks for each.
const NONE_THERE: [&str; 8] = [
    "AccessEntry",
    "AccessEntryEdge",
    "AttendanceCorrection",
    "AttendanceRecordEdge",
    "ChangePasswordPayload",
    "InstituteFeedbackActions",
    "Node",
    "TeacherFeedbackActions",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_the_schema_is_kept_by_its_statement() {
    let institute = institute().await;
    let schema = schema().unwrap_or_else(|error| panic!("{}", error.report()));
    let findings = probe(&schema, || institute.call(&institute.admin), |type_name| institute.id(type_name)).await;
    assert!(findings.unguarded.is_empty(), "{:#?}", findings.unguarded);
    let types: BTreeSet<&str> = findings.unreached.iter().filter_map(|field| Some(field.split_once('.')?.0)).collect();
    assert_eq!(types, BTreeSet::from(NONE_THERE));
}
