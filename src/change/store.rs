//! Mutations that carried a key, in the database.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Serialize, de::DeserializeOwned};

use super::Cx;
use crate::{
    change::{Act, Changed, Problems},
    db::schema::client_mutations,
    error::{Error, Result},
    graphql::UserErrorCode,
};

/// What the mutation did when it came with this key before; nothing where it did not.
///
/// # Errors
/// When the key came with another mutation or input.
pub async fn replayed<T: DeserializeOwned>(cx: &mut Cx, act: &Act) -> Changed<Option<T>> {
    let Some(key) = &act.key else { return Ok(None) };
    let kept: Option<(String, Vec<u8>, String)> = client_mutations::table
        .find((act.scope.account(), &key.text))
        .select((client_mutations::mutation, client_mutations::input_digest, client_mutations::result))
        .first(cx)
        .await
        .optional()?;
    let Some((mutation, digest, result)) = kept else { return Ok(None) };
    let mut problems = Problems::default();
    let message = "this key came with another input before: make a new key for a new input";
    let same = mutation == act.mutation && digest == key.digest;
    problems.require(same, "clientMutationId", UserErrorCode::KeyReused, message);
    problems.stop()?;
    Ok(Some(serde_json::from_str(&result).map_err(Error::internal)?))
}

/// Keeps what a mutation did under its key, if it has one.
pub async fn keep<T: Serialize + Sync>(cx: &mut Cx, act: &Act, done: &T) -> Result<()> {
    let Some(key) = &act.key else { return Ok(()) };
    let row = (
        client_mutations::account_id.eq(act.scope.account()),
        client_mutations::key.eq(&key.text),
        client_mutations::mutation.eq(&act.mutation),
        client_mutations::input_digest.eq(&key.digest),
        client_mutations::result.eq(serde_json::to_string(done).map_err(Error::internal)?),
        client_mutations::at.eq(act.now),
    );
    diesel::insert_into(client_mutations::table).values(row).execute(cx).await?;
    Ok(())
}
