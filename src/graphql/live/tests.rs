use async_graphql::{
    Request,
    parser::{
        parse_schema,
        types::{ExecutableDocument, Selection},
    },
};

use super::{Known, TOLD, single};
use crate::{
    error::Result,
    graphql::{Documents, Limits, Opened, complete::Completer},
};

const SCHEMA: &str = "type Query { q: Int } type Subscription { a(n: Int): Thing b: Int } type Thing { x: Int y: Int }";

async fn opened(query: &str) -> (Completer, Opened) {
    let completer = Completer::new(parse_schema(SCHEMA).unwrap());
    let documents = Documents::new(&completer, Limits::default(), &[], false).await.unwrap();
    let opened = documents.open(&completer, Request::new(query), None).unwrap();
    (completer, opened)
}

async fn rooted(query: &str) -> Result<Opened, String> {
    let (completer, mut opened) = opened(query).await;
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

#[test]
fn what_was_told_is_known_for_a_while() {
    let mut known = Known::default();
    assert!(known.note(1) && !known.note(1));
    for position in 2..=TOLD + 2 {
        assert!(known.note(i64::try_from(position).unwrap()));
    }
    assert!(known.note(1) && known.all.len() == TOLD);
}
