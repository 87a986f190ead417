//! A client that asks over HTTP, and what it is answered.

use serde_json::{Value, json};

/// A client with or without a session's token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    pub token: Option<String>,
}

/// An answer: data and errors.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub data: Value,
    pub errors: Vec<Value>,
    /// The body as it came, keys in their order.
    pub text: String,
}

impl Client {
    pub fn new(url: String, token: Option<String>) -> Self {
        Self { http: reqwest::Client::new(), url, token }
    }

    pub async fn ask(&self, query: &str) -> Answer {
        self.ask_with(query, json!({})).await
    }

    pub async fn ask_with(&self, query: &str, variables: Value) -> Answer {
        let mut request = self.http.post(&self.url).json(&json!({"query": query, "variables": variables}));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let mut body: Value = serde_json::from_str(&text).unwrap();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        Answer { status, data: body["data"].take(), errors, text }
    }

    /// The data of an answer that must have no errors.
    pub async fn data(&self, query: &str) -> Value {
        self.ask(query).await.ok().data
    }

    /// All the nodes of a list of the query root, page by page, and its `totalCount`; the error's code where it is denied.
    pub async fn walk(&self, list: &str, arguments: &str, fields: &str) -> Result<(Vec<Value>, usize), String> {
        let query = format!(
            "query($after: String) {{ {list}(first: 100, after: $after, {arguments}) {{ totalCount edges {{ node {{ {fields} }} }} \
             pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let (mut nodes, mut after) = (Vec::new(), Value::Null);
        loop {
            let answer = self.ask_with(&query, json!({"after": after})).await;
            let page = answer.at(&format!("/{list}"));
            if page.is_null() {
                return Err(answer.code_at(&json!([list])).to_owned());
            }
            nodes.extend(page["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()));
            if page["pageInfo"]["hasNextPage"] == json!(false) {
                let total = usize::try_from(page["totalCount"].as_u64().unwrap()).unwrap();
                answer.ok();
                return Ok((nodes, total));
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }
}

impl Answer {
    /// The answer, which must have no errors.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.errors.is_empty(), "{}", serde_json::to_string_pretty(&self.errors).unwrap());
        self
    }

    /// What stands at a JSON pointer below `data`.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> &Value {
        self.data.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} in {self:#?}"))
    }

    /// The code of the only error, which must be at this path.
    #[track_caller]
    pub fn code_at(&self, path: &Value) -> &str {
        let at: Vec<&Value> = self.errors.iter().filter(|error| &error["path"] == path).collect();
        assert_eq!(at.len(), 1, "one error at {path} in {:#?}", self.errors);
        at[0]["extensions"]["code"].as_str().unwrap()
    }
}
