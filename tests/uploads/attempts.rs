//! Attempts to send a file that go wrong, or come more than once: nothing half-done, and the token as it was.

use std::time::{Duration, Instant};

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use footnote::config::{Limits, Services};
use proptest::prelude::ProptestConfig;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{HANDBOOK, Ticket, answer, declared, hex, objects, put, request, slowly, ticket, wait_until};
use crate::support::{Who, World};

async fn pending(world: &World) -> Ticket {
    ticket(world, Who::Owner, declared(HANDBOOK.as_bytes())).await
}

/// Checks that nothing was stored, and that the token still takes the file.
async fn nothing_happened(world: &World, url: &str, why: &str) {
    assert_eq!(objects(world), [] as [String; 0], "{why}");
    assert_eq!(world.count("select count(*) from uploads where status <> 'PENDING'").await, 0, "{why}");
    assert_eq!(world.count("select count(*) from jobs where kind = 'document.ingest'").await, 0, "{why}");
    let right = put(world, url, HANDBOOK.as_bytes()).await;
    assert_eq!(right.status, 200, "{why}: {:#}", right.body);
    assert_eq!(world.count("select count(*) from jobs where kind = 'document.ingest'").await, 1, "{why}");
}

/// Sends the head and a part of the body, then leaves.
async fn leave_half_way(world: &World, url: &str, sent: usize) {
    let address = world.address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!("PUT {url} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n", HANDBOOK.len());
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&HANDBOOK.as_bytes()[..sent]).await.expect("sent");
    stream.flush().await.expect("sent");
    drop(stream);
}

#[tokio::test]
async fn a_file_that_breaks_off_anywhere_leaves_nothing() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    let mut runner = TestRunner::new(ProptestConfig::default());
    for _ in 0..25 {
        let cut = (0..HANDBOOK.len()).new_tree(&mut runner).expect("a case").current();
        leave_half_way(&world, &ticket.url, cut).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    // What they left half-written is gone as soon as the server has noticed.
    wait_until("nothing is left", async || objects(&world).is_empty()).await;
    nothing_happened(&world, &ticket.url, "cut").await;
}

#[tokio::test]
async fn a_file_that_is_larger_than_declared_is_refused_announced_or_not() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    let twice = HANDBOOK.repeat(2).into_bytes();
    put(&world, &ticket.url, &twice).await.assert(413, "PAYLOAD_TOO_LARGE");
    let unannounced = reqwest::Body::wrap_stream(futures_util::stream::iter(
        twice.chunks(50).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
    ));
    answer(request(&world, &ticket.url).body(unannounced)).await.assert(413, "PAYLOAD_TOO_LARGE");
    nothing_happened(&world, &ticket.url, "twice the size").await;
}

#[tokio::test]
async fn a_file_that_is_smaller_than_declared_is_refused_announced_or_not() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    let half = &HANDBOOK.as_bytes()[..HANDBOOK.len() / 2];
    put(&world, &ticket.url, half).await.assert(400, "BAD_USER_INPUT");
    put(&world, &ticket.url, b"").await.assert(400, "BAD_USER_INPUT");
    let unannounced =
        reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(half.to_vec())]));
    answer(request(&world, &ticket.url).body(unannounced)).await.assert(400, "BAD_USER_INPUT");
    nothing_happened(&world, &ticket.url, "half the size").await;
}

#[tokio::test]
async fn a_wrong_checksum_is_refused_wherever_it_was_said() {
    let world = World::without_worker().await;
    let mut wrong = HANDBOOK.as_bytes().to_vec();
    wrong[7] ^= 1;
    let mut upload = declared(HANDBOOK.as_bytes());
    upload["sha256"] = json!(hex(HANDBOOK.as_bytes()));
    let declared_hash = ticket(&world, Who::Owner, upload).await;
    put(&world, &declared_hash.url, &wrong).await.assert(422, "BAD_USER_INPUT");
    nothing_happened(&world, &declared_hash.url, "declared").await;
}

#[tokio::test]
async fn a_checksum_in_a_header_is_held_and_a_malformed_one_refused() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    let mut wrong = HANDBOOK.as_bytes().to_vec();
    wrong[7] ^= 1;
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(HANDBOOK.as_bytes())));
    for (name, value) in [("x-checksum-sha256", hex(HANDBOOK.as_bytes())), ("content-digest", digest)] {
        let sent = request(&world, &ticket.url).header(name, &value).body(wrong.clone());
        answer(sent).await.assert(422, "BAD_USER_INPUT");
        let malformed = request(&world, &ticket.url).header(name, "nonsense").body(HANDBOOK);
        answer(malformed).await.assert(400, "BAD_USER_INPUT");
    }
    let encoded = request(&world, &ticket.url).header("content-encoding", "gzip").body(HANDBOOK);
    answer(encoded).await.assert(415, "BAD_USER_INPUT");
    nothing_happened(&world, &ticket.url, "headers").await;
}

#[tokio::test]
async fn a_file_that_comes_twice_is_stored_once() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    let first = put(&world, &ticket.url, HANDBOOK.as_bytes()).await;
    let again = put(&world, &ticket.url, HANDBOOK.as_bytes()).await;
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body, "the same bytes get the same answer");
    let other = "x".repeat(HANDBOOK.len());
    put(&world, &ticket.url, other.as_bytes()).await.assert(409, "CONFLICT");
    assert_eq!(objects(&world).len(), 1);
    assert_eq!(world.count("select count(*) from jobs where kind = 'document.ingest'").await, 1);
    assert_eq!(world.count("select count(*) from events where type = 'document.uploaded'").await, 1);
}

#[tokio::test]
async fn of_two_at_once_one_is_kept_and_the_other_told() {
    let world = World::without_worker().await;
    for _ in 0..5 {
        let ticket = pending(&world).await;
        let other = "y".repeat(HANDBOOK.len());
        // Both are open before either ends.
        let slow = |bytes: Vec<u8>| {
            answer(request(&world, &ticket.url).body(slowly(bytes, Duration::from_millis(20))))
        };
        let (one, two) = tokio::join!(slow(HANDBOOK.as_bytes().to_vec()), slow(other.into_bytes()));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{:#} {:#}", one.body, two.body);
        let kept = if one.status == 200 { &one } else { &two };
        let sha256 =
            kept.body["sha256"].as_str().and_then(footnote::knowledge::uploads::from_hex).expect("a hash");
        let mut superuser = world.superuser().await;
        let same: bool =
            sqlx::query_scalar("select sha256 = $1 from uploads order by created_at desc limit 1")
                .bind(sha256.to_vec())
                .fetch_one(&mut superuser)
                .await
                .expect("the upload");
        assert!(same, "what was answered is what is kept");
    }
    assert_eq!(objects(&world).len(), 5);
    assert_eq!(world.count("select count(*) from jobs where kind = 'document.ingest'").await, 5);
}

#[tokio::test]
async fn a_document_that_is_deleted_while_its_file_comes_keeps_nothing() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    let file = slowly(HANDBOOK.as_bytes().to_vec(), Duration::from_millis(300));
    let sending = answer(request(&world, &ticket.url).body(file));
    let deleting = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
        world.ask(Who::Owner, delete, json!({ "id": ticket.document })).await.data();
    };
    let (answered, ()) = tokio::join!(sending, deleting);
    answered.assert(404, "NOT_FOUND");
    assert_eq!(objects(&world), [] as [String; 0], "what was written for nothing is removed at once");
    assert_eq!(world.count("select count(*) from uploads where status = 'CANCELED'").await, 1);
    assert_eq!(world.count("select count(*) from jobs where kind = 'document.ingest'").await, 0);
}

#[tokio::test]
async fn a_file_that_comes_too_slowly_is_stopped() {
    let world = World::with(Limits { upload_seconds: 1, ..Limits::default() }, Services::default()).await;
    let ticket = pending(&world).await;
    let file = slowly(HANDBOOK.as_bytes().to_vec(), Duration::from_secs(1));
    let begun = Instant::now();
    answer(request(&world, &ticket.url).body(file)).await.assert(408, "DEADLINE_EXCEEDED");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    nothing_happened(&world, &ticket.url, "slow").await;
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_has_sent_its_file() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    leave_half_way(&world, &ticket.url, HANDBOOK.len()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Whether the server got to the end or not: the same file is fine, and is stored once.
    assert_eq!(put(&world, &ticket.url, HANDBOOK.as_bytes()).await.status, 200);
    assert_eq!(world.count("select count(*) from jobs where kind = 'document.ingest'").await, 1);
    wait_until("one object", async || objects(&world).len() == 1).await;
}

#[tokio::test]
async fn what_is_no_token_is_answered_like_an_unknown_one() {
    let world = World::without_worker().await;
    let unknown = put(&world, &format!("/uploads/{}", "A".repeat(43)), b"x").await;
    unknown.assert(404, "NOT_FOUND");
    for path in [
        "/uploads/x",
        "/uploads/%00",
        "/uploads/%2e%2e%2f",
        "/uploads/%ff",
        &format!("/uploads/{}", "A".repeat(5000)),
    ] {
        let wrong = put(&world, path, b"x").await;
        wrong.assert(404, "NOT_FOUND");
        assert_eq!(wrong.body["errors"][0]["message"], unknown.body["errors"][0]["message"], "{path}");
    }
    let ticket = pending(&world).await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let sent = world.http().request(method.clone(), format!("{}{}", world.address, ticket.url));
        assert_eq!(answer(sent).await.status, 405, "{method}");
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_send_files() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    let preflight = |origin: &'static str| {
        world
            .http()
            .request(Method::OPTIONS, format!("{}{}", world.address, ticket.url))
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "content-type,x-checksum-sha256")
            .send()
    };
    let allowed = preflight("http://localhost:5173").await.expect("an answer");
    let header = |name: &str| allowed.headers()[name].to_str().expect("text").to_lowercase();
    assert_eq!(header("access-control-allow-origin"), "http://localhost:5173");
    assert!(header("access-control-allow-methods").contains("put"));
    assert!(header("access-control-allow-headers").contains("x-checksum-sha256"));
    let foreign = preflight("https://evil.example").await.expect("an answer");
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_client_that_waits_for_a_word_is_told_before_it_sends() {
    let world = World::without_worker().await;
    let ticket = pending(&world).await;
    let address = world.address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "PUT {} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        ticket.url,
        HANDBOOK.len() * 2
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = vec![0; 12];
    tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut answer))
        .await
        .expect("in time")
        .expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 413");
}
