//! One GraphQL operation as its resolvers see it: who asks, and the one transaction in which everything is answered.
//!
//! The transaction is opened by the first resolver that needs it and is never held across a remote call: a field that makes
//! one announces it when it is first polled, and the opening waits for it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::Context;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use entity::id::SessionId;
use tokio::sync::{OnceCell, watch};

use crate::app::App;
use crate::error::{Error, Result};
use crate::tenancy::{Access, Identity, Operation, OperatorHash, Origin, WorkspaceKey};

/// What a client showed: a token of ours, of an issuer that is trusted, or the key of an operator.
#[derive(Clone, Debug)]
pub enum Bearer {
    /// A token of ours.
    Session(Credentials),
    /// A token of an external issuer, and the workspace of the header.
    Identity(Arc<Identity>, Option<WorkspaceKey>),
    /// An operator's key, and the workspace of the header.
    Operator(OperatorHash, Option<WorkspaceKey>),
}

/// What a token of ours shows: a session, and the workspace that the client names.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The session of the token.
    pub session: SessionId,
    /// The workspace of the header.
    pub workspace: Option<WorkspaceKey>,
}

/// The id under which the log has this request.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    /// An id for a request that came without one.
    #[must_use]
    pub fn fresh() -> Self {
        Self(entity::id::EventId::new().0.simple().to_string())
    }
}

/// Who asks: what transports put into the data of a request or a socket.
#[derive(Clone, Debug)]
pub struct OriginOfRequest(pub Option<Bearer>);

impl OriginOfRequest {
    /// What a door of the database is shown.
    ///
    /// # Errors
    ///
    /// UNAUTHENTICATED for an anonymous one, and once a token of an external issuer has expired: no session of ours ends
    /// with it, and a socket may have outlived it.
    pub fn for_request(&self) -> Result<Origin> {
        match self.0.clone() {
            None => Err(Error::Unauthenticated(
                "Sign in first: send the header Authorization with a bearer token.",
            )),
            Some(Bearer::Session(Credentials { session, workspace })) => {
                Ok(Origin::Session { session, workspace })
            }
            Some(Bearer::Identity(identity, _)) if identity.expires_at <= crate::clock::now() => {
                Err(Error::Unauthenticated("The token has expired; get a new one."))
            }
            Some(Bearer::Identity(identity, workspace)) => Ok(Origin::Identity { identity, workspace }),
            Some(Bearer::Operator(hash, workspace)) => Ok(Origin::Operator { hash, workspace }),
        }
    }
}

/// One operation.
pub struct Request {
    app: Arc<App>,
    origin: OriginOfRequest,
    id: RequestId,
    access: Access,
    of_nobody: bool,
    operation: OnceCell<Arc<Operation>>,
    remote_calls: watch::Sender<usize>,
    text_bytes: AtomicUsize,
    scanned_bytes: AtomicUsize,
}

/// How much text of documents one operation reads, in bytes.
const MOST_TEXT: usize = 16 * 1024 * 1024;
/// How much text one operation looks through for offsets, in bytes; it holds a thread for as long.
const MOST_SCANNED: usize = 256 * 1024 * 1024;

impl Request {
    /// A new operation of a client.
    #[must_use]
    pub fn new(app: Arc<App>, origin: OriginOfRequest, id: RequestId, access: Access) -> Self {
        Self {
            app,
            origin,
            id,
            access,
            of_nobody: false,
            operation: OnceCell::new(),
            remote_calls: watch::Sender::new(0),
            text_bytes: AtomicUsize::new(0),
            scanned_bytes: AtomicUsize::new(0),
        }
    }

    /// The same, outside any workspace, whatever the client named.
    #[must_use]
    pub(super) fn outside(mut self) -> Self {
        match &mut self.origin.0 {
            Some(Bearer::Session(credentials)) => credentials.workspace = None,
            Some(Bearer::Identity(_, workspace) | Bearer::Operator(_, workspace)) => *workspace = None,
            None => {}
        }
        self
    }

    /// The same, of somebody who is not signed in, whatever the client showed.
    #[must_use]
    pub(super) fn of_nobody(mut self) -> Self {
        self.of_nobody = true;
        self
    }

    /// Whether an operator asks.
    #[must_use]
    pub(super) fn is_of_operator(&self) -> bool {
        matches!(self.origin.0, Some(Bearer::Operator(..)))
    }

    /// The session of the token; none for an anonymous client, for a token of an external issuer and for an operator.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match &self.origin.0 {
            Some(Bearer::Session(credentials)) => Some(credentials.session),
            Some(Bearer::Identity(..) | Bearer::Operator(..)) | None => None,
        }
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The id under which the log has it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id.0
    }

    /// The operation's transaction, opened at the first call.
    ///
    /// # Errors
    ///
    /// What the door says, or UNAVAILABLE.
    pub async fn operation(&self) -> Result<Arc<Operation>> {
        self.operation
            .get_or_try_init(|| async {
                // Every root field is polled once before this goes on, so every remote call has been announced.
                tokio::task::yield_now().await;
                let mut remote_calls = self.remote_calls.subscribe();
                // The sender lives in this struct, so waiting cannot fail.
                let _ = remote_calls.wait_for(|calls| *calls == 0).await;
                self.open(self.access).await.map(Arc::new)
            })
            .await
            .cloned()
    }

    /// An operation of its own that ends before a remote call begins.
    ///
    /// # Errors
    ///
    /// What the door says, or UNAVAILABLE.
    pub async fn open(&self, access: Access) -> Result<Operation> {
        let origin = if self.of_nobody { Origin::Nobody } else { self.origin.for_request()? };
        self.app.database().operation(origin, access).await
    }

    /// Runs a remote call; the operation's transaction waits for it. Must be reached before a resolver's first await.
    pub async fn remote<F: Future>(&self, call: F) -> F::Output {
        let _announced = Announced::new(&self.remote_calls);
        call.await
    }

    /// Counts text of documents that the operation reads or answers.
    ///
    /// # Errors
    ///
    /// QUERY_TOO_COSTLY beyond 16 MiB.
    pub fn charge(&self, bytes: usize) -> Result<()> {
        let before = self.text_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > MOST_TEXT {
            let message = format!(
                "One operation reads at most {MOST_TEXT} bytes of documents; ask for fewer or for parts."
            );
            return Err(Error::QueryTooCostly(message));
        }
        Ok(())
    }

    /// Counts text that is looked through for offsets.
    ///
    /// # Errors
    ///
    /// QUERY_TOO_COSTLY beyond 256 MiB.
    pub fn scan(&self, bytes: usize) -> Result<()> {
        let before = self.scanned_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > MOST_SCANNED {
            let message = "One operation looks for offsets in at most 256 MiB of documents; ask for fewer parts of large ones.";
            return Err(Error::QueryTooCostly(message.to_owned()));
        }
        Ok(())
    }

    /// The transaction, where one was opened.
    #[must_use]
    pub fn opened(&self) -> Option<Arc<Operation>> {
        self.operation.get().cloned()
    }
}

struct Announced<'a>(&'a watch::Sender<usize>);

impl<'a> Announced<'a> {
    fn new(calls: &'a watch::Sender<usize>) -> Self {
        calls.send_modify(|calls| *calls += 1);
        Self(calls)
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}

/// The operation of a document that a request chooses, by its name and type; none where the choice is not clear.
pub(crate) fn selected_operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&'a str>,
) -> Option<(Option<&'a str>, OperationType)> {
    match (&document.operations, name) {
        (DocumentOperations::Single(one), None) => Some((None, one.node.ty)),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(many), Some(name)) => {
            many.get(name).map(|one| (Some(name), one.node.ty))
        }
        (DocumentOperations::Multiple(many), None) => {
            let (name, one) = many.iter().next().filter(|_| many.len() == 1)?;
            Some((Some(name.as_str()), one.node.ty))
        }
    }
}

/// The request of a resolver.
///
/// # Errors
///
/// INTERNAL where the schema was executed without one.
pub fn request<'a>(context: &Context<'a>) -> Result<&'a Arc<Request>> {
    context.data::<Arc<Request>>().map_err(|_| Error::internal("no request in the context"))
}

/// The transaction of a resolver.
///
/// # Errors
///
/// What the door says, or UNAVAILABLE.
pub async fn operation(context: &Context<'_>) -> Result<Arc<Operation>> {
    request(context)?.operation().await
}
