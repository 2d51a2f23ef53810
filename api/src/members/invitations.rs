//! The rules of invitations: an address is asked in by mail, with a role that gives no more than whoever asks has. The link of the
//! mail is the only thing that accepts it, once, for an account with that address.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use entity::id::{Given, InvitationId, RoleId};
use entity::invitation::{self, InvitationStatus};
use entity::{membership, user};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::memberships::{may_give_role, role_named, tell_of_new};
use crate::error::{Error, ID_EXISTS, Result, broken_constraint};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Joined, Operation, Permission};

/// How long an invitation holds unless said, in hours.
const HOURS: i32 = 7 * 24;
/// The longest that one may hold, in hours.
const MOST_HOURS: i32 = 30 * 24;

/// Somebody to invite.
pub struct NewInvitation {
    /// The client's id; none for one of ours.
    pub id: Option<Given<InvitationId>>,
    /// The address.
    pub email: String,
    /// The role.
    pub role: Given<RoleId>,
    /// How long it holds, in hours; none for a week.
    pub hours: Option<i32>,
}

/// Invites an address, and queues the mail.
///
/// # Errors
///
/// FORBIDDEN, also for a role that may do what the actor may not, BAD_USER_INPUT, NOT_FOUND for the role, CONFLICT for an address that is
/// invited or a member's, or where too many are pending, RATE_LIMITED.
pub async fn create(
    operation: &Operation,
    request_id: &str,
    most: u32,
    new: NewInvitation,
) -> Result<invitation::Model> {
    let _ = operation.require(Permission::MemberWrite)?;
    let mut check = Check::new();
    let id = check.new_id("id", new.id.as_ref());
    let email = check.email("email", &new.email);
    let role = check.id("roleId", &new.role);
    let hours = new.hours.unwrap_or(HOURS);
    if !(1..=MOST_HOURS).contains(&hours) {
        check.refuse("expiresInHours", "OUT_OF_RANGE", format!("`expiresInHours` takes 1 to {MOST_HOURS}."));
    }
    let id = check.finish_with(id)?;
    let role = role_named(operation, role).await?;
    may_give_role(operation, Some(role)).await?;
    refuse_member(operation, &email).await?;
    close_expired(operation, &email).await?;
    let now = crate::clock::now();
    let row = invitation::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        email: Set(email),
        role_id: Set(Some(role)),
        expires_at: Set(now + TimeDelta::hours(hours.into())),
        ..Default::default()
    };
    let row = invitation::Entity::insert(row).exec_with_returning(operation).await.map_err(taken)?;
    operation.queue_invitation(row.id, most).await?;
    note(operation, request_id, (EventType::InvitationCreated, AuditAction::InvitationCreate), (None, &row));
    Ok(invitation::Model { sends: 1, sent_at: Some(now), ..row })
}

/// Mails a pending invitation again, a minute after the last time at the earliest.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT where it is over or was sent often enough, RATE_LIMITED.
pub async fn resend(
    operation: &Operation,
    request_id: &str,
    most: u32,
    id: &Given<InvitationId>,
) -> Result<invitation::Model> {
    let _ = operation.require(Permission::MemberWrite)?;
    let mut check = Check::new();
    let id = check.id("id", id);
    let before = lock(operation, check.finish_with(id)?).await?;
    pending(&before)?;
    may_give_role(operation, before.role_id).await?;
    operation.queue_invitation(before.id, most).await?;
    let row =
        invitation::Model { sends: before.sends + 1, sent_at: Some(crate::clock::now()), ..before.clone() };
    operation.audit(entry(AuditAction::InvitationResend, (Some(&before), &row), request_id));
    Ok(row)
}

/// Withdraws a pending invitation: its links are worth nothing at once. Where it was withdrawn its version stays.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT with the current version, or where it was accepted.
pub async fn revoke(
    operation: &Operation,
    request_id: &str,
    (id, version): (Given<InvitationId>, Option<i32>),
) -> Result<invitation::Model> {
    let _ = operation.require(Permission::MemberWrite)?;
    let mut check = Check::new();
    let id = check.id("id", &id);
    let version = version.map(|version| check.version(version));
    let before = lock(operation, check.finish_with(id)?).await?;
    if let Some(version) = version
        && version != before.version
    {
        return Err(Error::Conflict(
            "Somebody changed this invitation in the meantime.",
            Some(before.version),
        ));
    }
    match before.status {
        InvitationStatus::Revoked | InvitationStatus::Expired => return Ok(before),
        InvitationStatus::Accepted => {
            return Err(Error::Conflict("The invitation was accepted; remove the member instead.", None));
        }
        InvitationStatus::Pending => {}
    }
    let changed = invitation::ActiveModel {
        status: Set(InvitationStatus::Revoked),
        version: Set(before.version + 1),
        updated_at: Set(crate::clock::now()),
        ..Default::default()
    };
    let rows = invitation::Entity::update_many().set(changed).filter(invitation::Column::Id.eq(before.id));
    let row = rows.exec_with_returning(operation).await?.pop().ok_or(Error::NotFound("invitation"))?;
    let told = (EventType::InvitationRevoked, AuditAction::InvitationRevoke);
    note(operation, request_id, told, (Some(&before), &row));
    Ok(row)
}

/// Makes the signed-in person a member by the token of a mail; the operation goes on in that workspace.
///
/// # Errors
///
/// BAD_USER_INPUT where the token opens nothing for this person, CONFLICT where it was used or they are a member already.
pub async fn accept(operation: &Operation, request_id: &str, token: &str) -> Result<Joined> {
    let mut check = Check::new();
    let bits = URL_SAFE_NO_PAD.decode(token.trim()).ok().filter(|bits| bits.len() == 32);
    if bits.is_none() {
        check.refuse("token", "INVALID", "This is no invitation; open the whole link of the mail.");
    }
    let hash: [u8; 32] = Sha256::digest(check.finish_with(bits)?).into();
    let joined = operation.accept_invitation(&hash).await?;
    operation.publish(Event {
        r#type: EventType::InvitationAccepted,
        subject: joined.invitation.to_string(),
        data: json!({ "membership_id": joined.membership.to_string() }),
        correlation_id: request_id.to_owned(),
    });
    tell_of_new(operation, request_id, (joined.membership, joined.user, joined.role));
    operation.audit(Audit {
        action: AuditAction::InvitationAccept,
        targets: vec![joined.invitation.to_string(), joined.membership.to_string(), joined.user.to_string()],
        before: json!(null),
        after: json!({ "role_id": joined.role.to_string() }),
        request_id: request_id.to_owned(),
    });
    Ok(joined)
}

/// CONFLICT where the address is that of somebody who is a member, oneself among them.
async fn refuse_member(operation: &Operation, email: &str) -> Result<()> {
    // Co-members alone are visible, so an address that is somebody's elsewhere is one that nobody has.
    let known = user::Entity::find().filter(user::Column::Email.eq(email)).one(operation).await?;
    let Some(known) = known else { return Ok(()) };
    let member = membership::Entity::find()
        .filter(membership::Column::UserId.eq(known.id))
        .filter(membership::Column::Status.ne(membership::MembershipStatus::Removed));
    if member.one(operation).await?.is_none() {
        return Ok(());
    }
    Err(if operation.actor_id() == Some(known.id) {
        Error::Conflict("You are a member of this workspace already.", None)
    } else {
        Error::Conflict("Whoever has this address is a member already.", None)
    })
}

/// An invitation that has expired does not keep its address.
async fn close_expired(operation: &Operation, email: &str) -> Result<()> {
    let now = crate::clock::now();
    invitation::Entity::update_many()
        .col_expr(invitation::Column::Status, Expr::value(InvitationStatus::Expired))
        .col_expr(invitation::Column::UpdatedAt, Expr::value(now))
        .filter(invitation::Column::Email.eq(email))
        .filter(invitation::Column::Status.eq(InvitationStatus::Pending))
        .filter(invitation::Column::ExpiresAt.lte(now))
        .exec(operation)
        .await?;
    Ok(())
}

async fn lock(operation: &Operation, id: InvitationId) -> Result<invitation::Model> {
    let select = invitation::Entity::find().filter(invitation::Column::Id.eq(id)).lock_exclusive();
    select.one(operation).await?.ok_or(Error::NotFound("invitation"))
}

fn pending(row: &invitation::Model) -> Result<()> {
    match row.status_at(crate::clock::now()) {
        InvitationStatus::Pending => Ok(()),
        InvitationStatus::Accepted => Err(Error::Conflict("The invitation was accepted already.", None)),
        InvitationStatus::Revoked => {
            Err(Error::Conflict("The invitation was withdrawn; make a new one.", None))
        }
        InvitationStatus::Expired => {
            Err(Error::Conflict("The invitation has expired; make a new one.", None))
        }
    }
}

fn taken(error: sea_orm::DbErr) -> Error {
    match broken_constraint(&error) {
        Some("invitations_pkey") => ID_EXISTS,
        Some("invitations_pending") => Error::Conflict(
            "This address is invited already; send that invitation again, or revoke it first.",
            None,
        ),
        _ => error.into(),
    }
}

fn facts(row: &invitation::Model) -> Value {
    let status: String = sea_orm::ActiveEnum::to_value(&row.status);
    // Not the address: people are named by id alone in the log, and this one may be nobody's here.
    json!({ "role_id": row.role_id.map(|role| role.to_string()), "status": status, "sends": row.sends,
            "expires_at": row.expires_at })
}

fn entry(
    action: AuditAction,
    (before, after): (Option<&invitation::Model>, &invitation::Model),
    request_id: &str,
) -> Audit {
    Audit {
        action,
        targets: vec![after.id.to_string()],
        before: before.map_or(json!(null), facts),
        after: facts(after),
        request_id: request_id.to_owned(),
    }
}

fn note(
    operation: &Operation,
    request_id: &str,
    (r#type, action): (EventType, AuditAction),
    rows: (Option<&invitation::Model>, &invitation::Model),
) {
    let role = rows.1.role_id.map(|role| role.to_string());
    let data = match r#type {
        EventType::InvitationCreated => json!({ "role_id": role }),
        _ => json!({}),
    };
    let subject = rows.1.id.to_string();
    operation.publish(Event { r#type, subject, data, correlation_id: request_id.to_owned() });
    operation.audit(entry(action, rows, request_id));
}

/// The membership that an invitation made.
///
/// # Errors
///
/// UNAVAILABLE.
pub(super) async fn membership_of(operation: &Operation, joined: &Joined) -> Result<membership::Model> {
    let row = membership::Entity::find().filter(membership::Column::Id.eq(joined.membership));
    row.one(operation).await?.ok_or(Error::NotFound("membership"))
}
