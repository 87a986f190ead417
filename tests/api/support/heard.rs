//! Who is told of the service: a collector of OpenTelemetry, Sentry, and a gateway for text messages, of the test's own, on
//! loopback. All three keep what they are given.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    trace::v1::Span,
};
use prost::Message;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// A span, as the collector was given it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    /// 2 is a server, 3 a client, 5 a consumer.
    pub kind: i32,
    /// Whether it ended in an error.
    pub failed: bool,
    pub events: usize,
    pub attributes: BTreeMap<String, String>,
}

#[derive(Default)]
struct Kept {
    spans: Mutex<Vec<Seen>>,
    resource: Mutex<BTreeMap<String, String>>,
    /// All that came, as it came.
    raw: Mutex<Vec<u8>>,
    faults: Mutex<Vec<Value>>,
    texts: Mutex<Vec<HeaderMap>>,
}

/// The three, running.
pub struct Heard {
    kept: Arc<Kept>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Heard {
    pub async fn start() -> Self {
        let kept = Arc::<Kept>::default();
        let routes = Router::new()
            .route("/v1/traces", post(traces))
            .route("/api/7/envelope/", post(fault))
            .route("/messages", post(text))
            .with_state(Arc::clone(&kept));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { kept, address, server }
    }

    /// The variables that name them.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", self.address)),
            ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
            ("SENTRY_DSN", format!("http://a-key@{}/7", self.address)),
            ("SMS_GATEWAY_URL", format!("http://{}/messages", self.address)),
            ("SMS_GATEWAY_TOKEN", "the gateway's token".to_owned()),
        ]
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Seen> {
        self.kept.spans.lock().unwrap().clone()
    }

    /// Those of one trace.
    pub fn of_trace(&self, trace: &str) -> Vec<Seen> {
        self.spans().into_iter().filter(|span| span.trace == trace).collect()
    }

    /// What the spans say of who sends them.
    pub fn resource(&self) -> BTreeMap<String, String> {
        self.kept.resource.lock().unwrap().clone()
    }

    /// The faults so far.
    pub fn faults(&self) -> Vec<Value> {
        self.kept.faults.lock().unwrap().clone()
    }

    /// The headers that text messages came with so far.
    pub fn texts(&self) -> Vec<HeaderMap> {
        self.kept.texts.lock().unwrap().clone()
    }

    /// All that the collector and Sentry were given, as texts.
    pub fn all(&self) -> String {
        String::from_utf8_lossy(&self.kept.raw.lock().unwrap()).into_owned()
    }
}

async fn traces(State(kept): State<Arc<Kept>>, body: Bytes) -> StatusCode {
    kept.raw.lock().unwrap().extend_from_slice(&body);
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for of_resource in request.resource_spans {
        *kept.resource.lock().unwrap() = texts(of_resource.resource.unwrap().attributes);
        let spans = of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans).map(seen);
        kept.spans.lock().unwrap().extend(spans);
    }
    StatusCode::OK
}

fn seen(span: Span) -> Seen {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    Seen {
        name: span.name,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        kind: span.kind,
        // 2 is an error.
        failed: span.status.is_some_and(|status| status.code == 2),
        events: span.events.len(),
        attributes: texts(span.attributes),
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        // A number is none in quotes: it is told from a text.
        Some(any_value::Value::IntValue(number)) => format!("#{number}"),
        other => format!("{other:?}"),
    };
    attributes.into_iter().map(|attribute| (attribute.key, text(attribute.value))).collect()
}

/// An envelope: lines of JSON, of which those that say which platform they are of are events.
async fn fault(State(kept): State<Arc<Kept>>, body: Bytes) -> StatusCode {
    kept.raw.lock().unwrap().extend_from_slice(&body);
    let text = String::from_utf8(body.to_vec()).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    kept.faults.lock().unwrap().extend(lines.filter(|line| line.get("platform").is_some()));
    StatusCode::OK
}

async fn text(State(kept): State<Arc<Kept>>, headers: HeaderMap) -> StatusCode {
    kept.texts.lock().unwrap().push(headers);
    StatusCode::ACCEPTED
}
