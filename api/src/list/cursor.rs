//! Cursors: the key of a row, in one order of one list of one workspace.
//!
//! A cursor holds no secret and grants nothing: what it points at is read under the reader's own policies. Its check value
//! binds it to its list, parent, order and workspace, so one that is used elsewhere, or was changed, is refused instead of
//! giving a page that means nothing.

use async_graphql::connection::CursorType;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use entity::id::WorkspaceId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The format. Cursors of another one are refused: a client starts again without a cursor.
const FORMAT: &str = "2";
/// The longest text that a list is ordered by has 500 characters of up to four bytes.
const LONGEST: usize = 4096;
/// Hexadecimal digits of the check value.
const CHECK_DIGITS: usize = 12;

/// Which list of which workspace, and below which parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The list.
    pub list: &'static str,
    /// The parent of the rows; none where the list is the workspace's.
    pub parent: Option<Uuid>,
}

/// Where a row stands in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// By its id.
    Id(Uuid),
    /// By its place in the parent.
    Ordinal(i32),
    /// By its number in the workspace.
    Seq(i64),
    /// By a moment, then by its id.
    Time(DateTime<Utc>, Uuid),
    /// By a text, then by its id.
    Text(String, Uuid),
}

/// The kind of an order's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Id,
    Ordinal,
    Seq,
    Time,
    Text,
}

impl Key {
    fn write(&self) -> String {
        match self {
            Self::Id(id) => id.simple().to_string(),
            Self::Ordinal(ordinal) => ordinal.to_string(),
            Self::Seq(seq) => seq.to_string(),
            Self::Time(time, id) => format!("{}:{}", id.simple(), time.timestamp_micros()),
            Self::Text(text, id) => format!("{}:{text}", id.simple()),
        }
    }

    fn read(kind: KeyKind, text: &str) -> Option<Self> {
        let (id, rest) = text.split_once(':').unwrap_or((text, ""));
        Some(match kind {
            KeyKind::Id => Self::Id(text.parse().ok()?),
            KeyKind::Ordinal => Self::Ordinal(text.parse().ok()?),
            KeyKind::Seq => Self::Seq(text.parse().ok()?),
            KeyKind::Time => {
                let time = DateTime::from_timestamp_micros(rest.parse().ok()?)?;
                // What PostgreSQL cannot hold is no moment of a row.
                Self::Time((1970..=9999).contains(&time.year()).then_some(time)?, id.parse().ok()?)
            }
            KeyKind::Text => Self::Text((!rest.contains('\0')).then(|| rest.to_owned())?, id.parse().ok()?),
        })
    }
}

/// The cursor of one row, written only where it is asked for.
#[derive(Clone, Debug)]
pub struct Cursor {
    pub(super) scope: Scope,
    pub(super) order: &'static str,
    pub(super) descending: bool,
    pub(super) key: Key,
}

impl CursorType for Cursor {
    type Error = &'static str;

    /// Cursors are read by `Page`, which knows what they may be.
    fn decode_cursor(_: &str) -> Result<Self, Self::Error> {
        Err("cursors are read by the list that they belong to")
    }

    fn encode_cursor(&self) -> String {
        let text = format!("{}:{}", prefix(self.scope, self.order, self.descending), self.key.write());
        URL_SAFE_NO_PAD.encode(format!("{FORMAT}:{}:{text}", check(self.scope, &text)))
    }
}

/// Reads a cursor of this list in this order.
pub(super) fn read(
    scope: Scope,
    (order, descending): (&str, bool),
    kind: KeyKind,
    cursor: &str,
) -> Option<Key> {
    if cursor.len() > LONGEST {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let text = text.strip_prefix(FORMAT)?.strip_prefix(':')?;
    let (found, text) = text.split_once(':')?;
    if found != check(scope, text) {
        return None;
    }
    let key = text.strip_prefix(&prefix(scope, order, descending))?.strip_prefix(':')?;
    Key::read(kind, key)
}

fn prefix(scope: Scope, order: &str, descending: bool) -> String {
    format!("{}:{order}:{}", scope.list, if descending { "desc" } else { "asc" })
}

fn check(scope: Scope, text: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(scope.workspace.0.as_bytes());
    hasher.update(scope.parent.unwrap_or_default().as_bytes());
    hasher.update(text.as_bytes());
    let mut digits = format!("{:x}", hasher.finalize());
    digits.truncate(CHECK_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Key, KeyKind, Scope, read};
    use async_graphql::connection::CursorType;
    use chrono::DateTime;
    use entity::id::WorkspaceId;
    use proptest::prelude::{any, proptest};
    use uuid::Uuid;

    const SCOPE: Scope =
        Scope { workspace: WorkspaceId(Uuid::from_u128(1)), list: "documents", parent: None };

    proptest! {
        #[test]
        fn a_cursor_reads_back_in_its_own_list_order_parent_and_workspace_only(id in any::<u128>(), ordinal in any::<i32>(), seq in any::<i64>(),
            micros in 0_i64..253_402_300_799_000_000, text in "[^\0]{0,500}") {
            let id = Uuid::from_u128(id);
            let time = DateTime::from_timestamp_micros(micros).expect("a moment");
            for (kind, key) in [
                (KeyKind::Id, Key::Id(id)),
                (KeyKind::Ordinal, Key::Ordinal(ordinal)),
                (KeyKind::Seq, Key::Seq(seq)),
                (KeyKind::Time, Key::Time(time, id)),
                (KeyKind::Text, Key::Text(text, id)),
            ] {
                let cursor = Cursor { scope: SCOPE, order: "x", descending: true, key: key.clone() }.encode_cursor();
                assert_eq!(read(SCOPE, ("x", true), kind, &cursor), Some(key));
                for other in [
                    Scope { workspace: WorkspaceId(Uuid::from_u128(2)), ..SCOPE },
                    Scope { list: "agents", ..SCOPE },
                    Scope { parent: Some(id), ..SCOPE },
                ] {
                    let elsewhere = other.parent != Some(Uuid::nil());
                    assert!(!elsewhere || read(other, ("x", true), kind, &cursor).is_none());
                }
                assert_eq!(read(SCOPE, ("x", false), kind, &cursor), None);
                assert_eq!(read(SCOPE, ("y", true), kind, &cursor), None);
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,300}") {
            for kind in [KeyKind::Id, KeyKind::Ordinal, KeyKind::Seq, KeyKind::Time, KeyKind::Text] {
                let _ = read(SCOPE, ("x", true), kind, &text);
                let _ = Key::read(kind, &text);
            }
        }
    }
}
