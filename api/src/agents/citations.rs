//! The check that every citation passes before it is stored, and the coverage that an answer reports.
//!
//! A quote is verified only if the version's text holds exactly it at exactly its offsets: no trimming, no case
//! folding, no normalisation, no search nearby. Offsets are Unicode scalar values, end exclusive; they are data
//! from a model or a client, so any value is accepted and judged, and nothing here panics. Coverage counts the
//! sentences (UAX #29) of an answer that a verified citation overlaps; whoever calls passes verified spans only.

use sha2::{Digest as _, Sha256};

use super::sentences;

/// A passage of a document version that claims to stand at these offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The first character, in Unicode scalar values from the start of the version's text.
    pub start: u32,
    /// The end, exclusive, in Unicode scalar values from the start of the version's text.
    pub end: u32,
    /// The quoted text, exactly as in the version.
    pub text: String,
}

/// The outcome of [`verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The version's text holds exactly the quote at exactly its offsets.
    Verified,
    /// It does not, for this reason.
    Rejected(Rejection),
}

/// Why a quote was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The quote has no text, or its offsets span nothing.
    Empty,
    /// The end stands before the start.
    Reversed,
    /// The offsets reach past the end of the version's text.
    OutOfBounds,
    /// Another text stands at the offsets.
    Mismatch,
}

/// Judges a quote against the text of the version that it names, in time linear in that text.
#[must_use]
pub fn verify(version_text: &str, quote: &Quote) -> Verification {
    if quote.start > quote.end {
        return Verification::Rejected(Rejection::Reversed);
    }
    if quote.start == quote.end || quote.text.is_empty() {
        return Verification::Rejected(Rejection::Empty);
    }
    match slice(version_text, quote.start, quote.end) {
        None => Verification::Rejected(Rejection::OutOfBounds),
        Some(found) if found == quote.text => Verification::Verified,
        Some(_) => Verification::Rejected(Rejection::Mismatch),
    }
}

/// Returns `text[start..end]` in Unicode scalar values, or `None` when that is reversed or out of bounds.
#[must_use]
pub fn slice(text: &str, start: u32, end: u32) -> Option<&str> {
    let length = end.checked_sub(start)? as usize;
    let from = byte_offset(text, start as usize)?;
    let rest = &text[from..];
    Some(&rest[..byte_offset(rest, length)?])
}

/// Returns the byte offset behind the first `scalars` characters, or `None` when the text is shorter.
fn byte_offset(text: &str, scalars: usize) -> Option<usize> {
    text.char_indices().map(|(offset, _)| offset).chain([text.len()]).nth(scalars)
}

/// Returns the SHA-256 digest of a quote's UTF-8 bytes in lower-case hexadecimal, 64 characters.
#[must_use]
pub fn sha256_hex(quote: &str) -> String {
    format!("{:x}", Sha256::digest(quote.as_bytes()))
}

/// How much of an answer its verified citations support.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The number of sentences that at least one verified citation overlaps.
    pub supported: u32,
    /// The number of sentences.
    pub sentences: u32,
}

impl Coverage {
    /// Returns supported over all sentences, from 0 to 1; 0 when there are none.
    #[must_use]
    pub fn ratio(self) -> f64 {
        if self.sentences == 0 { 0.0 } else { f64::from(self.supported) / f64::from(self.sentences) }
    }
}

/// Counts the sentences of `answer` that the answer spans of its verified citations overlap.
///
/// Spans are `(start, end)` in Unicode scalar values of the answer, end exclusive, in any order; one that is empty,
/// reversed or past the end supports nothing.
#[must_use]
pub fn coverage(answer: &str, spans: &[(u32, u32)]) -> Coverage {
    let mut spans: Vec<_> = spans.iter().copied().filter(|(start, end)| start < end).collect();
    spans.sort_unstable();
    let mut spans = spans.into_iter().peekable();
    let mut coverage = Coverage::default();
    let mut read = 0;
    let mut scalars = 0_u32;
    let mut cited_until = 0_u32;
    for sentence in sentences::spans(answer) {
        let start = scalars.saturating_add(scalar_length(&answer[read..sentence.start]));
        let end = start.saturating_add(scalar_length(&answer[sentence.clone()]));
        (read, scalars) = (sentence.end, end);
        while let Some((_, until)) = spans.next_if(|(from, _)| *from < end) {
            cited_until = cited_until.max(until);
        }
        coverage.sentences = coverage.sentences.saturating_add(1);
        coverage.supported = coverage.supported.saturating_add(u32::from(cited_until > start));
    }
    coverage
}

/// Returns the length of a text in Unicode scalar values, at most `u32::MAX`.
pub(super) fn scalar_length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{
        Coverage, Quote, Rejection, Verification, coverage, scalar_length, sha256_hex, slice, verify,
    };

    fn quote(start: u32, end: u32, text: &str) -> Quote {
        Quote { start, end, text: text.to_owned() }
    }

    #[test]
    fn a_quote_at_its_offsets_is_verified_and_anywhere_else_is_not() {
        let text = "naïve 🦀 crab: 猫 and crab";
        assert_eq!(verify(text, &quote(6, 12, "🦀 crab")), Verification::Verified);
        assert_eq!(verify(text, &quote(14, 15, "猫")), Verification::Verified);
        assert_eq!(verify(text, &quote(7, 13, "🦀 crab")), Verification::Rejected(Rejection::Mismatch));
        assert_eq!(verify(text, &quote(6, 11, "🦀 crab")), Verification::Rejected(Rejection::Mismatch));
        assert_eq!(verify(text, &quote(6, 12, "🦀 Crab")), Verification::Rejected(Rejection::Mismatch));
    }

    #[test]
    fn decomposed_text_is_not_the_composed_quote() {
        assert_eq!(verify("é", &quote(0, 1, "e\u{301}")), Verification::Rejected(Rejection::Mismatch));
    }

    #[test]
    fn impossible_offsets_are_rejected_with_their_reason() {
        assert_eq!(verify("abc", &quote(2, 1, "b")), Verification::Rejected(Rejection::Reversed));
        assert_eq!(verify("abc", &quote(1, 1, "b")), Verification::Rejected(Rejection::Empty));
        assert_eq!(verify("abc", &quote(1, 2, "")), Verification::Rejected(Rejection::Empty));
        assert_eq!(verify("abc", &quote(2, 4, "c")), Verification::Rejected(Rejection::OutOfBounds));
        assert_eq!(verify("", &quote(0, 1, "a")), Verification::Rejected(Rejection::OutOfBounds));
        assert_eq!(
            verify("abc", &quote(u32::MAX - 1, u32::MAX, "c")),
            Verification::Rejected(Rejection::OutOfBounds)
        );
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        assert_eq!(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn coverage_counts_sentences_with_a_citation() {
        let answer = "Größe zählt. 猫が好き。Nothing else matters.";
        assert_eq!(coverage(answer, &[]), Coverage { supported: 0, sentences: 3 });
        assert_eq!(coverage(answer, &[(0, 12)]), Coverage { supported: 1, sentences: 3 });
        assert_eq!(coverage(answer, &[(14, 15), (0, 12), (14, 15)]), Coverage { supported: 2, sentences: 3 });
        assert_eq!(coverage(answer, &[(11, 19)]), Coverage { supported: 3, sentences: 3 });
        assert!((coverage(answer, &[(0, 12)]).ratio() - 1.0 / 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn spans_over_nothing_support_nothing() {
        let none = Coverage { supported: 0, sentences: 2 };
        assert_eq!(coverage("One. Two.", &[(4, 5), (3, 3), (5, 2), (9, 10), (u32::MAX - 1, u32::MAX)]), none);
        assert!(coverage("", &[(0, 5)]).ratio().abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn every_true_slice_is_verified(text in any::<String>(), first in 0_u32..200, second in 0_u32..200) {
            let length = scalar_length(&text);
            let (start, end) = (first.min(second).min(length), first.max(second).min(length));
            let expected: String = text.chars().skip(start as usize).take((end - start) as usize).collect();
            prop_assert_eq!(slice(&text, start, end), Some(expected.as_str()));
            let verdict = verify(&text, &quote(start, end, &expected));
            prop_assert_eq!(verdict == Verification::Verified, start < end);
        }

        #[test]
        fn a_shifted_quote_is_verified_only_where_the_same_text_stands(
            text in "[aä猫🦀]{1,40}", start in 0_u32..45, length in 1_u32..6, shift in 0_u32..45,
        ) {
            let characters: Vec<char> = text.chars().collect();
            let window = |from: u32| characters.get(from as usize..(from + length) as usize).map(String::from_iter);
            if let Some(claimed) = window(start) {
                let verdict = verify(&text, &quote(shift, shift + length, &claimed));
                prop_assert_eq!(verdict == Verification::Verified, window(shift) == Some(claimed));
            }
        }

        #[test]
        fn supported_never_exceeds_the_sentences(
            answer in any::<String>(), spans in proptest::collection::vec((any::<u32>(), any::<u32>()), 0..20),
        ) {
            let all = coverage(&answer, &[(0, u32::MAX)]);
            prop_assert_eq!(all.supported, all.sentences);
            let some = coverage(&answer, &spans);
            prop_assert!(some.supported <= some.sentences && some.sentences == all.sentences);
        }
    }
}
