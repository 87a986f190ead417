//! How anything is changed: by one mutation, in one transaction, with all that is wrong said at once.
//!
//! A mutation's resolver reads its input, makes an [`Act`] and runs a function of a domain's `write.rs` through
//! [`change!`](crate::change!). That function, compiled for both databases like a store, checks the rules, writes, and
//! records what it did ([`crate::audit`]). What it returns decides: `Ok` commits, [`Stop`] leaves nothing behind.
//!
//! The transaction is serializable (on SQLite there is one writer), so a rule that reads before it writes holds under
//! concurrency as well. Where PostgreSQL finds that two transactions met, or a constraint says that somebody was faster
//! than the rule that guards it, the whole function runs again, and now the rule sees what the other one wrote: so every
//! refusal comes from a rule, with a message, and constraints are the safety net below.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_graphql::Context;
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use crate::{
    auth::{RoleSet, Scope},
    clock::Clock,
    db::Connection,
    error::{Error, Result},
    graphql::{Call, Policy, UserError},
    random::Random,
};

mod problems;
mod rule;

pub use problems::{Problems, patch};
pub use rule::{Actor, By, Verdict, reached};

/// The longest key of an idempotent mutation.
const MAX_KEY: usize = 100;

/// Why a change was not made; nothing is written then.
#[derive(Debug)]
pub enum Stop {
    /// The input is at fault: the caller is told what is wrong with it.
    Refused(Vec<UserError>),
    /// Not for this viewer, or a fault of the service.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What a function of a `write.rs` returns.
pub type Changed<T> = Result<T, Stop>;

/// One mutation: who does what, when.
#[derive(Debug)]
pub struct Act {
    /// The rows of who acts.
    pub scope: Scope,
    /// The mutation's statement: a row may be changed by who reached it by one of these roles.
    pub may: RoleSet,
    /// The mutation's name in the schema.
    pub mutation: String,
    /// Now, UTC.
    pub now: NaiveDateTime,
    /// Today, for the institute.
    pub today: NaiveDate,
    /// The institute's time zone.
    pub zone: Tz,
    /// The request, as the log knows it.
    pub request_id: String,
    /// The client's own name for this mutation, by which a second try is known.
    pub key: Option<Key>,
    /// Whether it put something into the queue.
    pub raised: Raised,
}

/// Whether a mutation put something into the queue, which is then to be looked at once it is committed.
#[derive(Debug, Default)]
pub struct Raised(AtomicBool);

impl Raised {
    /// Notes that it did.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it did.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What makes a mutation idempotent.
#[derive(Debug)]
pub struct Key {
    /// The input's `clientMutationId`.
    pub text: String,
    /// SHA-256 of the arguments: the same key must come with the same input.
    pub digest: Vec<u8>,
}

impl Act {
    /// The mutation that a resolver works for; with a key, it is done once however often it is sent.
    ///
    /// # Errors
    /// When the key is empty or longer than 100 characters.
    pub async fn of(ctx: &Context<'_>, client_mutation_id: Option<String>) -> Result<Self> {
        let call = Call::of(ctx);
        let field = ctx.field();
        let key = match client_mutation_id {
            Some(text) if text.trim().is_empty() || text.chars().count() > MAX_KEY || text.contains('\0') => {
                return Err(Error::bad_input(format!("`clientMutationId` has 1 to {MAX_KEY} characters")));
            }
            Some(text) => {
                let arguments = field.arguments().map_err(|error| Error::bad_input(error.message))?;
                let arguments = serde_json::to_vec(&arguments).map_err(Error::internal)?;
                Some(Key { text, digest: Sha256::digest(arguments).to_vec() })
            }
            None => None,
        };
        Ok(Self {
            scope: *call.scope(),
            may: ctx.data_unchecked::<Policy>().requires("Mutation", field.name()),
            mutation: field.name().to_owned(),
            now: call.services().clock.now(),
            today: call.today().await?,
            zone: call.zone().await?,
            request_id: call.request_id().to_owned(),
            key,
            raised: Raised::default(),
        })
    }

    /// What an operator does from the machine itself, by no request and nobody's account.
    #[must_use]
    pub fn of_operator(action: &str, clock: &Clock, zone: Tz) -> Self {
        let scope = Scope::of_operator();
        Self {
            scope,
            may: scope.roles(),
            mutation: action.to_owned(),
            now: clock.now(),
            today: clock.today(zone),
            zone,
            request_id: "rollcall".to_owned(),
            key: None,
            raised: Raised::default(),
        }
    }

    /// The row that the mutation is about, out of what a store found for its id in the viewer's scope.
    ///
    /// # Errors
    /// `NOT_FOUND` at `path` where the viewer does not reach it; `FORBIDDEN` where they reach it, but by no role that may
    /// do this.
    pub fn target<R>(&self, problems: &mut Problems, path: &str, rows: Vec<(R, i32)>) -> Changed<R> {
        self.target_by(problems, path, rows, reached)
    }

    /// The same where there is more of a rule: for who acts, the row, and the roles by which it was reached.
    ///
    /// # Errors
    /// `NOT_FOUND` at `path`, or `FORBIDDEN`. What is in the way goes to the other problems.
    pub fn target_by<R>(
        &self,
        problems: &mut Problems,
        path: &str,
        rows: Vec<(R, i32)>,
        rule: impl FnOnce(&Actor, &R, By) -> Verdict,
    ) -> Changed<R> {
        let (row, by) = self.found(problems, path, rows)?;
        self.heed(rule(&self.actor(), &row, by), path, problems)?;
        Ok(row)
    }

    /// The row alone, for rules that go by what is read after it.
    ///
    /// # Errors
    /// `NOT_FOUND` at `path`, or `FORBIDDEN` where it was reached by no role that may do this.
    pub fn found<R>(&self, problems: &mut Problems, path: &str, rows: Vec<(R, i32)>) -> Changed<(R, By)> {
        let (row, granted) = problems.found(path, rows)?;
        let by = self.actor().by(granted).ok_or_else(|| self.forbidden())?;
        Ok((row, by))
    }

    /// Goes on as a rule says: what is in the way goes to the other problems, at `path`.
    ///
    /// # Errors
    /// `FORBIDDEN` where it is not for this viewer.
    pub fn heed(&self, verdict: Verdict, path: &str, problems: &mut Problems) -> Result<()> {
        for (code, message) in verdict.problems().ok_or_else(|| self.forbidden())? {
            problems.add(path, code, message);
        }
        Ok(())
    }

    /// Who does this, as rules ask.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { scope: self.scope, may: self.may, now: self.now }
    }

    /// The roles by which the viewer does this: those of the mutation's statement that they hold.
    #[must_use]
    pub fn held(&self) -> RoleSet {
        self.actor().held()
    }

    /// Whether the viewer does this in every course, and not only as HOD in those that they head.
    #[must_use]
    pub fn in_every_course(&self) -> bool {
        self.actor().in_every_course()
    }

    /// The roles by which the viewer may change the first of the rows that a store found.
    #[must_use]
    pub fn roles_for<R>(&self, rows: &[(R, i32)]) -> RoleSet {
        rows.first().map_or(RoleSet::EMPTY, |(_, granted)| RoleSet::from_bits(*granted)).and(self.may)
    }

    /// That the viewer may not do this here.
    #[must_use]
    pub fn forbidden(&self) -> Error {
        Error::forbidden(format!("Mutation.{}", self.mutation), format!("you may not {} here", self.mutation))
    }
}

/// What became of a mutation.
#[derive(Debug)]
pub struct Done<T> {
    /// What its function returned; none where it was refused.
    pub value: Option<T>,
    /// Why it was refused.
    pub user_errors: Vec<UserError>,
    /// The key that the input carried.
    pub client_mutation_id: Option<String>,
}

impl Done<i64> {
    /// The changed row as the viewer may see it now.
    pub async fn read<V, F, Fut>(&self, by_ids: F) -> Result<Option<V>>
    where
        F: FnOnce(Vec<i64>) -> Fut,
        Fut: Future<Output = Result<std::collections::HashMap<i64, V>>>,
    {
        let Some(number) = self.value else { return Ok(None) };
        Ok(by_ids(vec![number]).await?.remove(&number))
    }
}

/// Runs a function of a `write.rs` in a transaction, again where it met another one, and gives what became of it:
/// `change!(call, &act, leave_write::request(&request, problems.clone()))`. The arguments are evaluated for every try.
#[macro_export]
macro_rules! change {
    ($call:expr, $act:expr, $store:ident :: $function:ident ( $($argument:expr),* $(,)? )) => {{
        let (call, act): (&$crate::graphql::Call, &$crate::change::Act) = ($call, $act);
        let mut tries = $crate::change::Tries::default();
        loop {
            let mut cx = call.db().begin().await?;
            let done = async {
                if let Some(done) = $crate::dispatch!(cx, change::replayed(act))? {
                    return Ok(done);
                }
                let done = $crate::dispatch!(cx, $store::$function(act, $($argument),*))?;
                $crate::dispatch!(cx, change::keep(act, &done))?;
                Ok(done)
            };
            let done: $crate::change::Changed<_> = done.await;
            if let Some(done) = tries.end(cx, done, act.key.as_ref(), &call.services().random).await? {
                call.has_written(done.value.is_some());
                if act.raised.any() {
                    call.services().wake.wake();
                }
                break done;
            }
        }
    }};
}

/// How often a change has been tried.
#[derive(Debug, Default)]
pub struct Tries(u32);

impl Tries {
    const MOST: u32 = 20;

    /// Commits a change that came with `key`, if with any, or takes it back; `None` where it is to be tried again.
    ///
    /// # Errors
    /// With what the change failed with, and when it met others too often.
    pub async fn end<T>(
        &mut self,
        cx: Connection<'_>,
        done: Changed<T>,
        key: Option<&Key>,
        random: &Random,
    ) -> Result<Option<Done<T>>> {
        let client_mutation_id = key.map(|key| key.text.clone());
        let error = match done {
            Ok(value) => match cx.commit().await.map_err(Error::of_commit) {
                Ok(()) => return Ok(Some(Done { value: Some(value), user_errors: Vec::new(), client_mutation_id })),
                Err(error) => error,
            },
            Err(Stop::Refused(user_errors)) => {
                cx.rollback().await?;
                return Ok(Some(Done { value: None, user_errors, client_mutation_id }));
            }
            Err(Stop::Failed(error)) => {
                // The connection may be what failed; the pool looks at it when it is given back.
                let _ = cx.rollback().await;
                error
            }
        };
        self.0 += 1;
        if !error.met_another() || self.0 == Self::MOST {
            return Err(error);
        }
        // A part of a doubling span: who met once should not meet again.
        tokio::time::sleep(random.jittered(Duration::from_millis(2 << self.0.min(6)))).await;
        Ok(None)
    }
}
