//! The commands of `rollcall`; each does its work in the library.
#![recursion_limit = "256"] // as of the library, whose futures are laid out here

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use rollcall::{
    accounts::{self, NewAdmin, Task, check, password_from_stdin},
    app::{self, Ambient, App, open_database, open_for_sessions, open_migrated, pool_options, session_url},
    auth::{Role, model::Identifier},
    config::{Config, Problems},
    db::copy,
    demo,
    error::{Error, Result},
    graphql,
    http::health,
    telemetry::{Settings, Telemetry},
};

/// A student management system served as one GraphQL API.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API as the environment configures it (see .env.example).
    Serve,
    /// Do the work of the queue, beside processes that serve (with WORKER=false they leave it to this one).
    Worker,
    /// Ask the process that `serve` runs here whether it is ready: for containers, where nothing else could ask.
    Health {
        /// Ask at the operator's address, `ADMIN_ADDR`: that of `worker`.
        #[arg(long)]
        admin: bool,
    },
    /// Serve a made-up institute from a fresh database of its own, on loopback, and say how to sign in.
    Demo {
        /// Where to listen: a loopback address.
        #[arg(long, default_value = "127.0.0.1:8000")]
        listen: SocketAddr,
        /// Print one line of JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Apply pending migrations: a step of each deployment.
    Migrate {
        /// Only name the pending ones.
        #[arg(long, conflicts_with = "revert")]
        status: bool,
        /// Revert all of them. All data is lost.
        #[arg(long)]
        revert: bool,
    },
    /// What an operator does with accounts, from the machine itself.
    #[command(subcommand)]
    Accounts(Accounts),
    /// What an operator does with a whole database.
    #[command(subcommand)]
    Db(Database),
    /// Fill an empty database with made-up data at size, to try and to measure with.
    Seed {
        /// Students.
        #[arg(long, default_value_t = 180)]
        students: usize,
        /// School days of attendance.
        #[arg(long, default_value_t = 40)]
        days: usize,
        /// The password of every account that is made.
        #[arg(long)]
        password: String,
    },
    /// Print the schema in SDL: the whole of it, or what the holder of some roles sees.
    Schema {
        /// A role, or several, as the schema names them: PARENT, ANONYMOUS, …
        #[arg(long = "role", value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// Print who may read and do what: docs/authorization.md.
    Authorization,
}

#[derive(Subcommand)]
enum Accounts {
    /// Set the institute up, where there is none, and add the first administrator, who adds everybody else.
    CreateAdmin {
        /// The name of the institute, where none has been set up.
        #[arg(long)]
        institute: Option<String>,
        /// The time zone that it is in, by its IANA name such as Asia/Kathmandu.
        #[arg(long, default_value = "UTC", requires = "institute")]
        time_zone: String,
        /// Name.
        #[arg(long)]
        name: String,
        /// E-mail address.
        #[arg(long)]
        email: String,
        /// Phone number, with its country code.
        #[arg(long)]
        phone: Option<String>,
        /// Read a password from the standard input; else they are invited to set one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Take an account's password away and end its sessions: its owner sets another by a one-time code.
    Reset {
        /// E-mail address or phone number of the account.
        #[arg(long)]
        identifier: String,
        /// Take the second factor away as well.
        #[arg(long)]
        second_factor: bool,
    },
    /// Let nobody sign in to an account any more, and end its sessions.
    Deactivate {
        /// E-mail address or phone number of the account.
        #[arg(long)]
        identifier: String,
    },
    /// Seal second factors under `SECRET_KEY` that were sealed under `SECRET_KEY_PREVIOUS`, so that the latter can be taken away.
    Reseal,
    /// Name duplicate and malformed e-mails and phones: exits with 1 where there are any, with 2 where it cannot be told.
    Check {
        /// Check a file that is to be imported, with the columns `email` and `phone`, instead of the accounts that are kept.
        #[arg(long)]
        csv: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum Database {
    /// Copy everything into an empty, migrated database of either kind, and compare the two before it is kept.
    Copy {
        /// The database to read: sqlite:<path> or postgres://…; that of `DATABASE_URL` where none is said.
        #[arg(long)]
        from: Option<String>,
        /// The database to write; likewise.
        #[arg(long)]
        to: Option<String>,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match app::runtime() {
        Ok(runtime) => {
            let code = runtime.block_on(execute(command));
            // Who was told to end at once does not wait for a statement of SQLite, or a hash.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> ExitCode {
    let done = match command {
        Command::Schema { roles } => well(print(graphql::sdl_for(roles.into_iter().collect()))),
        Command::Authorization => well(print(graphql::authorization_page())),
        Command::Demo { listen, json } => {
            told(&Settings { log_level: "warn".to_owned(), ..Settings::default() }, async || {
                well(demo::serve(listen, json).await)
            })
            .await
        }
        // Nothing is told of a question that is asked every few seconds.
        Command::Health { admin } => match Config::from_env() {
            Ok(config) => health(&config, admin).await,
            Err(problems) => return wrong(&problems),
        },
        command => match Config::from_env() {
            Ok(config) => {
                let settings = config.telemetry.clone();
                told(&settings, async || Box::pin(run(command, config)).await).await
            }
            Err(problems) => return wrong(&problems),
        },
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", error.report());
            ExitCode::FAILURE
        }
    }
}

/// What is configured wrongly ends with 2.
fn wrong(problems: &Problems) -> ExitCode {
    eprintln!("{problems}");
    ExitCode::from(2)
}

/// What ends well ends with 0.
fn well(done: Result<()>) -> Result<ExitCode> {
    done.map(|()| ExitCode::SUCCESS)
}

async fn run(command: Command, config: Config) -> Result<ExitCode> {
    match command {
        Command::Accounts(command) => manage(command, &config).await,
        Command::Db(Database::Copy { from, to }) => {
            let configured = |url: Option<String>| url.map_or_else(|| session_url(&config).map(str::to_owned), Ok);
            well(copy::run(&configured(from)?, &configured(to)?, pool_options(&config)).await)
        }
        Command::Serve => well(serve(config).await),
        Command::Worker => well(work(config).await),
        Command::Migrate { status, revert } => well(migrate(&config, status, revert).await),
        Command::Seed { students, days, password } => {
            let db = open_for_sessions(&config).await?;
            well(demo::seed(&db, students, days, password.into()).await)
        }
        Command::Demo { .. } | Command::Health { .. } | Command::Schema { .. } | Command::Authorization => {
            Err(Error::internal("needs no configuration, or no telemetry"))
        }
    }
}

async fn manage(command: Accounts, config: &Config) -> Result<ExitCode> {
    let (db, ambient) = (open_migrated(config).await?, Ambient::default());
    let task = match command {
        Accounts::Check { csv } => return check::run(&db, csv.as_deref()).await,
        Accounts::CreateAdmin { institute, time_zone, name, email, phone, password_stdin } => {
            let password = password_stdin.then(password_from_stdin).transpose()?;
            NewAdmin { name, email, phone, password, institute, time_zone }.task(&ambient).await?
        }
        Accounts::Reset { identifier, second_factor } => {
            Task::Reset { identifier: Identifier::parse(&identifier), second_factor }
        }
        Accounts::Reseal => Task::Reseal { seal: Box::new(app::seal(config)) },
        Accounts::Deactivate { identifier } => Task::Deactivate { identifier: Identifier::parse(&identifier) },
    };
    accounts::carry_out(&db, &ambient, &task).await
}

async fn serve(config: Config) -> Result<()> {
    let app = App::build(config, Ambient::default()).await?;
    let (listener, address) = app.listen().await?;
    tracing::info!(%address, "serving");
    app.serve(listener, &[]).await
}

async fn health(config: &Config, admin: bool) -> Result<ExitCode> {
    let address = match config.admin_addr {
        Some(address) if admin => address,
        None if admin => return Err(Error::internal("ADMIN_ADDR is not set: there is nothing to ask")),
        _ => config.listen_addr,
    };
    let (told, ready) = health::ask(address).await?;
    println!("{told}");
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn work(config: Config) -> Result<()> {
    let app = App::build(config, Ambient::default()).await?;
    tracing::info!("working");
    app.work_until_told().await
}

async fn migrate(config: &Config, status: bool, revert: bool) -> Result<()> {
    // What is pending can be asked over a pooler as well.
    let db = if status { open_database(config).await? } else { open_for_sessions(config).await? };
    let (done, names) = match (status, revert) {
        (true, _) => ("pending", db.pending_migrations().await?),
        (_, true) => ("reverted", db.revert().await?),
        _ => ("applied", db.migrate().await?),
    };
    if names.is_empty() {
        println!("nothing {done}");
    }
    for name in names {
        println!("{done}: {name}");
    }
    let unknown = db.unknown_migrations().await?;
    if !unknown.is_empty() {
        println!("the database is newer than this program, which does not know: {}", unknown.join(", "));
    }
    Ok(())
}

fn print(text: Result<String>) -> Result<()> {
    print!("{}", text?);
    Ok(())
}

/// Does `work`, and has what the process tells of itself meanwhile go where it is to go.
async fn told(settings: &Settings, work: impl AsyncFnOnce() -> Result<ExitCode>) -> Result<ExitCode> {
    let _telemetry = Telemetry::begin(settings)?;
    work().await
}
