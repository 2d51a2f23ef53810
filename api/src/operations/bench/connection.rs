//! A connection of a client that speaks just enough HTTP/1.1 (RFC 9112) to ask this server and count the hits.
//!
//! It shares the cores with the server that it measures, so it does as little as it can: requests are written as they lie in
//! memory, and an answer is not parsed. It refuses any answer but a 200 with a length.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What only a hit begins with: inside a JSON string the quotation mark would be escaped.
const HIT: &[u8] = br#"{"score":"#;
/// The longest answer that is taken, in bytes.
const LONGEST: usize = 16 << 20;

/// The bytes of a request of a member.
pub(super) fn request(address: SocketAddr, authorization: &str, workspace: &str, body: &str) -> Vec<u8> {
    request_with(address, &[("authorization", authorization), ("x-workspace", workspace)], body)
}

/// The bytes of a request with headers of its own.
pub(super) fn request_with(address: SocketAddr, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers =
        headers.iter().fold(String::new(), |lines, (name, value)| lines + name + ": " + value + "\r\n");
    let length = body.len();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\n\
         accept: application/graphql-response+json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection that is kept open.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), line: String::new(), body: Vec::new() })
    }

    /// Asks, reads the whole answer, and says how many hits it has.
    pub(super) async fn ask(&mut self, request: &[u8]) -> io::Result<usize> {
        self.exchange(request).await.map(count)
    }

    /// Asks, and reads the whole answer.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.read_line().await?;
        let is_ok = self.line.split_whitespace().nth(1) == Some("200");
        let status = self.line.trim_end().to_owned();
        let mut length = None;
        loop {
            self.read_line().await?;
            let line = self.line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok().filter(|length| *length <= LONGEST);
            }
        }
        let length = length.ok_or_else(|| refused("an answer without a length"))?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await?;
        if is_ok { Ok(&self.body) } else { Err(refused(&status)) }
    }

    async fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        if self.stream.read_line(&mut self.line).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

fn refused(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_owned())
}

fn count(body: &[u8]) -> usize {
    body.windows(HIT.len()).filter(|window| *window == HIT).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::count;

    #[test]
    fn only_hits_are_counted_whatever_a_passage_says() {
        let hit =
            |passage: &str| json!({ "passage": passage }).to_string().replacen('{', r#"{"score":1.5,"#, 1);
        let body = format!("[{},{}]", hit(r#"{"score":1}"#), hit(r#"\{"score":{"score":"#));
        assert_eq!(count(body.as_bytes()), 2, "{body}");
        assert_eq!(count(br#"{"errors":[{"message":"m"}]}"#), 0);
    }
}
