//! Turns what a model marked into citations: each quote is looked for in the passage that it names, and nowhere else.
//!
//! A quote is found where the passage holds its characters; runs of white space count as one space, because models do not copy line
//! breaks. What is cited is then the passage's own text at those offsets. A quote that is not found cites the whole passage's place
//! with the model's words, so that the check which every citation passes rejects it. A number of no passage, and a mark without a
//! quote, support nothing and cannot be stored; they are counted.

use std::ops::Range;

use super::marks::Mark;
use crate::agents::citations::scalar_length;
use crate::agents::extractive::{ABSTENTION, Answer, AnswerCitation, Passage};
use crate::agents::sentences;

/// The most citations of an answer.
const MOST_CITATIONS: usize = 32;
/// The longest quote that is kept as evidence, in Unicode scalar values.
const LONGEST_QUOTE: usize = 2000;

/// What a model answered, judged.
#[derive(Debug, PartialEq)]
pub(super) struct Judged {
    pub(super) answer: Answer,
    /// Marks that named no passage of this run.
    pub(super) unknown: usize,
    /// Marks without a quote.
    pub(super) bare: usize,
}

/// Judges an answer; none where there is no text.
pub(super) fn judge(text: String, marks: Vec<Mark>, passages: &[Passage]) -> Option<Judged> {
    if !text.contains(char::is_alphanumeric) {
        return None;
    }
    let spans = sentences::spans(&text);
    let (mut unknown, mut bare) = (0, 0);
    let mut citations: Vec<AnswerCitation> = Vec::new();
    let mut found_any = false;
    for mark in marks {
        let place = mark.passage.checked_sub(1).filter(|place| *place < passages.len());
        let Some(place) = place else {
            unknown += 1;
            continue;
        };
        if !mark.quote.contains(char::is_alphanumeric) {
            bare += 1;
            continue;
        }
        let found = locate(&passages[place].text, &mark.quote);
        found_any |= found.is_some();
        let citation = cite(place, &passages[place], (found, &mark.quote), span(&text, &spans, mark.at));
        if citations.len() < MOST_CITATIONS && !citations.contains(&citation) {
            citations.push(citation);
        }
    }
    let abstained = letters(&text) == letters(ABSTENTION)
        || (!found_any && letters(&text).contains(&letters(ABSTENTION)));
    let answer = if abstained {
        Answer { text: ABSTENTION.to_owned(), abstained, citations: Vec::new(), confidence: 0.0 }
    } else {
        Answer { text, abstained, citations, confidence: 1.0 }
    };
    Some(Judged { answer, unknown, bare })
}

fn cite(
    place: usize,
    passage: &Passage,
    (found, quote): (Option<Range<usize>>, &str),
    span: (u32, u32),
) -> AnswerCitation {
    let (range, quote) = match found {
        Some(range) => (range.clone(), passage.text[range].to_owned()),
        None => (0..passage.text.len(), quote.chars().take(LONGEST_QUOTE).collect()),
    };
    let start = passage.start.saturating_add(scalar_length(&passage.text[..range.start]));
    let end = start.saturating_add(scalar_length(&passage.text[range]));
    AnswerCitation { passage: place, start, end, quote, answer_start: span.0, answer_end: span.1 }
}

/// The sentence that a mark stands behind or in, in Unicode scalar values.
fn span(text: &str, sentences: &[Range<usize>], at: usize) -> (u32, u32) {
    let before = sentences.partition_point(|sentence| sentence.start < at);
    // A mark before all text belongs to what follows it.
    let sentence = sentences.get(before.saturating_sub(1)).cloned().unwrap_or(0..text.len());
    let start = scalar_length(&text[..sentence.start]);
    (start, start.saturating_add(scalar_length(&text[sentence])))
}

/// Where a passage holds a quote, in bytes.
fn locate(passage: &str, quote: &str) -> Option<Range<usize>> {
    let unescaped = quote.replace("\\\"", "\"");
    [quote, &unescaped].into_iter().find_map(|quote| {
        let exact = passage.find(quote).map(|start| start..start + quote.len());
        exact.or_else(|| spaced(passage, quote))
    })
}

/// As [`locate`], with every run of white space as one space.
fn spaced(passage: &str, quote: &str) -> Option<Range<usize>> {
    let wanted = quote.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut flat = String::with_capacity(passage.len());
    // For each byte of the flat text, where its character stands in the passage.
    let mut origins: Vec<Range<usize>> = Vec::with_capacity(passage.len());
    for (at, character) in passage.char_indices() {
        let origin = at..at + character.len_utf8();
        if !character.is_whitespace() {
            flat.push(character);
            origins.extend(std::iter::repeat_n(origin, character.len_utf8()));
        } else if flat.ends_with(' ') {
            if let Some(last) = origins.last_mut() {
                last.end = origin.end;
            }
        } else {
            flat.push(' ');
            origins.push(origin);
        }
    }
    let start = flat.find(&wanted)?;
    let last = (start + wanted.len()).checked_sub(1)?;
    Some(origins.get(start)?.start..origins.get(last)?.end)
}

fn letters(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};
    use uuid::Uuid;

    use super::{Judged, judge, locate};
    use crate::agents::answering::marks::Marks;
    use crate::agents::citations::{Quote, Rejection, Verification, verify};
    use crate::agents::extractive::{ABSTENTION, Passage};

    const VERSION: &str =
        "Überall 🦀. Every employee has thirty\ndays of \"paid\" leave. Unused days expire in March.";

    fn passage(text: &str) -> Passage {
        let byte = VERSION.find(text).expect("a passage of the version");
        Passage {
            chunk_id: Uuid::nil(),
            version_id: Uuid::nil(),
            document_title: "Leave".to_owned(),
            heading_path: Vec::new(),
            text: text.to_owned(),
            start: u32::try_from(VERSION[..byte].chars().count()).expect("small"),
            rank: 1,
            score: 1.0,
            dense_rank: None,
            sparse_rank: None,
        }
    }

    fn answer(said: &str) -> Judged {
        let mut marks = Marks::default();
        marks.push(said);
        let (text, marks) = marks.end();
        let passages = [
            passage("Every employee has thirty\ndays of \"paid\" leave."),
            passage("Unused days expire in March."),
        ];
        judge(text, marks, &passages).expect("an answer")
    }

    fn verdicts(judged: &Judged) -> Vec<Verification> {
        let quotes = judged.answer.citations.iter();
        quotes
            .map(|cited| {
                verify(VERSION, &Quote { start: cited.start, end: cited.end, text: cited.quote.clone() })
            })
            .collect()
    }

    #[test]
    fn a_quote_that_stands_in_its_passage_is_cited_as_it_stands_there() {
        let judged = answer(
            "🦀 Thirty days. [1: \"thirty days  of \"paid\" leave\"] They expire [2: \"expire in March\"].",
        );
        assert_eq!(verdicts(&judged), [Verification::Verified; 2]);
        assert_eq!(
            judged.answer.citations[0].quote, "thirty\ndays of \"paid\" leave",
            "the passage's own white space"
        );
        let spans: Vec<String> = judged
            .answer
            .citations
            .iter()
            .map(|cited| {
                let (start, end) = (cited.answer_start as usize, cited.answer_end as usize);
                judged.answer.text.chars().skip(start).take(end - start).collect()
            })
            .collect();
        assert_eq!(spans, ["🦀 Thirty days.", "They expire."]);
        assert_eq!(judged.answer.text, "🦀 Thirty days. They expire.");
    }

    #[test]
    fn what_does_not_stand_in_the_passage_is_kept_and_rejected() {
        for said in [
            "Forty. [1: \"forty days\"]",
            "It expires. [1: \"expire in March\"]",
            "Thirty. [1: \"Thirty days of paid leave\"]",
        ] {
            let judged = answer(said);
            assert_eq!(verdicts(&judged), [Verification::Rejected(Rejection::Mismatch)], "{said}");
        }
    }

    #[test]
    fn marks_of_no_passage_or_without_a_quote_support_nothing() {
        let judged = answer("Thirty [7: \"thirty\"] days [0: \"x\"]. So it is [1]. And so on [2: \" \"].");
        assert_eq!((judged.answer.citations.len(), judged.unknown, judged.bare), (0, 2, 2));
        assert!(!judged.answer.abstained);
    }

    #[test]
    fn an_abstention_is_recognised_and_cites_nothing() {
        for said in [
            ABSTENTION.to_owned(),
            format!("{} [1: \"thirty\"]", ABSTENTION.to_uppercase()),
            format!("I am sorry. {ABSTENTION}"),
            format!("{ABSTENTION} [1: \"forty\"]"),
        ] {
            let judged = answer(&said);
            assert!(judged.answer.abstained && judged.answer.citations.is_empty(), "{said}");
            assert_eq!(judged.answer.text, ABSTENTION);
        }
        assert!(!answer(&format!("{ABSTENTION} But thirty days. [1: \"thirty\"]")).answer.abstained);
    }

    #[test]
    fn citations_are_bounded_and_none_comes_twice() {
        let judged = answer(&format!("Thirty.{}", " [1: \"thirty\"]".repeat(50)));
        assert_eq!(judged.answer.citations.len(), 1);
        let many: Vec<String> = (0..50).map(|n| format!("Say {n}. [1: \"thirty\"] ")).collect();
        assert_eq!(answer(&many.concat()).answer.citations.len(), 32);
        assert!(judge(" …".to_owned(), Vec::new(), &[]).is_none());
    }

    proptest! {
        #[test]
        fn what_is_located_is_the_quote_but_for_white_space(passage in "[ab 🦀\n]{0,30}", quote in "[ab 🦀\n]{1,6}") {
            if let Some(range) = locate(&passage, &quote) {
                let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                prop_assert_eq!(words(&passage[range]), words(&quote));
            }
        }
    }
}
