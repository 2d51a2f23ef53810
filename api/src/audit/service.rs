//! The verification of the audit log.
//!
//! The hashes are recomputed in the database, in batches that each fit well within the time of one statement, all of them in the one
//! snapshot of the operation. After a while it stops between two batches, and says how far it came.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;

use crate::error::{Error, Result};
use crate::tenancy::{Operation, Permission, statement};

/// What it costs: of the most that an operation may, more than half, so that it stands once in one.
pub const COST: usize = 5_001;
/// How many entries one statement looks at.
const BATCH: i32 = 10_000;
/// After so long no further batch is begun.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is wrong with the log at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The entry is not what its hash was made of.
    Altered,
    /// There is no entry of this number.
    Removed,
    /// There is an entry too many.
    Inserted,
    /// The entry was made after another one than the one before it.
    Relinked,
    /// The log ends before the head.
    CutOff,
    /// The end of the log is not the head.
    Rewritten,
}

/// What came of it.
pub struct Verification {
    /// How many entries were looked at.
    pub entries: i64,
    /// Up to here everything holds.
    pub through: i64,
    /// Whether it came to the end, or to a fault.
    pub complete: bool,
    /// The first fault, and where.
    pub fault: Option<(i64, Fault)>,
    /// The number of the last entry.
    pub head: i64,
    /// Its hash.
    pub head_hash: Vec<u8>,
}

/// Verifies the log after the entry of a number; 0 for all of it.
///
/// # Errors
///
/// FORBIDDEN without audit:read, BAD_USER_INPUT for a number beyond the last entry's.
pub async fn verify(operation: &Operation, after: i64) -> Result<Verification> {
    let _ = operation.require(Permission::AuditRead)?;
    let begun = Instant::now();
    let mut entries = 0;
    let mut through = after;
    loop {
        // auditVerify: a range of audit_entries by seq.
        let sql = "select * from app.verify_audit($1, $2)";
        let row = operation.query_one_raw(statement(sql, [through.into(), BATCH.into()])).await?;
        let row = row.ok_or_else(|| Error::internal("the door did not answer"))?;
        let Some(reached) = row.try_get::<Option<i64>>("", "through")? else {
            let message = "`after` is the number of an entry of the log, or 0.";
            return Err(Error::field("after", "OUT_OF_RANGE", message));
        };
        entries += row.try_get::<i64>("", "checked")?;
        through = reached;
        let complete: bool = row.try_get("", "ended")?;
        if complete || begun.elapsed() > PATIENCE {
            let fault: Option<String> = row.try_get("", "fault")?;
            let fault = match fault {
                None => None,
                Some(name) => Some((row.try_get("", "fault_seq")?, named(&name)?)),
            };
            let (head, head_hash) = (row.try_get("", "head")?, row.try_get("", "head_hash")?);
            return Ok(Verification { entries, through, complete, fault, head, head_hash });
        }
    }
}

fn named(name: &str) -> Result<Fault> {
    Ok(match name {
        "ALTERED" => Fault::Altered,
        "REMOVED" => Fault::Removed,
        "INSERTED" => Fault::Inserted,
        "RELINKED" => Fault::Relinked,
        "CUT_OFF" => Fault::CutOff,
        "REWRITTEN" => Fault::Rewritten,
        other => return Err(Error::internal(format!("a fault of the log that nobody knows: {other}"))),
    })
}
