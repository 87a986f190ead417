//! Mutations of students.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    api::Student,
    model::{StudentEdit, StudentStatus},
};
use crate::{
    auth::{
        Role::{Admin, Admission, Hod},
        RoleSet,
        model::ContactEdit,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{Call, Date, UserErrorCode::OutOfRange, auth, root, stated},
    ids::Kind,
    payload,
    people::{Gender, MaritalStatus},
};

/// Who edits students; an HOD those of the courses that they head.
const EDITING: RoleSet = RoleSet::of(&[Admin, Admission, Hod]);
/// Who archives students; an HOD those of the courses that they head.
const ARCHIVING: RoleSet = RoleSet::of(&[Admin, Hod]);
/// Who restores students: who reaches the archived.
const RESTORING: RoleSet = RoleSet::of(&[Admin]);
/// Batches that are joined or left at once, at most.
const MAX_BATCHES: usize = 20;

/// What to change of a student. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct EditStudentInput {
    /// The student.
    id: ID,
    /// The version that was read: if the student has changed since, nothing is written.
    version: i32,
    /// Full name.
    name: MaybeUndefined<String>,
    /// E-mail address: nobody else can have it.
    email: MaybeUndefined<String>,
    /// Phone number with its country code: nobody else can have it.
    phone: MaybeUndefined<String>,
    /// Gender.
    gender: MaybeUndefined<Gender>,
    /// Birth date, not in the future.
    birth_date: MaybeUndefined<Date>,
    /// Where the student lives during the course.
    temporary_address: MaybeUndefined<String>,
    /// Where the student is at home.
    permanent_address: MaybeUndefined<String>,
    /// Marital status (not for an HOD, who may not read it).
    marital_status: MaybeUndefined<MaritalStatus>,
    /// Number of the citizenship certificate (not for an HOD, who may not read it).
    citizenship_number: MaybeUndefined<String>,
    /// Address of the photo, which begins with `https://`.
    photo_url: MaybeUndefined<String>,
    /// The day the student joined the institute, not in the future.
    joining_date: MaybeUndefined<Date>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// Where a student stands from now on.
#[derive(InputObject)]
pub struct ChangeStudentStatusInput {
    /// The student.
    id: ID,
    /// The version that was read: if the student has changed since, nothing is written.
    version: i32,
    /// Standing: another than before.
    status: StudentStatus,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// The batches that a student joins and leaves.
#[derive(InputObject)]
pub struct SetStudentBatchesInput {
    /// The student.
    student_id: ID,
    /// The version that was read: if the student has changed since, nothing is written.
    version: i32,
    /// Batches to join: 20 at most, in use.
    #[graphql(default)]
    add: Vec<ID>,
    /// Batches to leave: 20 at most, of those the student is in.
    #[graphql(default)]
    remove: Vec<ID>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A student to archive.
#[derive(InputObject)]
pub struct ArchiveStudentInput {
    /// The student.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A student to restore.
#[derive(InputObject)]
pub struct RestoreStudentInput {
    /// The student.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The student who was edited.
    EditStudentPayload {
        /// The student.
        student: Student,
    }
}
payload! {
    /// The student whose status was changed.
    ChangeStudentStatusPayload {
        /// The student.
        student: Student,
    }
}
payload! {
    /// The student who joined and left batches.
    SetStudentBatchesPayload {
        /// The student.
        student: Student,
    }
}
payload! {
    /// The student who was archived.
    ArchiveStudentPayload {
        /// The student; null for an HOD, who does not reach them any more.
        student: Student,
    }
}
payload! {
    /// The student who was restored.
    RestoreStudentPayload {
        /// The student.
        student: Student,
    }
}

/// The students' part of the mutation root.
#[derive(Default)]
pub struct StudentMutation;

#[Object(guard = "root(\"Mutation\")")]
impl StudentMutation {
    /// Edits what is known of a student. E-mail and phone are what an account is signed in with: where a student is staff or
    /// a parent as well, they are changed by who may do that for every person behind the account.
    #[graphql(directive = auth::apply(EDITING))]
    async fn edit_student(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditStudentInput,
    ) -> Result<Option<EditStudentPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let contact = ContactEdit::read(input.email, input.phone, &mut problems);
        let edit = StudentEdit {
            name: problems.patch_required("name", input.name, |problems, name| problems.line("name", &name)),
            gender: patch(input.gender, Some),
            birth_date: patch(input.birth_date, |Date(date)| Some(date)),
            temporary_address: patch(input.temporary_address, |text| {
                problems.maybe_text("temporaryAddress", Some(&text))
            }),
            permanent_address: patch(input.permanent_address, |text| {
                problems.maybe_text("permanentAddress", Some(&text))
            }),
            marital_status: patch(input.marital_status, Some),
            citizenship_number: patch(input.citizenship_number, |text| {
                problems.maybe_line("citizenshipNumber", Some(&text))
            }),
            photo_url: patch(input.photo_url, |url| problems.maybe_url("photoUrl", Some(&url))),
            joining_date: patch(input.joining_date, |Date(date)| Some(date)),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        problems.past("birthDate", edit.birth_date.flatten(), act.today);
        problems.past("joiningDate", edit.joining_date.flatten(), act.today);
        let target = (call.number(Kind::Student, &input.id), input.version);
        let done = change!(call, &act, students_write::edit(target, &edit, &contact, problems.clone()));
        EditStudentPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }

    /// Says where a student stands with the institute.
    #[graphql(directive = auth::apply(EDITING))]
    async fn change_student_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student and the status.")] input: ChangeStudentStatusInput,
    ) -> Result<Option<ChangeStudentStatusPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Student, &input.id), input.version);
        let done = change!(call, &act, students_write::set_status(target, input.status, Problems::default()));
        ChangeStudentStatusPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }

    /// Lets a student join batches and leave others. Who has no joining date gets the day that the first of the batches
    /// joined began, if one of them has begun.
    #[graphql(directive = auth::apply(EDITING))]
    async fn set_student_batches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student and the batches.")] input: SetStudentBatchesInput,
    ) -> Result<Option<SetStudentBatchesPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let add = batches(call, &input.add, "add", &mut problems);
        let remove = batches(call, &input.remove, "remove", &mut problems);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Student, &input.student_id), input.version);
        let done = change!(call, &act, students_write::set_batches(target, (&add, &remove), problems.clone()));
        SetStudentBatchesPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }

    /// Archives a student: ADMIN alone reaches them from then on, and nobody signs in with the account, unless somebody else
    /// has it too. Meetings to come about them alone are cancelled, their parents are taken out of those about others, and
    /// leave that they wait for is withdrawn.
    #[graphql(directive = auth::apply(ARCHIVING))]
    async fn archive_student(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student.")] input: ArchiveStudentInput,
    ) -> Result<Option<ArchiveStudentPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Student, &input.id);
        let done = change!(call, &act, students_write::archive(id, Problems::default()));
        ArchiveStudentPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }

    /// Takes a student back from the archive, as they were. What was cancelled and withdrawn stays so.
    #[graphql(directive = auth::apply(RESTORING))]
    async fn restore_student(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student.")] input: RestoreStudentInput,
    ) -> Result<Option<RestoreStudentPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Student, &input.id);
        let done = change!(call, &act, students_write::restore(id, Problems::default()));
        RestoreStudentPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }
}

/// The batches that an input names, not too many of them.
pub fn batches(call: &Call, ids: &[ID], path: &str, problems: &mut Problems) -> BTreeSet<i64> {
    problems.require(ids.len() <= MAX_BATCHES, path, OutOfRange, "there are at most 20 batches");
    ids.iter().take(MAX_BATCHES).map(|id| call.number(Kind::Batch, id)).collect()
}
