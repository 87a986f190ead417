//! The completion step around the executor.
//!
//! async-graphql 7.2 leaves a field that errored out of its object, turns an object whose fields
//! all errored (or were all skipped) into `null`, and fills maps in order of completion. The
//! specification wants `null` at the field, propagated to the nearest nullable parent where the
//! field is non-null, and keys in the order of the query. [`Completer`] makes the one into the
//! other: [`Completer::prepare`] before the execution, [`Completer::complete`] after it.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned, Response, ServerError, Value, Variables,
    parser::types::{
        BaseType, ExecutableDocument, Field, FieldDefinition, OperationDefinition, OperationType, SchemaDefinition,
        ServiceDocument, Type, TypeDefinition, TypeKind, TypeSystemDefinition, VariableDefinition,
    },
};

use self::walk::Walk;

mod prepare;
#[cfg(test)]
mod tests;
mod walk;

/// The reserved alias under which an object tells its concrete type.
const MARKER: &str = "__rollcall_typename";

/// Completes responses by the section "Executing Fields" of the GraphQL specification.
///
/// Made once from the schema's own SDL; cheap to use where there is nothing to do.
#[derive(Debug)]
pub struct Completer {
    query: Name,
    mutation: Name,
    subscription: Name,
    types: HashMap<Name, Composite>,
}

/// An object, interface or union type.
#[derive(Debug, Default)]
struct Composite {
    fields: HashMap<Name, Type>,
    /// The object types it may turn out to be; an object type is its own only one.
    possible: HashSet<Name>,
}

impl Completer {
    /// Reads the types out of a schema.
    #[must_use]
    pub fn new(schema: ServiceDocument) -> Self {
        let mut completer = Self {
            query: Name::new("Query"),
            mutation: Name::new("Mutation"),
            subscription: Name::new("Subscription"),
            types: HashMap::new(),
        };
        for definition in schema.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => completer.add_roots(schema.node),
                TypeSystemDefinition::Type(ty) => completer.add_type(ty.node),
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        completer
    }

    fn add_roots(&mut self, schema: SchemaDefinition) {
        let roots = [
            (&mut self.query, schema.query),
            (&mut self.mutation, schema.mutation),
            (&mut self.subscription, schema.subscription),
        ];
        for (root, name) in roots {
            if let Some(name) = name {
                *root = name.node;
            }
        }
    }

    fn add_type(&mut self, definition: TypeDefinition) {
        let name = definition.name.node;
        match definition.kind {
            TypeKind::Object(object) => {
                for interface in object.implements {
                    let interface = self.types.entry(interface.node).or_default();
                    interface.possible.insert(name.clone());
                }
                self.add_fields(&name, object.fields).possible.insert(name);
            }
            TypeKind::Interface(interface) => {
                self.add_fields(&name, interface.fields);
            }
            TypeKind::Union(union) => {
                let members = union.members.into_iter().map(|member| member.node);
                self.types.entry(name).or_default().possible.extend(members);
            }
            _ => {}
        }
    }

    fn add_fields(&mut self, name: &Name, fields: Vec<Positioned<FieldDefinition>>) -> &mut Composite {
        let composite = self.types.entry(name.clone()).or_default();
        let fields = fields.into_iter().map(|field| field.node);
        let typed = fields.map(|field| (field.name.node, field.ty.node));
        composite.fields.extend(typed);
        composite
    }

    /// The name of the root that an operation's fields are selected on.
    pub(super) fn root(&self, operation: OperationType) -> &Name {
        match operation {
            OperationType::Query => &self.query,
            OperationType::Mutation => &self.mutation,
            OperationType::Subscription => &self.subscription,
        }
    }

    /// `DoesFragmentTypeApply` of the specification.
    fn applies(&self, condition: &str, object: &Name) -> bool {
        let condition = self.types.get(condition);
        condition.is_some_and(|ty| ty.possible.contains(object))
    }

    /// The type of a field, where the schema has it.
    pub(super) fn field_type(&self, parent: &str, field: &Field) -> Option<&Type> {
        self.types.get(parent)?.fields.get(&field.name.node)
    }

    /// Whether a type is a page of a list.
    pub(super) fn is_connection(&self, ty: &str) -> bool {
        self.types.get(ty).is_some_and(|ty| ty.fields.contains_key("pageInfo"))
    }

    /// The object types that `parent` may turn out to be.
    fn possible(&self, parent: &str) -> impl Iterator<Item = &Name> {
        let composite = self.types.get(parent);
        composite.into_iter().flat_map(|ty| &ty.possible)
    }

    /// Makes `response.data` what the specification says it is, in the sections "Executing
    /// Selection Sets", "Value Completion" and "Handling Execution Errors".
    ///
    /// `document` is the one prepared by [`Completer::prepare`]. A response of a request that was
    /// not executed is left as it is; whether it was is given back.
    pub fn complete(
        &self,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        variables: &Variables,
        response: &mut Response,
    ) -> bool {
        let Some(operation) = select_operation(document, operation_name) else {
            return false;
        };
        let located = response.errors.iter().any(|error| !error.path.is_empty());
        if response.data == Value::Null && !response.errors.is_empty() && !located {
            return false;
        }
        let walk = Walk::new(self, document, operation, variables);
        let root = self.root(operation.ty);
        walk.root(root, operation, &mut response.data, &response.errors);
        true
    }
}

/// The parts of `CoerceVariableValues` that the executor leaves out: defaults, which it ignores in
/// `@skip` and `@include`, and the refusal of a missing value for a non-null variable.
///
/// # Errors
///
/// If a variable of a non-null type has neither a value nor a default.
pub fn coerce_variables(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &mut Variables,
) -> Result<(), ServerError> {
    let operation = select_operation(document, operation_name);
    for definition in operation.map_or(&[][..], |operation| &operation.variable_definitions) {
        let VariableDefinition { name, var_type, default_value, .. } = &definition.node;
        if let Some(default) = default_value
            && !variables.contains_key(&name.node)
        {
            variables.insert(name.node.clone(), default.node.clone());
        }
        let missing = matches!(variables.get(&name.node), None | Some(Value::Null));
        if missing && !var_type.node.nullable {
            let (name, ty) = (&name.node, &var_type.node);
            let message = format!("Variable \"${name}\" of required type \"{ty}\" has no value.");
            return Err(ServerError::new(message, Some(definition.pos)));
        }
    }
    Ok(())
}

/// `GetOperation` of the specification.
pub(super) fn select_operation<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<&'d OperationDefinition> {
    let mut named =
        document.operations.iter().filter(|(own, _)| name.is_none_or(|name| own.is_some_and(|own| own == name)));
    match (named.next(), named.next()) {
        (Some((_, operation)), None) => Some(&operation.node),
        _ => None,
    }
}

/// The type under all lists.
pub(super) fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

/// Whether a field is the one that [`Completer::prepare`] adds.
fn is_marker(field: &Field) -> bool {
    field.alias.as_ref().is_some_and(|alias| alias.node == *MARKER)
}
