//! After the execution: one walk over the response, along the query.

use std::{
    collections::{HashMap, HashSet},
    mem,
};

use async_graphql::{
    Name, PathSegment, Positioned, ServerError, Value, Variables,
    indexmap::IndexMap,
    parser::types::{
        BaseType, Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
        VariableDefinition,
    },
};

use super::{Completer, MARKER, is_marker, named};

/// What the walk needs to know of the request.
pub(super) struct Walk<'a> {
    schema: &'a Completer,
    document: &'a ExecutableDocument,
    definitions: &'a [Positioned<VariableDefinition>],
    variables: &'a Variables,
}

/// The fields collected for an object type, in the order of the query, by response key.
type Plan<'a> = IndexMap<&'a Name, PlannedField<'a>>;

#[derive(Default)]
struct PlannedField<'a> {
    /// Nothing for `__typename`, `__schema` and `__type`, which pass through as they are.
    ty: Option<&'a Type>,
    /// The sub-selections to be merged.
    sets: Vec<&'a SelectionSet>,
    /// Whether the objects here name their type.
    marked: bool,
    /// The sub-selections, collected once for each object type that occurs here.
    plans: Vec<(&'a Name, Plan<'a>)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        schema: &'a Completer,
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        variables: &'a Variables,
    ) -> Self {
        let definitions = &operation.variable_definitions;
        Self { schema, document, definitions, variables }
    }

    /// Completes the data of `operation`, whose root type is `root`.
    pub(super) fn root(
        &self,
        root: &'a Name,
        operation: &'a OperationDefinition,
        data: &mut Value,
        errors: &[ServerError],
    ) {
        let errors = ErrorTree::new(errors);
        let mut plan = self.plan(root, &[&operation.selection_set.node]);
        let mut map = match mem::take(data) {
            Value::Object(map) => map,
            _ => IndexMap::new(),
        };
        if self.object(&mut map, &mut plan, Some(&errors)) {
            *data = Value::Object(map);
        }
    }

    /// `ExecuteSelectionSet`: every key, in order. False if the object has to be null.
    fn object(&self, map: &mut IndexMap<Name, Value>, plan: &mut Plan<'a>, errors: Option<&ErrorTree>) -> bool {
        if !map.keys().eq(plan.keys().copied()) {
            let mut found = mem::take(map);
            let mut take = |key: &Name| found.swap_remove(key).unwrap_or_default();
            *map = plan.keys().map(|key| ((*key).clone(), take(key))).collect();
        }
        plan.iter_mut().zip(map.values_mut()).all(|((key, field), value)| {
            let errors = errors.and_then(|errors| errors.below(&Segment::Field(key)));
            field.ty.is_none_or(|ty| self.value(value, ty, field, errors))
        })
    }

    /// `CompleteValue`. False if null has to propagate to the parent.
    fn value(&self, value: &mut Value, ty: &'a Type, field: &mut PlannedField<'a>, errors: Option<&ErrorTree>) -> bool {
        if let (Value::Null, BaseType::Named(_), Some(errors)) = (&*value, &ty.base, errors)
            && errors.continues()
            && !field.sets.is_empty()
        {
            // All of its fields errored, which the executor answers with null.
            *value = Value::Object(IndexMap::new());
        }
        let whole = match (&mut *value, &ty.base) {
            (Value::List(items), BaseType::List(ty)) => items.iter_mut().enumerate().all(|(index, item)| {
                let errors = errors.and_then(|errors| errors.below(&Segment::Index(index)));
                self.value(item, ty, field, errors)
            }),
            (Value::Object(map), BaseType::Named(_)) if !field.sets.is_empty() => {
                match self.plan_for(map, ty, field) {
                    Some(plan) => self.object(map, plan, errors),
                    // Not prepared for: nothing can be said of its fields.
                    None => !map.is_empty(),
                }
            }
            _ => true,
        };
        if !whole {
            *value = Value::Null;
        }
        ty.nullable || !matches!(value, Value::Null)
    }

    /// `CollectSubfields` for the object type of `map`, out of the field's cache if it is there.
    fn plan_for<'p>(
        &self,
        map: &mut IndexMap<Name, Value>,
        ty: &'a Type,
        field: &'p mut PlannedField<'a>,
    ) -> Option<&'p mut Plan<'a>> {
        let object = self.object_type(map, ty, field)?;
        let known = field.plans.iter().position(|(name, _)| *name == object);
        let index = known.unwrap_or_else(|| {
            field.plans.push((object, self.plan(object, &field.sets)));
            field.plans.len() - 1
        });
        field.plans.get_mut(index).map(|(_, plan)| plan)
    }

    /// The object type of `map`, which says so itself unless only one is possible.
    fn object_type(&self, map: &mut IndexMap<Name, Value>, ty: &'a Type, field: &PlannedField<'a>) -> Option<&'a Name> {
        if field.marked
            && let Some(Value::String(name)) = map.shift_remove(MARKER)
        {
            return self.schema.types.get_key_value(name.as_str()).map(|(name, _)| name);
        }
        let mut possible = self.schema.possible(named(ty));
        possible.next().filter(|_| possible.next().is_none())
    }

    fn plan(&self, object: &Name, sets: &[&'a SelectionSet]) -> Plan<'a> {
        let mut plan = Plan::new();
        let mut visited = HashSet::new();
        for set in sets {
            self.collect(object, set, &mut visited, &mut plan);
        }
        plan
    }

    /// `CollectFields`.
    fn collect(&self, object: &Name, set: &'a SelectionSet, visited: &mut HashSet<&'a Name>, plan: &mut Plan<'a>) {
        for item in set.items.iter().filter(|item| self.includes(item.node.directives())) {
            match &item.node {
                Selection::Field(field) => self.add(object, &field.node, plan),
                Selection::InlineFragment(inline) => {
                    let inline = &inline.node;
                    let condition = inline.type_condition.as_ref().map(|on| &on.node.on.node);
                    if condition.is_none_or(|ty| self.schema.applies(ty, object)) {
                        self.collect(object, &inline.selection_set.node, visited, plan);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if visited.insert(name)
                        && let Some(fragment) = self.document.fragments.get(name)
                        && self.schema.applies(&fragment.node.type_condition.node.on.node, object)
                    {
                        self.collect(object, &fragment.node.selection_set.node, visited, plan);
                    }
                }
            }
        }
    }

    fn add(&self, object: &Name, field: &'a Field, plan: &mut Plan<'a>) {
        if is_marker(field) {
            return;
        }
        let planned = plan.entry(&field.response_key().node).or_default();
        planned.ty = self.schema.field_type(object, field);
        let set = &field.selection_set.node;
        if let Some(last) = set.items.last() {
            planned.sets.push(set);
            planned.marked |= matches!(&last.node, Selection::Field(last) if is_marker(&last.node));
        }
    }

    /// Whether `@skip` and `@include` leave a selection in.
    fn includes(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| match directive.node.name.node.as_str() {
            "skip" => !self.condition(&directive.node),
            "include" => self.condition(&directive.node),
            _ => true,
        })
    }

    fn condition(&self, directive: &Directive) -> bool {
        directive.get_argument("if").is_some_and(|argument| {
            let value = argument.node.clone();
            let value = value.into_const_with(|name| self.variable(&name).cloned().ok_or(()));
            value == Ok(Value::Boolean(true))
        })
    }

    fn variable(&self, name: &Name) -> Option<&Value> {
        self.variables.get(name).or_else(|| {
            let mut definitions = self.definitions.iter();
            let definition = definitions.find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value()
        })
    }
}

/// The errors of a response by the segments of their paths.
#[derive(Default)]
struct ErrorTree<'e>(HashMap<Segment<'e>, ErrorTree<'e>>);

#[derive(PartialEq, Eq, Hash)]
enum Segment<'e> {
    Field(&'e str),
    Index(usize),
}

impl<'e> ErrorTree<'e> {
    fn new(errors: &'e [ServerError]) -> Self {
        let mut root = Self::default();
        for error in errors {
            error.path.iter().fold(&mut root, |tree, segment| {
                let segment = match segment {
                    PathSegment::Field(name) => Segment::Field(name),
                    PathSegment::Index(index) => Segment::Index(*index),
                };
                tree.0.entry(segment).or_default()
            });
        }
        root
    }

    fn below(&self, segment: &Segment<'e>) -> Option<&Self> {
        self.0.get(segment)
    }

    /// Whether there are errors strictly below this place.
    fn continues(&self) -> bool {
        !self.0.is_empty()
    }
}
