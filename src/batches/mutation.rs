//! Mutations of batches.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    api::Batch,
    model::{BatchEdit, NewBatch},
};
use crate::{
    auth::{
        Role::{Admin, Admission, Hod},
        RoleSet,
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{Call, Date, auth, root, stated},
    ids::Kind,
    payload,
};

/// Who adds batches.
const ADDING: RoleSet = RoleSet::of(&[Admin, Admission]);
/// Who edits batches; an HOD those that are for courses they head, and for no others.
const EDITING: RoleSet = RoleSet::of(&[Admin, Admission, Hod]);

/// A batch to add.
#[derive(InputObject)]
pub struct CreateBatchInput {
    /// Name, unique.
    name: String,
    /// The day it begins: who joins it and has no joining date joins on that day.
    start_date: Option<Date>,
    /// The courses it is for.
    #[graphql(default)]
    course_ids: Vec<ID>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to change of a batch. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct EditBatchInput {
    /// The batch.
    id: ID,
    /// The version that was read: if the batch has changed since, nothing is written.
    version: i32,
    /// Name, unique.
    name: MaybeUndefined<String>,
    /// The day it begins.
    start_date: MaybeUndefined<Date>,
    /// Whether it is in use.
    active: MaybeUndefined<bool>,
    /// The courses it is for: all of them.
    course_ids: Option<Vec<ID>>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The batch that was added.
    CreateBatchPayload {
        /// The batch.
        batch: Batch,
    }
}
payload! {
    /// The batch that was edited.
    EditBatchPayload {
        /// The batch.
        batch: Batch,
    }
}

/// The batches' part of the mutation root.
#[derive(Default)]
pub struct BatchMutation;

#[Object(guard = "root(\"Mutation\")")]
impl BatchMutation {
    /// Adds a batch.
    #[graphql(directive = auth::apply(ADDING))]
    async fn create_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The batch.")] input: CreateBatchInput,
    ) -> Result<Option<CreateBatchPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let batch =
            NewBatch { name: problems.line("name", &input.name), start_date: input.start_date.map(|Date(date)| date) };
        let courses = courses(call, &input.course_ids);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, batches_write::create(&batch, &courses, problems.clone()));
        CreateBatchPayload::of(done, |ids| Batch::by_ids(call, ids)).await
    }

    /// Edits a batch.
    #[graphql(directive = auth::apply(EDITING))]
    async fn edit_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditBatchInput,
    ) -> Result<Option<EditBatchPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let edit = BatchEdit {
            name: problems.patch_required("name", input.name, |problems, name| problems.line("name", &name)),
            start_date: patch(input.start_date, |Date(date)| Some(date)),
            active: problems.patch_required("active", input.active, |_, active| active),
        };
        let courses = input.course_ids.map(|ids| courses(call, &ids));
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Batch, &input.id), input.version);
        let done = change!(call, &act, batches_write::edit(target, &edit, courses.as_ref(), problems.clone()));
        EditBatchPayload::of(done, |ids| Batch::by_ids(call, ids)).await
    }
}

fn courses(call: &Call, ids: &[ID]) -> BTreeSet<i64> {
    ids.iter().map(|id| call.number(Kind::Course, id)).collect()
}
