//! What a parsed document asks for.
//!
//! Each fragment is weighed once and its weight is taken wherever it is spread, so that fragments that spread fragments
//! cost nothing to count however much they would multiply.

use std::collections::HashMap;

use async_graphql::{
    Name, Value as ConstValue, Variables,
    parser::types::{BaseType, ExecutableDocument, Field, OperationType, Selection, SelectionSet, Type},
};
use async_graphql_value::Value;

use super::Refusal;
use crate::graphql::{
    complete::{Completer, named, select_operation},
    connection::{DEFAULT_PAGE, MAX_PAGE},
};

/// How often what stands below a list counts, where the query does not say how many there are.
pub(super) const LIST: u64 = 5;
/// What a mutation costs: it takes a lock and about a dozen statements.
pub(super) const MUTATION: u64 = 1_000;
/// Values of arguments that cost as much as a field.
const VALUES_PER_FIELD: u64 = 10;
/// The lists of an introspection in which more may stand.
const INTROSPECTION_LISTS: [&str; 8] =
    ["types", "directives", "fields", "interfaces", "possibleTypes", "enumValues", "inputFields", "args"];

/// What a selection set asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weight {
    /// Selection sets in selection sets, those of fragments too.
    nesting: u64,
    /// Fields in fields.
    pub depth: u64,
    /// Lists in lists of an introspection.
    pub introspection: u64,
    /// Fields at its top.
    pub roots: u64,
    /// Fields and fragments.
    pub fields: u64,
    /// Aliases.
    pub aliases: u64,
    /// Directives.
    pub directives: u64,
    /// Values in arguments.
    pub values: u64,
    /// What it costs.
    cost: u64,
}

impl Weight {
    /// The weight of two things that stand beside one another.
    fn and(self, other: Self) -> Self {
        Self {
            nesting: self.nesting.max(other.nesting),
            depth: self.depth.max(other.depth),
            introspection: self.introspection.max(other.introspection),
            roots: self.roots.saturating_add(other.roots),
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            values: self.values.saturating_add(other.values),
            cost: self.cost.saturating_add(other.cost),
        }
    }

    fn directed(self, directives: usize) -> Self {
        Self { directives: self.directives.saturating_add(size(directives)), ..self }
    }
}

/// The type that fields are selected on.
#[derive(Clone, Copy)]
enum Parent<'a> {
    /// One of the schema's, if it is there.
    Of(&'a str),
    /// One of those that tell of the schema.
    Introspection,
    /// The schema does not know.
    Unknown,
}

impl<'a> Parent<'a> {
    fn of(name: &'a Name) -> Self {
        if name.starts_with("__") { Self::Introspection } else { Self::Of(name) }
    }
}

/// Weighs a document.
pub(super) struct Scales<'a> {
    schema: &'a Completer,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    nesting: u64,
    /// Fragments that were weighed; nothing while one is being weighed.
    fragments: HashMap<&'a Name, Option<Weight>>,
    /// How many values variables have.
    counts: HashMap<&'a Name, u64>,
}

impl<'a> Scales<'a> {
    pub(super) fn new(
        schema: &'a Completer,
        document: &'a ExecutableDocument,
        variables: &'a Variables,
        nesting: u64,
    ) -> Self {
        Self { schema, document, variables, nesting, fragments: HashMap::new(), counts: HashMap::new() }
    }

    /// The weight of all that validation looks at, and the cost of the operation that is to be executed.
    ///
    /// # Errors
    /// When a fragment leads to itself, or selection sets are nested too deep to go on.
    pub(super) fn weigh(&mut self, operation_name: Option<&str>) -> Result<(Weight, u64), Refusal> {
        let selected = select_operation(self.document, operation_name);
        let (mut all, mut cost) = (Weight::default(), 0);
        for (_, operation) in self.document.operations.iter() {
            let operation = &operation.node;
            let root = Parent::Of(self.schema.root(operation.ty));
            let mut weight = self.set(root, &operation.selection_set.node, 1)?.directed(operation.directives.len());
            for definition in &operation.variable_definitions {
                weight = weight.directed(definition.node.directives.len());
            }
            if operation.ty == OperationType::Mutation {
                weight.cost = weight.cost.saturating_add(weight.roots.saturating_mul(MUTATION));
            }
            if selected.is_none_or(|selected| std::ptr::eq(selected, operation)) {
                cost = cost.max(weight.cost);
            }
            let roots = all.roots.max(weight.roots);
            all = Weight { roots, ..all.and(weight) };
        }
        // Those that nothing spreads are validated too.
        for name in self.document.fragments.keys() {
            if !self.fragments.contains_key(name) {
                let weight = self.spread(name, 1)?;
                all = Weight { roots: all.roots, ..all.and(weight) };
            }
        }
        Ok((all, cost))
    }

    /// Weighs a selection set that is the `level`th of those that stand in one another.
    fn set(&mut self, parent: Parent<'a>, set: &'a SelectionSet, level: u64) -> Result<Weight, Refusal> {
        self.not_too_deep(level)?;
        let mut weight = Weight::default();
        for item in &set.items {
            let one = match &item.node {
                Selection::Field(field) => self.field(parent, &field.node, level)?,
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| Parent::of(&condition.node.on.node));
                    let weight = self.set(parent, &inline.node.selection_set.node, level + 1)?;
                    Weight { fields: weight.fields.saturating_add(1), ..weight }
                }
                Selection::FragmentSpread(spread) => self.spread(&spread.node.fragment_name.node, level + 1)?,
            };
            weight = weight.and(one.directed(item.node.directives().len()));
        }
        weight.nesting += 1;
        Ok(weight)
    }

    fn spread(&mut self, name: &Name, level: u64) -> Result<Weight, Refusal> {
        let one = Weight { fields: 1, ..Weight::default() };
        // Validation tells of one that is not there.
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else { return Ok(one) };
        let weight = match self.fragments.get(name) {
            Some(Some(weight)) => *weight,
            Some(None) => return Err(Refusal::Circular(name.to_string(), fragment.pos)),
            None => {
                self.fragments.insert(name, None);
                let parent = Parent::of(&fragment.node.type_condition.node.on.node);
                let weight = self.set(parent, &fragment.node.selection_set.node, level)?;
                let weight = weight.directed(fragment.node.directives.len());
                self.fragments.insert(name, Some(weight));
                weight
            }
        };
        self.not_too_deep(level + weight.nesting - 1)?;
        Ok(weight.and(one))
    }

    fn not_too_deep(&self, level: u64) -> Result<(), Refusal> {
        super::within("MAX_QUERY_NESTING", "the nesting of the query", level, self.nesting)
    }

    fn field(&mut self, parent: Parent<'a>, field: &'a Field, level: u64) -> Result<Weight, Refusal> {
        let name = field.name.node.as_str();
        let introspects = matches!(parent, Parent::Introspection) || name.starts_with("__");
        let ty = match parent {
            Parent::Of(parent) if !introspects => self.schema.field_type(parent, field),
            _ => None,
        };
        let child = match ty {
            _ if introspects => Parent::Introspection,
            Some(ty) => Parent::of(named(ty)),
            None => Parent::Unknown,
        };
        let set = &field.selection_set.node;
        let below = if set.items.is_empty() { Weight::default() } else { self.set(child, set, level + 1)? };
        let is_introspection_list = introspects && INTROSPECTION_LISTS.contains(&name);
        let times = match ty {
            Some(ty) => self.times(parent, field, ty),
            None if is_introspection_list => LIST,
            None => 1,
        };
        let values = field.arguments.iter().map(|(_, value)| &value.node);
        let values = values.fold(0_u64, |sum, value| sum.saturating_add(self.count(value)));
        Ok(Weight {
            nesting: below.nesting,
            depth: below.depth + u64::from(!introspects),
            introspection: below.introspection + u64::from(is_introspection_list),
            roots: 1,
            fields: below.fields.saturating_add(1),
            aliases: below.aliases.saturating_add(u64::from(field.alias.is_some())),
            directives: below.directives,
            values: below.values.saturating_add(values),
            cost: times.saturating_mul(below.cost).saturating_add(1 + values / VALUES_PER_FIELD),
        })
    }

    /// How often what stands below a field may be there.
    fn times(&self, parent: Parent<'a>, field: &Field, ty: &Type) -> u64 {
        let is_list = matches!(ty.base, BaseType::List(_));
        let is_connection = self.schema.is_connection(named(ty));
        let counted = matches!(parent, Parent::Of(parent) if self.schema.is_connection(parent));
        match self.page(field) {
            Some(rows) if is_list || is_connection => rows,
            _ if is_connection => page_size(DEFAULT_PAGE),
            // The connection's own field has counted its edges.
            _ if is_list && !counted => LIST,
            _ => 1,
        }
    }

    /// The size that `first` or `last` give a page; the larger where both are there. One that is out of bounds is refused
    /// by the list itself, which then reads nothing.
    fn page(&self, field: &Field) -> Option<u64> {
        let sizes = ["first", "last"].into_iter().filter_map(|name| self.size(&field.get_argument(name)?.node));
        sizes.max()
    }

    fn size(&self, value: &Value) -> Option<u64> {
        let most = page_size(MAX_PAGE);
        let number = match value {
            Value::Variable(name) => match self.variables.get(name)? {
                ConstValue::Null => return None,
                ConstValue::Number(number) => number.as_i64(),
                _ => None,
            },
            Value::Null => return None,
            Value::Number(number) => number.as_i64(),
            _ => None,
        };
        Some(number.map_or(most, |number| u64::try_from(number).unwrap_or(0).clamp(1, most)))
    }

    /// How many values a value of an argument has once the variables are put in.
    fn count(&mut self, value: &'a Value) -> u64 {
        let below = match value {
            Value::Variable(name) => {
                let variables = self.variables;
                return *self.counts.entry(name).or_insert_with(|| variables.get(name).map_or(1, count));
            }
            Value::List(items) => items.iter().fold(0, |sum: u64, item| sum.saturating_add(self.count(item))),
            Value::Object(fields) => fields.values().fold(0, |sum: u64, item| sum.saturating_add(self.count(item))),
            _ => 0,
        };
        below.saturating_add(1)
    }
}

/// How many values a value has, itself among them.
pub(super) fn count(value: &ConstValue) -> u64 {
    let below = match value {
        ConstValue::List(items) => items.iter().map(count).fold(0, u64::saturating_add),
        ConstValue::Object(fields) => fields.values().map(count).fold(0, u64::saturating_add),
        _ => 0,
    };
    below.saturating_add(1)
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn page_size(rows: i32) -> u64 {
    u64::try_from(rows).unwrap_or(0)
}
