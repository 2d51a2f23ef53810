//! Sentence spans of a text, as byte ranges in reading order.
//!
//! The boundaries are those of UAX #29, tailored where its defaults misread prose: a soft line wrap does not end
//! a sentence, while a blank line, a heading, a list item or a table row does; common abbreviations ("e.g.",
//! "Fig.") and bare enumerators ("6.4.") do not. Markers of lists, quotes and headings are no part of a span.
//! Every span is trimmed, non-empty, on character boundaries, behind the one before it, and holds a letter or a
//! digit. The time is linear in the text: the library looks ahead from every space or bracket behind a full stop,
//! which is quadratic on a run of them, so long runs of punctuation and white space are cut here first.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

/// The longest run of characters without a letter or digit that reaches the library in one piece.
const LONGEST_PUNCTUATION_RUN: usize = 32;

/// A line shorter than this many bytes was ended by its author, not by a column limit.
const SHORTEST_WRAPPED_LINE: usize = 40;

/// Abbreviations that stand before their object, so a full stop behind them ends nothing.
const ABBREVIATIONS: [&str; 20] = [
    "e.g", "i.e", "cf", "vs", "fig", "figs", "eq", "eqs", "sec", "approx", "dr", "mr", "mrs", "ms", "prof",
    "resp", "pp", "vol", "viz", "et al",
];

/// Returns the byte ranges of the sentences of `text`, in order.
#[must_use]
pub fn spans(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for block in blocks(text) {
        sentences_of_block(text, block, &mut found);
    }
    found
}

/// Groups lines into stretches of running prose; structure between them ends a sentence whatever it says.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let mut previous: Option<&str> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let range = offset..offset + line.len();
        offset = range.end;
        let trimmed = line.trim();
        if !trimmed.contains(char::is_alphanumeric) {
            previous = None;
            continue;
        }
        let marker = marker_length(trimmed);
        let joins = marker == 0 && previous.is_some_and(|before| is_soft_wrap(before, trimmed));
        match blocks.last_mut() {
            Some(block) if joins => block.end = range.end,
            _ => {
                let indent = line.len() - line.trim_start().len();
                blocks.push(range.start + indent + marker..range.end);
            }
        }
        previous = (!trimmed.starts_with(['#', '|'])).then_some(trimmed);
    }
    blocks
}

/// Says whether prose runs on over the line break between two trimmed lines.
fn is_soft_wrap(before: &str, after: &str) -> bool {
    before.len() >= SHORTEST_WRAPPED_LINE || after.starts_with(char::is_lowercase)
}

/// Returns the bytes of the list, quote, table or heading marker that a trimmed line starts with, or 0.
fn marker_length(line: &str) -> usize {
    let symbols = line.trim_start_matches(['#', '>', '-', '*', '+', '•', '|']);
    let digits = line.trim_start_matches(|character: char| character.is_ascii_digit());
    let length = if symbols.len() < line.len() {
        line.len() - symbols.len()
    } else if (1..=3).contains(&(line.len() - digits.len())) && digits.starts_with(['.', ')']) {
        line.len() - digits.len() + 1
    } else {
        return 0;
    };
    let rest = &line[length..];
    let gap = rest.len() - rest.trim_start().len();
    if gap == 0 && !line.starts_with('|') { 0 } else { length + gap }
}

/// Appends the sentences of one block.
fn sentences_of_block(text: &str, block: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut open: Option<Range<usize>> = None;
    let mut open_runs_on = false;
    let mut open_has_letter = false;
    for piece in pieces(&text[block.clone()]) {
        let piece_start = block.start + piece.start;
        for (offset, segment) in text[piece_start..block.start + piece.end].split_sentence_bound_indices() {
            let trimmed = segment.trim();
            if trimmed.is_empty() {
                continue;
            }
            let start = piece_start + offset + (segment.len() - segment.trim_start().len());
            let end = start + trimmed.len();
            match open.as_mut() {
                Some(sentence) if open_runs_on || !open_has_letter => sentence.end = end,
                _ => {
                    close(text, open.replace(start..end), found);
                    open_has_letter = false;
                }
            }
            open_has_letter |= trimmed.contains(char::is_alphabetic);
            open_runs_on = ends_with_abbreviation(trimmed)
                || (segment.ends_with('\n') && !ends_with_terminator(trimmed));
        }
    }
    close(text, open, found);
}

/// Keeps a finished span unless it is mere punctuation.
fn close(text: &str, sentence: Option<Range<usize>>, found: &mut Vec<Range<usize>>) {
    found.extend(sentence.filter(|span| text[span.clone()].contains(char::is_alphanumeric)));
}

/// Cuts a block wherever a run without letters and digits grows past [`LONGEST_PUNCTUATION_RUN`].
fn pieces(block: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut run = 0;
    for (offset, character) in block.char_indices() {
        run = if character.is_alphanumeric() { 0 } else { run + 1 };
        if run > LONGEST_PUNCTUATION_RUN {
            pieces.push(start..offset);
            start = offset;
            run = 0;
        }
    }
    pieces.push(start..block.len());
    pieces
}

/// Says whether the text ends like a finished sentence, closing quotes and brackets aside.
pub(super) fn ends_with_terminator(text: &str) -> bool {
    text.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»', '*', '_', '`'])
        .ends_with(['.', '!', '?', '…', '。', '！', '？', '।', '؟'])
}

/// Says whether the text ends in one of [`ABBREVIATIONS`] with its full stop.
fn ends_with_abbreviation(text: &str) -> bool {
    let Some(head) = text.strip_suffix('.') else { return false };
    ABBREVIATIONS.iter().any(|abbreviation| {
        let Some(split) = head.len().checked_sub(abbreviation.len()) else { return false };
        head.is_char_boundary(split)
            && head[split..].eq_ignore_ascii_case(abbreviation)
            && !head[..split].ends_with(|character: char| character.is_alphanumeric() || character == '.')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::spans;

    fn sentences(text: &str) -> Vec<&str> {
        spans(text).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn prose_is_split_after_its_full_stops() {
        assert_eq!(
            sentences("One is here. Two is there!  Three?"),
            ["One is here.", "Two is there!", "Three?"]
        );
        assert_eq!(
            sentences("Größe zählt. Ja! 猫が好きです。犬も。"),
            ["Größe zählt.", "Ja!", "猫が好きです。", "犬も。"]
        );
    }

    #[test]
    fn a_soft_wrap_does_not_end_a_sentence() {
        let text = "The server keeps every document version\r\nimmutable for good. It never\nrewrites one.";
        assert_eq!(
            sentences(text),
            ["The server keeps every document version\r\nimmutable for good.", "It never\nrewrites one."]
        );
        let wrapped_before_a_name = "The standby then streams changes from the\nPrimary server.";
        assert_eq!(sentences(wrapped_before_a_name), [wrapped_before_a_name]);
    }

    #[test]
    fn structure_ends_a_sentence_without_punctuation() {
        let text = "# Limits\nSizes are bounded\n\nand so is time\n- first item\n* second item\n12) third\n| a | b |";
        assert_eq!(
            sentences(text),
            [
                "Limits",
                "Sizes are bounded",
                "and so is time",
                "first item",
                "second item",
                "third",
                "a | b |"
            ]
        );
        assert_eq!(sentences("Name: Ada\nRole: Owner"), ["Name: Ada", "Role: Owner"]);
    }

    #[test]
    fn abbreviations_and_enumerators_do_not_end_a_sentence() {
        let text = "Use a key, e.g. Primary. See Fig. 3. Section 6.4. Returning Data. It has teeth.";
        assert_eq!(
            sentences(text),
            ["Use a key, e.g. Primary.", "See Fig. 3.", "Section 6.4.", "Returning Data.", "It has teeth."]
        );
        assert_eq!(sentences("6.4. Returning Data"), ["6.4. Returning Data"]);
        assert_eq!(sentences("He is a config. Next one."), ["He is a config.", "Next one."]);
    }

    #[test]
    fn nothing_readable_has_no_sentences() {
        assert!(sentences("").is_empty());
        assert!(sentences(" \r\n\t --- \n ... !!! \u{2028}").is_empty());
    }

    #[test]
    fn a_megabyte_of_anything_takes_linear_time() {
        for unit in
            [". ", ".)", ".", " ", "a", "1. ", "e.g. ", "\n", "- \n", "a\n", ".\u{301}", "\"", "1", "é. "]
        {
            let mut text = String::from("Start. ");
            text.push_str(&unit.repeat(1_000_000 / unit.len()));
            let started = std::time::Instant::now();
            let count = spans(&text).len();
            assert!(started.elapsed().as_secs() < 10, "{unit:?} took {:?} for {count}", started.elapsed());
        }
    }

    proptest! {
        #[test]
        fn spans_are_trimmed_ordered_and_readable(text in any::<String>()) {
            let mut end = 0;
            for span in spans(&text) {
                prop_assert!(span.start >= end);
                end = span.end;
                let sentence = &text[span];
                prop_assert_eq!(sentence, sentence.trim());
                prop_assert!(sentence.contains(char::is_alphanumeric));
            }
        }

        #[test]
        fn no_letter_is_lost(text in "[ \\n.!?)a-cäé猫1#*>|-]{0,200}") {
            let covered: usize = spans(&text)
                .into_iter()
                .map(|span| text[span].chars().filter(|character| character.is_alphabetic()).count())
                .sum();
            prop_assert_eq!(covered, text.chars().filter(|character| character.is_alphabetic()).count());
        }
    }
}
