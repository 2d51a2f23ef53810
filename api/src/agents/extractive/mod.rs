//! The answerer that works without a language model.
//!
//! It answers with one to three sentences of the retrieved passages, verbatim, and cites each, so every citation that
//! it makes verifies. It abstains when the passages do not cover what the question names. The same question and
//! passages give the same answer on every run. It cannot rephrase, combine, calculate or translate, and it matches
//! English word forms only; it says so in [`DISCLOSURE`]. Time is linear in question and passages; a question that
//! no short answer could serve (empty, stopwords only, too long) is not answered.

mod evidence;
mod terms;

use uuid::Uuid;

use self::evidence::{Candidate, Evidence};
use self::terms::{Kind, Question};
use super::citations::scalar_length;

/// The name that runs record as their model.
pub const MODEL: &str = "footnote/extractive-1";

/// What a reader is told about answers made here.
pub const DISCLOSURE: &str =
    "Extractive answer: sentences quoted word for word from the documents found. No language model was used.";

/// The text of an answer that abstains.
pub const ABSTENTION: &str = "The documents given do not answer this question.";

/// Turns texts into vectors of one length, in order.
pub type Embed<'a> = dyn Fn(&[&str]) -> Vec<Vec<f32>> + 'a;

/// A retrieved chunk.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The chunk.
    pub chunk_id: Uuid,
    /// The document version that the chunk is part of.
    pub version_id: Uuid,
    /// The document's title.
    pub document_title: String,
    /// The headings above the chunk, outermost first.
    pub heading_path: Vec<String>,
    /// The chunk's text, exactly as in the version.
    pub text: String,
    /// The chunk's offset in its version's text, in Unicode scalar values.
    pub start: u32,
    /// The rank in retrieval, from 1.
    pub rank: u32,
    /// The fused score of retrieval, on the scale of the retriever.
    pub score: f32,
    /// The rank in the dense list, from 1, when it was found there.
    pub dense_rank: Option<u32>,
    /// The rank in the sparse list, from 1, when it was found there.
    pub sparse_rank: Option<u32>,
}

/// An answer with its sources.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The quoted sentences joined by a space, or [`ABSTENTION`].
    pub text: String,
    /// Whether the question was not answered.
    pub abstained: bool,
    /// One citation for each sentence, in the order of the text.
    pub citations: Vec<AnswerCitation>,
    /// How much of the question the best sentence and its surroundings cover, 0 to 1.
    pub confidence: f32,
}

/// One sentence of an answer and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerCitation {
    /// The index of the passage in the slice given.
    pub passage: usize,
    /// The quote's offset in the version's text, in Unicode scalar values.
    pub start: u32,
    /// The end in the version's text, exclusive.
    pub end: u32,
    /// The quote, exactly as in the version.
    pub quote: String,
    /// The quote's offset in the answer's text, in Unicode scalar values.
    pub answer_start: u32,
    /// The end in the answer's text, exclusive.
    pub answer_end: u32,
}

/// The limits and thresholds of [`answer`]; the defaults were tuned on half of the demo's questions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The largest number of sentences in an answer.
    pub most_sentences_answered: usize,
    /// The longest question that is read, in bytes.
    pub longest_question: usize,
    /// The largest number of passages that are read.
    pub most_passages: usize,
    /// The largest number of sentences that are judged.
    pub most_sentences: usize,
    /// The longest sentence that is quoted, in Unicode scalar values.
    pub longest_quote: u32,
    /// The largest number of sentences that are embedded.
    pub most_embedded: usize,
    /// The least share of the question that the best sentence and its surroundings must cover, 0 to 1.
    pub least_grounding: f64,
    /// The share of the best sentence's score that a further sentence must reach.
    pub further_share: f64,
    /// What a cosine of 1 adds to a sentence's score.
    pub similarity_weight: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            most_sentences_answered: 3,
            longest_question: 2_000,
            most_passages: 64,
            most_sentences: 4_096,
            longest_quote: 800,
            most_embedded: 64,
            least_grounding: 0.6,
            further_share: 0.9,
            similarity_weight: 0.2,
        }
    }
}

/// Answers a question from passages, or abstains.
#[must_use]
pub fn answer(
    question: &str,
    passages: &[Passage],
    embed: Option<&Embed<'_>>,
    settings: &Settings,
) -> Answer {
    if question.len() > settings.longest_question {
        return abstain(0.0);
    }
    let Some(parsed) = Question::parse(question) else { return abstain(0.0) };
    let Evidence { mut candidates, seen } = evidence::weigh((question, &parsed), passages, embed, settings);
    candidates.retain(|candidate| {
        candidate.terms != 0 && candidate.end - candidate.start <= settings.longest_quote
    });
    let Some(best) = candidates.first() else { return abstain(0.0) };
    let confidence = best.grounding;
    let unknown_name =
        parsed.kinds.iter().enumerate().any(|(bit, kind)| *kind == Kind::Name && seen >> bit & 1 == 0);
    if unknown_name || confidence < settings.least_grounding {
        return abstain(confidence);
    }
    compose(&choose(&candidates, passages, settings), confidence)
}

fn abstain(confidence: f64) -> Answer {
    Answer {
        text: ABSTENTION.to_owned(),
        abstained: true,
        citations: Vec::new(),
        confidence: narrow(confidence),
    }
}

/// Chooses the best sentence and those that nearly reach it, in an order that reads well.
fn choose<'a, 'b>(
    candidates: &'b [Candidate<'a>],
    passages: &[Passage],
    settings: &Settings,
) -> Vec<&'b Candidate<'a>> {
    let Some((best, others)) = candidates.split_first() else { return Vec::new() };
    let mut chosen = vec![best];
    for candidate in others {
        if chosen.len() >= settings.most_sentences_answered
            || candidate.score < best.score * settings.further_share
        {
            break;
        }
        if !chosen.iter().any(|earlier| repeats(earlier, candidate, passages)) {
            chosen.push(candidate);
        }
    }
    let first_seen: Vec<Uuid> =
        chosen.iter().map(|candidate| passages[candidate.passage].version_id).collect();
    chosen.sort_by_key(|candidate| {
        let version = passages[candidate.passage].version_id;
        (first_seen.iter().position(|seen| *seen == version), candidate.start)
    });
    chosen
}

/// Says whether two sentences are the same text or overlap in the same version, as those of overlapping chunks do.
fn repeats(left: &Candidate<'_>, right: &Candidate<'_>, passages: &[Passage]) -> bool {
    let same_version = passages[left.passage].version_id == passages[right.passage].version_id;
    left.text == right.text || same_version && left.start < right.end && right.start < left.end
}

/// Joins the sentences and cites each.
fn compose(chosen: &[&Candidate<'_>], confidence: f64) -> Answer {
    let mut text = String::new();
    let mut length = 0;
    let mut citations = Vec::with_capacity(chosen.len());
    for candidate in chosen {
        if !text.is_empty() {
            text.push(' ');
            length += 1;
        }
        text.push_str(candidate.text);
        let end = length + scalar_length(candidate.text);
        citations.push(AnswerCitation {
            passage: candidate.passage,
            start: candidate.start,
            end: candidate.end,
            quote: candidate.text.to_owned(),
            answer_start: length,
            answer_end: end,
        });
        length = end;
    }
    Answer { text, abstained: false, citations, confidence: narrow(confidence) }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a share from 0 to 1 needs no more than single precision"
)]
fn narrow(confidence: f64) -> f32 {
    confidence.clamp(0.0, 1.0) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use uuid::Uuid;

    use super::{ABSTENTION, Answer, Passage, Settings, answer};
    use crate::agents::citations::{Quote, Verification, coverage, slice, verify};

    /// Cuts a passage out of a version's text, from a scalar offset on.
    fn passage(version_text: &str, start: u32, rank: u32) -> Passage {
        Passage {
            chunk_id: Uuid::from_u128(u128::from(rank)),
            version_id: Uuid::from_u128(7),
            document_title: "Handbuch: Löschfristen".to_owned(),
            heading_path: vec!["Retention".to_owned()],
            text: version_text.chars().skip(start as usize).collect(),
            start,
            rank,
            score: 1.0,
            dense_rank: None,
            sparse_rank: Some(rank),
        }
    }

    const VERSION: &str = "Überschrift 🦀🦀\n\nThe naïve archive keeps deleted documents for 30 days — “grace period”. \
        After that, a nightly job purges them for good. Owners may restore a document before the purge.\n\n\
        Invoices are sent on the first Monday of every month. Refunds take 猫 five working days.";

    fn ask(question: &str) -> Answer {
        answer(question, &[passage(VERSION, 0, 1), passage(VERSION, 18, 2)], None, &Settings::default())
    }

    fn assert_cited(answer: &Answer, version_text: &str) {
        let spans: Vec<_> =
            answer.citations.iter().map(|cited| (cited.answer_start, cited.answer_end)).collect();
        for cited in &answer.citations {
            let quote = Quote { start: cited.start, end: cited.end, text: cited.quote.clone() };
            assert_eq!(verify(version_text, &quote), Verification::Verified);
            assert_eq!(slice(&answer.text, cited.answer_start, cited.answer_end), Some(cited.quote.as_str()));
        }
        let coverage = coverage(&answer.text, &spans);
        assert_eq!(coverage.supported, coverage.sentences);
    }

    #[test]
    fn a_question_that_the_passages_answer_is_answered_with_exact_citations() {
        let answer = ask("How long are deleted documents kept in the archive?");
        assert!(!answer.abstained);
        assert_eq!(answer.text, "The naïve archive keeps deleted documents for 30 days — “grace period”.");
        assert_eq!((answer.citations[0].start, answer.citations[0].end), (16, 87));
        assert_cited(&answer, VERSION);
    }

    #[test]
    fn a_question_that_the_passages_do_not_answer_is_not_answered() {
        for question in [
            "How do I boil an egg?",
            "How long does Snowflake keep deleted documents?",
            "Which encryption cipher protects the archived invoices of contractors?",
            "Wie lange werden gelöschte Dokumente aufbewahrt?",
            "文書はどのくらい保存されますか",
            "",
            " \t\n",
            "What is it and why?",
            "?!…",
        ] {
            let answer = ask(question);
            assert!(answer.abstained, "{question:?}: {}", answer.text);
            assert_eq!((answer.text.as_str(), answer.citations.len()), (ABSTENTION, 0));
        }
        assert!(answer("How long are documents kept?", &[], None, &Settings::default()).abstained);
    }

    #[test]
    fn oversized_questions_are_not_answered() {
        assert!(ask(&"deleted documents ".repeat(600)).abstained);
        assert!(ask(&"d".repeat(1_000_000)).abstained);
        let settings = Settings { longest_question: usize::MAX, ..Settings::default() };
        let word = "d".repeat(1_000_000);
        assert!(answer(&word, &[passage(&word, 0, 1)], None, &settings).abstained);
    }

    #[test]
    fn the_same_input_gives_the_same_answer() {
        let question = "How long are deleted documents kept in the archive?";
        let first = ask(question);
        assert!((0..20).all(|_| ask(question) == first));
    }

    #[test]
    fn a_sentence_of_overlapping_chunks_is_quoted_once() {
        let settings = Settings { further_share: 0.0, ..Settings::default() };
        let passages = [passage(VERSION, 0, 1), passage(VERSION, 18, 2), passage(VERSION, 30, 3)];
        let answer =
            answer("How long are deleted documents kept in the archive?", &passages, None, &settings);
        assert_eq!(answer.citations.len(), 2);
        assert_eq!(answer.text.matches("grace period").count(), 1);
        assert!(answer.citations.windows(2).all(|pair| pair[0].end <= pair[1].start));
        assert_cited(&answer, VERSION);
    }

    #[test]
    fn an_embedder_moves_the_order_and_its_misbehaviour_changes_nothing() {
        let text = "Deleted documents are kept in the vault. Deleted documents are kept in the cellar.";
        let passages = [passage(text, 0, 1)];
        let settings = Settings { most_sentences_answered: 1, ..Settings::default() };
        let question = "Where are deleted documents kept?";
        let plain = answer(question, &passages, None, &settings);
        assert!(plain.text.contains("vault"));
        let prefers_cellar = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| if text.contains("vault") { vec![0.0, 1.0] } else { vec![1.0, 0.0] })
                .collect()
        };
        assert!(answer(question, &passages, Some(&prefers_cellar), &settings).text.contains("cellar"));
        let broken: [Vec<Vec<f32>>; 4] = [
            vec![],
            vec![vec![1.0]],
            vec![vec![f32::NAN; 2]; 3],
            vec![vec![1.0], vec![], vec![1.0; 9], vec![0.0]],
        ];
        for vectors in broken {
            assert_eq!(answer(question, &passages, Some(&|_: &[&str]| vectors.clone()), &settings), plain);
        }
    }

    #[test]
    fn offsets_past_the_limit_are_dropped_not_wrapped() {
        let late = Passage { start: u32::MAX - 5, rank: 0, score: f32::NAN, ..passage(VERSION, 0, 1) };
        assert!(
            answer(
                "How long are deleted documents kept in the archive?",
                &[late],
                None,
                &Settings::default()
            )
            .abstained
        );
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_cited_exactly(
            text in "([a-c]{1,3}|ä|猫|🦀|[ .!?\n#|-]){0,120}", cut in 0_u32..40, question in "([a-c]{2,3} ?){1,6}",
        ) {
            let settings = Settings { least_grounding: 0.0, ..Settings::default() };
            let answer = answer(&question, &[passage(&text, cut, 1), passage(&text, 0, 2)], None, &settings);
            prop_assert_eq!(answer.abstained, answer.citations.is_empty());
            if !answer.abstained {
                assert_cited(&answer, &text);
            }
        }

        #[test]
        fn no_input_panics(question in any::<String>(), text in any::<String>(), start in any::<u32>()) {
            let settings = Settings { most_sentences_answered: 0, ..Settings::default() };
            let answer = answer(&question, &[Passage { start, ..passage(&text, 0, 1) }], None, &settings);
            prop_assert!(answer.confidence >= 0.0 && answer.confidence <= 1.0);
        }
    }
}
