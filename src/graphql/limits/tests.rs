use async_graphql::{
    Value,
    parser::{parse_query, parse_schema},
};
use serde_json::{Value as Json, json};

use super::{
    lexer::{Scanned, scan},
    weight::{LIST, MUTATION},
    *,
};
use crate::graphql::complete::coerce_variables;

const SDL: &str = "
    type Query {
        students(first: Int, last: Int, ids: [ID!], filter: Filter): StudentConnection
        student(id: ID): Student
        node(id: ID!): Node
    }
    type Mutation { admit(input: Input): Payload }
    type Payload { student: Student }
    interface Node { id: ID! }
    type StudentConnection { edges: [StudentEdge!]! pageInfo: PageInfo! totalCount: Int }
    type StudentEdge { node: Student cursor: String! }
    type PageInfo { hasNextPage: Boolean! }
    type Student implements Node {
        id: ID! name: String friend: Student batches: [Batch!] roles: [String!]
        friends(first: Int, last: Int): StudentConnection
        months(last: Int): [Month!]
    }
    type Batch { name: String }
    type Month { present: Int }
";

fn weighed(limits: Limits, query: &str, variables: Json) -> Result<u64, Refusal> {
    let schema = Completer::new(parse_schema(SDL).unwrap());
    limits.text(query)?;
    let document = parse_query(query).unwrap();
    let mut variables = Variables::from_json(variables);
    let _ = coerce_variables(&document, None, &mut variables);
    limits.check(&schema, &document, None, &variables)
}

fn cost_with(query: &str, variables: Json) -> u64 {
    weighed(Limits::default(), query, variables).unwrap()
}

fn cost(query: &str) -> u64 {
    cost_with(query, json!({}))
}

/// The limit that a query exceeds, with what it asks for.
#[track_caller]
fn exceeded(limits: Limits, query: &str) -> (&'static str, u64) {
    match weighed(limits, query, json!({})) {
        Err(Refusal::Exceeded { limit, requested, .. }) => (limit, requested),
        other => panic!("{other:?}"),
    }
}

fn scanned(text: &str) -> (u64, u64) {
    let Scanned { tokens, nesting } = scan(text).unwrap();
    (tokens, nesting)
}

#[test]
fn tokens_and_brackets_are_counted() {
    for (text, tokens, nesting) in [
        ("", 0, 0),
        ("{ a, b }", 4, 1),
        ("\u{feff}{a(b:[1 2])...F}", 13, 3),
        ("{ a # [[[[ \"\n}", 3, 1),
        ("# {\r{a}", 3, 1),
        (r#"{ a(b: "[[[ \" [[[ \\") }"#, 8, 2),
        ("{ a(b: \"\"\"[[[ \" \\\"\"\" [[[ \n\"\"\") }", 8, 2),
        (r#"["" "" """"""]"#, 5, 1),
        ("query($a: [[Int!]!]! = [1]) @d { a }", 23, 3),
        ("]]]}}}[", 7, 1),
        ("a1_b é", 3, 0),
    ] {
        assert_eq!(scanned(text), (tokens, nesting), "{text}");
    }
}

#[test]
fn what_the_parser_takes_for_several_tokens_is_counted_as_several() {
    for text in
        ["0000", "-0-0-0-0", "truetruetruetrue", "falsenulltruenull", "1-1-1-1", "\"\"\"\"\"\"\"\"\"\"\"\"", "$a$a$a$a"]
    {
        let query = format!("{{ f(x: [{text}]) }}");
        let document = parse_query(&query).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let async_graphql::parser::types::Selection::Field(field) = &operation.node.selection_set.node.items[0].node
        else {
            panic!("{query}")
        };
        let async_graphql_value::Value::List(items) = &field.node.arguments[0].1.node else { panic!("{query}") };
        let values = u64::try_from(items.len()).unwrap();
        assert!(values > 1 && scanned(text).0 >= values, "{text} is {values} values and {:?}", scanned(text));
    }
}

#[test]
fn a_string_that_does_not_end_is_refused_where_it_begins() {
    let deep = "[".repeat(100);
    // The parser would find an empty string here, and another, and then brackets.
    let hidden = format!("{{ a(b: [\"\"\"x\", {deep} ]) }}");
    for (text, line, column) in [
        ("{ a(b: \"x) }", 1, 8),
        ("{\n é(b: \"x\n\") }", 2, 7),
        ("{ a(b: \"x\\", 1, 8),
        ("\"\"\"\\\"\"\"", 1, 1),
        (&hidden, 1, 9),
    ] {
        assert_eq!(scan(text), Err(Pos { line, column }), "{text}");
    }
    let error = ServerError::from(weighed(Limits::default(), "{ a(b: \"x) }", json!({})).unwrap_err());
    assert_eq!(error.extensions.unwrap().get("code"), Some(&Value::from("BAD_USER_INPUT")));
}

#[test]
fn a_refusal_names_the_limit_and_what_was_asked_and_is_allowed() {
    let limits = Limits { depth: 2, ..Limits::default() };
    let error = ServerError::from(weighed(limits, "{ student { friend { name } } }", json!({})).unwrap_err());
    assert_eq!(error.message, "the depth of the query is 3, and 2 is the most that is allowed");
    let told = json!(error.extensions.unwrap());
    assert_eq!(told, json!({"code": "LIMIT_EXCEEDED", "limit": "MAX_QUERY_DEPTH", "requested": 3, "allowed": 2}));
}

#[test]
fn each_limit_allows_so_many_and_no_more() {
    let none = Limits {
        tokens: 14,
        nesting: 3,
        depth: 2,
        fields: 4,
        root_fields: 2,
        aliases: 1,
        directives: 1,
        ..Limits::default()
    };
    let just = "{ a: student { id @d } student { name } }";
    assert_eq!(weighed(none, just, json!({})), Ok(4));
    for (limits, limit, requested) in [
        (Limits { tokens: 13, ..none }, "MAX_QUERY_TOKENS", 14),
        (Limits { nesting: 1, ..none }, "MAX_QUERY_NESTING", 2),
        (Limits { depth: 1, ..none }, "MAX_QUERY_DEPTH", 2),
        (Limits { fields: 3, ..none }, "MAX_QUERY_FIELDS", 4),
        (Limits { root_fields: 1, ..none }, "MAX_QUERY_ROOT_FIELDS", 2),
        (Limits { aliases: 0, ..none }, "MAX_QUERY_ALIASES", 1),
        (Limits { directives: 0, ..none }, "MAX_QUERY_DIRECTIVES", 1),
        (Limits { cost: 3, ..none }, "MAX_QUERY_COST", 4),
    ] {
        assert_eq!(exceeded(limits, just), (limit, requested));
    }
}

#[test]
fn fragments_count_wherever_they_are_spread() {
    let limits = Limits { fields: 8, depth: 3, aliases: 2, ..Limits::default() };
    let query = "query { ...A ...A } fragment A on Query { student { ...B } } fragment B on Student { x: name }";
    assert_eq!(weighed(limits, query, json!({})), Ok(4));
    assert_eq!(exceeded(Limits { fields: 7, ..limits }, query), ("MAX_QUERY_FIELDS", 8));
    assert_eq!(exceeded(Limits { depth: 1, ..limits }, query), ("MAX_QUERY_DEPTH", 2));
    assert_eq!(exceeded(Limits { aliases: 1, ..limits }, query), ("MAX_QUERY_ALIASES", 2));
    let inline = "{ ... { ... on Query { student { id } } } }";
    assert_eq!(weighed(Limits { fields: 4, ..limits }, inline, json!({})), Ok(2));
    assert_eq!(exceeded(Limits { fields: 3, ..limits }, inline), ("MAX_QUERY_FIELDS", 4));
    let unused = "{ student { id } } fragment U on Student { a: id b: id c: id }";
    assert_eq!(exceeded(limits, unused), ("MAX_QUERY_ALIASES", 3), "validation reads it too");
}

/// A fragment that spreads the next twice, `n` times over.
fn doubling(n: usize, last: &str) -> String {
    let fragments = (0..n).map(|i| format!("fragment F{i} on Query {{ ...F{0} ...F{0} }}", i + 1));
    let fragments: Vec<String> = fragments.collect();
    format!("{{ ...F0 }} {} fragment F{n} on Query {{ {last} }}", fragments.join(" "))
}

#[test]
fn fragments_that_multiply_are_counted_without_being_expanded() {
    let limits = Limits { nesting: 64, ..Limits::default() };
    let (limit, requested) = exceeded(limits, &doubling(26, "student { id }"));
    assert_eq!(limit, "MAX_QUERY_FIELDS");
    assert!(requested > 2 << 26);
    // Not a field in it, and as much work.
    assert_eq!(exceeded(limits, &doubling(26, "...Nowhere")).0, "MAX_QUERY_FIELDS");
    let sixty = Limits { fields: u64::MAX, root_fields: u64::MAX, ..limits };
    assert_eq!(exceeded(sixty, &doubling(60, "student { friends { totalCount } }")), ("MAX_QUERY_COST", u64::MAX));
}

#[test]
fn a_fragment_that_leads_to_itself_is_refused() {
    for query in [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { student { ...B } } fragment B on Student { friend { ...B } }",
        "{ student { id } } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }",
    ] {
        let refusal = weighed(Limits::default(), query, json!({})).unwrap_err();
        assert!(matches!(refusal, Refusal::Circular(..)), "{query}: {refusal:?}");
        let error = ServerError::from(refusal);
        assert_eq!(error.extensions.unwrap().get("code"), Some(&Value::from("BAD_USER_INPUT")));
    }
}

#[test]
fn fragments_in_fragments_do_not_reach_the_end_of_the_stack() {
    let chain: Vec<String> = (0..900).map(|i| format!("fragment F{i} on Query {{ ...F{} }}", i + 1)).collect();
    let query = format!("{{ ...F0 }} {} fragment F900 on Query {{ student {{ id }} }}", chain.join(" "));
    assert_eq!(exceeded(Limits::default(), &query), ("MAX_QUERY_NESTING", 33));
    // The same where each part is short: fields and fragments add up.
    let half = "{ friend ".repeat(14);
    let query =
        format!("{{ student {half} {{ ...F }} {0} }} fragment F on Student {half} {{ id }} {0}", "}".repeat(14));
    let limits = Limits { depth: 100, ..Limits::default() };
    assert_eq!(weighed(limits, &query, json!({})), Ok(30));
    assert_eq!(exceeded(Limits { nesting: 30, ..limits }, &query).0, "MAX_QUERY_NESTING");
}

#[test]
fn a_list_multiplies_what_is_below_it() {
    for (query, expected) in [
        ("{ student { id name } }", 3),
        ("{ student { roles } }", 2),
        ("{ student { batches { name } } }", 1 + 1 + LIST),
        ("{ students { edges { node { id } } } }", 1 + 20 * 3),
        ("{ students(first: 3) { totalCount } }", 1 + 3),
        (
            "{ students(first: 3) { edges { node { friends(last: 4) { edges { node { id } } } } } } }",
            1 + 3 * (2 + 1 + 4 * 3),
        ),
        ("{ student { months(last: 7) { present } } }", 1 + 1 + 7),
        ("{ student { ... on Student { id } ...S } } fragment S on Student { id }", 3),
        ("{ node(id: 1) { id ... on Student { batches { name } } } }", 1 + 1 + 1 + LIST),
        ("{ nothing(first: 100) { that { is { known } } } }", 4),
    ] {
        assert_eq!(cost(query), expected, "{query}");
    }
    let two = "{ students(first: 100) { edges { node { friends(first: 100) { edges { node { id } } } } } } }";
    assert_eq!(cost(two), 1 + 100 * (2 + 1 + 300));
    let three = "{ students(first: 100) { edges { node { friends(first: 100) { edges { node { friends(first: 100) \
                 { edges { node { id } } } } } } } } } }";
    assert_eq!(exceeded(Limits::default(), three), ("MAX_QUERY_COST", 1 + 100 * (3 + 100 * (3 + 300))));
}

#[test]
fn a_page_is_as_large_as_the_query_or_its_variables_say_and_never_larger_than_there_is() {
    let of = |rows: u64| 1 + rows * 3;
    for (argument, rows) in [
        ("first: 5", 5),
        ("last: 5", 5),
        ("first: 5, last: 7", 7),
        ("first: null", 20),
        ("first: 100", 100),
        ("first: 101", 100),
        ("first: 99999999999999999999", 100),
        ("first: 0", 1),
        ("first: -5", 1),
        ("first: -99999999999999999999", 100),
        ("first: 1.5", 100),
        ("first: \"5\"", 100),
        ("first: [5]", 100),
    ] {
        assert_eq!(
            cost(&format!("{{ students({argument}) {{ edges {{ node {{ id }} }} }} }}")),
            of(rows),
            "{argument}"
        );
    }
    let query = "query($n: Int) { students(first: $n) { edges { node { id } } } }";
    let default = "query($n: Int = 50) { students(first: $n) { edges { node { id } } } }";
    for (variables, rows, with_default) in [
        (json!({}), 20, 50),
        (json!({"n": null}), 20, 20),
        (json!({"n": 7}), 7, 7),
        (json!({"n": -7}), 1, 1),
        (json!({"n": u64::MAX}), 100, 100),
        (json!({"n": 1e300}), 100, 100),
        (json!({"n": "7"}), 100, 100),
        (json!({"n": [7]}), 100, 100),
        (json!({"other": 7}), 20, 50),
    ] {
        assert_eq!(cost_with(query, variables.clone()), of(rows), "{variables}");
        assert_eq!(cost_with(default, variables.clone()), of(with_default), "{variables}");
    }
}

#[test]
fn a_mutation_costs_more() {
    assert_eq!(cost("mutation { admit { student { id } } }"), MUTATION + 3);
    assert_eq!(
        cost("mutation { a: admit { student { id } } ...M } fragment M on Mutation { admit { student { id } } }"),
        2 * (MUTATION + 3)
    );
}

#[test]
fn the_cost_is_of_the_operation_that_is_executed() {
    let schema = Completer::new(parse_schema(SDL).unwrap());
    let document = parse_query("query A { student { id } } query B { students(first: 3) { totalCount } }").unwrap();
    let of = |name| Limits::default().check(&schema, &document, name, &Variables::default()).unwrap();
    assert_eq!((of(Some("A")), of(Some("B"))), (2, 4));
    assert_eq!((of(None), of(Some("C"))), (4, 4), "which one is for the execution to refuse");
    let limits = Limits { depth: 1, ..Limits::default() };
    assert!(limits.check(&schema, &document, Some("A"), &Variables::default()).is_err(), "validation reads both");
}

#[test]
fn values_in_variables_and_arguments_are_bounded() {
    let limits = Limits { input_values: 100, ..Limits::default() };
    let asked = |query: &str, variables| match weighed(limits, query, variables) {
        Err(Refusal::Exceeded { limit, requested, .. }) => Err((limit, requested)),
        other => Ok(other.unwrap()),
    };
    let query = "query($ids: [ID!]) { students(first: 1, ids: $ids) { totalCount } }";
    let ids = |n: usize| json!({"ids": vec!["x"; n]});
    assert_eq!(asked(query, ids(98)), Ok(1 + 10 + 1), "each ten values cost 1");
    assert_eq!(asked(query, ids(100)), Err(("MAX_INPUT_VALUES", 101)));
    assert_eq!(asked("{ student { id } }", ids(100)), Err(("MAX_INPUT_VALUES", 101)), "unused ones too");
    assert_eq!(asked(query, json!({"a": [[[], {}], {"b": [1, 2]}]})), Ok(2), "nine");
    let thrice =
        "query($ids: [ID!]) { a: students(ids: $ids) { totalCount } b: students(ids: [$ids, $ids]) { totalCount } }";
    assert_eq!(asked(thrice, ids(40)), Err(("MAX_INPUT_VALUES", 41 + 83)), "wherever a variable stands");
    let written = format!("{{ students(ids: [{}]) {{ totalCount }} }}", "1 ".repeat(100));
    assert_eq!(asked(&written, json!({})), Err(("MAX_INPUT_VALUES", 101)));
}

/// What GraphiQL and others ask to learn a schema, with all that may be asked.
fn introspection() -> String {
    let of_type = "ofType { kind name ".repeat(9) + &"}".repeat(9);
    format!(
        "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }} \
         subscriptionType {{ name kind }} types {{ ...FullType }} directives {{ name description isRepeatable locations \
         args(includeDeprecated: true) {{ ...InputValue }} }} }} }} \
         fragment FullType on __Type {{ kind name description specifiedByURL isOneOf \
         fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }} \
         type {{ ...TypeRef }} isDeprecated deprecationReason }} \
         inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }} \
         enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }} \
         possibleTypes {{ ...TypeRef }} }} \
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated \
         deprecationReason }} fragment TypeRef on __Type {{ kind name {of_type} }}"
    )
}

#[test]
fn an_introspection_has_a_depth_of_its_own() {
    let limits = Limits { depth: 1, ..Limits::default() };
    assert!(weighed(limits, &introspection(), json!({})).is_ok());
    assert_eq!(exceeded(Limits { introspection_depth: 2, ..limits }, &introspection()), ("MAX_INTROSPECTION_DEPTH", 3));
    // Each field of each type of each field of each type: small to ask, and without an end.
    let nested = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(exceeded(limits, nested), ("MAX_INTROSPECTION_DEPTH", 4));
    let by_fragments = "{ __type(name: \"Query\") { ...A } } fragment A on __Type { fields { type { ...B } } } \
                        fragment B on __Type { fields { type { ...C } } } fragment C on __Type { fields { args { name } } }";
    assert_eq!(exceeded(limits, by_fragments), ("MAX_INTROSPECTION_DEPTH", 4));
    assert_eq!(cost("{ __schema { types { fields { name } } } }"), 1 + 1 + LIST * (1 + LIST));
}
