#![allow(clippy::unused_async, reason = "resolvers are async, whatever they do")]

use async_graphql::{
    Context, EmptySubscription, Error, Guard, ID, Interface, Object, Request, Result, Schema, SimpleObject, Union,
    parser::{parse_query, parse_schema},
    value,
};
use serde_json::{Value as Json, json};

use super::*;

struct Denied;

impl Guard for Denied {
    async fn check(&self, _: &Context<'_>) -> Result<()> {
        Err(Error::new("denied"))
    }
}

#[derive(Clone)]
struct Hero(u8);

/// The second friend has no name, as in the examples of the specification.
#[Object]
impl Hero {
    async fn id(&self) -> ID {
        self.0.to_string().into()
    }

    async fn name(&self) -> Result<Option<String>> {
        self.strict_name_of().map(Some)
    }

    async fn strict_name(&self) -> Result<String> {
        self.strict_name_of()
    }

    #[graphql(guard = "Denied")]
    async fn secret(&self) -> Option<String> {
        Some("secret".to_owned())
    }

    #[graphql(guard = "Denied")]
    async fn vault(&self) -> Option<Hero> {
        Some(Hero(0))
    }

    /// Ready later than its siblings.
    async fn slow(&self) -> bool {
        tokio::task::yield_now().await;
        true
    }

    async fn twin(&self) -> Option<Hero> {
        Some(self.clone())
    }

    async fn absent(&self) -> Option<Hero> {
        None
    }

    async fn friends(&self) -> Vec<Option<Hero>> {
        vec![Some(Hero(1)), Some(Hero(2)), None, Some(Hero(3))]
    }

    async fn strict_friends(&self) -> Option<Vec<Hero>> {
        Some(vec![Hero(1), Hero(2)])
    }

    async fn strictest_friends(&self) -> Vec<Hero> {
        vec![Hero(1), Hero(2)]
    }

    async fn scores(&self) -> Option<Vec<Result<i32>>> {
        Some(vec![Ok(1), Err("lost".into())])
    }

    async fn capped(&self, #[graphql(validator(maximum = 10))] first: i32) -> Option<i32> {
        Some(first)
    }
}

impl Hero {
    fn strict_name_of(&self) -> Result<String> {
        match self.0 {
            2 => Err("Name for character with ID 2 could not be fetched.".into()),
            id => Ok(format!("hero {id}")),
        }
    }
}

struct Droid;

#[Object]
impl Droid {
    async fn id(&self) -> ID {
        "droid".into()
    }

    #[graphql(guard = "Denied")]
    async fn secret(&self) -> Option<String> {
        Some("secret".to_owned())
    }

    #[graphql(guard = "Denied")]
    async fn purpose(&self) -> Option<String> {
        Some("purpose".to_owned())
    }

    #[graphql(guard = "Denied")]
    async fn strict_purpose(&self) -> String {
        "purpose".to_owned()
    }
}

#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID"), field(name = "secret", ty = "Option<String>"))]
enum Node {
    Hero(Hero),
    Droid(Droid),
}

#[derive(Union)]
enum Found {
    Hero(Hero),
    Droid(Droid),
}

struct Query;

#[Object]
impl Query {
    async fn hero(&self) -> Option<Hero> {
        Some(Hero(0))
    }

    async fn strict_hero(&self) -> Hero {
        Hero(2)
    }

    async fn nodes(&self) -> Vec<Node> {
        vec![Node::Hero(Hero(2)), Node::Droid(Droid)]
    }

    async fn found(&self) -> Vec<Option<Found>> {
        vec![Some(Found::Droid(Droid)), None, Some(Found::Hero(Hero(1)))]
    }

    #[graphql(guard = "Denied")]
    async fn closed(&self) -> Option<Hero> {
        Some(Hero(0))
    }
}

#[derive(SimpleObject)]
struct Renamed {
    hero: Hero,
}

struct Mutation;

#[Object]
impl Mutation {
    async fn rename(&self) -> Option<Renamed> {
        Some(Renamed { hero: Hero(2) })
    }
}

/// What `query` answers: its data, as text so that the order counts, and the paths of its errors.
async fn answer_with(query: &str, variables: Variables) -> (String, Vec<Json>) {
    let schema = Schema::new(Query, Mutation, EmptySubscription);
    let completer = Completer::new(parse_schema(schema.sdl()).unwrap());
    let mut document = parse_query(query).unwrap();
    completer.prepare(&mut document);
    let mut variables = variables;
    coerce_variables(&document, None, &mut variables).unwrap();
    let mut request = Request::new(query).variables(variables.clone());
    request.set_parsed_query(document.clone());
    let mut response = schema.execute(request).await;
    completer.complete(&document, None, &variables, &mut response);
    let data = serde_json::to_string(&response.data).unwrap();
    let paths = response.errors.iter().map(|error| json!(error.path)).collect();
    (data, paths)
}

async fn answer(query: &str) -> (String, Vec<Json>) {
    answer_with(query, Variables::default()).await
}

async fn data(query: &str) -> String {
    answer(query).await.0
}

#[tokio::test]
async fn a_denied_field_is_null_at_its_place() {
    let (data, paths) = answer("{ hero { id secret name vault { id } } closed { id } }").await;
    let hero = r#"{"id":"0","secret":null,"name":"hero 0","vault":null}"#;
    assert_eq!(data, format!(r#"{{"hero":{hero},"closed":null}}"#));
    assert_eq!(paths.len(), 3);
    assert!(paths.contains(&json!(["hero", "vault"])));
}

#[tokio::test]
async fn keys_come_in_the_order_of_the_query() {
    assert_eq!(
        data("{ hero { slow b: id slowly: slow a: id __typename } __typename }").await,
        r#"{"hero":{"slow":true,"b":"0","slowly":true,"a":"0","__typename":"Hero"},"__typename":"Query"}"#
    );
}

#[tokio::test]
async fn an_object_of_denied_fields_is_an_object_of_nulls() {
    let (data, paths) = answer("{ hero { s: secret twin { secret vault { id } } } }").await;
    assert_eq!(data, r#"{"hero":{"s":null,"twin":{"secret":null,"vault":null}}}"#);
    assert_eq!(paths.len(), 3);
    let (data, paths) = answer("{ closed { id } }").await;
    assert_eq!(data, r#"{"closed":null}"#);
    assert_eq!(paths, [json!(["closed"])]);
}

#[tokio::test]
async fn an_absent_object_stays_null() {
    assert_eq!(data("{ hero { absent { id secret } } }").await, r#"{"hero":{"absent":null}}"#);
}

/// The first example of "Handling Execution Errors".
#[tokio::test]
async fn an_error_of_a_nullable_field_leaves_the_rest() {
    let (data, paths) = answer("{ hero { name heroFriends: friends { id name } } }").await;
    assert_eq!(
        data,
        r#"{"hero":{"name":"hero 0","heroFriends":[{"id":"1","name":"hero 1"},{"id":"2","name":null},null,{"id":"3","name":"hero 3"}]}}"#
    );
    assert_eq!(paths, [json!(["hero", "heroFriends", 1, "name"])]);
}

/// The second example: the same field, declared as non-null.
#[tokio::test]
async fn an_error_of_a_non_null_field_nulls_its_object() {
    let (data, paths) = answer("{ hero { name friends { id name: strictName } } }").await;
    assert_eq!(
        data,
        r#"{"hero":{"name":"hero 0","friends":[{"id":"1","name":"hero 1"},null,null,{"id":"3","name":"hero 3"}]}}"#
    );
    assert_eq!(paths, [json!(["hero", "friends", 1, "name"])]);
}

#[tokio::test]
async fn null_propagates_to_the_nearest_nullable_place() {
    assert_eq!(
        data("{ hero { id strictFriends { strictName } } }").await,
        r#"{"hero":{"id":"0","strictFriends":null}}"#
    );
    assert_eq!(data("{ hero { id strictestFriends { strictName } } }").await, r#"{"hero":null}"#);
    assert_eq!(data("{ strictHero { strictName } hero { id } }").await, "null");
    let (data, paths) = answer("{ strictHero { id strictFriends { id } strictName } }").await;
    assert_eq!(data, "null");
    assert_eq!(paths, [json!(["strictHero", "strictName"])]);
}

#[tokio::test]
async fn an_item_of_a_non_null_type_nulls_the_list() {
    let (data, paths) = answer("{ hero { id scores } }").await;
    assert_eq!(data, r#"{"hero":{"id":"0","scores":null}}"#);
    assert_eq!(paths, [json!(["hero", "scores", 1])]);
}

#[tokio::test]
async fn items_of_denied_fields_are_objects_of_nulls() {
    let (data, paths) = answer("{ hero { friends { secret vault { id } } } }").await;
    let friend = r#"{"secret":null,"vault":null}"#;
    assert_eq!(data, format!(r#"{{"hero":{{"friends":[{friend},{friend},null,{friend}]}}}}"#));
    assert_eq!(paths.len(), 6);
}

#[tokio::test]
async fn interfaces_and_unions_know_their_types() {
    let (data, paths) = answer(
        "query { nodes { id ...D ... on Hero { name } ... on Node { __typename } } found { ...D ... on Hero { n: id } } }
         fragment D on Droid { purpose }",
    )
    .await;
    assert_eq!(
        data,
        r#"{"nodes":[{"id":"2","name":null,"__typename":"Hero"},{"id":"droid","purpose":null,"__typename":"Droid"}],"found":[{"purpose":null},null,{"n":"1"}]}"#
    );
    assert_eq!(paths.len(), 3);
    assert_eq!(
        self::data("{ found { __typename ... on Droid { strictPurpose } } }").await,
        r#"{"found":[null,null,{"__typename":"Hero"}]}"#,
        "null propagates to the item"
    );
}

#[tokio::test]
async fn an_interface_below_a_fragment_is_prepared() {
    let (data, _) =
        answer("query { ...Q } fragment Q on Query { ... { nodes { ...H } } } fragment H on Hero { secret }").await;
    assert_eq!(data, r#"{"nodes":[{"secret":null},{}]}"#);
}

#[tokio::test]
async fn the_guard_of_an_object_is_asked_for_the_fields_of_its_interface() {
    let denied = r#"{"nodes":[{"secret":null},{"secret":null}]}"#;
    for query in ["{ nodes { secret } }", "{ nodes { ... { secret } } }", "{ nodes { ... on Node { secret } } }"] {
        let (data, paths) = answer(query).await;
        assert_eq!(data, denied, "{query}");
        assert_eq!(paths.len(), 2, "{query}");
    }
    assert_eq!(
        data("{ nodes { secret __typename ...N } } fragment N on Node { id secret }").await,
        r#"{"nodes":[{"secret":null,"__typename":"Hero","id":"2"},{"secret":null,"__typename":"Droid","id":"droid"}]}"#
    );
}

#[tokio::test]
async fn skip_and_include_are_followed() {
    let query = "query ($yes: Boolean = true, $no: Boolean!) {
        hero { id @skip(if: $yes) name @include(if: $yes) ...S @include(if: $no) ... @skip(if: $no) { secret } }
    } fragment S on Hero { slow }";
    let expected = r#"{"hero":{"name":"hero 0","secret":null}}"#;
    let variables = Variables::from_value(value!({ "no": false }));
    assert_eq!(answer_with(query, variables).await.0, expected);
    let expected = r#"{"hero":{"id":"0","slow":true}}"#;
    let variables = Variables::from_value(value!({ "yes": false, "no": true }));
    assert_eq!(answer_with(query, variables).await.0, expected);
}

#[tokio::test]
async fn an_object_without_any_key_is_not_null() {
    assert_eq!(data("{ hero { id @skip(if: true) } }").await, r#"{"hero":{}}"#);
    assert_eq!(data("{ hero { id } }").await, r#"{"hero":{"id":"0"}}"#);
    assert_eq!(data("{ hero @skip(if: true) { id } }").await, "{}");
}

#[tokio::test]
async fn duplicates_are_merged() {
    let (data, paths) = answer(
        "{ hero { ...A ...B } hero { twin { slow id } friends { id } } }
         fragment A on Hero { twin { secret } id friends { secret } }
         fragment B on Hero { id twin { name } }",
    )
    .await;
    let friend = |id| format!(r#"{{"secret":null,"id":"{id}"}}"#);
    let friends = [friend("1"), friend("2"), "null".to_owned(), friend("3")].join(",");
    let twin = r#"{"secret":null,"name":"hero 0","slow":true,"id":"0"}"#;
    assert_eq!(data, format!(r#"{{"hero":{{"twin":{twin},"id":"0","friends":[{friends}]}}}}"#));
    assert_eq!(paths.len(), 4);
}

#[tokio::test]
async fn mutations_are_completed() {
    assert_eq!(
        data("mutation { b: rename { hero { id strictName } } a: rename { hero { name id } } }").await,
        r#"{"b":null,"a":{"hero":{"name":null,"id":"2"}}}"#
    );
}

#[tokio::test]
async fn introspection_passes_through() {
    assert_eq!(
        data(r#"{ __type(name: "Droid") { name fields { name } } hero { id } __schema { queryType { name } } }"#).await,
        r#"{"__type":{"name":"Droid","fields":[{"name":"id"},{"name":"secret"},{"name":"purpose"},{"name":"strictPurpose"}]},"hero":{"id":"0"},"__schema":{"queryType":{"name":"Query"}}}"#
    );
}

#[tokio::test]
async fn what_was_not_executed_is_left_alone() {
    let (data, paths) = answer("{ nothing }").await;
    assert_eq!(data, "null");
    assert_eq!(paths, [json!([])]);
}

#[tokio::test]
async fn an_object_or_an_interface_without_selections_is_not_executed() {
    for query in ["{ hero }", "{ nodes }", "{ found }"] {
        let (data, paths) = answer(query).await;
        assert_eq!((data.as_str(), paths), ("null", vec![json!([])]), "{query}");
    }
}

#[tokio::test]
async fn an_error_of_an_argument_is_one_of_its_field() {
    let (data, paths) = answer("{ hero { id capped(first: 11) } }").await;
    assert_eq!(data, r#"{"hero":{"id":"0","capped":null}}"#);
    assert_eq!(paths, [json!(["hero", "capped"])]);
}

#[test]
fn cyclic_fragments_end() {
    let schema = Schema::new(Query, Mutation, EmptySubscription);
    let completer = Completer::new(parse_schema(schema.sdl()).unwrap());
    let mut document =
        parse_query("{ hero { ...A } } fragment A on Hero { ...B id } fragment B on Hero { ...A }").unwrap();
    completer.prepare(&mut document);
    let mut response = Response::new(value!({ "hero": { "id": "0" } }));
    completer.complete(&document, None, &Variables::default(), &mut response);
    assert_eq!(response.data, value!({ "hero": { "id": "0" } }));
}

#[test]
fn only_what_is_unclear_is_marked() {
    let schema = Schema::new(Query, Mutation, EmptySubscription);
    let completer = Completer::new(parse_schema(schema.sdl()).unwrap());
    let marks = |query| {
        let mut document = parse_query(query).unwrap();
        completer.prepare(&mut document);
        format!("{document:?}").matches(MARKER).count()
    };
    assert_eq!(marks("{ hero { ...A twin { id } } } fragment A on Hero { id }"), 0);
    assert_eq!(marks("{ nodes { id } found { ... on Hero { twin { id } } } }"), 2);
    assert_eq!(marks("{ hero { ...A @skip(if: true) } } fragment A on Hero { id }"), 1);
    assert_eq!(marks("{ hero { id } hero { name } }"), 2);
    assert_eq!(marks("{ a: hero { id } b: hero { name } }"), 0);
}

#[test]
fn variables_take_defaults_and_miss_none() {
    let document = parse_query("query A($a: Int! = 1, $b: Int, $c: ID!) { x } query B { x }").unwrap();
    let mut variables = Variables::from_value(value!({ "c": "1" }));
    assert!(coerce_variables(&document, Some("A"), &mut variables).is_ok());
    assert_eq!(variables.into_value(), value!({ "a": 1, "c": "1" }));
    let mut variables = Variables::from_value(value!({ "c": null }));
    let error = coerce_variables(&document, Some("A"), &mut variables).unwrap_err();
    assert_eq!(error.message, r#"Variable "$c" of required type "ID!" has no value."#);
    assert!(coerce_variables(&document, Some("B"), &mut Variables::default()).is_ok());
    assert!(coerce_variables(&document, None, &mut Variables::default()).is_ok());
}
