//! Ids in arguments: whatever takes one, a root, a filter, a mutation, treats a row out of scope exactly as one that is
//! not there, as one of another type, and as what is no id at all.

use std::{collections::BTreeSet, io::Write};

use rollcall::ids::Kind;
use serde_json::{Value, json};

use crate::{
    hard::hard_cases,
    reached::{Reached, viewers},
    rules::{Viewer, rule},
    support::{
        Client, TestApp,
        schema::{Argument, Field, Object, SCHEMA, named},
        select::{Braced, Select, below},
    },
};

/// The number of a row that is not there.
const ABSENT: i64 = 999_999_999;
/// How many tries in one query.
const AT_ONCE: usize = 40;

/// A place that takes an id: an argument of a field, or what is somewhere in it.
struct Place {
    of: &'static Object,
    field: &'static Field,
    path: Vec<&'static str>,
}

impl Place {
    fn name(&self) -> String {
        format!("{}.{}({})", self.of.name, self.field.name, self.path.join("."))
    }

    /// The type of row that it takes the id of.
    fn kind(&self) -> Kind {
        match (&*self.field.name, *self.path.last().unwrap()) {
            // The first three take ids of every type.
            ("node", _) | ("auditEntries" | "accessEntries", "subjectId") | (_, "studentId" | "studentIds") => {
                Kind::Student
            }
            ("withdrawLeaveApproval", "id") => Kind::LeaveRequest,
            (mutation, "id") => {
                let named = Kind::ALL.into_iter().filter(|kind| mutation.contains(&kind.name()));
                named.max_by_key(|kind| kind.name().len()).unwrap_or_else(|| panic!("{}: an id of what?", self.name()))
            }
            ("markNotificationsRead", "ids") => Kind::Notification,
            (_, "courseId" | "courseIds") => Kind::Course,
            (_, "batchId" | "batchIds" | "add" | "remove") => Kind::Batch,
            (_, "staffId" | "teacherId") => Kind::Staff,
            (_, "parentId" | "parentIds") => Kind::Parent,
            (_, "subjectId") => Kind::Subject,
            (_, "routineId") => Kind::Routine,
            (_, "actorId" | "accountId") => Kind::Account,
            _ => panic!("{}: an id of what?", self.name()),
        }
    }
}

/// Every place in the schema that takes an id.
fn places() -> Vec<Place> {
    let mut places = Vec::new();
    // A subscription says nothing of an id at once: what it hears is in `live`.
    for of in SCHEMA.objects.values().filter(|of| of.name != "Subscription") {
        for field in &of.fields {
            let mut open: Vec<(Vec<&'static str>, &'static Argument)> =
                field.arguments.iter().map(|own| (vec![], own)).collect();
            while let Some((mut path, argument)) = open.pop() {
                path.push(&argument.name);
                match SCHEMA.inputs.get(named(&argument.of)) {
                    Some(fields) => open.extend(fields.iter().map(|own| (path.clone(), own))),
                    None if named(&argument.of) == "ID" => places.push(Place { of, field, path }),
                    None => {}
                }
            }
        }
    }
    places
}

/// What a place is filled with, besides the id that is tried.
struct Sense<'a> {
    app: &'a TestApp,
    reached: &'a Reached,
    /// A class that can be marked: its routine and its day.
    sheet: &'a (String, String),
    place: &'a Place,
}

impl Sense<'_> {
    /// The value of an argument with `id` at the end of what is left of the path; none where it can be left out.
    fn fill(&self, argument: &'static Argument, path: &[&str], id: &str) -> Option<String> {
        let beyond = path.split_first().filter(|(name, _)| **name == argument.name).map(|(_, beyond)| beyond);
        if beyond == Some(&[]) {
            return Some(format!("\"{id}\""));
        }
        if beyond.is_none() && !argument.required {
            return None;
        }
        let of = named(&argument.of);
        if let Some(fields) = SCHEMA.inputs.get(of) {
            let beyond = beyond.unwrap_or_default();
            let fields = fields.iter().filter_map(|own| Some(format!("{}: {}", own.name, self.fill(own, beyond, id)?)));
            return Some(format!("{{{}}}", fields.collect::<Vec<_>>().join(", ")));
        }
        let marks = self.place.field.name == "markAttendance";
        Some(match (of, &*argument.name) {
            ("ID", "routineId") if marks => format!("\"{}\"", self.sheet.0),
            ("Date", _) if marks => format!("\"{}\"", self.sheet.1),
            ("ID", _) => format!("\"{}\"", self.own(argument)),
            ("String", "phone") => "\"+999144400001\"".to_owned(),
            ("String", "fileUrl") => "\"https://files.example.org/x.pdf\"".to_owned(),
            ("String", _) => "\"Somebody\"".to_owned(),
            ("Int" | "Float", _) => "1".to_owned(),
            ("Boolean", _) => "true".to_owned(),
            ("Date", _) => "\"2026-03-20\"".to_owned(),
            ("DateTime", _) => "\"2026-03-27T09:00:00Z\"".to_owned(),
            ("Time", "endsAt") => "\"21:00\"".to_owned(),
            ("Time", _) => "\"20:00\"".to_owned(),
            _ => SCHEMA.enums[of][0].clone(),
        })
    }

    /// A row that the viewer reaches, by a role that may do this if there is one.
    fn own(&self, argument: &'static Argument) -> String {
        let kind = Place { path: vec![&argument.name], ..*self.place }.kind();
        let rows = self.reached.rows(kind);
        let may = rows.iter().find(|(_, roles)| roles.iter().any(|role| self.place.field.may.contains(*role)));
        let number = may.map(|(number, _)| *number).or_else(|| rows.keys().next().copied());
        self.app.id(kind, number.unwrap_or(ABSENT))
    }
}

/// What is tried at a place: ids of rows out of scope first, then those that name nothing there.
async fn tries(app: &TestApp, viewer: &Viewer, place: &Place) -> (usize, Vec<String>) {
    let kind = place.kind();
    let rule = rule(&kind.name());
    let beyond = format!("SELECT id FROM {} WHERE id NOT IN ({})", rule.table, rule.sql(viewer, "TRUE"));
    let mut beyond = app.database.numbers(&format!("{beyond} ORDER BY id")).await;
    let last = beyond.len().saturating_sub(1);
    beyond = if last == 0 { beyond } else { vec![beyond[last / 2], beyond[last]] };
    let ids: Vec<String> = beyond.iter().map(|number| app.id(kind, *number)).collect();
    let mut nothing = vec![app.id(kind, ABSENT), "AAAAAAAAAAAAAAAAAAAAAA".to_owned(), String::new()];
    if place.field.name != "node" {
        nothing.push(app.id(Kind::Institute, 1));
    }
    (ids.len(), ids.into_iter().chain(nothing).collect())
}

/// The field of a place with an id, as it is selected from a root.
fn select(sense: &Sense<'_>, id: &str) -> Select {
    let Place { of, field, path } = sense.place;
    let arguments =
        field.arguments.iter().filter_map(|own| Some(format!("{}: {}", own.name, sense.fill(own, path, id)?)));
    let arguments = arguments.collect::<Vec<_>>().join(", ");
    let select = Select::new(&field.name, arguments, below(field, &|_, _| None));
    if !of.is_node {
        return select;
    }
    let kind = rule(&of.name).kind;
    let row = sense.reached.rows(kind).into_keys().next().unwrap_or(ABSENT);
    Select::node("node".to_owned(), &sense.app.id(kind, row), of, vec![select])
}

/// What an answer says below an alias, without the alias.
fn said(answer: &crate::support::Answer, alias: &str) -> (Value, Vec<Value>) {
    let here = |error: &&Value| error["path"][0] == alias;
    let without = |error: &Value| json!({"code": error["extensions"], "message": error["message"], "path": error["path"].as_array().unwrap()[1..]});
    (answer.data[alias].clone(), answer.errors.iter().filter(here).map(without).collect())
}

/// Tries everything at every place, as one viewer; how many places were tried, and where a row was told to be not found.
async fn try_all(
    app: &TestApp,
    viewer: &'static Viewer,
    client: &Client,
    places: &[Place],
    told: &mut BTreeSet<String>,
) -> usize {
    let reached = Reached::of(app, viewer).await;
    let sheet = reached.sheet(app).await;
    for root in ["Query", "Mutation"] {
        let mut selected = Vec::new();
        let mut groups = Vec::new();
        for (i, place) in
            places.iter().enumerate().filter(|(_, place)| (place.of.name == "Mutation") == (root == "Mutation"))
        {
            let sense = Sense { app, reached: &reached, sheet: &sheet, place };
            let (beyond, ids) = tries(app, viewer, place).await;
            groups.push((place, beyond, ids.len()));
            selected.extend(ids.iter().enumerate().map(|(j, id)| select(&sense, id).alias(format!("a{i}_{j}"))));
        }
        let mut all = Vec::new();
        for some in selected.chunks(AT_ONCE) {
            let operation = if root == "Mutation" { "mutation " } else { "" };
            let answer = client.ask(&format!("{operation}{}", Braced(some))).await;
            assert!(answer.data.is_object(), "{}: {:#?}", viewer.name, answer.errors);
            all.extend(some.iter().map(|select| said(&answer, select.key())));
        }
        let mut all = all.into_iter();
        for (place, beyond, tried) in groups {
            let said: Vec<_> = all.by_ref().take(tried).collect();
            let what = format!("{}: {}", viewer.name, place.name());
            for (i, one) in said.iter().enumerate() {
                assert_eq!(one, &said[tried - 1], "{what}: try {i}, of which {beyond} are of rows out of scope");
            }
            let (data, _) = &said[0];
            let errors = data["userErrors"].as_array().cloned().unwrap_or_default();
            let at_place = |error: &Value| {
                let names = error["field"].as_array().unwrap().iter().filter_map(Value::as_str);
                let names = names.filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()));
                names.collect::<Vec<_>>().starts_with(&place.path[1..])
            };
            let unknown = ["NOT_FOUND", "NOT_IN_CLASS"];
            if errors.iter().any(|error| unknown.iter().any(|code| error["code"] == *code) && at_place(error)) {
                told.insert(place.name());
            }
        }
    }
    places.len()
}

on_both! {
    async fn an_id_out_of_scope_is_as_unknown_as_one_that_was_never_given(app: TestApp) {
        hard_cases(&app).await;
        let places = places();
        let (mut told, mut cells) = (BTreeSet::new(), 0);
        let viewers = viewers(&app).await;
        let before = app.database.contents().await;
        for (viewer, client) in &viewers {
            cells += try_all(&app, viewer, client, &places, &mut told).await;
            app.database.is_as(&before, viewer.name).await;
        }
        let mutations: BTreeSet<String> = places.iter().filter(|place| place.of.name == "Mutation").map(Place::name).collect();
        let untold: Vec<&String> = mutations.difference(&told).collect();
        assert!(untold.is_empty(), "what was tried did not come to the row: {untold:#?}");
        let line = format!("arguments: {cells} (argument, role) cells checked on {}\n", app.backend);
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}
