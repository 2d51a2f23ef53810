//! The one door to the object store: originals of documents, as files on the disk or as objects of an S3-compatible store.
//!
//! [`Objects`] can do nothing with an object; [`TenantObjects`], made from a workspace's id alone, reaches that workspace's
//! objects and no others. Keys are made of ids of ours (`workspaces/…/originals/…/…`), never of a client's text. An object is
//! there as a whole or not at all: it appears when all of it was written and its sender has agreed. Every step ends within its
//! limit, failed requests are repeated a bounded number of times, and no error says what a store said: that goes to the log.

mod disk;
mod key;
mod s3;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use entity::id::{DocumentVersionId, OriginalId, WorkspaceId};

use crate::config::ObjectService;
use disk::Disk;
use key::{Folder, Key};
use s3::S3;

/// Bytes of an object that are read in one step.
const STEP_BYTES: u64 = 4 * 1024 * 1024;

/// Why the store did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// It cannot be reached, is late, or failed; the same may succeed later.
    #[error("the object store cannot be reached")]
    Unavailable,
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// It refuses: the credentials or their rights are not right, or the bucket is not there.
    #[error("the object store refuses")]
    Refused,
    /// The object is larger than the caller takes.
    #[error("the object is too large")]
    TooLarge,
}

/// Why an object was not stored.
#[derive(Debug)]
pub enum PutFailure<E> {
    /// Its sender ended it.
    Sender(E),
    /// The store failed.
    Store(ObjectError),
}

/// Limits in time.
#[derive(Clone, Copy, Debug)]
pub struct ObjectLimits {
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest request.
    pub request: Duration,
    /// The longest step: a request with its repetitions.
    pub step: Duration,
    /// The longest look at whether the store answers.
    pub check: Duration,
}

impl Default for ObjectLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            request: Duration::from_secs(8),
            step: Duration::from_secs(15),
            check: Duration::from_secs(2),
        }
    }
}

/// What sends the bytes of an object.
#[async_trait]
pub trait Chunks: Send {
    /// Why it can end early.
    type Error: Send;

    /// The next bytes; none where they were the last, and the object may appear.
    ///
    /// # Errors
    ///
    /// The object is not to appear.
    async fn next(&mut self) -> Result<Option<Bytes>, Self::Error>;
}

/// One store.
#[async_trait]
trait Backend: Send + Sync {
    /// Begins to write an object that nobody sees before it is complete.
    async fn begin(&self, key: &Key) -> Result<Box<dyn Writer>, ObjectError>;
    async fn size(&self, key: &Key) -> Result<u64, ObjectError>;
    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, ObjectError>;
    /// Deletes an object; one that is not there is deleted.
    async fn delete(&self, key: &Key) -> Result<(), ObjectError>;
    /// The objects of a version.
    async fn list(&self, folder: &Folder) -> Result<Vec<OriginalId>, ObjectError>;
    /// Counts the objects of a workspace.
    async fn count(&self, workspace: WorkspaceId) -> Result<u64, ObjectError>;
    /// Deletes everything of a workspace.
    async fn purge(&self, workspace: WorkspaceId) -> Result<(), ObjectError>;
    async fn check(&self) -> Result<(), ObjectError>;
}

/// An object that is being written. Dropped, it leaves nothing; so does `abort`, which returns when that is so.
#[async_trait]
trait Writer: Send {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError>;
    async fn complete(&mut self) -> Result<(), ObjectError>;
    async fn abort(&mut self);
}

/// The object store: a workspace's door to it, and whether it answers.
#[derive(Clone)]
pub struct Objects {
    backend: Arc<dyn Backend>,
    limits: ObjectLimits,
}

impl Objects {
    /// Opens what the settings say: a bucket, or a folder below the data folder. A bucket is not looked at.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: which setting is not right and what to do.
    pub fn open(settings: &ObjectService, data: &Path) -> Result<Self, String> {
        let limits = ObjectLimits::default();
        if settings.objects_url.is_some() {
            return Self::s3(settings, limits);
        }
        let folder = data.join("objects");
        Self::disk(&folder)
            .map_err(|error| format!("the folder of objects {} cannot be used: {error}", folder.display()))
    }

    /// Files in a folder, which is made where it is not there. One process at a time.
    ///
    /// # Errors
    ///
    /// Whatever the file system says.
    pub fn disk(folder: &Path) -> std::io::Result<Self> {
        Ok(Self { backend: Arc::new(Disk::open(folder)?), limits: ObjectLimits::default() })
    }

    /// Objects of a bucket.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: which setting is not right and what to do.
    pub fn s3(settings: &ObjectService, limits: ObjectLimits) -> Result<Self, String> {
        Ok(Self { backend: Arc::new(S3::open(settings, limits)?), limits })
    }

    /// The objects of one workspace.
    #[must_use]
    pub fn for_workspace(&self, workspace: WorkspaceId) -> TenantObjects {
        TenantObjects { objects: self.clone(), workspace }
    }

    /// Looks whether the store answers and lets this server in.
    ///
    /// # Errors
    ///
    /// Unavailable, or Refused.
    pub async fn check(&self) -> Result<(), ObjectError> {
        within(self.limits.check, self.backend.check()).await
    }
}

/// The objects of one workspace.
pub struct TenantObjects {
    objects: Objects,
    workspace: WorkspaceId,
}

impl TenantObjects {
    /// Stores an object, in memory of bounded size. Where it fails, or is cancelled before its sender's last word, nothing
    /// appears; cancelled after it, the object may appear as a whole.
    ///
    /// # Errors
    ///
    /// The sender's, or the store's; of a store that became unavailable at the very end nobody knows.
    pub async fn put<C: Chunks>(
        &self,
        (version, original): (DocumentVersionId, OriginalId),
        chunks: &mut C,
    ) -> Result<(), PutFailure<C::Error>> {
        let key = self.key(version, original);
        let begun = within(self.objects.limits.step, self.objects.backend.begin(&key)).await;
        let mut writer = begun.map_err(PutFailure::Store)?;
        let outcome = self.write(writer.as_mut(), chunks).await;
        if matches!(outcome, Err(PutFailure::Sender(_))) {
            writer.abort().await;
        }
        // Of a store that failed nobody waits for more: dropping tidies up behind the caller's back.
        outcome
    }

    async fn write<C: Chunks>(
        &self,
        writer: &mut dyn Writer,
        chunks: &mut C,
    ) -> Result<(), PutFailure<C::Error>> {
        let step = self.objects.limits.step;
        while let Some(bytes) = chunks.next().await.map_err(PutFailure::Sender)? {
            within(step, writer.write(bytes)).await.map_err(PutFailure::Store)?;
        }
        within(step, writer.complete()).await.map_err(PutFailure::Store)
    }

    /// How many bytes an object has.
    ///
    /// # Errors
    ///
    /// NotFound, or the store's.
    pub async fn size(&self, version: DocumentVersionId, original: OriginalId) -> Result<u64, ObjectError> {
        within(self.objects.limits.step, self.objects.backend.size(&self.key(version, original))).await
    }

    /// A part of an object, by the places of its bytes.
    ///
    /// # Errors
    ///
    /// NotFound, or the store's.
    pub async fn read_range(
        &self,
        (version, original): (DocumentVersionId, OriginalId),
        range: Range<u64>,
    ) -> Result<Bytes, ObjectError> {
        let key = self.key(version, original);
        within(self.objects.limits.step, self.objects.backend.read(&key, range)).await
    }

    /// The whole of an object that has at most so many bytes, read in steps.
    ///
    /// # Errors
    ///
    /// NotFound, TooLarge, or the store's.
    pub async fn read(
        &self,
        (version, original): (DocumentVersionId, OriginalId),
        limit: u64,
    ) -> Result<Vec<u8>, ObjectError> {
        let size = self.size(version, original).await?;
        if size > limit {
            return Err(ObjectError::TooLarge);
        }
        let mut whole = Vec::with_capacity(usize::try_from(size).map_err(|_| ObjectError::TooLarge)?);
        let mut start = 0;
        while start < size {
            let end = size.min(start + STEP_BYTES);
            let part = self.read_range((version, original), start..end).await?;
            if part.len() as u64 != end - start {
                return Err(ObjectError::Unavailable);
            }
            whole.extend_from_slice(&part);
            start = end;
        }
        Ok(whole)
    }

    /// Deletes an object; one that is not there is deleted.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn delete(&self, version: DocumentVersionId, original: OriginalId) -> Result<(), ObjectError> {
        within(self.objects.limits.step, self.objects.backend.delete(&self.key(version, original))).await
    }

    /// Deletes the objects of a version but one; how many. What attempts left that did not end is among them.
    ///
    /// # Errors
    ///
    /// The store's; some may be deleted then.
    pub async fn sweep(
        &self,
        version: DocumentVersionId,
        keep: Option<OriginalId>,
    ) -> Result<usize, ObjectError> {
        let folder = Folder { workspace: self.workspace, version };
        let found = within(self.objects.limits.step, self.objects.backend.list(&folder)).await?;
        let superfluous = found.into_iter().filter(|original| Some(*original) != keep);
        let mut count = 0;
        for original in superfluous {
            self.delete(version, original).await?;
            count += 1;
        }
        Ok(count)
    }

    /// Counts everything of the workspace. Zero is the proof of its purge.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn count(&self) -> Result<u64, ObjectError> {
        self.objects.backend.count(self.workspace).await
    }

    /// Deletes everything of the workspace.
    ///
    /// # Errors
    ///
    /// The store's; some may be deleted then, and calling it again goes on.
    pub async fn purge(&self) -> Result<(), ObjectError> {
        self.objects.backend.purge(self.workspace).await
    }

    fn key(&self, version: DocumentVersionId, original: OriginalId) -> Key {
        Key { folder: Folder { workspace: self.workspace, version }, original }
    }
}

async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, ObjectError>> + Send,
) -> Result<T, ObjectError> {
    tokio::time::timeout(limit, step).await.unwrap_or_else(|_| {
        tracing::warn!(limit_ms = limit.as_millis(), "the object store is late");
        Err(ObjectError::Unavailable)
    })
}
