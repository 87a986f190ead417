//! What the documents show works.

use rollcall::demo::cast;

use serde_json::json;

use crate::support::{Backend, TestApp};

/// The dashboards of `docs/queries`: who asks, and the answer that stands beside the query.
const DASHBOARDS: [(&str, &str, &str, &str); 5] = [
    ("hod", cast::HOD, include_str!("../../docs/queries/hod.graphql"), include_str!("../../docs/queries/hod.json")),
    (
        "admission",
        cast::ADMISSION,
        include_str!("../../docs/queries/admission.graphql"),
        include_str!("../../docs/queries/admission.json"),
    ),
    (
        "teacher",
        cast::TEACHER,
        include_str!("../../docs/queries/teacher.graphql"),
        include_str!("../../docs/queries/teacher.json"),
    ),
    (
        "student",
        cast::STUDENT,
        include_str!("../../docs/queries/student.graphql"),
        include_str!("../../docs/queries/student.json"),
    ),
    (
        "parent",
        cast::PARENT,
        include_str!("../../docs/queries/parent.graphql"),
        include_str!("../../docs/queries/parent.json"),
    ),
];

#[test]
fn each_migration_has_its_note() {
    let page = include_str!("../../docs/migrations.md");
    for backend in ["postgres", "sqlite"] {
        let folder = std::fs::read_dir(format!("{}/migrations/{backend}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let names: Vec<String> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "docs/migrations.md has nothing of {name} ({backend})");
        }
    }
}

on_both! {
    async fn the_dashboards_are_answered_as_shown(app: TestApp) {
        let mut stale = Vec::new();
        for (name, identifier, query, shown) in DASHBOARDS {
            let variables = if query.contains("$today") { json!({"today": "2026-03-19"}) } else { json!({}) };
            let answer = app.sign_in(identifier).await.ask_with(query, variables).await.ok();
            // As it came: keys in the order of the query.
            let pretty = pretty(&answer.text);
            if pretty != shown {
                let made = format!("{}/{name}.json", env!("CARGO_TARGET_TMPDIR"));
                std::fs::write(&made, pretty).unwrap();
                stale.push(format!("cp {made} docs/queries/{name}.json"));
            }
        }
        assert!(stale.is_empty(), "the answers shown are stale: look at them, and\n{}", stale.join("\n"));
    }
}

/// JSON in lines, its keys left in their order; what fits into a line stays in one.
fn pretty(text: &str) -> String {
    let value: async_graphql::Value = serde_json::from_str(text).unwrap();
    let mut out = String::new();
    write(&value, 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &async_graphql::Value, depth: usize, out: &mut String) {
    use async_graphql::Value;
    let line = serde_json::to_string(value).unwrap();
    let inner = "  ".repeat(depth + 1);
    let mut entries: Vec<(Option<&str>, &Value)> = Vec::new();
    match value {
        Value::Object(fields) => entries.extend(fields.iter().map(|(name, value)| (Some(name.as_str()), value))),
        Value::List(items) => entries.extend(items.iter().map(|value| (None, value))),
        _ => {}
    }
    if entries.is_empty() || line.len() + inner.len() <= 120 {
        out.push_str(&line);
        return;
    }
    let (open, close) = if matches!(value, Value::Object(_)) { ('{', '}') } else { ('[', ']') };
    out.push(open);
    for (i, (name, value)) in entries.iter().enumerate() {
        out.push_str(if i == 0 { "\n" } else { ",\n" });
        out.push_str(&inner);
        if let Some(name) = name {
            out.extend(["\"", name, "\": "]);
        }
        write(value, depth + 1, out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

/// The queries that the README shows, each with the words before it.
fn queries() -> Vec<(&'static str, &'static str)> {
    let readme = include_str!("../../README.md");
    let parts: Vec<&str> = readme.split("```graphql\n").collect();
    let words = parts.iter().map(|before| before.rsplit("```").next().unwrap_or_default().trim());
    words.zip(parts.iter().skip(1)).map(|(words, block)| (words, block.split("```").next().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readmes_first_queries_work_as_they_are() {
    let app = TestApp::start(Backend::Sqlite).await;
    let viewers = [
        ("**parent**", cast::PARENT),
        ("**student**", cast::STUDENT),
        ("**teacher**", cast::TEACHER),
        ("**head of department**", cast::HOD),
        ("**admission officer**", cast::ADMISSION),
        ("**administrator**", cast::ADMIN),
    ];
    let queries = queries();
    for (who, identifier) in viewers {
        let found = queries.iter().find(|(words, _)| words.contains(who));
        let (_, query) = found.unwrap_or_else(|| panic!("the README has a query for a {who}"));
        let answer = app.sign_in(identifier).await.ask(query).await.ok();
        let text = answer.data.to_string();
        assert!(text.contains("\"name\":\""), "{who} is told of somebody: {text}");
    }
    let admin = app.sign_in(cast::ADMIN).await;
    let changes: Vec<_> =
        queries.iter().filter(|(_, query)| query.starts_with("mutation") && !query.contains("signIn")).collect();
    assert!(changes.len() > 2, "the README shows changes");
    for (_, change) in changes {
        let text = admin.ask(change).await.ok().data.to_string();
        assert!(text.contains("\"userErrors\":[]"), "{change}: {text}");
    }
    let (_, report) = queries.iter().find(|(words, _)| words.contains("**reporting tool**")).unwrap();
    let answer = app.api_key("AGGREGATES").await.ask(report).await.ok();
    assert!(answer.at("/courses/edges/0/node/report/students").is_number(), "{answer:?}");
    let audit = queries.iter().find(|(_, query)| query.contains("auditEntries")).unwrap();
    let text = admin.ask(audit.1).await.ok().data.to_string();
    assert!(text.contains("admitStudent"), "{text}");
    let can = queries.iter().find(|(_, query)| query.contains("viewerCan")).unwrap();
    let text = app.sign_in(cast::TEACHER).await.ask(can.1).await.ok().data.to_string();
    assert!(text.contains("\"cancel\":true") && text.contains("\"cancel\":false"), "{text}");
    let (_, sign_in) = queries.iter().find(|(_, query)| query.contains("signIn")).unwrap();
    let answer = app.anonymous().ask(sign_in).await.ok();
    assert_eq!(answer.at("/signIn/userErrors/0/code"), "INVALID_CREDENTIALS", "the demo's password is not this data's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_of_notifications_work_as_they_are() {
    let app = TestApp::start(Backend::Sqlite).await;
    let parent = app.sign_in(cast::PARENT).await;
    let page = include_str!("../../docs/notifications.md");
    let examples: Vec<&str> = page.split("```graphql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let text = parent.ask(example).await.ok().data.to_string();
        assert!(!example.starts_with("mutation") || text.contains("\"userErrors\":[]"), "{example}: {text}");
    }
}

/// What stands in backquotes in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_file_and_test_that_the_pages_name_is_there() {
    let pages = [
        include_str!("../../docs/rules.md"),
        include_str!("../../docs/authorization.md"),
        include_str!("../../docs/security.md"),
        include_str!("../../docs/accounts.md"),
        include_str!("../../docs/channels.md"),
        include_str!("../../docs/guessing.md"),
        include_str!("../../docs/second-factor.md"),
        include_str!("../../docs/openid.md"),
        include_str!("../../docs/operating.md"),
        include_str!("../../docs/failures.md"),
        include_str!("../../docs/queue.md"),
        include_str!("../../docs/scaling.md"),
        include_str!("../../docs/notifications.md"),
        include_str!("../../docs/subscriptions.md"),
        include_str!("../../docs/telemetry.md"),
        include_str!("../../docs/migrations.md"),
        include_str!("../../docs/limits.md"),
        include_str!("../../DEPLOYMENT.md"),
    ];
    let (mut files, mut tests, mut missing) = (0, 0, Vec::new());
    // With a blank it is a command, and its filter of tests is no test.
    for name in pages.into_iter().flat_map(quoted).filter(|name| !name.contains(['<', ' '])) {
        let source = |file: String| std::fs::read_to_string(file).unwrap_or_default();
        if name.strip_suffix(".rs").is_some() {
            files += 1;
            missing.extend((source(name.to_owned()).is_empty()).then_some(name));
        } else if let Some((module, test)) = name.split_once("::") {
            tests += 1;
            missing
                .extend((!source(format!("tests/api/{module}.rs")).contains(&format!("fn {test}("))).then_some(name));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(files > 50 && tests > 100, "the pages were read: {files} files, {tests} tests");
}
