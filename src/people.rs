//! What persons have in common, whatever they are at the institute.

use crate::text_enum;

text_enum! {
    /// A person's gender, as they state it.
    Gender {
        /// Female.
        Female = "FEMALE",
        /// Male.
        Male = "MALE",
        /// Neither, or not said.
        Other = "OTHER",
    }
}

text_enum! {
    /// A person's marital status.
    MaritalStatus {
        /// Not married.
        Single = "SINGLE",
        /// Married.
        Married = "MARRIED",
        /// Divorced.
        Divorced = "DIVORCED",
        /// Widowed.
        Widowed = "WIDOWED",
    }
}
