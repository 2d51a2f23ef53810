//! The hook around each item of a subscription: an item is an operation of its own, with its own transaction and loaders.
//!
//! Queries and mutations are executed without it (`executor`): a hook of the library costs something at every field.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Data, Response};

use super::presenter::server_error;
use super::{OriginOfRequest, Request, RequestId, insert_loaders};
use crate::app::App;
use crate::error::Error;
use crate::tenancy::Access;

/// Makes the hook of each subscription.
pub(super) struct EachItem;

impl ExtensionFactory for EachItem {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Hook)
    }
}

struct Hook;

#[async_trait::async_trait]
impl Extension for Hook {
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let Some(app) = context.data_opt::<Arc<App>>() else {
            return Response::from_errors(vec![server_error(Error::internal(
                "no application in the schema",
            ))]);
        };
        let origin = context.data_opt::<OriginOfRequest>().cloned().unwrap_or(OriginOfRequest(None));
        let id = context.data_opt::<RequestId>().cloned().unwrap_or_else(RequestId::fresh);
        let request = Arc::new(Request::new(app.clone(), origin, id, Access::ReadOnly));
        let mut data = Data::default();
        data.insert(request.clone());
        insert_loaders(&mut data, &request);
        next.run_with_data(context, operation_name, data).await
    }
}
