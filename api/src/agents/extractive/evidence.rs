//! How well each sentence of the passages answers the question.
//!
//! Every sentence becomes a candidate with the set of question terms that it holds, as a 64-bit mask, so a passage is
//! read once and comparing candidates is arithmetic. A term weighs by its kind and by how rare it is among the
//! candidates. A term counts in full inside the sentence, and less where it only stands next to it, in its heading or
//! elsewhere in its passage. `grounding` is that weighed share, from 0 to 1; `score` adds what prefers one
//! grounded sentence to another; its weights were chosen where halving or doubling them changed little on the demo's
//! questions. Passages and sentences past the limits are not read.

use std::ops::Range;

use super::terms::{Kind, Question, words};
use super::{Embed, Passage, Settings};
use crate::agents::citations::scalar_length;
use crate::agents::sentences;

/// A sentence of a passage with what speaks for it.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    /// The index of the passage.
    pub(super) passage: usize,
    /// The sentence as it stands in the passage.
    pub(super) text: &'a str,
    /// The sentence's offset in the version's text, in Unicode scalar values.
    pub(super) start: u32,
    /// The end, exclusive.
    pub(super) end: u32,
    /// The question's terms in the sentence.
    pub(super) terms: u64,
    /// The weighed share of the question that the sentence and its surroundings cover, 0 to 1.
    pub(super) grounding: f64,
    /// The order among candidates; higher is better.
    pub(super) score: f64,
    near: u64,
    context: u64,
    whole: u64,
    opening: u64,
    pairs: u64,
    words: u32,
    has_number: bool,
}

/// Every candidate, and what the passages hold of the question at all.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    /// The candidates, best first, ties by passage and position.
    pub(super) candidates: Vec<Candidate<'a>>,
    /// The terms that stand in some passage, its title or its heading path.
    pub(super) seen: u64,
}

/// Reads the passages and judges every sentence in them.
pub(super) fn weigh<'a>(
    question: (&str, &Question),
    passages: &'a [Passage],
    embed: Option<&Embed<'_>>,
    settings: &Settings,
) -> Evidence<'a> {
    let (question_text, question) = question;
    let mut candidates = Vec::new();
    let mut seen = 0;
    for (index, passage) in passages.iter().enumerate().take(settings.most_passages) {
        seen |= read_passage(question, index, passage, &mut candidates);
        if candidates.len() >= settings.most_sentences {
            candidates.truncate(settings.most_sentences);
            break;
        }
    }
    let weights = weights(question, &candidates);
    for candidate in &mut candidates {
        judge(candidate, question, &weights, passages);
    }
    sort(&mut candidates);
    if let Some(embed) = embed {
        add_similarity(question_text, &mut candidates, embed, settings);
        sort(&mut candidates);
    }
    Evidence { candidates, seen }
}

fn sort(candidates: &mut [Candidate<'_>]) {
    candidates.sort_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.passage.cmp(&right.passage))
            .then(left.start.cmp(&right.start))
    });
}

/// Appends the sentences of one passage and returns the terms that it holds.
fn read_passage<'a>(
    question: &Question,
    index: usize,
    passage: &'a Passage,
    found: &mut Vec<Candidate<'a>>,
) -> u64 {
    let context = passage
        .heading_path
        .iter()
        .fold(question.mask(&passage.document_title), |mask, heading| mask | question.mask(heading));
    let first = found.len();
    let mut read = 0;
    let mut position = passage.start;
    for Range { start, end } in sentences::spans(&passage.text) {
        let text = &passage.text[start..end];
        let from = position.saturating_add(scalar_length(&passage.text[read..start]));
        position = from.saturating_add(scalar_length(text));
        read = end;
        if position < u32::MAX {
            found.push(candidate(question, index, text, from..position));
        }
    }
    let whole = found[first..].iter().fold(0, |mask, candidate| mask | candidate.terms);
    for at in first..found.len() {
        let before = if at > first { found[at - 1].terms } else { 0 };
        let after = found.get(at + 1).map_or(0, |next| next.terms);
        let candidate = &mut found[at];
        (candidate.near, candidate.context, candidate.whole) = (before | after, context, whole);
    }
    whole | context
}

/// Reads one sentence.
fn candidate<'a>(question: &Question, passage: usize, text: &'a str, span: Range<u32>) -> Candidate<'a> {
    let mut candidate = Candidate {
        passage,
        text,
        start: span.start,
        end: span.end,
        terms: 0,
        grounding: 0.0,
        score: 0.0,
        near: 0,
        context: 0,
        whole: 0,
        opening: 0,
        pairs: 0,
        words: 0,
        has_number: text.contains(|character: char| character.is_ascii_digit()),
    };
    let mut last: Option<(u32, u8)> = None;
    for word in words(text) {
        candidate.words = candidate.words.saturating_add(1);
        let Some(position) = question.position(word.text) else { continue };
        candidate.terms |= 1 << position;
        if candidate.words <= 6 {
            candidate.opening |= 1 << position;
        }
        if let Some((at, before)) = last
            && candidate.words - at <= 3
            && position == before + 1
        {
            candidate.pairs |= 1 << before;
        }
        last = Some((candidate.words, position));
    }
    candidate
}

/// Weighs each term by its kind and by its rarity among the candidates.
fn weights(question: &Question, candidates: &[Candidate<'_>]) -> Vec<f64> {
    let count = |holds: &dyn Fn(&Candidate<'_>) -> bool| {
        f64::from(
            u32::try_from(candidates.iter().filter(|candidate| holds(candidate)).count()).unwrap_or(u32::MAX),
        )
    };
    let all = count(&|_| true);
    let weigh = |(bit, kind): (usize, &Kind)| {
        let rarity = 1.0 + ((all + 1.0) / (count(&|candidate| candidate.terms >> bit & 1 == 1) + 1.0)).ln();
        rarity
            * match kind {
                Kind::Generic => 0.3,
                Kind::Content => 1.0,
                Kind::Name => 1.2,
            }
    };
    question.kinds.iter().enumerate().map(weigh).collect()
}

/// Returns the share of the weights whose bits are set.
fn share(weights: &[f64], mask: u64) -> f64 {
    let total: f64 = weights.iter().sum();
    let held: f64 =
        weights.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, weight)| weight).sum();
    if total > 0.0 { held / total } else { 0.0 }
}

/// Sets a candidate's grounding and score from the terms in and around it.
fn judge(candidate: &mut Candidate<'_>, question: &Question, weights: &[f64], passages: &[Passage]) {
    let own = candidate.terms;
    let beside = candidate.context & !own;
    let near = candidate.near & !own & !beside;
    let rest = candidate.whole & !own & !beside & !near;
    let inside = share(weights, own);
    candidate.grounding =
        inside + 0.7 * share(weights, beside) + 0.5 * share(weights, near) + 0.3 * share(weights, rest);
    let mut score = candidate.grounding + 0.3 * inside + 0.2 * share(weights, candidate.opening);
    let pairs = f64::from(candidate.pairs.count_ones());
    score += 0.15 * pairs / f64::from(u32::try_from(question.kinds.len()).unwrap_or(1).max(2) - 1);
    score += 0.05 / f64::from(passages[candidate.passage].rank.max(1));
    if question.wants_number && candidate.has_number {
        score += 0.1;
    }
    if !sentences::ends_with_terminator(candidate.text) {
        score -= 0.15;
    }
    if candidate.text.ends_with('?') {
        score -= 0.3;
    }
    score -= 0.1 * (f64::from(candidate.words.saturating_sub(35)) / 35.0).min(3.0);
    if candidate.words < 4 || !reads_as_prose(candidate.text) {
        score -= 0.5;
    }
    candidate.score = score;
}

/// Says whether a sentence is mostly letters and spaces rather than code or a table.
fn reads_as_prose(text: &str) -> bool {
    let letters = text.chars().filter(|character| character.is_alphabetic() || *character == ' ').count();
    letters * 10 >= text.chars().count() * 8
}

/// Adds the cosine similarity of the best candidates to the question; an embedder's misbehaviour adds nothing.
fn add_similarity(question: &str, candidates: &mut [Candidate<'_>], embed: &Embed<'_>, settings: &Settings) {
    let compared = candidates.len().min(settings.most_embedded);
    let mut texts = Vec::with_capacity(compared + 1);
    texts.push(question);
    texts.extend(candidates[..compared].iter().map(|candidate| candidate.text));
    let vectors = embed(&texts);
    let Some((target, others)) = vectors.split_first() else { return };
    for (candidate, vector) in candidates.iter_mut().zip(others) {
        candidate.score += settings.similarity_weight * cosine(target, vector).unwrap_or(0.0).max(0.0);
    }
}

/// Returns the cosine of two vectors; `None` when they differ in length, are zero, or hold no finite number.
fn cosine(left: &[f32], right: &[f32]) -> Option<f64> {
    if left.len() != right.len() {
        return None;
    }
    let (mut dot, mut left_square, mut right_square) = (0.0, 0.0, 0.0);
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (f64::from(*left), f64::from(*right));
        dot += left * right;
        left_square += left * left;
        right_square += right * right;
    }
    let cosine = dot / (left_square.sqrt() * right_square.sqrt());
    cosine.is_finite().then_some(cosine)
}
