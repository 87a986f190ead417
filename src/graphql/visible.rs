//! What a role cannot use it does not see.
//!
//! The whole schema executes, and says nothing of itself: it is made without introspection. For the roles of who asks there
//! is a view of it: the same schema, with what their statements keep from them taken out. The view answers `__schema` and
//! `__type`, and it says what is wrong with a document that is not valid, so that neither a type nor a hint tells of more
//! than these roles can use. A view resolves nothing else.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_graphql::{
    Name, Positioned, Request, Response, SchemaBuilder, ServerError, ValidationMode, Value, Variables,
    parser::{
        parse_schema,
        types::{
            DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
            TypeSystemDefinition,
        },
    },
};

use super::{
    Described, Mutation, Policy, Query, RollcallSchema, Subscription, builder,
    complete::{named, select_operation},
    sdl,
};
use crate::{
    auth::{Role, RoleSet},
    error::{Code, Error, Result},
};

mod narrow;
#[cfg(test)]
mod tests;

use narrow::Narrow;

/// What each set of roles sees of the schema.
pub struct Views {
    policy: Policy,
    /// Every type there is.
    types: Types,
    /// A view for each set of roles that has asked for one.
    made: Mutex<HashMap<RoleSet, Arc<View>>>,
}

/// The schema as some roles see it.
#[derive(Default)]
struct View {
    /// Answers introspection. It validates nothing, for what it is asked was valid for the whole schema.
    introspection: OnceLock<RollcallSchema>,
    /// Validates.
    validation: OnceLock<(RollcallSchema, Types)>,
}

impl Views {
    /// The views of a schema by its statements.
    #[must_use]
    pub fn new(described: &Described) -> Self {
        let types = Types::of(&described.document().definitions);
        Self { policy: described.policy().clone(), types, made: Mutex::default() }
    }

    /// Who may read each field.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Lets a document of a viewer with `roles` be executed, free of what the validation would stumble over; `anonymous` says
    /// whether who is not signed in may introspect.
    ///
    /// # Errors
    /// When it introspects, and who is not signed in may not.
    pub fn admit(
        &self,
        roles: RoleSet,
        anonymous: bool,
        document: &mut ExecutableDocument,
        operation: Option<&str>,
    ) -> Result<()> {
        if !anonymous && roles.has(Role::Anonymous) && introspects(document, operation) {
            let message = "sign in to read the schema: this service introspects for who is signed in";
            return Err(Error::new(Code::Unauthenticated, message));
        }
        self.types.settle(document);
        Ok(())
    }

    /// Makes the answer of the whole schema that of the viewer's view: the messages where the document was not valid, and
    /// otherwise what it asks of the schema itself.
    pub async fn amend(
        &self,
        roles: RoleSet,
        document: &ExecutableDocument,
        operation: Option<&str>,
        variables: &Variables,
        response: &mut Response,
    ) {
        if was_refused(response) {
            // What is refused for its size, or for want of an operation, has no place in the document and names no type.
            if response.errors.iter().any(|error| !error.locations.is_empty()) {
                response.errors = self.explain(roles, document, operation, variables).await;
            }
        } else if introspects(document, operation) {
            let view = self.view(roles);
            // A field that it does not know is null here, and is answered by the whole schema.
            let mode = ValidationMode::Fast;
            let schema =
                view.introspection.get_or_init(|| narrowed(&self.policy, roles).validation_mode(mode).finish());
            let seen = schema.execute(request(document.clone(), operation, variables)).await;
            overlay(&mut response.data, seen.data);
            response.errors.extend(seen.errors);
        }
    }

    /// What is wrong with a document, in the words of the viewer's view.
    async fn explain(
        &self,
        roles: RoleSet,
        document: &ExecutableDocument,
        operation: Option<&str>,
        variables: &Variables,
    ) -> Vec<ServerError> {
        let view = self.view(roles);
        let (schema, types) = view.validation.get_or_init(|| {
            let schema = narrowed(&self.policy, roles).finish();
            let seen = parse_schema(schema.sdl()).map(|seen| seen.definitions).unwrap_or_default();
            let types = Types::of(&seen);
            (schema, types)
        });
        let mut document = document.clone();
        types.settle(&mut document);
        let errors = schema.execute(request(document, operation, variables)).await.errors;
        if errors.is_empty() { vec![ServerError::new("the document is not valid", None)] } else { errors }
    }

    fn view(&self, roles: RoleSet) -> Arc<View> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(roles).or_default())
    }
}

/// The schema in SDL as somebody sees it who was given `roles`; the whole where there are none.
///
/// # Errors
/// When the schema contradicts itself: a test builds it.
pub fn sdl_for(roles: RoleSet) -> Result<String> {
    if roles == RoleSet::EMPTY {
        return Ok(sdl());
    }
    Ok(narrowed(Described::read()?.policy(), roles.held()).finish().sdl())
}

/// The schema as `roles` see it, which resolves nothing but introspection.
fn narrowed(policy: &Policy, roles: RoleSet) -> SchemaBuilder<Query, Mutation, Subscription> {
    builder().introspection_only().directive(Narrow { policy: policy.clone(), roles })
}

fn request(document: ExecutableDocument, operation: Option<&str>, variables: &Variables) -> Request {
    let mut request = Request::new("").variables(variables.clone());
    request.operation_name = operation.map(ToOwned::to_owned);
    request.set_parsed_query(document);
    request
}

/// Whether the operation to be executed may ask for the schema: only the query root has the two fields.
fn introspects(document: &ExecutableDocument, operation: Option<&str>) -> bool {
    let asks = |set: &SelectionSet| set.items.iter().any(|item| asks(&item.node));
    select_operation(document, operation).is_some_and(|operation| {
        operation.ty == OperationType::Query
            && (asks(&operation.selection_set.node)
                || document.fragments.values().any(|fragment| asks(&fragment.node.selection_set.node)))
    })
}

fn asks(selection: &Selection) -> bool {
    match selection {
        Selection::Field(field) => matches!(field.node.name.node.as_str(), "__schema" | "__type"),
        Selection::InlineFragment(inline) => inline.node.selection_set.node.items.iter().any(|item| asks(&item.node)),
        // Every fragment is looked at by itself.
        Selection::FragmentSpread(_) => false,
    }
}

/// Whether nothing was executed.
fn was_refused(response: &Response) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// Lays what a view answered over what the whole schema did, which leaves introspection null as the view leaves all else.
fn overlay(data: &mut Value, seen: Value) {
    let (Value::Object(data), Value::Object(seen)) = (data, seen) else { return };
    data.extend(seen.into_iter().filter(|(_, value)| *value != Value::Null));
}

/// The names of a schema's types.
struct Types(HashSet<Name>);

impl Types {
    fn of(schema: &[TypeSystemDefinition]) -> Self {
        const BUILT_IN: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];
        let defined = schema.iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node.name.node.clone()),
            _ => None,
        });
        Self(defined.chain(BUILT_IN.map(Name::new)).collect())
    }

    /// Takes the default from a variable of an unknown type. That the type is unknown is told anyway, and the library
    /// panics where it compares a default with a list of it.
    fn settle(&self, document: &mut ExecutableDocument) {
        let settle = |operation: &mut Positioned<OperationDefinition>| {
            for variable in &mut operation.node.variable_definitions {
                variable.node.default_value.take_if(|_| !self.0.contains(named(&variable.node.var_type.node)));
            }
        };
        match &mut document.operations {
            DocumentOperations::Single(operation) => settle(operation),
            DocumentOperations::Multiple(operations) => operations.values_mut().for_each(settle),
        }
    }
}
