//! Mail as files of the data folder, for a machine without a mail server: one `.eml` each, which mail programs open.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;

use super::letter::message;
use super::{Mail, MailError, MailFault, Mailer};

/// The folder, and who writes.
pub(super) struct Files {
    folder: PathBuf,
    from: Mailbox,
}

impl Files {
    /// Makes the folder where there is none; only its owner reads it.
    pub(super) fn open(folder: &Path, from: Mailbox) -> Result<Self, String> {
        make(folder)
            .map_err(|error| format!("the folder for mail {} cannot be made: {error}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), from })
    }
}

fn make(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[async_trait::async_trait]
impl Mailer for Files {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let content = message(&self.from, mail)?.formatted();
        // The same mail has the same name: sent again, it takes its own place.
        let path = self.folder.join(format!("{}.eml", mail.id));
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            make(&folder)?;
            crate::embedded::write_private(&path, content)?;
            tracing::info!(path = %path.display(), "a mail was written to a file, because no mail server is set");
            Ok::<_, std::io::Error>(())
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            _ => Err(MailError::of(MailFault::Disk)),
        }
    }

    async fn check(&self) -> Result<(), MailError> {
        let folder = self.folder.clone();
        match tokio::task::spawn_blocking(move || make(&folder)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(MailError::of(MailFault::Disk)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use uuid::Uuid;

    use super::{Files, Mailer};
    use crate::adapters::mail::letter::sender;
    use crate::adapters::mail::{Mail, MailFault};

    fn mail(id: u128) -> Mail {
        Mail {
            id: Uuid::from_u128(id),
            to: "ada@example.org".to_owned(),
            subject: "Hello",
            text: "text".to_owned(),
            html: "<p>text</p>".to_owned(),
        }
    }

    #[tokio::test]
    async fn each_mail_is_one_file_that_its_owner_alone_reads() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("mail");
        let files = Files::open(&folder, sender("no-reply@example.com").expect("a sender")).expect("opened");
        for id in [1, 2, 2] {
            files.send(&mail(id)).await.expect("written");
        }
        let entries: Vec<_> =
            std::fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry")).collect();
        assert_eq!(entries.len(), 2, "sent again, a mail takes its own place");
        for entry in entries {
            assert_eq!(entry.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
            let text = std::fs::read_to_string(entry.path()).expect("a mail");
            assert!(text.contains("To: ada@example.org\r\n"), "{text}");
        }
        assert_eq!(std::fs::metadata(&folder).expect("a folder").permissions().mode() & 0o777, 0o700);
    }

    #[tokio::test]
    async fn a_folder_that_is_none_is_a_fault_to_try_again() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("mail");
        let files = Files::open(&folder, sender("no-reply@example.com").expect("a sender")).expect("opened");
        std::fs::remove_dir(&folder).expect("removed");
        std::fs::write(&folder, "a file").expect("written");
        let fault = files.send(&mail(1)).await.expect_err("no folder");
        assert!(fault.fault == MailFault::Disk && fault.retryable());
        assert!(files.check().await.is_err());
    }
}
