//! The embedder over an OpenAI-compatible provider: `POST {EMBEDDINGS_URL}/embeddings`.
//!
//! A batch becomes requests that are bounded in texts and bytes, several in flight, so that a provider's latency is paid once for
//! many passages. Each request with its tries again has one deadline. A text without content is not sent: its vector is zero. What
//! comes back is checked as in [`wire`] and scaled to unit length here, whatever the provider promises.

#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{EmbedError, Embedder};
use crate::adapters::http::HttpLimits;
use crate::adapters::provider::{Endpoint, EndpointSettings, Pace, ProviderFailure, retrying};
use crate::config::EmbeddingService;

/// The most texts of one request.
const MOST_TEXTS: usize = 64;
/// The most bytes of text in one request, unless one text alone has more.
const MOST_BYTES: usize = 256 * 1024;
/// Requests of one batch in flight.
const OF_A_BATCH: usize = 4;
/// Requests of the process in flight.
const IN_FLIGHT: usize = 8;
/// The longest vector that a model is believed to have.
const MOST_DIMENSIONS: usize = 65_536;
/// How long a request may take unless the setting says otherwise.
const SECONDS: u64 = 20;

/// An embedder that asks a provider.
pub struct OpenAiEmbedder {
    endpoint: Endpoint,
    model: String,
    id: String,
    dimensions: usize,
    asks_dimensions: bool,
    longest: Duration,
    pace: Option<Pace>,
    in_flight: Semaphore,
}

impl OpenAiEmbedder {
    /// The embedder that the settings ask for; none where EMBEDDINGS_URL is not set. Reaches nobody.
    ///
    /// # Errors
    ///
    /// One sentence for each fault, saying what to do.
    pub fn configured(service: &EmbeddingService) -> Result<Option<Self>, Vec<String>> {
        let Some(url) = &service.embeddings_url else { return Ok(None) };
        let longest = Duration::from_secs(service.embeddings_seconds.unwrap_or(SECONDS).max(1));
        let endpoint = Endpoint::new(&EndpointSettings {
            url_setting: "EMBEDDINGS_URL",
            url,
            key_setting: "EMBEDDINGS_API_KEY",
            key: service.embeddings_api_key.as_ref(),
            limits: HttpLimits { silence: longest, total: longest, ..HttpLimits::default() },
        });
        let mut faults = endpoint.as_ref().err().cloned().unwrap_or_default();
        let model = service.embeddings_model.clone().filter(|name| (1..=200).contains(&name.len()));
        if model.is_none() {
            faults.push(
                "EMBEDDINGS_URL is set, but EMBEDDINGS_MODEL does not name a model (1 to 200 bytes): set it to the name that the \
                 provider has for it, or unset EMBEDDINGS_URL for the model in the binary."
                    .to_owned(),
            );
        }
        let dimensions = service.embeddings_dimensions.filter(|count| (1..=MOST_DIMENSIONS).contains(count));
        if dimensions.is_none() {
            faults.push(format!(
                "EMBEDDINGS_URL is set, but EMBEDDINGS_DIMENSIONS is not a number from 1 to {MOST_DIMENSIONS}: set it to the length of \
                 the model's vectors."
            ));
        }
        let (Ok(endpoint), Some(model), Some(dimensions)) = (endpoint, model, dimensions) else {
            return Err(faults);
        };
        Ok(Some(Self {
            endpoint,
            id: format!("openai/{model}/{dimensions}"),
            model,
            dimensions,
            asks_dimensions: service.embeddings_ask_dimensions,
            longest,
            pace: service.embeddings_requests_per_minute.and_then(Pace::per_minute),
            in_flight: Semaphore::new(IN_FLIGHT),
        }))
    }

    /// Embeds the texts of one request; the places of the texts with their vectors.
    async fn ask(
        &self,
        batch: &[String],
        group: Vec<usize>,
    ) -> Result<Vec<(usize, Vec<f32>)>, ProviderFailure> {
        let deadline = Instant::now() + self.longest;
        let place = timeout_at(deadline, self.in_flight.acquire()).await;
        let _place =
            place.map_err(|_| ProviderFailure::Timeout)?.map_err(|_| ProviderFailure::Unreachable)?;
        let question = wire::Question {
            model: &self.model,
            input: group.iter().map(|place| batch[*place].as_str()).collect(),
            encoding_format: "float",
            dimensions: self.asks_dimensions.then_some(self.dimensions),
        };
        let vectors = retrying(deadline, || async {
            if let Some(pace) = &self.pace {
                pace.turn(deadline).await?;
            }
            let response = self.endpoint.post("/embeddings", &question).await?;
            let most = wire::largest_answer(group.len(), self.dimensions);
            let body = self.endpoint.json_body(response, most).await?;
            wire::vectors(&body, group.len(), self.dimensions).map_err(ProviderFailure::Invalid)
        })
        .await?;
        Ok(group.into_iter().zip(vectors).collect())
    }
}

/// Cuts a batch into requests: the places of the texts that have content.
fn groups(batch: &[String]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (place, text) in batch.iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        bytes += text.len();
        match groups.last_mut() {
            Some(group) if group.len() < MOST_TEXTS && bytes <= MOST_BYTES => group.push(place),
            _ => {
                groups.push(vec![place]);
                bytes = text.len();
            }
        }
    }
    groups
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    async fn embed(&self, batch: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = vec![vec![0.0; self.dimensions]; batch.len()];
        let requests: Vec<_> = groups(&batch).into_iter().map(|group| self.ask(&batch, group)).collect();
        let mut answers = futures_util::stream::iter(requests).buffer_unordered(OF_A_BATCH);
        while let Some(answer) = answers.next().await {
            for (place, vector) in answer? {
                vectors[place] = vector;
            }
        }
        drop(answers);
        Ok(vectors)
    }

    async fn check(&self) -> Result<(), String> {
        self.endpoint.check().await
    }
}

impl From<ProviderFailure> for EmbedError {
    fn from(failure: ProviderFailure) -> Self {
        match failure {
            ProviderFailure::RateLimited { retry_after } => Self::RateLimited { retry_after },
            ProviderFailure::Unreachable | ProviderFailure::Timeout | ProviderFailure::Failed(_) => {
                Self::Unavailable(failure.to_string())
            }
            ProviderFailure::Rejected(_) | ProviderFailure::TooLong => Self::Rejected(failure.to_string()),
            ProviderFailure::Invalid(rule) => Self::InvalidResponse(rule),
        }
    }
}
