//! A chat model that answers piece by piece.
//!
//! A [`ChatModel`] gives a stream: pieces of text as they come, and at last one [`Completion`] with the tools that the model wants
//! called. A stream that ends without its completion has failed. Everything in it is a model's word: unchecked, but bounded.

mod openai;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde_json::Value;

pub use openai::OpenAiChat;

/// A stream of an answer.
pub type ChatStream<'a> = BoxStream<'a, Result<ChatEvent, ChatError>>;

/// Answers conversations.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// The name of the model.
    fn id(&self) -> &str;

    /// Answers; nothing is asked before the stream is polled, and dropping it ends the request.
    fn stream(&self, request: ChatRequest) -> ChatStream<'_>;

    /// Asks whether it can work now, within two seconds and at little cost.
    ///
    /// # Errors
    /// A sentence for the operator.
    async fn check(&self) -> Result<(), String>;
}

/// A conversation to go on with.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// What was said, oldest first.
    pub messages: Vec<ChatMessage>,
    /// What the model may call.
    pub tools: Vec<Tool>,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatMessage {
    /// What the model is to do.
    System(String),
    /// What it is asked.
    User(String),
    /// A tool that it called.
    Called(ToolCall),
    /// What the tool gave.
    Result {
        /// The call's id.
        id: String,
        /// What it gave.
        content: String,
    },
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in the model's words.
    pub description: &'static str,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id, as the model gave it.
    pub id: String,
    /// The tool's name; any text.
    pub name: String,
    /// What should be JSON.
    pub arguments: String,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    /// The text goes on with this.
    Text(String),
    /// The answer is complete.
    Done(Completion),
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What the model wants called; none where it has answered.
    pub tool_calls: Vec<ToolCall>,
    /// What it cost; none where the provider does not say.
    pub usage: Option<Usage>,
}

/// Tokens of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Read.
    pub input: u64,
    /// Written.
    pub output: u64,
}

/// Why there is no answer, or no end of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// The provider asks for fewer requests.
    #[error("The model's provider limits the rate of requests.")]
    RateLimited {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// It did not answer, or not to the end, in time.
    #[error("The model did not answer in time.")]
    Timeout,
    /// It cannot be reached, has failed, or broke off.
    #[error("The model's provider cannot be reached, or failed.")]
    Unavailable,
    /// It refuses this request, or to answer it.
    #[error("The model's provider refused the request.")]
    Rejected,
    /// The conversation is longer than the model reads.
    #[error("The question and its passages are longer than the model reads.")]
    ContextTooLong,
    /// The answer is not what the protocol says; the rule.
    #[error("The model's answer cannot be used: {0}.")]
    InvalidOutput(&'static str),
}

impl ChatError {
    /// Its class among those of runs.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable | Self::Rejected => "PROVIDER_ERROR",
            Self::ContextTooLong => "CONTEXT_TOO_LONG",
            Self::InvalidOutput(_) => "INVALID_OUTPUT",
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Timeout | Self::Unavailable => true,
            Self::Rejected | Self::ContextTooLong | Self::InvalidOutput(_) => false,
        }
    }
}
