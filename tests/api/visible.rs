//! What a role cannot use it does not see: in introspection, in the hints of messages, and in what is printed for clients.
//!
//! What each should see is worked out here by a walk over schema.graphql of its own, top down from the roots.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};
use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::{
    hard::hard_cases,
    rules::VIEWERS,
    support::{Answer, Backend, TestApp, http_client},
};

const WHOLE: &str = include_str!("../../schema.graphql");

/// Each type with the names in it: of fields, members and values.
pub type Seen = BTreeMap<String, BTreeSet<String>>;

/// A type of schema.graphql.
#[derive(Default)]
struct Defined {
    /// Each field, with who may read it (everybody, where it is no object's), and what it leads to: its type, then those of
    /// its arguments.
    fields: Vec<(String, Option<Vec<String>>, Vec<String>)>,
    /// The values of an enum; the members of a union.
    others: Vec<String>,
    interfaces: Vec<String>,
    kind: &'static str,
}

fn base(ty: &Type) -> String {
    match &ty.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(of) => base(of),
    }
}

fn field(field: &FieldDefinition) -> (String, Option<Vec<String>>, Vec<String>) {
    let auth = field.directives.iter().find(|directive| directive.node.name.node == "auth");
    let roles = auth.map(|auth| {
        let roles = auth.node.get_argument("requires").unwrap().node.clone().into_json().unwrap();
        roles.as_array().unwrap().iter().map(|role| role.as_str().unwrap().to_owned()).collect()
    });
    let arguments = field.arguments.iter().map(|argument| base(&argument.node.ty.node));
    (field.name.node.to_string(), roles, [base(&field.ty.node)].into_iter().chain(arguments).collect())
}

fn input(field: &InputValueDefinition) -> (String, Option<Vec<String>>, Vec<String>) {
    (field.name.node.to_string(), None, vec![base(&field.ty.node)])
}

/// The types of a schema in SDL.
fn defined(sdl: &str) -> BTreeMap<String, Defined> {
    let mut types = BTreeMap::new();
    for definition in parse_schema(sdl).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let mut ty = Defined::default();
        match &definition.node.kind {
            TypeKind::Scalar => ty.kind = "SCALAR",
            TypeKind::Object(object) => {
                ty.kind = "OBJECT";
                ty.fields = object.fields.iter().map(|of| field(&of.node)).collect();
                ty.interfaces = object.implements.iter().map(|interface| interface.node.to_string()).collect();
            }
            TypeKind::Interface(interface) => {
                ty.kind = "INTERFACE";
                ty.fields = interface.fields.iter().map(|of| field(&of.node)).collect();
            }
            TypeKind::Union(union) => {
                ty.kind = "UNION";
                ty.others = union.members.iter().map(|member| member.node.to_string()).collect();
            }
            TypeKind::Enum(values) => {
                ty.kind = "ENUM";
                ty.others = values.values.iter().map(|value| value.node.value.node.to_string()).collect();
            }
            TypeKind::InputObject(object) => {
                ty.kind = "INPUT_OBJECT";
                ty.fields = object.fields.iter().map(|of| input(&of.node)).collect();
            }
        }
        types.insert(definition.node.name.node.to_string(), ty);
    }
    types
}

/// What a schema in SDL shows.
pub fn outline(sdl: &str) -> Seen {
    let types = defined(sdl);
    let implement = |of: &str| -> Vec<String> {
        let of = types.iter().filter(|(_, ty)| ty.interfaces.iter().any(|interface| interface == of));
        of.map(|(name, _)| name.clone()).collect()
    };
    let names = |name: &str, ty: &Defined| {
        let fields = ty.fields.iter().map(|(field, ..)| field.clone());
        fields.chain(ty.others.clone()).chain(implement(name)).collect()
    };
    types.iter().map(|(name, ty)| (name.clone(), names(name, ty))).collect()
}

/// What holders of some roles should see.
pub fn expected(roles: &[&str]) -> Seen {
    let types = defined(WHOLE);
    let may = |required: &Option<Vec<String>>| {
        required.as_ref().is_none_or(|required| required.iter().any(|role| roles.contains(&role.as_str())))
    };
    // An object is worth to be led to where it has a field that leads to something: taken away until it is so.
    let mut worth: BTreeSet<&str> = types.keys().map(String::as_str).collect();
    let leads = |worth: &BTreeSet<&str>, to: &str| !types.contains_key(to) || worth.contains(to);
    let visible = |worth: &BTreeSet<&str>, ty: &Defined| -> Vec<String> {
        let fields = ty.fields.iter().filter(|(_, required, to)| may(required) && leads(worth, &to[0]));
        fields.map(|(name, ..)| name.clone()).collect()
    };
    let members = |worth: &BTreeSet<&str>, of: &str| -> Vec<String> {
        let own = visible(worth, &types[of]);
        let implement = types.iter().filter(|(name, ty)| {
            ty.interfaces.iter().any(|interface| interface == of)
                && worth.contains(name.as_str())
                && own.iter().all(|field| visible(worth, ty).contains(field))
        });
        let others = types[of].others.iter().filter(|member| worth.contains(member.as_str()));
        implement.map(|(name, _)| name).chain(others).cloned().collect()
    };
    loop {
        let left = worth.iter().copied().filter(|name| match types[*name].kind {
            "OBJECT" => !visible(&worth, &types[*name]).is_empty(),
            "INTERFACE" => !visible(&worth, &types[*name]).is_empty() && !members(&worth, name).is_empty(),
            "UNION" => !members(&worth, name).is_empty(),
            _ => true,
        });
        let left: BTreeSet<&str> = left.collect();
        if left.len() == worth.len() {
            break;
        }
        worth = left;
    }
    let mut seen = Seen::new();
    let mut next: Vec<String> = ["Query", "Mutation", "Subscription", "Role"].map(ToOwned::to_owned).to_vec();
    while let Some(name) = next.pop() {
        let Some(ty) = types.get(&name).filter(|_| worth.contains(name.as_str()) && !seen.contains_key(&name)) else {
            continue;
        };
        let fields = visible(&worth, ty);
        let others = if ty.kind == "ENUM" { ty.others.clone() } else { members(&worth, &name) };
        let led_to = ty.fields.iter().filter(|(name, ..)| fields.contains(name)).flat_map(|(_, _, to)| to.clone());
        next.extend(led_to);
        next.extend(others.iter().filter(|_| ty.kind != "ENUM").cloned());
        seen.insert(name, fields.into_iter().chain(others).collect());
    }
    seen
}

/// What an answer to introspection shows, without what every schema has.
fn shown(types: &Value) -> Seen {
    const BUILT_IN: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];
    let of = |ty: &Value| {
        let parts = ["fields", "inputFields", "enumValues", "possibleTypes"];
        let items = parts.into_iter().filter_map(|part| ty[part].as_array()).flatten();
        items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let named = types.as_array().unwrap().iter().map(|ty| (ty["name"].as_str().unwrap().to_owned(), of(ty)));
    named.filter(|(name, _)| !name.starts_with("__") && !BUILT_IN.contains(&name.as_str())).collect()
}

const TYPES: &str =
    "{ __schema { types { name fields { name } inputFields { name } enumValues { name } possibleTypes { name } } } }";

/// Of the administration, and of it alone.
const OF_THE_ADMINISTRATION: [&str; 14] = [
    "AccessEntry",
    "AdmitStudentInput",
    "AdvanceBatchPeriodPayload",
    "ArchiveStudentPayload",
    "AuditChange",
    "CreateCourseInput",
    "CreateRoutinePayload",
    "DeactivateStaffInput",
    "EditInstituteInput",
    "LinkParentInput",
    "MarkAttendanceInput",
    "PublishNoticePayload",
    "SetStaffRolesInput",
    "SetStaffRolesPayload",
];

on_both! {
    async fn everybody_is_shown_what_the_statements_let_them_use(app: TestApp) {
        hard_cases(&app).await;
        let mut sizes = BTreeSet::new();
        for viewer in &VIEWERS {
            let roles = if viewer.roles.is_empty() { &["ANONYMOUS"] } else { viewer.roles };
            let data = viewer.client(&app).await.data(TYPES).await;
            let shown = shown(&data["__schema"]["types"]);
            assert_eq!(shown, expected(roles), "{}", viewer.name);
            sizes.insert(shown.values().map(BTreeSet::len).sum::<usize>());
        }
        assert!(sizes.len() >= 7, "each role sees something of its own: {sizes:?}");
    }

    async fn a_parent_is_not_shown_the_administration(app: TestApp) {
        let (parent, admin) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::ADMIN).await);
        for name in OF_THE_ADMINISTRATION {
            assert!(!expected(&["PARENT", "SELF"]).contains_key(name), "{name}");
            let query = format!("{{ __type(name: \"{name}\") {{ name }} }}");
            assert_eq!(parent.data(&query).await, json!({"__type": null}), "{name}");
            assert_eq!(admin.data(&query).await["__type"]["name"], name);
        }
        // Everybody reads what they did themselves; what was changed by it is for an ADMIN.
        let data = parent.data("{ __type(name: \"AuditEntry\") { fields { name } } }").await;
        let fields = data["__type"]["fields"].to_string();
        assert!(fields.contains("action") && !fields.contains("changes") && !fields.contains("requestId"), "{fields}");
    }

    async fn messages_name_nothing_that_a_viewer_neither_sees_nor_wrote(app: TestApp) {
        for viewer in VIEWERS.iter().filter(|viewer| ["ANONYMOUS", "PARENT", "STAFF", "ADMIN"].contains(&viewer.name)) {
            let roles = if viewer.roles.is_empty() { &["ANONYMOUS"] } else { viewer.roles };
            let hidden = hidden(roles);
            let client = viewer.client(&app).await;
            for document in faulty() {
                let answer = client.ask(&document).await;
                assert_eq!(answer.data, Value::Null, "{document}");
                let written = word_set(&document);
                for error in &answer.errors {
                    assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{error}");
                    // The library's own words are nobody's names.
                    let message = error["message"].as_str().unwrap().replace("is required but not provided", "");
                    let told = word_set(&message);
                    let secret: Vec<&String> = told.intersection(&hidden).filter(|word| !written.contains(*word)).collect();
                    assert!(secret.is_empty(), "{}: {secret:?} in {error}", viewer.name);
                }
            }
        }
    }

    async fn hints_help_with_what_is_visible(app: TestApp) {
        let (parent, admin) = (app.sign_in(cast::PARENT).await, app.sign_in(cast::ADMIN).await);
        let message = |answer: &Answer| answer.errors[0]["message"].as_str().unwrap().to_owned();
        let told = message(&parent.ask("{ studens { totalCount } }").await);
        assert!(told.contains("\"students\""), "{told}");
        let misspelt = "mutation { createCours(input: {}) { userErrors { code } } }";
        let told = message(&admin.ask(misspelt).await);
        assert!(told.contains("\"createCourse\""), "{told}");
        let told = message(&parent.ask(misspelt).await);
        assert!(told.contains("createCours") && !told.contains("createCourse"), "{told}");
        let told = message(&parent.ask("mutation { createCourse(inptu: {}) { nothing } }").await);
        assert_eq!(told, "Unknown field \"createCourse\" on type \"Mutation\".", "no more than it was asked with");
    }

    async fn a_field_that_is_not_seen_is_denied_where_it_is_asked_for(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let answer = parent.ask("{ students(first: 1) { edges { node { id archivedAt } } } __schema { queryType { name } } }").await;
        assert_eq!(answer.code_at(&json!(["students", "edges", 0, "node", "archivedAt"])), "FORBIDDEN");
        assert!(answer.at("/students/edges/0/node/id").is_string());
        assert_eq!(answer.at("/__schema/queryType/name"), "Query");
        let answer = parent.ask("mutation { createCourse(input: { name: \"x\", code: \"X\", durationYears: 1, durationType: YEAR }) { course { id } } }").await;
        assert_eq!(answer.code_at(&json!(["createCourse"])), "FORBIDDEN");
    }

    async fn introspection_and_data_are_answered_together_in_the_order_of_the_query(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let query = "query($name: String!, $hidden: String!, $yes: Boolean = true, $no: Boolean!) {
                first: __type(name: $hidden) { name }
                kind: __typename
                institute { name }
                ...S
                ... on Query @include(if: $yes) { second: __type(name: $name) { ...T } again: institute { id } }
                ... @include(if: $no) { never: __schema { queryType { name } } }
                skipped: __type(name: $name) @skip(if: $yes) { name }
                viewer { roles __typename }
            }
            fragment S on Query { schema: __schema { queryType { ...T } } schema: __schema { mutationType { name } } }
            fragment T on __Type { kind name }";
        let variables = json!({"name": "Student", "hidden": "CreateCourseInput", "no": false});
        let answer = parent.ask_with(query, variables).await.ok();
        assert_eq!(answer.at("/first"), &Value::Null);
        assert_eq!(answer.at("/second"), &json!({"kind": "OBJECT", "name": "Student"}));
        assert_eq!(
            answer.at("/schema"),
            &json!({"queryType": {"kind": "OBJECT", "name": "Query"}, "mutationType": {"name": "Mutation"}})
        );
        assert_eq!(answer.at("/viewer"), &json!({"roles": ["PARENT"], "__typename": "Viewer"}));
        let keys = ["first", "kind", "institute", "schema", "second", "again", "viewer"].map(|key| format!("\"{key}\":"));
        let places: Vec<Option<usize>> = keys.iter().map(|key| answer.text.find(key)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", answer.text);
        assert_eq!(answer.data.as_object().unwrap().len(), keys.len(), "{}", answer.text);
    }

    async fn only_the_operation_that_is_executed_introspects(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let document = "query A { __schema { queryType { name } } } mutation B { signOut { success } } query C { institute { name } }";
        let ask = |name: &'static str| {
            let request = http_client().post(app.url("/graphql")).bearer_auth(parent.token.as_ref().unwrap());
            request.json(&json!({"query": document, "operationName": name})).send()
        };
        for (name, pointer) in [("C", "/data/institute/name"), ("A", "/data/__schema/queryType/name"), ("B", "/data/signOut/success")] {
            let body: Value = ask(name).await.unwrap().json().await.unwrap();
            assert!(body["errors"].is_null() && body.pointer(pointer).is_some_and(|value| !value.is_null()), "{name}: {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_signed_in_introspects_only_where_that_is_configured() {
    let app = TestApp::start_with(Backend::Sqlite, |config| config.introspection_anonymous = false).await;
    let (nobody, parent) = (app.anonymous(), app.sign_in(cast::PARENT).await);
    for query in [
        "{ __schema { queryType { name } } }",
        "{ institute { name } a: __type(name: \"Student\") { name } }",
        "{ ... { ...S } } fragment S on Query { ... on Query { __schema { queryType { name } } } }",
    ] {
        let answer = nobody.ask(query).await;
        assert_eq!((answer.errors.len(), &answer.data), (1, &Value::Null), "{query}");
        assert_eq!(answer.errors[0]["extensions"]["code"], "UNAUTHENTICATED");
        assert!(answer.errors[0]["message"].as_str().unwrap().contains("sign in"), "{:?}", answer.errors);
        parent.data(query).await;
    }
    assert_eq!(nobody.data("{ __typename institute { __typename name } }").await["__typename"], "Query");
}

/// What the library stumbles over: it must be told as any other fault of a document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_the_library_does_not_expect_are_told() {
    let app = TestApp::start(Backend::Sqlite).await;
    let (parent, nobody) = (app.sign_in(cast::PARENT).await, app.anonymous());
    let told = |answer: Answer| {
        assert_eq!(answer.data, Value::Null, "{answer:?}");
        assert_eq!(answer.errors[0]["extensions"]["code"], "BAD_USER_INPUT");
        answer.errors.iter().map(|error| error["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("; ")
    };
    for client in [&parent, &nobody] {
        for unknown in ["[Nothing!] = [1]", "[Nothing!]! = [1]", "[[Nothing]] = 1", "Nothing = 1", "[Nothing]"] {
            let message = told(client.ask(&format!("query($x: {unknown}) {{ institute {{ name }} }}")).await);
            assert!(message.contains("Unknown type \"Nothing\""), "{unknown}: {message}");
        }
        let message =
            told(client.ask("query A { institute { name } } query B($x: [Nothing!] = [1]) { __typename }").await);
        assert!(message.contains("Unknown type \"Nothing\""), "{message}");
        for (query, field) in
            [("{ institute }", "institute"), ("{ node(id: \"x\") }", "node"), ("{ __schema }", "__schema")]
        {
            let message = told(client.ask(query).await);
            assert!(
                message.contains(&format!("\"{field}\"")) && message.contains("must have a selection"),
                "{message}"
            );
        }
    }
    // A type that is there and is not seen is as one that is not there.
    let message = told(parent.ask("query($x: [CreateCourseInput!] = [{name: 1}]) { institute { nothing } }").await);
    assert!(message.contains("Unknown type \"CreateCourseInput\""), "{message}");
}

/// All words of a text.
fn word_set(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.map(ToOwned::to_owned).collect()
}

/// The names in what somebody sees, but for those of arguments.
fn words(seen: &Seen) -> BTreeSet<String> {
    seen.keys().chain(seen.values().flatten()).cloned().collect()
}

/// Names of the schema that holders of some roles do not see. Words of the messages themselves are no names.
fn hidden(roles: &[&str]) -> BTreeSet<String> {
    let whole = ["ADMIN", "HOD", "ADMISSION", "STAFF", "STUDENT", "PARENT", "REPORTING", "SELF", "ANONYMOUS"];
    let language = ["type", "field", "name", "value"].map(ToOwned::to_owned);
    &(&words(&expected(&whole)) - &words(&expected(roles))) - &language.into()
}

/// Documents that are wrong in every way that there is a message for, with names near to all that there are.
fn faulty() -> Vec<String> {
    let types = defined(WHOLE);
    let objects = || types.iter().filter(|(_, ty)| ty.kind == "OBJECT");
    let spread = |name: &str, inner: &str| format!("query {{ ...F }} fragment F on {name} {{ {inner} }}");
    let mut documents = Vec::new();
    // As many fields as a root may be asked for at once.
    let parts = objects().flat_map(|(name, ty)| ty.fields.chunks(50).map(move |fields| (name, fields)));
    for (name, fields) in parts {
        let all = |write: &dyn Fn(&str) -> String| {
            fields
                .iter()
                .enumerate()
                .map(|(i, (field, ..))| format!("a{i}: {}", write(field)))
                .collect::<Vec<_>>()
                .join(" ")
        };
        documents.push(spread(name, &all(&|field| format!("{field}x"))));
        documents.push(spread(name, &all(&|field| format!("{field}(inputs: 1, firs: 2, filte: 3) {{ nothing }}"))));
        documents.push(spread(
            name,
            &all(&|field| {
                format!("{field}(input: {{ nam: 1 }}, filter: 1, orderBy: {{ field: NOTHING }}, first: \"x\")")
            }),
        ));
    }
    for (name, ty) in &types {
        let literal = match ty.kind {
            "ENUM" => "NOTHING",
            _ => "{ nothing: 1 }",
        };
        documents.push(format!(
            "query($a: {name} = {literal}, $b: [{name}!] = [{literal}]) {{ students(first: $a) {{ totalCount }} }}"
        ));
        documents.push(format!("{{ institute {{ ... on {name} {{ nothing }} }} node(id: 1) {{ ... on {name} {{ nothing }} }} found: node(id: true) {{ __typename }} }}"));
    }
    let mutations = types["Mutation"].fields.iter();
    let mutations =
        mutations.map(|(name, ..)| format!("mutation {{ {name}(input: {{}}) {{ userErrors {{ nothing }} }} }}"));
    documents.extend(mutations);
    documents
}
