//! The institute in the database. Its card is public, so reading it takes no scope; its fields are stated one by one.

use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Cx;
use crate::{
    auth::model::StaffRole,
    db::schema::{institute, second_factor_roles},
    error::{Error, Result},
    institute::model::InstituteRow,
};

/// The institute's name, as who speaks; the service's own, where none has been set up.
pub async fn name(cx: &mut Cx) -> Result<String> {
    Ok(card(cx).await?.map_or_else(|| "Rollcall".to_owned(), |card| card.name))
}

/// The institute, if it has been set up.
pub async fn card(cx: &mut Cx) -> Result<Option<InstituteRow>> {
    Ok(institute::table.select(InstituteRow::as_select()).first(cx).await.optional()?)
}

/// The institute's time zone; UTC until it is set up.
pub async fn zone(cx: &mut Cx) -> Result<Tz> {
    let name: Option<String> = institute::table.select(institute::time_zone).first(cx).await.optional()?;
    name.map_or(Ok(Tz::UTC), |name| name.parse().map_err(|_| Error::internal(format!("{name:?} is no time zone"))))
}

/// The roles that are withheld from whoever has no second factor, sorted.
pub async fn second_factor_roles(cx: &mut Cx) -> Result<Vec<StaffRole>> {
    let roles = second_factor_roles::table.order(second_factor_roles::role);
    Ok(roles.select(second_factor_roles::role).load(cx).await?)
}
