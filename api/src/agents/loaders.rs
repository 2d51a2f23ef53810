//! Batched lists below agents and runs.

use std::sync::Arc;

use async_graphql::Data;

use super::lists::{Citations, Runs, Steps};
use crate::graphql::{Request, insert_list};

/// Puts the loaders of agents into the data of a request.
pub(crate) fn insert_loaders(data: &mut Data, request: &Arc<Request>) {
    insert_list::<Runs>(data, request);
    insert_list::<Steps>(data, request);
    insert_list::<Citations>(data, request);
}
