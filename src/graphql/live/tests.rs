use async_graphql::{
    Request, Value,
    parser::{
        parse_schema,
        types::{ExecutableDocument, Selection},
    },
};

use super::{Beat, Known, TOLD, single, to_the_end};
use crate::{
    error::Result,
    graphql::{Documents, Limits, Opened, complete::Completer},
};

const SCHEMA: &str = "type Query { q: Int } type Subscription { a(n: Int): Thing b: Int } type Thing { x: Int y: Int }";

async fn opened(request: Request) -> (Completer, Opened) {
    let completer = Completer::new(parse_schema(SCHEMA).unwrap());
    let documents = Documents::new(&completer, Limits::default(), &[], false).await.unwrap();
    let opened = documents.open(&completer, request, None).unwrap();
    (completer, opened)
}

async fn rooted(request: impl Into<Request>) -> Result<Opened, String> {
    let (completer, mut opened) = opened(request.into()).await;
    single::root(&completer, &mut opened).map(|()| opened).map_err(|error| error.report())
}

/// The name of the field at the root, and how much is selected below it.
fn root(document: &ExecutableDocument) -> Option<(String, usize)> {
    let (_, operation) = document.operations.iter().next()?;
    match operation.node.selection_set.node.items.as_slice() {
        [item] => match &item.node {
            Selection::Field(field) => {
                Some((field.node.name.node.to_string(), field.node.selection_set.node.items.len()))
            }
            _ => None,
        },
        _ => None,
    }
}

#[tokio::test]
async fn the_one_field_is_found_wherever_it_stands() {
    for (query, fields) in [
        ("subscription { a { x } }", 1),
        ("subscription { ...F } fragment F on Subscription { a { x } }", 1),
        ("subscription { ... { ... on Subscription { a { x } } } }", 1),
        ("subscription { a { x } ...F } fragment F on Subscription { a { y } }", 2),
    ] {
        let opened = rooted(query).await.unwrap();
        assert_eq!(root(&opened.document), Some(("a".to_owned(), fields)), "{query}");
        assert!(opened.document.fragments.is_empty(), "{query}");
    }
}

#[tokio::test]
async fn there_is_no_second_one_and_none_that_may_be_left_out() {
    for (query, told) in [
        ("subscription { a { x } b }", "exactly one"),
        ("subscription { a { x } c: a { x } }", "exactly one"),
        ("subscription { a(n: 1) { x } a(n: 2) { x } }", "exactly one"),
        ("subscription { a { x } ...F } fragment F on Subscription { b }", "exactly one"),
        ("subscription { a @skip(if: false) { x } }", "@skip"),
        ("subscription { ... @include(if: true) { a { x } } }", "@skip"),
        ("subscription { __typename }", "schema"),
    ] {
        let error = rooted(query).await.unwrap_err();
        assert!(error.contains(told), "{query}: {error}");
    }
    // What is not valid is left as it is, to be refused as such.
    assert_eq!(root(&rooted("subscription { ...F } fragment F on Thing { x }").await.unwrap().document), None);
}

#[tokio::test]
async fn of_several_operations_the_one_that_is_chosen_stays_with_what_it_spreads() {
    let query = "subscription A { ...F } subscription B { ...F ...G } query Q { q } fragment F on Subscription { a { ...T } } \
        fragment G on Subscription { b } fragment T on Thing { x ...U } fragment U on Thing { y }";
    let opened = rooted(Request::new(query).operation_name("A")).await.unwrap();
    let operations: Vec<_> = opened.document.operations.iter().filter_map(|(name, _)| name).collect();
    assert_eq!(operations, ["A"]);
    assert_eq!(root(&opened.document), Some(("a".to_owned(), 1)));
    let mut fragments: Vec<_> = opened.document.fragments.keys().map(ToString::to_string).collect();
    fragments.sort();
    assert_eq!(fragments, ["T", "U"]);
    assert!(rooted(Request::new(query).operation_name("B")).await.unwrap_err().contains("exactly one"));
}

#[tokio::test]
async fn a_fragment_that_nothing_spreads_is_left_to_be_refused() {
    let opened = rooted("subscription { a { x } } fragment F on Subscription { a { x } }").await.unwrap();
    assert_eq!(opened.document.fragments.keys().collect::<Vec<_>>(), ["F"]);
}

#[test]
fn what_was_told_is_known_for_a_while() {
    let mut known = Known::default();
    for position in 1..=TOLD {
        known.note(i64::try_from(position).unwrap());
        known.note(1);
    }
    assert!(known.has(1) && known.all.len() == TOLD);
    known.note(0);
    assert!(!known.has(1) && known.has(2) && known.has(0) && known.all.len() == TOLD);
}

#[tokio::test]
async fn what_panics_ends_with_a_fault_and_does_not_look_complete() {
    let Beat::Refused(response) = to_the_end(async { panic!("a bug") }).await else { panic!("it is not refused") };
    assert_eq!(response.errors[0].extensions.as_ref().unwrap().get("code"), Some(&Value::from("INTERNAL")));
    assert!(matches!(to_the_end(async { Beat::Complete }).await, Beat::Complete));
}
