//! What changes the institute: the rules and the SQL, compiled for both databases.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Cx, audit, institute};
use crate::{
    audit::model::Change,
    change::{Act, Changed, Problems},
    db::schema::institute as i,
    graphql::UserErrorCode::NotFound,
    ids::Kind,
    institute::model::{InstituteEdit, InstituteRow},
};

/// Edits the institute.
pub async fn edit(cx: &mut Cx, act: &Act, version: i32, edit: &InstituteEdit, mut problems: Problems) -> Changed<i64> {
    let Some(before) = institute::card(cx).await? else {
        problems.add("", NotFound, "the institute has not been set up");
        return Err(problems.refusal());
    };
    problems.fresh(version, before.version);
    problems.stop()?;
    let after: InstituteRow = diesel::update(i::table)
        .set((edit, i::version.eq(i::version + 1)))
        .returning(InstituteRow::as_returning())
        .get_result(cx)
        .await?;
    let id = i64::from(after.id);
    audit::record(cx, act, vec![Change::edited(Kind::Institute, id, &before, &after)]).await?;
    Ok(id)
}
