//! The ways that the schema offers from a type to rows, found by walking its fields.

use crate::support::{
    schema::{Field, Object, SCHEMA},
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

/// All the ways of so many hops from a type, with the id of every row on them and the count of every list.
pub fn tree(of: &'static Object, depth: usize, filling: &Filling<'_>) -> Vec<Select> {
    let mut tree = Vec::new();
    for field in &of.fields {
        if let Some(below) = beyond(field, depth, filling) {
            tree.push(Select::new(&field.name, arguments(field, filling), below));
        }
    }
    if of.name.ends_with("Connection") {
        tree.push(Select::leaf("totalCount"));
    }
    tree
}

/// What [`tree`] selects of a field; nothing where it leads to no row.
fn beyond(field: &'static Field, depth: usize, filling: &Filling<'_>) -> Option<Vec<Select>> {
    let id = Select::leaf("id");
    match SCHEMA.objects.get(&field.leads_to) {
        Some(row) if row.is_node => {
            let depth = depth.checked_sub(1)?;
            Some([vec![id], tree(row, depth, filling)].concat())
        }
        Some(object) => {
            let below = tree(object, depth, filling);
            below.iter().any(|select| !select.of.is_empty()).then_some(below)
        }
        None => (depth > 0 && field.leads_to == "Node").then(|| vec![Select::leaf("__typename"), id]),
    }
}
