//! The three ways to search that are compared: the engine alone, the schema in this process, and HTTP.
//!
//! The engine is asked what retrieval asks it for the same question, with the question's vector made beforehand. Every
//! way says how many hits it had, so that an answer without hits is noticed.

use std::net::SocketAddr;
use std::sync::Arc;

use entity::embedding_index::{self, EmbeddingIndexStatus};
use footnote_vectors::{Mode, Query, TenantVectors};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::connection::{self, Connection};
use super::place::{Place, Workspace};
use crate::operations::Failure;
use crate::operations::signed_in::SignedIn;
use crate::tenancy::Access;

/// How many passages a search asks for.
pub(super) const FIRST: usize = 10;
/// What retrieval asks the engine for, to have enough when some hits are no longer current.
const ASKED: usize = FIRST * 2 + 10;

const SEARCH: &str = "query($query: String!, $first: Int!) {
  search(query: $query, first: $first) { nodes { score passage target { ... on Chunk { id } } } } }";

const QUESTIONS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/questions.json"));

/// A way to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Qdrant's engine, through the door.
    Engine,
    /// The schema, executed in this process.
    Schema,
    /// The server, over a connection that is kept open.
    Http,
}

impl Way {
    /// All of them, the floor first.
    pub const ALL: [Self; 3] = [Self::Engine, Self::Schema, Self::Http];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Schema => "schema",
            Self::Http => "http",
        }
    }
}

/// Everything that a search needs, made before the first one.
pub(super) struct Prepared {
    vectors: TenantVectors,
    index: Uuid,
    queries: Vec<Query>,
    owner: SignedIn,
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
}

impl Prepared {
    /// For a workspace that is filled, and the server at an address.
    pub(super) async fn new(
        place: &mut Place,
        workspace: Workspace,
        address: SocketAddr,
    ) -> Result<Self, Failure> {
        let refused = |error: crate::error::Error| Failure::Start(error.message());
        let (origin, authorization) = (place.origin(&workspace), place.authorization()?);
        let app = place.stack().app();
        let operation = app.database().operation(origin, Access::ReadOnly).await.map_err(refused)?;
        let index = embedding_index::Entity::find()
            .filter(embedding_index::Column::Status.eq(EmbeddingIndexStatus::Active))
            .one(&operation)
            .await
            .map_err(|error| refused(error.into()))?
            .ok_or_else(|| Failure::Start("there is no embedding index".to_owned()))?;
        drop(operation);
        let questions = questions()?;
        let embedded = app.embedder().embed(questions.clone()).await;
        let embedded = embedded.map_err(|error| Failure::Start(error.to_string()))?;
        let queries = questions.iter().zip(embedded).map(|(text, dense)| Query {
            text: text.clone(),
            dense: Some(dense),
            mode: Mode::Hybrid,
            limit: ASKED,
            explain: false,
            ..Query::default()
        });
        let requests = questions.iter().map(|question| {
            let body = json!({ "query": SEARCH, "variables": variables(question) }).to_string();
            connection::request(address, &authorization, workspace.slug, &body)
        });
        Ok(Self {
            vectors: app.vectors().for_workspace(workspace.id.0),
            index: index.id.0,
            queries: queries.collect(),
            requests: requests.collect(),
            owner: workspace.owner,
            address,
        })
    }

    /// How many questions there are.
    pub(super) fn len(&self) -> usize {
        self.queries.len()
    }
}

/// One client of one way.
pub(super) struct Client {
    prepared: Arc<Prepared>,
    way: Way,
    connection: Option<Connection>,
}

impl Client {
    /// Connects where the way needs it.
    pub(super) async fn new(prepared: &Arc<Prepared>, way: Way) -> Result<Self, Failure> {
        let connection = match way {
            Way::Engine | Way::Schema => None,
            Way::Http => Some(Connection::open(prepared.address).await.map_err(failed)?),
        };
        Ok(Self { prepared: prepared.clone(), way, connection })
    }

    /// Searches for a question and says how many hits there are.
    pub(super) async fn search(&mut self, question: usize) -> Result<usize, Failure> {
        let prepared = &self.prepared;
        let question = question % prepared.len();
        match (self.way, &mut self.connection) {
            (Way::Http, Some(connection)) => {
                connection.ask(&prepared.requests[question]).await.map_err(failed)
            }
            (Way::Schema, _) => {
                let text = &prepared.queries[question].text;
                let data = prepared.owner.execute("search", SEARCH, variables(text)).await?;
                Ok(data["search"]["nodes"].as_array().map_or(0, Vec::len))
            }
            (Way::Engine | Way::Http, _) => {
                let hits = prepared.vectors.search(prepared.index, &prepared.queries[question]).await;
                Ok(hits.map_err(failed)?.len())
            }
        }
    }
}

fn variables(question: &str) -> serde_json::Value {
    json!({ "query": question, "first": FIRST })
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Refused { action: "search", refusal: error.to_string() }
}

/// The demo's questions, with and without an answer in the corpus.
fn questions() -> Result<Vec<String>, Failure> {
    #[derive(Deserialize)]
    struct File {
        questions: Vec<Question>,
    }
    #[derive(Deserialize)]
    struct Question {
        question: String,
    }
    let file: File = serde_json::from_str(QUESTIONS)
        .map_err(|error| Failure::Start(format!("the demo's questions cannot be read: {error}")))?;
    Ok(file.questions.into_iter().map(|question| question.question).collect())
}

#[cfg(test)]
mod tests {
    use super::{SEARCH, questions};

    #[test]
    fn there_are_questions_and_a_document_to_ask_them_with() {
        assert!(questions().expect("the file in the binary").len() > 100);
        async_graphql::parser::parse_query(SEARCH).expect("a document");
    }
}
