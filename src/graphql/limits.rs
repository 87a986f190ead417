//! What a request may ask for at most. All of it is found before anything is validated or executed, so before any SQL, and
//! in time that grows with the length of the request alone: nothing is expanded to be counted.
//!
//! The text is looked at before it is parsed ([`Limits::text`]), since the parser recurses into brackets; then the document
//! is weighed ([`Limits::check`]), since validation follows a fragment wherever it is spread.

use async_graphql::{Pos, ServerError, Variables, parser::types::ExecutableDocument};

use self::{lexer::scan, weight::Scales};
use super::complete::Completer;
use crate::error::Code;

mod lexer;
#[cfg(test)]
mod tests;
mod weight;

/// The limits; each is named by the variable that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `MAX_QUERY_TOKENS`: tokens of a document.
    pub tokens: u64,
    /// `MAX_QUERY_NESTING`: brackets in brackets in the text, and selection sets in selection sets through fragments. It
    /// keeps every recursion over a document far from the end of the stack.
    pub nesting: u64,
    /// `MAX_QUERY_DEPTH`: fields in fields.
    pub depth: u64,
    /// `MAX_INTROSPECTION_DEPTH`: lists in lists of an introspection. The usual one has three: types, fields, arguments.
    pub introspection_depth: u64,
    /// `MAX_QUERY_FIELDS`: fields and fragments, those in a fragment counted wherever it is spread.
    pub fields: u64,
    /// `MAX_QUERY_ROOT_FIELDS`: fields of the root.
    pub root_fields: u64,
    /// `MAX_QUERY_ALIASES`: aliases, counted as the fields.
    pub aliases: u64,
    /// `MAX_QUERY_DIRECTIVES`: directives, counted as the fields.
    pub directives: u64,
    /// `MAX_INPUT_VALUES`: values in the variables, and in all arguments once the variables are put in.
    pub input_values: u64,
    /// `MAX_QUERY_COST`: what the answer may cost, were every page full; see [`Limits::check`].
    pub cost: u64,
    /// `MAX_ANSWER_VALUES`: values that an answer does have, counted as they are resolved.
    pub answer_values: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tokens: 10_000,
            nesting: 32,
            depth: 16,
            introspection_depth: 3,
            fields: 1_000,
            root_fields: 50,
            aliases: 100,
            directives: 50,
            input_values: 10_000,
            cost: 1_000_000,
            answer_values: 50_000,
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It asks for more than there may be.
    Exceeded {
        /// The variable that sets the limit.
        limit: &'static str,
        /// What was counted, in words.
        what: &'static str,
        /// What the request asks for.
        requested: u64,
        /// What it may ask for.
        allowed: u64,
    },
    /// A string begins here and does not end.
    Unended(Pos),
    /// A fragment of this name leads to itself.
    Circular(String, Pos),
}

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        let (mut error, code) = match &refusal {
            Refusal::Exceeded { what, requested, allowed, .. } => {
                let message = format!("{what} is {requested}, and {allowed} is the most that is allowed");
                (Self::new(message, None), Code::LimitExceeded)
            }
            Refusal::Unended(pos) => (Self::new("this string does not end", Some(*pos)), Code::BadUserInput),
            Refusal::Circular(name, pos) => {
                (Self::new(format!("fragment \"{name}\" leads to itself"), Some(*pos)), Code::BadUserInput)
            }
        };
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", code.as_str());
        if let Refusal::Exceeded { limit, requested, allowed, .. } = refusal {
            extensions.set("limit", limit);
            extensions.set("requested", requested);
            extensions.set("allowed", allowed);
        }
        error
    }
}

impl Limits {
    /// Checks a document's text, before it is parsed.
    ///
    /// # Errors
    /// When it has too many tokens or its brackets stand too deep, and when a string of it does not end: what is in it and
    /// what is not would be the parser's to say.
    pub fn text(&self, text: &str) -> Result<(), Refusal> {
        let scanned = scan(text).map_err(Refusal::Unended)?;
        within("MAX_QUERY_TOKENS", "the number of tokens of the query", scanned.tokens, self.tokens)?;
        within("MAX_QUERY_NESTING", "the nesting of the query", scanned.nesting, self.nesting)
    }

    /// Checks a parsed document with its variables, defaults put in, and gives the cost of the operation that is to be
    /// executed (of the dearest, where it is not said which).
    ///
    /// A field costs 1, and 1 more for each ten values in its arguments; a mutation costs [`weight::MUTATION`]. What stands
    /// below a field counts as often as it may be there: in a connection `first` or `last` times (20 where neither is said,
    /// 100 at most), in another list [`weight::LIST`] times. What `@skip` and `@include` leave out counts too.
    ///
    /// # Errors
    /// When it asks for more than it may, or a fragment leads to itself.
    pub fn check(
        &self,
        schema: &Completer,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<u64, Refusal> {
        let sent = variables.values().map(weight::count).fold(0, u64::saturating_add);
        within("MAX_INPUT_VALUES", "the number of values in the variables", sent, self.input_values)?;
        let (all, cost) = Scales::new(schema, document, variables, self.nesting).weigh(operation_name)?;
        within("MAX_QUERY_DEPTH", "the depth of the query", all.depth, self.depth)?;
        within(
            "MAX_INTROSPECTION_DEPTH",
            "the number of lists in lists of the introspection",
            all.introspection,
            self.introspection_depth,
        )?;
        within("MAX_QUERY_FIELDS", "the number of fields and fragments of the query", all.fields, self.fields)?;
        within("MAX_QUERY_ROOT_FIELDS", "the number of fields of the root", all.roots, self.root_fields)?;
        within("MAX_QUERY_ALIASES", "the number of aliases of the query", all.aliases, self.aliases)?;
        within("MAX_QUERY_DIRECTIVES", "the number of directives of the query", all.directives, self.directives)?;
        within("MAX_INPUT_VALUES", "the number of values in the arguments", all.values, self.input_values)?;
        within("MAX_QUERY_COST", "the cost of the query", cost, self.cost)?;
        Ok(cost)
    }
}

fn within(limit: &'static str, what: &'static str, requested: u64, allowed: u64) -> Result<(), Refusal> {
    if requested <= allowed { Ok(()) } else { Err(Refusal::Exceeded { limit, what, requested, allowed }) }
}
