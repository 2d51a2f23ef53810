//! Reads HTML from the tokens of the standard's tokenizer; no tree is built and nothing recurses.
//!
//! Scripts, styles, templates, drawings, navigation and tables of contents (`nav`, and `div`s of `DocBook`'s classes)
//! are dropped, whitespace collapses except in `pre`, entities are decoded. A stack of open elements decides where a
//! dropped element ends: at its own end tag, or at that of an element around it. One that is never closed would
//! swallow the rest of the page, so the page is then read again without dropping from there on: at most two passes.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::assembly::{Assembler, Inline, Rows};
use super::elements::{Class, ELEMENTS, Role, class, element};
use super::{BlockKind, ParseFailure, Parsed};

pub(super) fn parse(source: &str) -> Result<Parsed, ParseFailure> {
    let mut document = Assembler::default();
    let mut outcome = read(source, &mut document, usize::MAX);
    if let Some(unclosed) = outcome.unclosed {
        document = Assembler::default();
        outcome = read(source, &mut document, unclosed);
    }
    document.finish(outcome.title.as_deref())
}

/// Reads a piece of HTML that stands in another document; its headings open sections of that document.
pub(super) fn fragment(source: &str, document: &mut Assembler) {
    read(source, document, usize::MAX);
}

struct Outcome {
    title: Option<String>,
    unclosed: Option<usize>,
}

fn read(source: &str, document: &mut Assembler, droppable: usize) -> Outcome {
    let mut reader = Reader::new(document, droppable);
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| {
        reader.event(&event);
        reader.document.is_full().then_some(())
    });
    emitter.naively_switch_states(true);
    // The callback yields something only when the text has reached its limit.
    let _ = Tokenizer::new_with_emitter(source, emitter).next();
    reader.finish()
}

/// An element that is open and whose end tag matters.
struct Open {
    element: usize,
    admonition: bool,
    /// Opened in a dropped element or in preformatted text: it only counts as open.
    inert: bool,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about the page, independent of the others"
)]
struct Reader<'a> {
    document: &'a mut Assembler,
    inline: Inline,
    open: Vec<Open>,
    /// How many of each element are open, so that a stray end tag is refused without a search.
    counts: [usize; ELEMENTS.len()],
    /// Where in `open` the dropped element stands that the reader is in.
    dropped_at: Option<usize>,
    /// Dropped elements so far, and how many of them may be dropped.
    dropped: usize,
    droppable: usize,
    unclosed: Option<usize>,
    /// The start tag being read, and the class it has.
    tag: Option<usize>,
    class: Option<Class>,
    reads_class: bool,
    heading: Option<u8>,
    admonitions: usize,
    /// Whether the text so far names what follows (a term, the word "Note"), which then joins its block.
    term: bool,
    marker: bool,
    lists: usize,
    /// Where in `open` the `pre` stands, and whether nothing of it was read yet.
    preformatted: Option<usize>,
    preformatted_begins: bool,
    /// Where in `open` the table stands.
    table: Option<usize>,
    rows: Rows,
    in_cell: bool,
    in_title: bool,
    title: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(document: &'a mut Assembler, droppable: usize) -> Self {
        Self {
            document,
            inline: Inline::default(),
            open: Vec::new(),
            counts: [0; ELEMENTS.len()],
            dropped_at: None,
            dropped: 0,
            droppable,
            unclosed: None,
            tag: None,
            class: None,
            reads_class: false,
            heading: None,
            admonitions: 0,
            term: false,
            marker: false,
            lists: 0,
            preformatted: None,
            preformatted_begins: false,
            table: None,
            rows: Rows::default(),
            in_cell: false,
            in_title: false,
            title: None,
        }
    }

    fn event(&mut self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                (self.tag, self.class, self.reads_class) = (element(name), None, false);
            }
            CallbackEvent::AttributeName { name } => self.reads_class = *name == b"class",
            CallbackEvent::AttributeValue { value } if self.reads_class => {
                self.class = self.class.or_else(|| class(value));
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                if let Some(element) = self.tag.take() {
                    self.start(element, *self_closing);
                }
            }
            CallbackEvent::EndTag { name } => {
                if let Some(element) = element(name) {
                    self.end(element);
                }
            }
            CallbackEvent::String { value } if self.dropped_at.is_none() => {
                self.text(&String::from_utf8_lossy(value));
            }
            CallbackEvent::String { .. }
            | CallbackEvent::AttributeValue { .. }
            | CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.get_or_insert_default().push_str(text);
        } else if self.preformatted.is_some() {
            let first = std::mem::take(&mut self.preformatted_begins);
            self.inline.verbatim(if first { text.strip_prefix('\n').unwrap_or(text) } else { text });
        } else if self.inline.collapsed(text) {
            self.term = false;
        }
    }

    fn start(&mut self, element: usize, self_closing: bool) {
        let role = ELEMENTS[element].1;
        let navigation = role == Role::Division && self.class == Some(Class::Navigation);
        if self.dropped_at.is_some() {
            self.push(element, true);
        } else if role == Role::Raw || role == Role::Dropped || navigation {
            self.start_dropped(element, role, self_closing);
        } else if self.preformatted.is_some() {
            self.inline.line_break();
            self.push(element, true);
        } else {
            self.start_visible(element, role);
        }
    }

    fn start_dropped(&mut self, element: usize, role: Role, self_closing: bool) {
        if role == Role::Raw {
            self.dropped_at = Some(self.open.len());
            self.push(element, true);
            return;
        }
        if ELEMENTS[element].0 != "svg" && self.preformatted.is_none() {
            self.boundary();
        }
        if self_closing {
            return;
        }
        if self.dropped < self.droppable {
            self.dropped_at = Some(self.open.len());
            self.dropped += 1;
        }
        self.push(element, true);
    }

    fn start_visible(&mut self, element: usize, role: Role) {
        match role {
            Role::Break if self.heading.is_some() || self.table.is_some() => self.inline.space(),
            Role::Break => self.inline.line_break(),
            Role::Title => self.in_title = self.title.is_none(),
            Role::Heading(level) => {
                self.leave_table();
                self.flush();
                self.heading = (self.admonitions == 0).then_some(level);
            }
            Role::List | Role::Item if self.table.is_some() => self.inline.space(),
            Role::Item => {
                self.flush();
                self.marker = true;
            }
            Role::Preformatted if self.table.is_some() => self.inline.line_break(),
            Role::List | Role::Preformatted => self.flush(),
            Role::Table => {
                self.leave_table();
                self.flush();
                self.table = Some(self.open.len());
            }
            Role::Row => self.end_row(),
            Role::Cell => {
                self.end_cell();
                self.in_cell = self.table.is_some();
            }
            _ => self.boundary(),
        }
        match role {
            Role::Preformatted => {
                self.preformatted = Some(self.open.len());
                self.preformatted_begins = true;
            }
            Role::List => self.lists += 1,
            Role::Division => self.admonitions += usize::from(self.class == Some(Class::Admonition)),
            _ => {}
        }
        self.push(element, false);
    }

    /// Notes an element as open, if its end tag decides anything.
    fn push(&mut self, element: usize, inert: bool) {
        let role = ELEMENTS[element].1;
        let tracked = matches!(
            role,
            Role::Page
                | Role::Container
                | Role::Division
                | Role::List
                | Role::Preformatted
                | Role::Table
                | Role::Dropped
                | Role::Raw
        );
        if tracked {
            let admonition = !inert && role == Role::Division && self.class == Some(Class::Admonition);
            self.open.push(Open { element, admonition, inert });
            self.counts[element] += 1;
        }
    }

    fn end(&mut self, element: usize) {
        if self.counts[element] > 0 {
            while let Some(open) = self.open.pop() {
                self.closed(&open, element);
                if open.element == element {
                    break;
                }
            }
        } else if self.dropped_at.is_none() {
            match ELEMENTS[element].1 {
                Role::Title => self.in_title = false,
                _ if self.preformatted.is_some() => self.inline.line_break(),
                Role::Term => self.end_term(),
                Role::Heading(_) if self.admonitions > 0 => self.end_term(),
                Role::Heading(_) => self.flush(),
                Role::Item if self.table.is_none() => {
                    self.flush();
                    self.marker = false;
                }
                Role::Row => self.end_row(),
                Role::Cell => self.end_cell(),
                Role::Flow | Role::Item => self.boundary(),
                _ => {}
            }
        }
    }

    /// Takes the effect of an element that was just removed from the stack, by the end tag of `by`.
    fn closed(&mut self, open: &Open, by: usize) {
        self.counts[open.element] -= 1;
        let position = self.open.len();
        let role = ELEMENTS[open.element].1;
        if self.dropped_at == Some(position) {
            self.dropped_at = None;
            if role != Role::Raw && ELEMENTS[by].1 == Role::Page {
                self.unclosed = self.unclosed.or(Some(self.dropped - 1));
            }
        }
        if open.inert {
            return;
        }
        match role {
            Role::Preformatted => self.end_preformatted(),
            Role::Table if self.table == Some(position) => self.leave_table(),
            Role::List => {
                if self.table.is_none() {
                    self.flush();
                }
                self.marker = false;
                self.lists -= 1;
            }
            // A term that nothing follows inside its container is a block of its own.
            _ if self.table.is_none() => self.flush(),
            _ => self.boundary(),
        }
        self.admonitions -= usize::from(open.admonition);
    }

    fn end_preformatted(&mut self) {
        self.preformatted = None;
        if self.table.is_some() {
            self.inline.line_break();
            return;
        }
        let text = self.inline.take();
        self.document.block(BlockKind::Code, &text);
        (self.marker, self.heading) = (false, None);
    }

    fn end_term(&mut self) {
        if self.table.is_none() {
            self.term = !self.inline.is_empty();
        }
    }

    fn end_cell(&mut self) {
        if self.table.is_none() {
            self.boundary();
        } else if self.in_cell || !self.inline.is_empty() {
            let text = self.inline.take();
            self.rows.cell(&text);
            self.in_cell = false;
        }
    }

    fn end_row(&mut self) {
        self.end_cell();
        if self.table.is_some() {
            self.rows.end_row();
        }
    }

    /// Ends the table as a block: it is over, or it turns out to lay out a page, whose cells are then plain blocks.
    fn leave_table(&mut self) {
        if self.table.is_some() {
            self.end_row();
            self.table = None;
            let lines = self.rows.take();
            self.document.block(BlockKind::Table, &lines);
        }
    }

    /// Ends the block of text that is being read, unless what follows belongs to it.
    fn boundary(&mut self) {
        if self.table.is_some() {
            self.inline.space();
        } else if self.term {
            self.inline.line_break();
        } else {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.term = false;
        if self.inline.is_empty() {
            return;
        }
        let text = self.inline.take();
        if let Some(level) = self.heading.take() {
            self.document.heading(level, &text);
        } else if std::mem::take(&mut self.marker) {
            self.document.list_item(self.lists, &text);
        } else {
            self.document.block(BlockKind::Paragraph, &text);
        }
    }

    fn finish(mut self) -> Outcome {
        let dropped = self.dropped_at.and_then(|position| self.open.get(position));
        if dropped.is_some_and(|open| ELEMENTS[open.element].1 != Role::Raw) {
            self.unclosed = self.unclosed.or(Some(self.dropped - 1));
        }
        if self.preformatted.is_some() {
            self.end_preformatted();
        }
        self.leave_table();
        self.flush();
        Outcome { title: self.title, unclosed: self.unclosed }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BlockKind, Parsed};

    fn parse(source: &str) -> Parsed {
        super::parse(source).expect("a page with text")
    }

    fn paths(parsed: &Parsed) -> Vec<String> {
        parsed.blocks.iter().map(|block| block.heading_path.join("/")).collect()
    }

    #[test]
    fn navigation_scripts_and_drawings_are_dropped() {
        let page = "<html><head><title> A&nbsp;page </title><style>p{}</style><script>if (a < b) {}</script></head><body>
            <div class='navheader'><table><tr><td>Prev</table></div><nav><ul><li>Menu</ul></nav>
            <div class=\"x toc\"><dl><dt>Contents</dt></dl></div><p>Kept &amp; &#x6f22;&eacute;.</p>
            <svg><title>Drawing</title><text>ink</text></svg><svg/><template><p>later</p></template>
            <noscript>Turn it on</noscript><textarea><b>typed</b></textarea><div class=navfooter>Next</div></body></html>";
        let parsed = parse(page);
        assert_eq!(parsed.text, "Kept & 漢é.\n\n<b>typed</b>");
        assert_eq!(parsed.title.as_deref(), Some("A page"));
    }

    #[test]
    fn unclosed_elements_inside_a_dropped_one_do_not_extend_it() {
        assert_eq!(parse("<nav><div><ul><li>menu</nav>text").text, "text");
        assert_eq!(parse("<div><div class=toc><div>toc</div></div>text</div>").text, "text");
        assert_eq!(parse("<section><div class=toc><p>toc</section>text").text, "text");
        assert_eq!(parse("<div class=toc></span></section></p>toc</div></div></div>text").text, "text");
    }

    #[test]
    fn an_unclosed_dropped_element_does_not_swallow_the_page() {
        assert_eq!(parse("<nav>menu</nav><p>a<nav><p>b").text, "a\n\nb");
        assert_eq!(parse("<body><nav>menu</nav><p>a<svg><p>b</body>").text, "a\n\nb");
    }

    #[test]
    fn headings_lose_their_fixed_spaces_and_make_paths() {
        let parsed = parse(
            "<h2 class=title>5.8.\u{A0}Row\n  <em>Security</em></h2><p>a</p><h3>5.8.1.&nbsp;More</h3>b
            <div class=tip><h3>Tip</h3><p>c</p></div><p>d</p><h2>Next<p>e",
        );
        assert_eq!(parsed.text, "5.8. Row Security\n\na\n\n5.8.1. More\n\nb\n\nTip\nc\n\nd\n\nNext\n\ne");
        let (row, more) = ("5.8. Row Security", "5.8. Row Security/5.8.1. More");
        assert_eq!(paths(&parsed), [row, row, more, more, more, more, "Next", "Next"]);
    }

    #[test]
    fn terms_stay_with_their_definitions() {
        let parsed =
            parse("<dl><dt>work_mem</dt><dd><p>Sets it.</p><p>More.</p></dd><dt>alone</dt></dl><p>after");
        assert_eq!(parsed.text, "work_mem\nSets it.\n\nMore.\n\nalone\n\nafter");
    }

    #[test]
    fn preformatted_text_is_verbatim_and_other_whitespace_collapses() {
        let parsed = parse("<p> a\n  <b> b </b>c<br> d</p><pre>\n  x\n\n    <b>y</b>  &lt;\n</pre>");
        assert_eq!(parsed.text, "a b c\nd\n\n  x\n\n    y  <");
        assert_eq!(parsed.blocks[1].kind, BlockKind::Code);
    }

    #[test]
    fn tables_of_data_are_rows_and_tables_of_layout_are_not() {
        let data = parse(
            "<table><caption>C</caption><tr><th>a<th>b<tr><td><p>1</p><p>2</p><td></td><td>3</table>end",
        );
        assert_eq!(data.text, "C\n\na | b\n1 2 |  | 3\n\nend".replace("C\n\n", "C\n"));
        assert_eq!(data.blocks[0].kind, BlockKind::Table);
        let layout =
            parse("<table><tr><td>menu<td><h1>Title</h1><p>text<table><tr><td>x<td>y</table>more</table>");
        assert_eq!(layout.text, "menu\n\nTitle\n\ntext\n\nx | y\n\nmore");
    }

    #[test]
    fn lists_nest_by_indentation() {
        let parsed = parse("<ul><li>a<ol><li><p>b</p><p>c</p></li></ol></li><li>d</ul>e");
        assert_eq!(parsed.text, "- a\n  - b\n\nc\n\n- d\n\ne");
    }

    #[test]
    fn a_hundred_thousand_nested_elements_are_read() {
        let page = format!("{}deep{}", "<div>".repeat(100_000), "</span></div>".repeat(100_000));
        assert_eq!(parse(&page).text, "deep");
    }
}
