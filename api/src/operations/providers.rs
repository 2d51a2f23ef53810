//! The models that the settings choose: a provider's, or those in the binary. Nothing is reached here.

use std::sync::Arc;

use super::Failure;
use crate::adapters::embeddings::{Embedder, OpenAiEmbedder};
use crate::adapters::llm::{ChatModel, OpenAiChat};
use crate::config::Services;

/// What providers answer for; none where the binary does it itself.
#[derive(Default)]
pub(super) struct Providers {
    /// Embeds instead of the static model.
    pub(super) embedder: Option<Arc<dyn Embedder>>,
    /// Answers instead of the extractive answerer.
    pub(super) model: Option<Arc<dyn ChatModel>>,
}

impl Providers {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] with one line for each fault.
    pub(super) fn configured(services: &Services) -> Result<Self, Failure> {
        let embedder = OpenAiEmbedder::configured(&services.embeddings);
        let model = OpenAiChat::configured(&services.model);
        match (embedder, model) {
            (Ok(embedder), Ok(model)) => Ok(Self {
                embedder: embedder.map(|embedder| Arc::new(embedder) as Arc<dyn Embedder>),
                model: model.map(|model| Arc::new(model) as Arc<dyn ChatModel>),
            }),
            (embedder, model) => {
                let faults = embedder.err().into_iter().chain(model.err()).flatten();
                Err(Failure::Usage(faults.collect::<Vec<_>>().join("\n")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Providers;
    use crate::config::Services;

    #[test]
    fn faults_of_both_are_said_together_a_line_each() {
        let mut services = Services::default();
        services.embeddings.embeddings_url = Some("http://127.0.0.1:1/v1".to_owned());
        services.model.llm_url = Some("http://127.0.0.1:1/v1".to_owned());
        let failure = Providers::configured(&services).err().expect("three faults");
        assert_eq!((failure.exit_code(), failure.to_string().lines().count()), (2, 3));
        let none = Providers::configured(&Services::default()).expect("nothing is set");
        assert!(none.embedder.is_none() && none.model.is_none());
    }
}
