//! Mutations of the institute.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};
use chrono_tz::Tz;

use super::{
    api::{self, Institute},
    model::InstituteEdit,
};
use crate::{
    auth::{
        Role::{self, Admin, Admission, Hod},
        RoleSet,
        model::StaffRole,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{Call, UserErrorCode::Invalid, auth, root, stated},
    payload,
};

/// Who edits the institute.
const RUNNING: RoleSet = RoleSet::of(&[Admin]);

/// What to change of the institute. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct EditInstituteInput {
    /// The version that was read: if the institute has changed since, nothing is written.
    version: i32,
    /// Name.
    name: MaybeUndefined<String>,
    /// Phone number of the office.
    phone: MaybeUndefined<String>,
    /// E-mail address of the office.
    email: MaybeUndefined<String>,
    /// Postal address.
    address: MaybeUndefined<String>,
    /// Number in the register of institutes.
    registration_number: MaybeUndefined<String>,
    /// Tax number.
    tax_number: MaybeUndefined<String>,
    /// Address of the logo.
    logo_url: MaybeUndefined<String>,
    /// What the institute says of itself.
    description: MaybeUndefined<String>,
    /// IANA name of the time zone that "today" and timetable hours are in.
    time_zone: MaybeUndefined<String>,
    /// The roles that are withheld from whoever has no second factor: of ADMIN, HOD and ADMISSION. Only who has one
    /// themselves can require it.
    second_factor_required: MaybeUndefined<Vec<Role>>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The institute that was edited.
    EditInstitutePayload {
        /// The institute.
        institute: Institute,
    }
}

/// The institute's part of the mutation root.
#[derive(Default)]
pub struct InstituteMutation;

#[Object(guard = "root(\"Mutation\")")]
impl InstituteMutation {
    /// Edits the institute's card, numbers and time zone, and which roles take a second factor.
    #[graphql(directive = auth::apply(RUNNING))]
    async fn edit_institute(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditInstituteInput,
    ) -> Result<Option<EditInstitutePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let edit = InstituteEdit {
            name: problems.patch_required("name", input.name, |problems, name| problems.line("name", &name)),
            phone: patch(input.phone, |phone| problems.maybe_phone("phone", Some(&phone))),
            email: patch(input.email, |email| problems.maybe_email("email", Some(&email))),
            address: patch(input.address, |address| problems.maybe_line("address", Some(&address))),
            registration_number: patch(input.registration_number, |number| {
                problems.maybe_line("registrationNumber", Some(&number))
            }),
            tax_number: patch(input.tax_number, |number| problems.maybe_line("taxNumber", Some(&number))),
            logo_url: patch(input.logo_url, |url| problems.maybe_url("logoUrl", Some(&url))),
            description: patch(input.description, |text| problems.maybe_text("description", Some(&text))),
            time_zone: problems.patch_required("timeZone", input.time_zone, |problems, name| zone(problems, &name)),
        };
        let policy = patch(input.second_factor_required, |roles| Some(guarded(&mut problems, &roles)));
        let policy = policy.map(Option::unwrap_or_default);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done =
            change!(call, &act, institute_write::edit(input.version, &edit, policy.as_deref(), problems.clone()));
        EditInstitutePayload::of(done, |_| async {
            Ok(api::load(call).await?.map(|institute| (1, institute)).into_iter().collect())
        })
        .await
    }
}

/// The name of a time zone.
pub fn zone(problems: &mut Problems, name: &str) -> String {
    let name = name.trim().to_owned();
    problems.require(name.parse::<Tz>().is_ok(), "timeZone", Invalid, "it is no time zone such as Asia/Kathmandu");
    name
}

/// The roles that a second factor is required of, each once and sorted.
fn guarded(problems: &mut Problems, roles: &[Role]) -> Vec<StaffRole> {
    let path = |n: usize| format!("secondFactorRequired.{n}");
    let mut guarded = Vec::new();
    for (n, role) in roles.iter().enumerate() {
        match role {
            Admin => guarded.push(StaffRole::Admin),
            Admission => guarded.push(StaffRole::Admission),
            Hod => guarded.push(StaffRole::Hod),
            _ => problems.add(&path(n), Invalid, "it can be required of ADMIN, HOD and ADMISSION"),
        }
    }
    guarded.sort_unstable_by_key(|role| role.as_str());
    guarded.dedup();
    guarded
}
