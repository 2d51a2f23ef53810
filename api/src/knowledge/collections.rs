//! The rules of collections: names are unique among those that exist, and one is deleted only when no document stands in it.
//!
//! A deleted collection keeps its row, because deleted documents with cited versions refer to it; nothing finds it any more.

use entity::id::{CollectionId, Given};
use entity::{collection, document};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::LockType};
use serde_json::json;

use crate::error::{Error, ID_EXISTS, Result, broken_constraint};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Operation, Permission};

const LONGEST_NAME: usize = 200;
const LONGEST_DESCRIPTION: usize = 2000;

/// A collection to make.
pub struct NewCollection {
    /// The client's id; none for one of ours.
    pub id: Option<Given<CollectionId>>,
    /// The name.
    pub name: String,
    /// What stands in it.
    pub description: Option<String>,
}

/// What is to change of a collection.
pub struct ChangedCollection {
    /// The collection.
    pub id: Given<CollectionId>,
    /// The version that the change was made against.
    pub version: i32,
    /// A new name; none keeps it.
    pub name: Option<String>,
    /// A new description, or none at all; absent keeps it.
    pub description: Option<Option<String>>,
}

/// Makes a collection.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, CONFLICT for an id or a name that is taken.
pub async fn create(
    operation: &Operation,
    request_id: &str,
    new: NewCollection,
) -> Result<collection::Model> {
    let _ = operation.require(Permission::CollectionWrite)?;
    let mut check = Check::new();
    let id = check.new_id("id", new.id.as_ref());
    let name = check.text("name", &new.name, 1..=LONGEST_NAME);
    let description = check.optional_text("description", new.description.as_deref(), 0..=LONGEST_DESCRIPTION);
    let row = collection::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(check.finish_with(id)?),
        name: Set(name),
        description: Set(description),
        ..Default::default()
    };
    let row = collection::Entity::insert(row).exec_with_returning(operation).await.map_err(taken)?;
    tell(operation, request_id, EventType::CollectionCreated, &row);
    operation.audit(Audit {
        action: AuditAction::CollectionCreate,
        targets: vec![row.id.to_string()],
        before: json!(null),
        after: json!({ "name": row.name }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Changes a collection. Where nothing differs its version stays.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT with the current version, or for a name that is taken.
pub async fn update(
    operation: &Operation,
    request_id: &str,
    change: ChangedCollection,
) -> Result<collection::Model> {
    let _ = operation.require(Permission::CollectionWrite)?;
    let mut check = Check::new();
    let id = check.id("id", &change.id);
    let version = check.version(change.version);
    let name = check.optional_text("name", change.name.as_deref(), 1..=LONGEST_NAME);
    let description = change
        .description
        .map(|text| check.optional_text("description", text.as_deref(), 0..=LONGEST_DESCRIPTION));
    let id = check.finish_with(id)?;
    // Documents may go on to be made in it meanwhile: their foreign keys take a lock that this one allows.
    let before = lock(operation, id, LockType::NoKeyUpdate).await?;
    current(&before, version)?;
    let name = name.unwrap_or_else(|| before.name.clone());
    let description = description.unwrap_or_else(|| before.description.clone());
    if name == before.name && description == before.description {
        return Ok(before);
    }
    let changed = collection::ActiveModel {
        name: Set(name),
        description: Set(description),
        version: Set(before.version + 1),
        updated_at: Set(crate::clock::now()),
        ..Default::default()
    };
    let row = write(operation, id, changed).await?;
    tell(operation, request_id, EventType::CollectionUpdated, &row);
    operation.audit(Audit {
        action: AuditAction::CollectionUpdate,
        targets: vec![id.to_string()],
        before: json!({ "name": before.name, "description": before.description }),
        after: json!({ "name": row.name, "description": row.description }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Deletes an empty collection.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT with the current version, or while documents stand in it.
pub async fn delete(
    operation: &Operation,
    request_id: &str,
    (id, version): (Given<CollectionId>, Option<i32>),
) -> Result<CollectionId> {
    let _ = operation.require(Permission::CollectionWrite)?;
    // Whoever does not see documents would find every collection empty.
    let _ = operation.require(Permission::DocumentRead)?;
    let mut check = Check::new();
    let id = check.id("id", &id);
    let version = version.map(|version| check.version(version));
    let id = check.finish_with(id)?;
    // The one lock that a new document's foreign key waits for.
    let before = lock(operation, id, LockType::Update).await?;
    if let Some(version) = version {
        current(&before, version)?;
    }
    let inside = document::Entity::find()
        .select_only()
        .column(document::Column::Id)
        .filter(document::Column::CollectionId.eq(id))
        .filter(document::Column::DeletedAt.is_null())
        .limit(1);
    if inside.into_tuple::<uuid::Uuid>().one(operation).await?.is_some() {
        return Err(Error::Conflict("Documents stand in this collection; delete them first.", None));
    }
    let now = crate::clock::now();
    let deleted = collection::ActiveModel {
        deleted_at: Set(Some(now)),
        version: Set(before.version + 1),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = write(operation, id, deleted).await?;
    tell(operation, request_id, EventType::CollectionDeleted, &row);
    operation.audit(Audit {
        action: AuditAction::CollectionDelete,
        targets: vec![id.to_string()],
        before: json!({ "name": before.name, "description": before.description }),
        after: json!(null),
        request_id: request_id.to_owned(),
    });
    Ok(id)
}

async fn lock(operation: &Operation, id: CollectionId, lock: LockType) -> Result<collection::Model> {
    let select = collection::Entity::find()
        .filter(collection::Column::Id.eq(id))
        .filter(collection::Column::DeletedAt.is_null())
        .lock(lock);
    select.one(operation).await?.ok_or(Error::NotFound("collection"))
}

fn current(row: &collection::Model, version: i32) -> Result<()> {
    if row.version == version {
        return Ok(());
    }
    Err(Error::Conflict("Somebody changed this collection in the meantime.", Some(row.version)))
}

async fn write(
    operation: &Operation,
    id: CollectionId,
    change: collection::ActiveModel,
) -> Result<collection::Model> {
    let rows = collection::Entity::update_many()
        .set(change)
        .filter(collection::Column::Id.eq(id))
        .exec_with_returning(operation);
    rows.await.map_err(taken)?.pop().ok_or(Error::NotFound("collection"))
}

fn taken(error: sea_orm::DbErr) -> Error {
    match broken_constraint(&error) {
        Some("collections_pkey") => ID_EXISTS,
        Some("collections_name") => Error::Conflict("A collection of this name exists.", None),
        _ => error.into(),
    }
}

fn tell(operation: &Operation, request_id: &str, r#type: EventType, row: &collection::Model) {
    operation.publish(Event {
        r#type,
        subject: row.id.to_string(),
        data: json!({ "name": row.name }),
        correlation_id: request_id.to_owned(),
    });
}

/// A collection; none where it does not exist, was deleted, or is not visible.
pub(super) async fn find(operation: &Operation, id: CollectionId) -> Result<Option<collection::Model>> {
    let select = collection::Entity::find()
        .filter(collection::Column::Id.eq(id))
        .filter(collection::Column::DeletedAt.is_null());
    Ok(select.one(operation).await?)
}
