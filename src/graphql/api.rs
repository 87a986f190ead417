//! The way of a request: opened (parsed once, within the limits), prepared, executed, completed.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Request, Response, ServerError, Value, Variables,
    parser::types::{ExecutableDocument, OperationType},
    value,
};
use futures_util::{StreamExt, future::BoxFuture};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::{
    Asker, Call, Documents, Limits, Opened, Published, Services, complete::Completer, live::Turns, moment::Moment,
};
use crate::{
    db::{Db, replicas::Replica},
    error::{Code, Error, MAYBE, Result},
    telemetry::{Operation, Outcome, span::is_traced},
};

/// The API: the schema with what its resolvers use.
pub struct Api {
    published: Arc<Published>,
    documents: Documents,
    services: Arc<Services>,
    turns: Turns,
    timeout: Duration,
    slow: Option<Duration>,
    /// Whether somebody collects traces.
    traced: bool,
    /// Mutations that go on, whether or not somebody waits for them.
    mutations: TaskTracker,
}

/// What requests may be, and may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long one may take; a mutation twice as long.
    pub timeout: Duration,
    /// What one may ask for.
    pub limits: Limits,
    /// Manifests of the documents that are kept under an id.
    pub manifests: Vec<String>,
    /// Whether only kept documents are executed, but for administrators and API keys.
    pub only_kept: bool,
    /// How many live operations are executed at a time.
    pub live_at_once: usize,
    /// From when on an operation is slow, and logged.
    pub slow: Option<Duration>,
    /// Whether somebody collects traces.
    pub traced: bool,
}

impl Api {
    /// The API over `services`.
    ///
    /// # Errors
    /// When a document that is to be kept is wrong.
    pub async fn new(published: Arc<Published>, services: Services, options: Options) -> Result<Arc<Self>> {
        let (limits, manifests) = (options.limits, &options.manifests);
        let documents = Documents::new(published.completer(), limits, manifests, options.only_kept).await?;
        // Made now, and not by the first request that is traced.
        let _ = published.schema(options.traced);
        let turns = Turns::new(options.live_at_once, services.random.clone());
        let services = Arc::new(services);
        Ok(Arc::new(Self {
            published,
            documents,
            services,
            turns,
            timeout: options.timeout,
            slow: options.slow,
            traced: options.traced,
            mutations: TaskTracker::new(),
        }))
    }

    /// What the resolvers use.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Waits until no mutation goes on any more: those too whose clients have hung up.
    pub async fn finished(&self) {
        self.mutations.close();
        self.mutations.wait().await;
    }

    /// The turns of live operations.
    pub(super) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// What the schema's types are.
    pub(super) fn completer(&self) -> &Completer {
        self.published.completer()
    }

    /// Finds a request's document, the one kept under `document_id` or its own, without asking who sent it.
    ///
    /// # Errors
    /// With the answer, where it is not to be executed: there is no such document, it does not parse, or it is beyond the
    /// limits.
    pub fn open(&self, request: Request, document_id: Option<&str>) -> Result<Opened, Box<Response>> {
        self.documents.open(self.completer(), request, document_id).map_err(|error| {
            let response = refused(error);
            self.services.metrics.answered(&Operation::default(), Outcome::of(&response), None);
            Box::new(response)
        })
    }

    /// Answers a request of `asker`.
    pub async fn execute(self: &Arc<Self>, opened: Opened, asker: Asker) -> Response {
        if opened.subscribes() {
            let message = "a subscription is answered as it goes on: by a WebSocket (graphql-transport-ws), or as text/event-stream";
            return failed(&Error::bad_input(message));
        }
        self.answer(opened, asker, None).await.unwrap_or_default()
    }

    /// Answers a request, a subscription's for one moment of it: then there may be no answer. How it went is told of: traced,
    /// counted, and logged where it was slow.
    pub(super) async fn answer(
        self: &Arc<Self>,
        opened: Opened,
        asker: Asker,
        moment: Option<Moment>,
    ) -> Option<Response> {
        let operation = opened.operation();
        let (began, span) = (Instant::now(), operation.span());
        // As a type that can be named: what holds it is long enough a type as it is.
        let look_up: BoxFuture<'_, Option<Response>> = Box::pin(self.look_up(opened, asker, moment));
        let response = look_up.instrument(span.clone()).await;
        if let Some(response) = &response {
            let (outcome, took) = (Outcome::of(response), began.elapsed());
            Operation::end(&span, outcome);
            self.services.metrics.answered(&operation, outcome, Some(took));
            operation.log_if_slow(took, self.slow, outcome);
        }
        response
    }

    /// The answer, or that there is none.
    async fn look_up(self: &Arc<Self>, opened: Opened, asker: Asker, moment: Option<Moment>) -> Option<Response> {
        if let Err(error) = self.documents.admit(&opened, &asker.viewer) {
            return Some(failed(&error));
        }
        let Opened { request, mut document, cost, .. } = opened;
        self.completer().prepare(&mut document);
        let (views, anonymous) = (self.published.views(), self.services.anonymous_introspection);
        let operation = request.operation_name.as_deref();
        if let Err(error) = views.admit(asker.viewer.roles(), anonymous, &mut document, operation) {
            return Some(failed(&error));
        }
        let mutates = mutates(&document, operation);
        let Request { operation_name: operation, variables, .. } = request;
        let (wanted, asker) = (Wanted { document, operation, variables, cost, moment }, Arc::new(asker));
        if mutates {
            // A client that hangs up must not cut a transaction short: it goes on in a task of its own. Twice the time of a query,
            // for what was nearly done is not to be done again; then it is taken back.
            let api = Arc::clone(self);
            let run = async move {
                let call = api.call(api.services.db.clone(), &asker);
                let timed = timeout(api.timeout * 2, api.run(&wanted, &call)).await;
                let mut answer = timed.unwrap_or_else(|_| Some(failed(&Error::gave_up())));
                if call.wrote() {
                    answer.iter_mut().for_each(say_what_may_be_written);
                }
                api.services.reading.has_changed(call.viewer().account_id()).await;
                answer
            };
            let task = self.mutations.spawn(run.in_current_span());
            return task.await.unwrap_or_else(|error| Some(failed(&Error::internal(error))));
        }
        let timed = timeout(self.timeout, self.read(&wanted, &asker));
        timed.await.unwrap_or_else(|_| Some(failed(&Error::new(Code::Timeout, "the request took too long"))))
    }

    /// Answers what changes nothing: a query by a replica, where one may and can.
    async fn read(&self, wanted: &Wanted, asker: &Arc<Asker>) -> Option<Response> {
        let (services, account) = (&self.services, asker.viewer.account_id());
        // What is told of has only just happened.
        if wanted.moment.is_some() {
            let call = self.call(services.db.clone(), asker);
            let answer = self.run(wanted, &call).await;
            if answer.is_some() && matches!(wanted.moment, Some(Moment::Event(_))) {
                // Who is told of something may ask for more of it.
                services.reading.was_told(account).await;
            }
            return answer;
        }
        if let Some(replica) = services.reading.replica_for(account).await {
            if let Some(response) = self.read_from(&replica, wanted, asker).await {
                self.was_read_at("replica");
                return Some(response);
            }
            replica.suspect();
            services.metrics.replica_failed();
            tracing::warn!(
                replica = replica.number(),
                "a replica failed in the middle of a query: the primary is asked"
            );
        }
        self.was_read_at("primary");
        let call = self.call(services.db.clone(), asker);
        self.run(wanted, &call).await
    }

    /// The answer that is read from a replica; none where that failed. It was not recorded then.
    async fn read_from(&self, replica: &Arc<Replica>, wanted: &Wanted, asker: &Arc<Asker>) -> Option<Response> {
        let call = self.call(self.services.db.read_from(replica), asker);
        let response = tokio::select! {
            response = self.resolve(wanted, &call) => response?,
            () = replica.lost() => return None,
        };
        if has_failed(&response) { None } else { Some(self.finish(wanted, &call, response).await) }
    }

    fn was_read_at(&self, place: &'static str) {
        Operation::read_at(place);
        self.services.metrics.read_at(place);
    }

    fn call(&self, db: Db, asker: &Arc<Asker>) -> Arc<Call> {
        let values = self.documents.limits().answer_values;
        Arc::new(Call::new(Arc::clone(&self.services), db, Arc::clone(asker), values))
    }

    async fn run(&self, wanted: &Wanted, call: &Arc<Call>) -> Option<Response> {
        let response = self.resolve(wanted, call).await?;
        Some(self.finish(wanted, call, response).await)
    }

    /// What the resolvers say.
    async fn resolve(&self, wanted: &Wanted, call: &Arc<Call>) -> Option<Response> {
        // Spans are for what is part of a trace that is kept, and only for that.
        let schema = self.published.schema(self.traced && is_traced());
        // Of a query or a mutation there is one answer; of a subscription, for a moment of it, one or none.
        let mut answers = schema.execute_stream(wanted.request(call));
        tokio::select! {
            response = answers.next() => response,
            () = call.budget().exhausted() => Some(Response::default()),
        }
    }

    /// Completes what the resolvers said, and records what of it is to be recorded.
    async fn finish(&self, wanted: &Wanted, call: &Call, mut response: Response) -> Response {
        if call.budget().is_exhausted() {
            let message = "the answer would be too large: ask for fewer rows, or for less of each";
            return failed(&Error::new(Code::LimitExceeded, message));
        }
        let Wanted { document, variables, cost, .. } = wanted;
        let operation = wanted.operation.as_deref();
        self.published.views().amend(call.viewer().roles(), document, operation, variables, &mut response).await;
        name_codes(&mut response);
        if let Err(error) = call.record(&response.errors).await {
            return failed(&error);
        }
        if self.completer().complete(document, operation, variables, &mut response) {
            let limit = self.documents.limits().cost;
            response.extensions.insert("cost".to_owned(), value!({ "requested": *cost, "limit": limit }));
        }
        response
    }
}

/// What is asked for; of a query it may be twice.
struct Wanted {
    document: ExecutableDocument,
    operation: Option<String>,
    variables: Variables,
    cost: u64,
    moment: Option<Moment>,
}

impl Wanted {
    /// The request that the library executes for a call.
    fn request(&self, call: &Arc<Call>) -> Request {
        let mut request = Request::new("").variables(self.variables.clone()).data(Arc::clone(call));
        request.operation_name.clone_from(&self.operation);
        request.set_parsed_query(self.document.clone());
        match &self.moment {
            Some(moment) => request.data(moment.clone()),
            None => request,
        }
    }
}

/// Whether something failed that may go well elsewhere.
fn has_failed(response: &Response) -> bool {
    response.errors.iter().any(|error| code_of(error) == Some(Code::Unavailable))
}

fn code_of(error: &ServerError) -> Option<Code> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(name) => Code::named(name),
        _ => None,
    }
}

/// A change that was written, and could not be read after that, must not be taken for one that was not.
fn say_what_may_be_written(response: &mut Response) {
    for error in &mut response.errors {
        let failed = code_of(error).is_some_and(|code| code >= Code::LimitExceeded);
        if failed && !error.message.contains(MAYBE) {
            error.message = format!("{}; {MAYBE}", error.message);
        }
    }
}

/// Whether the operation to be executed is a mutation: one that only stands beside a query must not free it of its time.
fn mutates(document: &ExecutableDocument, name: Option<&str>) -> bool {
    let mut operations = document.operations.iter();
    operations.any(|(own, operation)| {
        operation.node.ty == OperationType::Mutation && name.is_none_or(|name| own.is_some_and(|own| own == name))
    })
}

/// The library's own errors have no code: those about values that a type does not take.
fn name_codes(response: &mut Response) {
    for error in response.errors.iter_mut().filter(|error| error.extensions.is_none()) {
        let code = match error.message.as_str() {
            message if message.starts_with("Failed to parse \"") => Code::BadUserInput,
            message if message.starts_with("Expected input type \"") => Code::BadUserInput,
            _ => continue,
        };
        error.extensions.get_or_insert_default().set("code", code.as_str());
    }
}

fn refused(error: ServerError) -> Response {
    Response::from_errors(vec![error])
}

pub(super) fn failed(error: &Error) -> Response {
    refused(error.to_server())
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn a_mutation_beside_a_query_does_not_free_it_of_its_time() {
        let document = parse_query("query Q { a } mutation M { b }").unwrap();
        assert!(!mutates(&document, Some("Q")));
        assert!(mutates(&document, Some("M")));
        assert!(mutates(&parse_query("mutation { b }").unwrap(), None));
        assert!(!mutates(&parse_query("{ a }").unwrap(), None));
    }
}
