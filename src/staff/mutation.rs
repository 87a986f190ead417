//! Mutations of staff who are there; of who leaves and comes back see [`super::leaving_mutation`].

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    api::Staff,
    model::{NewStaff, StaffEdit},
};
use crate::{
    auth::{
        Role::{Admin, Hod},
        RoleSet,
        model::{Contact, ContactEdit, StaffRole},
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{
        Call, Date,
        UserErrorCode::{Duplicate, Required},
        auth, root, stated,
    },
    ids::Kind,
    payload,
    people::{Gender, MaritalStatus},
};

/// Who adds and edits staff; an HOD teachers of the courses they head, who are nothing else.
const MANAGING: RoleSet = RoleSet::of(&[Admin, Hod]);
/// Who says which roles staff hold.
const GRANTING: RoleSet = RoleSet::of(&[Admin]);

/// A staff member to add.
#[derive(InputObject)]
pub struct AddStaffInput {
    /// Full name.
    name: String,
    /// E-mail address, which nobody else has. This or a phone number must be given.
    email: Option<String>,
    /// Phone number with its country code, which nobody else has.
    phone: Option<String>,
    /// The roles they hold: one at least. An HOD adds those who are `TEACHER` and nothing else.
    roles: Vec<StaffRole>,
    /// What they are called at the institute, such as "Senior lecturer".
    designation: Option<String>,
    /// Gender.
    gender: Option<Gender>,
    /// Birth date.
    birth_date: Option<Date>,
    /// Where they live at present.
    temporary_address: Option<String>,
    /// Where they are at home.
    permanent_address: Option<String>,
    /// Marital status.
    marital_status: Option<MaritalStatus>,
    /// Number of the citizenship certificate.
    citizenship_number: Option<String>,
    /// Number of the passport.
    passport_number: Option<String>,
    /// Whom to turn to if something happens to them.
    next_of_kin: Option<String>,
    /// Address of the photo.
    photo_url: Option<String>,
    /// The day they joined the institute.
    joining_date: Option<Date>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to change of a staff member. What is left out stays as it is; null empties it. An HOD changes name, photo,
/// designation, phone and e-mail, and nothing else.
#[derive(InputObject)]
pub struct EditStaffInput {
    /// The staff member.
    id: ID,
    /// The version that was read: if the staff member has changed since, nothing is written.
    version: i32,
    /// Full name.
    name: MaybeUndefined<String>,
    /// E-mail address, which nobody else has.
    email: MaybeUndefined<String>,
    /// Phone number with its country code, which nobody else has.
    phone: MaybeUndefined<String>,
    /// What they are called at the institute, such as "Senior lecturer".
    designation: MaybeUndefined<String>,
    /// Gender.
    gender: MaybeUndefined<Gender>,
    /// Birth date.
    birth_date: MaybeUndefined<Date>,
    /// Where they live at present.
    temporary_address: MaybeUndefined<String>,
    /// Where they are at home.
    permanent_address: MaybeUndefined<String>,
    /// Marital status.
    marital_status: MaybeUndefined<MaritalStatus>,
    /// Number of the citizenship certificate.
    citizenship_number: MaybeUndefined<String>,
    /// Number of the passport.
    passport_number: MaybeUndefined<String>,
    /// Whom to turn to if something happens to them.
    next_of_kin: MaybeUndefined<String>,
    /// Address of the photo.
    photo_url: MaybeUndefined<String>,
    /// The day they joined the institute.
    joining_date: MaybeUndefined<Date>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// The roles of a staff member.
#[derive(InputObject)]
pub struct SetStaffRolesInput {
    /// The staff member.
    id: ID,
    /// The version that was read: if the staff member has changed since, nothing is written.
    version: i32,
    /// The roles they are to hold: all of them, one at least.
    roles: Vec<StaffRole>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The staff member who was added.
    AddStaffPayload {
        /// The staff member.
        staff: Staff,
    }
}
payload! {
    /// The staff member who was edited.
    EditStaffPayload {
        /// The staff member.
        staff: Staff,
    }
}
payload! {
    /// The staff member whose roles were set.
    SetStaffRolesPayload {
        /// The staff member.
        staff: Staff,
    }
}
/// The staff's part of the mutation root.
#[derive(Default)]
pub struct StaffMutation;

#[Object(guard = "root(\"Mutation\")")]
impl StaffMutation {
    /// Adds a staff member with an account that has no password yet: ADMIN with any roles, an HOD who heads a course a
    /// teacher.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn add_staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The staff member.")] input: AddStaffInput,
    ) -> Result<Option<AddStaffPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let given = [&input.email, &input.phone].into_iter().flatten().any(|contact| !contact.trim().is_empty());
        problems.require(given, "email", Required, "there must be an e-mail address or a phone number");
        let contact = Contact {
            email: problems.maybe_email("email", input.email.as_deref()),
            phone: problems.maybe_phone("phone", input.phone.as_deref()),
        };
        let roles = roles(&mut problems, &input.roles);
        let person = NewStaff {
            name: problems.line("name", &input.name),
            designation: problems.maybe_line("designation", input.designation.as_deref()),
            gender: input.gender,
            birth_date: input.birth_date.map(|Date(date)| date),
            temporary_address: problems.maybe_line("temporaryAddress", input.temporary_address.as_deref()),
            permanent_address: problems.maybe_line("permanentAddress", input.permanent_address.as_deref()),
            marital_status: input.marital_status,
            citizenship_number: problems.maybe_line("citizenshipNumber", input.citizenship_number.as_deref()),
            passport_number: problems.maybe_line("passportNumber", input.passport_number.as_deref()),
            next_of_kin: problems.maybe_line("nextOfKin", input.next_of_kin.as_deref()),
            photo_url: problems.maybe_url("photoUrl", input.photo_url.as_deref()),
            joining_date: input.joining_date.map(|Date(date)| date),
        };
        problems.past("birthDate", person.birth_date, act.today);
        problems.past("joiningDate", person.joining_date, act.today);
        let done = change!(call, &act, staff_write::add(&person, &contact, &roles, problems.clone()));
        AddStaffPayload::of(done, |ids| Staff::by_ids(call, ids)).await
    }

    /// Edits a staff member: ADMIN everybody; an HOD name, photo, designation, phone and e-mail of the teachers of the
    /// courses they head who hold no other role. Phone and e-mail are what somebody signs in with: an HOD does not change
    /// those of who is also a student, or the parent of one, outside of their courses.
    #[graphql(directive = auth::apply(MANAGING))]
    async fn edit_staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditStaffInput,
    ) -> Result<Option<EditStaffPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let mut line =
            |path: &str, text: MaybeUndefined<String>| patch(text, |text| problems.maybe_line(path, Some(&text)));
        let edit = StaffEdit {
            designation: line("designation", input.designation),
            temporary_address: line("temporaryAddress", input.temporary_address),
            permanent_address: line("permanentAddress", input.permanent_address),
            citizenship_number: line("citizenshipNumber", input.citizenship_number),
            passport_number: line("passportNumber", input.passport_number),
            next_of_kin: line("nextOfKin", input.next_of_kin),
            name: problems.patch_required("name", input.name, |problems, name| problems.line("name", &name)),
            gender: patch(input.gender, Some),
            birth_date: patch(input.birth_date, |Date(date)| Some(date)),
            marital_status: patch(input.marital_status, Some),
            photo_url: patch(input.photo_url, |url| problems.maybe_url("photoUrl", Some(&url))),
            joining_date: patch(input.joining_date, |Date(date)| Some(date)),
        };
        problems.past("birthDate", edit.birth_date.flatten(), act.today);
        problems.past("joiningDate", edit.joining_date.flatten(), act.today);
        let contact = ContactEdit::read(input.email, input.phone, &mut problems);
        let target = (call.number(Kind::Staff, &input.id), input.version);
        let done = change!(call, &act, staff_write::edit(target, &edit, &contact, problems.clone()));
        EditStaffPayload::of(done, |ids| Staff::by_ids(call, ids)).await
    }

    /// Says which roles a staff member holds. An administrator who can sign in always remains; who heads a course stays HOD,
    /// and who teaches by the present timetable stays TEACHER.
    #[graphql(directive = auth::apply(GRANTING))]
    async fn set_staff_roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The staff member and their roles.")] input: SetStaffRolesInput,
    ) -> Result<Option<SetStaffRolesPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let roles = roles(&mut problems, &input.roles);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Staff, &input.id), input.version);
        let done = change!(call, &act, staff_write::set_roles(target, &roles, problems.clone()));
        SetStaffRolesPayload::of(done, |ids| Staff::by_ids(call, ids)).await
    }
}

/// Roles in the order they are shown: each once, and one at least.
fn roles(problems: &mut Problems, roles: &[StaffRole]) -> Vec<StaffRole> {
    let held: Vec<StaffRole> = StaffRole::ALL.iter().filter(|role| roles.contains(role)).copied().collect();
    problems.require(!held.is_empty(), "roles", Required, "staff hold one role at least");
    problems.require(held.len() == roles.len(), "roles", Duplicate, "a role is in the list twice");
    held
}
