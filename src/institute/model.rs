//! The institute's row.

use diesel::prelude::*;
use serde::Serialize;

use crate::{auth::model::StaffRole, db::schema::institute};

/// The institute.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = institute)]
#[expect(missing_docs, reason = "the API's fields of the same names say what they are")]
pub struct InstituteRow {
    pub id: i32,
    pub name: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub address: Option<String>,
    pub registration_number: Option<String>,
    pub tax_number: Option<String>,
    pub logo_url: Option<String>,
    pub description: Option<String>,
    pub time_zone: String,
    pub version: i32,
}

/// What to change of the institute.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = institute)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct InstituteEdit {
    pub name: Option<String>,
    pub phone: Option<Option<String>>,
    pub email: Option<Option<String>>,
    pub address: Option<Option<String>>,
    pub registration_number: Option<Option<String>>,
    pub tax_number: Option<Option<String>>,
    pub logo_url: Option<Option<String>>,
    pub description: Option<Option<String>>,
    pub time_zone: Option<String>,
}

/// The institute with its policy, as the audit log keeps it.
#[derive(Debug, Serialize)]
pub struct WithPolicy<'a> {
    /// The institute.
    #[serde(flatten)]
    pub row: &'a InstituteRow,
    /// The roles that take a second factor.
    pub second_factor_required: &'a [StaffRole],
}
