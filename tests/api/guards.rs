//! The field statement: on every field, enforced as it is published, and denied as the specification has it.

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use rollcall::{demo::cast, graphql};
use serde_json::{Value, json};

#[test]
fn schema_graphql_is_the_schema() {
    let committed = include_str!("../../schema.graphql");
    assert!(committed == graphql::sdl(), "schema.graphql is stale: run `cargo run -- schema > schema.graphql`");
}

#[test]
fn the_page_of_authorization_is_made_from_the_schema() {
    let committed = include_str!("../../docs/authorization.md");
    let made = graphql::authorization_page().unwrap_or_else(|error| panic!("{}", error.report()));
    let stale = "docs/authorization.md is stale: run `cargo run -- authorization > docs/authorization.md`";
    assert!(committed == made, "{stale}");
}

#[test]
fn every_field_states_who_may_read_it() {
    let mut fields = 0;
    let mut unstated = Vec::new();
    for definition in parse_schema(graphql::sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let TypeKind::Object(object) = definition.node.kind else { continue };
        for field in object.fields {
            fields += 1;
            let statements =
                field.node.directives.iter().filter(|directive| directive.node.name.node == "auth").count();
            if statements != 1 {
                unstated.push(format!("{}.{}", definition.node.name.node, field.node.name.node));
            }
        }
    }
    assert!(unstated.is_empty(), "{unstated:#?}");
    assert!(fields > 100, "the schema was read: {fields} fields");
}

/// A denied non-null field takes its object away: only what everybody reads who reads any of the object may be non-null.
#[test]
fn what_some_role_may_not_read_is_nullable() {
    let policy = graphql::Policy::from_sdl(&graphql::sdl()).unwrap_or_else(|error| panic!("{}", error.report()));
    let mut wrong = Vec::new();
    for definition in parse_schema(graphql::sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let TypeKind::Object(object) = definition.node.kind else { continue };
        let type_name = definition.node.name.node.to_string();
        // An operation has one of its fields, and there is nothing beside it to be taken away.
        if type_name == "Subscription" {
            continue;
        }
        let of = |field: &str| policy.requires(&type_name, field);
        for field in &object.fields {
            let name = field.node.name.node.as_str();
            let all_may =
                object.fields.iter().all(|other| of(&other.node.name.node).iter().all(|role| of(name).has(role)));
            if !field.node.ty.node.nullable && !all_may {
                wrong.push(format!("{type_name}.{name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A field's own guard would take the place of its object's, and what the field states would not decide. That every object
/// has the guard is found out by asking (`graphql/statement/probe.rs`); one that a field adds need not show in an answer.
#[test]
fn no_field_has_a_guard_of_its_own() {
    const OF_AN_OBJECT: [&str; 4] =
        [r#""stated(self)""#, r#""root(\"Query\")""#, r#""root(\"Mutation\")""#, r#""root(\"Subscription\")""#];
    let mut others = Vec::new();
    let mut guards = 0;
    for file in rust_files(std::path::Path::new("src")) {
        let source = std::fs::read_to_string(&file).unwrap();
        let production = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines: Vec<&str> = production.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
        for (i, line) in lines.iter().enumerate() {
            let Some((_, guard)) = line.split_once("guard = ") else { continue };
            guards += 1;
            let item = lines[i..].iter().find(|line| !line.starts_with('#')).unwrap();
            let is_root = line.starts_with("#[Object(") || line.starts_with("#[Subscription(");
            let of_an_object = is_root || item.trim_start_matches("pub ").starts_with("struct ");
            if !of_an_object || !OF_AN_OBJECT.iter().any(|known| guard.starts_with(known)) {
                others.push(format!("{}: {line}", file.display()));
            }
        }
    }
    assert!(others.is_empty(), "{others:#?}");
    assert!(guards > 60, "the sources were read: {guards} guards");
}

/// A filter's id is opened through the scope, which its type sees to. The lists of who did and read what are one's own, or
/// an ADMIN's, whatever they are filtered by: a row that they name may be gone.
#[test]
fn a_filter_names_a_row_by_an_id_that_only_the_scope_opens() {
    let (mut through_scope, mut others) = (0, Vec::new());
    for file in rust_files(std::path::Path::new("src")) {
        let source = std::fs::read_to_string(&file).unwrap();
        for filter in source.split("Filter {\n").skip(1).filter_map(|rest| rest.split("\n}").next()) {
            through_scope += filter.matches("Option<FilterId>").count();
            let plain = filter.lines().filter(|line| line.contains("<ID>") || line.contains(": ID,"));
            others.extend(plain.map(|line| format!("{}: {}", file.display(), line.trim())));
        }
    }
    others.sort();
    let of_deeds = [
        "access/model.rs: pub actor_id",
        "access/model.rs: pub subject_id",
        "audit/model.rs: pub actor_id",
        "audit/model.rs: pub subject_id",
    ];
    assert_eq!(others, of_deeds.map(|field| format!("src/{field}: Option<ID>,")));
    assert!(through_scope > 10, "the sources were read: {through_scope}");
}

fn rust_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { Vec::from([path]) })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs"))
        .collect()
}

#[test]
fn everything_is_described() {
    let missing: Vec<String> = undescribed(&graphql::sdl());
    assert!(missing.is_empty(), "{missing:#?}");
}

fn undescribed(sdl: &str) -> Vec<String> {
    let mut missing = Vec::new();
    let mut check = |described: bool, name: String| {
        if !described {
            missing.push(name);
        }
    };
    for definition in parse_schema(sdl).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let definition = definition.node;
        let type_name = definition.name.node.to_string();
        check(definition.description.is_some(), type_name.clone());
        match definition.kind {
            TypeKind::Object(object) => {
                for field in object.fields {
                    let name = format!("{type_name}.{}", field.node.name.node);
                    check(field.node.description.is_some(), name.clone());
                    for argument in field.node.arguments {
                        check(argument.node.description.is_some(), format!("{name}({})", argument.node.name.node));
                    }
                }
            }
            TypeKind::InputObject(input) => {
                for field in input.fields {
                    check(field.node.description.is_some(), format!("{type_name}.{}", field.node.name.node));
                }
            }
            TypeKind::Enum(values) => {
                for value in values.values {
                    check(value.node.description.is_some(), format!("{type_name}.{}", value.node.value.node));
                }
            }
            _ => {}
        }
    }
    missing
}

on_both! {
    async fn a_denied_field_is_null_with_its_error_at_its_path_and_the_rest_intact(app: TestApp) {
        let teacher = app.sign_in(cast::TEACHER).await;
        let answer = teacher
            .ask("{ students(first: 2) { edges { node { id citizenshipNumber name phone } } } }")
            .await;
        for i in 0..2 {
            let node = answer.at(&format!("/students/edges/{i}/node"));
            assert!(node["id"].is_string() && node["name"].is_string());
            assert_eq!(node["citizenshipNumber"], Value::Null);
            for field in ["citizenshipNumber", "phone"] {
                assert_eq!(answer.code_at(&json!(["students", "edges", i, "node", field])), "FORBIDDEN");
            }
        }
        assert_eq!(answer.errors.len(), 4);
        let data = answer.text.split("\"data\":").nth(1).unwrap();
        let places: Vec<usize> = ["\"id\"", "\"citizenshipNumber\"", "\"name\"", "\"phone\""].map(|key| data.find(key).unwrap()).into();
        assert!(places.is_sorted(), "keys stand in the order of the query: {data}");
        assert_eq!(answer.status, 200);
    }

    async fn an_object_of_denied_fields_only_is_still_an_object(app: TestApp) {
        let teacher = app.sign_in(cast::TEACHER).await;
        let answer = teacher.ask("{ students(first: 1) { edges { node { citizenshipNumber } } } }").await;
        assert_eq!(answer.at("/students/edges/0/node"), &json!({"citizenshipNumber": null}));
    }

    async fn each_role_reads_what_the_rules_give_it_of_a_student(app: TestApp) {
        let cases = [
            (cast::ADMIN, true, true, true),
            (cast::HOD, true, false, true),
            (cast::ADMISSION, true, true, false),
            (cast::TEACHER, false, false, true),
            (cast::STUDENT, true, true, true),
            (cast::PARENT, true, true, true),
        ];
        for (who, contact, civil, attendance) in cases {
            let client = app.sign_in(who).await;
            let answer = client
                .ask(
                    "{ students(first: 1) { edges { node { name phone email birthDate gender permanentAddress joiningDate \
                       citizenshipNumber maritalStatus attendanceSummary { percentage } } } } }",
                )
                .await;
            let denied = |field: &str| {
                let path = json!(["students", "edges", 0, "node", field]);
                let error = answer.errors.iter().find(|error| error["path"] == path);
                error.is_some_and(|error| error["extensions"]["code"] == "FORBIDDEN")
            };
            for field in ["phone", "email", "birthDate", "gender", "permanentAddress", "joiningDate"] {
                assert_eq!(!denied(field), contact, "{who} {field}");
            }
            for field in ["citizenshipNumber", "maritalStatus"] {
                assert_eq!(!denied(field), civil, "{who} {field}");
            }
            assert_eq!(!denied("attendanceSummary"), attendance, "{who}");
            assert!(!denied("name"), "{who}");
        }
    }

    async fn who_holds_two_roles_reads_each_row_by_the_role_that_reaches_it(app: TestApp) {
        // A teacher who is a parent reads their child as a parent, and their class as a teacher.
        let both = app.sign_in(cast::TEACHER_PARENT).await;
        let data = both.data("{ viewer { roles parent { students { edges { node { id } } } } } }").await;
        assert_eq!(data["viewer"]["roles"], json!(["STAFF", "PARENT"]));
        let children: Vec<&Value> = data["viewer"]["parent"]["students"]["edges"].as_array().unwrap().iter().map(|e| &e["node"]["id"]).collect();
        let answer = both.ask("{ students(first: 100) { edges { node { id phone citizenshipNumber } } } }").await;
        let edges = answer.at("/students/edges").as_array().unwrap();
        let (mut own, mut others) = (0, 0);
        for (i, edge) in edges.iter().enumerate() {
            let denied = answer.errors.iter().any(|error| error["path"] == json!(["students", "edges", i, "node", "phone"]));
            if children.contains(&&edge["node"]["id"]) {
                own += 1;
                assert!(!denied, "their own child");
            } else {
                others += 1;
                assert!(denied && edge["node"]["phone"].is_null() && edge["node"]["citizenshipNumber"].is_null());
            }
        }
        assert!(own > 0 && others > 0, "{own} own, {others} others");
    }

    async fn the_time_of_feedback_on_the_institute_is_for_its_author_alone(app: TestApp) {
        // Lists are in the order of entry: dated neighbours would date what is anonymous.
        for who in [cast::ADMIN, cast::TEACHER, cast::PARENT] {
            let client = app.sign_in(who).await;
            let data = client.data("{ instituteFeedback(first: 100) { edges { node { mine anonymous createdAt } } } }").await;
            let edges = data["instituteFeedback"]["edges"].as_array().unwrap();
            assert!(edges.iter().any(|edge| edge["node"]["anonymous"] == false));
            for edge in edges {
                assert_eq!(edge["node"]["createdAt"].is_string(), edge["node"]["mine"] == true, "{who} {edge}");
            }
        }
    }

    async fn a_fault_or_a_denial_tells_nothing_of_the_row(app: TestApp) {
        let parent = app.sign_in(cast::PARENT).await;
        let answer = parent.ask("{ students { edges { node { archivedAt } } } }").await;
        for error in &answer.errors {
            let text = error.to_string().to_lowercase();
            assert!(!text.contains("select") && !text.contains("sqlite") && !text.contains("postgres"), "{text}");
        }
    }
}
