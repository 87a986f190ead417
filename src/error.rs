//! What goes wrong, and what a caller is told of it.

use std::panic::Location;

use async_graphql::{ErrorExtensions, Pos, ServerError};

/// A result of the service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The codes of top-level errors (`extensions.code`).
///
/// They stand in order: from what a client does to what the service fails at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Sign in first.
    Unauthenticated,
    /// Signed in, but this is not for the viewer.
    Forbidden,
    /// No such row, or none that the viewer may know of.
    NotFound,
    /// The request is wrong.
    BadUserInput,
    /// The request asks for more than is allowed.
    LimitExceeded,
    /// The request took too long.
    Timeout,
    /// Something the service needs is not there now; try again.
    Unavailable,
    /// A fault of the service.
    Internal,
}

impl Code {
    const ALL: [Self; 8] = [
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::BadUserInput,
        Self::LimitExceeded,
        Self::Timeout,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code that is written so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The code as it is written in `extensions.code`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// What is said where more is asked for at a time than may be.
pub const OVERLOADED: &str = "too much is asked for at once, try again";

/// What is said of a change of which nobody knows what became of it.
pub const MAYBE: &str = "it may or may not have been written: look before you send it again, or send it with the same \
                     `clientMutationId`, by which it is done once";

/// How the words of a database begin that say: not now. They are of the server's own language, English by `lc_messages`.
const PASSING: [&str; 8] = [
    // A server that is stopped, restarted, or ends a connection (57P01 to 57P03).
    "terminating connection",
    "the database system is",
    // A disk that is full (53100), of either kind of database; what was begun is taken back.
    "could not extend file",
    "could not write",
    "database or disk is full",
    "disk I/O error",
    // There are too many who ask (53300).
    "sorry, too many clients already",
    "remaining connection slots are reserved",
];

/// How the driver says that a connection has ended (class 08).
const GONE: [&str; 3] = ["connection closed", "error communicating with the server", "channel closed"];

/// An error: its code, what the caller is told, and what only the log is told.
///
/// It has no `Display`, so that it cannot become a GraphQL error on any way that drops its code or shows its cause.
#[derive(Clone, Debug)]
pub struct Error {
    code: Code,
    message: String,
    /// Never leaves the service: a database's own words, an address, a file's name.
    cause: Option<String>,
    /// Where in our source that was found out.
    place: &'static Location<'static>,
    /// The transaction met another one: it may go well when it is tried again.
    met_another: bool,
    /// What the viewer may not read or do, as a schema coordinate.
    coordinate: Option<String>,
    /// The seconds after which it may be tried again.
    retry_after: Option<u64>,
}

impl Error {
    /// An error whose message the caller may read.
    #[track_caller]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            cause: None,
            place: Location::caller(),
            met_another: false,
            coordinate: None,
            retry_after: None,
        }
    }

    /// Not for this viewer: the field `coordinate` (a schema coordinate such as `Student.phone`, by section 3.14 of the
    /// GraphQL specification of September 2025). By it denials are recorded.
    pub fn forbidden(coordinate: impl Into<String>, message: impl Into<String>) -> Self {
        Self { coordinate: Some(coordinate.into()), ..Self::new(Code::Forbidden, message) }
    }

    /// The request is wrong, and `message` says how.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// There was too much of something: it may be tried again after so many seconds, which `extensions.retryAfter` has too.
    #[must_use]
    pub fn too_many(what: &str, seconds: u64) -> Self {
        let message = format!("{what}: try again in {seconds} seconds");
        Self { retry_after: Some(seconds), ..Self::new(Code::LimitExceeded, message) }
    }

    /// A cursor that was not given for this list.
    #[must_use]
    pub fn bad_cursor() -> Self {
        Self::bad_input("this cursor was not given for this list: begin again without it")
    }

    /// A fault: the caller learns nothing of the cause.
    #[track_caller]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(Code::Internal, "something went wrong here") }
    }

    /// The database or another service is not to be reached now.
    #[track_caller]
    pub fn unavailable(cause: impl std::fmt::Display) -> Self {
        let message = "the service is not available just now, try again";
        Self { cause: Some(cause.to_string()), ..Self::new(Code::Unavailable, message) }
    }

    /// More is worked on than may be at a time (`MAX_IN_FLIGHT`).
    #[must_use]
    pub fn overloaded() -> Self {
        Self::new(Code::Unavailable, OVERLOADED)
    }

    /// The same where it came instead of the answer to a commit: what was to be written may be written.
    #[must_use]
    pub fn of_commit(self) -> Self {
        match self.code {
            Code::Unavailable => Self { message: MAYBE.to_owned(), ..self },
            _ => self,
        }
    }

    /// A change that took too long was given up, and is taken back unless it was just then that it was written.
    #[must_use]
    pub fn gave_up() -> Self {
        Self::new(Code::Timeout, format!("the request took too long: {MAYBE}"))
    }

    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn migration(cause: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::internal(format!("migration: {cause}"))
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Whether the transaction met another one, and is worth another try.
    #[must_use]
    pub fn met_another(&self) -> bool {
        self.met_another
    }

    /// The error in full, for a terminal or a log of the operator's.
    #[must_use]
    pub fn report(&self) -> String {
        self.cause.as_ref().map_or_else(|| self.message.clone(), |cause| format!("{}: {cause}", self.message))
    }

    /// Where it was found out; nothing where that was not in our source, as where a function was passed on.
    fn place(&self) -> Option<String> {
        let file = self.place.file();
        file.starts_with("src/").then(|| format!("{file}:{}", self.place.line()))
    }

    /// The error as GraphQL gives it; the cause goes to the log.
    #[must_use]
    pub fn to_graphql(&self) -> async_graphql::Error {
        if let Some(cause) = &self.cause {
            let (code, place) = (self.code.as_str(), self.place());
            tracing::error!(code, place, cause, "request failed");
        }
        async_graphql::Error::new(&self.message).extend_with(|_, extensions| {
            extensions.set("code", self.code.as_str());
            if let Some(coordinate) = &self.coordinate {
                extensions.set("coordinate", coordinate.as_str());
            }
            if let Some(seconds) = self.retry_after {
                extensions.set("retryAfter", seconds);
            }
        })
    }

    /// The same as the error of a whole request, which is at no place of its document.
    #[must_use]
    pub fn to_server(&self) -> ServerError {
        ServerError { locations: Vec::new(), ..self.to_graphql().into_server_error(Pos::default()) }
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        error.to_graphql()
    }
}

fn begins(message: &str, words: &[&str]) -> bool {
    words.iter().any(|words| message.starts_with(words))
}

impl From<diesel::result::Error> for Error {
    #[track_caller]
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{
            DatabaseErrorKind::*,
            Error::{BrokenTransactionManager, DatabaseError},
        };

        let error = match error {
            diesel::result::Error::RollbackErrorOnCommit { commit_error, .. } => *commit_error,
            error => error,
        };
        let met_another = match &error {
            // Over a connection that is gone nothing can be taken back either.
            BrokenTransactionManager => return Self::unavailable(format!("database: {error}")),
            // The connection ended with the statement on its way. What the driver cannot send has this kind too.
            DatabaseError(ClosedConnection | UnableToSendCommand, told) if begins(told.message(), &GONE) => {
                return Self::unavailable(format!("database: {error}"));
            }
            DatabaseError(Unknown | ClosedConnection | UnableToSendCommand, told)
                if begins(told.message(), &PASSING) || told.message().ends_with("No space left on device") =>
            {
                return Self::unavailable(format!("database: {error}"));
            }
            // A replica may not hold up what it is to replay.
            DatabaseError(SerializationFailure, told)
                if begins(told.message(), &PASSING)
                    || told.message() == "canceling statement due to conflict with recovery" =>
            {
                return Self::unavailable(format!("database: {error}"));
            }
            DatabaseError(kind, told) => {
                let constraint =
                    matches!(kind, UniqueViolation | ForeignKeyViolation | RestrictViolation | ExclusionViolation);
                let aborted = matches!(kind, SerializationFailure) || told.message() == "deadlock detected";
                constraint || aborted
            }
            _ => false,
        };
        Self { met_another, ..Self::internal(format!("database: {error}")) }
    }
}

impl From<bb8::RunError<diesel_async::pooled_connection::PoolError>> for Error {
    fn from(error: bb8::RunError<diesel_async::pooled_connection::PoolError>) -> Self {
        match error {
            bb8::RunError::TimedOut => Self::unavailable("no database connection was free in time"),
            bb8::RunError::User(error) => Self::unavailable(format!("database: {error}")),
        }
    }
}

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        // Of what the network and TLS say; what the server says may repeat what it was sent.
        let cause = if error.is_io_error() { error.to_string() } else { error.category().to_owned() };
        Self::unavailable(format!("redis: {cause}"))
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error::DatabaseError};

    use super::*;

    #[test]
    fn a_connection_that_ended_is_a_fault_that_passes() {
        let code = |kind, told: &str| Error::from(DatabaseError(kind, Box::new(told.to_owned()))).code();
        let kind = || DatabaseErrorKind::UnableToSendCommand;
        assert_eq!(code(kind(), "connection closed"), Code::Unavailable);
        assert_eq!(code(kind(), "error communicating with the server: broken pipe"), Code::Unavailable);
        assert_eq!(code(kind(), "error serializing parameter 0"), Code::Internal);
        assert_eq!(code(DatabaseErrorKind::UniqueViolation, "connection closed"), Code::Internal);
        let ended = "terminating connection due to administrator command";
        assert_eq!(code(DatabaseErrorKind::Unknown, ended), Code::Unavailable);
        let conflict = "canceling statement due to conflict with recovery";
        assert_eq!(code(DatabaseErrorKind::SerializationFailure, conflict), Code::Unavailable);
        assert_eq!(code(DatabaseErrorKind::SerializationFailure, "could not serialize access"), Code::Internal);
    }

    #[test]
    fn a_server_that_stops_or_has_no_room_is_a_fault_that_passes() {
        let code = |kind, told: &str| Error::from(DatabaseError(kind, Box::new(told.to_owned()))).code();
        for told in [
            "terminating connection due to administrator command",
            "the database system is shutting down",
            "could not extend file \"base/1/2\": No space left on device",
            "could not write to file \"pg_wal/xlogtemp.1\": No space left on device",
            "database or disk is full",
        ] {
            assert_eq!(code(DatabaseErrorKind::Unknown, told), Code::Unavailable, "{told}");
        }
        assert_eq!(code(DatabaseErrorKind::CheckViolation, "terminating connection"), Code::Internal);
        assert_eq!(code(DatabaseErrorKind::Unknown, "division by zero"), Code::Internal);
    }

    #[test]
    fn of_a_commit_without_an_answer_it_is_said_that_nobody_knows() {
        let told = |error: Error| error.of_commit().message;
        assert!(told(Error::unavailable("gone")).contains("may or may not"));
        assert!(!told(Error::internal("broken")).contains("may or may not"));
        assert!(Error::gave_up().message.contains("may or may not"));
    }
}
