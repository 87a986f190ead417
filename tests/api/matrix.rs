//! The whole matrix, executed: every field of every object type, asked by everybody, reached on rows in their scope. What
//! is read and what is denied must be what the schema states for the roles by which the row was reached, or, where there
//! is no row, for those that the viewer holds.
//!
//! A cell is a field and the roles of somebody who asks. A cell that was not asked fails, and so does one that was reached
//! though nothing leads there (see [`comes_to`] and [`NEVER_ANY`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use rollcall::ids::Kind;

use crate::{
    hard::hard_cases,
    judge::{Judge, Outcomes},
    reached::{Reached, viewers},
    rules::{RULES, Rule, VIEWERS, Viewer},
    support::{
        Answer, Backend, Client, Events, TestApp,
        schema::{Argument, Field, Object, SCHEMA, named},
        select::{Braced, Select, arguments, below, everything},
    },
};

/// How many rows of each kind are asked for everything.
const ROWS: usize = 2;
/// How many rows in one query.
const AT_ONCE: usize = 4;
/// How many fields of a root.
const ROOTS_AT_ONCE: usize = 40;

/// Rows that have what few of their type have, to be asked first.
const FIRST: [(&str, &str); 5] = [
    (
        "AttendanceRecord",
        "EXISTS (SELECT 1 FROM attendance_corrections c WHERE c.session_id = x.session_id AND c.student_id = x.student_id)",
    ),
    ("Course", "x.id IN (SELECT id FROM headed)"),
    ("Student", "EXISTS (SELECT 1 FROM attendance_totals t WHERE t.student_id = x.id)"),
    ("Staff", "EXISTS (SELECT 1 FROM meetings m WHERE m.staff_id = x.id)"),
    ("Parent", "EXISTS (SELECT 1 FROM meeting_parents m WHERE m.parent_id = x.id)"),
];

/// What a field leads to of which there is never any: the types, to holders of which roles, and why.
const NEVER_ANY: [(&str, &str, &str); 4] = [
    ("Viewer", "ANONYMOUS REPORTING", "there is no account"),
    (
        "NoticeAudience",
        "ADMISSION STAFF STAFF+PARENT STAFF+STUDENT STUDENT STUDENT+PARENT PARENT",
        "it is told to who published the notice, and they may publish none",
    ),
    ("FeedbackSummary", "STUDENT STUDENT+PARENT PARENT", "it is told to the teacher themselves, and they are none"),
    ("MeetingEdge TeacherFeedbackEdge", "ADMISSION", "they see their own lists, and neither teach nor meet anybody"),
];

/// The mutations that try a password or a code: of which there is one a request.
const TRIES: [&str; 11] = [
    "signIn",
    "completeSignIn",
    "requestActivation",
    "activateAccount",
    "requestPasswordReset",
    "resetPassword",
    "changePassword",
    "beginSecondFactor",
    "confirmSecondFactor",
    "renewRecoveryCodes",
    "removeSecondFactor",
];

type Cells = BTreeMap<(&'static str, &'static str), BTreeMap<String, Outcomes>>;

/// What a mutation's input is filled with so that it is refused: rows that are not there, empty texts, nonsense.
fn nonsense(app: &TestApp, viewer: &Viewer, field: &Field, argument: &Argument) -> Option<String> {
    // Of these nothing is required: without anything to refuse they are done. To admit is denied to an HOD without a course.
    let given = [
        ("editProfile", "photoUrl"),
        ("admitStudent", "courseId"),
        ("markAllNotificationsRead", "until"),
        ("requeueJobs", "until"),
        ("updateNotificationSettings", "quietFrom"),
    ];
    let given = given.contains(&(&field.name, &argument.name));
    if !argument.required && !given && argument.name != "clientMutationId" {
        return None;
    }
    let of = named(&argument.of);
    if let Some(fields) = SCHEMA.inputs.get(of) {
        let fields =
            fields.iter().filter_map(|own| Some(format!("{}: {}", own.name, nonsense(app, viewer, field, own)?)));
        return Some(format!("{{{}}}", fields.collect::<Vec<_>>().join(", ")));
    }
    Some(match (of, &*argument.name) {
        (_, "clientMutationId") => format!("\"{}\"", field.name),
        ("ID", _) => format!("\"{}\"", app.id(Kind::Institute, 999_999)),
        ("Date", _) => "\"2026-03-20\"".to_owned(),
        ("DateTime", _) => "\"2026-03-27T09:00:00Z\"".to_owned(),
        ("Time", _) => "\"09:00\"".to_owned(),
        // Somebody else each time: more than three guesses at one would have to wait.
        ("String", "identifier") => format!("\"{}\"", viewer.name),
        ("String", "photoUrl") => "\"nowhere\"".to_owned(),
        ("String", _) => "\"\"".to_owned(),
        ("Boolean", _) => "true".to_owned(),
        ("Int", _) => "0".to_owned(),
        ("Float", _) => "-1".to_owned(),
        _ => SCHEMA.enums[of][0].clone(),
    })
}

/// What else is filled in: short pages, and what the two roots that take something are to find.
fn sense<'a>(id: &'a str, (routine, date): &'a (String, String)) -> impl Fn(&Field, &Argument) -> Option<String> + 'a {
    move |_, argument| match &*argument.name {
        "first" => Some("2".to_owned()),
        "id" => Some(format!("\"{id}\"")),
        "routineId" => Some(format!("\"{routine}\"")),
        "date" => Some(format!("\"{date}\"")),
        _ => None,
    }
}

/// Some rows for each set of roles as which the viewer reaches rows of a type.
async fn some_of_each_kind(app: &TestApp, viewer: &Viewer, reached: &Reached, rule: &Rule) -> Vec<i64> {
    let rows = reached.rows(rule.kind);
    let first = FIRST.iter().find(|(of, _)| *of == rule.type_name);
    let mut numbers = match first {
        Some((_, condition)) => app.database.numbers(&rule.sql(viewer, condition)).await,
        None => Vec::new(),
    };
    numbers.extend(rows.keys());
    let mut taken: BTreeMap<&BTreeSet<&str>, BTreeSet<i64>> = BTreeMap::new();
    for number in numbers {
        let taken = taken.entry(rows[&number]).or_default();
        if taken.len() < ROWS {
            taken.insert(number);
        }
    }
    taken.into_values().flatten().collect()
}

async fn ask(client: &Client, judge: &mut Judge<'_>, root: &str, selected: &[Select]) {
    let operation = if root == "Mutation" { "mutation " } else { "" };
    for some in selected.chunks(ROOTS_AT_ONCE) {
        let answer = client.ask(&format!("{operation}{}", Braced(some))).await;
        judge.judge(&answer, root, some);
    }
}

/// Each subscription, for something that the viewer reaches where they reach any: it is told as what they missed.
async fn subscribe(app: &TestApp, viewer: &Viewer, client: &Client, judge: &mut Judge<'_>, reached: &Reached) {
    let account = format!("SELECT id FROM accounts WHERE email = '{}'", viewer.email);
    let account = app.database.numbers(&account).await.pop().unwrap_or_default();
    for field in &SCHEMA.object("Subscription").fields {
        let (kind, of) = match &*field.name {
            "attendanceMarked" => ("ATTENDANCE_MARKED", Kind::AttendanceSession),
            "meetingChanged" => ("MEETING_MOVED", Kind::Meeting),
            "noticePublished" | "notificationReceived" => ("NOTICE_PUBLISHED", Kind::Notice),
            other => panic!("{other}: what does it tell of?"),
        };
        let subject = reached.rows(of).into_keys().next().unwrap_or_default();
        let mut position = app.event(kind, subject, None, &["everybody"]).await.event;
        app.event(kind, subject, None, &["everybody"]).await;
        if field.name == "notificationReceived" && account != 0 {
            position = app.number(&format!("SELECT MIN(id) FROM notifications WHERE account_id = {account}")).await;
        }
        let after = format!("\"{}\"", app.live_cursor(&field.name, account, position));
        let sense = |_: &Field, argument: &Argument| (argument.name == "after").then(|| after.clone());
        let select = Select::new(&field.name, arguments(field, &sense), below(field, &sense));
        let query = format!("subscription {}", Braced(std::slice::from_ref(&select)));
        let may = viewer.held().iter().any(|role| field.may.contains(*role));
        // Others of the same roles reach some, or the cells are missing.
        if may && subject == 0 {
            continue;
        }
        let mut answer = Events::open(app, client, &query, serde_json::json!({})).await.next().await.unwrap();
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        let mut data = answer["data"].take();
        if data.is_null() {
            // The one field of the root is not nullable: where it is denied, all of it is.
            data = serde_json::json!({ &*field.name: null });
        }
        let answer = Answer { status: 200, data, errors, text: String::new() };
        judge.judge(&answer, "Subscription", &[select]);
    }
}

/// Everything that there is, asked by one viewer.
async fn ask_everything(app: &TestApp, viewer: &'static Viewer, client: &Client, cells: &mut Cells) {
    let reached = Reached::of(app, viewer).await;
    let mut judge = Judge::new(app, viewer, &reached);
    let (institute, sheet) = (app.id(Kind::Institute, 1), reached.sheet(app).await);
    let sense = sense(&institute, &sheet);
    ask(client, &mut judge, "Query", &everything(SCHEMA.object("Query"), &sense)).await;
    let mut nodes = Vec::new();
    for rule in &RULES {
        let of = SCHEMA.object(rule.type_name);
        for number in some_of_each_kind(app, viewer, &reached, rule).await {
            let (alias, id) = (format!("n{}", nodes.len()), app.id(rule.kind, number));
            nodes.push(Select::node(alias, &id, of, everything(of, &sense)));
        }
    }
    let of = SCHEMA.object("Institute");
    nodes.push(Select::node("institute".to_owned(), &institute, of, everything(of, &sense)));
    for some in nodes.chunks(AT_ONCE) {
        ask(client, &mut judge, "Query", some).await;
    }
    subscribe(app, viewer, client, &mut judge, &reached).await;
    // Last, for it ends the session. Every mutation is refused or denied, and nobody has another session to end: nothing is
    // written.
    if viewer.is_person() {
        client.data("mutation { endOtherSessions { ended } }").await;
    }
    let before = app.database.contents().await;
    let mutations = everything(SCHEMA.object("Mutation"), &|field, argument| nonsense(app, viewer, field, argument));
    // One password or code is tried a request.
    let (tries, mut others): (Vec<_>, Vec<_>) = mutations.into_iter().partition(|select| TRIES.contains(&select.field));
    others.sort_by_key(|select| select.field == "signOut");
    for mutations in tries.chunks(1).chain([&others[..]]) {
        ask(client, &mut judge, "Mutation", mutations).await;
    }
    app.database.is_as(&before, viewer.name).await;
    for (cell, Outcomes { read, denied }) in judge.cells {
        let outcomes = cells.entry(cell).or_default().entry(viewer.called()).or_default();
        outcomes.read += read;
        outcomes.denied += denied;
    }
}

/// The types that somebody comes to: by the rules of rows, and from there by the fields that the schema states for a role of
/// theirs. Of no other type may they be given anything.
fn comes_to(viewer: &Viewer) -> BTreeSet<&'static str> {
    let held = viewer.held();
    let given = RULES.iter().filter(|rule| rule.speaks_of(viewer)).map(|rule| rule.type_name);
    let mut open: Vec<&Object> =
        given.chain(["Query", "Mutation", "Subscription"]).map(|name| SCHEMA.object(name)).collect();
    let mut types = BTreeSet::new();
    while let Some(of) = open.pop() {
        if types.insert(of.name.as_str()) {
            let may = of.fields.iter().filter(|field| held.iter().any(|role| field.may.contains(*role)));
            let next = may.filter_map(|field| SCHEMA.objects.get(&field.leads_to));
            // To a row leads its rule alone; there is one institute, and no rule for it.
            open.extend(next.filter(|next| !next.is_node || next.name == "Institute"));
        }
    }
    types
}

/// Whether there is never any of a type for holders of some roles.
fn never_any(of: &str, roles: &str) -> bool {
    let names = |names: &str, name: &str| names.split(' ').any(|own| own == name);
    NEVER_ANY.iter().any(|(types, never, _)| names(types, of) && names(never, roles))
}

/// Compares what was asked with what there is to ask, and says how much it was.
fn nothing_is_missing(cells: &Cells, asked: &BTreeSet<&'static str>, backend: Backend) {
    let by_roles = |viewer: &'static Viewer| (viewer.called(), comes_to(viewer));
    let asked: BTreeMap<String, BTreeSet<&str>> =
        VIEWERS.iter().filter(|viewer| asked.contains(viewer.name)).map(by_roles).collect();
    let (mut wrong, mut checked, mut nowhere) = (BTreeSet::new(), 0, 0);
    for of in SCHEMA.objects.values() {
        for field in &of.fields {
            let outcomes = cells.get(&(&*of.name, &*field.name));
            for (roles, types) in &asked {
                let outcomes = outcomes.and_then(|outcomes| outcomes.get(roles));
                let cell = format!("{}.{} by {roles}", of.name, field.name);
                match (outcomes.is_some(), types.contains(&*of.name) && !never_any(&of.name, roles)) {
                    (true, true) => checked += 1,
                    (true, false) => drop(wrong.insert(format!("{cell} was reached, and nothing leads there"))),
                    (false, true) => drop(wrong.insert(format!("{cell} was not exercised"))),
                    (false, false) => nowhere += 1,
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells: {wrong:#?}", wrong.len());
    // Past the harness, which shows what is printed only of tests that fail.
    let line = format!("matrix: {checked} (field, role) cells checked on {backend}, {nowhere} that nothing leads to\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

on_both! {
    async fn every_field_is_read_by_those_who_may_and_denied_to_all_others(app: TestApp) {
        hard_cases(&app).await;
        let mut cells = Cells::new();
        let mut asked = BTreeSet::new();
        let viewers = viewers(&app).await;
        for (viewer, _) in &viewers {
            // What comes into their inbox, of what they reach: some of it after a cursor.
            let account = format!("SELECT id FROM accounts WHERE email = '{}'", viewer.email);
            let notice = Reached::of(&app, viewer).await.rows(Kind::Notice).into_keys().next();
            if let (Some(account), Some(notice)) = (app.database.numbers(&account).await.pop(), notice) {
                for _ in 0..2 {
                    app.notify(&app.event("NOTICE_PUBLISHED", notice, None, &[]).await, account).await;
                }
            }
        }
        for (viewer, client) in viewers {
            ask_everything(&app, viewer, &client, &mut cells).await;
            asked.insert(viewer.name);
        }
        nothing_is_missing(&cells, &asked, app.backend);
    }
}
