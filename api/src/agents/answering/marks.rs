//! Takes the marks of citations out of a text while it streams: `[2: "copied words"]`, and the bare `[2]` of models that forget the
//! quote.
//!
//! What is taken out leaves no trace: spaces before a mark go with it where punctuation or a space follows. A text comes out the same
//! however it is cut into pieces, and nothing that may still become a mark is shown. What looks like a mark and is none, as the
//! index in `a[1]`, stays. Control characters go. Time is linear, and a mark that does not end is given up after a bound.

/// The longest quote that is waited for, in bytes.
const LONGEST_QUOTE: usize = 4096;
/// The most digits of a passage's number.
const MOST_DIGITS: usize = 6;
/// White space that is held back at most, in bytes; more of it is nothing that a reader needs.
const MOST_HELD: usize = 64;

/// A citation as the model marks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The number that it gives.
    pub(super) passage: usize,
    /// The words that it claims to copy; empty where it gives none.
    pub(super) quote: String,
    /// How many bytes of the text stand before it.
    pub(super) at: usize,
}

/// A text and its marks, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Marks {
    text: String,
    found: Vec<Mark>,
    /// White space that is shown only once something follows it.
    held: String,
    /// Whether a mark has been taken out since the last visible character.
    after_mark: bool,
    candidate: Option<Candidate>,
}

/// What may become a mark, from its bracket on.
#[derive(Debug, Default)]
struct Candidate {
    seen: String,
    numbers: Vec<usize>,
    digits: String,
    quote: String,
    /// A quotation mark and the spaces after it, which end the quote if a bracket follows.
    closing: String,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Number,
    BeforeQuote,
    Quote,
    Closing,
}

/// What a further character makes of a candidate.
enum Verdict {
    Open,
    Complete,
    None,
}

impl Marks {
    /// Takes the next piece; what of the text it shows.
    pub(super) fn push(&mut self, piece: &str) -> String {
        let shown = self.text.len();
        for character in piece.chars() {
            self.feed(character);
        }
        self.text[shown..].to_owned()
    }

    /// The end: the text without white space around it, and its marks.
    pub(super) fn end(mut self) -> (String, Vec<Mark>) {
        if let Some(candidate) = self.candidate.take()
            && matches!(candidate.state, State::Number | State::BeforeQuote)
        {
            // It was cut before it became a mark; within a quote it is one that was cut.
            candidate.seen.chars().for_each(|character| self.show(character));
        }
        (self.text, self.found)
    }

    fn feed(&mut self, character: char) {
        if let Some(mut candidate) = self.candidate.take() {
            match candidate.take(character) {
                Verdict::Open => self.candidate = Some(candidate),
                Verdict::Complete => self.mark(candidate),
                Verdict::None => self.give_up(&candidate),
            }
        } else if character == '[' {
            let seen = "[".to_owned();
            self.candidate = Some(Candidate { seen, ..Candidate::default() });
        } else {
            self.show(character);
        }
    }

    /// It is text after all; its last character may begin a mark of its own.
    fn give_up(&mut self, candidate: &Candidate) {
        let quoted = matches!(candidate.state, State::Quote | State::Closing);
        let mut characters = candidate.seen.chars();
        let last = if quoted { None } else { characters.next_back() };
        characters.for_each(|character| self.show(character));
        if let Some(last) = last {
            self.feed(last);
        }
    }

    fn mark(&mut self, candidate: Candidate) {
        let bare = candidate.state == State::Number;
        let joined = self.held.is_empty()
            && !self.after_mark
            && self
                .text
                .chars()
                .next_back()
                .is_some_and(|before| before.is_alphanumeric() || "_)]".contains(before));
        if bare && joined {
            // The index of an expression.
            candidate.seen.chars().for_each(|character| self.show(character));
            return;
        }
        let at = self.text.len();
        for passage in candidate.numbers {
            self.found.push(Mark { passage, quote: candidate.quote.trim().to_owned(), at });
        }
        self.after_mark = true;
    }

    fn show(&mut self, character: char) {
        if character.is_whitespace() {
            let kept = !character.is_control() || matches!(character, '\n' | '\t');
            if kept && self.held.len() < MOST_HELD {
                self.held.push(character);
            }
            return;
        }
        if character.is_control() {
            return;
        }
        if !self.text.is_empty() {
            self.release(character);
        }
        self.held.clear();
        self.after_mark = false;
        self.text.push(character);
    }

    /// Shows the white space that was held back, as far as it means something before this character.
    fn release(&mut self, next: char) {
        if !self.after_mark {
            self.text.push_str(&self.held);
        } else if let Some(line) = self.held.find('\n') {
            self.text.push_str(&self.held[line..]);
        } else if !self.held.is_empty() && !".,;:!?)]}…。、".contains(next) {
            self.text.push(' ');
        }
    }
}

impl Candidate {
    fn take(&mut self, character: char) -> Verdict {
        self.seen.push(character);
        match self.state {
            State::Number => self.number(character),
            State::BeforeQuote => match character {
                '"' | '“' | '”' | '„' | '«' => {
                    self.state = State::Quote;
                    Verdict::Open
                }
                ' ' if self.seen.len() < MOST_HELD => Verdict::Open,
                _ => Verdict::None,
            },
            State::Quote | State::Closing => self.quote(character),
        }
    }

    fn number(&mut self, character: char) -> Verdict {
        match character {
            '0'..='9' if self.digits.len() < MOST_DIGITS => {
                self.digits.push(character);
                Verdict::Open
            }
            ' ' if self.seen.len() < MOST_HELD => Verdict::Open,
            ',' | ']' | ':' => {
                let Ok(number) = self.digits.parse() else { return Verdict::None };
                self.digits.clear();
                self.numbers.push(number);
                match character {
                    ']' => Verdict::Complete,
                    ':' => {
                        self.state = State::BeforeQuote;
                        Verdict::Open
                    }
                    _ if self.seen.len() < MOST_HELD => Verdict::Open,
                    _ => Verdict::None,
                }
            }
            _ => Verdict::None,
        }
    }

    fn quote(&mut self, character: char) -> Verdict {
        if self.quote.len() + self.closing.len() > LONGEST_QUOTE {
            return Verdict::None;
        }
        match character {
            ']' if self.state == State::Closing => return Verdict::Complete,
            ' ' if self.state == State::Closing => self.closing.push(' '),
            '"' | '”' | '“' | '»' => {
                self.quote.push_str(&self.closing);
                self.closing = character.to_string();
                self.state = State::Closing;
            }
            _ => {
                self.quote.push_str(&std::mem::take(&mut self.closing));
                if !character.is_control() || character.is_whitespace() {
                    self.quote.push(character);
                }
                self.state = State::Quote;
            }
        }
        Verdict::Open
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    use super::{LONGEST_QUOTE, Mark, Marks};

    fn read(pieces: &[&str]) -> (String, Vec<Mark>) {
        let mut marks = Marks::default();
        let shown: String = pieces.iter().map(|piece| marks.push(piece)).collect();
        let (text, marks) = marks.end();
        assert!(text.starts_with(&shown), "what was shown stays: {shown:?}, {text:?}");
        (text, marks)
    }

    fn marked(text: &str) -> (String, Vec<(usize, String, String)>) {
        let (clean, marks) = read(&[text]);
        let marks =
            marks.into_iter().map(|mark| (mark.passage, mark.quote, clean[..mark.at].to_owned())).collect();
        (clean, marks)
    }

    #[test]
    fn marks_leave_no_trace_and_say_where_they_stood() {
        let mark = |passage: usize, quote: &str, before: &str| (passage, quote.to_owned(), before.to_owned());
        for (text, clean, marks) in [
            (
                "Thirty days. [1: \"thirty days\"] More.",
                "Thirty days. More.",
                vec![mark(1, "thirty days", "Thirty days.")],
            ),
            (
                "Thirty days [1: \"thirty days\"].",
                "Thirty days.",
                vec![mark(1, "thirty days", "Thirty days")],
            ),
            (
                "A.[2:\"a \"b\" [c], d\"][ 3 : “e” ]\n\nB.",
                "A.\n\nB.",
                vec![mark(2, "a \"b\" [c], d", "A."), mark(3, "e", "A.")],
            ),
            (
                "A [1] and B [1, 2].",
                "A and B.",
                vec![mark(1, "", "A"), mark(1, "", "A and B"), mark(2, "", "A and B")],
            ),
            ("[1: \"x\"] A.", "A.", vec![mark(1, "x", "")]),
            ("A. [1: \"two\nlines\"]", "A.", vec![mark(1, "two\nlines", "A.")]),
        ] {
            assert_eq!(marked(text), (clean.to_owned(), marks), "{text}");
        }
    }

    #[test]
    fn what_is_no_mark_stays_as_it_is() {
        for text in [
            "a[1] = b[i]",
            "see [the page](x)",
            "[x] done",
            "[1",
            "[1: no quote]",
            "[[1: x",
            "[1234567]",
            "f(x)[0]",
            "[]",
            "a [ b",
        ] {
            assert_eq!(marked(text), (text.to_owned(), Vec::new()), "{text}");
        }
        assert_eq!(marked("[[1: \"x\"]]").0, "[]", "the inner one is a mark");
    }

    #[test]
    fn a_mark_that_is_cut_or_never_ends_does_not_swallow_the_answer() {
        assert_eq!(marked("A. [1: \"cut"), ("A.".to_owned(), Vec::new()));
        let endless = format!("A. [1: \"{} B.", "x".repeat(LONGEST_QUOTE + 10));
        let (text, marks) = marked(&endless);
        assert!(text.ends_with(" B.") && marks.is_empty());
        let nested = "[1:\"".repeat(20_000);
        let begun = std::time::Instant::now();
        marked(&nested);
        assert!(begun.elapsed().as_secs() < 2, "linear");
    }

    #[test]
    fn control_characters_and_white_space_at_the_ends_go() {
        assert_eq!(marked("\u{0}\n A\u{0}\u{7}B\r\n\tC \n").0, "AB\n\tC");
    }

    proptest! {
        #[test]
        fn where_a_text_is_cut_into_pieces_changes_nothing(
            parts in proptest::collection::vec("[a\\[\\]1: \",\n]{1,4}|\\[[0-9]: \"[a-z🦀 ]{0,5}\"\\]", 0..12), cuts in proptest::collection::vec(prop::num::usize::ANY, 3)
        ) {
            let text = parts.concat();
            let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            places.push(text.len());
            let mut at: Vec<usize> = cuts.iter().map(|cut| places[cut % places.len()]).collect();
            at.sort_unstable();
            let pieces = [&text[..at[0]], &text[at[0]..at[1]], &text[at[1]..at[2]], &text[at[2]..]];
            prop_assert_eq!(read(&pieces), read(&[&text]));
        }
    }
}
