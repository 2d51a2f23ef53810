//! What belongs to the schema as a whole: its assembly, the request that resolvers work in, pages, node ids, loaders, and
//! the hook that ends each operation and presents each error. It knows no rule of any capability.

mod alone;
mod children;
mod connection;
mod each_item;
mod executor;
mod guard;
mod idempotency;
mod loaders;
mod node;
mod omitted;
mod presenter;
mod quick;
mod request;

use std::sync::Arc;

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, SchemaBuilder};

pub use children::first_below;
pub(crate) use children::insert_list;
pub use connection::{Connection, ListArgs, children, list, list_cost};
pub use executor::Schema;
pub(crate) use idempotency::REPLAYED;
pub use idempotency::{HeaderKey, Secret, Secrets};
pub(crate) use loaders::batching;
pub use loaders::{ById, Load, loader};
pub use node::Node;
pub use quick::{AroundRow, Quick};
pub(crate) use request::selected_operation;
pub use request::{Bearer, Credentials, OriginOfRequest, Request, RequestId, operation, request};

/// Everything that can be asked. What does not exist and what is not visible are the same: null.
#[derive(MergedObject, Default)]
pub struct Query(
    crate::workspaces::WorkspacesQuery,
    crate::members::MembersQuery,
    node::NodeQuery,
    crate::knowledge::KnowledgeQuery,
    crate::agents::AgentsQuery,
    crate::jobs::JobsQuery,
    crate::operators::OperatorsQuery,
);

/// Everything that can be changed. The fields of one operation happen together or not at all.
#[derive(MergedObject, Default)]
pub struct Mutation(
    crate::accounts::AccountsMutation,
    crate::workspaces::WorkspacesMutation,
    crate::members::MembersMutation,
    crate::knowledge::KnowledgeMutation,
    crate::agents::AgentsMutation,
    crate::jobs::JobsMutation,
    crate::operators::OperatorsMutation,
);

/// Everything that can be followed. Each stream is a persisted log: pass the last `cursor` as `after` and nothing is missed.
#[derive(MergedSubscription, Default)]
pub struct Subscription(crate::agents::AgentsSubscription);

/// The schema as the library has it.
type Library = async_graphql::Schema<Query, Mutation, Subscription>;

/// How deep a query may nest.
const DEPTH: usize = 15;
/// What a query may cost: a field costs 1, a list its page size times what it holds.
const COMPLEXITY: usize = 10_000;
/// How many aliases a query may have.
const ALIASES: usize = 50;
/// How many directives a field may have.
const DIRECTIVES: usize = 8;
/// How deep selection sets may nest before the limits above are looked at.
const PARSER_DEPTH: usize = 32;

/// The schema in the definition language, as `schema.graphql` has it.
#[must_use]
pub fn sdl() -> String {
    let schema = library().finish();
    schema.sdl_with_options(SDLExportOptions::new().sorted_fields().sorted_enum_items().sorted_arguments())
}

/// The loaders of a request: by id for every table, and those that capabilities bring.
fn insert_loaders(data: &mut async_graphql::Data, request: &Arc<Request>) {
    loaders::insert_by_id(data, request);
    crate::knowledge::insert_loaders(data, request);
    crate::agents::insert_loaders(data, request);
    crate::members::insert_loaders(data, request);
}

fn library() -> SchemaBuilder<Query, Mutation, Subscription> {
    Library::build(Query::default(), Mutation::default(), Subscription::default())
        .limit_depth(DEPTH)
        .limit_complexity(COMPLEXITY)
        .limit_aliases(ALIASES)
        .limit_directives(DIRECTIVES)
        .limit_recursive_depth(PARSER_DEPTH)
}
