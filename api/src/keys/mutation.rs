//! Mutations of API keys.

use async_graphql::{Context, Object};

use super::inputs::{
    ApiKeyCreateInput, ApiKeyCreatePayload, ApiKeyRevokeInput, ApiKeyRevokePayload, ApiKeyUpdateInput,
    ApiKeyUpdatePayload,
};
use super::service::{self, NewApiKey, RenamedApiKey};
use super::types::ApiKey;
use crate::error::Result;
use crate::graphql::{Secret, request};

/// Mutations of API keys.
#[derive(Default)]
pub struct KeysMutation;

#[Object]
impl KeysMutation {
    /// Makes an API key that acts on your behalf in this workspace; a CONFLICT where it has as many live ones as it may. Needs api_key:write
    /// and api_key:read, and every permission of its scopes: FORBIDDEN names the first that you lack.
    async fn api_key_create(
        &self,
        context: &Context<'_>,
        input: ApiKeyCreateInput,
    ) -> Result<ApiKeyCreatePayload> {
        let request = request(context)?;
        let most = request.app().limits().api_keys_per_workspace;
        let new = NewApiKey { name: input.name, scopes: input.scopes, expires_at: input.expires_at };
        let operation = request.operation().await?;
        let (row, secret) = service::create(&operation, request.id(), most, new).await?;
        Ok(ApiKeyCreatePayload { api_key: ApiKey::from(row), secret: Secret(secret.reveal()) })
    }

    /// Renames an API key. What it may do and when it ends never change: make another one and revoke this. Needs api_key:write and
    /// api_key:read.
    async fn api_key_update(
        &self,
        context: &Context<'_>,
        input: ApiKeyUpdateInput,
    ) -> Result<ApiKeyUpdatePayload> {
        let request = request(context)?;
        let change = RenamedApiKey { id: input.id, version: input.version, name: input.name };
        let operation = request.operation().await?;
        let row = service::rename(&operation, request.id(), change).await?;
        Ok(ApiKeyUpdatePayload { api_key: ApiKey::from(row) })
    }

    /// Revokes an API key, for good and at once: its next operation is UNAUTHENTICATED, what it follows over sockets ends, jobs that it
    /// started fail and uploads that it asked for are not taken. One that was revoked stays as it is. Needs api_key:write and api_key:read.
    async fn api_key_revoke(
        &self,
        context: &Context<'_>,
        input: ApiKeyRevokeInput,
    ) -> Result<ApiKeyRevokePayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let row = service::revoke(&operation, request.id(), &input.id).await?;
        Ok(ApiKeyRevokePayload { api_key: ApiKey::from(row) })
    }
}
