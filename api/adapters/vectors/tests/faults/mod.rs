//! A server that goes away, is slow, or does not know us: the call fails within its time, and the next one works again.

use std::time::{Duration, Instant};

use footnote_qdrant_server::{Options, Server};
use footnote_vectors::{Error, ServerOptions};

use crate::suite::{DIMENSIONS, chunks, hybrid, keyword, new_id, point};
use crate::{EAST, PATIENCE, adapter, engine};

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_is_used_again_when_it_is_back() {
    let (mut server, vectors) = engine();
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("an index");
    let (first, second) = (point(mine, "lease", EAST), point(mine, "lease renewal", EAST));
    door.upsert(index, vec![first.clone()]).await.expect("a point");
    for _ in 0..3 {
        server.pause();
        let begun = Instant::now();
        assert_eq!(door.search(index, &hybrid("lease", EAST)).await, Err(Error::Unavailable));
        assert_eq!(door.upsert(index, vec![second.clone()]).await, Err(Error::Unavailable));
        assert_eq!(door.delete_points(index, &[first.id]).await, Err(Error::Unavailable));
        assert_eq!(door.count(index).await, Err(Error::Unavailable));
        assert_eq!(vectors.check().await, Err(Error::Unavailable));
        assert!(!vectors.status().ready);
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());

        server.resume().expect("its port is free");
        vectors.check().await.expect("it is back");
        assert!(vectors.status().ready);
        assert_eq!(chunks(&door.search(index, &keyword("lease")).await.expect("a search")), [first.chunk_id]);
    }
    door.upsert(index, vec![second]).await.expect("a point");
    assert_eq!(door.count(index).await, Ok(2));
}

#[tokio::test]
async fn a_connection_that_broke_unnoticed_costs_no_call() {
    let (mut server, vectors) = engine();
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("an index");
    for count in 1..=5 {
        server.pause();
        server.resume().expect("its port is free");
        door.upsert(index, vec![point(mine, "lease", EAST)]).await.expect("it is sent again");
        assert_eq!(door.count(index).await, Ok(count));
    }
}

#[tokio::test]
async fn a_server_that_is_away_at_the_start_is_found_when_it_comes() {
    let mut server = Server::start().expect("a port and a folder");
    server.pause();
    let vectors = adapter(ServerOptions::new(server.url()));
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    assert_eq!(door.prepare(index, DIMENSIONS).await, Err(Error::Unavailable));
    assert_eq!(vectors.check().await, Err(Error::Unavailable));
    server.resume().expect("its port is free");
    door.prepare(index, DIMENSIONS).await.expect("an index");
}

#[tokio::test]
async fn a_slow_server_fails_a_call_within_its_time() {
    let server = Server::start().expect("a port and a folder");
    let limit = Duration::from_millis(300);
    let options =
        ServerOptions { read_timeout: limit, write_timeout: limit, ..ServerOptions::new(server.url()) };
    let vectors = adapter(options);
    let (mine, index) = (new_id(), new_id());
    let door = vectors.for_workspace(mine);
    door.prepare(index, DIMENSIONS).await.expect("an index");
    server.delay(Duration::from_secs(30));
    for _ in 0..2 {
        let begun = Instant::now();
        assert_eq!(door.search(index, &keyword("lease")).await, Err(Error::Unavailable));
        assert_eq!(door.upsert(index, vec![point(mine, "lease", EAST)]).await, Err(Error::Unavailable));
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
    let begun = Instant::now();
    assert_eq!(vectors.check().await, Err(Error::Unavailable));
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    // By now it is known to be silent: a crowd of searches is told so without waiting.
    let begun = Instant::now();
    for _ in 0..50 {
        assert_eq!(door.search(index, &keyword("lease")).await, Err(Error::Unavailable));
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    server.delay(Duration::ZERO);
    vectors.check().await.expect("it answers again");
    door.upsert(index, vec![point(mine, "lease", EAST)]).await.expect("a point");
    assert_eq!(door.count(index).await, Ok(1));
}

#[tokio::test]
async fn a_wrong_key_is_an_outage_and_not_a_loss() {
    let options = Options { api_key: Some("right".to_owned()), ..Options::default() };
    let server = Server::start_with(options).expect("a port and a folder");
    let (mine, index) = (new_id(), new_id());
    for key in [None, Some("wrong".to_owned())] {
        let vectors = adapter(ServerOptions { api_key: key, ..ServerOptions::new(server.url()) });
        assert_eq!(vectors.check().await, Err(Error::Unavailable));
        let prepared = vectors.for_workspace(mine).prepare(index, DIMENSIONS).await;
        assert_eq!(prepared, Err(Error::Unavailable));
    }
    let key = Some("right".to_owned());
    let vectors = adapter(ServerOptions { api_key: key, ..ServerOptions::new(server.url()) });
    vectors.check().await.expect("the key is right");
    vectors.for_workspace(mine).prepare(index, DIMENSIONS).await.expect("an index");
    assert!(!format!("{vectors:?}").contains("right"));
}

#[tokio::test]
async fn what_is_no_qdrant_server_is_an_outage() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    // It accepts, says something else, and hangs up.
    let server = async {
        use tokio::io::AsyncWriteExt as _;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
        }
    };
    let vectors = adapter(ServerOptions::new(url));
    let calls = async {
        let door = vectors.for_workspace(new_id());
        assert_eq!(door.prepare(new_id(), DIMENSIONS).await, Err(Error::Unavailable));
        assert_eq!(vectors.check().await, Err(Error::Unavailable));
    };
    tokio::select! {
        () = server => {}
        () = calls => {}
    }
}
