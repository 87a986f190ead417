//! The field statement: who may read a field, said once, at the field.
//!
//! Each field carries `#[graphql(directive = auth::apply(…))]`, which the schema shows as `@auth(requires: [...])`. Each
//! object has one guard, `#[graphql(guard = "stated(self)")]`, which looks the field up in a [`Policy`] built from the
//! schema's own SDL: what is published is what is enforced, and a field without a statement is denied.
//!
//! For a row the guard asks by which of the viewer's roles *that row* was reached ([`Stated::granted`]); for everything
//! else it asks which roles the viewer holds.

use std::{borrow::Cow, collections::HashMap};

use async_graphql::{
    Context, Guard, OutputType,
    parser::{
        self, Positioned,
        types::{ConstDirective, FieldDefinition, TypeKind, TypeSystemDefinition},
    },
};

use super::Call;
use crate::{
    auth::{Role, RoleSet},
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
    /// Everybody else gets null at the field, with an error whose code is `FORBIDDEN`.
    #[TypeDirective(location = "FieldDefinition")]
    pub fn auth(requires: RoleSet) {}
}
pub use directive::auth;

/// An object of the schema: one that is a row tells by which roles it was reached.
pub trait Stated: OutputType {
    /// The roles by which the viewer reached this row; `None` where the object is no row.
    fn granted(&self) -> Option<RoleSet> {
        None
    }
}

/// The guard of an object: `#[graphql(guard = "stated(self)")]`.
pub fn stated<T: Stated>(object: &T) -> FieldGuard {
    FieldGuard { type_name: T::type_name(), granted: object.granted() }
}

/// The guard of a part of a root: `#[Object(guard = "root(\"Query\")")]`. Its own name is not in the schema.
#[must_use]
pub fn root(type_name: &'static str) -> FieldGuard {
    FieldGuard { type_name: Cow::Borrowed(type_name), granted: None }
}

/// Lets a field through if its statement allows it.
pub struct FieldGuard {
    type_name: Cow<'static, str>,
    granted: Option<RoleSet>,
}

impl Guard for FieldGuard {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        let call = Call::of(ctx);
        call.spend()?;
        let roles = self.granted.unwrap_or_else(|| call.viewer().roles());
        let field = ctx.item.node.name.node.as_str();
        if ctx.data_unchecked::<Policy>().requires(&self.type_name, field).meets(roles) {
            return Ok(());
        }
        Err(denied(call.viewer().roles(), &self.type_name, field).into())
    }
}

fn denied(viewer: RoleSet, type_name: &str, field: &str) -> Error {
    if viewer.has(Role::Anonymous) {
        return Error::new(Code::Unauthenticated, format!("sign in to read {type_name}.{field}"));
    }
    Error::new(Code::Forbidden, format!("you may not read {type_name}.{field} here"))
}

/// Every field's statement, by type and field.
#[derive(Clone, Debug, Default)]
pub struct Policy(HashMap<String, HashMap<String, RoleSet>>);

impl Policy {
    /// Reads the statements out of a schema's SDL.
    ///
    /// # Errors
    /// When the SDL is none, or a statement names a role that does not exist.
    pub fn from_sdl(sdl: &str) -> Result<Self> {
        let document = parser::parse_schema(sdl).map_err(Error::internal)?;
        let mut policy = Self::default();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let TypeKind::Object(object) = definition.node.kind else { continue };
            let fields = policy.0.entry(definition.node.name.node.to_string()).or_default();
            for field in object.fields {
                if let Some(roles) = statement(&field.node)? {
                    fields.insert(field.node.name.node.to_string(), roles);
                }
            }
        }
        Ok(policy)
    }

    /// Who may read a field; nobody where nothing is stated.
    #[must_use]
    pub fn requires(&self, type_name: &str, field: &str) -> RoleSet {
        self.0.get(type_name).and_then(|fields| fields.get(field)).copied().unwrap_or(RoleSet::EMPTY)
    }
}

fn statement(field: &FieldDefinition) -> Result<Option<RoleSet>> {
    let is_auth = |directive: &&Positioned<ConstDirective>| directive.node.name.node == "auth";
    let Some(directive) = field.directives.iter().find(is_auth) else { return Ok(None) };
    let roles = directive.node.get_argument("requires").map(|value| value.node.clone().into_json());
    let Some(Ok(serde_json::Value::Array(names))) = roles else {
        return Err(Error::internal(format!("{}: @auth without a list of roles", field.name.node)));
    };
    names
        .iter()
        .map(|name| name.as_str().unwrap_or_default().parse::<Role>().map_err(Error::internal))
        .collect::<Result<RoleSet>>()
        .map(Some)
}
