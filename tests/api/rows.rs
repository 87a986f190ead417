//! Row scope, whole: every type and every viewer, by the root's list, its count and `node`, against the rules in SQL.

use std::collections::BTreeSet;

use rollcall::ids::Kind;
use serde_json::{Value, json};

use crate::{
    hard::hard_cases,
    reached::viewers,
    rules::{ALL, RULES, Rule, VIEWERS, Viewer, rule},
    support::{Client, TestApp},
};

/// Of a table with more rows than this `node` is asked for a sample.
const MANY: usize = 300;
/// How large the sample is, half of it reached and half not.
const SAMPLE: usize = 60;
/// How many of them in one query.
const AT_ONCE: usize = 50;

fn id_of(node: &Value) -> String {
    node["id"].as_str().unwrap().to_owned()
}

fn ids(app: &TestApp, kind: Kind, numbers: impl IntoIterator<Item = i64>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| app.id(kind, number)).collect()
}

/// Fails with what is too much and what is missing.
#[track_caller]
fn same(found: &BTreeSet<String>, expected: &BTreeSet<String>, viewer: &Viewer, what: &str) {
    let (more, less): (Vec<_>, Vec<_>) =
        (found.difference(expected).take(5).collect(), expected.difference(found).take(5).collect());
    assert!(
        found == expected,
        "{} {what}: {} rows where the rule has {}; too much: {more:?}; missing: {less:?}",
        viewer.name,
        found.len(),
        expected.len(),
    );
}

/// At most `most` of them, all over the range.
fn sample(numbers: &[i64], most: usize) -> Vec<i64> {
    numbers.iter().copied().step_by(numbers.len().div_ceil(most).max(1)).collect()
}

async fn lists_hold_what_the_rule_gives(app: &TestApp, viewer: &Viewer, client: &Client, rule: &Rule) {
    for (arguments, condition) in rule.parts {
        let expected = app.database.numbers(&rule.sql(viewer, condition)).await;
        let what = format!("{}({arguments})", rule.list);
        match client.walk(rule.list, arguments, "id").await {
            Ok((nodes, total)) => {
                let found: BTreeSet<String> = nodes.iter().map(id_of).collect();
                assert_eq!(found.len(), nodes.len(), "{} {what}: each row once", viewer.name);
                assert_eq!(total, nodes.len(), "{} {what}: totalCount", viewer.name);
                same(&found, &ids(app, rule.kind, expected), viewer, &what);
            }
            Err(code) => {
                let nobody = if viewer.roles.is_empty() { "UNAUTHENTICATED" } else { "FORBIDDEN" };
                assert_eq!(code, nobody, "{} {what}", viewer.name);
                assert!(!rule.speaks_of(viewer), "{} {what}: denied, though the rule has rows", viewer.name);
            }
        }
    }
}

async fn nodes_are_what_the_rule_gives(app: &TestApp, viewer: &Viewer, client: &Client, rule: &Rule) {
    let reached = rule.reached(app, viewer).await;
    let all = app.database.numbers(&format!("SELECT id FROM {} ORDER BY id", rule.table)).await;
    assert!(!all.is_empty(), "{}: the data has none", rule.type_name);
    let numbers = if all.len() > MANY {
        let (own, others): (Vec<i64>, Vec<i64>) = all.iter().partition(|number| reached.contains(number));
        [sample(&own, SAMPLE / 2), sample(&others, SAMPLE / 2)].concat()
    } else {
        all
    };
    for some in numbers.chunks(AT_ONCE) {
        let ids: Vec<String> = some.iter().map(|number| app.id(rule.kind, *number)).collect();
        let nodes: Vec<String> =
            ids.iter().enumerate().map(|(i, id)| format!("n{i}: node(id: \"{id}\") {{ id }}")).collect();
        let answer = client.ask(&format!("{{ {} }}", nodes.join(" "))).await;
        assert!(answer.errors.is_empty(), "{} {}: {:?}", viewer.name, rule.type_name, answer.errors.first());
        for (i, (number, id)) in some.iter().zip(&ids).enumerate() {
            let expected = if reached.contains(number) { json!({"id": id}) } else { Value::Null };
            let found = answer.at(&format!("/n{i}"));
            assert_eq!(found, &expected, "{}: node of {} {number}", viewer.name, rule.type_name);
        }
    }
}

/// The days whose records are compared one by one; of all others the count is.
const DAYS: (&str, &str) = ("2026-03-16", "2026-03-19");

async fn records_are_what_the_rule_gives(app: &TestApp, viewer: &Viewer, client: &Client) {
    let (from, to) = DAYS;
    let records = rule("AttendanceRecord");
    let span = format!("x.date BETWEEN '{from}' AND '{to}'");

    let all = "records(first: 100) { totalCount edges { node { id } } }";
    let sessions = client.walk("attendanceSessions", &format!("filter: {{from: \"{from}\", to: \"{to}\"}}"), all).await;
    let counted = client.walk("attendanceSessions", "", "records(first: 1) { totalCount }").await;
    if !records.speaks_of(viewer) {
        assert!(sessions.is_err() && counted.is_err(), "{} reads sessions", viewer.name);
        no_records_by_student(viewer, client).await;
        return;
    }
    let (found, total) = gathered(&sessions.unwrap().0, "records");
    assert_eq!(found.len(), total, "{} records by session: totalCount", viewer.name);
    let expected = app.database.numbers(&records.sql(viewer, &span)).await;
    same(&found, &ids(app, records.kind, expected), viewer, "records by session");

    let total: usize = counted.unwrap().0.iter().map(|session| count(&session["records"])).sum();
    assert_eq!(total, records.reached(app, viewer).await.len(), "{} records of all sessions", viewer.name);

    // Of whom they reach as admission officers alone they may not read it.
    if viewer.roles.contains(&"ADMISSION") {
        return;
    }
    let students = rule("Student");
    let listed = students.sql(viewer, students.parts[0].1);
    let fields = format!(
        "attendanceRecords(first: 100, from: \"{from}\", to: \"{to}\") {{ totalCount edges {{ node {{ id }} }} }}"
    );
    let (found, total) = gathered(&client.walk("students", "", &fields).await.unwrap().0, "attendanceRecords");
    assert_eq!(found.len(), total, "{} records by student: totalCount", viewer.name);
    let expected = records.sql(viewer, &format!("{span} AND x.student_id IN ({listed})"));
    same(&found, &ids(app, records.kind, app.database.numbers(&expected).await), viewer, "records by student");
}

/// Who may not read attendance has it denied at each student, if there are any to them.
async fn no_records_by_student(viewer: &Viewer, client: &Client) {
    let answer = client.ask("{ students(first: 5) { edges { node { attendanceRecords { totalCount } } } } }").await;
    for i in 0..answer.at("/students")["edges"].as_array().map_or(0, Vec::len) {
        let path = json!(["students", "edges", i, "node", "attendanceRecords"]);
        assert_eq!(answer.code_at(&path), "FORBIDDEN", "{}", viewer.name);
    }
}

fn count(connection: &Value) -> usize {
    usize::try_from(connection["totalCount"].as_u64().unwrap()).unwrap()
}

/// The ids in a nested connection of all these nodes, and the sum of its counts.
fn gathered(nodes: &[Value], connection: &str) -> (BTreeSet<String>, usize) {
    let edges = nodes.iter().flat_map(|node| node[connection]["edges"].as_array().unwrap());
    (edges.map(|edge| id_of(&edge["node"])).collect(), nodes.iter().map(|node| count(&node[connection])).sum())
}

on_both! {
    async fn every_list_holds_what_the_rule_gives_each_viewer(app: TestApp) {
        hard_cases(&app).await;
        for (viewer, client) in viewers(&app).await {
            for rule in RULES.iter().filter(|rule| !rule.list.is_empty()) {
                lists_hold_what_the_rule_gives(&app, viewer, &client, rule).await;
            }
        }
    }

    async fn every_node_is_what_the_rule_gives_each_viewer(app: TestApp) {
        hard_cases(&app).await;
        for (viewer, client) in viewers(&app).await {
            for rule in &RULES {
                nodes_are_what_the_rule_gives(&app, viewer, &client, rule).await;
            }
        }
    }

    async fn attendance_records_are_those_of_the_rule_by_session_and_by_student(app: TestApp) {
        hard_cases(&app).await;
        for (viewer, client) in viewers(&app).await {
            records_are_what_the_rule_gives(&app, viewer, &client).await;
        }
    }

    /// An arm that reaches nothing for anybody, or all there is, would prove nothing.
    async fn the_data_puts_every_arm_of_every_rule_to_the_test(app: TestApp) {
        hard_cases(&app).await;
        for rule in &RULES {
            let all = app.database.numbers(&format!("SELECT id FROM {}", rule.table)).await.len();
            for (held, granted, condition) in rule.arms {
                let (mut some, mut most) = (false, 0);
                for viewer in VIEWERS.iter().filter(|viewer| viewer.roles.contains(held)) {
                    let reached = app.database.numbers(&rule.sql_of(viewer, ALL, |h, g| (h, g) == (*held, *granted))).await.len();
                    some |= reached > 0;
                    most = most.max(reached);
                }
                assert!(some, "{} as {held}: nobody reaches any", rule.type_name);
                assert!(*condition == ALL || most < all, "{} as {held}: somebody reaches all", rule.type_name);
            }
        }
    }
}
