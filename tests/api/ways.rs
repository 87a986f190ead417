//! The ways that the schema offers from a type to rows, found by walking its fields.

use std::collections::BTreeSet;

use crate::support::{
    schema::{Argument, Field, Object, SCHEMA},
    select::{Filling, Select, arguments},
};

/// A field that leads to rows, or several with what is no row in between.
#[derive(Clone, Debug)]
pub struct Hop {
    pub fields: Vec<&'static str>,
    /// Whether the first is a list whose `totalCount` counts the rows.
    pub connection: bool,
}

/// The ways of one hop from a type.
pub fn hops(of: &'static Object) -> Vec<Hop> {
    let mut hops = Vec::new();
    for field in &of.fields {
        let name: &'static str = &field.name;
        match SCHEMA.objects.get(&field.leads_to) {
            Some(row) if row.is_node => hops.push(Hop { fields: vec![name], connection: false }),
            Some(object) => {
                let connection = object.name.ends_with("Connection");
                let beyond = self::hops(object).into_iter();
                hops.extend(beyond.map(|hop| Hop { fields: [vec![name], hop.fields].concat(), connection }));
            }
            None if field.leads_to == "Node" => hops.push(Hop { fields: vec![name], connection: false }),
            None => {}
        }
    }
    hops
}

/// What is walked: how many rows of each list are gone on from at each hop, for whom, and what their arguments are.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    pub pages: &'a [usize],
    /// The roles of who walks: what none of them may read is asked for, and nothing beyond it.
    pub held: &'a BTreeSet<&'static str>,
    pub filling: &'a Filling<'a>,
}

/// All the ways of as many hops from a type as there are pages, with the id of every row on them and the count of every list.
pub fn tree(of: &'static Object, walk: Walk<'_>) -> Vec<Select> {
    let paged = |field: &Field, argument: &Argument| match walk.pages.first() {
        Some(first) if argument.name == "first" => Some(first.to_string()),
        _ => (walk.filling)(field, argument),
    };
    let mut tree = Vec::new();
    for field in &of.fields {
        let below =
            beyond(field, walk).map(|below| if may(field, walk) { below } else { vec![Select::leaf("__typename")] });
        tree.extend(below.map(|below| Select::new(&field.name, arguments(field, &paged), below)));
    }
    if of.name.ends_with("Connection") {
        tree.push(Select::leaf("totalCount"));
    }
    tree
}

fn may(field: &Field, walk: Walk<'_>) -> bool {
    field.may.iter().any(|role| walk.held.contains(&**role))
}

/// What [`tree`] selects of a field; nothing where it leads to no row.
fn beyond(field: &'static Field, walk: Walk<'_>) -> Option<Vec<Select>> {
    let id = Select::leaf("id");
    match SCHEMA.objects.get(&field.leads_to) {
        Some(row) if row.is_node => {
            let (_, pages) = walk.pages.split_first()?;
            Some([vec![id], tree(row, Walk { pages, ..walk })].concat())
        }
        Some(object) => {
            let below = tree(object, walk);
            below.iter().any(|select| !select.of.is_empty()).then_some(below)
        }
        None => (!walk.pages.is_empty() && field.leads_to == "Node").then(|| vec![Select::leaf("__typename"), id]),
    }
}
