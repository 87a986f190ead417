//! Finds out by asking which fields of a schema are not kept by what is stated for them.
//!
//! For each object all of its fields are asked for under a policy that allows nobody these, and everybody all others. The
//! guard must deny every one of them: a field that answers, or that fails in another way, is not asked of the guard. The
//! same for the fields of an interface, which are those of its members.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use async_graphql::{
    ObjectType, PathSegment, Request, Schema, SubscriptionType, Value,
    parser::{
        parse_query, parse_schema,
        types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
    },
};
use futures_util::StreamExt;

use super::{Policy, Statement, denied};
use crate::{
    auth::{Role, RoleSet},
    graphql::{Call, complete::Completer},
};

/// What there is to be said of a schema's fields, each as `Type.field`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Those that no guard denied.
    pub unguarded: BTreeSet<String>,
    /// Those that no way was found to: nothing is known of them.
    pub unreached: BTreeSet<String>,
}

/// Asks for everything that `schema` has, with calls by a viewer who reaches every row; `id` is that of a row of a type, and
/// `happened` gives a request the thing that a subscription of this document is to tell of.
pub async fn probe<Q, M, S>(
    schema: &Schema<Q, M, S>,
    call: impl Fn() -> Call,
    id: impl Fn(&str) -> Option<String>,
    happened: impl Fn(&str, Request) -> Request,
) -> Findings
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let graph = Graph::of(&schema.sdl());
    let completer = Completer::new(parse_schema(schema.sdl()).unwrap());
    let mut findings = Findings::default();
    for (name, composite) in &graph.composites {
        let policy = graph.policy_without(&composite.possible);
        let mut left: BTreeSet<&String> = composite.fields.keys().collect();
        for document in graph.documents(name, &id) {
            if left.is_empty() {
                break;
            }
            let mut prepared = parse_query(&document).unwrap_or_else(|error| panic!("{document}: {error}"));
            completer.prepare(&mut prepared);
            let call = call();
            let roles = call.viewer().roles();
            let mut request = Request::new("").data(Arc::new(call)).data(policy.clone());
            request.set_parsed_query(prepared);
            // Of a subscription's root there is an answer for each field.
            let answers: Vec<_> = schema.execute_stream(happened(&document, request)).collect().await;
            let errors: Vec<_> = answers.iter().flat_map(|answer| &answer.errors).collect();
            assert!(errors.iter().all(|error| !error.path.is_empty()), "{document}: {errors:?}");
            let mut unguarded = BTreeSet::new();
            for answer in &answers {
                keys(&answer.data, &mut unguarded);
            }
            let mut reached = unguarded.clone();
            for error in errors {
                let Some(PathSegment::Field(alias)) = error.path.last() else { continue };
                reached.insert(alias.clone());
                let mut members = composite.possible.iter();
                let field = alias.trim_start_matches(ALIAS);
                if !members.any(|member| error.message == denied(roles, member, field).to_graphql().message) {
                    unguarded.insert(alias.clone());
                }
            }
            left.retain(|field| !reached.contains(&format!("{ALIAS}{field}")));
            let fields = composite.fields.keys().filter(|field| unguarded.contains(&format!("{ALIAS}{field}")));
            findings.unguarded.extend(fields.map(|field| format!("{name}.{field}")));
        }
        findings.unreached.extend(left.into_iter().map(|field| format!("{name}.{field}")));
    }
    findings
}

/// What the fields that are probed are called in a document, with their name after it.
const ALIAS: &str = "probed_";

const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// Every key in an answer.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.keys().map(ToString::to_string));
            map.values().for_each(|value| keys(value, found));
        }
        Value::List(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

/// A schema as a graph to find ways in.
#[derive(Default)]
struct Graph {
    composites: BTreeMap<String, Composite>,
    inputs: BTreeMap<String, TypeKind>,
}

/// An object, an interface or a union.
#[derive(Default)]
struct Composite {
    fields: BTreeMap<String, FieldDefinition>,
    /// The objects that it may be; an object is itself.
    possible: BTreeSet<String>,
}

/// A field on the way, and the type that it leads to.
#[derive(Clone, Copy)]
struct Step<'a> {
    field: &'a FieldDefinition,
    to: &'a str,
}

impl Graph {
    fn of(sdl: &str) -> Self {
        let mut graph = Self::default();
        for definition in parse_schema(sdl).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        let interface = graph.composites.entry(interface.node.to_string()).or_default();
                        interface.possible.insert(name.clone());
                    }
                    let composite = graph.composites.entry(name.clone()).or_default();
                    composite.possible.insert(name);
                    composite.fields.extend(object.fields.into_iter().map(|field| named(field.node)));
                }
                TypeKind::Interface(interface) => {
                    let composite = graph.composites.entry(name).or_default();
                    composite.fields.extend(interface.fields.into_iter().map(|field| named(field.node)));
                }
                TypeKind::Union(union) => {
                    let members = union.members.into_iter().map(|member| member.node.to_string());
                    graph.composites.entry(name).or_default().possible.extend(members);
                }
                kind => {
                    graph.inputs.insert(name, kind);
                }
            }
        }
        graph
    }

    /// Everybody may read everything, and nobody a field of `shut`.
    fn policy_without(&self, shut: &BTreeSet<String>) -> Policy {
        let everybody = Statement { requires: RoleSet::of(&Role::ALL), audited_from: None };
        let open = self.composites.iter().filter(|(name, _)| !shut.contains(*name));
        let open = open.map(|(name, composite)| {
            (name.clone(), composite.fields.keys().map(|field| (field.clone(), everybody)).collect())
        });
        Policy(open.collect())
    }

    /// Documents that ask for all fields of a type, on every way there that does not lead through itself, short ones first.
    fn documents(&self, target: &str, id: &impl Fn(&str) -> Option<String>) -> Vec<String> {
        let wanted = &self.composites[target];
        let fields = wanted.fields.values().map(|field| {
            let name = &field.name.node;
            let below = if self.composites.contains_key(base(&field.ty.node)) { " { __typename }" } else { "" };
            format!("{ALIAS}{name}: {name}{}{below}", self.arguments(field, target, id))
        });
        let fields = fields.collect::<Vec<_>>().join(" ");
        if fields.is_empty() {
            return Vec::new();
        }
        let document = |root: &str, way: &[Step<'_>]| {
            let inner = way.iter().rev().fold(fields.clone(), |inner, step| {
                let arguments = self.arguments(step.field, step.to, id);
                // Without a fragment where it may be: that is how an executor shows what it does with an interface's fields.
                let direct = base(&step.field.ty.node) == step.to;
                let inner = if direct { inner } else { format!("... on {} {{ {inner} }}", step.to) };
                format!("{}{arguments} {{ {inner} }}", step.field.name.node)
            });
            format!("{} {{ {inner} }}", root.to_lowercase())
        };
        if ROOTS.contains(&target) {
            return vec![document(target, &[])];
        }
        let mut ways = Vec::new();
        for (root, way) in self.ways(&wanted.possible) {
            for field in self.composites[way.last().map_or(root, |step| step.to)].fields.values() {
                let leads_to = base(&field.ty.node);
                let possible = self.composites.get(leads_to).is_some_and(|ty| ty.possible.contains(target));
                if leads_to == target || possible {
                    ways.push((root, [&way[..], &[Step { field, to: target }]].concat()));
                }
            }
        }
        ways.sort_by_key(|(_, way)| way.len());
        ways.iter().map(|(root, way)| document(root, way)).collect()
    }

    /// The shortest way to each object, none of them through `shut`.
    fn ways(&self, shut: &BTreeSet<String>) -> Vec<(&str, Vec<Step<'_>>)> {
        let mut ways = Vec::new();
        let mut seen: BTreeSet<&str> = shut.iter().map(String::as_str).collect();
        let roots = ROOTS.into_iter().filter(|root| self.composites.contains_key(*root));
        let mut next: VecDeque<(&str, Vec<Step<'_>>)> = roots.map(|root| (root, Vec::new())).collect();
        while let Some((root, way)) = next.pop_front() {
            let last = way.last().map_or(root, |step| step.to);
            for field in self.composites[last].fields.values() {
                let possible = self.composites.get(base(&field.ty.node)).map(|composite| &composite.possible);
                for to in possible.into_iter().flatten() {
                    if seen.insert(to) {
                        next.push_back((root, [&way[..], &[Step { field, to }]].concat()));
                    }
                }
            }
            ways.push((root, way));
        }
        ways
    }

    /// The arguments that a field must have, made up.
    fn arguments(&self, field: &FieldDefinition, to: &str, id: &impl Fn(&str) -> Option<String>) -> String {
        let required = field.arguments.iter().map(|argument| &argument.node).filter(|argument| is_required(argument));
        let arguments = required.map(|argument| {
            let name = argument.name.node.as_str();
            let type_name = name.strip_suffix("Id").map_or_else(|| to.to_owned(), capitalized);
            let known = (base(&argument.ty.node) == "ID").then(|| id(&type_name)).flatten();
            format!("{name}: {}", known.map_or_else(|| self.literal(&argument.ty.node), |id| format!("{id:?}")))
        });
        let arguments: Vec<String> = arguments.collect();
        if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) }
    }

    /// A value that a type takes.
    fn literal(&self, ty: &Type) -> String {
        let name = match &ty.base {
            BaseType::List(of) => return format!("[{}]", self.literal(of)),
            BaseType::Named(name) => name.as_str(),
        };
        match (name, self.inputs.get(name)) {
            ("Int" | "Float", _) => "1".to_owned(),
            ("Boolean", _) => "true".to_owned(),
            ("Date", _) => "\"2026-03-20\"".to_owned(),
            ("Time", _) => "\"09:00:00\"".to_owned(),
            ("DateTime", _) => "\"2026-03-20T09:00:00Z\"".to_owned(),
            (_, Some(TypeKind::Enum(values))) => values.values[0].node.value.node.to_string(),
            (_, Some(TypeKind::InputObject(input))) => {
                let mut fields: Vec<_> = input.fields.iter().map(|field| &field.node).collect();
                let first = fields[0];
                fields.retain(|field| is_required(field));
                // One of them must be given where each alone need not.
                let given = if fields.is_empty() { vec![first] } else { fields };
                let given = given.iter().map(|field| format!("{}: {}", field.name.node, self.literal(&field.ty.node)));
                format!("{{ {} }}", given.collect::<Vec<_>>().join(", "))
            }
            _ => "\"x\"".to_owned(),
        }
    }
}

fn named(field: FieldDefinition) -> (String, FieldDefinition) {
    (field.name.node.to_string(), field)
}

fn is_required(value: &InputValueDefinition) -> bool {
    !value.ty.node.nullable && value.default_value.is_none()
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(of) => base(of),
    }
}

fn capitalized(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_uppercase() + rest
}
