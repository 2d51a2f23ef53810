//! Mutations of accounts. Each stands alone in its operation, because what it does is done whether or not a later field fails.

use async_graphql::{Context, Object};

use super::erasure::Shown;
use super::inputs::{
    AccountDeleteInput, AccountDeletePayload, EmailVerifyInput, EmailVerifyPayload, PasswordResetInput,
    PasswordResetPayload, PasswordResetRequestInput, PasswordResetRequestPayload, RefreshTokenDelivery,
    SessionPayload, SessionRefreshInput, SignInInput, SignOutInput, SignOutPayload, SignUpInput,
    SignUpPayload,
};
use super::service::{Session, SignUp};
use crate::client::{Client, CookieChange, RefreshCookie};
use crate::error::{Error, Result};
use crate::graphql::{Secret, request};
use crate::tenancy::Access;

/// Mutations of accounts.
#[derive(Default)]
pub struct AccountsMutation;

#[Object]
impl AccountsMutation {
    /// Asks for an account. The answer is the same whether the address has one or not; a mail says what comes next. Needs no token,
    /// and stands alone in its operation.
    async fn sign_up(&self, context: &Context<'_>, input: SignUpInput) -> Result<SignUpPayload> {
        let request = request(context)?;
        let accounts = request.app().accounts();
        let new = SignUp { name: input.name, email: input.email, password: input.password };
        let prepared = accounts.prepare_sign_up(&client(context), &new).await?;
        let operation = request.operation().await?;
        accounts.sign_up(&operation, prepared).await?;
        Ok(SignUpPayload { sent: true })
    }

    /// Opens a session. Whether the address or the password is wrong is not told. Attempts are slowed: RATE_LIMITED says for how long.
    /// Needs no token, takes no idempotency key, and stands alone in its operation.
    async fn sign_in(&self, context: &Context<'_>, input: SignInInput) -> Result<SessionPayload> {
        let client = client(context);
        let cookie = match input.delivery {
            RefreshTokenDelivery::Body => None,
            RefreshTokenDelivery::Cookie => Some(cookie_of(&client)?),
        };
        let session =
            request(context)?.app().accounts().sign_in(&client, &input.email, &input.password).await?;
        Ok(deliver(session, cookie))
    }

    /// Exchanges a refresh token for an access token and the next refresh token. Each can be used once: one that comes again later than
    /// a few seconds after its use ends its session, because somebody else may have it. Within these seconds, as from a second
    /// tab, it gives the same successor again. Needs no access token, takes no idempotency key, and stands alone in its operation.
    async fn session_refresh(
        &self,
        context: &Context<'_>,
        input: SessionRefreshInput,
    ) -> Result<SessionPayload> {
        let accounts = request(context)?.app().accounts();
        if let Some(token) = &input.refresh_token {
            return Ok(deliver(accounts.refresh(token).await?, None));
        }
        let client = client(context);
        let cookie = cookie_of(&client)?;
        let token = cookie
            .presented()
            .ok_or(Error::Unauthenticated("There is no refresh token: sign in, or send `refreshToken`."))?;
        match accounts.refresh(token).await {
            Ok(session) => Ok(deliver(session, Some(cookie))),
            Err(error) => {
                if matches!(error, Error::Unauthenticated(_)) {
                    cookie.change(CookieChange::Remove);
                }
                Err(error)
            }
        }
    }

    /// Signs out, at once: the next operation of an ended session is UNAUTHENTICATED, on open sockets too. Takes the session of
    /// `refreshToken`, else of the header `Authorization`, else of the cookie, which it takes away. Takes no idempotency key, and stands
    /// alone in its operation.
    async fn sign_out(&self, context: &Context<'_>, input: SignOutInput) -> Result<SignOutPayload> {
        let request = request(context)?;
        let client = client(context);
        let session = request.session().filter(|_| input.refresh_token.is_none());
        let cookie = client.cookie.as_ref();
        let presented = input.refresh_token.as_deref().or_else(|| cookie.and_then(RefreshCookie::presented));
        let sessions_ended = request.app().accounts().sign_out(session, presented, input.everywhere).await?;
        if let Some(cookie) = cookie {
            cookie.change(CookieChange::Remove);
        }
        Ok(SignOutPayload { sessions_ended })
    }

    /// Verifies the address of whoever opened the link of a mail; INVALID_LINK where it does not hold. Needs no token, takes no
    /// idempotency key, and stands alone in its operation.
    async fn email_verify(
        &self,
        context: &Context<'_>,
        input: EmailVerifyInput,
    ) -> Result<EmailVerifyPayload> {
        request(context)?.app().accounts().verify_email(&input.token).await?;
        Ok(EmailVerifyPayload { verified: true })
    }

    /// Has a link sent by which a password can be changed. The answer is the same whether the address has an account or not. Needs no
    /// token, takes no idempotency key, and stands alone in its operation.
    async fn password_reset_request(
        &self,
        context: &Context<'_>,
        input: PasswordResetRequestInput,
    ) -> Result<PasswordResetRequestPayload> {
        request(context)?.app().accounts().request_reset(&client(context), &input.email).await?;
        Ok(PasswordResetRequestPayload { sent: true })
    }

    /// Changes the password of whoever opened the link of a mail, and ends every session; INVALID_LINK where it does not hold. Needs no
    /// token, takes no idempotency key, and stands alone in its operation.
    async fn password_reset(
        &self,
        context: &Context<'_>,
        input: PasswordResetInput,
    ) -> Result<PasswordResetPayload> {
        request(context)?.app().accounts().reset_password(&input.token, &input.new_password).await?;
        Ok(PasswordResetPayload { reset: true })
    }

    /// Deletes the account of the signed-in person for good, at once: memberships and with them API keys end, sessions, password and
    /// identities are removed, and what refers to the person shows nobody. What was made in workspaces stays theirs, and so do the entries of
    /// their audit logs, by id alone. A CONFLICT while the person is the last active OWNER of a workspace; `details.workspaces` has the slugs.
    /// For a person alone, not for API keys and operators. The header X-Workspace plays no part. Takes no idempotency key, and stands alone in
    /// its operation.
    async fn account_delete(
        &self,
        context: &Context<'_>,
        input: AccountDeleteInput,
    ) -> Result<AccountDeletePayload> {
        let request = request(context)?;
        let accounts = request.app().accounts();
        let shown = Shown {
            password: input.password.as_deref(),
            session: request.session(),
            authenticated_at: request.identity().and_then(|identity| identity.authenticated_at),
        };
        let looking = request.open(Access::ReadWrite).await?;
        let proven = accounts.prove_own(looking, &client(context), &shown).await?;
        let operation = request.operation().await?;
        let deleted = accounts.delete(&operation, request.id(), proven).await?;
        Ok(AccountDeletePayload { deleted_id: deleted.to_string().into() })
    }
}

/// The client, as the edge saw it; nowhere where there is no edge.
fn client(context: &Context<'_>) -> Client {
    context.data_opt::<Client>().cloned().unwrap_or_default()
}

fn cookie_of(client: &Client) -> Result<&RefreshCookie> {
    client.cookie.as_ref().ok_or_else(|| {
        let message = "Cookies are for web pages that may call, over HTTP; elsewhere keep the refresh token yourself (BODY, `refreshToken`).";
        Error::field("headers.origin", "NO_COOKIE", message)
    })
}

fn deliver(session: Session, cookie: Option<&RefreshCookie>) -> SessionPayload {
    let refresh_token = match cookie {
        None => Some(Secret(session.refresh_token)),
        Some(cookie) => {
            cookie.change(CookieChange::Keep(session.refresh_token, session.refresh_token_expires_at));
            None
        }
    };
    SessionPayload {
        access_token: Secret(session.access_token),
        access_token_expires_at: session.access_token_expires_at,
        refresh_token,
        refresh_token_expires_at: session.refresh_token_expires_at,
        session_expires_at: session.expires_at,
    }
}
