//! What somebody may change of themselves, whatever they are at the institute.

use diesel::prelude::*;
use serde::Serialize;

use crate::{
    db::schema::{parents, staff, students},
    people::MaritalStatus,
};

/// What to change of the persons behind an account: each of those fields that they have. `None` keeps a field,
/// `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct ProfileEdit {
    pub photo_url: Option<Option<String>>,
    pub address: Option<Option<String>>,
    pub temporary_address: Option<Option<String>>,
    pub permanent_address: Option<Option<String>>,
    pub marital_status: Option<Option<MaritalStatus>>,
    pub next_of_kin: Option<Option<String>>,
}

/// What a staff member may change of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, AsChangeset, Serialize)]
#[diesel(table_name = staff, treat_none_as_null = true)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct StaffProfile {
    pub photo_url: Option<String>,
    pub temporary_address: Option<String>,
    pub permanent_address: Option<String>,
    pub marital_status: Option<MaritalStatus>,
    pub next_of_kin: Option<String>,
}

/// What a student may change of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, AsChangeset, Serialize)]
#[diesel(table_name = students, treat_none_as_null = true)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct StudentProfile {
    pub photo_url: Option<String>,
    pub temporary_address: Option<String>,
    pub permanent_address: Option<String>,
    pub marital_status: Option<MaritalStatus>,
}

/// What a parent may change of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, AsChangeset, Serialize)]
#[diesel(table_name = parents, treat_none_as_null = true)]
#[expect(missing_docs, reason = "the input's fields of the same names say what they are")]
pub struct ParentProfile {
    pub photo_url: Option<String>,
    pub address: Option<String>,
}

impl ProfileEdit {
    /// A staff member with what is changed.
    #[must_use]
    pub fn of_staff(&self, before: &StaffProfile) -> StaffProfile {
        StaffProfile {
            photo_url: self.photo_url.as_ref().unwrap_or(&before.photo_url).clone(),
            temporary_address: self.temporary_address.as_ref().unwrap_or(&before.temporary_address).clone(),
            permanent_address: self.permanent_address.as_ref().unwrap_or(&before.permanent_address).clone(),
            marital_status: self.marital_status.unwrap_or(before.marital_status),
            next_of_kin: self.next_of_kin.as_ref().unwrap_or(&before.next_of_kin).clone(),
        }
    }

    /// A student with what is changed.
    #[must_use]
    pub fn of_student(&self, before: &StudentProfile) -> StudentProfile {
        StudentProfile {
            photo_url: self.photo_url.as_ref().unwrap_or(&before.photo_url).clone(),
            temporary_address: self.temporary_address.as_ref().unwrap_or(&before.temporary_address).clone(),
            permanent_address: self.permanent_address.as_ref().unwrap_or(&before.permanent_address).clone(),
            marital_status: self.marital_status.unwrap_or(before.marital_status),
        }
    }

    /// A parent with what is changed.
    #[must_use]
    pub fn of_parent(&self, before: &ParentProfile) -> ParentProfile {
        ParentProfile {
            photo_url: self.photo_url.as_ref().unwrap_or(&before.photo_url).clone(),
            address: self.address.as_ref().unwrap_or(&before.address).clone(),
        }
    }

    /// The fields that are given although none of these persons has them, by their paths.
    #[must_use]
    pub fn beyond(&self, staff: bool, student: bool, parent: bool) -> Vec<&'static str> {
        let fields = [
            ("photoUrl", self.photo_url.is_some(), staff || student || parent),
            ("address", self.address.is_some(), parent),
            ("temporaryAddress", self.temporary_address.is_some(), staff || student),
            ("permanentAddress", self.permanent_address.is_some(), staff || student),
            ("maritalStatus", self.marital_status.is_some(), staff || student),
            ("nextOfKin", self.next_of_kin.is_some(), staff),
        ];
        fields.into_iter().filter(|(_, given, has)| *given && !has).map(|(path, ..)| path).collect()
    }
}
