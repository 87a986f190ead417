//! The institute's row.

use diesel::prelude::*;

use crate::db::schema::institute;

/// The institute.
#[derive(Clone, Debug, Queryable, Selectable)]
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
}
