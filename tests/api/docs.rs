//! What the documents show works.

use rollcall::demo::cast;

use crate::support::{Backend, TestApp};

/// The queries that the README shows, each with the words before it.
fn queries() -> Vec<(&'static str, &'static str)> {
    let readme = include_str!("../../README.md");
    let parts: Vec<&str> = readme.split("```graphql\n").collect();
    let words = parts.iter().map(|before| before.rsplit("```").next().unwrap_or_default().trim());
    words.zip(parts.iter().skip(1)).map(|(words, block)| (words, block.split("```").next().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readmes_first_queries_work_as_they_are() {
    let app = TestApp::start(Backend::Sqlite).await;
    let viewers = [
        ("**parent**", cast::PARENT),
        ("**student**", cast::STUDENT),
        ("**teacher**", cast::TEACHER),
        ("**head of department**", cast::HOD),
        ("**admission officer**", cast::ADMISSION),
        ("**administrator**", cast::ADMIN),
    ];
    let queries = queries();
    for (who, identifier) in viewers {
        let found = queries.iter().find(|(words, _)| words.contains(who));
        let (_, query) = found.unwrap_or_else(|| panic!("the README has a query for a {who}"));
        let answer = app.sign_in(identifier).await.ask(query).await.ok();
        let text = answer.data.to_string();
        assert!(text.contains("\"name\":\""), "{who} is told of somebody: {text}");
    }
    let (_, sign_in) = queries.iter().find(|(_, query)| query.contains("signIn")).unwrap();
    let answer = app.anonymous().ask(sign_in).await.ok();
    assert_eq!(answer.at("/signIn/userErrors/0/code"), "INVALID_CREDENTIALS", "the demo's password is not this data's");
}
