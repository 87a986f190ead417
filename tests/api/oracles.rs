//! Filters and orders: what a list finds by one, and in which order, must not tell of what the viewer may not read.

use std::collections::BTreeMap;

use rollcall::ids::Kind;

use crate::{
    hard::hard_cases,
    reached::{Reached, viewers},
    rules::{RULES, Rule, Viewer},
    support::{
        Client, TestApp,
        schema::{Argument, Field, SCHEMA, named},
    },
};

/// The field of a row that a filter, or an order, goes by, where it is not the one of its name.
const GOES_BY: &[(&str, &str)] = &[
    ("AccessEntryFilter.actorId", "actor"),
    ("AccessEntryFilter.subjectId", "subjects"),
    ("AccessEntryFilter.from", "at"),
    ("AccessEntryFilter.to", "at"),
    ("AttendanceSessionFilter.from", "date"),
    ("AttendanceSessionFilter.to", "date"),
    // Of the routine and its course a session shows what the viewer reaches; so does the filter.
    ("AttendanceSessionFilter.courseId", "routine"),
    ("AuditEntryFilter.from", "at"),
    ("AuditEntryFilter.to", "at"),
    ("CourseTrackingFilter.minCompletion", "completion"),
    ("CourseTrackingFilter.maxCompletion", "completion"),
    ("InstituteFeedbackFilter.minRating", "rating"),
    ("LeaveRequestFilter.from", "lastDay"),
    ("LeaveRequestFilter.to", "firstDay"),
    ("MeetingFilter.from", "startsAt"),
    ("MeetingFilter.to", "startsAt"),
    ("NoticeFilter.from", "publishedAt"),
    ("NoticeFilter.to", "publishedAt"),
    ("NoticeFilter.unread", "readAt"),
    ("NoticeFilter.withdrawn", "withdrawnAt"),
    ("NotificationFilter.from", "at"),
    ("NotificationFilter.to", "at"),
    ("NotificationFilter.unread", "readAt"),
    ("RoutineFilter.weekday", "weekdays"),
    ("RoutineFilter.date", "weekdays"),
    ("StaffFilter.role", "roles"),
    ("StudentFilter.period", "currentPeriod"),
    ("StudentFilter.batchId", "batches"),
    ("TeacherFeedbackFilter.minRating", "rating"),
    // The order of entry is that of the rows' numbers, and dates nothing; of feedback not even that.
    ("BatchOrder.ENTRY", "id"),
    ("CourseTrackingOrder.ENTRY", "id"),
    ("InstituteFeedbackOrder.ENTRY", "id"),
    ("JobOrder.ENTRY", "id"),
    ("ParentOrder.ENTRY", "id"),
    ("StaffOrder.ENTRY", "id"),
    ("StudentOrder.ADMISSION", "id"),
    ("SubjectOrder.ENTRY", "id"),
    ("TeacherFeedbackOrder.ENTRY", "id"),
];

/// What is for an ADMIN alone: nobody else reaches a row that was archived or withdrawn, so that one was not tells them nothing.
const TOLD_BY_SCOPE: [&str; 4] =
    ["NoticeFilter.withdrawn", "ParentFilter.archived", "StaffFilter.archived", "StudentFilter.archived"];

/// A filter or an order of a list: the argument that it is, and the field of a row that it goes by.
struct Handle {
    rule: &'static Rule,
    name: String,
    argument: String,
    goes_by: &'static Field,
}

/// The filters and orders of the lists in the query root.
fn handles(app: &TestApp) -> Vec<Handle> {
    let mut handles = Vec::new();
    for rule in RULES.iter().filter(|rule| !rule.list.is_empty()) {
        for argument in &SCHEMA.object("Query").field(rule.list).arguments {
            let input = named(&argument.of);
            let mut add = |name: String, argument: String, field: &str| {
                if TOLD_BY_SCOPE.contains(&&*name) {
                    return;
                }
                let told = GOES_BY.iter().find(|(of, _)| *of == name).map(|(_, field)| *field);
                let fields = &SCHEMA.object(rule.type_name).fields;
                let named = [told.unwrap_or(field), field.trim_end_matches("Id")];
                let goes_by = fields.iter().find(|field| named.contains(&&*field.name));
                let goes_by = goes_by.unwrap_or_else(|| panic!("{name}: by which field of {}?", rule.type_name));
                handles.push(Handle { rule, name, argument, goes_by });
            };
            match &*argument.name {
                "filter" => {
                    for own in &SCHEMA.inputs[input] {
                        for value in values(app, own) {
                            add(
                                format!("{input}.{}", own.name),
                                format!("filter: {{{}: {value}}}", own.name),
                                &own.name,
                            );
                        }
                    }
                }
                "orderBy" => {
                    let field = SCHEMA.inputs[input].iter().find(|own| own.name == "field").unwrap();
                    for value in &SCHEMA.enums[named(&field.of)] {
                        for direction in ["ASC", "DESC"] {
                            let by = format!("orderBy: {{field: {value}, direction: {direction}}}");
                            add(format!("{input}.{value}"), by, &camel(value));
                        }
                    }
                }
                "first" | "after" | "last" | "before" => {}
                other => panic!("{}({other}): neither a filter nor an order", rule.list),
            }
        }
    }
    handles
}

/// `STARTS_AT` as the field it is named for: `startsAt`.
fn camel(value: &str) -> String {
    let mut words = value.split('_').map(str::to_lowercase);
    let first = words.next().unwrap();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// Values for a filter, some of which find something.
fn values(app: &TestApp, argument: &Argument) -> Vec<String> {
    let kinds = [Kind::Course, Kind::Batch, Kind::Student, Kind::Staff, Kind::Routine, Kind::Account];
    match named(&argument.of) {
        "Boolean" => vec!["true".to_owned(), "false".to_owned()],
        "Int" | "Float" => vec!["1".to_owned(), "3".to_owned()],
        "String" => vec!["\"a\"".to_owned()],
        "Date" => vec!["\"2026-03-12\"".to_owned()],
        "DateTime" => vec!["\"2026-03-12T00:00:00Z\"".to_owned()],
        "ID" => {
            kinds.into_iter().flat_map(|kind| [1, 3].map(|number| format!("\"{}\"", app.id(kind, number)))).collect()
        }
        of => SCHEMA.enums[of].clone(),
    }
}

/// Tries each filter and order that goes by something which the viewer may not read of every row that they reach: it is
/// refused, or finds only rows of which they may. How many there were.
async fn try_all(
    app: &TestApp,
    viewer: &Viewer,
    client: &Client,
    handles: &[Handle],
    tried: &mut BTreeMap<String, usize>,
) {
    let reached = Reached::of(app, viewer).await;
    let held = viewer.held();
    for handle in handles {
        let list = SCHEMA.object("Query").field(handle.rule.list);
        if held.iter().all(|role| !list.may.contains(*role)) {
            continue;
        }
        let may = |number: i64| {
            reached.granted(handle.rule.kind, number).iter().any(|role| handle.goes_by.may.contains(*role))
        };
        if reached.rows(handle.rule.kind).into_keys().all(may) {
            continue;
        }
        *tried.entry(handle.name.clone()).or_default() += 1;
        let what = format!("{}: {}({})", viewer.name, handle.rule.list, handle.argument);
        match client.walk(handle.rule.list, &handle.argument, "id").await {
            Err(code) => assert_eq!(code, "FORBIDDEN", "{what}"),
            Ok((nodes, total)) => {
                assert_eq!(nodes.len(), total, "{what}: totalCount");
                for node in &nodes {
                    let (_, number) = app.open(node["id"].as_str().unwrap());
                    assert!(may(number), "{what} tells {} of row {number}", handle.goes_by.name);
                }
            }
        }
    }
}

on_both! {
    async fn no_filter_or_order_goes_by_what_the_viewer_may_not_read(app: TestApp) {
        hard_cases(&app).await;
        let handles = handles(&app);
        let mut tried = BTreeMap::new();
        for (viewer, client) in viewers(&app).await {
            try_all(&app, viewer, &client, &handles, &mut tried).await;
        }
        // There are such: this would prove nothing otherwise.
        for handle in ["StaffFilter.role", "TeacherFeedbackOrder.UPDATED_AT"] {
            assert!(tried.contains_key(handle), "{tried:?}");
        }
    }
}
