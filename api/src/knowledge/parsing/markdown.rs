//! Reads Markdown by the events of a `CommonMark` parser, and HTML blocks in it by the HTML reader.
//!
//! Links keep their text, images their description, and front matter only its title. Nothing recurses: depth is a
//! counter, so the nesting of lists and quotes costs nothing but its own length.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::assembly::{Assembler, Inline, Rows};
use super::{BlockKind, ParseFailure, Parsed, html};

pub(super) fn parse(source: &str) -> Result<Parsed, ParseFailure> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut renderer = Renderer::default();
    for event in Parser::new_ext(source, options) {
        renderer.event(event);
        if renderer.document.is_full() {
            break;
        }
    }
    renderer.flush();
    let title = renderer.front_matter.as_deref().and_then(front_matter_title).or(renderer.first_heading);
    renderer.document.finish(title.as_deref())
}

/// What text means where the parser stands.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    /// Running text, which may have line breaks.
    #[default]
    Flow,
    /// A heading or a cell, which are on one line.
    Line,
    Code,
    FrontMatter,
}

#[derive(Default)]
struct Renderer {
    document: Assembler,
    inline: Inline,
    /// Lists that are open.
    depth: usize,
    /// Whether the next text is the first of its list item.
    marker: bool,
    mode: Mode,
    table: Rows,
    html: String,
    /// The element whose text is not for readers, while one is open in running text.
    hidden: Option<&'static str>,
    front_matter: Option<String>,
    first_heading: Option<String>,
}

impl Renderer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.mode == Mode::FrontMatter => {
                self.front_matter.get_or_insert_default().push_str(&text);
            }
            Event::Text(_) | Event::Code(_) if self.hidden.is_some() => {}
            Event::Text(text) if self.mode == Mode::Code => self.inline.verbatim(&text),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.inline.collapsed(&text);
            }
            Event::Html(text) => self.html.push_str(&text),
            Event::InlineHtml(tag) => self.inline_html(&tag),
            Event::FootnoteReference(label) => {
                self.inline.collapsed(&format!("[{label}]"));
            }
            Event::SoftBreak => self.inline.space(),
            Event::HardBreak if self.mode == Mode::Line => self.inline.space(),
            Event::HardBreak => self.inline.line_break(),
            Event::Rule => self.flush(),
            Event::TaskListMarker(done) => {
                self.inline.collapsed(if done { "[x] " } else { "[ ] " });
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } | Tag::TableCell => {
                self.flush();
                self.mode = Mode::Line;
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.mode = Mode::Code;
            }
            Tag::List(_) => {
                self.flush();
                self.depth += 1;
            }
            Tag::Item => {
                self.flush();
                self.marker = true;
            }
            Tag::FootnoteDefinition(label) => {
                self.flush();
                self.inline.collapsed(&format!("[{label}] "));
            }
            Tag::MetadataBlock(_) => self.mode = Mode::FrontMatter,
            Tag::Paragraph
            | Tag::BlockQuote(_)
            | Tag::HtmlBlock
            | Tag::Table(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition => self.start_flow(),
            Tag::TableHead
            | Tag::TableRow
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. } => {}
        }
    }

    /// A footnote's label stays with the paragraph that follows it.
    fn start_flow(&mut self) {
        self.inline.space();
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let text = self.inline.take();
                self.first_heading.get_or_insert_with(|| text.clone());
                self.document.heading(level as u8, &text);
                (self.mode, self.marker, self.hidden) = (Mode::Flow, false, None);
            }
            TagEnd::CodeBlock => {
                let text = self.inline.take();
                self.document.block(BlockKind::Code, &text);
                (self.mode, self.marker) = (Mode::Flow, false);
            }
            TagEnd::List(_) => {
                self.flush();
                self.depth = self.depth.saturating_sub(1);
            }
            TagEnd::Item => {
                self.flush();
                self.marker = false;
            }
            TagEnd::TableCell => {
                let text = self.inline.take();
                self.table.cell(&text);
                (self.mode, self.hidden) = (Mode::Flow, None);
            }
            TagEnd::TableHead | TagEnd::TableRow => self.table.end_row(),
            TagEnd::Table => {
                let lines = self.table.take();
                self.document.block(BlockKind::Table, &lines);
            }
            TagEnd::HtmlBlock => {
                self.flush();
                let source = std::mem::take(&mut self.html);
                html::fragment(&source, &mut self.document);
            }
            TagEnd::MetadataBlock(_) => self.mode = Mode::Flow,
            TagEnd::Paragraph
            | TagEnd::BlockQuote(_)
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition => self.flush(),
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image => {}
        }
    }

    fn inline_html(&mut self, tag: &str) {
        let name = tag.trim_start_matches(['<', '/']);
        let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())];
        if let Some(open) = self.hidden {
            if tag.starts_with("</") && name.eq_ignore_ascii_case(open) {
                self.hidden = None;
            }
        } else if name.eq_ignore_ascii_case("br") {
            if self.mode == Mode::Line { self.inline.space() } else { self.inline.line_break() }
        } else if !tag.starts_with("</") {
            self.hidden = ["script", "style"].into_iter().find(|hidden| name.eq_ignore_ascii_case(hidden));
        }
    }

    fn flush(&mut self) {
        let text = self.inline.take();
        self.hidden = None;
        if text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.marker) {
            self.document.list_item(self.depth, &text);
        } else {
            self.document.block(BlockKind::Paragraph, &text);
        }
    }
}

fn front_matter_title(front_matter: &str) -> Option<String> {
    let value = front_matter.lines().find_map(|line| line.strip_prefix("title:"))?.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let title = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    (!title.is_empty()).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::BlockKind;
    use super::parse;

    #[test]
    fn lists_nest_and_keep_their_paragraphs() {
        let parsed =
            parse("1. one\n\n   more of one\n   - inner *item*\n2. two\n\n- [x] done\n").expect("text");
        assert_eq!(parsed.text, "- one\n\nmore of one\n\n  - inner item\n- two\n- [x] done");
    }

    #[test]
    fn markup_disappears_and_its_text_stays() {
        let source = "A [link](http://x.y \"t\"), ![a cat](c.png), `code  x`, ~~gone~~ &amp; <b>bold</b>.\\\nNext[^n]\n\n[^n]: note\n";
        assert_eq!(
            parse(source).expect("text").text,
            "A link, a cat, code x, gone & bold.\nNext[n]\n\n[n] note"
        );
    }

    #[test]
    fn code_is_verbatim() {
        let parsed = parse("```sql\n  select  *\n\n    from t;\n```\n\n    a\n      b\n").expect("text");
        assert_eq!(parsed.text, "  select  *\n\n    from t;\n\na\n  b");
        assert!(parsed.blocks.iter().all(|block| block.kind == BlockKind::Code));
    }

    #[test]
    fn headings_make_paths_and_the_first_is_the_title() {
        let parsed = parse("# A\n\n### C\n\nx\n\n## B\n\ny\n\nD\n===\n\nz\n").expect("text");
        assert_eq!(parsed.title.as_deref(), Some("A"));
        let paths: Vec<String> = parsed.blocks.iter().map(|block| block.heading_path.join("/")).collect();
        assert_eq!(paths, ["A", "A/C", "A/C", "A/B", "A/B", "D", "D"]);
    }

    #[test]
    fn front_matter_gives_only_a_title() {
        let parsed = parse("---\ntitle: \"Set up\"\nsecret: 1\n---\n\n# Heading\n\ntext\n").expect("text");
        assert_eq!(parsed.title.as_deref(), Some("Set up"));
        assert_eq!(parsed.text, "Heading\n\ntext");
    }

    #[test]
    fn html_blocks_are_read_as_html_and_scripts_vanish() {
        let source = "<div><h2>Inner</h2>\n<script>alert(1)</script><p>kept</div>\n\na <script>alert(2)</script> b<br>c\n";
        let parsed = parse(source).expect("text");
        assert_eq!(parsed.text, "Inner\n\nkept\n\na b\nc");
        assert_eq!(&*parsed.blocks[1].heading_path[0], "Inner");
    }
}
