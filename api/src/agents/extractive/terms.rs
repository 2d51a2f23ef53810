//! Words of questions and passages, reduced to stems that can be compared.
//!
//! A word is a run of letters, digits and underscores, in lower case; `pg_hba` is one word. Stopwords are English, and
//! so is the stemmer: a light suffix stripper of its own, which only has to send the forms of one word to one stem,
//! alike in question and passage. Text in other scripts passes through unchanged, so it matches only itself.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The longest word that can match, in bytes; longer ones are data, not words.
const LONGEST_WORD: usize = 64;

/// The largest number of distinct terms in a question: one bit each in a mask.
pub(super) const MOST_TERMS: usize = 64;

/// Words that carry no content in a question.
const STOPWORDS: &str = " a about above after again all also am an and any are aren as at be because been before being below \
    but by can cannot could couldn did didn do does doesn doing don done down during each else ever few for from \
    further had hadn has hasn have haven having he her here hers him his how i if in into is isn it its itself just let \
    ll may me might more most must my no nor not now of off on once only or other our ours out over own please re \
    same shall she should shouldn so some such than that the their theirs them then there these they this those \
    through to together too under until up upon us ve very was wasn we were weren what whatever when where whether \
    which while who whom whose why will with within without won would wouldn yes yet you your yours ";

/// Words that ask rather than name: they count, but their absence says little.
const GENERIC_WORDS: &str = " allow appropriate available best call choose define describe difference differ \
    example explain find get give go happen help hold keep kind know like long look make many mean mode much need \
    often people possible provide purpose recommended see sort specify support tell thing type use want \
    way work write ";

/// Forms that no suffix rule reaches, and their base.
const IRREGULAR_FORMS: [(&str, &str); 23] = [
    ("began", "begin"),
    ("begun", "begin"),
    ("broken", "break"),
    ("built", "build"),
    ("chosen", "choose"),
    ("found", "find"),
    ("given", "give"),
    ("grown", "grow"),
    ("held", "hold"),
    ("indices", "index"),
    ("kept", "keep"),
    ("known", "know"),
    ("left", "leave"),
    ("lost", "lose"),
    ("made", "make"),
    ("meant", "mean"),
    ("paid", "pay"),
    ("sent", "send"),
    ("spent", "spend"),
    ("taken", "take"),
    ("thrown", "throw"),
    ("written", "write"),
    ("wrote", "write"),
];

/// How much a question's term says about what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word such as "happen", which an answer may well lack.
    Generic,
    /// A word of the subject.
    Content,
    /// A name, an identifier or a number: an answer about something else lacks it.
    Name,
}

/// The distinct terms of a question, in order.
#[derive(Debug)]
pub(super) struct Question {
    /// What each term is; the index is the term's bit in every mask.
    pub(super) kinds: Vec<Kind>,
    /// Whether the question asks for a number.
    pub(super) wants_number: bool,
    index: HashMap<String, u8>,
}

impl Question {
    /// Reads a question; `None` when it has no term or more than [`MOST_TERMS`].
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut capitals, mut count) = (0_usize, 0_usize);
        for word in words(text) {
            count += 1;
            capitals += usize::from(word.text.starts_with(char::is_uppercase));
        }
        let title_case = count > 3 && capitals * 2 > count;
        let mut question =
            Self { kinds: Vec::new(), wants_number: asks_for_number(text), index: HashMap::new() };
        for word in words(text) {
            let lower = word.text.to_lowercase();
            if is_stopword(&lower) {
                continue;
            }
            let too_long = word.text.len() > LONGEST_WORD;
            let kind = if looks_like_a_name(&word, title_case) {
                Kind::Name
            } else if is_generic(&lower) {
                Kind::Generic
            } else {
                Kind::Content
            };
            let next = u8::try_from(question.kinds.len()).ok()?;
            let stem = if too_long { String::new() } else { stem(lower) };
            if let Entry::Vacant(entry) = question.index.entry(stem) {
                if usize::from(next) == MOST_TERMS {
                    return None;
                }
                entry.insert(next);
                question.kinds.push(kind);
            }
        }
        (!question.kinds.is_empty()).then_some(question)
    }

    /// Returns the position of a passage's word among the question's terms.
    pub(super) fn position(&self, word: &str) -> Option<u8> {
        if word.len() > LONGEST_WORD {
            return None;
        }
        let lower = word.to_lowercase();
        let position = self.index.get(&stem(lower.clone())).copied()?;
        (!is_stopword(&lower)).then_some(position)
    }

    /// Returns the mask of the question's terms that stand in a text.
    pub(super) fn mask(&self, text: &str) -> u64 {
        words(text).filter_map(|word| self.position(word.text)).fold(0, |mask, position| mask | 1 << position)
    }
}

/// A word where it stands.
#[derive(Debug)]
pub(super) struct Word<'a> {
    /// The word as written.
    pub(super) text: &'a str,
    /// Whether it opens the text.
    first: bool,
}

/// Iterates over the words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| word.contains(char::is_alphanumeric))
        .enumerate()
        .map(|(position, text)| Word { text, first: position == 0 })
}

fn looks_like_a_name(word: &Word<'_>, title_case: bool) -> bool {
    if word.text.contains(|character: char| character.is_numeric() || character == '_') {
        return true;
    }
    let mut rest = word.text.chars();
    let capital = rest.next().is_some_and(char::is_uppercase);
    let inner_capital = rest.any(char::is_uppercase);
    !title_case && (inner_capital || capital && !word.first)
}

fn asks_for_number(text: &str) -> bool {
    let mut previous = String::new();
    for word in words(text).take(MOST_TERMS) {
        let lower = word.text.to_lowercase();
        let quantity = ["many", "much", "long", "large", "big", "often", "fast"].contains(&lower.as_str());
        if previous == "how" && quantity
            || ["maximum", "minimum", "size", "limit", "length", "port"].contains(&lower.as_str())
        {
            return true;
        }
        previous = lower;
    }
    false
}

fn is_stopword(lower: &str) -> bool {
    (lower.len() == 1 && lower.starts_with(|character: char| character.is_ascii_lowercase()))
        || contains_word(STOPWORDS, lower)
}

fn is_generic(lower: &str) -> bool {
    let stemmed = stem(lower.to_owned());
    GENERIC_WORDS.split_ascii_whitespace().any(|entry| stem(entry.to_owned()) == stemmed)
}

/// Says whether a list of words, each between spaces, has this one.
fn contains_word(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|entry| entry == word)
}

/// Reduces an English word in lower case to a stem; words of other scripts and identifiers stay as they are.
fn stem(mut word: String) -> String {
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word;
    }
    if let Some((_, base)) = IRREGULAR_FORMS.iter().find(|(form, _)| *form == word) {
        word.replace_range(.., base);
    }
    strip_plural(&mut word);
    for suffix in ["ing", "ed"] {
        if strip(&mut word, suffix, 3) {
            undouble(&mut word);
            break;
        }
    }
    for suffix in ["ly", "ment", "ness"] {
        strip(&mut word, suffix, 4);
    }
    if word.ends_with("tion") || word.ends_with("sion") {
        strip(&mut word, "ion", 4);
    }
    for suffix in ["able", "ible", "ance", "ence", "ive", "or", "er", "ic", "al"] {
        if strip(&mut word, suffix, 5) {
            undouble(&mut word);
            break;
        }
    }
    strip(&mut word, "e", 3);
    if word.len() > 3 && word.ends_with('y') {
        word.pop();
        word.push('i');
    }
    word
}

fn strip_plural(word: &mut String) {
    if word.len() > 4 && word.ends_with("ies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if ["sses", "xes", "ches", "shes", "zzes"].iter().any(|ending| word.ends_with(ending)) {
        word.truncate(word.len() - 2);
    } else if word.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| word.ends_with(ending)) {
        word.pop();
    }
}

/// Strips a suffix when at least `least` letters with a vowel among them stay.
fn strip(word: &mut String, suffix: &str, least: usize) -> bool {
    let kept = match word.strip_suffix(suffix) {
        Some(kept) if kept.len() >= least && kept.contains(['a', 'e', 'i', 'o', 'u', 'y']) => kept.len(),
        _ => return false,
    };
    word.truncate(kept);
    true
}

/// Halves a doubled final consonant ("stopp" becomes "stop").
fn undouble(word: &mut String) {
    let bytes = word.as_bytes();
    if let [.., before, last] = bytes
        && before == last
        && word.len() > 3
        && !b"aeioulsz".contains(last)
    {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, MOST_TERMS, Question, stem};

    #[test]
    fn the_forms_of_a_word_share_a_stem() {
        let families: [&[&str]; 10] = [
            &["keep", "keeps", "kept", "keeping"],
            &["index", "indexes", "indexing", "indexed"],
            &["query", "queries", "querying"],
            &["create", "creates", "created", "creating", "creation"],
            &["replicate", "replication", "replicated", "replicating"],
            &["partition", "partitions", "partitioning", "partitioned"],
            &["recommend", "recommended", "recommends"],
            &["stop", "stopped", "stopping", "stops"],
            &["store", "stored", "stores", "storing"],
            &["authenticate", "authentication", "authenticated"],
        ];
        for family in families {
            for form in family {
                assert_eq!(stem((*form).to_owned()), stem(family[0].to_owned()), "{form}");
            }
        }
        assert_ne!(stem("status".to_owned()), stem("state".to_owned()));
        assert_eq!(stem("größen".to_owned()), "größen");
        assert_eq!(stem("wal_levels".to_owned()), "wal_levels");
    }

    #[test]
    fn a_question_has_the_terms_that_are_not_stopwords() {
        let question =
            Question::parse("How do I set wal_level when the Primary happens to crash?").expect("has terms");
        assert_eq!(
            question.kinds,
            [Kind::Content, Kind::Name, Kind::Name, Kind::Generic, Kind::Content],
            "set, wal_level, Primary, happens, crash"
        );
        assert_eq!(question.mask("It crashed after SET of wal_level"), 0b10011);
    }

    #[test]
    fn questions_without_terms_and_with_too_many_are_refused() {
        for nothing in ["", "   ", "?!", "what is it, and why do you do that?"] {
            assert!(Question::parse(nothing).is_none(), "{nothing:?}");
        }
        let many: Vec<_> = (0..=MOST_TERMS).map(|number| format!("word{number}")).collect();
        assert!(Question::parse(&many.join(" ")).is_none());
        assert!(Question::parse(&many[1..].join(" ")).is_some());
    }

    #[test]
    fn a_word_too_long_to_be_one_matches_nothing() {
        let long = "x".repeat(1_000_000);
        let question = Question::parse(&long).expect("is a term");
        assert_eq!(question.mask(&long), 0);
    }
}
