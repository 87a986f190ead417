//! Activating an account, and resetting its password, by a one-time code: the ways in for who has no password (any more).

use async_graphql::{Context, InputObject, Object, SimpleObject};
use secrecy::SecretString;

use super::{
    code::{self, CodePurpose, Redeemed},
    model::{Identifier, Proof},
    password::check_new,
    sets::{ANYONE, NO_KEY},
    sign_in::{Proved, SessionTransport, SignInPayload, go_on, refused, remember_device},
};
use crate::{
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, Stated, UserError, UserErrorCode, auth, root, stated},
};

/// Whose account is to be activated.
#[derive(InputObject)]
pub struct RequestActivationInput {
    /// E-mail address or phone number (E.164): the code goes there.
    identifier: String,
}

/// Whose password is to be reset.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// E-mail address or phone number (E.164): the code goes there.
    identifier: String,
}

/// The code, and the first password.
#[derive(InputObject)]
pub struct ActivateAccountInput {
    /// E-mail address or phone number (E.164).
    identifier: String,
    /// The code that came there: six digits; spaces and hyphens are left out.
    #[graphql(secret)]
    code: String,
    /// A password of 12 to 128 characters, that is neither common nor made of one's own name, e-mail or phone.
    #[graphql(secret)]
    new_password: String,
    /// How the session's token is carried.
    #[graphql(default)]
    session: SessionTransport,
}

/// The code, and another password.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// E-mail address or phone number (E.164).
    identifier: String,
    /// The code that came there: six digits; spaces and hyphens are left out.
    #[graphql(secret)]
    code: String,
    /// A password of 12 to 128 characters, that is neither common nor made of one's own name, e-mail or phone.
    #[graphql(secret)]
    new_password: String,
    /// How the session's token is carried.
    #[graphql(default)]
    session: SessionTransport,
}

/// That a code was asked for. It says the same whoever it was asked for.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct RequestCodePayload {
    /// Whether the request was taken. It does not tell whether there is such an account, nor whether a code was sent.
    #[graphql(directive = auth::apply(ANYONE))]
    success: bool,
    /// Why the request was not taken; empty where it was.
    #[graphql(directive = auth::apply(ANYONE))]
    user_errors: Vec<UserError>,
}

impl Stated for RequestCodePayload {}

fn request(ctx: &Context<'_>, purpose: CodePurpose, identifier: &str) -> Result<Option<RequestCodePayload>> {
    let call = Call::of(ctx);
    call.one_try()?;
    call.services().owners.send_code(Identifier::parse(identifier), purpose);
    Ok(Some(RequestCodePayload { success: true, user_errors: Vec::new() }))
}

async fn redeem(
    ctx: &Context<'_>,
    purpose: CodePurpose,
    identifier: &str,
    code: &str,
    password: String,
    session: SessionTransport,
) -> Result<Option<SignInPayload>> {
    let call = Call::of(ctx);
    call.one_try()?;
    // Before there is a code to prove, by nothing but what the caller said: it tells nothing of an account. What is known
    // of the owner is asked once they have proved to be it.
    let mut problems = Problems::default();
    check_new(&mut problems, "newPassword", &password, &[identifier.to_owned()]);
    if !problems.is_empty() {
        return Ok(Some(SignInPayload::nobody(problems.into_vec())));
    }
    let (services, act) = (call.services(), Act::of(ctx, None).await?);
    let (password, code) = (SecretString::from(password), SecretString::from(code::typed(code)));
    // Hashed whether the code is right: it takes its time, and nobody should wait for it in a transaction.
    let hash = services.passwords.hash(password.clone()).await?;
    let identifier = Identifier::parse(identifier);
    let redeemed = Redeemed {
        identifier: &identifier,
        purpose,
        code: &code,
        password: &password,
        hash: &hash,
        seal: &services.seal,
        owners: &services.owners,
    };
    let done = change!(call, &act, auth_codes::redeem(&redeemed));
    let account_id = match done.value {
        Some(Some(account_id)) => account_id,
        Some(None) => {
            problems.add("code", UserErrorCode::InvalidCode, "it is not the code, or not any more: ask for a new one");
            return Ok(Some(SignInPayload::nobody(problems.into_vec())));
        }
        None => return Ok(Some(SignInPayload::nobody(done.user_errors))),
    };
    remember_device(ctx, &identifier)?;
    let proved = Proved { account_id, by: Proof::Password { hash, renewed: None } };
    Ok(Some(go_on(ctx, proved, session).await?.unwrap_or_else(refused)))
}

/// Codes: a part of the mutation root.
#[derive(Default)]
pub struct CodeMutation;

#[Object(guard = "root(\"Mutation\")")]
impl CodeMutation {
    /// Asks for a code to activate an account by: one that was made for somebody, and has no password yet. The answer is
    /// the same whether there is such an account. A code is good for 10 minutes; there is one a minute, and five in an hour.
    #[graphql(directive = auth::apply(NO_KEY))]
    #[expect(clippy::unused_async, reason = "resolvers are async, whatever they do")]
    async fn request_activation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose account it is.")] input: RequestActivationInput,
    ) -> Result<Option<RequestCodePayload>> {
        request(ctx, CodePurpose::Activation, &input.identifier)
    }

    /// Sets the first password of an account, by the code that was asked for, and signs its owner in. A wrong code, one that
    /// was used or is too old, and one for an account that there is not get the same answer after the same work. A code is
    /// tried five times. One try a request.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn activate_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code, and the first password.")] input: ActivateAccountInput,
    ) -> Result<Option<SignInPayload>> {
        let ActivateAccountInput { identifier, code, new_password, session } = input;
        redeem(ctx, CodePurpose::Activation, &identifier, &code, new_password, session).await
    }

    /// Asks for a code to set another password by, for who has forgotten theirs. The answer is the same whether there is such
    /// an account. A code is good for 10 minutes; there is one a minute, and five in an hour.
    #[graphql(directive = auth::apply(NO_KEY))]
    #[expect(clippy::unused_async, reason = "resolvers are async, whatever they do")]
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose account it is.")] input: RequestPasswordResetInput,
    ) -> Result<Option<RequestCodePayload>> {
        request(ctx, CodePurpose::Reset, &input.identifier)
    }

    /// Sets another password, by the code that was asked for, ends all sessions of the account, and signs its owner in. What
    /// is not right is answered as by `activateAccount`. One try a request.
    #[graphql(directive = auth::apply(NO_KEY))]
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code, and another password.")] input: ResetPasswordInput,
    ) -> Result<Option<SignInPayload>> {
        let ResetPasswordInput { identifier, code, new_password, session } = input;
        redeem(ctx, CodePurpose::Reset, &identifier, &code, new_password, session).await
    }
}
