//! A subscription has one field: the section "Single root field" of the GraphQL specification.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned,
    parser::types::{Directive, DocumentOperations, ExecutableDocument, Field, OperationType, Selection, SelectionSet},
};

use crate::{
    error::{Error, Result},
    graphql::{Opened, complete::Completer},
};

/// Has the operation's one field stand at its root itself, where the library looks for it.
///
/// # Errors
/// When there are several, when it may be skipped, and when it asks for the schema.
pub(super) fn root(schema: &Completer, opened: &mut Opened) -> Result<()> {
    let name = opened.request.operation_name.as_deref();
    let root = schema.root(OperationType::Subscription);
    let mut fields = Vec::new();
    if let Some(operation) = super::super::complete::select_operation(&opened.document, name) {
        let mut collected = Collected { document: &opened.document, root, seen: HashSet::new(), fields: &mut fields };
        // What stands on another type is for the validation to refuse.
        if !collected.set(&operation.selection_set.node)? {
            return Ok(());
        }
    }
    let mut fields = fields.into_iter();
    let Some(mut field) = fields.next() else { return Err(one()) };
    for other in fields {
        let same = field.node.response_key().node == other.node.response_key().node
            && field.node.name.node == other.node.name.node
            && field.node.arguments == other.node.arguments;
        if !same {
            return Err(one());
        }
        field.node.selection_set.node.items.extend(other.node.selection_set.node.items);
    }
    if field.node.name.node.starts_with("__") {
        return Err(Error::bad_input("a subscription does not ask for the schema: a query does"));
    }
    put(opened, field);
    Ok(())
}

fn one() -> Error {
    Error::bad_input("a subscription has exactly one field at its root")
}

/// Puts the field at the root of the operation, and leaves nothing in the document but that operation and what it spreads. A
/// fragment that nothing ever spread stays, for the validation to refuse.
fn put(opened: &mut Opened, field: Positioned<Field>) {
    let Opened { request, document, .. } = opened;
    let before = spread(document);
    let operation = match &mut document.operations {
        DocumentOperations::Single(operation) => Some(operation),
        DocumentOperations::Multiple(all) => {
            if let Some(chosen) = request.operation_name.as_deref() {
                all.retain(|name, _| name == chosen);
            }
            all.values_mut().next()
        }
    };
    if let Some(operation) = operation {
        let pos = field.pos;
        operation.node.selection_set.node.items = vec![Positioned::new(Selection::Field(field), pos)];
    }
    let after = spread(document);
    document.fragments.retain(|name, _| after.contains(name) || !before.contains(name));
}

/// The fragments that operations spread, through others as well.
fn spread(document: &ExecutableDocument) -> HashSet<Name> {
    let mut names = HashSet::new();
    let mut sets: Vec<&SelectionSet> =
        document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node).collect();
    while let Some(set) = sets.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => sets.push(&field.node.selection_set.node),
                Selection::InlineFragment(inline) => sets.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if names.insert(name.clone())
                        && let Some(fragment) = document.fragments.get(name)
                    {
                        sets.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    names
}

/// The fields at the root, through fragments.
struct Collected<'a> {
    document: &'a ExecutableDocument,
    root: &'a Name,
    seen: HashSet<&'a Name>,
    fields: &'a mut Vec<Positioned<Field>>,
}

impl<'a> Collected<'a> {
    /// Collects the fields of a set; false where some of it stands on another type than the root, or nowhere.
    fn set(&mut self, set: &'a SelectionSet) -> Result<bool> {
        for item in &set.items {
            never_skipped(item.node.directives())?;
            let (condition, set) = match &item.node {
                Selection::Field(field) => {
                    self.fields.push(field.clone());
                    continue;
                }
                Selection::InlineFragment(inline) => {
                    (inline.node.type_condition.as_ref(), &inline.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name) else { return Ok(false) };
                    if !self.seen.insert(name) {
                        continue;
                    }
                    (Some(&fragment.node.type_condition), &fragment.node.selection_set.node)
                }
            };
            if condition.is_some_and(|condition| condition.node.on.node != *self.root) || !self.set(set)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn never_skipped(directives: &[Positioned<Directive>]) -> Result<()> {
    if directives.iter().any(|directive| matches!(directive.node.name.node.as_str(), "skip" | "include")) {
        return Err(Error::bad_input("the one field of a subscription takes neither @skip nor @include"));
    }
    Ok(())
}
