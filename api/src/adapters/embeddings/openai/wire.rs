//! The bodies of `POST /embeddings`, and the checks that an answer passes.
//!
//! There are as many vectors as texts, each at the index of its text and no index twice, of the dimensions that were set, of finite
//! numbers; whatever else stands in the answer is not read. A vector of zeros stays: it is similar to nothing.

use serde::{Deserialize, Serialize};

/// A request.
#[derive(Serialize)]
pub(super) struct Question<'a> {
    pub(super) model: &'a str,
    pub(super) input: Vec<&'a str>,
    pub(super) encoding_format: &'static str,
    /// Sent only where the operator says so: some servers refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

/// How many bytes an answer may have: a number in JSON takes at most about thirty.
pub(super) fn largest_answer(texts: usize, dimensions: usize) -> usize {
    64 * 1024 + texts.saturating_mul(dimensions).saturating_mul(32)
}

/// The vectors of an answer in the order of the texts, of unit length; otherwise the rule that it breaks.
pub(super) fn vectors(body: &[u8], texts: usize, dimensions: usize) -> Result<Vec<Vec<f32>>, &'static str> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "it is not a list of vectors of numbers")?;
    if answer.data.len() != texts {
        return Err("it has another number of vectors than texts were sent");
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts];
    for Item { index, mut embedding } in answer.data {
        let place = vectors.get_mut(index).ok_or("it has a vector for a text that was not sent")?;
        if place.is_some() {
            return Err("it has two vectors for one text");
        }
        if embedding.len() != dimensions {
            return Err("its vectors have other dimensions than EMBEDDINGS_DIMENSIONS says");
        }
        if !embedding.iter().all(|value| value.is_finite()) {
            return Err("it has a number that is not finite");
        }
        scale(&mut embedding);
        *place = Some(embedding);
    }
    vectors.into_iter().collect::<Option<_>>().ok_or("a text has no vector")
}

/// Scales a vector to unit length; in double precision, so that no finite vector overflows.
fn scale(vector: &mut [f32]) {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        for value in vector {
            #[expect(clippy::cast_possible_truncation, reason = "the quotient is between -1 and 1")]
            let scaled = (f64::from(*value) / length) as f32;
            *value = scaled;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::vectors;

    fn of(data: &serde_json::Value) -> Result<Vec<Vec<f32>>, &'static str> {
        vectors(json!({ "data": data }).to_string().as_bytes(), 2, 2)
    }

    #[test]
    fn vectors_come_in_the_order_of_their_texts_and_of_unit_length() {
        let permuted = json!([{ "index": 1, "embedding": [0, 5] }, { "index": 0, "embedding": [3, 4], "object": "embedding" }]);
        assert_eq!(of(&permuted), Ok(vec![vec![0.6, 0.8], vec![0.0, 1.0]]));
        let extreme =
            json!([{ "index": 0, "embedding": [3e38, -3e38] }, { "index": 1, "embedding": [0, 0] }]);
        let vectors = of(&extreme).expect("finite");
        assert!((vectors[0][0] - 0.5f32.sqrt()).abs() < 1e-6, "{vectors:?}");
        assert_eq!(vectors[1], [0.0, 0.0], "similar to nothing");
    }

    #[test]
    fn an_answer_that_breaks_a_rule_is_refused_whole() {
        let one = json!({ "index": 0, "embedding": [1, 0] });
        for (data, word) in [
            (json!([one]), "number of vectors"),
            (json!([one, one]), "two vectors"),
            (json!([one, { "index": 2, "embedding": [1, 0] }]), "not sent"),
            (json!([one, { "index": 1, "embedding": [1, 0, 0] }]), "dimensions"),
            (json!([one, { "index": 1, "embedding": [1e39, 0] }]), "finite"),
            (json!([one, { "index": 1, "embedding": ["NaN", 0] }]), "not a list"),
            (json!([one, { "index": 1, "embedding": [null, 0] }]), "not a list"),
            (json!([one, { "index": 1, "embedding": "AACAPwAAAAA=" }]), "not a list"),
            (json!([one, { "index": -1, "embedding": [1, 0] }]), "not a list"),
            (json!({ "0": one }), "not a list"),
        ] {
            let rule = of(&data).expect_err("refused");
            assert!(rule.contains(word), "{data}: {rule}");
        }
        let infinite = br#"{"data":[{"index":0,"embedding":[1e999,0]},{"index":1,"embedding":[1,0]}]}"#;
        assert!(vectors(infinite, 2, 2).is_err());
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = vectors(&body, 2, 2);
        }
    }
}
