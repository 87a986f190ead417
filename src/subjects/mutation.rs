//! Mutations of subjects and study files.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    api::{StudyFile, Subject},
    model::{NewStudyFile, NewSubject, SubjectEdit},
};
use crate::{
    auth::{
        Role::{Admin, Hod, Staff},
        RoleSet,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{Call, auth, root, stated},
    ids::Kind,
    payload,
};

/// Who plans subjects; an HOD those of courses that they head.
const PLANNING: RoleSet = RoleSet::of(&[Admin, Hod]);
/// Who adds and removes study files; an HOD in courses that they head, a teacher for what they teach.
const UPLOADING: RoleSet = RoleSet::of(&[Admin, Hod, Staff]);

/// A subject to add.
#[derive(InputObject)]
pub struct CreateSubjectInput {
    /// The course it is of.
    course_id: ID,
    /// The period of the course it is taught in; the first is 1.
    period: i32,
    /// Code, unique in the course.
    code: String,
    /// Name, unique in the period of the course.
    name: String,
    /// Address of the syllabus.
    syllabus_url: Option<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to change of a subject. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct EditSubjectInput {
    /// The subject.
    id: ID,
    /// The version that was read: if the subject has changed since, nothing is written.
    version: i32,
    /// The period of the course it is taught in.
    period: MaybeUndefined<i32>,
    /// Code, unique in the course.
    code: MaybeUndefined<String>,
    /// Name, unique in the period of the course.
    name: MaybeUndefined<String>,
    /// Address of the syllabus.
    syllabus_url: MaybeUndefined<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A subject to delete.
#[derive(InputObject)]
pub struct DeleteSubjectInput {
    /// The subject.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A study file to add.
#[derive(InputObject)]
pub struct AddStudyFileInput {
    /// The subject it is for.
    subject_id: ID,
    /// Title.
    title: String,
    /// What is in it.
    description: Option<String>,
    /// Address of the file.
    file_url: String,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A study file to remove.
#[derive(InputObject)]
pub struct RemoveStudyFileInput {
    /// The study file.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The subject that was added.
    CreateSubjectPayload {
        /// The subject.
        subject: Subject,
    }
}
payload! {
    /// The subject that was edited.
    EditSubjectPayload {
        /// The subject.
        subject: Subject,
    }
}
payload! {
    /// The study file that was added.
    AddStudyFilePayload {
        /// The study file.
        study_file: StudyFile,
    }
}

payload! {
    /// Which subject was deleted.
    DeleteSubjectPayload {
        /// The id that the subject had.
        deleted_id: ID,
    }
}

payload! {
    /// Which study file was removed.
    RemoveStudyFilePayload {
        /// The id that the study file had.
        removed_id: ID,
    }
}

/// The subjects' part of the mutation root.
#[derive(Default)]
pub struct SubjectMutation;

#[Object(guard = "root(\"Mutation\")")]
impl SubjectMutation {
    /// Adds a subject to a course: ADMIN, and the HOD of the course.
    #[graphql(directive = auth::apply(PLANNING))]
    async fn create_subject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subject.")] input: CreateSubjectInput,
    ) -> Result<Option<CreateSubjectPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let subject = NewSubject {
            course_id: call.number(Kind::Course, &input.course_id),
            period: input.period,
            code: problems.line("code", &input.code),
            name: problems.line("name", &input.name),
            syllabus_url: problems.maybe_url("syllabusUrl", input.syllabus_url.as_deref()),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, subjects_write::create(&subject, problems.clone()));
        CreateSubjectPayload::of(done, |ids| Subject::by_ids(call, ids)).await
    }

    /// Edits a subject: ADMIN, and the HOD of its course. It stays in its period while there are routines of it.
    #[graphql(directive = auth::apply(PLANNING))]
    async fn edit_subject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditSubjectInput,
    ) -> Result<Option<EditSubjectPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let edit = SubjectEdit {
            period: problems.patch_required("period", input.period, |_, period| period),
            code: problems.patch_required("code", input.code, |problems, code| problems.line("code", &code)),
            name: problems.patch_required("name", input.name, |problems, name| problems.line("name", &name)),
            syllabus_url: patch(input.syllabus_url, |url| problems.maybe_url("syllabusUrl", Some(&url))),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Subject, &input.id), input.version);
        let done = change!(call, &act, subjects_write::edit(target, &edit, problems.clone()));
        EditSubjectPayload::of(done, |ids| Subject::by_ids(call, ids)).await
    }

    /// Deletes a subject: ADMIN, and the HOD of its course; only where no routine, study file, progress or attendance
    /// refers to it.
    #[graphql(directive = auth::apply(PLANNING))]
    async fn delete_subject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subject.")] input: DeleteSubjectInput,
    ) -> Result<Option<DeleteSubjectPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let number = call.number(Kind::Subject, &input.id);
        let done = change!(call, &act, subjects_write::delete(number, Problems::default()));
        DeleteSubjectPayload::of(done, async |ids| Ok(call.ids(Kind::Subject, ids))).await
    }

    /// Adds a file to study a subject from: ADMIN, the HOD of the course, and who teaches the subject by the present
    /// timetable.
    #[graphql(directive = auth::apply(UPLOADING))]
    async fn add_study_file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The study file.")] input: AddStudyFileInput,
    ) -> Result<Option<AddStudyFilePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let file = NewStudyFile {
            subject_id: call.number(Kind::Subject, &input.subject_id),
            title: problems.line("title", &input.title),
            description: problems.maybe_text("description", input.description.as_deref()),
            file_url: problems.url("fileUrl", &input.file_url),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, subjects_write::add_file(&file, problems.clone()));
        AddStudyFilePayload::of(done, |ids| StudyFile::by_ids(call, ids)).await
    }

    /// Removes a file to study from: ADMIN, the HOD of the course, and who teaches the subject by the present timetable
    /// what they have added themselves.
    #[graphql(directive = auth::apply(UPLOADING))]
    async fn remove_study_file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The study file.")] input: RemoveStudyFileInput,
    ) -> Result<Option<RemoveStudyFilePayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let number = call.number(Kind::StudyFile, &input.id);
        let done = change!(call, &act, subjects_write::remove_file(number, Problems::default()));
        RemoveStudyFilePayload::of(done, async |ids| Ok(call.ids(Kind::StudyFile, ids))).await
    }
}
