//! The way of a request: parsed once, prepared, executed, completed.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Request, Response, ServerError,
    parser::{
        parse_query,
        types::{ExecutableDocument, OperationType},
    },
};

use super::{
    Call, RollcallSchema, Services,
    complete::{Completer, coerce_variables},
    schema,
};
use crate::{
    auth::Viewer,
    error::{Code, Error, Result},
};

/// The API: the schema with what its resolvers use.
pub struct Api {
    schema: RollcallSchema,
    completer: Completer,
    services: Arc<Services>,
    timeout: Duration,
}

impl Api {
    /// The API over `services`; a request may take `timeout`.
    ///
    /// # Errors
    /// When the schema contradicts itself: a test builds it.
    pub fn new(services: Services, timeout: Duration) -> Result<Arc<Self>> {
        let schema = schema()?;
        let completer = Completer::new(&schema.sdl()).map_err(Error::internal)?;
        Ok(Arc::new(Self { schema, completer, services: Arc::new(services), timeout }))
    }

    /// What the resolvers use.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Answers a request of `viewer`, who came with `token`; the log and the audit know it as `request_id`.
    pub async fn execute(
        self: &Arc<Self>,
        mut request: Request,
        viewer: Viewer,
        token: Option<String>,
        request_id: String,
    ) -> Response {
        let mut document = match parse_query(&request.query) {
            Ok(document) => document,
            Err(error) => return refused(error.into()),
        };
        self.completer.prepare(&mut document);
        let operation = request.operation_name.clone();
        if let Err(error) = coerce_variables(&document, operation.as_deref(), &mut request.variables) {
            return refused(error);
        }
        let call = Arc::new(Call::new(Arc::clone(&self.services), viewer, token, request_id));
        let request = request.data(Arc::clone(&call));
        if mutates(&document, operation.as_deref()) {
            // A client that hangs up must not cut a transaction short: it goes on in a task of its own.
            let api = Arc::clone(self);
            let task = tokio::spawn(async move { api.run(request, document, operation, &call).await });
            return task.await.unwrap_or_else(|error| failed(&Error::internal(error)));
        }
        let timed = tokio::time::timeout(self.timeout, self.run(request, document, operation, &call));
        timed.await.unwrap_or_else(|_| failed(&Error::new(Code::Timeout, "the request took too long")))
    }

    async fn run(
        &self,
        mut request: Request,
        document: ExecutableDocument,
        operation: Option<String>,
        call: &Call,
    ) -> Response {
        let variables = request.variables.clone();
        request.set_parsed_query(document.clone());
        let mut response = tokio::select! {
            response = self.schema.execute(request) => response,
            () = call.budget().exhausted() => Response::default(),
        };
        if call.budget().is_exhausted() {
            let message = "the answer would be too large: ask for fewer rows, or for less of each";
            return failed(&Error::new(Code::LimitExceeded, message));
        }
        name_codes(&mut response);
        if let Err(error) = call.record(&response.errors).await {
            return failed(&error);
        }
        self.completer.complete(&document, operation.as_deref(), &variables, &mut response);
        response
    }
}

/// Whether the operation to be executed is a mutation: one that only stands beside a query must not free it of its time.
fn mutates(document: &ExecutableDocument, name: Option<&str>) -> bool {
    let mut operations = document.operations.iter();
    operations.any(|(own, operation)| {
        operation.node.ty == OperationType::Mutation && name.is_none_or(|name| own.is_some_and(|own| own == name))
    })
}

/// The library's own errors have no code: those about limits, and those about values that a type does not take.
fn name_codes(response: &mut Response) {
    const LIMITS: [&str; 2] = ["Query is nested too deep.", "Query is too complex."];
    for error in response.errors.iter_mut().filter(|error| error.extensions.is_none()) {
        let code = match error.message.as_str() {
            message if LIMITS.contains(&message) => Code::LimitExceeded,
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

fn failed(error: &Error) -> Response {
    refused(error.to_graphql().into_server_error(async_graphql::Pos::default()))
}

#[cfg(test)]
mod tests {
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
