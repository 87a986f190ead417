//! Loading: the number of SQL statements depends on a query's shape, never on how many rows it returns.

use rollcall::demo::cast;
use serde_json::json;

use crate::support::{Client, TestApp};

async fn statements(app: &TestApp, client: &Client, query: &str, first: i32) -> u64 {
    let before = app.api.services().db.statements();
    client.ask_with(query, json!({"first": first})).await.ok();
    app.api.services().db.statements() - before
}

on_both! {
    async fn a_page_of_students_takes_at_most_six_statements(app: TestApp) {
        let hod = app.sign_in(cast::HOD).await;
        let query = "query($first: Int) { students(first: $first) { edges { node { id name batches { name } \
                       attendanceSummary { present absent late excused percentage } } } } }";
        let few = statements(&app, &hod, query, 2).await;
        let many = statements(&app, &hod, query, 50).await;
        assert_eq!(few, many);
        assert!(many <= 6, "{many} statements");
    }

    async fn a_deep_query_takes_as_many_statements_for_many_rows_as_for_few(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let query = "query($first: Int) { courses(first: $first) { totalCount edges { node { name hod { name } batches { name } \
                       students(first: $first) { totalCount edges { node { name phone email course { code } batches { name students(first: 2) { totalCount edges { node { name } } } } \
                         parents { name phone students { edges { node { name } } } } attendanceSummary { percentage } } } } } } } }";
        let few = statements(&app, &admin, query, 1).await;
        let many = statements(&app, &admin, query, 50).await;
        assert_eq!(few, many);
    }
}
