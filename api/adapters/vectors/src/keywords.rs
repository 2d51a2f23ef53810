//! Text as a BM25 keyword vector, the same for documents and questions and for every engine.
//!
//! Qdrant's own model (English stop words and stemming, k 1.2, b 0.75) behind two steps of ours: text is brought to
//! NFC, so that it does not matter how an accent was typed, and text beyond ASCII is split by UAX #29 first, because
//! the model would take a whole sentence in a script without spaces for one word.

use std::borrow::Cow;

use qdrant_edge::SparseVector;
use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::error::Error;

/// The model that turns text into keyword vectors.
#[derive(Debug)]
pub(crate) struct Keywords {
    model: EdgeBm25,
}

impl Keywords {
    /// Builds the model, which takes a moment and is done once.
    pub(crate) fn new() -> Result<Self, Error> {
        let model =
            EdgeBm25::new(EdgeBm25Config::default()).map_err(|error| Error::Engine(error.to_string()))?;
        Ok(Self { model })
    }

    /// The weights of a document's words; none if it has no word.
    pub(crate) fn of_document(&self, text: &str) -> Option<SparseVector> {
        some_words(self.model.embed_document(&words(text)))
    }

    /// The words of a question; none if it has no word.
    pub(crate) fn of_query(&self, text: &str) -> Option<SparseVector> {
        some_words(self.model.embed_query(&words(text)))
    }
}

fn some_words(vector: SparseVector) -> Option<SparseVector> {
    (!vector.indices.is_empty()).then_some(vector)
}

fn words(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let composed: String = text.nfc().collect();
    let mut spaced = String::with_capacity(composed.len() + composed.len() / 2);
    for word in composed.unicode_words() {
        spaced.push_str(word);
        spaced.push(' ');
    }
    Cow::Owned(spaced)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::{any, prop_assert, proptest};

    use super::Keywords;

    fn keywords() -> Keywords {
        Keywords::new().expect("the default model is valid")
    }

    #[test]
    fn a_text_without_words_has_no_vector() {
        for text in ["", "   \n", "the and of", "!?—…", "\u{0}\u{200d}\u{fe0f}"] {
            assert_eq!(keywords().of_query(text), None, "{text:?}");
            assert_eq!(keywords().of_document(text), None, "{text:?}");
        }
    }

    #[test]
    fn it_does_not_matter_how_an_accent_was_typed() {
        assert_eq!(keywords().of_query("caf\u{e9}"), keywords().of_query("cafe\u{301}"));
        assert!(keywords().of_query("caf\u{e9}").is_some());
    }

    #[test]
    fn a_script_without_spaces_is_searched_by_its_characters() {
        let document = keywords().of_document("工作区的数据是隔离的").expect("words");
        let question = keywords().of_query("隔离").expect("words");
        let known: HashSet<u32> = document.indices.into_iter().collect();
        assert_eq!(question.indices.len(), 2);
        assert!(question.indices.iter().all(|word| known.contains(word)));
    }

    proptest! {
        #[test]
        fn any_text_gives_distinct_words_with_finite_weights(text in any::<String>()) {
            let model = keywords();
            for vector in [model.of_document(&text), model.of_query(&text)].into_iter().flatten() {
                let distinct: HashSet<u32> = vector.indices.iter().copied().collect();
                prop_assert!(distinct.len() == vector.indices.len());
                prop_assert!(vector.indices.len() == vector.values.len());
                prop_assert!(vector.values.iter().all(|weight| weight.is_finite() && *weight > 0.0));
            }
        }
    }
}
