//! `viewerCan`: what it tells is what the mutations do.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use rollcall::{auth::Role, demo::cast, graphql, ids::Kind};
use serde_json::{Value, json};

use crate::{
    actions::{TYPES, Type, World, inputs, place, rare_states},
    hard::hard_cases,
    rules::{VIEWERS, Viewer, rule},
    support::{Backend, Client, TestApp, of},
};

/// What the viewer can do that is about no row yet.
const OF_VIEWER: [&str; 13] = [
    "admitStudent",
    "addStaff",
    "createCourse",
    "createBatch",
    "publishNotice",
    "offerMeeting",
    "requestMeeting",
    "rateTeacher",
    "rateInstitute",
    "editInstitute",
    "createApiKey",
    "requeueJobs",
    "resetSecondFactor",
];
/// What everybody can do who can do it at all: with themselves, and with what they reach.
const OF_EVERYBODY: [&str; 23] = [
    "signIn",
    "completeSignIn",
    "beginProviderSignIn",
    "completeProviderSignIn",
    "unlinkIdentity",
    "signOut",
    "requestActivation",
    "activateAccount",
    "requestPasswordReset",
    "resetPassword",
    "editProfile",
    "changePassword",
    "beginSecondFactor",
    "confirmSecondFactor",
    "renewRecoveryCodes",
    "removeSecondFactor",
    "markNoticeRead",
    "markNotificationsRead",
    "markAllNotificationsRead",
    "updateNotificationSettings",
    "registerDevice",
    "removeDevice",
    "endOtherSessions",
];

/// The fields of each object of the schema.
fn objects() -> BTreeMap<String, BTreeSet<String>> {
    let sdl = graphql::sdl();
    let mut objects = BTreeMap::new();
    for definition in parse_schema(sdl).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        if let TypeKind::Object(object) = definition.node.kind {
            let fields = object.fields.iter().map(|field| field.node.name.to_string()).collect();
            objects.insert(definition.node.name.node.to_string(), fields);
        }
    }
    objects
}

fn texts<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(ToOwned::to_owned).collect()
}

#[test]
fn every_action_of_the_schema_is_in_the_table() {
    let mut published = objects();
    published.retain(|name, _| name.ends_with("Actions"));
    let mut tried: BTreeMap<String, BTreeSet<String>> = TYPES
        .iter()
        .map(|of| (format!("{}Actions", of.name), texts(of.actions.iter().map(|(name, ..)| *name))))
        .collect();
    tried.insert("ViewerActions".to_owned(), texts(OF_VIEWER));
    assert_eq!(published, tried);
}

#[test]
fn every_mutation_is_one_that_somebody_is_told_of() {
    let told = TYPES.iter().flat_map(|of| of.actions.iter().map(|(_, mutation, _)| *mutation));
    assert_eq!(objects()["Mutation"], texts(told.chain(OF_VIEWER).chain(OF_EVERYBODY)));
}

#[test]
fn it_is_for_people_who_reach_the_row_and_for_no_key() {
    let policy = graphql::Policy::from_sdl(&graphql::sdl());
    let policy = policy.unwrap_or_else(|error| panic!("{}", error.report()));
    let types = TYPES.iter().map(|of| of.name).chain(["Viewer"]);
    for (name, fields) in
        objects().into_iter().filter(|(name, _)| types.clone().any(|of| name == &format!("{of}Actions")))
    {
        let of = name.trim_end_matches("Actions");
        let may = policy.requires(of, "viewerCan");
        assert!(!may.has(Role::Reporting) && !may.has(Role::Anonymous), "{of}.viewerCan");
        for field in fields {
            assert_eq!(policy.requires(&name, &field), may, "{name}.{field}: as {of}.viewerCan");
        }
    }
}

/// Lets every mutation do all that it does and take it back in the end: what comes to the audit log fails, and so does the
/// one removal that leaves no trace there.
async fn let_nothing_be_written(app: &TestApp) {
    for (table, when) in KEPT {
        let trigger = match app.backend {
            Backend::Sqlite => format!(
                "CREATE TRIGGER kept_{table} BEFORE {when} ON {table} BEGIN SELECT RAISE(ABORT, 'kept as it was'); END"
            ),
            Backend::Postgres => format!(
                "CREATE OR REPLACE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'kept as it was'; END $$; \
                 CREATE TRIGGER kept_{table} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION kept()"
            ),
        };
        app.database.execute(&trigger).await;
    }
}

const KEPT: [(&str, &str); 2] = [("audit_entries", "INSERT"), ("institute_feedback", "DELETE")];

async fn let_it_be_written(app: &TestApp) {
    for (table, _) in KEPT {
        let on = if app.backend == Backend::Postgres { format!("ON {table}") } else { String::new() };
        app.database.execute(&format!("DROP TRIGGER kept_{table} {on}")).await;
    }
}

fn selection(of: &Type) -> String {
    format!("viewerCan {{ {} }}", of.actions.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(" "))
}

/// What a viewer is told of each row that they reach, by the row's id: by lists, where many rows are asked about at once.
async fn told(client: &Client, viewer: &Viewer, of: &Type) -> BTreeMap<String, Value> {
    let fields = format!("id {}", selection(of));
    let nodes = if of.name == "StudyFile" {
        // Whom study files are denied, as to ADMISSION, is told nothing of them.
        if rule("Subject").speaks_of(viewer) && !viewer.roles.contains(&"ADMISSION") {
            let subjects = client.walk("subjects", "", &format!("studyFiles {{ {fields} }}")).await.unwrap().0;
            subjects.iter().flat_map(|subject| subject["studyFiles"].as_array().unwrap().clone()).collect()
        } else {
            Vec::new()
        }
    } else if of.name == "Session" {
        let sessions = format!("{{ viewer {{ sessions(first: 100) {{ edges {{ node {{ {fields} }} }} }} }} }}");
        let sessions = client.data(&sessions).await["viewer"]["sessions"]["edges"].take();
        sessions.as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
    } else {
        let mut nodes = Vec::new();
        for (arguments, _) in rule(of.name).parts {
            nodes.extend(
                client.walk(rule(of.name).list, arguments, &fields).await.map_or(Vec::new(), |(nodes, _)| nodes),
            );
        }
        nodes
    };
    nodes.iter().map(|node| (node["id"].as_str().unwrap().to_owned(), node["viewerCan"].clone())).collect()
}

/// The state and the facts of every row of a type, by number.
async fn rows(app: &TestApp, of: &Type) -> BTreeMap<i64, (String, String)> {
    let query = format!("SELECT x.id || '#' || ({}) || '#' || ({}) FROM {} x", of.state, of.facts, place(of.name).1);
    let row = |text: String| {
        let parts: Vec<&str> = text.split('#').collect();
        (parts[0].parse().unwrap(), (parts[1].to_owned(), parts[2].to_owned()))
    };
    app.database.texts(&query).await.into_iter().map(row).collect()
}

/// Whether the mutation of an action lets a viewer do it, who they are and as the row stands; and what became of each input
/// that was tried, up to one of which that can be said.
async fn lets(client: &Client, (mutation, paths): (&str, &[&str]), inputs: &[Value]) -> (bool, Vec<String>) {
    let mut outcomes = Vec::new();
    for input in inputs {
        outcomes.push(client.attempt(mutation, input).await);
        if !is_refusal(&outcomes[outcomes.len() - 1], paths) {
            return (true, outcomes);
        }
    }
    (false, outcomes)
}

/// Whether the viewer or the row was at fault, and not another part of the input.
fn is_refusal(outcome: &str, paths: &[&str]) -> bool {
    let of_row = |error: &str| {
        let (path, code) = error.rsplit_once(' ').unwrap_or_default();
        paths.contains(&path) || code == "WRONG_STATUS"
    };
    outcome == "FORBIDDEN" || outcome.split(", ").any(of_row)
}

/// What was compared: each action that a viewer was told of a row.
#[derive(Default)]
struct Compared {
    /// How often each action was told to be possible, and how often not.
    told: BTreeMap<(&'static str, &'static str), (usize, usize)>,
    /// What was told to be possible: by viewer, type, action, and the row's number.
    possible: Vec<(usize, usize, usize, i64)>,
    wrong: Vec<String>,
}

impl Compared {
    /// Compares what a viewer is told of the rows of a type, two of each kind, with what becomes of the mutations.
    async fn compare(&mut self, app: &TestApp, world: &World, client: &Client, (v, t): (usize, usize)) {
        let (viewer, of) = (&VIEWERS[v], &TYPES[t]);
        let told = told(client, viewer, of).await;
        let granted = if of.name == "StudyFile" { BTreeMap::new() } else { rule(of.name).granted(app, viewer).await };
        let mut taken: BTreeMap<_, usize> = BTreeMap::new();
        for (row, (state, facts)) in rows(app, of).await {
            let Some(can) = told.get(&app.id(place(of.name).0, row)) else { continue };
            let kind = taken.entry((state, granted.get(&row).cloned(), can.to_string())).or_default();
            *kind += 1;
            if *kind > 2 {
                continue;
            }
            for (a, (action, mutation, paths)) in of.actions.iter().enumerate() {
                let inputs = inputs(app, world, (of.name, action), row, &facts);
                let (does, outcomes) = lets(client, (mutation, paths), &inputs).await;
                let says = can[action].as_bool().unwrap();
                let (yes, no) = self.told.entry((of.name, action)).or_default();
                *(if says { yes } else { no }) += 1;
                if says {
                    self.possible.push((v, t, a, row));
                }
                if says != does {
                    let what = format!("{}: {} {row}: {action}: told {says}, {outcomes:?}", viewer.name, of.name);
                    self.wrong.push(what);
                }
            }
        }
    }

    fn check(&self) {
        assert!(self.wrong.is_empty(), "{} wrong: {:#?}", self.wrong.len(), &self.wrong[..self.wrong.len().min(20)]);
    }
}

/// Does something that was told to be possible, if it still is: whether it was done.
async fn is_done(app: &TestApp, world: &World, client: &Client, (of, action): (&Type, usize), row: i64) -> bool {
    let (name, mutation, paths) = of.actions[action];
    let id = app.id(place(of.name).0, row);
    let query = format!("{{ node(id: \"{id}\") {{ ... on {} {{ viewerCan {{ {name} }} }} }} }}", of.name);
    if client.ask(&query).await.data["node"]["viewerCan"][name] != json!(true) {
        return false;
    }
    let (_, facts) = &rows(app, of).await[&row];
    let mut refused = Vec::new();
    for input in inputs(app, world, (of.name, name), row, facts) {
        let outcome = client.attempt(mutation, &input).await;
        if outcome == "done" {
            return true;
        }
        refused.push(outcome);
    }
    assert!(refused.iter().any(|outcome| !is_refusal(outcome, paths)), "{mutation} {row}: {refused:?}");
    false
}

on_both! {
    async fn what_the_viewer_is_told_is_what_the_mutations_do(app: TestApp) {
        hard_cases(&app).await;
        rare_states(&app).await;
        let world = World::of(&app).await;
        let mut clients = Vec::new();
        for viewer in &VIEWERS {
            clients.push(viewer.client(&app).await);
        }
        let before = app.database.contents().await;
        let_nothing_be_written(&app).await;
        let mut compared = Compared::default();
        for (v, client) in clients.iter().enumerate().filter(|(v, _)| VIEWERS[*v].is_person()) {
            for t in 0..TYPES.len() {
                compared.compare(&app, &world, client, (v, t)).await;
            }
        }
        compared.check();
        let count: usize = compared.told.values().map(|(yes, no)| yes + no).sum();
        println!("{:?}: {count} actions on rows compared", app.backend);
        for (action, (yes, no)) in &compared.told {
            // Who reaches a session may end it.
            assert!(*yes > 0 && (*no > 0) == (action.0 != "Session"), "{action:?}: told to be possible {yes} times, not to be {no} times");
        }
        app.database.is_as(&before, "what was refused").await;

        // The last administrator may not go.
        let staff = TYPES.iter().position(|of| of.name == "Staff").unwrap();
        let own = app.number(&of("staff", cast::ADMIN)).await;
        let may_go = |compared: &Compared| compared.possible.iter().filter(|(v, t, _, row)| (*v, *t, *row) == (0, staff, own)).count();
        let others = format!("FROM staff_roles WHERE role = 'ADMIN' AND staff_id <> {own}");
        let another = app.number(&format!("SELECT MAX(staff_id) {others}")).await;
        app.database.execute(&format!("DELETE {others}")).await;
        let mut alone = Compared::default();
        alone.compare(&app, &world, &clients[0], (0, staff)).await;
        alone.check();
        assert_eq!(may_go(&alone) + 2, may_go(&compared), "deactivated, and archived");
        app.database.execute(&format!("INSERT INTO staff_roles (staff_id, role) VALUES ({another}, 'ADMIN')")).await;

        // That what failed in the end would have been done: each action once, those last that take people away.
        let_it_be_written(&app).await;
        let takes_away =
            |of: &Type, action: usize| of.name == "Session" || ["archive", "deactivate"].contains(&of.actions[action].0);
        let every = TYPES.iter().enumerate().flat_map(|(t, of)| (0..of.actions.len()).map(move |a| (t, a)));
        let (last, first): (Vec<_>, Vec<_>) = every.partition(|(t, a)| takes_away(&TYPES[*t], *a));
        for (t, a) in first.into_iter().chain(last) {
            let mut done = false;
            for (v, _, _, row) in compared.possible.iter().filter(|possible| (possible.1, possible.2) == (t, a)) {
                done = done || is_done(&app, &world, &clients[*v], (&TYPES[t], a), *row).await;
            }
            assert!(done, "{}.{} was never done", TYPES[t].name, TYPES[t].actions[a].0);
        }
    }

    async fn what_is_about_no_row_yet_is_told_by_the_roles(app: TestApp) {
        let headed = format!("(SELECT MIN(id) FROM courses WHERE active AND hod_id = ({}))", of("staff", "{email}"));
        let nobody = app.id(Kind::Student, 999_999);
        hard_cases(&app).await;
        for viewer in VIEWERS.iter().filter(|viewer| viewer.is_person()) {
            let client = viewer.client(&app).await;
            let course = app.number(&format!("SELECT coalesce({}, 1)", headed.replace("{email}", viewer.email))).await;
            let course = app.id(Kind::Course, course);
            let can = client.data(&format!("{{ viewer {{ viewerCan {{ {} }} }} }}", OF_VIEWER.join(" "))).await;
            for mutation in OF_VIEWER {
                let input = match mutation {
                    "admitStudent" => json!({"name": "", "courseId": course}),
                    "addStaff" => json!({"name": "", "roles": ["TEACHER"]}),
                    "createCourse" => json!({"code": "", "name": "", "durationYears": 1, "durationType": "YEAR"}),
                    "createBatch" => json!({"name": ""}),
                    "publishNotice" => json!({"title": "", "message": "", "audience": {"courseIds": [course]}}),
                    "offerMeeting" => json!({"parentIds": [], "studentIds": [], "startsAt": "2026-05-04T04:00:00Z"}),
                    "requestMeeting" => json!({"staffId": nobody, "studentId": nobody, "startsAt": "2026-05-04T04:00:00Z"}),
                    "rateTeacher" => json!({"teacherId": nobody, "rating": 9.0}),
                    "rateInstitute" => json!({"type": "GENERAL", "rating": 9.0, "anonymous": false, "public": false}),
                    "createApiKey" => json!({"name": "", "scope": "AGGREGATES", "expiresInDays": 0}),
                    "requeueJobs" => json!({"until": "2027-01-01T00:00:00Z"}),
                    "resetSecondFactor" => json!({"accountId": nobody}),
                    _ => json!({"version": 0}),
                };
                let outcome = client.attempt(mutation, &input).await;
                assert_ne!(outcome, "done", "{mutation} writes nothing");
                let says = &can["viewer"]["viewerCan"][mutation];
                assert_eq!(says, &json!(outcome != "FORBIDDEN"), "{}: {mutation}: {outcome}", viewer.name);
            }
        }
        assert_eq!(app.anonymous().data("{ viewer { viewerCan { admitStudent } } }").await, json!({"viewer": null}));
    }

    async fn it_takes_as_many_statements_for_many_rows_as_for_few(app: TestApp) {
        hard_cases(&app).await;
        rare_states(&app).await;
        let mut compared = 0;
        for viewer in VIEWERS.iter().filter(|viewer| viewer.is_person()) {
            let client = viewer.client(&app).await;
            for of in TYPES.iter().filter(|of| !rule(of.name).list.is_empty() && rule(of.name).speaks_of(viewer)) {
                let query = format!(
                    "query($first: Int, $after: String) {{ {}(first: $first, after: $after) {{ edges {{ node {{ {} }} }} pageInfo {{ endCursor }} }} }}",
                    rule(of.name).list,
                    selection(of)
                );
                let page = async |first: usize, after: Value| {
                    let before = app.api.services().db.statements();
                    let answer = client.ask_with(&query, json!({"first": first, "after": after})).await.ok();
                    let list = answer.at(&format!("/{}", rule(of.name).list)).clone();
                    let rows = list["edges"].as_array().unwrap().len();
                    (app.api.services().db.statements() - before, rows, list["pageInfo"]["endCursor"].clone())
                };
                let (with_many, many, _) = page(50, Value::Null).await;
                let few = if many > 10 { 10 } else { 2 };
                if many <= few {
                    continue;
                }
                // Nothing more is read for a row that the viewer can do nothing with: the page of few is one that has others.
                let (mut most, mut seen, mut after) = (0, 0, Value::Null);
                while seen < many {
                    let (statements, rows, end) = page(few, after).await;
                    (most, seen, after) = (most.max(statements), seen + rows, end);
                }
                assert_eq!(most, with_many, "{}: {} of {few} and {many}", viewer.name, of.name);
                compared += 1;
            }
        }
        assert!(compared > 50, "{compared} lists were long enough");
    }

    async fn a_key_is_told_that_it_can_do_nothing(app: TestApp) {
        let key = app.api_key("ADMIN_READ").await;
        let mut told = 0;
        for of in TYPES.iter().filter(|of| !rule(of.name).list.is_empty()) {
            for node in key.walk(rule(of.name).list, "", &selection(of)).await.unwrap().0 {
                let can = node["viewerCan"].as_object().unwrap();
                assert!(can.values().all(|can| *can == json!(false)), "{}: {can:?}", of.name);
                told += can.len();
            }
        }
        assert!(told > 1000, "{told}");
    }

    async fn a_strangers_row_tells_nothing(app: TestApp) {
        let stranger = app.student(cast::SIBLING).await;
        let query = format!("{{ node(id: \"{stranger}\") {{ ... on Student {{ viewerCan {{ edit requestLeave }} }} }} }}");
        for (who, can) in [
            (cast::PARENT_OF_ONE, Value::Null),
            (cast::STUDENT, Value::Null),
            (cast::HOD, Value::Null),
            (cast::PARENT, json!({"viewerCan": {"edit": false, "requestLeave": true}})),
            (cast::HOD_TEACHER, json!({"viewerCan": {"edit": true, "requestLeave": false}})),
        ] {
            assert_eq!(app.sign_in(who).await.data(&query).await["node"], can, "{who}");
        }
    }
}
