//! The doors of invitations: whoever has the link of a mail comes into a workspace, and whoever may invite has mails sent.

use entity::id::{InvitationId, MailId, MembershipId, RoleId, UserId, WorkspaceId};
use sea_orm::{ConnectionTrait, DbErr, RuntimeErr};

use super::operation::Context;
use super::{Operation, Wake, statement};
use crate::error::{Error, Result};

/// What an invitation made.
#[derive(Clone, Copy, Debug)]
pub struct Joined {
    /// The workspace that the operation is in now.
    pub workspace: WorkspaceId,
    /// The invitation.
    pub invitation: InvitationId,
    /// The membership, which may have ended before.
    pub membership: MembershipId,
    /// Whose it is.
    pub user: UserId,
    /// The role.
    pub role: RoleId,
}

impl Operation {
    /// Makes the actor a member by the token of a mail, whose hash this is, and goes on in that workspace.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT where the token opens nothing for the actor, CONFLICT where it was used or the actor is a member already.
    pub async fn accept_invitation(&self, token: &[u8; 32]) -> Result<Joined> {
        let user = self.actor_id().ok_or(Error::Unauthenticated("Sign in first."))?;
        let values = [token.to_vec().into(), MembershipId::new().0.into()];
        let row = self
            .query_one_raw(statement("select * from app.accept_invitation($1, $2)", values))
            .await
            .map_err(refused)?
            .ok_or_else(|| Error::internal("the door let nobody in"))?;
        let permissions: Option<String> = row.try_get("", "permissions")?;
        let workspace = WorkspaceId(row.try_get("", "workspace_id")?);
        self.move_into(Context {
            workspace: Some(workspace),
            actor: Some(user),
            api_key: None,
            role: row.try_get("", "role")?,
            permissions: permissions.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect(),
        });
        Ok(Joined {
            workspace,
            invitation: InvitationId(row.try_get("", "invitation_id")?),
            membership: MembershipId(row.try_get("", "membership_id")?),
            user,
            role: RoleId(row.try_get("", "role_id")?),
        })
    }

    /// Queues the mail of a pending invitation, where the workspace has not sent its share.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED, CONFLICT where the invitation is over or was sent often enough, or where too many are pending.
    pub async fn queue_invitation(&self, invitation: InvitationId, most: u32) -> Result<()> {
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let values = [invitation.0.into(), MailId::new().0.into(), most.into()];
        let row = self
            .query_one_raw(statement("select app.queue_invitation($1, $2, $3) as wait", values))
            .await
            .map_err(refused)?
            .ok_or_else(|| Error::internal("the door queued nothing"))?;
        match u32::try_from(row.try_get::<i32>("", "wait")?) {
            Ok(0) | Err(_) => {
                self.wake(Wake::Mails);
                Ok(())
            }
            Ok(wait) => Err(Error::RateLimited(wait)),
        }
    }
}

fn refused(error: DbErr) -> Error {
    let DbErr::Query(RuntimeErr::SqlxError(cause)) = &error else { return error.into() };
    let code = cause.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let token = |code, message: &str| Error::field("input.token", code, message);
    match code.as_deref() {
        Some("FN061") => token("INVALID", "This is no invitation; open the whole link of the mail."),
        Some("FN062") => Error::Conflict("The invitation was accepted already.", None),
        Some("FN063") => token("REVOKED", "The invitation was withdrawn; ask for a new one."),
        Some("FN064") => token("EXPIRED", "The invitation has expired; ask for a new one."),
        Some("FN065") => token(
            "OTHER_ADDRESS",
            "The invitation is for another address than that of your account; sign in with the one that got the mail.",
        ),
        Some("FN066") => token("REVOKED", "The invitation does not hold any more; ask for a new one."),
        Some("FN067") => Error::Conflict("You are a member of this workspace already.", None),
        Some("FN068") => Error::Conflict(
            "As many invitations are pending as one workspace may have; revoke some, or wait until they are accepted.",
            None,
        ),
        Some("FN069") => {
            Error::Conflict("The invitation was sent often enough; revoke it and make another one.", None)
        }
        _ => error.into(),
    }
}
