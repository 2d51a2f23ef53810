//! The bodies of `POST /chat/completions`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::adapters::llm::{ChatMessage, ChatRequest, Tool};

/// The request's body.
pub(super) fn question(model: &str, request: &ChatRequest) -> Value {
    let mut body = json!({
        "model": model,
        "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if !request.tools.is_empty() {
        // An empty list is refused by some.
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    body
}

fn message(message: &ChatMessage) -> Value {
    match message {
        ChatMessage::System(text) => json!({ "role": "system", "content": text }),
        ChatMessage::User(text) => json!({ "role": "user", "content": text }),
        ChatMessage::Called(call) => json!({ "role": "assistant", "content": null, "tool_calls": [{
            "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments },
        }] }),
        ChatMessage::Result { id, content } => {
            json!({ "role": "tool", "tool_call_id": id, "content": content })
        }
    }
}

fn tool(tool: &Tool) -> Value {
    json!({ "type": "function", "function": {
        "name": tool.name, "description": tool.description, "parameters": tool.parameters,
    } })
}

/// An event of the stream: what of it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Tokens>,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) index: u64,
    pub(super) delta: Option<Delta>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delta {
    pub(super) content: Option<String>,
    pub(super) tool_calls: Option<Vec<Fragment>>,
}

/// A piece of a call: its id and name in the first, its arguments over many.
#[derive(Debug, Deserialize)]
pub(super) struct Fragment {
    pub(super) index: Option<usize>,
    pub(super) id: Option<String>,
    pub(super) function: Option<Function>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Tokens {
    #[serde(default)]
    pub(super) prompt_tokens: u64,
    #[serde(default)]
    pub(super) completion_tokens: u64,
}
