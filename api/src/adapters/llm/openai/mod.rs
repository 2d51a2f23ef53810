//! The chat model over an OpenAI-compatible provider: `POST {LLM_URL}/chat/completions`, streamed as server-sent events.
//!
//! The request is tried again only until the provider has accepted it: once a stream runs, what breaks it is its caller's to judge.
//! Events are read piece by piece with bounds on lines, bytes and time: a silence, counted in whole lines, ends a provider that
//! sends a byte at a time, and a deadline ends one that never finishes.

mod assembly;
mod events;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use self::assembly::Assembly;
use self::events::Events;
use super::{ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream};
use crate::adapters::http::HttpLimits;
use crate::adapters::provider::{Endpoint, EndpointSettings, Pace, ProviderFailure, essence, retrying};
use crate::config::ModelService;

const SECONDS: u64 = 120;
const SILENCE_SECONDS: u64 = 30;
/// How long the rest of a stream is waited for once its answer is complete: the usage comes behind it.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// A chat model that asks a provider.
pub struct OpenAiChat {
    endpoint: Endpoint,
    model: String,
    longest: Duration,
    silence: Duration,
    pace: Option<Pace>,
}

impl OpenAiChat {
    /// The model that the settings ask for; none where LLM_URL is not set. Reaches nobody.
    ///
    /// # Errors
    ///
    /// One sentence for each fault, saying what to do.
    pub fn configured(service: &ModelService) -> Result<Option<Self>, Vec<String>> {
        let Some(url) = &service.llm_url else { return Ok(None) };
        let longest = Duration::from_secs(service.llm_seconds.unwrap_or(SECONDS).max(1));
        let silence = Duration::from_secs(service.llm_silence_seconds.unwrap_or(SILENCE_SECONDS).max(1));
        let endpoint = Endpoint::new(&EndpointSettings {
            url_setting: "LLM_URL",
            url,
            key_setting: "LLM_API_KEY",
            key: service.llm_api_key.as_ref(),
            limits: HttpLimits { silence, total: longest, ..HttpLimits::default() },
        });
        let mut faults = endpoint.as_ref().err().cloned().unwrap_or_default();
        let model = service.llm_model.clone().filter(|name| (1..=200).contains(&name.len()));
        if model.is_none() {
            faults.push(
                "LLM_URL is set, but LLM_MODEL does not name a model (1 to 200 bytes): set it to the name that the provider has for it, \
                 or unset LLM_URL for the extractive answerer."
                    .to_owned(),
            );
        }
        let (Ok(endpoint), Some(model)) = (endpoint, model) else { return Err(faults) };
        let pace = service.llm_requests_per_minute.and_then(Pace::per_minute);
        Ok(Some(Self { endpoint, model, longest, silence, pace }))
    }

    /// Asks until the provider accepts, and returns the stream that it sends.
    async fn open(&self, request: &ChatRequest) -> Result<Reading<'_>, ChatError> {
        let deadline = Instant::now() + self.longest;
        let question = wire::question(&self.model, request);
        let response = retrying(deadline, || async {
            if let Some(pace) = &self.pace {
                pace.turn(deadline).await?;
            }
            let patience = deadline.min(Instant::now() + self.silence);
            let answer = timeout_at(patience, self.endpoint.post("/chat/completions", &question)).await;
            answer.map_err(|_| ProviderFailure::Timeout)?
        })
        .await?;
        if essence(&response).as_deref() != Some("text/event-stream") {
            return Err(ChatError::InvalidOutput("it is not a stream of events"));
        }
        Ok(Reading {
            endpoint: &self.endpoint,
            response,
            events: Events::default(),
            assembly: Assembly::default(),
            deadline,
            silence: self.silence,
            heard: Instant::now(),
            closed: false,
        })
    }
}

#[async_trait]
impl ChatModel for OpenAiChat {
    fn id(&self) -> &str {
        &self.model
    }

    fn stream(&self, request: ChatRequest) -> ChatStream<'_> {
        futures_util::stream::try_unfold(State::Asking(request), move |state| async move {
            let mut reading = match state {
                State::Asking(request) => Box::new(self.open(&request).await?),
                State::Reading(reading) => reading,
                State::Over => return Ok(None),
            };
            let event = reading.next().await?;
            let over = matches!(event, ChatEvent::Done(_));
            Ok(Some((event, if over { State::Over } else { State::Reading(reading) })))
        })
        .boxed()
    }

    async fn check(&self) -> Result<(), String> {
        self.endpoint.check().await
    }
}

enum State<'a> {
    Asking(ChatRequest),
    Reading(Box<Reading<'a>>),
    Over,
}

/// A stream that runs.
struct Reading<'a> {
    endpoint: &'a Endpoint,
    response: Response,
    events: Events,
    assembly: Assembly,
    deadline: Instant,
    silence: Duration,
    /// When the last whole line came.
    heard: Instant,
    closed: bool,
}

impl Reading<'_> {
    async fn next(&mut self) -> Result<ChatEvent, ChatError> {
        loop {
            while let Some(data) = self.events.next() {
                if data == "[DONE]" {
                    return self.complete();
                }
                if let Some(text) = self.take(&data)? {
                    return Ok(ChatEvent::Text(text));
                }
            }
            if self.closed {
                return self.complete();
            }
            self.read().await?;
        }
    }

    /// Takes one event; the text that it adds.
    fn take(&mut self, data: &str) -> Result<Option<String>, ChatError> {
        let chunk: wire::Chunk = serde_json::from_str(data)
            .map_err(|_| ChatError::InvalidOutput("a part of it is not what the protocol says"))?;
        if let Some(error) = chunk.error.as_ref().filter(|error| !error.is_null()) {
            return Err(self.endpoint.interrupted(error).into());
        }
        self.assembly.push(chunk)
    }

    /// Reads what comes next; marks the end.
    async fn read(&mut self) -> Result<(), ChatError> {
        let complete = self.assembly.is_complete();
        let silence = if complete { AFTERWARDS } else { self.silence };
        let piece = timeout_at(self.deadline.min(self.heard + silence), self.response.chunk()).await;
        match piece {
            Ok(Ok(Some(bytes))) => {
                if self.events.push(&bytes).map_err(ChatError::InvalidOutput)? {
                    self.heard = Instant::now();
                }
            }
            Ok(Ok(None)) => {
                self.events.end();
                self.closed = true;
            }
            // What was said is complete: only its usage is missing.
            Ok(Err(_)) | Err(_) if complete => self.closed = true,
            Ok(Err(error)) => return Err(self.endpoint.broken(&error).into()),
            Err(_) => return Err(ChatError::Timeout),
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<ChatEvent, ChatError> {
        std::mem::take(&mut self.assembly).complete().map(ChatEvent::Done)
    }
}

impl From<ProviderFailure> for ChatError {
    fn from(failure: ProviderFailure) -> Self {
        match failure {
            ProviderFailure::RateLimited { retry_after } => Self::RateLimited { retry_after },
            ProviderFailure::Timeout => Self::Timeout,
            ProviderFailure::Unreachable | ProviderFailure::Failed(_) => Self::Unavailable,
            ProviderFailure::Rejected(_) => Self::Rejected,
            ProviderFailure::TooLong => Self::ContextTooLong,
            ProviderFailure::Invalid(rule) => Self::InvalidOutput(rule),
        }
    }
}
