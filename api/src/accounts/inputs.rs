//! Inputs and payloads of the mutations of accounts.

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use chrono::{DateTime, Utc};

use crate::graphql::Secret;

/// Somebody who wants an account.
#[derive(InputObject)]
pub struct SignUpInput {
    /// The name to show: 1 to 200 characters.
    pub name: String,
    /// The e-mail address; upper and lower case are the same.
    pub email: String,
    /// The password: 8 to 256 characters, normalised by NFKC, and none of those that everybody tries first (COMMON).
    pub password: String,
}

/// What is said to everybody who signs up, whether the address has an account or not.
#[derive(SimpleObject)]
pub struct SignUpPayload {
    /// Always true: a mail is on its way. It has a link that verifies the address, or says that there is an account already.
    pub sent: bool,
}

/// How a client gets its refresh token, and shows it again.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum RefreshTokenDelivery {
    /// In the answer; the client keeps it and sends it as `refreshToken`. For programs, native apps and servers.
    Body,
    /// In a cookie that scripts cannot read and that browsers send by themselves. For web pages that the server lets call, which
    /// send `credentials: "include"`.
    Cookie,
}

/// Who signs in.
#[derive(InputObject)]
pub struct SignInInput {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// How the refresh token is delivered; BODY unless said.
    #[graphql(default_with = "RefreshTokenDelivery::Body")]
    pub delivery: RefreshTokenDelivery,
}

/// The session to go on with.
#[derive(InputObject)]
pub struct SessionRefreshInput {
    /// The newest refresh token. Absent or null: the one in the cookie.
    pub refresh_token: Option<String>,
}

/// The tokens of a session.
#[derive(SimpleObject)]
pub struct SessionPayload {
    /// The access token, for the header `Authorization: Bearer …`. Null never: these mutations take no idempotency key, under which a
    /// repetition would show null.
    pub access_token: Secret,
    /// When the access token ends; refresh before.
    pub access_token_expires_at: DateTime<Utc>,
    /// The next refresh token, which takes the place of the one before; null where it was delivered by cookie.
    pub refresh_token: Option<Secret>,
    /// When the refresh token ends unless it is used.
    pub refresh_token_expires_at: DateTime<Utc>,
    /// When the session ends, however much it is used; sign in again then.
    pub session_expires_at: DateTime<Utc>,
}

/// What to sign out of.
#[derive(InputObject)]
pub struct SignOutInput {
    /// Whether all sessions of the person end, on every device; only this one unless said.
    #[graphql(default)]
    pub everywhere: bool,
    /// The session's refresh token, for a client whose access token has ended. Absent or null: the session of the header
    /// `Authorization`, or else the cookie's.
    pub refresh_token: Option<String>,
}

/// What has ended.
#[derive(SimpleObject)]
pub struct SignOutPayload {
    /// How many sessions ended; 0 where there was none any more.
    pub sessions_ended: i32,
}

/// The link of a mail, opened.
#[derive(InputObject)]
pub struct EmailVerifyInput {
    /// The token of the link. It can be used once.
    pub token: String,
}

/// The address is verified.
#[derive(SimpleObject)]
pub struct EmailVerifyPayload {
    /// Always true; whoever signed up can sign in now.
    pub verified: bool,
}

/// Somebody who forgot the password.
#[derive(InputObject)]
pub struct PasswordResetRequestInput {
    /// The e-mail address.
    pub email: String,
}

/// What is said to everybody who asks for a reset, whether the address has an account or not.
#[derive(SimpleObject)]
pub struct PasswordResetRequestPayload {
    /// Always true: a mail is on its way where there is an account.
    pub sent: bool,
}

/// A new password for whoever opened the link of a mail.
#[derive(InputObject)]
pub struct PasswordResetInput {
    /// The token of the link. It can be used once.
    pub token: String,
    /// The new password: 8 to 256 characters, and none of those that everybody tries first (COMMON).
    pub new_password: String,
}

/// The password is changed.
#[derive(SimpleObject)]
pub struct PasswordResetPayload {
    /// Always true; every session of the person has ended, and the address is verified.
    pub reset: bool,
}

/// Whose account is to be deleted: the signed-in person's.
#[derive(InputObject)]
pub struct AccountDeleteInput {
    /// The account's password. Absent or null: the account has none, or its person came by an external issuer, and signed in within the last
    /// five minutes.
    pub password: Option<String>,
}

/// The account is deleted.
#[derive(SimpleObject)]
pub struct AccountDeletePayload {
    /// The id of the person who was. Every session of theirs has ended.
    pub deleted_id: ID,
}
