//! What is left of a schema for some roles: of a small one that has every case, and of the real one.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{
    EmptySubscription, Enum, InputObject, Interface, Object, Schema, SimpleObject, Union,
    parser::types::{BaseType, Type, TypeDefinition, TypeKind},
};
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    auth::{Role::*, sets::ANYONE},
    graphql::auth,
};

const ADMINS: RoleSet = RoleSet::of(&[Admin]);
const PARENTS: RoleSet = RoleSet::of(&[Parent]);

/// Everybody reads some of it.
#[derive(SimpleObject, Clone)]
struct Open {
    #[graphql(directive = auth::apply(ANYONE))]
    id: i32,
    #[graphql(directive = auth::apply(ADMINS))]
    note: i32,
}

#[derive(SimpleObject, Clone)]
struct Closed {
    #[graphql(directive = auth::apply(ADMINS))]
    id: i32,
}

/// Its interface's field is for fewer than the object is.
#[derive(SimpleObject, Clone)]
struct Nameless {
    #[graphql(directive = auth::apply(ADMINS))]
    id: i32,
    #[graphql(directive = auth::apply(PARENTS))]
    color: Color,
}

#[derive(Interface)]
#[graphql(field(name = "id", ty = "&i32"))]
enum Numbered {
    Open(Open),
    Closed(Closed),
    Nameless(Nameless),
}

#[derive(Union)]
enum Found {
    Open(Open),
    Closed(Closed),
}

#[derive(Union)]
enum Vault {
    Closed(Closed),
}

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum Color {
    Red,
    Blue,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum Order {
    Id,
}

#[derive(InputObject)]
struct Filter {
    order: Order,
}

#[derive(InputObject)]
struct Command {
    id: i32,
}

/// Everybody may have one, and only an ADMIN would find anything in it.
#[derive(SimpleObject, Clone)]
struct Outer {
    #[graphql(directive = auth::apply(ANYONE))]
    inner: Inner,
}

#[derive(SimpleObject, Clone)]
struct Inner {
    #[graphql(directive = auth::apply(ADMINS))]
    closed: i32,
}

struct Root;

#[Object(name = "Query")]
impl Root {
    #[graphql(directive = auth::apply(ANYONE))]
    async fn open(&self) -> i32 {
        0
    }

    #[graphql(directive = auth::apply(PARENTS))]
    async fn numbered(&self, filter: Filter) -> Option<Numbered> {
        (filter.order == Order::Id).then_some(Numbered::Open(Open { id: 0, note: 0 }))
    }

    #[graphql(directive = auth::apply(PARENTS))]
    async fn nameless(&self) -> Option<Nameless> {
        None
    }

    #[graphql(directive = auth::apply(ANYONE))]
    async fn outer(&self) -> Option<Outer> {
        None
    }

    #[graphql(directive = auth::apply(ANYONE))]
    async fn found(&self) -> Option<Found> {
        None
    }

    #[graphql(directive = auth::apply(ANYONE))]
    async fn vault(&self) -> Option<Vault> {
        None
    }

    /// Said of nobody.
    async fn forgotten(&self) -> Color {
        Color::Red
    }
}

struct Commands;

#[Object(name = "Mutation")]
impl Commands {
    #[graphql(directive = auth::apply(ADMINS))]
    async fn run(&self, command: Command) -> i32 {
        command.id
    }
}

/// What is left of the small schema: each type with its fields, members or values.
fn small(roles: RoleSet) -> BTreeMap<String, String> {
    let build = || Schema::build(Root, Commands, EmptySubscription);
    let policy = Policy::from_sdl(&build().finish().sdl()).unwrap_or_default();
    outline(&build().directive(Narrow { policy, roles }).finish().sdl())
}

fn outline(sdl: &str) -> BTreeMap<String, String> {
    types(sdl).into_iter().map(|ty| (ty.name.node.to_string(), contents(&ty.kind).join(" "))).collect()
}

fn types(sdl: &str) -> Vec<TypeDefinition> {
    let definitions = parse_schema(sdl).unwrap().definitions.into_iter();
    definitions
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some(ty.node),
            _ => None,
        })
        .collect()
}

fn contents(kind: &TypeKind) -> Vec<&str> {
    match kind {
        TypeKind::Object(ty) => ty.fields.iter().map(|field| field.node.name.node.as_str()).collect(),
        TypeKind::Interface(ty) => ty.fields.iter().map(|field| field.node.name.node.as_str()).collect(),
        TypeKind::InputObject(ty) => ty.fields.iter().map(|field| field.node.name.node.as_str()).collect(),
        TypeKind::Union(ty) => ty.members.iter().map(|member| member.node.as_str()).collect(),
        TypeKind::Enum(ty) => ty.values.iter().map(|value| value.node.value.node.as_str()).collect(),
        TypeKind::Scalar => Vec::new(),
    }
}

const ROLES: (&str, &str) = ("Role", "ADMIN HOD ADMISSION STAFF STUDENT PARENT REPORTING SELF ANONYMOUS");

fn expected(types: &[(&str, &str)]) -> BTreeMap<String, String> {
    types.iter().chain([&ROLES]).map(|(name, contents)| ((*name).to_owned(), (*contents).to_owned())).collect()
}

#[test]
fn nobody_sees_what_nothing_is_said_of_or_what_leads_nowhere() {
    let seen = expected(&[("Query", "open found"), ("Found", "Open"), ("Open", "id")]);
    assert_eq!(small(RoleSet::of(&[Anonymous])), seen);
}

#[test]
fn types_are_seen_that_visible_fields_and_their_arguments_lead_to() {
    let seen = [
        ("Query", "open numbered nameless found"),
        ("Found", "Open"),
        ("Numbered", "id"),
        ("Open", "id"),
        ("Nameless", "color"),
        ("Color", "RED BLUE"),
        ("Filter", "order"),
        ("Order", "ID"),
    ];
    assert_eq!(small(PARENTS), expected(&seen));
}

#[test]
fn an_object_that_lacks_its_interfaces_field_is_no_member_of_it() {
    let build = || Schema::build(Root, Commands, EmptySubscription);
    let policy = Policy::from_sdl(&build().finish().sdl()).unwrap_or_default();
    let of = |roles| {
        let narrow = Narrow { policy: policy.clone(), roles };
        build().directive(narrow).finish().sdl()
    };
    let parents = of(PARENTS);
    assert!(parents.contains("type Open implements Numbered {"), "{parents}");
    assert!(parents.contains("type Nameless {"), "{parents}");
    let admins = of(ADMINS);
    assert!(!admins.contains("implements"), "an interface that nothing leads to is not there: {admins}");
}

#[test]
fn each_set_of_roles_sees_what_one_of_them_does() {
    let roles = RoleSet::of(&[Admin, Parent]);
    let seen = small(roles.held());
    assert_eq!(seen["Query"], "open numbered nameless outer found vault");
    assert_eq!(seen["Found"], "Open Closed");
    assert_eq!(seen["Nameless"], "id color");
    assert_eq!((seen["Mutation"].as_str(), seen["Command"].as_str()), ("run", "id"));
    let key = small(roles);
    assert!(!key.contains_key("Mutation") && !key.contains_key("Command"), "a key changes nothing: {key:?}");
    assert_eq!(key["Query"], seen["Query"]);
}

const INTROSPECTION: &str = "
    { __schema { description queryType { name } mutationType { name } subscriptionType { name } types { ...Type }
        directives { name description isRepeatable locations args(includeDeprecated: true) { ...Input } } } }
    fragment Type on __Type { kind name description specifiedByURL isOneOf
        fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...Input } type { ...Ref }
            isDeprecated deprecationReason }
        inputFields(includeDeprecated: true) { ...Input } interfaces { ...Ref }
        enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...Ref } }
    fragment Input on __InputValue { name description type { ...Ref } defaultValue isDeprecated deprecationReason }
    fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

async fn introspect(schema: RollcallSchema) -> Json {
    let response = schema.execute(INTROSPECTION).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    response.data.into_json().unwrap()["__schema"].take()
}

fn names(of: &Json) -> BTreeSet<&str> {
    of.as_array().into_iter().flatten().map(|item| item["name"].as_str().unwrap()).collect()
}

/// Descriptions, defaults, deprecations, directives: what is seen is the same for everybody.
#[tokio::test]
async fn what_is_left_is_as_it_was() {
    let whole = introspect(builder().finish()).await;
    let policy = Policy::from_sdl(&sdl()).unwrap_or_default();
    let all = RoleSet::of(&Role::ALL);
    assert_eq!(introspect(narrowed(&policy, all).finish()).await, whole, "nothing is kept from all roles together");
    for role in Role::ALL {
        let seen = introspect(narrowed(&policy, RoleSet::of(&[role]).held()).finish()).await;
        let types = names(&seen["types"]);
        assert!(types.len() > 20 && types.len() < names(&whole["types"]).len(), "{role:?}");
        let mut expected = whole.clone();
        if !types.contains("Mutation") {
            expected["mutationType"] = Json::Null;
        }
        if !types.contains("Subscription") {
            expected["subscriptionType"] = Json::Null;
        }
        expected["types"].as_array_mut().unwrap().retain(|ty| types.contains(ty["name"].as_str().unwrap()));
        for (ty, seen) in expected["types"].as_array_mut().unwrap().iter_mut().zip(seen["types"].as_array().unwrap()) {
            for part in ["fields", "interfaces", "possibleTypes"] {
                let left = names(&seen[part]);
                if let Some(items) = ty[part].as_array_mut() {
                    items.retain(|item| left.contains(item["name"].as_str().unwrap()));
                }
            }
        }
        assert!(seen == expected, "{role:?}: {}", first_difference(&seen, &expected));
    }
}

fn first_difference(one: &Json, other: &Json) -> Json {
    let pairs = one["types"].as_array().unwrap().iter().zip(other["types"].as_array().unwrap());
    let mut different = pairs.filter(|(one, other)| one != other);
    different.next().map_or_else(|| json!("beside the types"), |(one, other)| json!([one, other]))
}

/// A client may generate its code from what is printed.
#[test]
fn every_printed_schema_is_whole() {
    let sets = Role::ALL.map(|role| vec![role]).into_iter().chain([vec![], vec![Staff, Parent], Role::ALL.to_vec()]);
    for roles in sets {
        let printed = sdl_for(roles.iter().copied().collect()).unwrap_or_default();
        let known = Types::of(&parse_schema(&printed).unwrap().definitions).0;
        let types = types(&printed);
        assert!(types.len() > 10, "{roles:?}");
        for ty in &types {
            assert!(
                matches!(ty.kind, TypeKind::Scalar) || !contents(&ty.kind).is_empty(),
                "{roles:?}: {}",
                ty.name.node
            );
            for name in referred(ty) {
                assert!(known.contains(name), "{roles:?}: {} refers to {name}", ty.name.node);
            }
        }
    }
}

/// The names of the types that a type speaks of.
fn referred(ty: &TypeDefinition) -> Vec<&str> {
    fn base(ty: &Type) -> &str {
        match &ty.base {
            BaseType::Named(name) => name,
            BaseType::List(of) => base(of),
        }
    }
    let (fields, interfaces) = match &ty.kind {
        TypeKind::Object(ty) => (&ty.fields, ty.implements.as_slice()),
        TypeKind::Interface(ty) => (&ty.fields, ty.implements.as_slice()),
        TypeKind::InputObject(ty) => return ty.fields.iter().map(|field| base(&field.node.ty.node)).collect(),
        TypeKind::Union(ty) => return ty.members.iter().map(|member| member.node.as_str()).collect(),
        TypeKind::Scalar | TypeKind::Enum(_) => return Vec::new(),
    };
    let arguments = fields.iter().flat_map(|field| &field.node.arguments).map(|argument| base(&argument.node.ty.node));
    let results = fields.iter().map(|field| base(&field.node.ty.node));
    arguments.chain(results).chain(interfaces.iter().map(|interface| interface.node.as_str())).collect()
}
