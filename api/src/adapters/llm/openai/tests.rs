//! The chat model against providers that misbehave.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::OpenAiChat;
use crate::adapters::llm::{
    ChatError, ChatEvent, ChatMessage, ChatModel as _, ChatRequest, Completion, Tool, ToolCall, Usage,
};
use crate::adapters::provider::stage::{Act, Stage, answer, pieces};
use crate::config::ModelService;

const STREAM: &str = "text/event-stream";

fn service(url: &str) -> ModelService {
    ModelService {
        llm_url: Some(url.to_owned()),
        llm_model: Some("small".to_owned()),
        llm_seconds: Some(4),
        llm_silence_seconds: Some(1),
        ..ModelService::default()
    }
}

fn request() -> ChatRequest {
    let parameters = json!({ "type": "object" });
    let call = ToolCall { id: "c1".to_owned(), name: "look".to_owned(), arguments: "{}".to_owned() };
    ChatRequest {
        messages: vec![
            ChatMessage::System("Be brief.".to_owned()),
            ChatMessage::User("Why?".to_owned()),
            ChatMessage::Called(call),
            ChatMessage::Result { id: "c1".to_owned(), content: "nothing".to_owned() },
        ],
        tools: vec![Tool { name: "look", description: "Looks.", parameters }],
    }
}

async fn ask(stage: &Stage) -> Result<Vec<ChatEvent>, ChatError> {
    let model = OpenAiChat::configured(&service(&stage.url)).expect("no fault").expect("it is set");
    model.stream(request()).try_collect().await
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn delta(delta: &Value) -> String {
    event(&json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }))
}

fn finish(reason: &str) -> String {
    event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }))
}

const DONE: &str = "data: [DONE]\n\n";

fn stream(parts: Vec<String>) -> Act {
    pieces(STREAM, parts, Duration::ZERO, false)
}

#[tokio::test]
async fn text_comes_as_it_is_said_and_usage_at_the_end() {
    let usage = event(&json!({ "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": 3 } }));
    let parts = vec![
        delta(&json!({ "role": "assistant", "content": "" })),
        delta(&json!({ "content": "Be" })),
        ": keep-alive\n\n".to_owned(),
        delta(&json!({ "content": "cause 🦀." })),
        finish("stop"),
        usage,
        DONE.to_owned(),
    ];
    let whole = parts.concat().into_bytes();
    // Cut inside of characters and lines, nothing changes.
    let bytes = vec![String::from_utf8(whole).expect("text")];
    let usage = Some(Usage { input: 12, output: 3 });
    let expected = vec![
        ChatEvent::Text("Be".to_owned()),
        ChatEvent::Text("cause 🦀.".to_owned()),
        ChatEvent::Done(Completion { tool_calls: Vec::new(), usage }),
    ];
    for act in [stream(parts), stream(bytes)] {
        let stage = Stage::open(vec![act]).await;
        assert_eq!(ask(&stage).await, Ok(expected.clone()));
        let (path, asked) = stage.asked().remove(0);
        assert_eq!(path, "/v1/chat/completions");
        assert_eq!(
            (&asked["stream"], &asked["stream_options"]["include_usage"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(asked["messages"][2]["tool_calls"][0]["function"]["name"], "look");
        assert_eq!(
            asked["messages"][3],
            json!({ "role": "tool", "tool_call_id": "c1", "content": "nothing" })
        );
        assert_eq!(asked["tools"][0]["function"]["name"], "look");
    }
}

#[tokio::test]
async fn calls_of_tools_are_put_together_from_their_fragments() {
    let fragment = |index: u32, rest: Value| {
        let mut piece = rest;
        piece["index"] = json!(index);
        delta(&json!({ "tool_calls": [piece] }))
    };
    let stage = Stage::open(vec![stream(vec![
        fragment(
            0,
            json!({ "id": "a", "type": "function", "function": { "name": "look", "arguments": "" } }),
        ),
        fragment(0, json!({ "function": { "arguments": "{\"query\":" } })),
        fragment(1, json!({ "id": "b", "function": { "name": "look", "arguments": "{}" } })),
        fragment(0, json!({ "id": "a", "function": { "name": "look", "arguments": "\"x\"}" } })),
        finish("tool_calls"),
        DONE.to_owned(),
    ])])
    .await;
    let call = |id: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments: arguments.to_owned(),
    };
    let tool_calls = vec![call("a", "{\"query\":\"x\"}"), call("b", "{}")];
    assert_eq!(ask(&stage).await, Ok(vec![ChatEvent::Done(Completion { tool_calls, usage: None })]));
}

#[tokio::test]
async fn an_answer_that_breaks_a_rule_is_invalid() {
    let many = (0..9)
        .map(|index| delta(&json!({ "tool_calls": [{ "index": index, "function": { "name": "x" } }] })))
        .collect();
    for act in [
        answer(200, "text/html", "<html>Sign in</html>"),
        answer(200, "application/json", "{\"choices\":[]}"),
        answer(200, STREAM, "data: <html>\n\n"),
        answer(200, STREAM, format!("data: {}\n\n", "x".repeat(300_000))),
        stream(vec![delta(&json!({ "content": "x".repeat(100_000) })); 2]),
        stream(many),
        stream(vec![delta(&json!({ "tool_calls": [{ "index": 0, "id": "a" }] })), finish("tool_calls")]),
        answer(200, STREAM, ":\n".repeat(5 * 1024 * 1024)),
    ] {
        let stage = Stage::open(vec![act]).await;
        let error = ask(&stage).await.expect_err("invalid");
        assert!(matches!(error, ChatError::InvalidOutput(_)) && !error.retryable(), "{error:?}");
        assert_eq!(stage.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_stream_that_ends_before_its_answer_does_has_failed_and_is_not_asked_for_again() {
    let half = || vec![delta(&json!({ "content": "Be" }))];
    for act in [
        pieces(STREAM, half(), Duration::from_millis(10), true),
        stream(half()),
        stream(vec![half().concat(), DONE.to_owned()]),
        stream(vec![half().concat(), event(&json!({ "error": { "message": "engine died", "code": 500 } }))]),
    ] {
        let stage = Stage::open(vec![act]).await;
        let error = ask(&stage).await.expect_err("cut");
        assert_eq!((error.class(), error.retryable(), stage.asked().len()), ("PROVIDER_ERROR", true, 1));
    }
    let stage = Stage::open(vec![stream(vec![half().concat(), finish("stop")])]).await;
    assert_eq!(ask(&stage).await.expect("complete without [DONE]").len(), 2);
}

#[tokio::test]
async fn failures_have_the_classes_of_runs() {
    let too_long = "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"secret words\"}}";
    for (act, class, retryable) in [
        (answer(400, "application/json", "{}"), "PROVIDER_ERROR", false),
        (answer(401, "application/json", "{}"), "PROVIDER_ERROR", false),
        (answer(400, "application/json", too_long), "CONTEXT_TOO_LONG", false),
        (answer(413, "text/html", "x"), "CONTEXT_TOO_LONG", false),
        (answer(503, "text/html", "x"), "PROVIDER_ERROR", true),
        (answer(429, "application/json", "{}"), "RATE_LIMITED", true),
        (stream(vec![finish("length")]), "CONTEXT_TOO_LONG", false),
        (stream(vec![finish("content_filter")]), "PROVIDER_ERROR", false),
        (stream(vec![event(&json!({ "error": { "type": "rate_limit_exceeded" } }))]), "RATE_LIMITED", true),
    ] {
        let stage = Stage::open(vec![act]).await;
        let error = ask(&stage).await.expect_err("a failure");
        assert_eq!((error.class(), error.retryable()), (class, retryable), "{error:?}");
        assert!(!error.to_string().contains("secret"));
    }
    let stage =
        Stage::open(vec![answer(500, "text/plain", "x"), stream(vec![finish("stop"), DONE.to_owned()])])
            .await;
    ask(&stage).await.expect("the second time");
    let model = OpenAiChat::configured(&service("http://127.0.0.1:1/v1")).expect("no fault").expect("set");
    let nobody = model.stream(request()).try_collect::<Vec<_>>().await;
    assert_eq!(nobody, Err(ChatError::Unavailable));
}

#[tokio::test]
async fn silence_a_byte_at_a_time_and_a_stream_without_end_are_ended() {
    let slowly = |text: String, pause| {
        let bytes = text.chars().map(String::from).collect();
        pieces(STREAM, bytes, Duration::from_millis(pause), false)
    };
    let text = delta(&json!({ "content": "Because." }));
    let endless = std::iter::repeat_n(delta(&json!({ "content": "and " })), 100).collect();
    for (act, seconds) in [
        (slowly(text, 150), 3),
        (pieces(STREAM, vec![String::new(), DONE.to_owned()], Duration::from_secs(5), false), 3),
        (pieces(STREAM, endless, Duration::from_millis(400), false), 6),
    ] {
        let stage = Stage::open(vec![act]).await;
        let begun = Instant::now();
        assert_eq!(ask(&stage).await, Err(ChatError::Timeout));
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{:?}", begun.elapsed());
    }
}

#[test]
fn half_of_the_settings_is_wrong_use_with_a_line_for_each_fault() {
    assert!(OpenAiChat::configured(&ModelService::default()).expect("nothing is set").is_none());
    let half = ModelService { llm_url: Some("nonsense".to_owned()), ..ModelService::default() };
    let faults = OpenAiChat::configured(&half).err().expect("two faults");
    assert!(
        faults[0].contains("LLM_URL") && faults[1].contains("LLM_MODEL") && faults.len() == 2,
        "{faults:?}"
    );
}
