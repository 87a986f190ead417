//! Every way to a row: over four hops from the query root, and each single hop compared with what an ADMIN finds at its end.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Write,
};

use rollcall::ids::Kind;
use serde_json::Value;

use crate::{
    hard::hard_cases,
    judge::{Judge, row},
    reached::{Reached, viewers},
    rules::{ALL, RULES, Rule},
    support::{
        Client, TestApp,
        schema::{Argument, Field, SCHEMA},
        select::{Braced, Select},
    },
    ways::{Hop, hops, tree},
};

/// How far is walked.
const HOPS: usize = 4;
/// Fields in a query at most: a larger one is asked in parts.
const MOST_FIELDS: usize = 700;
/// How many rows of each type, of those that a viewer reaches, are asked what they lead to.
const ROWS: usize = 6;

/// What is filled in: how many rows a page has, and what the roots take.
fn filling<'a>(first: &'a str, (routine, date): &'a (String, String)) -> impl Fn(&Field, &Argument) -> Option<String> {
    move |field, argument| match &*argument.name {
        "first" => Some(first.to_owned()),
        // One page holds all of them then.
        "from" if field.name == "attendanceRecords" => Some("\"2026-02-20\"".to_owned()),
        "routineId" => Some(format!("\"{routine}\"")),
        "date" => Some(format!("\"{date}\"")),
        // `node` is not asked so: its rows are, one of each type that has no list.
        "id" => Some("\"\"".to_owned()),
        _ => None,
    }
}

fn size(selected: &[Select]) -> usize {
    selected.iter().map(|select| 1 + size(&select.of)).sum()
}

/// A selection, or the parts of one that is too large to be asked at once, each with what is no way itself.
fn parts(select: Select) -> Vec<Select> {
    if size(&select.of) <= MOST_FIELDS {
        return vec![select];
    }
    let (leaves, ways): (Vec<_>, Vec<_>) = select.of.iter().cloned().partition(|select| select.of.is_empty());
    let part = |way| select.with(leaves.iter().cloned().chain([way]).collect());
    ways.into_iter().flat_map(parts).map(part).collect()
}

async fn ask(client: &Client, judge: &mut Judge<'_>, selected: &[Select]) -> Value {
    let answer = client.ask(&Braced(selected).to_string()).await;
    judge.judge(&answer, "Query", selected);
    answer.data
}

/// At most `most` of them, all over the range.
fn sample<T: Copy>(rows: impl Iterator<Item = T>, most: usize) -> Vec<T> {
    let rows: Vec<T> = rows.collect();
    rows.iter().copied().step_by(rows.len().div_ceil(most).max(1)).collect()
}

/// The rows at the end of a hop, once for each time that they are there.
fn found(app: &TestApp, value: &Value, fields: &[&str]) -> Vec<(Kind, i64)> {
    match (value, fields) {
        (Value::Array(items), _) => items.iter().flat_map(|item| found(app, item, fields)).collect(),
        (Value::Object(row), []) => vec![app.open(row["id"].as_str().unwrap())],
        (Value::Object(object), [field, beyond @ ..]) => found(app, &object[*field], beyond),
        _ => Vec::new(),
    }
}

/// What the page of rules has nothing of: by way of its author a teacher does not come to what was said of them.
fn leads_to(hop: &Hop, reached: &Reached, (kind, number): (Kind, i64)) -> bool {
    let by_author = hop.fields[0] == "teacherFeedback";
    reached.granted(kind, number).iter().any(|role| !(by_author && *role == "STAFF"))
}

/// Whether the rows of a type are their owners' alone: then there is nobody who finds all that they lead to.
fn is_private(rule: &Rule) -> bool {
    !rule.arms.iter().any(|(held, granted, rows)| *held == "ADMIN" && *granted == "ADMIN" && *rows == ALL)
}

/// What each single hop leads to, for one viewer after the other.
struct Hops<'a> {
    app: &'a TestApp,
    admin: Client,
    /// What an ADMIN finds, whom nothing is kept from.
    whole: HashMap<(Kind, i64), Value>,
    /// By hop and roles, how many rows were found, and how many withheld.
    cells: BTreeMap<(String, String), (usize, usize)>,
}

impl Hops<'_> {
    /// The same of these rows, asked by a client; rows by number.
    async fn ask(&self, client: &Client, judge: &mut Judge<'_>, rule: &Rule, rows: &[i64]) -> Vec<Value> {
        let of = SCHEMA.object(rule.type_name);
        let nothing = (String::new(), String::new());
        let ways = tree(of, 1, &filling("100", &nothing));
        let mut values = Vec::new();
        for some in rows.chunks(MOST_FIELDS / (size(&ways) + 3)) {
            let node =
                |number: &i64| Select::node(format!("n{number}"), &self.app.id(rule.kind, *number), of, ways.clone());
            let mut data = ask(client, judge, &some.iter().map(node).collect::<Vec<_>>()).await;
            values.extend(some.iter().map(|number| data[format!("n{number}")].take()));
        }
        values
    }

    async fn compare(
        &mut self,
        judge: &mut Judge<'_>,
        admin: &mut Judge<'_>,
        client: &Client,
        reached: &Reached,
        rule: &Rule,
    ) {
        let hops = hops(SCHEMA.object(rule.type_name));
        let rows = sample(reached.rows(rule.kind).into_keys(), ROWS);
        if hops.is_empty() || rows.is_empty() || is_private(rule) {
            return;
        }
        let new: Vec<i64> = rows.iter().copied().filter(|row| !self.whole.contains_key(&(rule.kind, *row))).collect();
        let whole = self.ask(&self.admin, admin, rule, &new).await;
        self.whole.extend(new.into_iter().map(|row| (rule.kind, row)).zip(whole));
        let answers = self.ask(client, judge, rule, &rows).await;
        for (number, value) in rows.into_iter().zip(answers) {
            for hop in &hops {
                self.compare_hop(judge, reached, (rule, number), hop, &value);
            }
        }
    }

    fn compare_hop(
        &mut self,
        judge: &Judge<'_>,
        reached: &Reached,
        (rule, number): (&Rule, i64),
        hop: &Hop,
        value: &Value,
    ) {
        let field = SCHEMA.object(rule.type_name).field(hop.fields[0]);
        let way = format!("{}.{}", rule.type_name, hop.fields.join("."));
        let what = format!("{}: {way} of {}", judge.viewer.name, row(rule.kind, number));
        let (rows, withheld) = self.cells.entry((way, judge.viewer.called())).or_default();
        if reached.granted(rule.kind, number).iter().all(|role| !field.may.contains(*role)) {
            return;
        }
        let here = found(self.app, value, &hop.fields);
        let all = found(self.app, &self.whole[&(rule.kind, number)], &hop.fields);
        assert!(all.len() < 100, "{what}: more than a page");
        let expected: BTreeSet<_> =
            all.iter().filter(|row| leads_to(hop, reached, **row)).map(|(kind, n)| (kind.name(), *n)).collect();
        let found: BTreeSet<_> = here.iter().map(|(kind, n)| (kind.name(), *n)).collect();
        assert_eq!(found, expected, "{what}");
        if hop.connection {
            assert_eq!(value[hop.fields[0]]["totalCount"], here.len(), "{what}: totalCount");
            assert_eq!(found.len(), here.len(), "{what}: each row once");
        }
        *rows += here.len();
        *withheld += all.len() - here.len();
    }
}

on_both! {
    /// By whatever way somebody comes to a row, it is one that the rule of its type gives them, and its fields are read
    /// and denied by the roles as which the rule gives it.
    async fn no_way_of_four_hops_leads_out_of_scope(app: TestApp) {
        hard_cases(&app).await;
        let mut ways = BTreeSet::new();
        let mut queries = 0;
        for (viewer, client) in viewers(&app).await {
            let reached = Reached::of(&app, viewer).await;
            let sheet = reached.sheet(&app).await;
            let filling = filling("2", &sheet);
            let mut judge = Judge::new(&app, viewer, &reached);
            let mut roots: Vec<Select> = tree(SCHEMA.object("Query"), HOPS, &filling);
            for rule in RULES.iter().filter(|rule| rule.list.is_empty()) {
                let of = SCHEMA.object(rule.type_name);
                let row = reached.rows(rule.kind).into_keys().next_back();
                roots.extend(row.map(|number| Select::node("node".to_owned(), &app.id(rule.kind, number), of, tree(of, HOPS - 1, &filling))));
            }
            roots.retain(|root| root.field != "node" || root.of.len() > 2);
            for part in roots.into_iter().flat_map(parts) {
                ask(&client, &mut judge, &[part]).await;
                queries += 1;
            }
            ways.extend(judge.ways.into_keys().map(|way| (way, viewer.called())));
        }
        let paths: BTreeSet<&String> = ways.iter().map(|(way, _)| way).collect();
        let line = format!("paths: {} (path, role) cells checked on {}, over {} paths in {queries} queries\n", ways.len(), app.backend, paths.len());
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }

    /// What an ADMIN finds at the end of a hop is all there is: everybody else must find of it what they reach, and no more,
    /// and count that.
    async fn a_hop_leads_to_what_the_rules_give_and_counts_no_more(app: TestApp) {
        hard_cases(&app).await;
        let viewers = viewers(&app).await;
        let (admin, admin_client) = &viewers[0];
        let everything = Reached::of(&app, admin).await;
        let mut admin = Judge::new(&app, admin, &everything);
        let mut hops_of = Hops { app: &app, admin: admin_client.clone(), whole: HashMap::new(), cells: BTreeMap::new() };
        for (viewer, client) in &viewers {
            let reached = Reached::of(&app, viewer).await;
            let mut judge = Judge::new(&app, viewer, &reached);
            for rule in &RULES {
                hops_of.compare(&mut judge, &mut admin, client, &reached, rule).await;
            }
        }
        let cells = hops_of.cells;
        for rule in RULES.iter().filter(|rule| !is_private(rule)) {
            for hop in hops(SCHEMA.object(rule.type_name)) {
                let way = format!("{}.{}", rule.type_name, hop.fields.join("."));
                assert!(cells.iter().any(|((of, _), (rows, _))| *of == way && *rows > 0), "{way} led nobody anywhere");
            }
        }
        let (rows, withheld) = cells.values().fold((0, 0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
        let line = format!("hops: {} (hop, role) cells checked on {}: {rows} rows found, {withheld} withheld\n", cells.len(), app.backend);
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}
