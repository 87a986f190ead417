//! Relay connections: paging forward and backward, and cursors that are good only where they were given.

use rollcall::demo::cast;
use serde_json::{Value, json};

use crate::support::Client;

async fn walk(client: &Client, order: &str, forward: bool) -> Vec<String> {
    let (size, cursor, more, next) = if forward {
        ("first", "after", "hasNextPage", "endCursor")
    } else {
        ("last", "before", "hasPreviousPage", "startCursor")
    };
    let query = format!(
        "query($c: String) {{ students({size}: 17, {cursor}: $c, orderBy: {order}) {{ edges {{ cursor node {{ id }} }} \
         pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    );
    let (mut ids, mut position) = (Vec::new(), Value::Null);
    loop {
        let page = client.ask_with(&query, json!({"c": position})).await.ok();
        let edges = page.at("/students/edges").as_array().unwrap().clone();
        let mut here: Vec<String> = edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect();
        let info = page.at("/students/pageInfo");
        assert_eq!(info["startCursor"], edges[0]["cursor"]);
        assert_eq!(info["endCursor"], edges[edges.len() - 1]["cursor"]);
        if forward {
            ids.append(&mut here);
        } else {
            here.append(&mut ids);
            ids = here;
        }
        position = info[next].clone();
        if info[more] == json!(false) {
            return ids;
        }
    }
}

on_both! {
    async fn pages_cover_the_list_once_in_every_order_and_direction(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let total = admin.data("{ students { totalCount } }").await["students"]["totalCount"].as_u64().unwrap();
        for field in ["NAME", "ADMISSION"] {
            let up = walk(&admin, &format!("{{field: {field}, direction: ASC}}"), true).await;
            assert_eq!(up.len() as u64, total, "{field}");
            assert_eq!(up.iter().collect::<std::collections::HashSet<_>>().len(), up.len());
            assert_eq!(walk(&admin, &format!("{{field: {field}, direction: ASC}}"), false).await, up, "{field} backward");
            let mut down = walk(&admin, &format!("{{field: {field}, direction: DESC}}"), true).await;
            down.reverse();
            assert_eq!(down, up, "{field} downward");
        }
    }

    async fn a_nested_connection_pages_each_parent_by_itself(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let query = "query($first: Int, $after: String) { courses { edges { node { name students(first: $first, after: $after) \
                       { totalCount edges { cursor node { name } } pageInfo { hasNextPage } } } } } }";
        let all = admin.ask_with(query, json!({"first": 100})).await.ok();
        let two = admin.ask_with(query, json!({"first": 2})).await.ok();
        let mut seen = 0;
        for (i, course) in all.at("/courses/edges").as_array().unwrap().iter().enumerate() {
            let students = &course["node"]["students"];
            let count = students["edges"].as_array().unwrap().len();
            assert_eq!(students["totalCount"], json!(count), "{}", course["node"]["name"]);
            let first = two.at(&format!("/courses/edges/{i}/node/students"));
            assert_eq!(first["totalCount"], students["totalCount"]);
            assert_eq!(first["pageInfo"]["hasNextPage"], json!(count > 2));
            for (edge, whole) in first["edges"].as_array().unwrap().iter().zip(students["edges"].as_array().unwrap()) {
                assert_eq!(edge["node"], whole["node"]);
                seen += 1;
            }
        }
        assert!(seen >= 6, "{seen}");
    }

    async fn a_cursor_is_bound_to_its_list_its_order_and_its_viewer(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let cursor = admin.data("{ students(first: 1) { pageInfo { endCursor } } }").await["students"]["pageInfo"]["endCursor"].clone();
        let query = "query($c: String) { students(first: 1, after: $c) { edges { node { id } } } }";
        admin.ask_with(query, json!({"c": cursor})).await.ok();
        let other_order = "query($c: String) { students(first: 1, after: $c, orderBy: {field: ADMISSION}) { edges { node { id } } } }";
        let other_list = "query($c: String) { students: parents(first: 1, after: $c) { edges { node { id } } } }";
        let admission = app.sign_in(cast::ADMISSION).await;
        let mut forged = cursor.as_str().unwrap().to_owned();
        forged.replace_range(0..1, if forged.starts_with('A') { "B" } else { "A" });
        let answers = [
            admin.ask_with(other_order, json!({"c": cursor})).await,
            admin.ask_with(other_list, json!({"c": cursor})).await,
            admission.ask_with(query, json!({"c": cursor})).await,
            admin.ask_with(query, json!({"c": forged})).await,
        ];
        for answer in answers {
            assert_eq!(answer.data, json!({"students": null}));
            assert_eq!(answer.code_at(&json!(["students"])), "BAD_USER_INPUT");
        }
    }

    async fn sizes_are_between_1_and_100_and_directions_do_not_mix(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        for arguments in ["first: 0", "first: 101", "last: -1", "first: 1, last: 1", "first: 1, before: \"x\""] {
            let answer = admin.ask(&format!("{{ students({arguments}) {{ totalCount }} }}")).await;
            assert_eq!(answer.code_at(&json!(["students"])), "BAD_USER_INPUT", "{arguments}");
        }
    }

    async fn a_filter_takes_its_text_as_it_is(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let query = "query($name: String) { students(filter: {name: $name}) { totalCount } }";
        for (text, finds) in [("%", false), ("_", false), ("' OR 1=1 --", false), ("a", true), ("A", true)] {
            let answer = admin.ask_with(query, json!({"name": text})).await.ok();
            assert_eq!(answer.at("/students/totalCount").as_i64().unwrap() > 0, finds, "{text}");
        }
    }
}

on_both! {
    /// PostgreSQL takes no NUL in a text, which must not become a fault.
    async fn what_is_looked_for_may_be_any_text(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let lists = ["students", "parents", "staff", "courses", "batches", "subjects"];
        for text in ["\\u0000", "%", "_", "\\\\", "'", "\\uFFFE"] {
            let filter = |list: &&str| format!("{list}(filter: {{name: \"{text}\"}}) {{ totalCount }}");
            let audit = format!("auditEntries(filter: {{action: \"{text}\"}}) {{ totalCount }}");
            let query = lists.iter().map(filter).chain([audit]).collect::<Vec<_>>().join(" ");
            let found = admin.data(&format!("{{ {query} }}")).await;
            assert!(found.as_object().unwrap().values().all(|list| list["totalCount"] == 0), "{text}: {found:#}");
            let sign_in = format!("mutation {{ signIn(input: {{identifier: \"a@b{text}\", password: \"{text}\"}}) {{ userErrors {{ code }} }} }}");
            let answer = app.anonymous().ask(&sign_in).await.ok();
            assert_eq!(answer.at("/signIn/userErrors/0/code"), "INVALID_CREDENTIALS");
        }
    }
}
