//! The owners of accounts, as messages reach them: codes, and news of their account. All of it goes by the queue.

use chrono::NaiveDateTime;

use super::{
    code::{self, CodePurpose},
    model::Identifier,
};
use crate::{
    background::Background,
    clock::Clock,
    db::Db,
    dispatch,
    error::Result,
    ids::Seal,
    jobs::{model::NewJob, wake::Wake},
    messages::{Address, Content, Language, queued},
    random::Random,
    read,
};

/// How often a code is kept anew where it met another: then that one is there, and it is too soon for this.
const TRIES: u32 = 5;

/// Reaches the owners of accounts.
#[derive(Clone)]
pub struct Owners {
    db: Db,
    clock: Clock,
    random: Random,
    seal: Seal,
    wake: Wake,
    background: Background,
}

impl Owners {
    /// Reaches them by the queue, whose workers `wake` wakes.
    #[must_use]
    pub fn new(db: Db, clock: Clock, random: Random, seal: Seal, wake: Wake, background: Background) -> Self {
        Self { db, clock, random, seal, wake, background }
    }

    /// Sends a code to the e-mail or the phone that somebody says is theirs, where it is that of an account that a code for
    /// `purpose` is for. Nothing of this is waited for, not even that the account is looked up: no answer tells, by its
    /// words or by its time, whether there is one.
    pub fn send_code(&self, identifier: Identifier, purpose: CodePurpose) {
        let owners = self.clone();
        self.background.start("send a code", async move {
            if let Err(error) = owners.issue(&identifier, purpose).await {
                tracing::error!(code = error.code().as_str(), cause = error.report(), "a code could not be sent");
            }
        });
    }

    /// Tells the owner of an account that nobody can sign in to it for so many minutes, because sign-ins failed too often.
    /// Nor is this waited for: who guesses learns nothing by it.
    pub fn tell_locked(&self, account_id: i64, minutes: i64) {
        let owners = self.clone();
        self.background.start("tell an owner", async move {
            if let Err(error) = owners.tell(account_id, &Content::Locked(minutes)).await {
                tracing::error!(
                    code = error.code().as_str(),
                    cause = error.report(),
                    "the owner of an account could not be told"
                );
            }
        });
    }

    /// The jobs that send the owner of an account a message at these addresses.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn letters(
        &self,
        now: NaiveDateTime,
        owner: (i64, Language),
        to: impl IntoIterator<Item = Address>,
        content: &Content,
    ) -> Result<Vec<NewJob>> {
        let letter = |to| queued::job(&self.seal, &self.random.token(), now, owner, to, content);
        to.into_iter().map(letter).collect()
    }

    async fn issue(&self, identifier: &Identifier, purpose: CodePurpose) -> Result<()> {
        let Some((account, contact)) = read!(self.db, auth_codes::owner(identifier, purpose))? else { return Ok(()) };
        // As the account has it, and not as it was typed: two texts may be folded to one.
        let to = match identifier {
            Identifier::Email(_) => contact.email.map(Address::Email),
            Identifier::Phone(_) => contact.phone.map(Address::Phone),
        };
        let mut tries = 1;
        loop {
            match self.issue_once(account, purpose, to.clone()).await {
                Err(error) if error.met_another() && tries < TRIES => tries += 1,
                done => return done,
            }
        }
    }

    /// Keeps a new code and puts it into the queue, or neither.
    async fn issue_once(&self, account: i64, purpose: CodePurpose, to: Option<Address>) -> Result<()> {
        let code = code::make(&self.random);
        let hash = purpose.digest(&self.seal, account, &code).to_vec();
        let now = self.clock.now();
        let mut cx = self.db.begin().await?;
        if !dispatch!(cx, auth_codes::issue(account, purpose, hash, now))? {
            return cx.rollback().await;
        }
        let language = dispatch!(cx, messages::language(account))?;
        let letters = self.letters(now, (account, language), to, &purpose.content(code))?;
        dispatch!(cx, jobs::enqueue(now, letters))?;
        cx.commit().await?;
        self.wake.wake();
        Ok(())
    }

    async fn tell(&self, account_id: i64, content: &Content) -> Result<()> {
        let now = self.clock.now();
        {
            let mut cx = self.db.write().await?;
            dispatch!(cx, messages::tell(self, now, account_id, content))?;
        }
        self.wake.wake();
        Ok(())
    }
}
