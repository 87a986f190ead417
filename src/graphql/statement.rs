//! The field statement: who may read a field, said once, at the field.
//!
//! Each field carries `#[graphql(directive = auth::apply(…))]`, which the schema shows as `@auth(requires: [...])`. Each
//! object has one guard, `#[graphql(guard = "stated(self)")]`, which looks the field up in a [`Policy`] built from the
//! schema's own SDL: what is published is what is enforced, and a field without a statement is denied.
//!
//! An API key reads by its role and does nothing else: to it every field of `Mutation` and of `Subscription` is denied,
//! whatever is stated.
//!
//! For a row the guard asks by which of the viewer's roles *that row* was reached ([`Stated::granted`]); for everything
//! else it asks which roles the viewer holds.
//!
//! A field whose reading is to be recorded carries a second statement, `directive = audited::apply(…)`, by which the same
//! guard notes it ([`crate::access`]).

use std::{borrow::Cow, collections::HashMap};

use async_graphql::{
    Context, Guard, OutputType,
    parser::{
        self,
        types::{FieldDefinition, ServiceDocument, TypeKind, TypeSystemDefinition},
    },
};

use super::Call;
use crate::{
    auth::{Role, RoleSet, sets::CHANGING},
    error::{Code, Error, Result},
};

#[cfg(test)]
mod probe;
#[cfg(test)]
mod tests;

#[allow(missing_docs, reason = "the macro's own items")]
mod directive {
    use async_graphql::TypeDirective;

    use crate::auth::RoleSet;

    /// Who may read the field: those who reached the row by one of these roles, or hold one where there is no row.
    /// Everybody else gets null at the field, with an error whose code is `FORBIDDEN`. Of mutations it speaks of people
    /// alone: an API key may do none.
    #[TypeDirective(location = "FieldDefinition")]
    pub fn auth(requires: RoleSet) {}

    /// Reading the field of so many rows in one request, or of more, is recorded: who, when, and of whom. What people read
    /// of themselves and of their children is not.
    #[TypeDirective(location = "FieldDefinition")]
    pub fn audited(from: u32) {}
}
pub use directive::{audited, auth};

/// An object of the schema: one that is a row tells by which roles it was reached.
pub trait Stated: OutputType {
    /// The roles by which the viewer reached this row; `None` where the object is no row.
    fn granted(&self) -> Option<RoleSet> {
        None
    }

    /// The number of the row, for the record of who read what: of the types with an audited field.
    fn number(&self) -> Option<i64> {
        None
    }
}

/// The guard of an object: `#[graphql(guard = "stated(self)")]`.
pub fn stated<T: Stated>(object: &T) -> FieldGuard {
    FieldGuard { type_name: T::type_name(), granted: object.granted(), number: object.number() }
}

/// The guard of a part of a root: `#[Object(guard = "root(\"Query\")")]`. Its own name is not in the schema.
#[must_use]
pub fn root(type_name: &'static str) -> FieldGuard {
    FieldGuard { type_name: Cow::Borrowed(type_name), granted: None, number: None }
}

/// Lets a field through if its statement allows it.
pub struct FieldGuard {
    type_name: Cow<'static, str>,
    granted: Option<RoleSet>,
    number: Option<i64>,
}

/// Whether an object of this type has anything for who holds `roles`, whatever its fields state: an API key may do no mutation,
/// and no subscription.
#[must_use]
pub fn lets_in(type_name: &str, roles: RoleSet) -> bool {
    !matches!(type_name, "Mutation" | "Subscription") || roles.meets(CHANGING)
}

/// As whom people read what is their own, or their children's.
const FAMILY: RoleSet = RoleSet::of(&[Role::Student, Role::Parent, Role::Own]);

impl Guard for FieldGuard {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        let call = Call::of(ctx);
        call.spend()?;
        let roles = self.granted.unwrap_or_else(|| call.viewer().roles());
        let field = ctx.item.node.name.node.as_str();
        if !lets_in(&self.type_name, call.viewer().roles()) {
            let does = if self.type_name == "Subscription" { "listens to" } else { "changes" };
            let message = format!("an API key reads, and {does} nothing");
            return Err(Error::forbidden(format!("{}.{field}", self.type_name), message).into());
        }
        let statement = ctx.data_unchecked::<Policy>().statement(&self.type_name, field);
        if !statement.requires.meets(roles) {
            return Err(denied(call.viewer().roles(), &self.type_name, field).into());
        }
        if let Some(from) = statement.audited_from
            && !statement.requires.and(roles).within(FAMILY)
        {
            call.accesses().read(&self.type_name, field, self.number, from);
        }
        Ok(())
    }
}

fn denied(viewer: RoleSet, type_name: &str, field: &str) -> Error {
    if viewer.has(Role::Anonymous) {
        return Error::new(Code::Unauthenticated, format!("sign in to read {type_name}.{field}"));
    }
    Error::forbidden(format!("{type_name}.{field}"), format!("you may not read {type_name}.{field} here"))
}

/// What is stated at a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Who may read it; nobody where nothing is stated.
    pub requires: RoleSet,
    /// From how many rows in one request on reading it is recorded; none where it is not.
    pub audited_from: Option<u32>,
}

/// Every field's statement, by type and field.
#[derive(Clone, Debug, Default)]
pub struct Policy(HashMap<String, HashMap<String, Statement>>);

impl Policy {
    /// Reads the statements out of a schema's SDL.
    ///
    /// # Errors
    /// When the SDL is none, or a statement names a role that does not exist.
    pub fn from_sdl(sdl: &str) -> Result<Self> {
        Self::of(&parser::parse_schema(sdl).map_err(Error::internal)?)
    }

    /// Reads the statements out of a schema.
    ///
    /// # Errors
    /// When a statement names a role that does not exist.
    pub fn of(schema: &ServiceDocument) -> Result<Self> {
        let mut policy = Self::default();
        for definition in &schema.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let TypeKind::Object(object) = &definition.node.kind else { continue };
            let fields = policy.0.entry(definition.node.name.node.to_string()).or_default();
            for field in &object.fields {
                fields.insert(field.node.name.node.to_string(), statement(&field.node)?);
            }
        }
        Ok(policy)
    }

    /// What is stated at a field.
    #[must_use]
    pub fn statement(&self, type_name: &str, field: &str) -> Statement {
        self.0.get(type_name).and_then(|fields| fields.get(field)).copied().unwrap_or_default()
    }

    /// Who may read a field; nobody where nothing is stated.
    #[must_use]
    pub fn requires(&self, type_name: &str, field: &str) -> RoleSet {
        self.statement(type_name, field).requires
    }
}

fn statement(field: &FieldDefinition) -> Result<Statement> {
    let argument = |directive: &str, name: &str| {
        let stated = field.directives.iter().find(|stated| stated.node.name.node == directive)?;
        Some(stated.node.get_argument(name)?.node.clone().into_json().unwrap_or_default())
    };
    let role = |name: &serde_json::Value| name.as_str().unwrap_or_default().parse::<Role>().map_err(Error::internal);
    let requires = argument("auth", "requires").unwrap_or_default();
    let requires = requires.as_array().into_iter().flatten().map(role).collect::<Result<RoleSet>>()?;
    let audited_from = argument("audited", "from").and_then(|from| u32::try_from(from.as_u64()?).ok());
    Ok(Statement { requires, audited_from })
}
