//! The API as a signed-in user, inside this process: the same schema, the same doors and the same rules, without HTTP.

use async_graphql::Variables;
use entity::id::SessionId;
use serde_json::Value;

use super::Failure;
use crate::graphql::{Bearer, Credentials, OriginOfRequest, Schema};
use crate::tenancy::WorkspaceKey;

/// A user in a workspace.
pub struct SignedIn {
    schema: Schema,
    credentials: Credentials,
}

impl SignedIn {
    /// With a session, in the workspace of a slug or an id.
    #[must_use]
    pub fn new(schema: &Schema, session: SessionId, workspace: &str) -> Self {
        let workspace = WorkspaceKey::parse(workspace);
        Self { schema: schema.clone(), credentials: Credentials { session, workspace } }
    }

    /// Executes a document and returns its `data`; `action` is what it is for, beginning with a verb.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`] with the sentences of the API.
    pub async fn execute(
        &self,
        action: &'static str,
        document: &str,
        variables: Value,
    ) -> Result<Value, Failure> {
        let request = async_graphql::Request::new(document)
            .variables(Variables::from_json(variables))
            .data(OriginOfRequest(Some(Bearer::Session(self.credentials.clone()))));
        let response = self.schema.execute(request).await;
        let refused = |refusal| Failure::Refused { action, refusal };
        if !response.errors.is_empty() {
            let sentences: Vec<&str> = response.errors.iter().map(|error| error.message.as_str()).collect();
            return Err(refused(sentences.join(" ")));
        }
        response.data.into_json().map_err(|error| refused(error.to_string()))
    }

    /// The nodes of a whole list: `document` has the variable `$after`, and its one root field is `field`.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`].
    pub async fn list(
        &self,
        action: &'static str,
        field: &str,
        document: &str,
        variables: Value,
    ) -> Result<Vec<Value>, Failure> {
        let (mut nodes, mut variables) = (Vec::new(), variables);
        loop {
            let mut data = self.execute(action, document, variables.clone()).await?;
            let page = data[field].take();
            nodes.extend(page["nodes"].as_array().into_iter().flatten().cloned());
            if page["pageInfo"]["hasNextPage"] != Value::Bool(true) {
                return Ok(nodes);
            }
            variables["after"] = page["pageInfo"]["endCursor"].clone();
        }
    }
}
