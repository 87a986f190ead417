//! Documents: those that clients send, and those that are kept under an id ("persisted documents" of GraphQL over HTTP).
//!
//! A manifest says which are kept. All of them are read when the service starts, parsed, checked against the limits and
//! validated against the schema, so that a client cannot meet one that is wrong.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::Arc,
};

use async_graphql::{
    Name, Request, ServerError, ValidationResult, Variables,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::{
        parse_query,
        types::{ExecutableDocument, OperationType},
    },
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    Limits, builder,
    complete::{Completer, coerce_variables, select_operation},
};
use crate::{
    auth::{Role, Viewer},
    error::{Code, Error, Result},
    telemetry,
};

/// A request with its document, which is within the limits.
#[derive(Debug)]
pub struct Opened {
    /// The request; its variables have their defaults.
    pub(super) request: Request,
    /// The document, not validated yet.
    pub(super) document: ExecutableDocument,
    /// What the operation costs.
    pub(super) cost: u64,
    /// Whether it is a kept one.
    kept: bool,
}

impl Opened {
    /// What the operation costs, were every page full.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// The shape of the operation to be executed, by which it is told of.
    pub(super) fn operation(&self) -> telemetry::Operation {
        let named = self.request.operation_name.as_deref();
        // A document says how its only operation is called, also where the request does not.
        let only = || self.document.operations.iter().find_map(|(name, _)| name.map(Name::as_str));
        telemetry::Operation::new(named.or_else(only), self.of_type(), self.kept, self.cost)
    }

    /// What the operation to be executed is; none where it is not known which one that is.
    fn of_type(&self) -> Option<OperationType> {
        let selected = select_operation(&self.document, self.request.operation_name.as_deref());
        selected.map(|operation| operation.ty)
    }

    /// False if the operation to be executed is known and is not a query.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        self.of_type().is_none_or(|of| of == OperationType::Query)
    }

    /// Whether the operation to be executed is a subscription.
    #[must_use]
    pub fn subscribes(&self) -> bool {
        self.of_type() == Some(OperationType::Subscription)
    }

    /// The same once more.
    pub(super) fn again(&self) -> Self {
        let mut request = Request::new("").variables(self.request.variables.clone());
        request.operation_name.clone_from(&self.request.operation_name);
        Self { request, document: self.document.clone(), cost: self.cost, kept: self.kept }
    }
}

/// The documents that are executed.
#[derive(Debug)]
pub struct Documents {
    limits: Limits,
    kept: HashMap<String, ExecutableDocument>,
    only_kept: bool,
}

impl Documents {
    /// Those within `limits`, and those of `manifests` (each a map in JSON from ids to documents, or a manifest as Apollo's
    /// tools write it); `only_kept` for everybody but administrators and API keys.
    ///
    /// # Errors
    /// With every document that is wrong, by its id.
    pub async fn new(schema: &Completer, limits: Limits, manifests: &[String], only_kept: bool) -> Result<Self> {
        let mut documents = Self { limits, kept: HashMap::new(), only_kept };
        let mut problems = Vec::new();
        let validator = builder().extension(ValidateOnly).finish();
        for manifest in manifests {
            for (id, text) in entries(manifest)? {
                match documents.checked(schema, &id, &text) {
                    Ok(document) => {
                        let name = document.operations.iter().find_map(|(name, _)| name);
                        let mut request = Request::new("");
                        request.operation_name = name.map(ToString::to_string);
                        request.set_parsed_query(document.clone());
                        let errors = validator.execute(request).await.errors;
                        problems.extend(errors.iter().map(|error| format!("{id}: {}", error.message)));
                        documents.kept.insert(id_of(&text), document);
                    }
                    Err(problem) => problems.push(format!("{id}: {problem}")),
                }
            }
        }
        if problems.is_empty() { Ok(documents) } else { Err(wrong(&problems.join("; "))) }
    }

    /// The document that is to be kept as `id`.
    fn checked(&self, schema: &Completer, id: &str, text: &str) -> Result<ExecutableDocument, String> {
        let own = id_of(text);
        if id != own && own.strip_prefix(SHA256) != Some(id) {
            return Err(format!("is not the id of its document, which is {own}"));
        }
        let document = self.parse(text).map_err(|error| error.message)?;
        // What variables ask for is checked as they come.
        let checked = self.limits.check(schema, &document, None, &Variables::default());
        checked.map_err(|refusal| ServerError::from(refusal).message)?;
        Ok(document)
    }

    fn parse(&self, text: &str) -> Result<ExecutableDocument, ServerError> {
        self.limits.text(text)?;
        Ok(parse_query(text)?)
    }

    /// Finds the document of a request: the one kept under `id`, or its own where it names none.
    ///
    /// # Errors
    /// When there is none, it does not parse or is beyond the limits, and when a variable has no value.
    pub fn open(&self, schema: &Completer, mut request: Request, id: Option<&str>) -> Result<Opened, ServerError> {
        let document = match id {
            Some(id) => self.kept.get(id).cloned().ok_or_else(|| unknown().to_server())?,
            None => self.parse(&request.query)?,
        };
        let operation = request.operation_name.as_deref();
        coerce_variables(&document, operation, &mut request.variables)?;
        let cost = self.limits.check(schema, &document, operation, &request.variables)?;
        Ok(Opened { request, document, cost, kept: id.is_some() })
    }

    /// Lets a request of `viewer` be executed, or not.
    ///
    /// # Errors
    /// When only kept documents are, and this is none.
    pub fn admit(&self, opened: &Opened, viewer: &Viewer) -> Result<()> {
        let free = viewer.roles().has(Role::Admin) || viewer.key_id().is_some();
        if opened.kept || !self.only_kept || free {
            return Ok(());
        }
        let message = "only kept documents are executed here: send documentId, the id of one, instead of query";
        Err(Error::new(Code::Forbidden, message))
    }

    /// The limits that documents are within.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

fn unknown() -> Error {
    Error::bad_input("no document is kept under this documentId")
}

fn wrong(problem: &str) -> Error {
    Error::internal(format!("PERSISTED_DOCUMENTS: {problem}"))
}

/// What says how an id was made.
const SHA256: &str = "sha256:";

/// The id of a document: of its text to the letter.
fn id_of(text: &str) -> String {
    let mut id = SHA256.to_owned();
    for byte in Sha256::digest(text) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    /// As Apollo's tools write it; other things stand in it too.
    Apollo { operations: Vec<Operation> },
    /// Ids with their documents.
    Plain(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

fn entries(manifest: &str) -> Result<Vec<(String, String)>> {
    let takes = "takes a JSON object of ids with their documents, or a manifest of Apollo's";
    match serde_json::from_str(manifest).map_err(|error| wrong(&format!("{takes}: {error}")))? {
        Manifest::Apollo { operations } => Ok(operations.into_iter().map(|one| (one.id, one.body)).collect()),
        Manifest::Plain(entries) => Ok(entries.into_iter().collect()),
    }
}

/// Ends an execution where it would begin, after validation; what was valid ends without an error.
struct ValidateOnly;

impl ExtensionFactory for ValidateOnly {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for ValidateOnly {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(ctx).await.and(Err(Vec::new()))
    }
}
