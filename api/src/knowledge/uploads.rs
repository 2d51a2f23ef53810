//! The rules of uploads: bytes of a version that come past GraphQL, to whoever holds the token that is shown once.
//!
//! A token opens one version of one document until it expires. Each attempt writes an object of its own, and the first one
//! that is complete becomes the version's original, in the transaction that queues the ingestion; whatever any other attempt
//! left is removed at once, or by the sweep soon after the expiry. So an attempt that stops anywhere leaves the token as it was.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use entity::document_version::DocumentFormat;
use entity::id::{DocumentId, DocumentVersionId, IngestionId, OriginalId, UploadId};
use entity::upload::{self, UploadStatus};
use entity::{document, ingestion};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::expiry::enqueue_expiry;
use super::service::enqueue_ingestion;
use crate::app::App;
use crate::config::Limits;
use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{
    Access, Audit, AuditAction, Event, EventType, Operation, Origin, UploadToken, statement,
};

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// What a finished upload is answered with when more bytes come.
const ARRIVED: Error = Error::Conflict("Other bytes have arrived for this upload already.", None);

/// What a client says of the bytes that it wants to send.
pub struct NewUpload {
    /// The name of the file.
    pub filename: Option<String>,
    /// The media type.
    pub content_type: String,
    /// How many bytes.
    pub size_bytes: i32,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: Option<String>,
}

/// The same, checked.
pub(super) struct CheckedUpload {
    pub(super) format: DocumentFormat,
    filename: Option<String>,
    content_type: String,
    size_bytes: i64,
    sha256: Option<Vec<u8>>,
}

/// What the client needs to send the bytes.
pub struct Ticket {
    /// The secret part of the address.
    pub token: String,
    /// The media type, as it was declared.
    pub content_type: String,
    /// From then on the token opens nothing.
    pub expires_at: DateTime<Utc>,
}

/// Checks what a client says of its bytes; none where something was refused.
pub(super) fn check(check: &mut Check, new: &NewUpload, limit: u32) -> Option<CheckedUpload> {
    let filename = check.optional_text("upload.filename", new.filename.as_deref(), 1..=255);
    let content_type = check.text("upload.contentType", &new.content_type, 1..=255);
    let format = match format(&content_type) {
        Ok(format) => Some(format),
        Err(reason) => {
            check.refuse("upload.contentType", "UNSUPPORTED", reason);
            None
        }
    };
    if new.size_bytes < 1 {
        check.refuse("upload.sizeBytes", "OUT_OF_RANGE", "`upload.sizeBytes` counts the bytes: at least 1.");
    } else if i64::from(new.size_bytes) > i64::from(limit) {
        check.refuse_size("upload.sizeBytes", "upload", u64::from(limit));
    }
    let sha256 = new.sha256.as_deref().map(from_hex);
    if sha256 == Some(None) {
        check.refuse("upload.sha256", "INVALID", "`upload.sha256` takes 64 hexadecimal digits.");
    }
    let size_bytes = i64::from(new.size_bytes);
    let sha256 = sha256.flatten().map(|hash| hash.to_vec());
    Some(CheckedUpload { format: format?, filename, content_type, size_bytes, sha256 })
}

/// How bytes of a media type are read.
fn format(content_type: &str) -> Result<DocumentFormat, &'static str> {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let format = match kind.as_str() {
        "text/plain" => DocumentFormat::Text,
        "text/markdown" => DocumentFormat::Markdown,
        "text/html" => DocumentFormat::Html,
        "application/pdf" => {
            return Err("PDF cannot be read yet: send text/plain, text/markdown or text/html.");
        }
        _ => return Err("This media type cannot be read: send text/plain, text/markdown or text/html."),
    };
    for parameter in parts {
        let charset =
            parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        let utf8 =
            |name: &str| ["utf-8", "utf8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if charset.is_some_and(|(_, value)| !utf8(value.trim().trim_matches('"'))) {
            return Err("Only UTF-8 can be read: convert the text, and declare charset=utf-8 or none.");
        }
    }
    Ok(format)
}

/// SHA-256 in hexadecimal digits.
#[must_use]
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
    }
    Some(hash)
}

/// SHA-256 as hexadecimal digits.
#[must_use]
pub fn to_hex(hash: &[u8]) -> String {
    hash.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Lets the bytes of a version come, and says where.
pub(super) async fn open(
    operation: &Operation,
    request_id: &str,
    (document_id, version_id): (DocumentId, DocumentVersionId),
    checked: CheckedUpload,
    limits: &Limits,
) -> Result<Ticket> {
    let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; TOKEN_BYTES]>());
    let expires_at = crate::clock::now() + TimeDelta::seconds(i64::from(limits.upload_expiry_seconds));
    let ticket = Ticket { content_type: checked.content_type.clone(), expires_at, token };
    let row = upload::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(UploadId::new()),
        document_id: Set(document_id),
        document_version_id: Set(version_id),
        token_hash: Set(hash(&ticket.token).0.to_vec()),
        filename: Set(checked.filename),
        content_type: Set(checked.content_type),
        size_bytes: Set(checked.size_bytes),
        sha256: Set(checked.sha256),
        expires_at: Set(expires_at),
        ..Default::default()
    };
    upload::Entity::insert(row).exec_without_returning(operation).await?;
    let delay_ms = i64::from(limits.upload_expiry_seconds) * 1000;
    enqueue_expiry(operation, request_id, version_id, delay_ms).await?;
    Ok(ticket)
}

/// Takes the token out of an address; none where it has not the form of one.
#[must_use]
pub fn read_token(text: &str) -> Option<UploadToken> {
    let random = URL_SAFE_NO_PAD.decode(text).ok()?;
    (random.len() == TOKEN_BYTES).then(|| hash(text))
}

fn hash(token: &str) -> UploadToken {
    UploadToken(Sha256::digest(token.as_bytes()).into())
}

/// What a token stands for, as long as it does.
///
/// # Errors
///
/// NOT_FOUND, whatever the reason; UNAVAILABLE.
pub async fn find(app: &App, token: UploadToken) -> Result<upload::Model> {
    let operation = app.database().operation(Origin::Upload { token }, Access::ReadOnly).await?;
    let row = of_token(&operation, token).await?;
    live_document(&row).one(&operation).await?.ok_or(Error::NotFound("upload"))?;
    Ok(row)
}

/// The document of an upload, unless it was deleted.
fn live_document(row: &upload::Model) -> Select<document::Entity> {
    document::Entity::find()
        .filter(document::Column::Id.eq(row.document_id))
        .filter(document::Column::DeletedAt.is_null())
}

async fn of_token(operation: &Operation, token: UploadToken) -> Result<upload::Model> {
    let select = upload::Entity::find().filter(upload::Column::TokenHash.eq(token.0.to_vec()));
    select.one(operation).await?.ok_or(Error::NotFound("upload"))
}

/// What came of an attempt to send bytes.
pub struct Arrived {
    /// The object in the store.
    pub original: OriginalId,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// Whether an object that was written is known to be nobody's.
#[derive(Debug)]
pub enum Unfinished {
    /// It is: nothing refers to it.
    Withdrawn(Error),
    /// The answer to COMMIT did not come, so the sweep has to decide.
    Unknown(Error),
}

/// Makes an object that is complete the original of its version, and queues the ingestion: once.
///
/// # Errors
///
/// CONFLICT where another attempt was first, NOT_FOUND where the document was deleted or the upload expired meanwhile,
/// UNAVAILABLE.
pub async fn finish(
    app: &App,
    request_id: &str,
    token: UploadToken,
    arrived: &Arrived,
) -> Result<(), Unfinished> {
    let begun = app.database().operation(Origin::Upload { token }, Access::ReadWrite).await;
    let operation = begun.map_err(Unfinished::Withdrawn)?;
    attach(&operation, request_id, token, arrived).await.map_err(Unfinished::Withdrawn)?;
    operation.commit().await.map_err(Unfinished::Unknown)
}

async fn attach(
    operation: &Operation,
    request_id: &str,
    token: UploadToken,
    arrived: &Arrived,
) -> Result<()> {
    let row = of_token(operation, token).await?;
    // As a deletion does: the document first.
    let document =
        live_document(&row).lock_exclusive().one(operation).await?.ok_or(Error::NotFound("upload"))?;
    // Store: whoever is first, and not too late.
    let stored = operation
        .execute_raw(statement(
            "update public.uploads set status = 'STORED', original_id = $2, sha256 = $3, stored_at = now()
             where workspace_id = app.workspace_id() and id = $1 and status = 'PENDING' and expires_at > clock_timestamp()",
            [row.id.0.into(), arrived.original.0.into(), arrived.sha256.to_vec().into()],
        ))
        .await?;
    if stored.rows_affected() != 1 {
        let now = of_token(operation, token).await?;
        return Err(if now.status == UploadStatus::Stored { ARRIVED } else { Error::NotFound("upload") });
    }
    let ingestion = release(operation, row.document_version_id).await?;
    enqueue_ingestion(operation, request_id, ingestion).await?;
    operation.publish(Event {
        r#type: EventType::DocumentUploaded,
        subject: document.id.to_string(),
        data: json!({ "document_version_id": row.document_version_id.to_string(), "size_bytes": row.size_bytes }),
        correlation_id: request_id.to_owned(),
    });
    operation.audit(Audit {
        action: AuditAction::DocumentUpload,
        targets: vec![document.id.to_string(), row.document_version_id.to_string()],
        before: json!(null),
        after: json!({ "filename": row.filename, "size_bytes": row.size_bytes, "sha256": to_hex(&arrived.sha256) }),
        request_id: request_id.to_owned(),
    });
    Ok(())
}

/// Lets the ingestion of a version wait for a worker instead of its upload.
async fn release(operation: &Operation, version_id: DocumentVersionId) -> Result<IngestionId> {
    let waiting = ingestion::Entity::find().filter(ingestion::Column::DocumentVersionId.eq(version_id));
    let row = waiting.one(operation).await?.ok_or(Error::NotFound("upload"))?;
    operation
        .execute_raw(statement(
            "update public.ingestions set wait_reason = 'QUEUE', updated_at = now()
             where workspace_id = app.workspace_id() and id = $1 and status = 'QUEUED'",
            [row.id.0.into()],
        ))
        .await?;
    Ok(row.id)
}

/// What bytes are answered with that come after others: nothing is wrong where they are the same.
///
/// # Errors
///
/// CONFLICT where they are others.
pub fn compare(row: &upload::Model, sha256: [u8; 32]) -> Result<()> {
    if row.sha256.as_deref() == Some(&sha256) { Ok(()) } else { Err(ARRIVED) }
}

/// Takes back what a deleted document still waits for.
pub(super) async fn cancel(operation: &Operation, document_id: DocumentId) -> Result<()> {
    operation
        .execute_raw(statement(
            "update public.ingestions i set status = 'CANCELED', wait_reason = null, finished_at = now(), updated_at = now()
             from public.uploads u
             where u.workspace_id = app.workspace_id() and u.document_id = $1 and u.status = 'PENDING'
               and i.workspace_id = u.workspace_id and i.document_version_id = u.document_version_id and i.status = 'QUEUED'",
            [document_id.0.into()],
        ))
        .await?;
    operation
        .execute_raw(statement(
            "update public.uploads set status = 'CANCELED'
             where workspace_id = app.workspace_id() and document_id = $1 and status = 'PENDING'",
            [document_id.0.into()],
        ))
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use entity::document_version::DocumentFormat;
    use proptest::prelude::{any, proptest};

    use super::{NewUpload, check, format, from_hex, read_token, to_hex};
    use crate::error::Error;
    use crate::input::Check;

    #[test]
    fn text_markdown_and_html_in_utf_8_are_taken_and_nothing_else() {
        for (content_type, expected) in [
            ("text/plain", DocumentFormat::Text),
            ("Text/Markdown; charset=UTF-8; variant=GFM", DocumentFormat::Markdown),
            ("text/html;charset=\"utf-8\"", DocumentFormat::Html),
        ] {
            assert_eq!(format(content_type), Ok(expected), "{content_type}");
        }
        for other in [
            "",
            "text",
            "application/pdf",
            "text/csv",
            "text/plain; charset=latin1",
            "text/html; CHARSET = utf-16",
        ] {
            assert!(format(other).is_err(), "{other}");
        }
    }

    #[test]
    fn everything_that_is_wrong_with_an_upload_is_named_at_once() {
        let mut input = Check::new();
        let new = NewUpload {
            filename: Some(String::new()),
            content_type: "application/pdf".to_owned(),
            size_bytes: 0,
            sha256: Some("abc".to_owned()),
        };
        assert!(check(&mut input, &new, 10).is_none());
        let Err(Error::BadUserInput(issues)) = input.finish() else { panic!("refused") };
        let paths: Vec<String> = issues.iter().map(|issue| issue.path.join(".")).collect();
        assert_eq!(
            paths,
            [
                "input.upload.filename",
                "input.upload.contentType",
                "input.upload.sizeBytes",
                "input.upload.sha256"
            ]
        );
    }

    #[test]
    fn only_32_random_bytes_are_a_token() {
        assert!(read_token(&"A".repeat(43)).is_some());
        for wrong in
            ["", "..", "%2e%2e", &"A".repeat(42), &"A".repeat(44), &"=".repeat(43), &"A".repeat(1 << 20)]
        {
            assert!(read_token(wrong).is_none(), "{}", &wrong[..wrong.len().min(50)]);
        }
        assert!(format!("{:?}", read_token(&"A".repeat(43))).contains("***"));
    }

    proptest! {
        #[test]
        fn a_hash_reads_back_from_its_digits(hash in any::<[u8; 32]>()) {
            assert_eq!(from_hex(&to_hex(&hash)), Some(hash));
            assert_eq!(from_hex(&to_hex(&hash).to_uppercase()), Some(hash));
        }

        #[test]
        fn no_text_makes_the_reader_of_digits_panic(text in any::<String>()) {
            let _ = from_hex(&text);
        }
    }
}
