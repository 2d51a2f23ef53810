//! Cuts a parsed document into chunks: the passages that are embedded, found and cited.
//!
//! Guaranteed: chunks are in order and do not overlap, none is empty or longer than the limit in tokens, together they
//! hold every character of the text that is not whitespace, and each is exactly the text between its offsets. The same
//! document and limits give the same chunks, so unchanged passages keep their hash.
//!
//! A chunk stays within a section of heading depth 2 or less, unless small sections of one parent share it. Work is
//! linear in the text: every token counter's call reads a bounded piece, and each byte is read a bounded number of times.

use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use text_splitter::{ChunkCapacity, ChunkConfig, ChunkSizer, TextSplitter};

use super::parsing::{BlockKind, Parsed};
use crate::adapters::embeddings::TokenCounter;

/// Headings down to this depth open a section that a chunk does not leave.
const SECTION_DEPTH: usize = 2;

/// Tokens that the blank line between two blocks can add.
const JOIN_TOKENS: usize = 2;

/// The smallest limit in tokens: one character with its spelling as bytes fits well within.
const MIN_MAX_TOKENS: usize = 16;

/// A block of more bytes than this per allowed token is cut without counting it as a whole first.
const WINDOW_BYTES_PER_TOKEN: usize = 8;

/// How long chunks may be, in tokens of the embedder's tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The length that chunks are filled up to.
    pub target_tokens: usize,
    /// The length that no chunk exceeds; at least 16, and at least the target, or it is taken as that.
    pub max_tokens: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { target_tokens: 220, max_tokens: 320 }
    }
}

impl Limits {
    fn valid(self) -> Self {
        let target_tokens = self.target_tokens.max(1);
        Self { target_tokens, max_tokens: self.max_tokens.max(target_tokens).max(MIN_MAX_TOKENS) }
    }

    /// Below this a section or a remainder is too small to stand alone.
    fn small(self) -> usize {
        self.target_tokens / 4
    }
}

/// A passage of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkSpan {
    /// Place among the document's chunks, from 0.
    pub ordinal: u32,
    /// Offset of its first character in the text, in Unicode scalar values.
    pub start: u32,
    /// Offset past its last character in the text, in Unicode scalar values.
    pub end: u32,
    /// The headings that all of it stands under, outermost first: at most 6, each at most 200 characters.
    pub heading_path: Vec<String>,
    /// Its length in tokens of the embedder's tokenizer.
    pub token_count: u32,
    /// The text between the offsets.
    pub text: String,
    /// SHA-256 of the text.
    pub text_hash: [u8; 32],
}

/// Cuts a document into chunks.
#[must_use]
pub fn chunk(parsed: &Parsed, tokens: &dyn TokenCounter, limits: &Limits) -> Vec<ChunkSpan> {
    let chunker = Chunker { text: &parsed.text, tokens, limits: limits.valid() };
    let pieces = chunker.pieces(parsed);
    let runs = chunker.pack(&pieces);
    chunker.spans(&pieces, runs)
}

/// What is never cut again: a block, or a part of one that is too long.
struct Piece<'a> {
    bytes: Range<usize>,
    tokens: usize,
    heading: bool,
    path: &'a [Arc<str>],
}

/// Pieces that become one chunk, by index, with the estimate of their tokens.
struct Run {
    pieces: Range<usize>,
    tokens: usize,
    /// Whether it holds whole sections only, so that another section may join it.
    whole: bool,
}

struct Chunker<'a> {
    text: &'a str,
    tokens: &'a dyn TokenCounter,
    limits: Limits,
}

impl Chunker<'_> {
    fn pieces<'a>(&self, parsed: &'a Parsed) -> Vec<Piece<'a>> {
        let mut pieces = Vec::with_capacity(parsed.blocks.len());
        for block in &parsed.blocks {
            let mut push = |bytes, tokens| {
                let heading = block.kind == BlockKind::Heading;
                pieces.push(Piece { bytes, tokens, heading, path: &block.heading_path });
            };
            let Some((start, text)) = self.trimmed(block.start..block.end) else { continue };
            let bytes = start..start + text.len();
            if text.len() <= self.window() {
                let count = self.tokens.count(text);
                if count <= self.limits.max_tokens {
                    push(bytes, count);
                    continue;
                }
            }
            self.split(bytes, &mut push);
        }
        pieces
    }

    fn window(&self) -> usize {
        self.limits.max_tokens.saturating_mul(WINDOW_BYTES_PER_TOKEN)
    }

    /// Splits what is too long at the ends of lines, sentences or words, a window at a time: the splitter looks at all
    /// of the text that it is given for every piece, so it is never given much.
    fn split(&self, bytes: Range<usize>, push: &mut impl FnMut(Range<usize>, usize)) {
        let Limits { target_tokens, max_tokens } = self.limits;
        let capacity = ChunkCapacity::new(target_tokens).with_max(max_tokens);
        let capacity = capacity.unwrap_or(ChunkCapacity::new(max_tokens));
        let splitter = TextSplitter::new(ChunkConfig::new(capacity).with_sizer(Sizer(self.tokens)));
        let mut cursor = bytes.start;
        while cursor < bytes.end {
            let end = self.text.floor_char_boundary(cursor.saturating_add(self.window()).min(bytes.end));
            // Encoded data and the like have no sentences or words to look for.
            if self.text[cursor..end].bytes().all(|byte| byte.is_ascii_graphic()) {
                self.push_within_limit(cursor..end, push);
                cursor = end;
                continue;
            }
            let parts: Vec<Range<usize>> = splitter
                .chunk_indices(&self.text[cursor..end])
                .map(|(start, part)| cursor + start..cursor + start + part.len())
                .filter(|part| !part.is_empty())
                .collect();
            // The window cuts its last piece short, so that piece is looked at again from its start.
            let again = parts.last().filter(|last| end < bytes.end && last.start > cursor && parts.len() > 1);
            let kept = parts.len() - usize::from(again.is_some());
            for part in &parts[..kept] {
                self.push_within_limit(part.clone(), push);
            }
            cursor = again.map_or(end, |last| last.start);
        }
    }

    /// Halves a piece until it fits; the splitter's pieces fit already, unless it found nothing smaller to cut at.
    fn push_within_limit(&self, bytes: Range<usize>, push: &mut impl FnMut(Range<usize>, usize)) {
        let mut pending = vec![bytes];
        while let Some(bytes) = pending.pop() {
            let Some((start, text)) = self.trimmed(bytes) else { continue };
            let count = self.tokens.count(text);
            let middle = text.floor_char_boundary(text.len().div_ceil(2));
            if count <= self.limits.max_tokens || middle == 0 {
                push(start..start + text.len(), count);
            } else {
                pending.push(start + middle..start + text.len());
                pending.push(start..start + middle);
            }
        }
    }

    /// The part of the text without whitespace around it, and where it starts; `None` if there is nothing else in it.
    fn trimmed(&self, bytes: Range<usize>) -> Option<(usize, &str)> {
        let text = self.text.get(bytes.clone())?;
        let from_start = text.trim_start();
        let trimmed = from_start.trim_end();
        (!trimmed.is_empty()).then(|| (bytes.start + text.len() - from_start.len(), trimmed))
    }

    fn pack(&self, pieces: &[Piece<'_>]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut begin = 0;
        while begin < pieces.len() {
            let section = begin..section_end(pieces, begin);
            let tokens = estimate(&pieces[section.clone()]);
            match runs.last_mut() {
                Some(run) if self.may_join(run, &pieces[run.pieces.start], &pieces[begin], tokens) => {
                    run.pieces.end = section.end;
                    run.tokens += tokens;
                }
                _ => self.pack_section(pieces, section.clone(), &mut runs),
            }
            begin = section.end;
        }
        runs
    }

    /// Whether a whole section may join a chunk of whole sections: one of them is small, both fit the target, and the
    /// section is a sibling or a descendant of the chunk's first.
    fn may_join(&self, run: &Run, first: &Piece<'_>, next: &Piece<'_>, tokens: usize) -> bool {
        let small = run.tokens.min(tokens) < self.limits.small();
        let (root, path) = (section_of(first), section_of(next));
        let descends = path.len() > root.len() && path.starts_with(root);
        let sibling = path.len() == root.len()
            && path.split_last().map(|(_, parent)| parent) == root.split_last().map(|(_, parent)| parent);
        run.whole && small && run.tokens + tokens <= self.limits.target_tokens && (descends || sibling)
    }

    /// Fills chunks with the pieces of one section; a heading stays with what follows it.
    fn pack_section(&self, pieces: &[Piece<'_>], section: Range<usize>, runs: &mut Vec<Run>) {
        let Limits { target_tokens, max_tokens } = self.limits;
        let first_run = runs.len();
        let mut rest = estimate(&pieces[section.clone()]);
        let mut begin = section.start;
        while begin < section.end {
            let mut group = pieces[begin].tokens + JOIN_TOKENS;
            let mut end = begin + 1;
            while end < section.end && pieces[end - 1].heading && group + pieces[end].tokens <= max_tokens {
                group += pieces[end].tokens + JOIN_TOKENS;
                end += 1;
            }
            match runs[first_run..].last_mut() {
                // A remainder that is too small to stand alone may fill a chunk past its target.
                Some(run)
                    if run.tokens + group <= target_tokens
                        || run.tokens < self.limits.small() && run.tokens + group <= max_tokens
                        || rest < self.limits.small() && run.tokens + rest <= max_tokens =>
                {
                    run.pieces.end = end;
                    run.tokens += group;
                }
                _ => runs.push(Run { pieces: begin..end, tokens: group, whole: false }),
            }
            rest -= group;
            begin = end;
        }
        if let [run] = &mut runs[first_run..] {
            run.whole = true;
        }
    }

    /// Counts each run as the text it will be; one that turns out too long is halved.
    fn spans(&self, pieces: &[Piece<'_>], runs: Vec<Run>) -> Vec<ChunkSpan> {
        let mut spans = Spans { text: self.text, byte: 0, scalar: 0, chunks: Vec::with_capacity(runs.len()) };
        let mut pending: Vec<Range<usize>> = runs.into_iter().rev().map(|run| run.pieces).collect();
        while let Some(run) = pending.pop() {
            let [first, rest @ ..] = &pieces[run.clone()] else { continue };
            let Some(last) = rest.last() else {
                spans.push(first.bytes.clone(), first.tokens, first.path);
                continue;
            };
            let bytes = first.bytes.start..last.bytes.end;
            let count = self.tokens.count(&self.text[bytes.clone()]);
            if count > self.limits.max_tokens {
                let middle = run.start + run.len() / 2;
                pending.push(middle..run.end);
                pending.push(run.start..middle);
                continue;
            }
            let path = rest.iter().fold(first.path, |common, piece| {
                let shared = common.iter().zip(piece.path).take_while(|(a, b)| a == b).count();
                &common[..shared]
            });
            spans.push(bytes, count, path);
        }
        spans.chunks
    }
}

/// Chunks in order, and the position up to which characters have been counted.
struct Spans<'a> {
    text: &'a str,
    byte: usize,
    scalar: usize,
    chunks: Vec<ChunkSpan>,
}

impl Spans<'_> {
    fn push(&mut self, bytes: Range<usize>, tokens: usize, path: &[Arc<str>]) {
        let text = &self.text[bytes.clone()];
        let start = self.scalar + self.text[self.byte..bytes.start].chars().count();
        let end = start + text.chars().count();
        (self.byte, self.scalar) = (bytes.end, end);
        self.chunks.push(ChunkSpan {
            ordinal: narrow(self.chunks.len()),
            start: narrow(start),
            end: narrow(end),
            heading_path: path.iter().map(ToString::to_string).collect(),
            token_count: narrow(tokens),
            text: text.to_owned(),
            text_hash: Sha256::digest(text).into(),
        });
    }
}

/// The end of the section that begins at a piece. Headings without text of their own go with the section under them.
fn section_end(pieces: &[Piece<'_>], begin: usize) -> usize {
    let root = section_of(&pieces[begin]);
    let mut text = false;
    for (index, piece) in pieces.iter().enumerate().skip(begin) {
        let opens = index > begin && piece.heading && piece.path.len() <= SECTION_DEPTH;
        if opens && (text || !(section_of(piece).len() > root.len() && section_of(piece).starts_with(root))) {
            return index;
        }
        text |= !piece.heading;
    }
    pieces.len()
}

/// The tokens of pieces joined by blank lines; exact counts of the joined text differ by a few.
fn estimate(pieces: &[Piece<'_>]) -> usize {
    pieces.iter().map(|piece| piece.tokens + JOIN_TOKENS).sum()
}

/// The section that a piece stands in, as the path of its heading.
fn section_of<'a>(piece: &Piece<'a>) -> &'a [Arc<str>] {
    &piece.path[..piece.path.len().min(SECTION_DEPTH)]
}

/// A parsed text is far shorter than 4 GiB, so that every offset and count fits.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

struct Sizer<'a>(&'a dyn TokenCounter);

impl ChunkSizer for Sizer<'_> {
    fn size(&self, chunk: &str) -> usize {
        self.0.count(chunk)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::{Strategy, prop, prop_assert_eq, prop_oneof, proptest};

    use super::super::offsets::slice_scalars;
    use super::super::parsing::{Format, Parsed, parse};
    use super::{ChunkSpan, Limits, chunk};
    use crate::adapters::embeddings::{StaticModel, TokenCounter};
    use sha2::{Digest as _, Sha256};

    /// Counts as a byte-pair encoding does in its worst case: a token for every byte, and one before the text.
    struct Bytes;

    impl TokenCounter for Bytes {
        fn count(&self, text: &str) -> usize {
            text.len() + 1
        }
    }

    /// Counts words, as a tokenizer with an unbounded vocabulary would.
    struct Words;

    impl TokenCounter for Words {
        fn count(&self, text: &str) -> usize {
            text.split_whitespace().count()
        }
    }

    fn assert_promises(parsed: &Parsed, tokens: &dyn TokenCounter, limits: &Limits) -> Vec<ChunkSpan> {
        let chunks = chunk(parsed, tokens, limits);
        let characters: Vec<char> = parsed.text.chars().collect();
        let mut cursor = 0;
        for (ordinal, chunk) in chunks.iter().enumerate() {
            let (start, end) = (chunk.start as usize, chunk.end as usize);
            assert_eq!(chunk.ordinal as usize, ordinal);
            assert!(cursor <= start && start < end && end <= characters.len(), "{cursor} {start} {end}");
            assert!(
                characters[cursor..start].iter().all(|c| c.is_whitespace()),
                "text before a chunk is lost"
            );
            assert!(characters[start..end].iter().eq(chunk.text.chars().collect::<Vec<_>>().iter()));
            assert!(!chunk.text.trim().is_empty());
            assert_eq!(chunk.token_count as usize, tokens.count(&chunk.text));
            assert!(chunk.token_count as usize <= limits.max_tokens, "{} tokens", chunk.token_count);
            assert_eq!(chunk.text_hash, <[u8; 32]>::from(Sha256::digest(&chunk.text)));
            cursor = end;
        }
        assert!(characters[cursor..].iter().all(|c| c.is_whitespace()), "the end of the text is lost");
        chunks
    }

    fn markdown() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "#{1,6} [a-zé漢]{1,12}\n\n",
            "([a-z]{1,9} ){1,60}[.]\n\n",
            "([é漢👍🏽שׁ]{1,40}[ 。]){1,8}\n\n",
            "- [a-z ]{1,80}\n",
            "```\n([a-z ]{0,30}\n){0,20}```\n\n",
            "[a-zA-Z0-9]{100,400}\n\n",
        ];
        prop::collection::vec(part, 1..30).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn chunks_cover_the_text_in_order_within_the_limit(source in markdown(), target in 1usize..120, more in 0usize..60) {
            let limits = Limits { target_tokens: target, max_tokens: (target + more).max(16) };
            if let Ok(parsed) = parse(Format::Markdown, &source) {
                for tokens in [&Bytes as &dyn TokenCounter, &Words] {
                    let chunks = assert_promises(&parsed, tokens, &limits);
                    prop_assert_eq!(&chunks, &chunk(&parsed, tokens, &limits));
                    for chunk in &chunks {
                        let (start, end) = (chunk.start as usize, chunk.end as usize);
                        prop_assert_eq!(slice_scalars(&parsed.text, start, end), Some(chunk.text.as_str()));
                    }
                }
            }
        }
    }

    fn sentences(count: usize) -> String {
        "This is a sentence of eight words here. ".repeat(count)
    }

    #[test]
    fn a_chunk_stays_within_its_section() {
        let source = format!(
            "# A\n\n{}\n\n## B\n\n{}\n\n### C\n\n{}\n\n## D\n\n{}",
            sentences(10),
            sentences(12),
            sentences(2),
            sentences(12)
        );
        let parsed = parse(Format::Markdown, &source).expect("text");
        let chunks = assert_promises(&parsed, &Words, &Limits::default());
        let paths: Vec<String> = chunks.iter().map(|chunk| chunk.heading_path.join("/")).collect();
        assert_eq!(paths, ["A", "A/B", "A/D"]);
        assert!(chunks[1].text.starts_with("B\n\n") && chunks[1].text.contains("\n\nC\n\n"));
    }

    #[test]
    fn small_sections_of_one_parent_share_a_chunk_and_those_of_another_do_not() {
        let other = "more words ".repeat(20);
        let source = format!("# A\n\n## B\n\nfew words\n\n## C\n\nfew words\n\n# X\n\n## Y\n\n{other}\n");
        let parsed = parse(Format::Markdown, &source).expect("text");
        let chunks = assert_promises(&parsed, &Words, &Limits { target_tokens: 60, max_tokens: 80 });
        let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
        let other = format!("X\n\nY\n\n{}", other.trim());
        assert_eq!(texts, ["A\n\nB\n\nfew words\n\nC\n\nfew words", other.as_str()]);
        assert_eq!(chunks[0].heading_path, ["A"]);
    }

    #[test]
    fn a_heading_is_never_left_at_the_end_of_a_chunk() {
        let source =
            format!("# A\n\n{}\n\n### B\n\n{}\n\n### C\n\n{}", sentences(26), sentences(20), sentences(20));
        let parsed = parse(Format::Markdown, &source).expect("text");
        let chunks = assert_promises(&parsed, &Words, &Limits::default());
        assert_eq!(chunks.len(), 3);
        assert!(chunks[1].text.starts_with("B\n\n") && chunks[2].text.starts_with("C\n\n"));
    }

    #[test]
    fn a_long_paragraph_is_cut_between_sentences_and_filled() {
        let parsed = parse(Format::Text, &sentences(2_000)).expect("text");
        let chunks = assert_promises(&parsed, &Words, &Limits::default());
        assert!(chunks.iter().all(|chunk| chunk.text.ends_with('.')));
        let (_, full) = chunks.split_last().expect("chunks");
        assert!(full.iter().all(|chunk| chunk.token_count >= 200), "chunks are filled");
    }

    #[test]
    fn limits_that_make_no_sense_are_taken_as_the_nearest_that_do() {
        let parsed = parse(Format::Text, &sentences(50)).expect("text");
        let chunks = chunk(&parsed, &Bytes, &Limits { target_tokens: 0, max_tokens: 0 });
        assert!(chunks.iter().all(|chunk| chunk.token_count <= 16));
        assert_eq!(chunk(&parsed, &Bytes, &Limits { target_tokens: usize::MAX, max_tokens: 0 }).len(), 1);
    }

    /// Counts a token for every four bytes, and the bytes that it was given.
    #[derive(Default)]
    struct Metered {
        bytes: AtomicUsize,
        longest: AtomicUsize,
    }

    impl TokenCounter for Metered {
        fn count(&self, text: &str) -> usize {
            self.bytes.fetch_add(text.len(), Ordering::Relaxed);
            self.longest.fetch_max(text.len(), Ordering::Relaxed);
            text.len().div_ceil(4)
        }
    }

    #[test]
    fn every_byte_is_counted_a_bounded_number_of_times() {
        let sources = [
            "word ".repeat(40_000),
            "x".repeat(200_000),
            "漢".repeat(66_000),
            "\u{301}".repeat(100_000),
            "👩‍👩‍👧‍👦".repeat(8_000),
            "a\n".repeat(100_000),
            "a\n\n".repeat(66_000),
            "# a\n\n## b\n\n".repeat(16_000),
            "###### a\n\n".repeat(20_000),
            "a.".repeat(100_000),
            "- item\n".repeat(28_000),
            sentences(5_000),
        ];
        for source in sources {
            let parsed = parse(Format::Markdown, &source).expect("text");
            let tokens = Metered::default();
            let chunks = chunk(&parsed, &tokens, &Limits::default());
            assert!(chunks.iter().all(|chunk| chunk.token_count <= 320));
            let (bytes, longest) = (tokens.bytes.into_inner(), tokens.longest.into_inner());
            assert!(bytes < 40 * parsed.text.len(), "{bytes} bytes for {}", parsed.text.len());
            assert!(longest < 8_000, "{longest} bytes at once");
        }
    }

    #[test]
    fn a_real_tokenizer_s_chunks_keep_the_promises() {
        let model = StaticModel::load().expect("the model that is built in");
        let section = format!("## Déjà vu\n\n{}\n\n漢字かな交じり文。👩‍🚀\n\n", sentences(40));
        let parsed =
            parse(Format::Markdown, &format!("{}{}", section.repeat(5), "x".repeat(5_000))).expect("text");
        let chunks = assert_promises(&parsed, &model, &Limits::default());
        assert!(chunks.len() > 10);
    }
}
