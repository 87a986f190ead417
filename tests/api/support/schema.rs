//! The schema as its own SDL has it, for tests that walk it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, InputValueDefinition, ObjectType, Type, TypeKind, TypeSystemDefinition},
};
use rollcall::graphql;
use serde_json::Value;

/// The types of the schema by name.
#[derive(Default)]
pub struct Schema {
    pub objects: BTreeMap<String, Object>,
    /// The fields of each input.
    pub inputs: BTreeMap<String, Vec<Argument>>,
    /// The values of each enum.
    pub enums: BTreeMap<String, Vec<String>>,
}

pub struct Object {
    pub name: String,
    /// Whether it has a global id.
    pub is_node: bool,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub name: String,
    pub arguments: Vec<Argument>,
    /// The type that it leads to, whether one of it or a list.
    pub leads_to: String,
    /// The roles of its statement.
    pub may: BTreeSet<String>,
}

/// An argument of a field, or a field of an input.
pub struct Argument {
    pub name: String,
    pub of: Type,
    /// Whether a query is none without it.
    pub required: bool,
}

/// The schema, read once.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let mut schema = Schema::default();
    for definition in parse_schema(graphql::sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node.to_string();
        match definition.node.kind {
            TypeKind::Object(of) => drop(schema.objects.insert(name.clone(), object(name, of))),
            TypeKind::InputObject(input) => {
                schema.inputs.insert(name, input.fields.into_iter().map(|field| argument(field.node)).collect());
            }
            TypeKind::Enum(of) => {
                let values = of.values.into_iter().map(|value| value.node.value.to_string());
                schema.enums.insert(name, values.collect());
            }
            _ => {}
        }
    }
    schema
});

impl Schema {
    /// The object type of a name.
    pub fn object(&self, name: &str) -> &Object {
        self.objects.get(name).unwrap_or_else(|| panic!("no object type {name}"))
    }

    /// Whether a name is that of an object type, or of the interface that every row has.
    pub fn is_composite(&self, name: &str) -> bool {
        name == "Node" || self.objects.contains_key(name)
    }
}

impl Object {
    /// The field of a name.
    pub fn field(&self, name: &str) -> &Field {
        let field = self.fields.iter().find(|field| field.name == name);
        field.unwrap_or_else(|| panic!("no field {}.{name}", self.name))
    }
}

fn object(name: String, of: ObjectType) -> Object {
    let is_node = of.implements.iter().any(|interface| interface.node == "Node");
    Object { name, is_node, fields: of.fields.into_iter().map(|field| self::field(field.node)).collect() }
}

fn field(of: FieldDefinition) -> Field {
    let statement = of.directives.iter().find(|directive| directive.node.name.node == "auth");
    let may = statement.and_then(|statement| statement.node.get_argument("requires")).map(|roles| &roles.node);
    let Some(Value::Array(roles)) = may.and_then(|roles| roles.clone().into_json().ok()) else {
        panic!("{}", of.name.node)
    };
    Field {
        name: of.name.to_string(),
        arguments: of.arguments.into_iter().map(|of| argument(of.node)).collect(),
        leads_to: named(&of.ty.node).to_owned(),
        may: roles.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
    }
}

fn argument(of: InputValueDefinition) -> Argument {
    let required = !of.ty.node.nullable && of.default_value.is_none();
    Argument { name: of.name.to_string(), of: of.ty.node, required }
}

/// The type that a type is, or is a list of.
pub fn named(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(of),
    }
}
