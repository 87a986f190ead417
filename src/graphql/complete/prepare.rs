//! Before the execution: the reserved alias wherever the response alone would not tell enough.

use std::collections::HashSet;

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection, SelectionSet,
        TypeCondition,
    },
};

use super::{Completer, MARKER, named};

impl Completer {
    /// Has every object that the response alone would not tell enough about name its type, under
    /// an alias that [`Completer::complete`] takes out again.
    ///
    /// That is needed on interfaces and unions; where all selections may be skipped, since the
    /// executor answers `null` for an object without keys; and where a key is selected more than
    /// once, since the executor does not merge into such a `null`.
    ///
    /// And it has the fields of an interface selected in a fragment on it. The executor resolves
    /// them on the object then, whose guard is asked; on the interface it resolves them past it
    /// (<https://github.com/async-graphql/async-graphql/issues/1826>).
    pub fn prepare(&self, document: &mut ExecutableDocument) {
        let survey = Survey::of(self, document);
        for fragment in document.fragments.values_mut() {
            let condition = &fragment.node.type_condition.node.on.node;
            self.mark(condition, &mut fragment.node.selection_set.node, &survey);
        }
        let mark = |operation: &mut Positioned<OperationDefinition>| {
            let root = self.root(operation.node.ty);
            self.mark(root, &mut operation.node.selection_set.node, &survey);
        };
        match &mut document.operations {
            DocumentOperations::Single(operation) => mark(operation),
            DocumentOperations::Multiple(operations) => operations.values_mut().for_each(mark),
        }
    }

    fn mark(&self, parent: &Name, set: &mut SelectionSet, survey: &Survey) {
        for item in &mut set.items {
            match &mut item.node {
                Selection::Field(field) => self.mark_field(parent, field, survey),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| &condition.node.on.node);
                    self.mark(parent, &mut inline.node.selection_set.node, survey);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
        if self.is_abstract(parent) {
            set.items.iter_mut().for_each(|item| resolve_on_object(parent, item));
        }
    }

    fn is_abstract(&self, ty: &Name) -> bool {
        self.types.get(ty).is_some_and(|composite| !composite.possible.contains(ty))
    }

    fn mark_field(&self, parent: &Name, field: &mut Positioned<Field>, survey: &Survey) {
        let ty = self.field_type(parent, &field.node).map(named);
        let Some((ty, _)) = ty.and_then(|ty| self.types.get_key_value(ty)) else {
            return;
        };
        let needed = self.is_abstract(ty)
            || !survey.answers(&field.node.selection_set.node)
            || survey.repeats(self, parent, &field.node);
        let set = &mut field.node.selection_set.node;
        self.mark(ty, set, survey);
        // Without selections it is not valid, and must stay so.
        if needed && !set.items.is_empty() {
            set.items.push(marker(field.pos));
        }
    }
}

/// What has to be known of the whole document before any of it is marked.
///
/// Neither part follows fragments into fragments: the document is not validated yet, so they may
/// be cyclic, or chained deeper than the stack.
#[derive(Default)]
struct Survey {
    /// Object types with a key that is selected on them, with sub-selections, more than once.
    repeated: HashSet<(Name, Name)>,
    /// Fragments with a field that nothing skips.
    solid: HashSet<Name>,
}

impl Survey {
    fn of(schema: &Completer, document: &ExecutableDocument) -> Self {
        let mut survey = Self::default();
        let mut seen = HashSet::new();
        for (_, operation) in document.operations.iter() {
            let root = schema.root(operation.node.ty);
            survey.count(schema, root, &operation.node.selection_set.node, &mut seen);
        }
        for fragment in document.fragments.values() {
            let condition = &fragment.node.type_condition.node.on.node;
            survey.count(schema, condition, &fragment.node.selection_set.node, &mut seen);
        }
        let solid = document.fragments.iter();
        let solid = solid.filter(|(_, fragment)| survey.answers(&fragment.node.selection_set.node));
        survey.solid = solid.map(|(name, _)| name.clone()).collect();
        survey
    }

    fn count<'a>(
        &mut self,
        schema: &'a Completer,
        parent: &'a Name,
        set: &'a SelectionSet,
        seen: &mut HashSet<(&'a Name, &'a Name)>,
    ) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) if !field.node.selection_set.node.items.is_empty() => {
                    let key = &field.node.response_key().node;
                    for object in schema.possible(parent) {
                        if !seen.insert((object, key)) {
                            self.repeated.insert((object.clone(), key.clone()));
                        }
                    }
                    if let Some(ty) = schema.field_type(parent, &field.node) {
                        self.count(schema, named(ty), &field.node.selection_set.node, seen);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| &condition.node.on.node);
                    self.count(schema, parent, &inline.node.selection_set.node, seen);
                }
                _ => {}
            }
        }
    }

    /// Whether at least one field of `set` is certain to be executed.
    fn answers(&self, set: &SelectionSet) -> bool {
        set.items.iter().any(|item| {
            item.node.directives().is_empty()
                && match &item.node {
                    Selection::Field(_) => true,
                    Selection::InlineFragment(inline) => self.answers(&inline.node.selection_set.node),
                    Selection::FragmentSpread(spread) => self.solid.contains(&spread.node.fragment_name.node),
                }
        })
    }

    fn repeats(&self, schema: &Completer, parent: &Name, field: &Field) -> bool {
        let key = &field.response_key().node;
        !self.repeated.is_empty()
            && schema.possible(parent).any(|object| self.repeated.contains(&(object.clone(), key.clone())))
    }
}

/// `field` becomes `... on Interface { field }`.
fn resolve_on_object(interface: &Name, item: &mut Positioned<Selection>) {
    let pos = item.pos;
    match &item.node {
        Selection::Field(field) if field.node.name.node != "__typename" => {}
        _ => return,
    }
    let condition = TypeCondition { on: Positioned::new(interface.clone(), pos) };
    let fragment = InlineFragment {
        type_condition: Some(Positioned::new(condition, pos)),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet { items: vec![item.clone()] }, pos),
    };
    item.node = Selection::InlineFragment(Positioned::new(fragment, pos));
}

/// `__rollcall_typename: __typename`
fn marker(pos: Pos) -> Positioned<Selection> {
    let field = Field {
        alias: Some(Positioned::new(Name::new(MARKER), pos)),
        name: Positioned::new(Name::new("__typename"), pos),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    };
    Positioned::new(Selection::Field(Positioned::new(field, pos)), pos)
}
