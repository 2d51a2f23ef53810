//! Which media type a request has and which its answer gets, by the rules of *GraphQL over HTTP*
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! Only JSON in UTF-8 is taken, which no browser sends to another origin without asking first.

use axum::http::{HeaderMap, StatusCode, header};

use super::refusal::Refusal;
use crate::error::Error;

/// A media type of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: the status says little.
    #[default]
    Json,
    /// `application/graphql-response+json`: the status says whether the operation was executed.
    GraphqlResponse,
}

const JSON: &str = "application/json";
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

impl Media {
    /// The header's value.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// Refuses a body that is not announced as JSON in UTF-8, without a content encoding.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let one = types.next().filter(|_| types.next().is_none()).and_then(|value| value.to_str().ok());
    let encoded = headers.get_all(header::CONTENT_ENCODING).iter().any(|value| value != "identity");
    if one.is_some_and(is_json) && !encoded {
        return Ok(());
    }
    let message =
        "Send the header Content-Type: application/json, and the body in UTF-8 without a content encoding.";
    let error = Error::field("content-type", "UNSUPPORTED_MEDIA_TYPE", message);
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error))
}

fn is_json(content_type: &str) -> bool {
    let (media, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    media.trim().eq_ignore_ascii_case(JSON) && is_utf8(parameters)
}

/// Whether no parameter names another character set.
fn is_utf8(parameters: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

/// The media type to answer in.
///
/// # Errors
///
/// 406 when the client accepts neither.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<Media, Refusal> {
    let mut accepted = Accepted::default();
    let mut any = false;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',').filter(|range| !range.trim().is_empty()) {
            any = true;
            accepted.note(range);
        }
    }
    if !any {
        return Ok(Media::Json);
    }
    accepted.choose().ok_or_else(|| {
        let message = format!("Accept {GRAPHQL_RESPONSE} or {JSON}.");
        Refusal::new(StatusCode::NOT_ACCEPTABLE, Error::field("accept", "NOT_ACCEPTABLE", message))
    })
}

/// Weights in thousandths, of what was named exactly and by range.
#[derive(Default)]
struct Accepted {
    json: Option<u16>,
    graphql_response: Option<u16>,
    application: Option<u16>,
    everything: Option<u16>,
}

impl Accepted {
    fn note(&mut self, range: &str) {
        let (media, parameters) = range.split_once(';').unwrap_or((range, ""));
        let media = media.trim().to_ascii_lowercase();
        let slot = match media.as_str() {
            JSON => &mut self.json,
            GRAPHQL_RESPONSE => &mut self.graphql_response,
            "application/*" => &mut self.application,
            "*/*" => &mut self.everything,
            _ => return,
        };
        if is_utf8(parameters) {
            *slot = (*slot).max(weight(parameters));
        }
    }

    /// The heavier one, and of equals the one that was named: a range alone means an older client.
    fn choose(&self) -> Option<Media> {
        let range = self.application.or(self.everything);
        let json = self.json.or(range).unwrap_or(0);
        let newer = self.graphql_response.or(range).unwrap_or(0);
        let newer_wins = newer > json || (newer == json && self.graphql_response.is_some());
        match (json, newer) {
            (0, 0) => None,
            _ if newer_wins => Some(Media::GraphqlResponse),
            _ => Some(Media::Json),
        }
    }
}

/// The weight among a range's parameters (RFC 9110, section 12.4.2); one that is none makes the range count for nothing.
fn weight(parameters: &str) -> Option<u16> {
    let q = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    let Some((_, value)) = q else { return Some(1000) };
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{fraction:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Media, is_json, negotiate, require_json, weight};
    use axum::http::{HeaderMap, HeaderValue, header};
    use proptest::prelude::proptest;

    fn accepting(value: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(value).expect("a header"));
        negotiate(&headers).ok()
    }

    #[test]
    fn only_json_in_utf8_is_json() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json ; foo=bar",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "text/plain; application/json",
            "application/jsonp",
            "application/json, text/plain",
            "application/json; charset=latin1",
            "application/json; charset=utf-8; charset=utf-16",
            "multipart/form-data; boundary=application/json",
            "application/graphql-response+json",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[test]
    fn two_content_types_and_encoded_bodies_are_refused() {
        let mut headers = HeaderMap::new();
        assert!(require_json(&headers).is_err());
        headers.append(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(require_json(&headers).is_ok());
        let mut encoded = headers.clone();
        encoded.append(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(require_json(&encoded).is_err());
        headers.append(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert!(require_json(&headers).is_err());
    }

    #[test]
    fn the_newer_media_type_is_answered_to_those_who_name_it_and_json_to_the_others() {
        for newer in [
            "application/graphql-response+json",
            "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
            "application/json, application/graphql-response+json",
            "application/json;q=0.9, application/graphql-response+json",
            "*/*;q=0.1, application/graphql-response+json;q=0.1",
            "application/json;q=0, */*",
        ] {
            assert_eq!(accepting(newer), Some(Media::GraphqlResponse), "{newer}");
        }
        for older in [
            "",
            "*/*",
            "application/*",
            "application/json",
            "text/html, */*;q=0.8",
            "application/graphql-response+json;q=0.5, application/json",
            "application/graphql-response+json; charset=utf-16, application/json",
            "application/graphql-response+json;q=0, */*",
        ] {
            assert_eq!(accepting(older), Some(Media::Json), "{older}");
        }
        for neither in [
            "text/html",
            "text/event-stream",
            "application/json;q=0",
            "*/*;q=0",
            "application/json;q=NaN",
            "application/json;charset=latin1",
        ] {
            assert_eq!(accepting(neither), None, "{neither}");
        }
    }

    #[test]
    fn weights_have_three_digits_and_end_at_one() {
        for (parameters, expected) in [
            ("", Some(1000)),
            ("q=1.000", Some(1000)),
            (" Q=0.5", Some(500)),
            ("q=0", Some(0)),
            ("q=1.1", None),
        ] {
            assert_eq!(weight(parameters), expected, "{parameters}");
        }
        for bad in ["q=", "q=-1", "q=2", "q=.5", "q=0.1234", "q=1e-1", "q=inf"] {
            assert_eq!(weight(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_negotiation_panic(value in "[ -~]{0,200}") {
            let _ = accepting(&value);
        }
    }
}
