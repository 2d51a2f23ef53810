//! Turns a document's source into the text that citations quote, with the blocks that it is made of.
//!
//! Guaranteed for every accepted source: `text` is in Unicode normalisation form C, holds no control character but
//! line feed and tab, separates blocks by a blank line (items of a list by a line feed), and is at most
//! [`MAX_TEXT_BYTES`] long; blocks are in order, do not overlap, and lie on character boundaries.
//!
//! Work and memory are linear in the source's length, whatever its nesting, and nothing recurses. Refused, each with a
//! sentence for the user: a source without visible text, one whose text grows past the limit, and binary data.

mod assembly;
mod elements;
mod html;
mod markdown;
mod plain;

use std::borrow::Cow;
use std::sync::Arc;

/// Version of these parsers; a text made by another version may have other offsets.
pub const PARSER_VERSION: &str = "1";

/// The longest text that a version may have, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 32 * 1024 * 1024;

/// The syntax of a document's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plain text, whose paragraphs are separated by blank lines.
    Text,
    /// `CommonMark` with tables, footnotes, task lists and YAML front matter.
    Markdown,
    /// HTML as browsers read it, however malformed.
    Html,
}

/// What a block is to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// A heading that opens a section.
    Heading,
    /// Running text.
    Paragraph,
    /// An item of a list, beginning with its marker `- `.
    ListItem,
    /// Preformatted text, kept verbatim.
    Code,
    /// A table: a line per row, its cells joined by ` | `.
    Table,
}

/// A contiguous part of a [`Parsed`] text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The headings that the block stands under, outermost first: at most 6, each at most 200 characters; a heading's
    /// own title is the last of its path. Shared, because many blocks stand under one heading.
    pub heading_path: Arc<[Arc<str>]>,
    /// Byte offset of the block's first byte in the text.
    pub start: usize,
    /// Byte offset past the block's last byte in the text.
    pub end: usize,
    /// What the block is.
    pub kind: BlockKind,
}

/// A document's readable text and its structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The text that citations quote.
    pub text: String,
    /// The title that the source gives itself, on one line of at most 200 characters.
    pub title: Option<String>,
    /// The blocks of the text, in its order.
    pub blocks: Vec<Block>,
}

/// Why a source cannot become a document; each reads as a sentence for the user who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFailure {
    /// Nothing visible is left after markup and whitespace.
    #[error("There is no text in it.")]
    Empty,
    /// The readable text grows past the limit.
    #[error("Its text is longer than {limit} bytes.")]
    TooLarge {
        /// The limit, in bytes of UTF-8.
        limit: usize,
    },
    /// It is not text in the stated format; the sentence says what it is instead.
    #[error("{0}")]
    Malformed(&'static str),
}

/// Reads bytes as UTF-8, or says in which other encoding they seem to be.
///
/// # Errors
/// [`ParseFailure::Malformed`] for anything that is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, ParseFailure> {
    std::str::from_utf8(bytes).map_err(|_| {
        ParseFailure::Malformed(match bytes {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "It is encoded as UTF-16; save it as UTF-8.",
            [b'%', b'P', b'D', b'F', ..] => PDF,
            _ => "It is not encoded as UTF-8.",
        })
    })
}

/// Parses a source into its readable text.
///
/// # Errors
/// [`ParseFailure`] as its variants say; the same source always fails the same way.
pub fn parse(format: Format, source: &str) -> Result<Parsed, ParseFailure> {
    let source = prepare(source)?;
    match format {
        Format::Text => plain::parse(&source),
        Format::Markdown => markdown::parse(&source),
        Format::Html => html::parse(&source),
    }
}

const PDF: &str = "It is a PDF file, not text.";

/// Refuses what is not text, and removes what no format gives a meaning to: the byte order mark, NUL, and the
/// difference between line endings.
fn prepare(source: &str) -> Result<Cow<'_, str>, ParseFailure> {
    if source.starts_with("%PDF-") {
        return Err(ParseFailure::Malformed(PDF));
    }
    let (mut characters, mut unreadable) = (0usize, 0usize);
    for character in source.chars() {
        characters += 1;
        let control = character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{C}' | '\u{85}');
        unreadable += usize::from(control || character == char::REPLACEMENT_CHARACTER);
    }
    // Some control characters slip into honest text (terminal logs, old exports); a tenth of all does not.
    if unreadable > characters / 10 {
        return Err(ParseFailure::Malformed("It looks like binary data, not text."));
    }
    let source = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    if !source.contains(['\0', '\r']) {
        return Ok(Cow::Borrowed(source));
    }
    let mut prepared = String::with_capacity(source.len());
    let mut characters = source.chars().filter(|character| *character != '\0').peekable();
    while let Some(character) = characters.next() {
        if character == '\r' {
            characters.next_if_eq(&'\n');
            prepared.push('\n');
        } else {
            prepared.push(character);
        }
    }
    Ok(Cow::Owned(prepared))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use unicode_normalization::is_nfc;

    use super::{BlockKind, Format, MAX_TEXT_BYTES, ParseFailure, Parsed, decode, parse};

    const FORMATS: [Format; 3] = [Format::Text, Format::Markdown, Format::Html];

    fn assert_promises(parsed: &Parsed) {
        assert!(is_nfc(&parsed.text), "text is not NFC: {:?}", parsed.text);
        assert!(!parsed.text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{:?}", parsed.text);
        assert!(parsed.text.len() <= MAX_TEXT_BYTES);
        let mut cursor = 0;
        for block in &parsed.blocks {
            let gap = parsed.text.get(cursor..block.start).expect("blocks are in order, on boundaries");
            assert!(gap.is_empty() == (cursor == 0) && gap.chars().all(|c| c == '\n') && gap.len() <= 2);
            let text = parsed.text.get(block.start..block.end).expect("a block lies in the text");
            assert!(!text.trim().is_empty());
            assert!(block.heading_path.len() <= 6);
            assert!(block.heading_path.iter().all(|title| title.chars().count() <= 200));
            cursor = block.end;
        }
        assert_eq!(cursor, parsed.text.len());
    }

    fn markup() -> impl Strategy<Value = String> {
        const TAGS: &str = "<p> </p> <div/class=toc> <div/class=note> </div> <nav> </nav> <h1> <h3> </h2> <li> <ul> </ul> \
            <table> <tr> <td> </table> <pre> </pre> <script> </script> <svg> </svg> <dt> <dd> <br> <title> </title> \
            <!-- --> <template> </body> &amp; &#0; &#13; &#x85; &#xD800; * _ [x](y) [^1] \u{FEFF} e\u{301} \u{301} \
            \u{1D160} \u{2126} שלום 漢字 👩‍👩‍👧‍👦 \u{202E} \0 \r";
        const LINES: [&str; 14] = [
            "\r\n",
            "\r",
            "\n\n",
            "# ",
            "###### ",
            "- ",
            "1. ",
            "> ",
            "```\n",
            "    ",
            "| a | b |\n|---|---|\n",
            "\n[^1]: ",
            "---\n",
            "\u{85}\u{2028}\u{A0}\u{C}",
        ];
        let fragment = prop_oneof![
            prop::sample::select(TAGS.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned),
            prop::sample::select(LINES.to_vec()).prop_map(str::to_owned),
            "[a-z ]{1,8}",
            any::<char>().prop_map(String::from),
            Just("word ".to_owned()),
        ];
        prop::collection::vec(fragment, 0..60).prop_map(|fragments| fragments.concat())
    }

    proptest! {
        #[test]
        fn every_source_gives_a_well_formed_text_or_a_failure(source in markup()) {
            for format in FORMATS {
                if let Ok(parsed) = parse(format, &source) {
                    assert_promises(&parsed);
                }
            }
        }

        #[test]
        fn plain_text_keeps_every_visible_character(source in "[a-zé漢👍 \n]{0,200}") {
            let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            match parse(Format::Text, &source) {
                Ok(parsed) => assert_eq!(visible(&parsed.text), visible(&source)),
                Err(failure) => {
                    assert_eq!(failure, ParseFailure::Empty);
                    assert_eq!(visible(&source), "");
                }
            }
        }
    }

    #[test]
    fn a_source_without_visible_text_is_empty_in_every_format() {
        for format in FORMATS {
            for source in ["", " \n\t ", "\u{FEFF}", "\u{200B}\u{A0}\u{AD}"] {
                assert_eq!(parse(format, source), Err(ParseFailure::Empty), "{format:?} {source:?}");
            }
        }
        assert_eq!(parse(Format::Html, "<p><script>x</script><nav>y</nav></p>"), Err(ParseFailure::Empty));
        assert_eq!(parse(Format::Markdown, "[a]: /url\n\n---\n"), Err(ParseFailure::Empty));
    }

    #[test]
    fn binary_data_is_refused_and_stray_control_characters_are_not() {
        for format in FORMATS {
            assert!(matches!(parse(format, "\u{1}\u{2}ab\0\u{3}"), Err(ParseFailure::Malformed(_))));
            assert!(matches!(parse(format, "t\0e\0x\0t\0"), Err(ParseFailure::Malformed(_))));
            assert!(matches!(parse(format, "%PDF-1.7 text"), Err(ParseFailure::Malformed(_))));
            let parsed =
                parse(format, "one colour code \u{1B}[0m in a line of a log, and a NUL\0.").expect("text");
            assert_eq!(parsed.text, "one colour code [0m in a line of a log, and a NUL.");
        }
    }

    #[test]
    fn invalid_utf_8_is_refused_with_a_sentence() {
        assert_eq!(decode("é".as_bytes()), Ok("é"));
        for bytes in [&b"\xFF\xFEa\0"[..], b"caf\xE9", b"\xED\xA0\x80", b"%PDF-1.7\xFF"] {
            let failure = decode(bytes).expect_err("not UTF-8");
            assert!(failure.to_string().ends_with('.'), "{failure}");
        }
    }

    #[test]
    fn line_endings_and_compositions_are_normalised() {
        let parsed = parse(Format::Text, "a\r\nb\rcafe\u{301}\u{2028}d").expect("text");
        assert_eq!(parsed.text, "a\nb\ncaf\u{E9}\nd");
        assert_eq!(parsed.blocks.len(), 1);
    }

    #[test]
    fn a_text_that_grows_past_the_limit_is_refused() {
        // U+1D160 decomposes into three characters and never composes again.
        let source = "\u{1D160}".repeat(MAX_TEXT_BYTES / 4);
        assert_eq!(parse(Format::Text, &source), Err(ParseFailure::TooLarge { limit: MAX_TEXT_BYTES }));
    }

    #[test]
    fn hostile_repetitions_are_parsed_in_linear_time() {
        let repeated = "< & * [ ![ ` _ ~ <!-- <a_href=' <div> <nav> <table><td> <b><p> </div> <li> | \\ [a]( [^a] <h1>a \
            <svg><p> &amp &# <dt>a a**b <title> <pre>a <? <![CDATA[ *** `a`` <ul> <td> a\u{301}\u{327} \u{301}\u{327} 漢";
        let lines = [
            "> ",
            "- ",
            "* * ",
            "\n",
            "a\n",
            "# a\n",
            "``` \n",
            "1. a\n",
            "- a\n",
            "---\n",
            "[a]: b\n",
            "|a|\n|-|\n",
        ];
        for piece in repeated.split(' ').chain(lines) {
            let source = piece.repeat(250_000 / piece.len());
            for format in FORMATS {
                let begun = Instant::now();
                if let Ok(parsed) = parse(format, &source) {
                    assert_promises(&parsed);
                }
                // Far more than a slow machine needs, far less than a quadratic step takes.
                assert!(
                    begun.elapsed() < Duration::from_secs(20),
                    "{format:?} {piece:?} took {:?}",
                    begun.elapsed()
                );
            }
        }
    }

    #[test]
    fn every_kind_of_block_is_found_in_both_markup_formats() {
        let markdown = "# T\n\ntext\n\n- item\n\n```\ncode\n```\n\n| a | b |\n|---|---|\n| c | d |\n";
        let html =
            "<h1>T</h1><p>text<ul><li>item</ul><pre>code\n</pre><table><tr><th>a<th>b<tr><td>c<td>d</table>";
        for (format, source) in [(Format::Markdown, markdown), (Format::Html, html)] {
            let parsed = parse(format, source).expect("a document");
            assert_eq!(parsed.text, "T\n\ntext\n\n- item\n\ncode\n\na | b\nc | d", "{format:?}");
            let kinds: Vec<BlockKind> = parsed.blocks.iter().map(|block| block.kind).collect();
            let expected = [
                BlockKind::Heading,
                BlockKind::Paragraph,
                BlockKind::ListItem,
                BlockKind::Code,
                BlockKind::Table,
            ];
            assert_eq!(kinds, expected, "{format:?}");
        }
    }
}
