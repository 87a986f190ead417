//! Mutations of parents.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    api::Parent,
    model::{NewParent, ParentEdit},
};
use crate::{
    auth::{
        Role::{Admin, Admission, Hod},
        RoleSet,
        model::{Contact, ContactEdit},
        sets::PEOPLE,
    },
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{Call, UserErrorCode::Required, auth, root, stated},
    ids::Kind,
    payload,
    students::api::Student,
};

/// Who says whose parents somebody is, and edits them; an HOD those of students in the courses they head.
const EDITING: RoleSet = RoleSet::of(&[Admin, Admission, Hod]);

/// A parent of a student: who has the phone, or somebody new.
#[derive(InputObject)]
pub struct ParentInput {
    /// Name, where they are new.
    name: String,
    /// Phone number with its country code: the parent who has it is meant, or the staff member, who is a parent then as
    /// well. Who is there keeps what is known of them.
    phone: String,
    /// E-mail address, where they are new.
    email: Option<String>,
    /// Where they live, where they are new.
    address: Option<String>,
}

impl ParentInput {
    /// The parent, cleaned; `path` is where it stands in the input.
    #[must_use]
    pub fn read(&self, path: String, problems: &mut Problems) -> NewParent {
        let at = |field: &str| format!("{path}.{field}");
        let phone = problems.maybe_phone(&at("phone"), Some(&self.phone));
        problems.require(!self.phone.trim().is_empty(), &at("phone"), Required, "it must not be empty");
        NewParent {
            name: problems.line(&at("name"), &self.name),
            contact: Contact { email: problems.maybe_email(&at("email"), self.email.as_deref()), phone },
            address: problems.maybe_text(&at("address"), self.address.as_deref()),
            path,
        }
    }
}

/// A student and a parent to link.
#[derive(InputObject)]
pub struct LinkParentInput {
    /// The student.
    student_id: ID,
    /// The parent.
    parent: ParentInput,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A student and a parent who is theirs no more.
#[derive(InputObject)]
#[expect(clippy::struct_field_names, reason = "the names that the schema has")]
pub struct UnlinkParentInput {
    /// The student.
    student_id: ID,
    /// The parent.
    parent_id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to change of a parent. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct EditParentInput {
    /// The parent.
    id: ID,
    /// The version that was read: if the parent has changed since, nothing is written.
    version: i32,
    /// Name.
    name: MaybeUndefined<String>,
    /// Phone number with its country code: nobody else can have it.
    phone: MaybeUndefined<String>,
    /// E-mail address: nobody else can have it.
    email: MaybeUndefined<String>,
    /// Where they live.
    address: MaybeUndefined<String>,
    /// Address of the photo, which begins with `https://`.
    photo_url: MaybeUndefined<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The parent who was linked.
    LinkParentPayload {
        /// The parent.
        parent: Parent,
    }
}
payload! {
    /// The student whose parent was unlinked.
    UnlinkParentPayload {
        /// The student.
        student: Student,
    }
}
payload! {
    /// The parent who was edited.
    EditParentPayload {
        /// The parent.
        parent: Parent,
    }
}

/// The parents' part of the mutation root.
#[derive(Default)]
pub struct ParentMutation;

#[Object(guard = "root(\"Mutation\")")]
impl ParentMutation {
    /// Links a student with the parent who has a phone number, or with a new one, who gets an account without a password.
    /// A student's phone number is refused, and so is that of a parent who was archived.
    #[graphql(directive = auth::apply(EDITING))]
    async fn link_parent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student and the parent.")] input: LinkParentInput,
    ) -> Result<Option<LinkParentPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let parent = input.parent.read("parent".to_owned(), &mut problems);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let student = call.number(Kind::Student, &input.student_id);
        let done = change!(call, &act, parents_write::link(student, &parent, problems.clone()));
        LinkParentPayload::of(done, |ids| Parent::by_ids(call, ids)).await
    }

    /// Takes a parent from a student: from then on they reach nothing of the student. They are taken out of the meetings to
    /// come in which there is no child of theirs any more; those in which no parent is left are cancelled.
    #[graphql(directive = auth::apply(EDITING))]
    async fn unlink_parent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The student and the parent.")] input: UnlinkParentInput,
    ) -> Result<Option<UnlinkParentPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let student = call.number(Kind::Student, &input.student_id);
        let parent = call.number(Kind::Parent, &input.parent_id);
        let done = change!(call, &act, parents_write::unlink(student, parent, Problems::default()));
        UnlinkParentPayload::of(done, |ids| Student::by_ids(call, ids)).await
    }

    /// Edits a parent. E-mail and phone are what an account is signed in with, so those of staff are changed by who may give
    /// them their roles, and an HOD changes those of parents all of whose children are in the courses they head.
    #[graphql(directive = auth::apply(EDITING))]
    async fn edit_parent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditParentInput,
    ) -> Result<Option<EditParentPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let contact = ContactEdit::read(input.email, input.phone, &mut problems);
        let edit = ParentEdit {
            name: problems.patch_required("name", input.name, |problems, name| problems.line("name", &name)),
            address: patch(input.address, |text| problems.maybe_text("address", Some(&text))),
            photo_url: patch(input.photo_url, |url| problems.maybe_url("photoUrl", Some(&url))),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Parent, &input.id), input.version);
        let done = change!(call, &act, parents_write::edit(target, &edit, &contact, problems.clone()));
        EditParentPayload::of(done, |ids| Parent::by_ids(call, ids)).await
    }
}
