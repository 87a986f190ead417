//! Mutations of the second factor: one's own, and an administrator's for somebody who has lost theirs.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{
    Role::Admin,
    RoleSet,
    factor::{self, Code, Tried},
    mutation::{OWN, prove_own},
    session::digest,
    sets::PEOPLE,
    sign_in::hand_over,
    totp,
};
use crate::{
    change,
    change::{Act, Problems},
    error::Result,
    graphql::{Call, Stated, UserError, auth, root, stated},
    read,
};

/// Who resets that of others.
const HELPING: RoleSet = RoleSet::of(&[Admin]);

/// Who wants a second factor.
#[derive(InputObject)]
pub struct BeginSecondFactorInput {
    /// The password that one signs in with.
    #[graphql(secret)]
    current_password: String,
}

/// That an authenticator has the secret.
#[derive(InputObject)]
pub struct ConfirmSecondFactorInput {
    /// The six digits that it shows.
    #[graphql(secret)]
    code: String,
}

/// Who wants no second factor any more.
#[derive(InputObject)]
pub struct RemoveSecondFactorInput {
    /// The password that one signs in with.
    #[graphql(secret)]
    current_password: String,
    /// The six digits that the authenticator shows, or a recovery code.
    #[graphql(secret)]
    code: String,
}

/// Who wants other recovery codes.
#[derive(InputObject)]
pub struct RenewRecoveryCodesInput {
    /// The six digits that the authenticator shows, or a recovery code.
    #[graphql(secret)]
    code: String,
}

/// Whose second factor is lost.
#[derive(InputObject)]
pub struct ResetSecondFactorInput {
    /// The account: its own id, or that of the staff member, student or parent whose account it is.
    account_id: ID,
}

/// What an authenticator is to be given: shown this once, to be kept secret.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct BeginSecondFactorPayload {
    /// The secret in base32 (RFC 4648), to be typed in.
    #[graphql(directive = auth::apply(PEOPLE))]
    secret: Option<String>,
    /// The same as an `otpauth://` address, to be opened, or shown as a QR code by the client.
    #[graphql(directive = auth::apply(PEOPLE))]
    uri: Option<String>,
    /// Why there is none; empty where there is.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

/// New recovery codes: shown this once, to be kept where the authenticator is not.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct RecoveryCodesPayload {
    /// Ten codes, each of which stands for an authenticator's once.
    #[graphql(directive = auth::apply(PEOPLE))]
    recovery_codes: Option<Vec<String>>,
    /// Why there are none; empty where there are.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

/// The second factor that one has from now on.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct ConfirmSecondFactorPayload {
    /// Ten recovery codes, each of which stands for an authenticator's code once: shown this once, to be kept where the
    /// authenticator is not.
    #[graphql(directive = auth::apply(PEOPLE))]
    recovery_codes: Option<Vec<String>>,
    /// The session's new token, in place of the one that the request came with: shown once, to be kept secret. Null where the
    /// session is in a cookie, which was set anew, and where nothing was changed.
    #[graphql(directive = auth::apply(PEOPLE))]
    token: Option<String>,
    /// Why there is none; empty where there is.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

/// Whether the second factor was taken away.
#[derive(SimpleObject)]
#[graphql(guard = "stated(self)")]
pub struct NoSecondFactorPayload {
    /// Whether the account has none any more.
    #[graphql(directive = auth::apply(PEOPLE))]
    success: bool,
    /// Why nothing was written; empty where it was.
    #[graphql(directive = auth::apply(PEOPLE))]
    user_errors: Vec<UserError>,
}

impl Stated for BeginSecondFactorPayload {}
impl Stated for ConfirmSecondFactorPayload {}
impl Stated for RecoveryCodesPayload {}
impl Stated for NoSecondFactorPayload {}

impl BeginSecondFactorPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { secret: None, uri: None, user_errors }
    }
}

/// What came of a code, and what else is wrong with the input that has it.
fn outcome(tried: Option<Tried>, mut user_errors: Vec<UserError>) -> (bool, Vec<UserError>) {
    user_errors.extend(tried.map(Tried::user_errors).into_iter().flatten());
    (user_errors.is_empty(), user_errors)
}

/// The second factor's part of the mutation root.
#[derive(Default)]
pub struct FactorMutation;

#[Object(guard = "root(\"Mutation\")")]
impl FactorMutation {
    /// Makes a secret for an authenticator to take over. It is no second factor until `confirmSecondFactor`. The current
    /// password is proved first: one try a request.
    #[graphql(directive = auth::apply(OWN))]
    async fn begin_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who wants a second factor.")] input: BeginSecondFactorInput,
    ) -> Result<Option<BeginSecondFactorPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        call.one_try()?;
        let act = Act::of(ctx, None).await?;
        let account = act.scope.account();
        let Some(proved) = prove_own(call, input.current_password, &mut problems).await? else {
            return Ok(Some(BeginSecondFactorPayload::refused(problems.into_vec())));
        };
        let services = call.services();
        let secret: totp::Secret = services.random.bytes();
        let sealed = factor::sealed(&services.seal, account, &secret)?;
        let done = change!(call, &act, auth_factor_write::begin(&sealed, &proved, Problems::default()));
        if done.value.is_none() {
            return Ok(Some(BeginSecondFactorPayload::refused(done.user_errors)));
        }
        let rows = read!(call.db(), auth::by_ids(&act.scope, &[account]))?;
        let name = rows.into_iter().next().and_then(|(row, _)| row.email.or(row.phone)).unwrap_or_default();
        let issuer = read!(call.db(), institute::name())?;
        Ok(Some(BeginSecondFactorPayload {
            secret: Some(totp::base32(&secret)),
            uri: Some(totp::uri(&secret, &issuer, &name)),
            user_errors: done.user_errors,
        }))
    }

    /// Makes the secret of `beginSecondFactor` the second factor, as the code shows that the authenticator has it: from here
    /// on signing in takes both, and roles that were withheld for want of it are held. All other sessions end, and this one
    /// gets another token.
    #[graphql(directive = auth::apply(OWN))]
    async fn confirm_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "That an authenticator has the secret.")] input: ConfirmSecondFactorInput,
    ) -> Result<Option<ConfirmSecondFactorPayload>> {
        let call = Call::of(ctx);
        call.one_try()?;
        let act = Act::of(ctx, None).await?;
        let (services, code) = (call.services(), Code::read(&input.code));
        let (shown, hashes) = factor::recovery_codes(&services.random);
        let token = services.random.token();
        let (seal, session, token_hash) = (&services.seal, call.viewer().session_id().unwrap_or(0), digest(&token));
        let kept = (session, token_hash.as_slice());
        let confirm = change!(call, &act, auth_factor_write::confirm(seal, &code, &hashes, kept, Problems::default()));
        let (done, user_errors) = outcome(confirm.value, confirm.user_errors);
        let token = if done { hand_over(ctx, token, call.transport()) } else { None };
        Ok(Some(ConfirmSecondFactorPayload { recovery_codes: done.then_some(shown), token, user_errors }))
    }

    /// Makes new recovery codes; those that were before are good no more. One code is tried a request.
    #[graphql(directive = auth::apply(OWN))]
    async fn renew_recovery_codes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who wants other recovery codes.")] input: RenewRecoveryCodesInput,
    ) -> Result<Option<RecoveryCodesPayload>> {
        let call = Call::of(ctx);
        call.one_try()?;
        let act = Act::of(ctx, None).await?;
        let (seal, code) = (&call.services().seal, Code::read(&input.code));
        let (shown, hashes) = factor::recovery_codes(&call.services().random);
        let renew = change!(call, &act, auth_factor_write::renew(seal, &code, &hashes));
        let (done, user_errors) = outcome(renew.value, renew.user_errors);
        Ok(Some(RecoveryCodesPayload { recovery_codes: done.then_some(shown), user_errors }))
    }

    /// Takes one's own second factor away: roles that take one are withheld from then on. All other sessions end. The current
    /// password is proved first, and then the code: one try a request.
    #[graphql(directive = auth::apply(OWN))]
    async fn remove_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who wants no second factor any more.")] input: RemoveSecondFactorInput,
    ) -> Result<Option<NoSecondFactorPayload>> {
        let (call, mut problems) = (Call::of(ctx), Problems::default());
        call.one_try()?;
        let act = Act::of(ctx, None).await?;
        let Some(proved) = prove_own(call, input.current_password, &mut problems).await? else {
            return Ok(Some(NoSecondFactorPayload { success: false, user_errors: problems.into_vec() }));
        };
        let (seal, code) = (&call.services().seal, Code::read(&input.code));
        let keep = call.viewer().session_id().unwrap_or(0);
        let remove = change!(call, &act, auth_factor_write::remove(seal, &proved, &code, keep, Problems::default()));
        let (success, user_errors) = outcome(remove.value, remove.user_errors);
        Ok(Some(NoSecondFactorPayload { success, user_errors }))
    }

    /// Takes somebody else's second factor away, who has lost it and the recovery codes, and ends their sessions: they sign
    /// in by their password, and set another one up. That it is they who ask is to be made sure of first.
    #[graphql(directive = auth::apply(HELPING))]
    async fn reset_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose second factor is lost.")] input: ResetSecondFactorInput,
    ) -> Result<Option<NoSecondFactorPayload>> {
        let call = Call::of(ctx);
        let act = Act::of(ctx, None).await?;
        let of = call.services().seal.open(&input.account_id);
        let reset = change!(call, &act, auth_factor_write::reset(of, Problems::default()));
        Ok(Some(NoSecondFactorPayload { success: reset.value.is_some(), user_errors: reset.user_errors }))
    }
}
