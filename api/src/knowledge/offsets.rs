//! Converts between the three ways to count a position in a text: bytes of UTF-8 (how Rust slices), Unicode scalar
//! values (what is stored), and UTF-16 code units (how JavaScript slices).
//!
//! [`OffsetMap`] reads the text once and answers each question by a binary search and a walk over at most
//! `CHECKPOINT_BYTES` bytes, so many conversions stay cheap. A position that is past the text or inside a character
//! is refused with `None`, never rounded.

use std::ops::Range;

/// Distance between checkpoints, in bytes: memory is 24 bytes for each, time a walk over half of it.
const CHECKPOINT_BYTES: usize = 512;

/// One position, counted in all three ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes of UTF-8 before the position.
    pub byte: usize,
    /// Unicode scalar values before the position.
    pub scalar: usize,
    /// UTF-16 code units before the position.
    pub utf16: usize,
}

impl Position {
    fn after(self, character: char) -> Self {
        Self {
            byte: self.byte + character.len_utf8(),
            scalar: self.scalar + 1,
            utf16: self.utf16 + character.len_utf16(),
        }
    }
}

/// Finds positions in one text.
#[derive(Clone, Debug)]
pub struct OffsetMap<'a> {
    text: &'a str,
    /// The positions nearest to every `CHECKPOINT_BYTES` bytes, the start first.
    checkpoints: Vec<Position>,
    end: Position,
}

impl<'a> OffsetMap<'a> {
    /// Reads the text once.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let mut checkpoints = Vec::with_capacity(text.len() / CHECKPOINT_BYTES + 1);
        checkpoints.push(Position::default());
        let mut position = Position::default();
        let mut due = CHECKPOINT_BYTES;
        for character in text.chars() {
            if position.byte >= due {
                checkpoints.push(position);
                due = position.byte + CHECKPOINT_BYTES;
            }
            position = position.after(character);
        }
        Self { text, checkpoints, end: position }
    }

    /// The position past the text, which is its length in each way of counting.
    #[must_use]
    pub fn end(&self) -> Position {
        self.end
    }

    /// The position that has `byte` bytes before it.
    #[must_use]
    pub fn at_byte(&self, byte: usize) -> Option<Position> {
        self.find(byte, |position| position.byte)
    }

    /// The position that has `scalar` Unicode scalar values before it.
    #[must_use]
    pub fn at_scalar(&self, scalar: usize) -> Option<Position> {
        self.find(scalar, |position| position.scalar)
    }

    /// The position that has `utf16` UTF-16 code units before it; `None` between two surrogates.
    #[must_use]
    pub fn at_utf16(&self, utf16: usize) -> Option<Position> {
        self.find(utf16, |position| position.utf16)
    }

    /// The text between two offsets in Unicode scalar values, the end exclusive.
    #[must_use]
    pub fn slice(&self, scalars: Range<usize>) -> Option<&'a str> {
        let (start, end) = (self.at_scalar(scalars.start)?, self.at_scalar(scalars.end)?);
        self.text.get(start.byte..end.byte)
    }

    fn find(&self, wanted: usize, count: impl Fn(&Position) -> usize) -> Option<Position> {
        if wanted > count(&self.end) {
            return None;
        }
        let after = self.checkpoints.partition_point(|checkpoint| count(checkpoint) <= wanted);
        let mut position = self.checkpoints.get(after.checked_sub(1)?).copied()?;
        let mut rest = self.text.get(position.byte..)?.chars();
        while count(&position) < wanted {
            position = position.after(rest.next()?);
        }
        (count(&position) == wanted).then_some(position)
    }
}

/// The text between two offsets in Unicode scalar values, the end exclusive: the form for a single look, which walks
/// the text up to `end` and allocates nothing.
#[must_use]
pub fn slice_scalars(text: &str, start: usize, end: usize) -> Option<&str> {
    let length = end.checked_sub(start)?;
    let from = text.get(byte_of_scalar(text, start)?..)?;
    from.get(..byte_of_scalar(from, length)?)
}

fn byte_of_scalar(text: &str, scalar: usize) -> Option<usize> {
    text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(scalar)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{OffsetMap, slice_scalars};

    const MIXED: &str = "[a-z \n]{0,3}|[éß\u{301}]{0,3}|[漢字]{0,3}|[👍🏽👩‍🚀𝄞]{0,3}|[שלום]{0,3}";

    proptest! {
        #[test]
        fn every_position_is_found_from_every_count(parts in proptest::collection::vec(MIXED, 0..400)) {
            let text = parts.concat();
            let map = OffsetMap::new(&text);
            let (mut scalar, mut utf16) = (0, 0);
            for (byte, character) in text.char_indices().map(|(byte, c)| (byte, Some(c))).chain([(text.len(), None)]) {
                let position = map.at_byte(byte).expect("a boundary");
                prop_assert_eq!((position.byte, position.scalar, position.utf16), (byte, scalar, utf16));
                prop_assert_eq!(map.at_scalar(scalar), Some(position));
                prop_assert_eq!(map.at_utf16(utf16), Some(position));
                if let Some(character) = character {
                    for inside in 1..character.len_utf8() {
                        prop_assert_eq!(map.at_byte(byte + inside), None);
                    }
                    if character.len_utf16() == 2 {
                        prop_assert_eq!(map.at_utf16(utf16 + 1), None);
                    }
                    scalar += 1;
                    utf16 += character.len_utf16();
                }
            }
            prop_assert_eq!(utf16, text.encode_utf16().count());
            prop_assert_eq!(map.end(), map.at_byte(text.len()).expect("the end"));
            prop_assert_eq!(map.at_scalar(scalar + 1), None);
            prop_assert_eq!(map.at_utf16(utf16 + 1), None);
            prop_assert_eq!(map.at_byte(text.len() + 1), None);
        }

        #[test]
        fn slices_are_those_of_the_characters(text in "[a-zé漢👍]{0,50}", start in 0usize..60, end in 0usize..60) {
            let characters: Vec<char> = text.chars().collect();
            let expected = characters.get(start..end).map(|slice| slice.iter().collect::<String>());
            prop_assert_eq!(slice_scalars(&text, start, end), expected.as_deref());
            prop_assert_eq!(OffsetMap::new(&text).slice(start..end), expected.as_deref());
        }
    }

    #[test]
    fn absurd_offsets_are_refused() {
        assert_eq!(slice_scalars("abc", usize::MAX, usize::MAX), None);
        assert_eq!(slice_scalars("abc", 0, usize::MAX), None);
        assert_eq!(slice_scalars("", 0, 0), Some(""));
        assert_eq!(OffsetMap::new("abc").at_utf16(usize::MAX), None);
    }
}
