//! The embedder against providers that misbehave.

use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{EmbedError, Embedder as _, OpenAiEmbedder, groups};
use crate::adapters::provider::stage::{Act, Stage, answer, pieces, respond};
use crate::config::EmbeddingService;

fn service(url: &str) -> EmbeddingService {
    EmbeddingService {
        embeddings_url: Some(url.to_owned()),
        embeddings_api_key: Some("sk-test".parse().expect("a key")),
        embeddings_model: Some("small".to_owned()),
        embeddings_dimensions: Some(2),
        embeddings_seconds: Some(2),
        ..EmbeddingService::default()
    }
}

fn embedder(stage: &Stage) -> OpenAiEmbedder {
    OpenAiEmbedder::configured(&service(&stage.url)).expect("no fault").expect("it is set")
}

/// Answers each text with a vector that tells its length, the last text first.
fn honest() -> Act {
    Box::new(|asked| respond(200, "application/json", Body::from(vectors_of(asked).to_string())))
}

fn vectors_of(asked: &Value) -> Value {
    let texts = asked["input"].as_array().expect("texts").iter().enumerate();
    let data: Vec<_> = texts
        .map(
            |(index, text)| json!({ "index": index, "embedding": [text.as_str().expect("a text").len(), 1] }),
        )
        .rev()
        .collect();
    json!({ "data": data, "model": "small" })
}

async fn embed(stage: &Stage) -> Result<Vec<Vec<f32>>, EmbedError> {
    embedder(stage).embed(vec!["a".to_owned()]).await
}

#[tokio::test]
async fn a_large_batch_becomes_bounded_requests_and_comes_back_in_order() {
    let stage = Stage::open(vec![honest()]).await;
    let mut texts: Vec<String> = (1..=200).map(|length| "x".repeat(length)).collect();
    texts[7] = " \n".to_owned();
    let vectors = embedder(&stage).embed(texts).await.expect("vectors");
    assert_eq!((vectors.len(), &vectors[7]), (200, &vec![0.0, 0.0]));
    for (place, vector) in vectors.iter().enumerate().filter(|(place, _)| *place != 7) {
        let length = f32::from(u16::try_from(place + 1).expect("small"));
        assert!((vector[0] / vector[1] - length).abs() < 0.01, "{place}: {vector:?}");
    }
    let asked = stage.asked();
    assert_eq!(asked.len(), 4, "199 texts in requests of 64");
    assert!(asked.iter().all(|(path, body)| path == "/v1/embeddings"
        && body["model"] == "small"
        && body["encoding_format"] == "float"
        && body.get("dimensions").is_none()));
    assert!(embedder(&stage).embed(Vec::new()).await.expect("nothing").is_empty());
    assert_eq!(stage.asked().len(), 4, "nothing is asked for no text");
}

#[test]
fn requests_are_bounded_in_texts_and_in_bytes_and_leave_blank_texts_out() {
    let sizes = |batch: &[String]| groups(batch).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(sizes(&vec!["a".to_owned(); 130]), [64, 64, 2]);
    assert_eq!(sizes(&vec!["x".repeat(100_000); 5]), [2, 2, 1]);
    assert_eq!(sizes(&["x".repeat(1_000_000), "a".to_owned()]), [1, 1]);
    assert_eq!(sizes(&[String::new(), "\t".to_owned()]), Vec::<usize>::new());
}

#[tokio::test]
async fn latency_is_paid_once_for_many_requests() {
    let slow: Act = Box::new(|asked| {
        let body = vectors_of(asked).to_string();
        let late = futures_util::stream::once(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Ok::<_, std::io::Error>(body)
        });
        respond(200, "application/json", Body::from_stream(late))
    });
    let stage = Stage::open(vec![slow]).await;
    let begun = Instant::now();
    embedder(&stage).embed(vec!["a".to_owned(); 256]).await.expect("vectors");
    assert_eq!(stage.asked().len(), 4);
    assert!(begun.elapsed() < Duration::from_millis(600), "four at a time: {:?}", begun.elapsed());
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_asked_for_is_invalid_and_not_asked_for_again() {
    let vectors = |embedding: Value| json!({ "data": [{ "index": 0, "embedding": embedding }] }).to_string();
    for (act, word) in [
        (answer(200, "text/html", "<html>Sign in</html>"), "not JSON"),
        (answer(200, "application/json", "<html>"), "not a list"),
        (answer(200, "application/json", vectors(json!([1, 2, 3]))), "dimensions"),
        (answer(200, "application/json", vectors(json!([null, 1]))), "not a list"),
        (answer(200, "application/json; charset=utf-8", "{\"data\":[]}"), "number of vectors"),
        (answer(200, "application/json", "x".repeat(200_000)), "larger"),
        (pieces("application/json", vec!["x".repeat(50_000); 4], Duration::ZERO, false), "larger"),
    ] {
        let stage = Stage::open(vec![act]).await;
        let error = embed(&stage).await.expect_err("invalid");
        assert!(matches!(error, EmbedError::InvalidResponse(rule) if rule.contains(word)), "{error}");
        assert_eq!((error.retryable(), stage.asked().len()), (false, 1));
    }
}

#[tokio::test]
async fn what_passes_is_asked_for_again_and_a_refusal_is_not() {
    let stage = Stage::open(vec![
        answer(500, "text/plain", "out of memory"),
        pieces("application/json", vec!["{\"data\":[".to_owned()], Duration::ZERO, true),
        honest(),
    ])
    .await;
    embed(&stage).await.expect("the third time");
    assert_eq!(stage.asked().len(), 3);

    let stage =
        Stage::open(vec![answer(400, "application/json", "{\"error\":{\"message\":\"no model sk-test\"}}")])
            .await;
    let error = embed(&stage).await.expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the embedding provider rejected the request: it refused the request with status 400"
    );
    assert_eq!((error.retryable(), stage.asked().len()), (false, 1));
}

#[tokio::test]
async fn a_wait_that_the_provider_asks_for_is_kept_and_a_long_one_is_passed_on() {
    let limited = |seconds: &'static str| -> Act {
        Box::new(move |_| {
            let mut response = respond(429, "application/json", Body::from("{}"));
            response.headers_mut().insert("retry-after", seconds.parse().expect("a header"));
            response
        })
    };
    let stage = Stage::open(vec![limited("1"), honest()]).await;
    let begun = Instant::now();
    embed(&stage).await.expect("the second time");
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let stage = Stage::open(vec![limited("60"), honest()]).await;
    let error = embed(&stage).await.expect_err("not now");
    assert!(
        matches!(error, EmbedError::RateLimited { retry_after: Some(wait) } if wait.as_secs() == 60),
        "{error}"
    );
    assert_eq!(stage.asked().len(), 1);
}

#[tokio::test]
async fn a_provider_that_sends_a_byte_at_a_time_or_nobody_at_all_is_unavailable_in_time() {
    let trickle = vec![" ".to_owned(); 600];
    let stage =
        Stage::open(vec![pieces("application/json", trickle, Duration::from_millis(100), false)]).await;
    let begun = Instant::now();
    let error = embed(&stage).await.expect_err("too slow");
    assert!(matches!(error, EmbedError::Unavailable(_)) && error.retryable(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());

    let nobody =
        OpenAiEmbedder::configured(&service("http://127.0.0.1:1/v1")).expect("no fault").expect("set");
    let error = nobody.embed(vec!["a".to_owned()]).await.expect_err("nobody is there");
    assert_eq!(error.to_string(), "the embedding provider is unavailable: it cannot be reached");
}

#[test]
fn half_of_the_settings_is_wrong_use_with_a_line_for_each_fault() {
    assert!(OpenAiEmbedder::configured(&EmbeddingService::default()).expect("nothing is set").is_none());
    let half =
        EmbeddingService { embeddings_url: Some("nonsense".to_owned()), ..EmbeddingService::default() };
    let faults = OpenAiEmbedder::configured(&half).err().expect("three faults");
    for (fault, setting) in faults.iter().zip(["EMBEDDINGS_URL", "EMBEDDINGS_MODEL", "EMBEDDINGS_DIMENSIONS"])
    {
        assert!(fault.contains(setting) && !fault.contains('\n'), "{fault}");
    }
    assert_eq!(faults.len(), 3);
    let whole =
        OpenAiEmbedder::configured(&service("http://127.0.0.1:1/v1")).expect("no fault").expect("set");
    assert_eq!((whole.id(), whole.dimensions()), ("openai/small/2", 2));
}
