//! The commands `demo` and `seed`.

use std::{io::Write, net::SocketAddr};

use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;
use serde_json::json;

use super::{SignIn, Size, fill, sign_ins};
use crate::{
    app::{Ambient, App, open_database},
    auth::password::Passwords,
    clock::Clock,
    config::Config,
    db::Db,
    error::{Error, Result},
    http::DemoSignIn,
    random::Random,
};

/// The password of everybody in the demo: it guards nothing.
const PASSWORD: &str = "rollcall-demo";

/// Serves the demonstration institute from a fresh database of its own until the process is told to stop, and prints how
/// to sign in: text, or one line of JSON (`url`, `graphiql`, `signIns: [{role, identifier, password}]`).
///
/// # Errors
/// When `listen` is no loopback address: what is shown there is for this machine alone.
pub async fn serve(listen: SocketAddr, json: bool) -> Result<()> {
    if !listen.ip().is_loopback() {
        return Err(Error::bad_input(format!(
            "{listen} is not a loopback address: the demo is for this machine alone"
        )));
    }
    // A folder of its own, removed when the demo ends: no other database is ever opened.
    let folder = tempfile::Builder::new().prefix("rollcall-demo-").tempdir().map_err(Error::internal)?;
    let config = Config::demo(format!("sqlite:{}", folder.path().join("demo.db").display()), listen);
    let db = open_database(&config).await?;
    db.migrate().await?;
    fill_with(&db, &Size::demo(), PASSWORD.into(), |_, _| ()).await?;
    let app = App::build(config, Ambient::default()).await?;
    let (listener, address) = app.listen().await?;
    let offered = offered();
    announce(address, &offered, json).map_err(Error::internal)?;
    app.serve(listener, &offered).await
}

/// Fills an empty, migrated database with made-up data at size, and prints how to sign in.
///
/// # Errors
/// When there is data in it already.
pub async fn seed(db: &Db, students: usize, days: usize, password: SecretString) -> Result<()> {
    let size = Size::of(students, days);
    let style = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {human_pos}/{human_len} rows, {eta} to go")
        .map_err(Error::internal)?;
    let bar = ProgressBar::no_length().with_style(style);
    let filled = fill_with(db, &size, password, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    filled.await?;
    bar.finish();
    for SignIn { role, identifier } in sign_ins() {
        println!("{role:?}: {identifier}");
    }
    Ok(())
}

async fn fill_with(
    db: &Db,
    size: &Size,
    password: SecretString,
    progress: impl Fn(u64, u64) + Send + Sync,
) -> Result<()> {
    let hash = Passwords::new(Random::system(), 1).hash(password).await?;
    let today = Clock::system().today(super::TIME_ZONE);
    fill(db, size, today, &hash, progress).await?;
    Ok(())
}

fn offered() -> Vec<DemoSignIn> {
    let offer = |SignIn { role, identifier }| DemoSignIn {
        role: async_graphql::Value::from(role)
            .into_json()
            .ok()
            .and_then(|name| Some(name.as_str()?.to_owned()))
            .unwrap_or_default(),
        identifier,
        password: PASSWORD.to_owned(),
    };
    sign_ins().into_iter().map(offer).collect()
}

fn announce(address: SocketAddr, sign_ins: &[DemoSignIn], json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let (url, graphiql) = (format!("http://{address}/graphql"), format!("http://{address}/graphiql"));
    if json {
        return writeln!(out, "{}", json!({"url": url, "graphiql": graphiql, "signIns": sign_ins}));
    }
    writeln!(
        out,
        "Rollcall demo: a made-up institute, gone when this stops (Ctrl-C).\n\n  API       {url}\n  GraphiQL  {graphiql}\n"
    )?;
    for DemoSignIn { role, identifier, password } in sign_ins {
        writeln!(out, "  {role:<10} {identifier:<28} {password}")?;
    }
    let parent = sign_ins.iter().find(|sign_in| sign_in.role == "PARENT").map(|sign_in| sign_in.identifier.as_str());
    let parent = parent.unwrap_or_default();
    writeln!(
        out,
        "\nSign a parent in, and read their children's attendance:\n\n\
         TOKEN=$(curl -s {url} -H 'content-type: application/json' -d '{{\"query\":\"mutation {{ signIn(input: {{identifier: \\\"{parent}\\\", password: \\\"{PASSWORD}\\\"}}) {{ token userErrors {{ message }} }} }}\"}}' | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')\n\
         curl -s {url} -H 'content-type: application/json' -H \"authorization: Bearer $TOKEN\" -d '{{\"query\":\"{{ viewer {{ parent {{ students {{ edges {{ node {{ name batches {{ name }} attendanceSummary {{ percentage }} }} }} }} }} }} }}\"}}'\n"
    )
}
