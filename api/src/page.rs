//! Pages of lists, by keyset cursors.
//!
//! A cursor names its list and the key of a row, so one of another list is refused; it holds no secret, and what it points
//! at is looked up under the reader's own policies.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::error::{Error, Result};

const DEFAULT_SIZE: u64 = 20;
/// The most rows of a page.
pub const LARGEST_SIZE: i32 = 100;
/// A cursor of ours has at most about 80 characters.
const LONGEST_CURSOR: usize = 200;

/// The four arguments of every list, as a client sent them.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    /// How many from the beginning, 1 to 100.
    pub first: Option<i32>,
    /// After this cursor.
    pub after: Option<String>,
    /// How many from the end, 1 to 100.
    pub last: Option<i32>,
    /// Before this cursor.
    pub before: Option<String>,
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// An id; version 7, so by age.
    Id(Uuid),
    /// A place in its parent.
    Ordinal(i64),
}

/// What a list is ordered by, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By its place in the parent, the first one first.
    Ordinal,
    /// By id, the newest first.
    Newest,
}

/// A checked page of one list.
#[derive(Clone, Debug)]
pub struct Page {
    list: &'static str,
    order: Order,
    size: u64,
    backward: bool,
    after: Option<Key>,
    before: Option<Key>,
}

impl Page {
    /// Checks the arguments.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT that names each argument that is not right.
    pub fn parse(list: &'static str, order: Order, args: PageArgs) -> Result<Self> {
        let backward = args.last.is_some();
        if args.first.is_some() && backward {
            return Err(Error::field("last", "EXCLUSIVE", "Send `first` or `last`, not both."));
        }
        let size = match args.first.map(|n| ("first", n)).or(args.last.map(|n| ("last", n))) {
            None => DEFAULT_SIZE,
            Some((_, n @ 1..=LARGEST_SIZE)) => n.unsigned_abs().into(),
            Some((name, _)) => {
                return Err(Error::field(
                    name,
                    "OUT_OF_RANGE",
                    format!("`{name}` is a number from 1 to {LARGEST_SIZE}."),
                ));
            }
        };
        let after = args.after.map(|cursor| decode((list, order), "after", &cursor)).transpose()?;
        let before = args.before.map(|cursor| decode((list, order), "before", &cursor)).transpose()?;
        Ok(Self { list, order, size, backward, after, before })
    }

    /// The statement for this page: one row more than asked for shows whether there is another page.
    pub fn select<E: EntityTrait>(&self, select: Select<E>, column: E::Column) -> Select<E> {
        let mut select = select;
        let ascending = self.order == Order::Ordinal;
        if let Some(key) = self.after {
            select = select.filter(if ascending { column.gt(value(key)) } else { column.lt(value(key)) });
        }
        if let Some(key) = self.before {
            select = select.filter(if ascending { column.lt(value(key)) } else { column.gt(value(key)) });
        }
        let select = if ascending == self.backward {
            select.order_by_desc(column)
        } else {
            select.order_by_asc(column)
        };
        select.limit(self.size + 1)
    }

    /// Cuts the rows that the statement gave to the page, in the list's order.
    pub fn slice<R>(&self, mut rows: Vec<R>) -> Slice<R> {
        let more = rows.len() as u64 > self.size;
        rows.truncate(usize::try_from(self.size).unwrap_or(usize::MAX));
        if self.backward {
            rows.reverse();
        }
        let (has_previous, has_next) =
            if self.backward { (more, self.before.is_some()) } else { (self.after.is_some(), more) };
        Slice { rows, has_previous, has_next }
    }

    /// The cursor of a row of this list.
    pub fn cursor(&self, key: Key) -> String {
        encode(self.list, key)
    }
}

/// The rows of a page.
pub struct Slice<R> {
    /// In the list's order.
    pub rows: Vec<R>,
    /// Whether there are rows before them.
    pub has_previous: bool,
    /// Whether there are rows after them.
    pub has_next: bool,
}

fn value(key: Key) -> sea_orm::Value {
    match key {
        Key::Id(id) => id.into(),
        Key::Ordinal(ordinal) => ordinal.into(),
    }
}

/// The cursor of a row.
fn encode(list: &str, key: Key) -> String {
    let text = match key {
        Key::Id(id) => format!("1:{list}:i:{}", id.simple()),
        Key::Ordinal(ordinal) => format!("1:{list}:o:{ordinal}"),
    };
    URL_SAFE_NO_PAD.encode(text)
}

fn decode((list, order): (&str, Order), argument: &str, cursor: &str) -> Result<Key> {
    let refuse =
        || Error::field(argument, "INVALID_CURSOR", format!("`{argument}` is not a cursor of this list."));
    if cursor.len() > LONGEST_CURSOR {
        return Err(refuse());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refuse())?;
    let text = String::from_utf8(bytes).map_err(|_| refuse())?;
    let mut parts = text.split(':');
    if (parts.next(), parts.next()) != (Some("1"), Some(list)) {
        return Err(refuse());
    }
    let key = match (parts.next(), parts.next(), parts.next()) {
        (Some("i"), Some(id), None) if order == Order::Newest => Key::Id(id.parse().map_err(|_| refuse())?),
        (Some("o"), Some(ordinal), None) if order == Order::Ordinal => {
            Key::Ordinal(ordinal.parse().map_err(|_| refuse())?)
        }
        _ => return Err(refuse()),
    };
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::{Key, Order, Page, PageArgs, decode, encode};
    use proptest::prelude::{any, proptest};
    use uuid::Uuid;

    proptest! {
        #[test]
        fn a_cursor_reads_back_in_its_own_list_and_order_only(id in any::<u128>(), ordinal in any::<i64>()) {
            let keys = [(Key::Id(Uuid::from_u128(id)), Order::Newest), (Key::Ordinal(ordinal), Order::Ordinal)];
            for ((key, order), (_, other)) in keys.into_iter().zip(keys.into_iter().rev()) {
                let cursor = encode("documents", key);
                assert_eq!(decode(("documents", order), "after", &cursor).expect("ours"), key);
                assert!(decode(("agents", order), "after", &cursor).is_err());
                assert!(decode(("documents", other), "after", &cursor).is_err());
            }
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in ".{0,300}") {
            let _ = decode(("documents", Order::Newest), "after", &text);
        }
    }

    #[test]
    fn sizes_out_of_range_and_both_directions_are_refused() {
        for first in [0, -1, 101, i32::MAX] {
            let args = PageArgs { first: Some(first), ..PageArgs::default() };
            assert!(Page::parse("documents", Order::Newest, args).is_err());
        }
        let args = PageArgs { first: Some(1), last: Some(1), ..PageArgs::default() };
        assert!(Page::parse("documents", Order::Newest, args).is_err());
    }
}
