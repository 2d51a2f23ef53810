//! Objects of a bucket of an S3-compatible store, addressed by path.
//!
//! An object of up to one part goes in one request; a larger one in parts, which the store shows as one object when all are
//! there. What was not finished is aborted; where even that fails, a rule of the bucket has to remove it (AbortIncompleteMultipartUpload).

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use entity::id::{OriginalId, WorkspaceId};
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt, RetryConfig};
use url::Url;

use super::key::{self, Folder, Key};
use super::{Backend, ObjectError, ObjectLimits, Writer};
use crate::adapters::http::use_ring;
use crate::config::ObjectService;
use crate::supervisor;

/// The size of every part but the last; S3 takes no smaller ones.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// Repetitions of a failed request.
const RETRIES: usize = 2;
/// How long an abort may take that nobody waits for.
const ABORTING: Duration = Duration::from_secs(10);

/// The bucket.
pub(super) struct S3 {
    store: std::sync::Arc<AmazonS3>,
    /// What every key begins with; empty, or ending in `/`.
    prefix: String,
}

impl S3 {
    /// Reads the settings; the store itself is not asked.
    pub(super) fn open(settings: &ObjectService, limits: ObjectLimits) -> Result<Self, String> {
        use_ring();
        let (bucket, prefix) = bucket(settings.objects_url.as_deref().unwrap_or_default())?;
        let (Some(id), Some(secret)) = (&settings.objects_access_key_id, &settings.objects_secret_access_key)
        else {
            return Err(
                "OBJECTS_URL is set, but not OBJECTS_ACCESS_KEY_ID and OBJECTS_SECRET_ACCESS_KEY: set both."
                    .to_owned(),
            );
        };
        let mut client = ClientOptions::new()
            .with_connect_timeout(limits.connect)
            .with_timeout(limits.request)
            .with_http1_only();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&settings.objects_region)
            .with_access_key_id(id)
            .with_secret_access_key(secret.reveal())
            .with_virtual_hosted_style_request(false)
            .with_retry(RetryConfig {
                max_retries: RETRIES,
                retry_timeout: limits.step,
                ..RetryConfig::default()
            });
        if let Some(endpoint) = &settings.objects_endpoint {
            client = client.with_allow_http(is_plain(endpoint)?);
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        let store = builder
            .with_client_options(client)
            .build()
            .map_err(|_| "the settings OBJECTS_… do not make a client: look at their form.".to_owned())?;
        Ok(Self { store: std::sync::Arc::new(store), prefix })
    }

    fn path(&self, key: impl std::fmt::Display) -> Path {
        Path::from(format!("{}{key}", self.prefix))
    }
}

/// The bucket and the prefix in `s3://bucket/prefix`.
fn bucket(text: &str) -> Result<(String, String), String> {
    let wrong = || "OBJECTS_URL is not of the form s3://bucket or s3://bucket/prefix.".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain = url.scheme() == "s3"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let bucket = url.host_str().filter(|bucket| plain && !bucket.is_empty()).ok_or_else(wrong)?;
    let path = Path::from_url_path(url.path()).map_err(|_| wrong())?;
    let prefix = if path.as_ref().is_empty() { String::new() } else { format!("{path}/") };
    Ok((bucket.to_owned(), prefix))
}

/// Whether an endpoint is reached without TLS, which only its own address can ask for.
fn is_plain(endpoint: &str) -> Result<bool, String> {
    let url = Url::parse(endpoint).ok().filter(|url| url.host_str().is_some());
    match url.as_ref().map(Url::scheme) {
        Some("http") => Ok(true),
        Some("https") => Ok(false),
        _ => {
            Err("OBJECTS_ENDPOINT is not an address of the form https://host or http://host:port.".to_owned())
        }
    }
}

#[async_trait]
impl Backend for S3 {
    async fn begin(&self, key: &Key) -> Result<Box<dyn Writer>, ObjectError> {
        let parts =
            Parts { store: self.store.clone(), path: self.path(key), buffer: BytesMut::new(), upload: None };
        Ok(Box::new(parts))
    }

    async fn size(&self, key: &Key) -> Result<u64, ObjectError> {
        Ok(self.store.head(&self.path(key)).await.map_err(failure)?.size)
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, ObjectError> {
        self.store.get_range(&self.path(key), range).await.map_err(failure)
    }

    async fn delete(&self, key: &Key) -> Result<(), ObjectError> {
        gone(self.store.delete(&self.path(key)).await)
    }

    async fn list(&self, folder: &Folder) -> Result<Vec<OriginalId>, ObjectError> {
        let path = self.path(folder);
        let found = self.store.list(Some(&path)).map_err(failure);
        found
            .try_filter_map(async |object| Ok(object.location.filename().and_then(key::original)))
            .try_collect()
            .await
    }

    async fn count(&self, workspace: WorkspaceId) -> Result<u64, ObjectError> {
        let path = self.path(key::of_workspace(workspace));
        let found = self.store.list(Some(&path)).map_err(failure);
        found.try_fold(0, async |count, _| Ok(count + 1)).await
    }

    async fn purge(&self, workspace: WorkspaceId) -> Result<(), ObjectError> {
        let path = self.path(key::of_workspace(workspace));
        let mut found = self.store.list(Some(&path));
        while let Some(object) = found.next().await {
            gone(self.store.delete(&object.map_err(failure)?.location).await)?;
        }
        Ok(())
    }

    async fn check(&self) -> Result<(), ObjectError> {
        // A list of what never is there: it needs the bucket, the credentials and the right to list.
        let path = self.path("check");
        let listed = self.store.list_with_delimiter(Some(&path)).await.map_err(failure);
        let Err(error) = listed else { return Ok(()) };
        // The crate does not tell a refused list from a failed one; of an object that is not there it does.
        match self.store.head(&path).await.map_err(failure) {
            Err(ObjectError::Refused) => Err(ObjectError::Refused),
            _ => Err(error),
        }
    }
}

/// An object on its way: parts that the store has, and what is not yet a part.
struct Parts {
    store: std::sync::Arc<AmazonS3>,
    path: Path,
    buffer: BytesMut,
    /// None while all of it fits into one request.
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Parts {
    async fn send_part(&mut self, part: Bytes) -> Result<(), ObjectError> {
        if self.upload.is_none() {
            self.upload = Some(self.store.put_multipart(&self.path).await.map_err(failure)?);
        }
        let Some(upload) = &mut self.upload else { return Err(ObjectError::Unavailable) };
        upload.put_part(part.into()).await.map_err(failure)
    }
}

#[async_trait]
impl Writer for Parts {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        self.buffer.extend_from_slice(&bytes);
        // More than a part: the last one is never empty.
        while self.buffer.len() > PART_BYTES {
            let part = self.buffer.split_to(PART_BYTES).freeze();
            self.send_part(part).await?;
        }
        Ok(())
    }

    async fn complete(&mut self) -> Result<(), ObjectError> {
        let rest = std::mem::take(&mut self.buffer).freeze();
        if self.upload.is_none() {
            return self.store.put(&self.path, rest.into()).await.map(drop).map_err(failure);
        }
        self.send_part(rest).await?;
        if let Some(upload) = &mut self.upload {
            upload.complete().await.map_err(failure)?;
        }
        self.upload = None;
        Ok(())
    }

    async fn abort(&mut self) {
        if let Some(upload) = self.upload.take() {
            abort(upload).await;
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            supervisor::spawn("abort of an upload", abort(upload));
        }
    }
}

async fn abort(mut upload: Box<dyn MultipartUpload>) {
    if !matches!(tokio::time::timeout(ABORTING, upload.abort()).await, Ok(Ok(()))) {
        tracing::warn!(
            "parts of an object that was not finished stay in the bucket until its own rule removes them"
        );
    }
}

/// What is not there is deleted.
fn gone(deleted: object_store::Result<()>) -> Result<(), ObjectError> {
    match deleted.map_err(failure) {
        Err(ObjectError::NotFound) => Ok(()),
        deleted => deleted,
    }
}

/// The class of an error; its words are for the log.
#[expect(clippy::needless_pass_by_value, reason = "it maps results")]
fn failure(error: object_store::Error) -> ObjectError {
    use object_store::Error as Store;
    let class = match &error {
        Store::NotFound { .. } => return ObjectError::NotFound,
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => ObjectError::Refused,
        _ => ObjectError::Unavailable,
    };
    let words: String = error.to_string().chars().take(300).collect();
    tracing::warn!(exception.message = %words, "the object store failed");
    class
}

#[cfg(test)]
mod tests {
    use super::{bucket, is_plain};

    #[test]
    fn an_address_names_a_bucket_and_maybe_a_prefix_and_nothing_else() {
        assert_eq!(bucket("s3://b"), Ok(("b".to_owned(), String::new())));
        assert_eq!(bucket("s3://my.bucket/"), Ok(("my.bucket".to_owned(), String::new())));
        assert_eq!(bucket("s3://b/foot/note/"), Ok(("b".to_owned(), "foot/note/".to_owned())));
        for wrong in ["", "b", "s3://", "http://b", "s3://user:pass@b", "s3://b:1", "s3://b?x=y"] {
            assert!(bucket(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_an_address_that_says_http_goes_without_tls() {
        assert_eq!(is_plain("http://s3:9000"), Ok(true));
        assert_eq!(is_plain("https://s3.example"), Ok(false));
        for wrong in ["", "s3:9000", "ftp://s3", "http://"] {
            assert!(is_plain(wrong).is_err(), "{wrong}");
        }
    }
}
