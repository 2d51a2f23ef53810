//! The door to the object store: one suite for files on the disk and for a bucket of a real S3 server, and faults on the way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use entity::id::{DocumentVersionId, OriginalId, WorkspaceId};
use footnote::adapters::objects::{Chunks, ObjectError, ObjectLimits, Objects, PutFailure};
use proptest::prelude::{ProptestConfig, any};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::support::cluster;
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::s3::S3Server;

/// More than two parts of S3, and no multiple of anything.
const LARGE: usize = 11 * 1024 * 1024 + 321;

/// Bytes in pieces; at its end the sender agrees or not.
struct Sender {
    pieces: VecDeque<Bytes>,
    agrees: bool,
    /// Called before the last piece.
    before_last: Option<Box<dyn FnOnce() + Send>>,
}

impl Sender {
    fn of(bytes: &[u8]) -> Self {
        let pieces = bytes.chunks(60_000).map(Bytes::copy_from_slice).collect();
        Self { pieces, agrees: true, before_last: None }
    }

    fn that_refuses_after(bytes: &[u8]) -> Self {
        Self { agrees: false, ..Self::of(bytes) }
    }
}

#[async_trait::async_trait]
impl Chunks for Sender {
    type Error = &'static str;

    async fn next(&mut self) -> Result<Option<Bytes>, &'static str> {
        if self.pieces.len() <= 1
            && let Some(act) = self.before_last.take()
        {
            act();
        }
        match self.pieces.pop_front() {
            None if !self.agrees => Err("not what was said"),
            piece => Ok(piece),
        }
    }
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|place| u8::try_from(place % 251).expect("small")).collect()
}

fn key() -> (DocumentVersionId, OriginalId) {
    (DocumentVersionId::new(), OriginalId::new())
}

fn short() -> ObjectLimits {
    ObjectLimits {
        connect: Duration::from_millis(500),
        request: Duration::from_secs(1),
        step: Duration::from_secs(2),
        check: Duration::from_secs(1),
    }
}

async fn what_was_put_is_read_whole_and_in_parts(objects: &Objects) {
    let mine = objects.for_workspace(WorkspaceId::new());
    for count in [1, 60_000, 5 * 1024 * 1024, 5 * 1024 * 1024 + 1, LARGE] {
        let (key, content) = (key(), bytes(count));
        mine.put(key, &mut Sender::of(&content)).await.expect("stored");
        assert_eq!(mine.size(key.0, key.1).await, Ok(count as u64));
        assert!(mine.read(key, count as u64).await.expect("read") == content, "{count} bytes read back");
        if count > 10 {
            assert_eq!(mine.read_range(key, 3..9).await.expect("a part"), content[3..9]);
            assert_eq!(mine.read(key, count as u64 - 1).await, Err(ObjectError::TooLarge));
        }
    }
}

async fn what_its_sender_ends_never_appears(objects: &Objects) {
    let mine = objects.for_workspace(WorkspaceId::new());
    for count in [1, LARGE] {
        let key = key();
        let outcome = mine.put(key, &mut Sender::that_refuses_after(&bytes(count))).await;
        assert!(matches!(outcome, Err(PutFailure::Sender("not what was said"))), "{outcome:?}");
        assert_eq!(mine.size(key.0, key.1).await, Err(ObjectError::NotFound));
        mine.put(key, &mut Sender::of(b"again")).await.expect("the place is free");
        assert_eq!(mine.read(key, 5).await.expect("read"), b"again");
    }
}

/// Sends more than one part of S3, and then nothing.
struct Hanging(usize);

#[async_trait::async_trait]
impl Chunks for Hanging {
    type Error = ();

    async fn next(&mut self) -> Result<Option<Bytes>, ()> {
        if self.0 == 0 {
            std::future::pending::<()>().await;
        }
        self.0 -= 1;
        Ok(Some(Bytes::from(vec![7; 1024 * 1024])))
    }
}

async fn what_is_cancelled_never_appears(objects: &Objects) {
    let mine = objects.for_workspace(WorkspaceId::new());
    let key = key();
    let mut sender = Hanging(6);
    let put = mine.put(key, &mut sender);
    assert!(tokio::time::timeout(Duration::from_secs(2), put).await.is_err(), "it hangs");
    assert_eq!(mine.size(key.0, key.1).await, Err(ObjectError::NotFound));
    mine.put(key, &mut Sender::of(b"again")).await.expect("the place is free");
    assert_eq!(mine.read(key, 5).await.expect("read"), b"again");
}

async fn a_workspace_reaches_its_own_objects_and_no_others(objects: &Objects) {
    let (mine, other) =
        (objects.for_workspace(WorkspaceId::new()), objects.for_workspace(WorkspaceId::new()));
    let key = key();
    mine.put(key, &mut Sender::of(b"mine")).await.expect("stored");
    assert_eq!(other.size(key.0, key.1).await, Err(ObjectError::NotFound));
    assert_eq!(other.read(key, 10).await, Err(ObjectError::NotFound));
    assert_eq!(other.read_range(key, 0..1).await, Err(ObjectError::NotFound));
    other.delete(key.0, key.1).await.expect("nothing to delete");
    assert_eq!(other.sweep(key.0, None).await, Ok(0));
    other.purge().await.expect("nothing to purge");
    assert_eq!(mine.read(key, 10).await.expect("still there"), b"mine");
}

async fn a_sweep_keeps_one_and_a_purge_none(objects: &Objects) {
    let mine = objects.for_workspace(WorkspaceId::new());
    let (version, kept) = key();
    let another = key();
    for original in [kept, OriginalId::new(), OriginalId::new()] {
        mine.put((version, original), &mut Sender::of(b"bytes")).await.expect("stored");
    }
    mine.put(another, &mut Sender::of(b"bytes")).await.expect("stored");
    assert_eq!(mine.sweep(version, Some(kept)).await, Ok(2));
    assert_eq!(mine.sweep(version, Some(kept)).await, Ok(0));
    assert_eq!(mine.size(version, kept).await, Ok(5));
    assert_eq!(mine.count().await, Ok(2));
    mine.purge().await.expect("purged");
    assert_eq!(mine.count().await, Ok(0));
    for (version, original) in [(version, kept), another] {
        assert_eq!(mine.size(version, original).await, Err(ObjectError::NotFound));
    }
    mine.delete(version, kept).await.expect("gone is gone");
}

/// A prefix of a body, whose sender then breaks off, leaves nothing: whichever prefix, in pieces of whichever size.
async fn a_body_that_is_cut_anywhere_stores_nothing(objects: &Objects) {
    let mine = objects.for_workspace(WorkspaceId::new());
    let mut runner = TestRunner::new(ProptestConfig::default());
    let strategy = (any::<u16>(), 1_usize..5000);
    for _ in 0..40 {
        let (cut, piece) = strategy.new_tree(&mut runner).expect("a case").current();
        let content = bytes(cut.into());
        let pieces = content.chunks(piece).map(Bytes::copy_from_slice).collect();
        let key = key();
        let mut sender = Sender { pieces, agrees: false, before_last: None };
        assert!(mine.put(key, &mut sender).await.is_err(), "cut after {cut} in pieces of {piece}");
        assert_eq!(mine.size(key.0, key.1).await, Err(ObjectError::NotFound), "cut after {cut}");
        assert_eq!(mine.sweep(key.0, None).await, Ok(0), "cut after {cut}");
    }
}

async fn suite(objects: &Objects) {
    assert_eq!(objects.check().await, Ok(()));
    what_was_put_is_read_whole_and_in_parts(objects).await;
    what_its_sender_ends_never_appears(objects).await;
    what_is_cancelled_never_appears(objects).await;
    a_workspace_reaches_its_own_objects_and_no_others(objects).await;
    a_sweep_keeps_one_and_a_purge_none(objects).await;
    a_body_that_is_cut_anywhere_stores_nothing(objects).await;
}

#[tokio::test]
async fn files_on_the_disk_pass_the_suite_and_leave_no_half_files() {
    let folder = cluster::scratch();
    let objects = Objects::disk(&folder).expect("opened");
    suite(&objects).await;
    assert_eq!(crate::support::s3::files(&folder.join("partial")), [] as [String; 0]);
}

#[tokio::test]
async fn a_bucket_passes_the_suite_and_keeps_no_parts() {
    let server = S3Server::start().await;
    let objects = Objects::s3(&S3Server::settings(&server.address), ObjectLimits::default()).expect("opened");
    suite(&objects).await;
    // What nobody waited for is aborted behind its back.
    for _ in 0..100 {
        if server.parts().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("parts are left: {:?}", server.parts());
}

#[tokio::test]
async fn a_prefix_keeps_the_rest_of_the_bucket_untouched() {
    let server = S3Server::start().await;
    let bucket = S3Server::settings(&server.address);
    let settings = footnote::config::ObjectService {
        objects_url: Some("s3://foo/some/prefix/".to_owned()),
        ..bucket.clone()
    };
    let (prefixed, whole) = (Objects::s3(&settings, short()), Objects::s3(&bucket, short()));
    let workspace = WorkspaceId::new();
    let (inside, outside) =
        (prefixed.expect("opened").for_workspace(workspace), whole.expect("opened").for_workspace(workspace));
    let key = key();
    inside.put(key, &mut Sender::of(b"inside")).await.expect("stored");
    outside.put(key, &mut Sender::of(b"outside")).await.expect("stored");
    assert!(server.objects().iter().any(|path| path.contains("/foo/some/prefix/workspaces/")));
    inside.purge().await.expect("purged");
    assert_eq!(inside.size(key.0, key.1).await, Err(ObjectError::NotFound));
    assert_eq!(outside.read(key, 10).await.expect("untouched"), b"outside");
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_its_secret_is_shown_nowhere() {
    let server = S3Server::start().await;
    let settings = S3Server::settings_with_secret(&server.address, "a-wrong-secret");
    assert!(!format!("{settings:?}").contains("a-wrong-secret"));
    let objects = Objects::s3(&settings, short()).expect("opened");
    assert_eq!(objects.check().await, Err(ObjectError::Refused));
    let outcome = objects.for_workspace(WorkspaceId::new()).put(key(), &mut Sender::of(b"bytes")).await;
    assert!(matches!(outcome, Err(PutFailure::Store(ObjectError::Refused))), "{outcome:?}");
}

#[tokio::test]
async fn a_bucket_that_cannot_be_reached_is_said_to_be_so_in_time_and_comes_back_by_itself() {
    let server = S3Server::start().await;
    let proxy = FaultProxy::before(server.address.clone()).await;
    let objects = Objects::s3(&S3Server::settings(proxy.address()), short()).expect("opened");
    let mine = objects.for_workspace(WorkspaceId::new());
    let there = key();
    mine.put(there, &mut Sender::of(b"bytes")).await.expect("stored");
    for fault in [Fault::Cut, Fault::Reset, Fault::Silence] {
        proxy.set(fault);
        let begun = Instant::now();
        assert_eq!(objects.check().await, Err(ObjectError::Unavailable), "{fault:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{fault:?}: {:?}", begun.elapsed());
        assert_eq!(mine.read(there, 10).await, Err(ObjectError::Unavailable), "{fault:?}");
        assert_eq!(mine.delete(there.0, there.1).await, Err(ObjectError::Unavailable), "{fault:?}");
        let outcome = mine.put(key(), &mut Sender::of(b"bytes")).await;
        assert!(
            matches!(outcome, Err(PutFailure::Store(ObjectError::Unavailable))),
            "{fault:?}: {outcome:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(9), "{fault:?}: {:?}", begun.elapsed());
        proxy.set(Fault::None);
        assert_eq!(objects.check().await, Ok(()), "after {fault:?}");
        assert_eq!(mine.read(there, 10).await.expect("still there"), b"bytes", "after {fault:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_large_object_leaves_nothing() {
    let server = S3Server::start().await;
    // The store of the tests is not optimized, and takes a while for a part.
    let limits = ObjectLimits { request: Duration::from_secs(5), step: Duration::from_secs(8), ..short() };
    for fault in [Fault::Cut, Fault::Reset, Fault::Silence] {
        let proxy = std::sync::Arc::new(FaultProxy::before(server.address.clone()).await);
        let objects = Objects::s3(&S3Server::settings(proxy.address()), limits).expect("opened");
        let mine = objects.for_workspace(WorkspaceId::new());
        let key = key();
        let mut sender = Sender::of(&bytes(LARGE));
        let breaking = proxy.clone();
        sender.before_last = Some(Box::new(move || breaking.set(fault)));
        let outcome = mine.put(key, &mut sender).await;
        assert!(
            matches!(outcome, Err(PutFailure::Store(ObjectError::Unavailable))),
            "{fault:?}: {outcome:?}"
        );
        proxy.set(Fault::None);
        assert_eq!(mine.size(key.0, key.1).await, Err(ObjectError::NotFound), "{fault:?}");
        mine.put(key, &mut Sender::of(&bytes(LARGE))).await.expect("the place is free");
        assert_eq!(mine.size(key.0, key.1).await, Ok(LARGE as u64), "after {fault:?}");
    }
}

#[tokio::test]
async fn settings_that_mean_nothing_are_named() {
    let of = |url: &str, endpoint: Option<&str>, id: Option<&str>| footnote::config::ObjectService {
        objects_url: Some(url.to_owned()),
        objects_endpoint: endpoint.map(str::to_owned),
        objects_access_key_id: id.map(str::to_owned),
        ..S3Server::settings("127.0.0.1:1")
    };
    for (settings, named) in [
        (of("http://bucket", None, Some("id")), "OBJECTS_URL"),
        (of("s3://bucket", Some("s3:9000"), Some("id")), "OBJECTS_ENDPOINT"),
        (of("s3://bucket", None, None), "OBJECTS_ACCESS_KEY_ID"),
    ] {
        let sentence = Objects::open(&settings, std::path::Path::new("unused")).err().expect("refused");
        assert!(sentence.contains(named), "{sentence}");
    }
}
