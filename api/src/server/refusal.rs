//! What the edge itself answers instead of the library: one error in the one shape, with the status that goes with it.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::media::Media;
use crate::error::Error;
use crate::graphql::RequestId;

/// A request that the library does not execute, or did not finish.
#[derive(Debug)]
pub(super) struct Refusal {
    error: Error,
    status: StatusCode,
    allowed: Option<&'static str>,
    media: Media,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { status: status(&error), error, allowed: None, media: Media::Json }
    }
}

impl Refusal {
    /// A refusal whose status says more than its error's code.
    pub(super) fn new(status: StatusCode, error: Error) -> Self {
        Self { status, ..Self::from(error) }
    }

    /// 405, with the methods that are allowed.
    pub(super) fn method(allowed: &'static str) -> Self {
        let error = Error::field("method", "METHOD_NOT_ALLOWED", format!("This path takes {allowed}."));
        Self { allowed: Some(allowed), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, error) }
    }

    /// In the media type that the client accepts.
    pub(super) fn in_media(self, media: Media) -> Self {
        Self { media, ..self }
    }

    /// Of a well-formed GraphQL request, to which `application/json` always answers 200.
    pub(super) fn of_operation(self, media: Media) -> Self {
        let status = if media == Media::Json { StatusCode::OK } else { self.status };
        Self { status, media, ..self }
    }

    /// The response; the cause of a fault of ours goes to the log.
    pub(super) fn respond(self, id: &RequestId) -> Response {
        self.error.log(&id.0);
        let mut response = Response::new(Body::from(errors(&self.error, id).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media.content_type()));
        if let Some(allowed) = self.allowed {
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A GraphQL response of one error and no data.
pub(super) fn errors(error: &Error, RequestId(id): &RequestId) -> Value {
    json!({ "errors": [{ "message": error.message(), "extensions": error.extensions(id) }] })
}

/// The status of an error, where the media type lets a status say it.
pub(super) fn status(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) | Error::NotAllowed(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::BadUserInput(_)
        | Error::QueryTooCostly(_)
        | Error::ParseFailed(_)
        | Error::ValidationFailed(_) => StatusCode::BAD_REQUEST,
        Error::Conflict(..) | Error::Taken(..) | Error::Contended(_) | Error::InProgress(_) => {
            StatusCode::CONFLICT
        }
        Error::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
        Error::IdempotencyConflict => StatusCode::UNPROCESSABLE_ENTITY,
        Error::PayloadTooLarge(..) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unavailable(_) | Error::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
        Error::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::{Media, Refusal, errors};
    use crate::error::Error;
    use crate::graphql::RequestId;
    use axum::http::{StatusCode, header};

    #[test]
    fn the_cause_of_a_fault_of_ours_never_reaches_the_client() {
        let body =
            errors(&Error::internal("password of the database"), &RequestId("r1".to_owned())).to_string();
        assert!(!body.contains("password"), "{body}");
        assert!(body.contains("\"INTERNAL\"") && body.contains("\"r1\""), "{body}");
    }

    #[test]
    fn a_well_formed_request_is_answered_200_in_json_and_by_its_status_in_the_newer_media_type() {
        for (media, expected) in
            [(Media::Json, StatusCode::OK), (Media::GraphqlResponse, StatusCode::GATEWAY_TIMEOUT)]
        {
            let response = Refusal::from(Error::DeadlineExceeded)
                .of_operation(media)
                .respond(&RequestId("r1".to_owned()));
            assert_eq!(response.status(), expected);
            assert_eq!(response.headers()[header::CONTENT_TYPE], media.content_type());
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let response = Refusal::method("POST").respond(&RequestId("r1".to_owned()));
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "POST");
    }
}
