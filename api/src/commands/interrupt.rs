//! Ctrl-C and SIGTERM: the wish that a command ends. The first one is enough; what was started is then stopped in order.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::operations::Failure;
use crate::supervisor;

/// Turns true when somebody wants the command to end.
#[derive(Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Catches SIGINT and SIGTERM from now on.
    pub fn listen() -> io::Result<Self> {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (sender, receiver) = watch::channel(false);
        supervisor::spawn("signals", async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            sender.send_replace(true);
            // Without a receiver the command is over; until then the value stays readable.
            sender.closed().await;
        });
        Ok(Self(receiver))
    }

    /// Waits for the wish.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|wanted| *wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Does the work, unless the wish comes first.
    pub async fn or<T>(&mut self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            () = self.wait() => Err(Failure::Interrupted),
        }
    }
}
