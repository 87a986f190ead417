//! A client that asks over HTTP, and what it is answered.

use serde_json::{Value, json};

use super::told;

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

/// A client of HTTP that trusts no authority: nothing is asked over TLS with it, and to read those of the machine takes longer
/// than most of what is asked.
pub fn http_client() -> reqwest::Client {
    http_builder().build().unwrap()
}

/// The same, to be told more.
pub fn http_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().tls_certs_only([])
}

impl Client {
    pub fn new(url: String, token: Option<String>) -> Self {
        if let Some(token) = &token {
            told::is_secret(token);
        }
        Self { http: http_client(), url, token }
    }

    /// The same person at another address.
    pub fn at(&self, url: &str) -> Self {
        Self::new(url.to_owned(), self.token.clone())
    }

    pub async fn ask(&self, query: &str) -> Answer {
        self.ask_with(query, json!({})).await
    }

    pub async fn ask_with(&self, query: &str, variables: Value) -> Answer {
        Answer::of(self.send(query, &variables).await.unwrap()).await.unwrap()
    }

    /// The same where there may be no answer.
    pub async fn try_ask(&self, query: &str, variables: Value) -> Option<Answer> {
        Answer::of(self.send(query, &variables).await.ok()?).await
    }

    async fn send(&self, query: &str, variables: &Value) -> reqwest::Result<reqwest::Response> {
        let mut request = self.http.post(&self.url).json(&json!({"query": query, "variables": variables}));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await
    }

    /// The data of an answer that must have no errors.
    pub async fn data(&self, query: &str) -> Value {
        self.ask(query).await.ok().data
    }

    /// The payload of a mutation, which must not be denied; its input type has the mutation's name.
    pub async fn change(&self, mutation: &str, input: &Value, fields: &str) -> Value {
        let mut answer = self.ask_with(&document(mutation, fields), json!({"input": input})).await.ok();
        answer.data[mutation].take()
    }

    /// The payload of a mutation that must be done.
    #[track_caller]
    pub fn done<'a>(&'a self, mutation: &'a str, input: Value, fields: &'a str) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let payload = self.change(mutation, &input, fields).await;
            assert_eq!(payload["userErrors"], json!([]), "{caller}: {mutation} {input:#}");
            payload
        }
    }

    /// The code with which a mutation is denied as a whole.
    pub async fn denied(&self, mutation: &str, input: Value) -> String {
        let answer = self.ask_with(&document(mutation, ""), json!({"input": input})).await;
        assert!(answer.at(&format!("/{mutation}")).is_null(), "{answer:#?}");
        answer.code_at(&json!([mutation])).to_owned()
    }

    /// What becomes of a mutation that may be denied: `done`, the user errors, or the code.
    pub async fn attempt(&self, mutation: &str, input: &Value) -> String {
        let answer = self.ask_with(&document(mutation, ""), json!({"input": input})).await;
        let payload = answer.at(&format!("/{mutation}"));
        if payload.is_null() {
            return answer.code_at(&json!([mutation])).to_owned();
        }
        let errors = errors(payload);
        if errors.is_empty() { "done".to_owned() } else { errors.join(", ") }
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

fn document(mutation: &str, fields: &str) -> String {
    let (first, rest) = mutation.split_at(1);
    let input = format!("{}{rest}Input", first.to_uppercase());
    format!(
        "mutation($input: {input}!) {{ {mutation}(input: $input) {{ {fields} userErrors {{ field code message }} }} }}"
    )
}

/// The user errors of a payload, as `field.path CODE`, in order.
pub fn errors(payload: &Value) -> Vec<String> {
    let errors = payload["userErrors"].as_array().unwrap();
    let path = |error: &Value| {
        error["field"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join(".")
    };
    errors.iter().map(|error| format!("{} {}", path(error), error["code"].as_str().unwrap())).collect()
}

impl Answer {
    /// What came, if all of it did.
    async fn of(response: reqwest::Response) -> Option<Self> {
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        let mut body: Value = serde_json::from_str(&text).ok()?;
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        Some(Self { status, data: body["data"].take(), errors, text })
    }

    /// The code of the first error.
    #[track_caller]
    pub fn code(&self) -> &str {
        self.errors.first().unwrap_or_else(|| panic!("no error in {self:#?}"))["extensions"]["code"].as_str().unwrap()
    }

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

/// The `Set-Cookie` of the session, where an answer has one: not that of the device.
pub fn session_cookie(headers: &reqwest::header::HeaderMap) -> Option<String> {
    let all = headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap());
    let mut of_session = all.filter(|set| !set.split('=').next().unwrap().ends_with("-device"));
    let set = of_session.next().map(ToOwned::to_owned);
    assert_eq!(of_session.next(), None, "one session");
    set
}
