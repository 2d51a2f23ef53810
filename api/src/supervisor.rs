//! The only place where a task is started: each has a name, and a panic in it reaches the log instead of nobody.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::task::JoinHandle;

/// A running task.
pub struct Task<T>(JoinHandle<Option<T>>);

impl<T> Task<T> {
    /// Waits for its result; none when it panicked or was aborted.
    pub async fn join(self) -> Option<T> {
        self.0.await.ok().flatten()
    }

    /// Ends the task when the returned value is dropped.
    #[must_use]
    pub fn abort_on_drop(self) -> AbortOnDrop<T> {
        AbortOnDrop(self.0)
    }
}

/// A task that ends with its owner.
pub struct AbortOnDrop<T>(JoinHandle<Option<T>>);

impl<T> AbortOnDrop<T> {
    /// Waits for its result; none when it panicked or was aborted.
    pub async fn join(&mut self) -> Option<T> {
        (&mut self.0).await.ok().flatten()
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a task.
#[expect(clippy::disallowed_methods, reason = "this is the supervisor")]
pub fn spawn<F>(name: &'static str, future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Task(tokio::spawn(async move {
        match AssertUnwindSafe(future).catch_unwind().await {
            Ok(output) => Some(output),
            Err(panic) => {
                let message = panic
                    .downcast_ref::<&str>()
                    .map(ToString::to_string)
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_default();
                tracing::error!(task = name, exception.message = %message, "a task panicked");
                None
            }
        }
    }))
}
