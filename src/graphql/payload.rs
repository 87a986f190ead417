//! What the payloads of mutations share.

use async_graphql::{Enum, SimpleObject};

use super::statement::{Stated, auth, stated};
use crate::auth::sets::ANYONE;

/// Why an input was refused.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserErrorCode {
    /// The identifier or the password is wrong, or the account may not sign in.
    InvalidCredentials,
    /// The one-time code is wrong, or it is not good any more: ask for a new one.
    InvalidCode,
    /// Too many tries were wrong: wait before the next.
    TooManyTries,
    /// The value is not what this field takes.
    Invalid,
    /// The field must be given, and must not be empty.
    Required,
    /// The text is too long.
    TooLong,
    /// The password is too easy to guess.
    Guessable,
    /// The number or the span is outside of what is allowed.
    OutOfRange,
    /// The day or the time must not be in the future.
    InFuture,
    /// The day or the time must not be in the past.
    InPast,
    /// There is no such row, or none that the viewer reaches.
    NotFound,
    /// The value belongs to another row already, and can belong to one only.
    Taken,
    /// The same is in the list twice.
    Duplicate,
    /// The row was changed since the client read it.
    Stale,
    /// The row's status does not allow this, or no longer.
    WrongStatus,
    /// Others depend on it.
    InUse,
    /// The teacher or staff member is busy at that time.
    StaffBusy,
    /// The room is taken at that time.
    RoomBusy,
    /// The class has another lesson at that time.
    ClassBusy,
    /// The parent is busy at that time.
    ParentBusy,
    /// The routine does not run on that day.
    NotScheduled,
    /// The student is not in that class.
    NotInClass,
    /// Days that are asked for already.
    Overlaps,
    /// Somebody must remain who runs the institute.
    LastAdmin,
    /// The key came with another input before.
    KeyReused,
}

/// An expected failure: nothing was written.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(guard = "stated(self)")]
pub struct UserError {
    /// The path of the input field that is at fault; empty where it is the whole input.
    #[graphql(directive = auth::apply(ANYONE))]
    field: Vec<String>,
    /// What is wrong, for programs.
    #[graphql(directive = auth::apply(ANYONE))]
    code: UserErrorCode,
    /// What is wrong, for people.
    #[graphql(directive = auth::apply(ANYONE))]
    message: String,
}

impl Stated for UserError {}

impl UserError {
    /// An error about the input field at `path`, in dots.
    #[must_use]
    pub fn new(path: &str, code: UserErrorCode, message: impl Into<String>) -> Self {
        let field = path.split('.').filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect();
        Self { field, code, message: message.into() }
    }

    /// The error as a line, for a terminal.
    #[must_use]
    pub fn line(&self) -> String {
        let path = self.field.join(".");
        if path.is_empty() { self.message.clone() } else { format!("{path}: {}", self.message) }
    }

    /// The code, for who has the error at hand.
    #[must_use]
    pub fn is(&self) -> UserErrorCode {
        self.code
    }
}

/// Declares the payload of a mutation that changes one row: the row, the key that the input carried, and the user errors.
///
/// `payload! { /// What it is. EditCoursePayload { /// The course. course: Course } }`; a resolver ends with
/// `EditCoursePayload::of(done, |ids| Course::by_ids(call, ids)).await`.
#[macro_export]
macro_rules! payload {
    ($(#[$meta:meta])* $name:ident { $(#[$doc:meta])* $field:ident: $type:ty $(,)? }) => {
        $(#[$meta])*
        #[derive(async_graphql::SimpleObject)]
        #[graphql(guard = "stated(self)")]
        pub struct $name {
            $(#[$doc])*
            #[graphql(directive = auth::apply(PEOPLE))]
            $field: Option<$type>,
            /// The key that the input carried.
            #[graphql(directive = auth::apply(PEOPLE))]
            client_mutation_id: Option<String>,
            /// Why nothing was written; empty where it was.
            #[graphql(directive = auth::apply(PEOPLE))]
            user_errors: Vec<$crate::graphql::UserError>,
        }

        impl $crate::graphql::Stated for $name {}

        impl $name {
            /// The payload of what became of the mutation, with the row as the viewer may see it now.
            async fn of<F, Fut>(done: $crate::change::Done<i64>, by_ids: F) -> $crate::error::Result<Option<Self>>
            where
                F: FnOnce(Vec<i64>) -> Fut,
                Fut: Future<Output = $crate::error::Result<std::collections::HashMap<i64, $type>>>,
            {
                let $field = done.read(by_ids).await?;
                Ok(Some(Self { $field, client_mutation_id: done.client_mutation_id, user_errors: done.user_errors }))
            }
        }
    };
}
