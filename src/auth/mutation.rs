//! Mutations of one's own: profile and password.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use secrecy::SecretString;

use super::{
    Role::Own,
    RoleSet,
    api::ViewerObject,
    password::check_new,
    profile::ProfileEdit,
    session::digest,
    sets::PEOPLE,
    sign_in::{hand_over, on_lock},
};
use crate::{
    change,
    change::{Act, Problems, patch},
    error::Result,
    graphql::{
        Call, Stated, UserError,
        UserErrorCode::{Invalid, InvalidCredentials},
        auth, root, stated,
    },
    payload,
    people::MaritalStatus,
    read,
    throttle::Subject,
};

/// Who changes what is their own: everybody who signed in.
pub const OWN: RoleSet = RoleSet::of(&[Own]);

/// What to change of oneself. What is left out stays as it is; null empties it. Who is several persons (a teacher who is a
/// parent) changes each of them.
#[derive(InputObject)]
pub struct EditProfileInput {
    /// Address of the photo.
    photo_url: MaybeUndefined<String>,
    /// Postal address: of a parent.
    address: MaybeUndefined<String>,
    /// Where they live at present: of staff and students.
    temporary_address: MaybeUndefined<String>,
    /// Where they are at home: of staff and students.
    permanent_address: MaybeUndefined<String>,
    /// Marital status: of staff and students.
    marital_status: MaybeUndefined<MaritalStatus>,
    /// Whom to turn to if something happens to them: of staff.
    next_of_kin: MaybeUndefined<String>,
    /// The client's own name for this mutation: sent again with the same input, it is done once.
    client_mutation_id: Option<String>,
}

/// The password that was, and the one that is to be.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The password that one signs in with at present.
    #[graphql(secret)]
    current_password: String,
    /// Another one, of 12 to 128 characters, that is neither common nor made of one's own name, e-mail or phone.
    #[graphql(secret)]
    new_password: String,
}

payload! {
    /// The profile that was edited.
    EditProfilePayload {
        /// Who is signed in, with the persons that they are.
        viewer: ViewerObject,
    }
}

/// Whether the password was changed.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct ChangePasswordPayload {
    /// Whether the new password is the one to sign in with.
    #[graphql(directive = auth::apply(PEOPLE))]
    success: bool,
    /// The session's new token, in place of the one that the request came with: shown once, to be kept secret. Null where the
    /// session is in a cookie, which was set anew, and where nothing was changed.
    #[graphql(directive = auth::apply(PEOPLE))]
    token: Option<String>,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for ChangePasswordPayload {}

/// Compares a password with the viewer's own: the hash that it was compared with. Where it is another one, that is said at
/// `currentPassword`.
pub(super) async fn prove_own(call: &Call, password: String, problems: &mut Problems) -> Result<Option<String>> {
    let account = call.scope().account();
    let attempt = call.services().throttle.attempt(&Subject::Password(account), call.client()).await?;
    let hash = read!(call.db(), auth::password_hash(account))?;
    let proved = call.services().passwords.verify(SecretString::from(password), hash.clone()).await?;
    if proved {
        attempt.succeeded().await;
    } else if attempt.failed().await {
        on_lock(call, account);
    }
    problems.require(proved, "currentPassword", InvalidCredentials, "it is not your password");
    Ok(hash.filter(|_| proved))
}

/// One's own part of the mutation root.
#[derive(Default)]
pub struct ProfileMutation;

#[Object(guard = "root(\"Mutation\")")]
impl ProfileMutation {
    /// Edits oneself. Name, e-mail and phone say who somebody is: they are for the administration to change.
    #[graphql(directive = auth::apply(OWN))]
    async fn edit_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditProfileInput,
    ) -> Result<Option<EditProfilePayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        let mut line =
            |path: &str, text: MaybeUndefined<String>| patch(text, |text| problems.maybe_line(path, Some(&text)));
        let edit = ProfileEdit {
            address: line("address", input.address),
            temporary_address: line("temporaryAddress", input.temporary_address),
            permanent_address: line("permanentAddress", input.permanent_address),
            next_of_kin: line("nextOfKin", input.next_of_kin),
            marital_status: patch(input.marital_status, Some),
            photo_url: patch(input.photo_url, |url| problems.maybe_url("photoUrl", Some(&url))),
        };
        let act = Act::of(ctx, input.client_mutation_id).await?;
        let done = change!(call, &act, auth_profile_write::edit(&edit, problems.clone()));
        EditProfilePayload::of(done, async |ids| Ok(ids.into_iter().map(|id| (id, ViewerObject)).collect())).await
    }

    /// Changes one's own password, ends all other sessions, and gives this one another token. The current password is proved
    /// first: one try a request.
    #[graphql(directive = auth::apply(OWN))]
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password that was, and the one that is to be.")] input: ChangePasswordInput,
    ) -> Result<Option<ChangePasswordPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        call.one_try()?;
        let act = Act::of(ctx, None).await?;
        let about = read!(call.db(), auth::about(act.scope.account()))?;
        check_new(&mut problems, "newPassword", &input.new_password, &about);
        let same = input.new_password == input.current_password;
        problems.require(!same, "newPassword", Invalid, "it is the one you have");
        let hash = prove_own(call, input.current_password, &mut problems).await?;
        let (Some(hash), true) = (hash, problems.is_empty()) else {
            return Ok(Some(ChangePasswordPayload { success: false, token: None, user_errors: problems.into_vec() }));
        };
        // Hashing takes its time, and nobody should wait for it in a transaction.
        let services = call.services();
        let new = services.passwords.hash(input.new_password.into()).await?;
        let token = services.random.token();
        let (session, token_hash) = (call.viewer().session_id().unwrap_or(0), digest(&token));
        let kept = (session, token_hash.as_slice());
        let done = change!(
            call,
            &act,
            auth_profile_write::change_password(&services.owners, &hash, &new, kept, Problems::default())
        );
        let token = done.value.and_then(|_| hand_over(ctx, token, call.transport()));
        Ok(Some(ChangePasswordPayload { success: done.value.is_some(), token, user_errors: done.user_errors }))
    }
}
