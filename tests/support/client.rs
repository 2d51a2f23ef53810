//! People who talk to the server, and what it answers them.

use serde_json::{Value, json};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// OWNER of `acme`.
    Owner,
    /// ADMIN of `acme`.
    Admin,
    /// MEMBER of `acme`.
    Member,
    /// VIEWER of `acme`.
    Viewer,
    /// OWNER of `globex`, and of nothing in `acme`.
    Stranger,
    /// Nobody: no token.
    Anonymous,
}

impl Who {
    /// Everybody with a token: who, address, role, workspace.
    pub const PEOPLE: [(Self, &'static str, &'static str, &'static str); 5] = [
        (Self::Owner, "owner@acme.example", "OWNER", "acme"),
        (Self::Admin, "admin@acme.example", "ADMIN", "acme"),
        (Self::Member, "member@acme.example", "MEMBER", "acme"),
        (Self::Viewer, "viewer@acme.example", "VIEWER", "acme"),
        (Self::Stranger, "owner@globex.example", "OWNER", "globex"),
    ];
}

/// A GraphQL response.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Reply {
    /// The data of a response without errors.
    #[track_caller]
    pub fn data(self) -> Value {
        assert_eq!(self.body.get("errors"), None, "{:#}", self.body);
        self.body["data"].clone()
    }

    /// The code of the only error.
    #[track_caller]
    pub fn code(&self) -> &str {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no errors in {:#}", self.body));
        assert_eq!(errors.len(), 1, "{:#}", self.body);
        let extensions = &errors[0]["extensions"];
        assert!(
            extensions["requestId"].is_string() && extensions["retryable"].is_boolean(),
            "{:#}",
            self.body
        );
        extensions["code"].as_str().unwrap_or_else(|| panic!("no code in {:#}", self.body))
    }

    /// The body without the request ids, which differ between any two.
    pub fn without_request_ids(mut self) -> Value {
        for error in self.body["errors"].as_array_mut().into_iter().flatten() {
            error["extensions"]["requestId"] = json!(null);
        }
        self.body
    }
}
