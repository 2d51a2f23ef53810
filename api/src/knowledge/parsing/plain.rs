//! Reads plain text: a paragraph is a run of lines that are not blank, kept as it stands.

use super::assembly::Assembler;
use super::{BlockKind, ParseFailure, Parsed};

pub(super) fn parse(source: &str) -> Result<Parsed, ParseFailure> {
    let mut document = Assembler::default();
    let mut paragraph = String::new();
    for line in source.split(is_line_end).map(str::trim_end) {
        if line.is_empty() {
            document.block(BlockKind::Paragraph, &paragraph);
            paragraph.clear();
        } else {
            if !paragraph.is_empty() {
                paragraph.push('\n');
            }
            paragraph.push_str(line);
        }
    }
    document.block(BlockKind::Paragraph, &paragraph);
    document.finish(None)
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn blank_lines_separate_paragraphs_whose_lines_stay() {
        let parsed = parse("  first\n    second  \n \t\n\n\nthird\u{C}fourth\n").expect("text");
        assert_eq!(parsed.text, "  first\n    second\n\nthird\nfourth");
        assert_eq!(parsed.blocks.len(), 2);
        assert!(parsed.title.is_none() && parsed.blocks[0].heading_path.is_empty());
    }
}
