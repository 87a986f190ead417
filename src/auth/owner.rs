//! The owners of accounts, as messages reach them: codes, and news of their account. All of it goes on after the answer.

use super::{
    code::{self, CodePurpose},
    model::{Contact, Identifier},
};
use crate::{
    background::Background,
    clock::Clock,
    db::Db,
    dispatch,
    error::Result,
    ids::Seal,
    messages::{Address, Content, Language, Message, Messages},
    random::Random,
    read,
};

/// Reaches the owners of accounts.
#[derive(Clone)]
pub struct Owners {
    db: Db,
    clock: Clock,
    random: Random,
    seal: Seal,
    messages: Messages,
    background: Background,
}

impl Owners {
    /// Reaches them by `messages`, in the background.
    #[must_use]
    pub fn new(db: Db, clock: Clock, random: Random, seal: Seal, messages: Messages, background: Background) -> Self {
        Self { db, clock, random, seal, messages, background }
    }

    /// Sends a code to the e-mail or the phone that somebody says is theirs, where it is that of an account that a code for
    /// `purpose` is for. Nothing of this is waited for, not even that the account is looked up: no answer tells, by its
    /// words or by its time, whether there is one.
    pub fn send_code(&self, identifier: Identifier, purpose: CodePurpose) {
        let owners = self.clone();
        self.background.start("send a code", async move {
            if let Err(error) = owners.issue(&identifier, purpose).await {
                tracing::error!(cause = error.report(), "a code could not be sent");
            }
        });
    }

    /// Tells the owner of an account what became of it, at each address that it has: who took one of them over does not
    /// keep it from the other.
    pub fn tell(&self, account_id: i64, content: Content) {
        let owners = self.clone();
        self.background.start("tell an owner", async move {
            if let Err(error) = owners.news(account_id, content).await {
                tracing::error!(cause = error.report(), "the owner of an account could not be told");
            }
        });
    }

    /// Tells the owner of an account that nobody can sign in to it for so many minutes, because sign-ins failed too often.
    pub fn tell_locked(&self, account_id: i64, minutes: i64) {
        self.tell(account_id, Content::Locked(minutes));
    }

    async fn issue(&self, identifier: &Identifier, purpose: CodePurpose) -> Result<()> {
        let Some((account, contact)) = read!(self.db, auth_codes::owner(identifier, purpose))? else { return Ok(()) };
        let code = code::make(&self.random);
        let hash = purpose.digest(&self.seal, account, &code).to_vec();
        let now = self.clock.now();
        let issued = {
            let mut cx = self.db.write().await?;
            dispatch!(cx, auth_codes::issue(account, purpose, hash, now))?
        };
        if issued {
            // As the account has it, and not as it was typed: two texts may be folded to one.
            let to = match identifier {
                Identifier::Email(_) => contact.email.map(Address::Email),
                Identifier::Phone(_) => contact.phone.map(Address::Phone),
            };
            self.send(to, &purpose.content(code)).await?;
        }
        Ok(())
    }

    async fn news(&self, account_id: i64, content: Content) -> Result<()> {
        let Contact { email, phone } = read!(self.db, auth::contact(account_id))?.unwrap_or_default();
        self.send(email.map(Address::Email).into_iter().chain(phone.map(Address::Phone)), &content).await
    }

    async fn send(&self, to: impl IntoIterator<Item = Address>, content: &Content) -> Result<()> {
        let card = read!(self.db, institute::card())?;
        let institute = card.map_or_else(|| "Rollcall".to_owned(), |card| card.name);
        for to in to {
            self.messages.send(Message {
                to,
                language: Language::English,
                institute: institute.clone(),
                content: content.clone(),
            });
        }
        Ok(())
    }
}
