//! Every typed id.
//!
//! Inside, an id is a UUID version 7 in a newtype of its own, so that one cannot stand where another is meant. Outside, it
//! is a TypeID (<https://github.com/jetify-com/typeid>, version 0.3.0): a prefix that names the type, `_`, and the UUID in
//! 26 characters. A TypeID with another prefix does not parse.
//!
//! What a client sends is a [`Given`]: it keeps what is wrong with the text, so that a bad id is named together with every
//! other bad field instead of ending the reading of the arguments.

use std::fmt;

use type_safe_id::{DynamicType, TypeSafeId};
use uuid::Uuid;

/// What is wrong with the text of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedId {
    /// The prefix that was expected.
    pub expected: &'static str,
    /// The prefix that was found; none where the text is no TypeID at all.
    pub found: Option<String>,
}

impl fmt::Display for MalformedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = self.expected;
        match &self.found {
            Some(found) => write!(f, "an id that begins with `{found}_`, not with `{expected}_`"),
            None => write!(f, "not an id of the form {expected}_01h455vb4pex5vsknk084sn02q"),
        }
    }
}

/// What every typed id has.
pub trait TypedId: Copy + Send + Sync + 'static {
    /// What its TypeID begins with.
    const PREFIX: &'static str;

    /// A new one; later ones sort after earlier ones.
    fn make() -> Self;

    /// The UUID in it.
    fn uuid(self) -> Uuid;

    /// Reads a TypeID.
    ///
    /// # Errors
    ///
    /// `MalformedId` where it is not one, or has another prefix.
    fn read(text: &str) -> Result<Self, MalformedId>;
}

/// An id as a client sent it: read, or what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<T>(Result<T, MalformedId>);

impl<T: TypedId> Given<T> {
    /// Reads what a client sent.
    pub fn read(text: &str) -> Self {
        Self(T::read(text))
    }

    /// The id.
    ///
    /// # Errors
    ///
    /// `MalformedId` where the text was not one of this type.
    pub fn get(&self) -> Result<T, &MalformedId> {
        self.0.as_ref().copied()
    }
}

impl<T> From<T> for Given<T> {
    fn from(id: T) -> Self {
        Self(Ok(id))
    }
}

impl<T: TypedId + fmt::Display> async_graphql::InputType for Given<T> {
    type RawValueType = Self;

    fn type_name() -> std::borrow::Cow<'static, str> {
        <async_graphql::ID as async_graphql::InputType>::type_name()
    }

    fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
        <async_graphql::ID as async_graphql::InputType>::create_type_info(registry)
    }

    fn parse(value: Option<async_graphql::Value>) -> async_graphql::InputValueResult<Self> {
        let text = <async_graphql::ID as async_graphql::InputType>::parse(value)
            .map_err(async_graphql::InputValueError::propagate)?;
        Ok(Self::read(&text))
    }

    fn to_value(&self) -> async_graphql::Value {
        self.0.as_ref().map_or(async_graphql::Value::Null, |id| async_graphql::Value::String(id.to_string()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// An id with its prefix taken apart.
pub fn parse_any(text: &str) -> Option<(String, Uuid)> {
    // The longest prefix that the specification allows is 63 characters.
    if text.len() > 63 + 1 + 26 {
        return None;
    }
    let id: TypeSafeId<DynamicType> = text.parse().ok()?;
    Some((id.type_prefix().to_owned(), id.uuid()))
}

fn format(prefix: &str, uuid: Uuid, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Ok(prefix) = DynamicType::new(prefix) else { return Err(fmt::Error) };
    write!(f, "{}", TypeSafeId::from_type_and_uuid(prefix, uuid))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            sea_orm::DeriveValueType,
        )]
        pub struct $name(pub Uuid);

        impl $name {
            /// What its TypeID begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new one; later ones sort after earlier ones.
            #[expect(clippy::disallowed_methods, reason = "ids are made here and nowhere else")]
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Reads a TypeID.
            ///
            /// # Errors
            ///
            /// `MalformedId` where it is not one, or has another prefix.
            pub fn parse(text: &str) -> Result<Self, MalformedId> {
                match parse_any(text) {
                    Some((prefix, uuid)) if prefix == $prefix => Ok(Self(uuid)),
                    other => Err(MalformedId { expected: $prefix, found: other.map(|(prefix, _)| prefix) }),
                }
            }
        }

        impl TypedId for $name {
            const PREFIX: &'static str = $prefix;

            fn make() -> Self {
                Self::new()
            }

            fn uuid(self) -> Uuid {
                self.0
            }

            fn read(text: &str) -> Result<Self, MalformedId> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                format($prefix, self.0, f)
            }
        }

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl async_graphql::InputType for $name {
            type RawValueType = Self;

            fn type_name() -> std::borrow::Cow<'static, str> {
                <async_graphql::ID as async_graphql::InputType>::type_name()
            }

            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <async_graphql::ID as async_graphql::InputType>::create_type_info(registry)
            }

            fn parse(value: Option<async_graphql::Value>) -> async_graphql::InputValueResult<Self> {
                let id = <async_graphql::ID as async_graphql::InputType>::parse(value)
                    .map_err(async_graphql::InputValueError::propagate)?;
                Self::parse(&id).map_err(async_graphql::InputValueError::custom)
            }

            fn to_value(&self) -> async_graphql::Value {
                async_graphql::Value::String(self.to_string())
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        impl async_graphql::OutputType for $name {
            fn type_name() -> std::borrow::Cow<'static, str> {
                <async_graphql::ID as async_graphql::OutputType>::type_name()
            }

            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <async_graphql::ID as async_graphql::OutputType>::create_type_info(registry)
            }

            async fn resolve(
                &self,
                _: &async_graphql::ContextSelectionSet<'_>,
                _: &async_graphql::Positioned<async_graphql::parser::types::Field>,
            ) -> async_graphql::ServerResult<async_graphql::Value> {
                Ok(async_graphql::Value::String(self.to_string()))
            }
        }
    )*};
}

ids! {
    /// A person.
    UserId = "user";
    /// A signed-in session.
    SessionId = "session";
    /// A person as an external issuer knows them.
    IdentityId = "identity";
    /// A mail about an account.
    MailId = "mail";
    /// A workspace: the tenant.
    WorkspaceId = "workspace";
    /// A membership.
    MembershipId = "membership";
    /// A role of a workspace.
    RoleId = "role";
    /// An invitation into a workspace.
    InvitationId = "invitation";
    /// An API key.
    ApiKeyId = "key";
    /// Somebody who operates the installation.
    OperatorId = "operator";
    /// An operator's entry into a workspace.
    OperatorEntryId = "entry";
    /// The removal of a workspace.
    WorkspacePurgeId = "purge";
    /// An event of a workspace.
    EventId = "event";
    /// An audit entry.
    AuditEntryId = "audit";
    /// A job.
    JobId = "job";
    /// A collection.
    CollectionId = "collection";
    /// A document.
    DocumentId = "document";
    /// A version of a document.
    DocumentVersionId = "version";
    /// A passage of a version.
    ChunkId = "chunk";
    /// An embedding index.
    EmbeddingIndexId = "index";
    /// A chunk's vector, and its point in Qdrant.
    PointId = "point";
    /// An ingestion.
    IngestionId = "ingestion";
    /// Bytes that may be sent for a version.
    UploadId = "upload";
    /// An object in the object store: the bytes of a version, as one attempt to send them left them.
    OriginalId = "original";
    /// An agent.
    AgentId = "agent";
    /// A run of an agent.
    AgentRunId = "run";
    /// An event of a run.
    AgentRunEventId = "runevent";
    /// A step of a run.
    AgentRunStepId = "step";
    /// A search that a run made.
    RetrievalId = "retrieval";
    /// A hit of such a search.
    RetrievalHitId = "hit";
    /// A citation.
    CitationId = "citation";
    /// A mutation that succeeded under a key.
    IdempotencyRecordId = "idempotency";
}

#[cfg(test)]
mod tests {
    use super::{AgentRunId, DocumentId, Given, parse_any};
    use async_graphql::{InputType, Value};

    #[test]
    fn the_example_of_the_specification_reads_and_writes() {
        let id = AgentRunId::parse("run_01h455vb4pex5vsknk084sn02q").expect("a TypeID");
        assert_eq!(id.0.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(id.to_string(), "run_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn another_prefix_and_every_other_text_is_refused() {
        let run = AgentRunId::new().to_string();
        assert!(DocumentId::parse(&run).is_err());
        for text in [
            "",
            "run_",
            "run",
            "_01h455vb4pex5vsknk084sn02q",
            "run_81h455vb4pex5vsknk084sn02q",
            "run_01H455VB4PEX5VSKNK084SN02Q",
            "rün_01h455vb4pex5vsknk084sn02q",
            &"x".repeat(1 << 20),
        ] {
            assert!(AgentRunId::parse(text).is_err(), "{}", &text[..text.len().min(40)]);
        }
        assert!(parse_any(&run).is_some());
    }

    #[test]
    fn what_a_client_sent_is_kept_with_what_is_wrong_with_it() {
        let run = AgentRunId::new();
        let given = |value: Value| <Given<DocumentId> as InputType>::parse(Some(value)).ok();
        let of_a_run = given(Value::String(run.to_string())).expect("a string is read, whatever it says");
        assert_eq!(
            of_a_run.get().expect_err("another prefix").to_string(),
            "an id that begins with `run_`, not with `document_`"
        );
        let nonsense = given(Value::String("x".repeat(1 << 20))).expect("a string");
        assert_eq!(
            nonsense.get().expect_err("not an id").to_string(),
            "not an id of the form document_01h455vb4pex5vsknk084sn02q"
        );
        assert!(given(Value::Number(7.into())).is_some_and(|number| number.get().is_err()));
        assert!(given(Value::Boolean(true)).is_none(), "the type ID takes strings and whole numbers");
        assert_eq!(Given::<AgentRunId>::read(&run.to_string()).get(), Ok(run));
    }
}
