//! The embedder that ships in the binary: `WordLlama`'s 256-dimension model, a table of token vectors.
//!
//! A text's vector is the mean of the vectors of its tokens (no special tokens, no padding), scaled to unit length, as
//! `WordLlama` itself does with `norm=True`. The table stays in half precision in the binary's read-only data, so that
//! loading copies nothing of it.
//!
//! The tokenizer is the model file's byte-pair encoding, run word by word: no token of its vocabulary goes on past a
//! space, so this gives the same tokens as a run over the whole text and takes linear time. Loading refuses a
//! vocabulary for which that does not hold. Text that looks like a special token (`<s>`) is tokenized as the text it is.

use std::sync::Arc;

use async_trait::async_trait;
use half::f16;
use half::slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use tokenizers::Model as _;
use tokenizers::models::bpe::BPE;

use super::{EmbedError, Embedder, TokenCounter};

static WEIGHTS: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/wordllama/l2_supercat_256.safetensors"));
static TOKENIZER: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/assets/wordllama/l2_supercat_tokenizer_config.json"
));

const DIMENSIONS: usize = 256;

/// What this vocabulary writes for a space, and before every text.
const SPACE: char = '\u{2581}';

/// Batches of at most this many bytes are embedded where they are asked for: they take less than a millisecond, and a
/// query should not wait for a blocking thread.
const INLINE_BYTES: usize = 4 * 1024;

/// Why the model that ships with the binary cannot be used; a fault of the build, not of any input.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The table of vectors cannot be read.
    #[error("the embedding table is not a safetensors file: {0}")]
    Weights(#[from] safetensors::SafeTensorError),
    /// The tokenizer's file cannot be read.
    #[error("the tokenizer is not a byte-pair encoding: {0}")]
    Tokenizer(#[from] serde_json::Error),
    /// Both files can be read, and do not have the shape that this code relies on.
    #[error("the model does not have the expected shape: {0}")]
    Shape(&'static str),
}

/// The static model; a clone shares it.
#[derive(Clone)]
pub struct StaticModel {
    inner: Arc<Inner>,
}

struct Inner {
    bpe: BPE,
    /// Rows of little-endian half-precision numbers, one per token of the vocabulary.
    table: &'static [u8],
}

impl StaticModel {
    /// Reads the model from the binary: tens of milliseconds, to be done once.
    ///
    /// # Errors
    /// [`LoadError`] when the files that were built in are not the expected model.
    pub fn load() -> Result<Self, LoadError> {
        #[derive(Deserialize)]
        struct File {
            model: BPE,
        }
        let File { model: bpe } = serde_json::from_slice(TOKENIZER)?;
        let vocabulary = bpe.get_vocab();
        if vocabulary.keys().any(|token| token.trim_start_matches(SPACE).contains(SPACE)) {
            return Err(LoadError::Shape("a token goes on past a space"));
        }
        let tensors = SafeTensors::deserialize(WEIGHTS)?;
        let tensor = tensors.tensor("embedding.weight")?;
        if tensor.dtype() != Dtype::F16 || tensor.shape() != [vocabulary.len(), DIMENSIONS] {
            return Err(LoadError::Shape("the table is not a half-precision row of 256 per token"));
        }
        Ok(Self { inner: Arc::new(Inner { bpe, table: tensor.data() }) })
    }
}

impl Inner {
    /// Calls `take` with the id of each token, and says how many there are.
    fn tokenize(&self, text: &str, mut take: impl FnMut(u32)) -> usize {
        let mut count = 0;
        for word in words(&spaced(text)) {
            match self.bpe.tokenize(word) {
                Ok(tokens) => {
                    count += tokens.len();
                    for token in &tokens {
                        take(token.id);
                    }
                }
                // The vocabulary has a token for every byte, so nothing is unknown to it; bytes are the upper bound.
                Err(_) => count += word.len(),
            }
        }
        count
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut sum = vec![0.0f32; DIMENSIONS];
        if text.trim().is_empty() {
            return sum;
        }
        let (mut bits, mut row) = ([0u16; DIMENSIONS], [0.0f32; DIMENSIONS]);
        self.tokenize(text, |id| {
            let begin = id as usize * DIMENSIONS * size_of::<f16>();
            let Some(bytes) = self.table.get(begin..begin + DIMENSIONS * size_of::<f16>()) else {
                return;
            };
            for (number, pair) in bits.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *number = u16::from_le_bytes(*pair);
            }
            bits.reinterpret_cast::<f16>().convert_to_f32_slice(&mut row);
            for (total, value) in sum.iter_mut().zip(&row) {
                *total += value;
            }
        });
        // The length of the mean does not matter: only its direction is left after scaling.
        let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            for value in &mut sum {
                *value /= length;
            }
        }
        sum
    }
}

/// The text as the vocabulary spells it.
fn spaced(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len() + text.len() / 2 + SPACE.len_utf8());
    if !text.is_empty() {
        spelled.push(SPACE);
    }
    spelled.extend(text.chars().map(|character| if character == ' ' { SPACE } else { character }));
    spelled
}

/// Cuts before every run of spaces.
fn words(spelled: &str) -> impl Iterator<Item = &str> {
    let mut rest = spelled;
    std::iter::from_fn(move || {
        let spaces = rest.len() - rest.trim_start_matches(SPACE).len();
        let end = rest[spaces..].find(SPACE).map_or(rest.len(), |letters| spaces + letters);
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

impl TokenCounter for StaticModel {
    fn count(&self, text: &str) -> usize {
        self.inner.tokenize(text, |_| ())
    }
}

#[async_trait]
impl Embedder for StaticModel {
    fn id(&self) -> &'static str {
        "wordllama-l2-supercat-256"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    async fn embed(&self, batch: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        let inner = Arc::clone(&self.inner);
        let bytes: usize = batch.iter().map(String::len).sum();
        let work = move || batch.iter().map(|text| inner.vector(text)).collect();
        if bytes <= INLINE_BYTES {
            return Ok(work());
        }
        tokio::task::spawn_blocking(work).await.map_err(|_| EmbedError::Interrupted)
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};
    use tokenizers::Tokenizer;

    use super::{Embedder as _, StaticModel, TOKENIZER, TokenCounter as _, WEIGHTS};

    fn similarity(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn length(vector: &[f32]) -> f32 {
        similarity(vector, vector).sqrt()
    }

    #[tokio::test]
    async fn related_sentences_are_closer_than_unrelated_ones() {
        let model = StaticModel::load().expect("the model that is built in");
        let texts = [
            "How do I create an index on a table?",
            "CREATE INDEX constructs an index on the columns of a relation.",
            "Monthly invoices are paid by credit card.",
            "The customer's subscription is billed each month.",
        ];
        let vectors = model.embed(texts.map(String::from).to_vec()).await.expect("vectors");
        let [index, create, invoice, billed] = vectors.as_slice() else { panic!("one vector per text") };
        assert!(similarity(index, create) > similarity(index, invoice) + 0.2);
        assert!(similarity(index, create) > similarity(index, billed) + 0.2);
        assert!(similarity(invoice, billed) > similarity(invoice, create) + 0.2);
    }

    #[tokio::test]
    async fn vectors_agree_with_the_similarities_that_the_model_publishes() {
        // The numbers are from the model's own README, "Quick Start".
        let model = StaticModel::load().expect("the model that is built in");
        let texts =
            ["i went to the car", "i went to the vehicle", "i went to the truck", "i went to the park"];
        let vectors = model.embed(texts.map(String::from).to_vec()).await.expect("vectors");
        for (vector, published) in vectors[1..].iter().zip([0.744_164_7, 0.283_269_2, 0.151_014]) {
            assert!((similarity(&vectors[0], vector) - published).abs() < 0.001, "expected {published}");
        }
    }

    #[tokio::test]
    async fn vectors_are_of_unit_length_and_the_same_each_time_and_in_every_batch() {
        let model = StaticModel::load().expect("the model that is built in");
        let texts: Vec<String> =
            ["a", "<s>", "漢字 👍🏽 שלום", "\u{0}\u{1}", &"word ".repeat(5_000), &"x".repeat(50_000)]
                .map(String::from)
                .to_vec();
        let together = model.embed(texts.clone()).await.expect("a batch on a blocking thread");
        for (text, vector) in texts.into_iter().zip(together) {
            assert_eq!(vector.len(), model.dimensions());
            assert!((length(&vector) - 1.0).abs() < 1e-4);
            let alone = StaticModel::load().expect("again").embed(vec![text]).await.expect("alone");
            assert_eq!(alone, [vector]);
        }
    }

    #[tokio::test]
    async fn texts_without_content_have_the_zero_vector() {
        let model = StaticModel::load().expect("the model that is built in");
        let vectors = model.embed(vec![String::new(), " \n\t".to_owned()]).await.expect("vectors");
        assert!(vectors.iter().all(|vector| vector.len() == 256 && length(vector) == 0.0));
        assert_eq!(model.count(""), 0);
        assert!(model.embed(Vec::new()).await.expect("no vectors").is_empty());
    }

    #[test]
    fn every_number_in_the_table_is_finite() {
        let header = u64::from_le_bytes(*WEIGHTS.first_chunk().expect("a header")) + 8;
        let data = &WEIGHTS[usize::try_from(header).expect("small")..];
        // An exponent of all ones is an infinity or not a number.
        assert!(data.as_chunks::<2>().0.iter().all(|pair| u16::from_le_bytes(*pair) & 0x7C00 != 0x7C00));
    }

    #[test]
    fn words_give_the_tokens_of_the_whole_text() {
        let model = StaticModel::load().expect("the model that is built in");
        let reference = Tokenizer::from_bytes(TOKENIZER).expect("the tokenizer's own reader");
        let agree = |text: &str| {
            let mut ids = Vec::new();
            assert_eq!(model.inner.tokenize(text, |id| ids.push(id)), model.count(text));
            assert_eq!(ids, reference.encode(text, false).expect("tokens").get_ids(), "{text:?}");
        };
        for text in [
            "",
            " ",
            "a",
            "  a  b  ",
            "\u{2581}a\u{2581}\u{2581}b \u{2581}",
            "a\n\n  b\t c",
            "naïve 漢字 👩‍🚀\u{0}",
        ] {
            agree(text);
        }
        proptest!(ProptestConfig::with_cases(64), |(text in "([a-zA-Z,.]{1,9}|[ \n\u{2581}]{1,3}|\\PC){0,40}")| agree(&text));
    }
}
