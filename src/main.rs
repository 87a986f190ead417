//! The commands of `rollcall`; each does its work in the library.
#![recursion_limit = "256"] // as of the library, whose futures are laid out here

use std::{net::SocketAddr, process::ExitCode};

use clap::{Parser, Subcommand};
use rollcall::{
    app::{self, Ambient, App, open_database},
    auth::Role,
    config::{Config, LogFormat},
    demo,
    error::{Error, Result},
    graphql,
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

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match app::runtime() {
        Ok(runtime) => runtime.block_on(execute(command)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> ExitCode {
    let done = match command {
        Command::Schema { roles } => print(graphql::sdl_for(roles.into_iter().collect())),
        Command::Authorization => print(graphql::authorization_page()),
        Command::Demo { listen, json } => {
            log(LogFormat::Text, "warn");
            demo::serve(listen, json).await
        }
        command => match Config::from_env() {
            Ok(config) => {
                log(config.log_format, &config.log_level);
                run(command, config).await
            }
            Err(problems) => {
                eprintln!("{problems}");
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.report());
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, config: Config) -> Result<()> {
    match command {
        Command::Serve => serve(config).await,
        Command::Migrate { status, revert } => migrate(&config, status, revert).await,
        Command::Seed { students, days, password } => {
            let db = open_database(&config).await?;
            demo::seed(&db, students, days, password.into()).await
        }
        Command::Demo { .. } | Command::Schema { .. } | Command::Authorization => {
            Err(Error::internal("needs no configuration"))
        }
    }
}

async fn serve(config: Config) -> Result<()> {
    let app = App::build(config, Ambient::default()).await?;
    let (listener, address) = app.listen().await?;
    tracing::info!(%address, "serving");
    app.serve(listener, &[]).await;
    Ok(())
}

async fn migrate(config: &Config, status: bool, revert: bool) -> Result<()> {
    let db = open_database(config).await?;
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
    Ok(())
}

fn print(text: Result<String>) -> Result<()> {
    print!("{}", text?);
    Ok(())
}

fn log(format: LogFormat, level: &str) {
    let filter = tracing_subscriber::EnvFilter::new(level);
    // Standard output is for what a command prints.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}
