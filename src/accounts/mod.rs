//! What an operator does with accounts, from the machine itself: `rollcall accounts`.
//!
//! Who has the database may do all of it anyhow; this way it keeps the rules, ends sessions and is in the audit log, by the
//! operator and nobody's account. Nothing that is printed is secret, and [`check`] shows no e-mail or phone whole.

use std::process::ExitCode;

use secrecy::SecretString;

use crate::{
    app::Ambient,
    auth::{
        model::{Contact, Identifier},
        password::{Passwords, check_new},
    },
    change::{Act, Problems, Tries},
    db::Db,
    dispatch,
    error::{Error, Result},
    ids::Seal,
    institute::mutation::zone,
    read,
    staff::model::NewStaff,
};

pub mod check;

/// Something to be done.
pub enum Task {
    /// Add the first administrator.
    CreateAdmin {
        /// The staff member.
        person: Box<NewStaff>,
        /// What they sign in with.
        contact: Contact,
        /// The hash of their password; none for an invitation to set one.
        password_hash: Option<String>,
        /// The institute to set up, by its name, and the name of its time zone; empty where there is one.
        institute: Option<(String, String)>,
        /// What was wrong with all that.
        problems: Problems,
    },
    /// Take an account's password away, and end its sessions.
    Reset {
        /// Whose account.
        identifier: Identifier,
        /// Take the second factor away as well.
        second_factor: bool,
    },
    /// Let nobody sign in to an account any more, and end its sessions.
    Deactivate {
        /// Whose account.
        identifier: Identifier,
    },
    /// Seal every second factor under the present `SECRET_KEY`.
    Reseal {
        /// What opens them, and seals them.
        seal: Box<Seal>,
    },
}

impl Task {
    /// What the audit log calls it.
    const fn name(&self) -> &'static str {
        match self {
            Self::CreateAdmin { .. } => "accounts create-admin",
            Self::Reset { .. } => "accounts reset",
            Self::Deactivate { .. } => "accounts deactivate",
            Self::Reseal { .. } => "accounts reseal",
        }
    }

    /// What is said when it is done.
    const fn done(&self) -> &'static str {
        match self {
            Self::CreateAdmin { password_hash: None, .. } => {
                "there is an administrator: invited, to set a password by a one-time code"
            }
            Self::CreateAdmin { .. } => "there is an administrator, who signs in by the password that was given",
            Self::Reset { .. } => {
                "the password is gone and the sessions have ended: the owner sets another by a one-time code"
            }
            Self::Deactivate { .. } => "nobody signs in to the account any more, and its sessions have ended",
            Self::Reseal { .. } => {
                "every second factor opens under SECRET_KEY: SECRET_KEY_PREVIOUS is not needed for any"
            }
        }
    }
}

/// Who is to be the first administrator.
pub struct NewAdmin {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Phone number.
    pub phone: Option<String>,
    /// Password; none for an invitation to set one.
    pub password: Option<SecretString>,
    /// The name of the institute, where none has been set up.
    pub institute: Option<String>,
    /// The IANA name of its time zone.
    pub time_zone: String,
}

impl NewAdmin {
    /// The task of adding them, with what is wrong with what was given.
    pub async fn task(self, ambient: &Ambient) -> Result<Task> {
        use secrecy::ExposeSecret;
        let mut problems = Problems::default();
        let name = problems.line("name", &self.name);
        let contact = Contact {
            email: problems.maybe_email("email", Some(&self.email)),
            phone: problems.maybe_phone("phone", self.phone.as_deref()),
        };
        let about = [Some(name.clone()), contact.email.clone(), contact.phone.clone()];
        let password_hash = match self.password {
            Some(password) => {
                let about: Vec<String> = about.into_iter().flatten().collect();
                check_new(&mut problems, "password", password.expose_secret(), &about);
                Some(Passwords::new(ambient.random.clone(), 1).hash(password).await?)
            }
            None => None,
        };
        let time_zone = zone(&mut problems, &self.time_zone);
        let institute = self.institute.map(|name| (problems.line("institute", &name), time_zone));
        let person = Box::new(NewStaff { name, ..NewStaff::default() });
        Ok(Task::CreateAdmin { person, contact, password_hash, institute, problems })
    }
}

/// Does a task and says what became of it: 0 where it was done, 1 where it was refused.
pub async fn carry_out(db: &Db, ambient: &Ambient, task: &Task) -> Result<ExitCode> {
    let act = Act::of_operator(task.name(), &ambient.clock, read!(db, institute::zone())?);
    let mut tries = Tries::default();
    let done = loop {
        let mut cx = db.begin().await?;
        let done = dispatch!(cx, accounts_write::carry_out(&act, task));
        if let Some(done) = tries.end(cx, done, None, &ambient.random).await? {
            break done;
        }
    };
    for error in &done.user_errors {
        eprintln!("{}", error.line());
    }
    if done.value.is_none() {
        return Ok(ExitCode::FAILURE);
    }
    println!("{}", task.done());
    Ok(ExitCode::SUCCESS)
}

/// A password, as the first line of the standard input: so that it is in no list of processes and no history.
pub fn password_from_stdin() -> Result<SecretString> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(Error::internal)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned().into())
}
