//! Batched lists below workspaces.

use std::sync::Arc;

use async_graphql::Data;

use super::lists::Memberships;
use crate::graphql::{Request, insert_list};

/// Puts the loaders of workspaces into the data of a request.
pub(crate) fn insert_loaders(data: &mut Data, request: &Arc<Request>) {
    insert_list::<Memberships>(data, request);
}
