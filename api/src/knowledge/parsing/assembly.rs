//! Builds a [`Parsed`] from what a parser finds, so that its promises are kept in one place.
//!
//! [`Assembler`] cleans each block (normalisation form C, no control characters), separates it from the one before,
//! tracks the path of headings, and stops taking text at the limit. [`Inline`] gathers the text of one block and
//! collapses its whitespace as a browser does. [`Rows`] gathers a table.

use std::fmt::Write as _;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::{Block, BlockKind, MAX_TEXT_BYTES, ParseFailure, Parsed};

const MAX_TITLE_CHARACTERS: usize = 200;
const MAX_LIST_INDENT: usize = 6;

/// The text so far, and the headings that the next block stands under.
#[derive(Default)]
pub(super) struct Assembler {
    text: String,
    blocks: Vec<Block>,
    headings: Vec<(u8, Arc<str>)>,
    path: Arc<[Arc<str>]>,
    too_large: bool,
}

impl Assembler {
    /// Opens a section: a heading of `level` 1 to 6 closes every section of its level and below.
    pub(super) fn heading(&mut self, level: u8, text: &str) {
        let title = single_line(text);
        if is_blank(&title) {
            return;
        }
        while self.headings.last().is_some_and(|(open, _)| *open >= level) {
            self.headings.pop();
        }
        self.headings.push((level, Arc::from(bounded(&title))));
        self.path = self.headings.iter().map(|(_, title)| Arc::clone(title)).collect();
        self.block(BlockKind::Heading, &title);
    }

    /// Appends a block, unless nothing of it can be seen.
    pub(super) fn block(&mut self, kind: BlockKind, text: &str) {
        if self.too_large || is_blank(text) {
            return;
        }
        let text = clean(text);
        // Indentation of the first line is part of code and of nested items; blank lines around are not.
        let text = text.trim_end();
        let indented = text.trim_start();
        let first_line = text[..text.len() - indented.len()].rfind('\n').map_or(0, |line_feed| line_feed + 1);
        let text = &text[first_line..];
        if self.text.len() + text.len() + 2 > MAX_TEXT_BYTES {
            self.too_large = true;
            return;
        }
        if let Some(previous) = self.blocks.last() {
            let items = previous.kind == BlockKind::ListItem && kind == BlockKind::ListItem;
            self.text.push_str(if items { "\n" } else { "\n\n" });
        }
        let start = self.text.len();
        self.text.push_str(text);
        self.blocks.push(Block { heading_path: Arc::clone(&self.path), start, end: self.text.len(), kind });
    }

    /// Appends an item of a list that stands `depth` lists deep, 1 being the outermost.
    pub(super) fn list_item(&mut self, depth: usize, text: &str) {
        if !is_blank(text) {
            let indent = depth.saturating_sub(1).min(MAX_LIST_INDENT) * 2;
            self.block(BlockKind::ListItem, &format!("{:indent$}- {text}", ""));
        }
    }

    /// Whether text was dropped because the limit is reached, so that a parser can stop early.
    pub(super) fn is_full(&self) -> bool {
        self.too_large
    }

    /// Ends the document; a title of only whitespace counts as none.
    pub(super) fn finish(self, title: Option<&str>) -> Result<Parsed, ParseFailure> {
        if self.too_large {
            return Err(ParseFailure::TooLarge { limit: MAX_TEXT_BYTES });
        }
        if self.blocks.is_empty() {
            return Err(ParseFailure::Empty);
        }
        let title =
            title.map(single_line).filter(|title| !is_blank(title)).map(|title| bounded(&title).to_owned());
        Ok(Parsed { text: self.text, title, blocks: self.blocks })
    }
}

/// The text of one block while it is read.
#[derive(Default)]
pub(super) struct Inline {
    text: String,
    space: bool,
}

impl Inline {
    /// Appends text, every run of whitespace becoming one space, and says whether anything but whitespace was in it.
    pub(super) fn collapsed(&mut self, text: &str) -> bool {
        let mut words = false;
        for character in text.chars() {
            if character.is_whitespace() {
                self.space = true;
                continue;
            }
            if self.space && !self.text.is_empty() && !self.text.ends_with('\n') {
                self.text.push(' ');
            }
            self.space = false;
            self.text.push(character);
            words = true;
        }
        words
    }

    /// Appends text as it is.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Separates what follows by a space.
    pub(super) fn space(&mut self) {
        self.space = true;
    }

    /// Separates what follows by a line feed, once.
    pub(super) fn line_break(&mut self) {
        self.space = false;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Whether nothing was gathered since the last [`Inline::take`].
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Hands the gathered text over and starts anew.
    pub(super) fn take(&mut self) -> String {
        self.space = false;
        std::mem::take(&mut self.text)
    }
}

/// A table while it is read: cells into rows, rows into lines.
#[derive(Default)]
pub(super) struct Rows {
    lines: String,
    row: String,
    cells: usize,
    content: bool,
}

impl Rows {
    /// Ends a cell; an empty one keeps its place.
    pub(super) fn cell(&mut self, text: &str) {
        let separator = if self.cells > 0 { " | " } else { "" };
        self.content |= !is_blank(text);
        self.cells += 1;
        // Writing into a string cannot fail.
        let _ = write!(self.row, "{separator}{}", text.trim());
    }

    /// Ends a row; one without visible text is dropped.
    pub(super) fn end_row(&mut self) {
        if self.content {
            if !self.lines.is_empty() {
                self.lines.push('\n');
            }
            self.lines.push_str(self.row.trim_end_matches([' ', '|']));
        }
        self.row.clear();
        (self.cells, self.content) = (0, false);
    }

    /// Ends the table and hands its lines over.
    pub(super) fn take(&mut self) -> String {
        self.end_row();
        std::mem::take(&mut self.lines)
    }
}

/// Removes control characters but line feed and tab, makes every line separator a line feed, and composes.
fn clean(text: &str) -> String {
    let readable = text.chars().filter_map(|character| match character {
        '\n' | '\t' => Some(character),
        '\u{B}' | '\u{C}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{FEFF}' => None,
        _ if character.is_control() => None,
        _ => Some(character),
    });
    if is_nfc_quick(readable.clone()) == IsNormalized::Yes {
        readable.collect()
    } else {
        readable.nfc().collect()
    }
}

fn single_line(text: &str) -> String {
    let mut line = Inline::default();
    line.collapsed(&clean(text));
    line.take()
}

fn bounded(title: &str) -> &str {
    let end = title.char_indices().nth(MAX_TITLE_CHARACTERS).map_or(title.len(), |(index, _)| index);
    title[..end].trim_end()
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|character| {
        character.is_whitespace()
            || character.is_control()
            || matches!(character, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
    })
}
