//! `docs/authorization.md`, made from the schema: every field of every type, and who may read it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use async_graphql::{
    parser::types::{ObjectType, TypeKind, TypeSystemDefinition},
    resolver_utils::EnumType,
};

use super::{Described, Policy, Statement};
use crate::{
    auth::{Role, RoleSet},
    error::Result,
};

/// What is said before the tables.
const WALLS: &str = include_str!("walls.md");

/// The page, in Markdown.
///
/// # Errors
/// When the schema contradicts itself: a test builds it.
pub fn authorization_page() -> Result<String> {
    let described = Described::read()?;
    let mut tables: BTreeMap<String, String> = BTreeMap::new();
    let mut alike: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for definition in &described.document().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let TypeKind::Object(object) = &definition.node.kind else { continue };
        let name = definition.node.name.node.to_string();
        let fields = stated(described.policy(), &name, object);
        match fields.split_first() {
            Some(((_, first), rest)) if rest.iter().all(|(_, statement)| statement == first) => {
                alike.entry(words(first.requires)).or_default().insert(name);
            }
            _ => {
                tables.insert(name, table(&fields));
            }
        }
    }
    let mut page = WALLS.to_owned();
    page.push_str("\n## Types whose fields are all for the same\n\n| all fields of | are for |\n|---|---|\n");
    for (roles, types) in alike {
        let types = types.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        // Into a text nothing fails to be written.
        let _ = writeln!(page, "| {types} | {roles} |");
    }
    for (name, table) in tables {
        let _ = write!(page, "\n## {name}\n\n{table}");
    }
    Ok(page)
}

fn stated(policy: &Policy, type_name: &str, object: &ObjectType) -> Vec<(String, Statement)> {
    let fields = object.fields.iter().map(|field| field.node.name.node.to_string());
    fields.map(|field| (field.clone(), policy.statement(type_name, &field))).collect()
}

fn words(roles: RoleSet) -> String {
    if roles == crate::auth::sets::ANYONE {
        return "everybody".to_owned();
    }
    roles.iter().map(role_name).collect::<Vec<_>>().join(", ")
}

fn role_name(role: Role) -> &'static str {
    Role::items().iter().find(|item| item.value == role).map_or("", |item| item.name)
}

fn table(fields: &[(String, Statement)]) -> String {
    let recorded = fields.iter().any(|(_, statement)| statement.audited_from.is_some());
    let mut columns: Vec<&str> = Role::ALL.into_iter().map(role_name).collect();
    columns.extend(recorded.then_some("recorded from"));
    let mut table = format!("| field | {} |\n|---|{}\n", columns.join(" | "), ":-:|".repeat(columns.len()));
    for (field, statement) in fields {
        let mut cells: Vec<String> =
            Role::ALL.into_iter().map(|role| if statement.requires.has(role) { "✓" } else { "" }.to_owned()).collect();
        let from = || statement.audited_from.map(|rows| rows.to_string()).unwrap_or_default();
        cells.extend(recorded.then(from));
        let _ = writeln!(table, "| `{field}` | {} |", cells.join(" | "));
    }
    table
}
