//! One provider: its address, its key, and how its answers are read and judged.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::ProviderFailure;
use crate::adapters::http::{self, HttpLimits};
use crate::config::SecretSetting;

/// How much of an answer that refuses is read.
const LONGEST_REFUSAL: usize = 64 * 1024;
/// How much of it the log gets, in characters.
const LOGGED: usize = 300;
/// How long the question whether a provider is there may take.
const CHECK: Duration = Duration::from_millis(1900);
/// How long the answer that it is there holds: providers count requests.
const HOLDS: Duration = Duration::from_secs(5);

/// What an endpoint is made of, with the names that the operator knows the settings by.
pub struct EndpointSettings<'a> {
    /// The name of the setting with the address.
    pub url_setting: &'static str,
    /// The address.
    pub url: &'a str,
    /// The name of the setting with the key.
    pub key_setting: &'static str,
    /// The key.
    pub key: Option<&'a SecretSetting>,
    /// Limits on each request.
    pub limits: HttpLimits,
}

/// A provider's API. `Debug` shows its address alone.
pub struct Endpoint {
    base: String,
    key: Option<SecretSetting>,
    authorization: Option<HeaderValue>,
    client: Client,
    /// When it was last found to be there.
    found: Mutex<Option<Instant>>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Checks the settings; reaches nobody.
    ///
    /// # Errors
    ///
    /// One sentence for each fault, saying what to do.
    pub fn new(settings: &EndpointSettings<'_>) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        if !is_address(settings.url) {
            faults.push(format!(
                "{} is not an address of an API: set it to `http://` or `https://`, a host and a path, as `https://api.example/v1`, \
                 without a user, a password or a query.",
                settings.url_setting
            ));
        }
        let authorization =
            settings.key.map(|key| HeaderValue::from_str(&format!("Bearer {}", key.reveal())));
        if matches!(authorization, Some(Err(_))) {
            let name = settings.key_setting;
            faults.push(format!("{name} has characters that no key has: look for a line break at its end."));
        }
        let client = http::client(settings.limits).map_err(|fault| faults.push(fault));
        let (Ok(client), true) = (client, faults.is_empty()) else { return Err(faults) };
        let authorization = authorization.and_then(Result::ok).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        let base = settings.url.trim_end_matches('/').to_owned();
        let (key, found) = (settings.key.cloned(), Mutex::new(None));
        Ok(Self { base, key, authorization, client, found })
    }

    /// Posts JSON, and returns an answer that accepts it, its body not read yet.
    ///
    /// # Errors
    ///
    /// By class; what the provider says goes to the log.
    pub async fn post<T: Serialize + Sync>(&self, path: &str, body: &T) -> Result<Response, ProviderFailure> {
        let request = self.client.post(format!("{}{path}", self.base)).headers(self.headers()).json(body);
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response).await) }
    }

    /// Asks whether the provider is there, within two seconds and at most every five: any answer counts but that the key is wrong or
    /// that it has failed.
    ///
    /// # Errors
    ///
    /// A sentence for the operator.
    pub async fn check(&self) -> Result<(), String> {
        let found = *self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_some_and(|found| found.elapsed() < HOLDS) {
            return Ok(());
        }
        let checked = self.ask_for_models().await;
        let found = checked.is_ok().then(Instant::now);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        checked
    }

    async fn ask_for_models(&self) -> Result<(), String> {
        let request = self.client.get(format!("{}/models", self.base)).headers(self.headers()).timeout(CHECK);
        match request.send().await.map(|response| response.status()) {
            Ok(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                Err(format!("The provider refuses the key (status {}).", status.as_u16()))
            }
            Ok(status) if status.is_server_error() => {
                Err(format!("The provider answers with status {}.", status.as_u16()))
            }
            Ok(_) => Ok(()),
            Err(error) if error.is_timeout() => {
                Err("The provider does not answer within 2 seconds.".to_owned())
            }
            Err(_) => Err("The provider cannot be reached.".to_owned()),
        }
    }

    fn headers(&self) -> HeaderMap {
        self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect()
    }

    /// What a connection that did not do its work means.
    pub fn broken(&self, error: &reqwest::Error) -> ProviderFailure {
        tracing::warn!(provider = %self.base, exception.message = %self.shorten(&chain(error)), "a request to a provider broke off");
        if error.is_timeout() { ProviderFailure::Timeout } else { ProviderFailure::Unreachable }
    }

    /// Reads a JSON body of at most so many bytes.
    ///
    /// # Errors
    ///
    /// [`ProviderFailure::Invalid`] for another content type or a longer body; by class where it breaks off.
    pub async fn json_body(&self, response: Response, most: usize) -> Result<Vec<u8>, ProviderFailure> {
        if !is_json(&response) {
            return Err(ProviderFailure::Invalid("it is not JSON"));
        }
        self.body(response, most).await
    }

    async fn body(&self, mut response: Response, most: usize) -> Result<Vec<u8>, ProviderFailure> {
        const TOO_LARGE: ProviderFailure = ProviderFailure::Invalid("it is larger than what was asked for");
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(TOO_LARGE);
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + piece.len() > most {
                return Err(TOO_LARGE);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// What an answer that refuses means.
    async fn refused(&self, response: Response) -> ProviderFailure {
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
        let body = self.body(response, LONGEST_REFUSAL).await.unwrap_or_default();
        self.log_words(status.as_u16(), &String::from_utf8_lossy(&body));
        match status {
            StatusCode::TOO_MANY_REQUESTS => ProviderFailure::RateLimited { retry_after },
            StatusCode::PAYLOAD_TOO_LARGE => ProviderFailure::TooLong,
            status if status.is_server_error() || matches!(status.as_u16(), 408 | 425) => {
                ProviderFailure::Failed(status.as_u16())
            }
            _ => serde_json::from_slice(&body)
                .ok()
                .filter(says_too_long)
                .map_or(ProviderFailure::Rejected(status.as_u16()), |_| ProviderFailure::TooLong),
        }
    }

    /// What an error that a provider sends in the middle of a stream means.
    pub fn interrupted(&self, error: &Value) -> ProviderFailure {
        self.log_words(200, &error.to_string());
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let words = error.to_string().to_lowercase();
        if says_too_long(error) {
            ProviderFailure::TooLong
        } else if words.contains("rate_limit") || error.get("code").and_then(number) == Some(429) {
            ProviderFailure::RateLimited { retry_after: None }
        } else {
            ProviderFailure::Unreachable
        }
    }

    fn log_words(&self, status: u16, words: &str) {
        tracing::warn!(provider = %self.base, http.status = status, exception.message = %self.shorten(words), "a provider refused a request");
    }

    /// A provider's words for the log: one line, short, without the key, which some of them repeat.
    fn shorten(&self, words: &str) -> String {
        let hidden = match self.key.as_ref().map(SecretSetting::reveal).filter(|key| !key.is_empty()) {
            Some(key) => words.replace(key, "***"),
            None => words.to_owned(),
        };
        hidden.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LOGGED).collect()
    }
}

fn is_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// Whether an answer says that it is JSON.
fn is_json(response: &Response) -> bool {
    essence(response).is_some_and(|kind| kind == "application/json" || kind.ends_with("+json"))
}

/// The media type of an answer, in lower case and without parameters.
pub(crate) fn essence(response: &Response) -> Option<String> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3); a date is not read, for providers send seconds.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let seconds: f64 = value.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Whether a refusal says that the request is longer than the model's window, in the words of the servers that are in use.
fn says_too_long(body: &Value) -> bool {
    let words = body.to_string().to_lowercase();
    [
        "context_length",
        "exceed_context_size",
        "context length",
        "context window",
        "prompt is too long",
        "too many tokens",
    ]
    .iter()
    .any(|phrase| words.contains(phrase))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use serde_json::json;

    use super::{Endpoint, EndpointSettings, says_too_long, seconds};
    use crate::adapters::http::HttpLimits;
    use crate::adapters::provider::stage::{Stage, answer};
    use crate::config::SecretSetting;

    fn endpoint(url: &str, key: Option<&str>) -> Result<Endpoint, Vec<String>> {
        let key: Option<SecretSetting> = key.map(|key| key.parse().expect("a key"));
        Endpoint::new(&EndpointSettings {
            url_setting: "SOME_URL",
            url,
            key_setting: "SOME_KEY",
            key: key.as_ref(),
            limits: HttpLimits::default(),
        })
    }

    #[test]
    fn each_fault_of_the_settings_is_a_sentence_that_names_its_setting() {
        for url in [
            "",
            "api.example/v1",
            "ftp://api.example",
            "https://u:p@api.example",
            "https://api.example?key=x",
        ] {
            let faults = endpoint(url, Some("a\nb")).expect_err("two faults");
            assert!(faults[0].contains("SOME_URL") && faults[1].contains("SOME_KEY"), "{faults:?}");
        }
        endpoint("http://127.0.0.1:9/v1/", None).expect("no fault");
    }

    #[test]
    fn the_key_stands_neither_in_debug_nor_in_the_log() {
        let endpoint = endpoint("http://127.0.0.1:9/v1", Some("sk-secret")).expect("an endpoint");
        assert!(!format!("{endpoint:?}").contains("secret"));
        let words =
            endpoint.shorten(&format!("Incorrect API key\nprovided: sk-secret. {}", "x".repeat(9_000)));
        assert!(words.starts_with("Incorrect API key provided: ***.") && words.len() == 300, "{words}");
    }

    #[tokio::test]
    async fn a_provider_is_there_unless_it_refuses_the_key_or_fails() {
        for (status, there) in
            [(200, true), (404, true), (429, true), (401, false), (403, false), (503, false)]
        {
            let stage = Stage::open(vec![answer(status, "text/plain", "x")]).await;
            let found = endpoint(&stage.url, None).expect("an endpoint").check().await;
            assert_eq!(found.is_ok(), there, "{status}: {found:?}");
        }
        let nobody = endpoint("http://127.0.0.1:1/v1", None).expect("an endpoint").check().await;
        assert_eq!(nobody, Err("The provider cannot be reached.".to_owned()));
    }

    #[test]
    fn refusals_for_length_are_recognised_in_the_words_of_several_servers() {
        for body in [
            json!({ "error": { "code": "context_length_exceeded" } }),
            json!({ "error": { "type": "exceed_context_size_error" } }),
            json!({ "object": "error", "message": "This model's maximum context length is 4096 tokens." }),
        ] {
            assert!(says_too_long(&body), "{body}");
        }
        assert!(!says_too_long(&json!({ "error": { "message": "Unknown model." } })));
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_nothing_else_is_taken_for_one() {
        let read = |text: &str| seconds(&HeaderValue::from_str(text).expect("a header"));
        assert_eq!(read("2").map(|wait| wait.as_secs()), Some(2));
        for odd in ["-1", "NaN", "1e300", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
