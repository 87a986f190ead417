//! Takes out of a schema what some roles cannot use.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use async_graphql::{
    ContextDirective, CustomDirective, CustomDirectiveFactory, ServerError, ServerResult,
    indexmap::{IndexMap, IndexSet},
    parser::types::Directive,
    registry::{MetaType, MetaTypeName, Registry},
};

use crate::{
    auth::RoleSet,
    graphql::{Policy, statement::lets_in},
};

/// Leaves in a schema what `roles` can use by the statements of `policy`.
///
/// A schema's builder lends its registry to nobody but a directive that registers itself, so this poses as one. It
/// registers none: no document can name it.
pub struct Narrow {
    pub policy: Policy,
    pub roles: RoleSet,
}

impl CustomDirectiveFactory for Narrow {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("narrow")
    }

    fn register(&self, registry: &mut Registry) {
        narrow(registry, |type_name, field| {
            lets_in(type_name, self.roles) && self.policy.requires(type_name, field).meets(self.roles)
        });
    }

    fn create(&self, _: &ContextDirective<'_>, _: &Directive) -> ServerResult<Box<dyn CustomDirective>> {
        Err(ServerError::new("there is no such directive", None))
    }
}

/// Leaves the fields that `may` be used, and the types that are reached by them.
fn narrow(registry: &mut Registry, may: impl Fn(&str, &str) -> bool) {
    for (type_name, ty) in &mut registry.types {
        if let MetaType::Object { fields, .. } = ty
            && !is_introspection(type_name)
        {
            fields.retain(|field, _| is_introspection(field) || may(type_name, field));
        }
    }
    let mut before = 0;
    while size(registry) != before {
        before = size(registry);
        drop_what_leads_nowhere(registry);
    }
    registry.mutation_type.take_if(|root| !registry.types.contains_key(root));
    registry.subscription_type.take_if(|root| !registry.types.contains_key(root));
    registry.remove_unused_types();
    let types = &registry.types;
    for (object, interfaces) in &mut registry.implements {
        interfaces.retain(|interface| types.get(interface).is_some_and(|ty| ty.is_possible_type(object)));
    }
}

/// Drops the types that are empty, and what refers to a type that is not there: fields, and members of interfaces and
/// unions. A member that lacks a field of its interface is none.
fn drop_what_leads_nowhere(registry: &mut Registry) {
    registry.types.retain(|_, ty| !is_empty(ty));
    let there: HashMap<String, HashSet<String>> =
        registry.types.iter().map(|(name, ty)| (name.clone(), field_names(ty).cloned().collect())).collect();
    for ty in registry.types.values_mut() {
        match ty {
            MetaType::Object { fields, .. } => {
                fields.retain(|_, field| there.contains_key(MetaTypeName::concrete_typename(&field.ty)));
            }
            MetaType::Interface { fields, possible_types, .. } => {
                fields.retain(|_, field| there.contains_key(MetaTypeName::concrete_typename(&field.ty)));
                possible_types.retain(|member| {
                    there.get(member).is_some_and(|member| fields.keys().all(|field| member.contains(field)))
                });
            }
            MetaType::Union { possible_types, .. } => possible_types.retain(|member| there.contains_key(member)),
            MetaType::Scalar { .. } | MetaType::Enum { .. } | MetaType::InputObject { .. } => {}
        }
    }
}

fn is_empty(ty: &MetaType) -> bool {
    ty.fields().is_some_and(IndexMap::is_empty) || ty.possible_types().is_some_and(IndexSet::is_empty)
}

fn field_names(ty: &MetaType) -> impl Iterator<Item = &String> {
    ty.fields().into_iter().flat_map(IndexMap::keys)
}

/// Types, fields and members: what can be dropped.
fn size(registry: &Registry) -> usize {
    let members = |ty: &MetaType| ty.possible_types().map_or(0, IndexSet::len);
    registry.types.values().map(|ty| 1 + field_names(ty).count() + members(ty)).sum()
}

/// Whether a name is one of those that introspection keeps for itself.
fn is_introspection(name: &str) -> bool {
    name.starts_with("__")
}
