//! Mutations of notices.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    api::Notice,
    model::{Audience, AudienceRole, NewNotice, NoticeEdit},
};
use crate::{
    auth::{
        Role::{Admin, Hod},
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

/// Who publishes notices, and edits and withdraws those that they published; ADMIN any.
const PUBLISHING: RoleSet = RoleSet::of(&[Admin, Hod]);

/// Whom a notice is for: everybody in one of these groups, of which there is at least one.
#[derive(InputObject)]
pub struct NoticeAudienceInput {
    /// Everybody who signs in.
    #[graphql(default)]
    everybody: bool,
    /// Everybody with one of these roles.
    #[graphql(default)]
    roles: Vec<AudienceRole>,
    /// The people of these courses, 100 at most.
    #[graphql(default)]
    course_ids: Vec<ID>,
    /// The people of these batches, 100 at most.
    #[graphql(default)]
    batch_ids: Vec<ID>,
}

/// A notice to publish.
#[derive(InputObject)]
pub struct PublishNoticeInput {
    /// Title.
    title: String,
    /// What is told.
    message: String,
    /// Address of an image that goes with it; it begins with `https://`.
    image_url: Option<String>,
    /// Address of a file that goes with it; it begins with `https://`.
    file_url: Option<String>,
    /// Whom it is for.
    audience: NoticeAudienceInput,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// What to change of a notice. What is left out stays as it is; null empties it.
#[derive(InputObject)]
pub struct EditNoticeInput {
    /// The notice.
    id: ID,
    /// The version that was read: if the notice has changed since, nothing is written.
    version: i32,
    /// Title.
    title: MaybeUndefined<String>,
    /// What is told.
    message: MaybeUndefined<String>,
    /// Address of an image that goes with it; it begins with `https://`.
    image_url: MaybeUndefined<String>,
    /// Address of a file that goes with it; it begins with `https://`.
    file_url: MaybeUndefined<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A notice to take back.
#[derive(InputObject)]
pub struct WithdrawNoticeInput {
    /// The notice.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// A notice that was read.
#[derive(InputObject)]
pub struct MarkNoticeReadInput {
    /// The notice.
    id: ID,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

payload! {
    /// The notice that was published.
    PublishNoticePayload {
        /// The notice.
        notice: Notice,
    }
}
payload! {
    /// The notice that was edited.
    EditNoticePayload {
        /// The notice.
        notice: Notice,
    }
}
payload! {
    /// The notice that was taken back.
    WithdrawNoticePayload {
        /// The notice; null for everybody but an ADMIN, for nobody else reaches it any more.
        notice: Notice,
    }
}
payload! {
    /// The notice that was read.
    MarkNoticeReadPayload {
        /// The notice.
        notice: Notice,
    }
}

/// The notices' part of the mutation root.
#[derive(Default)]
pub struct NoticeMutation;

#[Object(guard = "root(\"Mutation\")")]
impl NoticeMutation {
    /// Publishes a notice. ADMIN addresses anybody; an HOD the people of courses that they head, and those of batches that
    /// are for such courses and no others.
    #[graphql(directive = auth::apply(PUBLISHING))]
    async fn publish_notice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The notice.")] input: PublishNoticeInput,
    ) -> Result<Option<PublishNoticePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let notice = NewNotice {
            title: problems.line("title", &input.title),
            message: problems.text("message", &input.message),
            image_url: problems.maybe_url("imageUrl", input.image_url.as_deref()),
            file_url: problems.maybe_url("fileUrl", input.file_url.as_deref()),
        };
        let to = input.audience;
        let mut rows = |path: &str, kind: Kind, ids: &[ID]| {
            problems.rows(path, ids.iter().map(|id| call.number(kind, id)).collect())
        };
        let audience = Audience {
            everybody: to.everybody,
            // In the order in which the schema has them, each once.
            roles: AudienceRole::ALL.iter().copied().filter(|role| to.roles.contains(role)).collect(),
            courses: rows("audience.courseIds", Kind::Course, &to.course_ids),
            batches: rows("audience.batchIds", Kind::Batch, &to.batch_ids),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, notices_write::publish(&notice, &audience, problems.clone()));
        PublishNoticePayload::of(done, |ids| Notice::by_ids(call, ids)).await
    }

    /// Edits a notice: ADMIN any; who published it, while they might publish it still.
    #[graphql(directive = auth::apply(PUBLISHING))]
    async fn edit_notice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditNoticeInput,
    ) -> Result<Option<EditNoticePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let edit = NoticeEdit {
            title: problems.patch_required("title", input.title, |problems, title| problems.line("title", &title)),
            message: problems
                .patch_required("message", input.message, |problems, text| problems.text("message", &text)),
            image_url: patch(input.image_url, |url| problems.maybe_url("imageUrl", Some(&url))),
            file_url: patch(input.file_url, |url| problems.maybe_url("fileUrl", Some(&url))),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let target = (call.number(Kind::Notice, &input.id), input.version);
        let done = change!(call, &act, notices_write::edit(target, &edit, problems.clone()));
        EditNoticePayload::of(done, |ids| Notice::by_ids(call, ids)).await
    }

    /// Takes a notice back: from then on an ADMIN alone reaches it. ADMIN takes back any; who published it, while they
    /// might publish it still.
    #[graphql(directive = auth::apply(PUBLISHING))]
    async fn withdraw_notice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The notice.")] input: WithdrawNoticeInput,
    ) -> Result<Option<WithdrawNoticePayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Notice, &input.id);
        let done = change!(call, &act, notices_write::withdraw(id, Problems::default()));
        WithdrawNoticePayload::of(done, |ids| Notice::by_ids(call, ids)).await
    }

    /// Notes that the viewer has read a notice that they reach; the time of the first reading stays.
    #[graphql(directive = auth::apply(PEOPLE))]
    async fn mark_notice_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The notice.")] input: MarkNoticeReadInput,
    ) -> Result<Option<MarkNoticeReadPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let id = call.number(Kind::Notice, &input.id);
        let done = change!(call, &act, notices_write::mark_read(id, Problems::default()));
        MarkNoticeReadPayload::of(done, |ids| Notice::by_ids(call, ids)).await
    }
}
