//! A mail server that keeps what it is sent, and fails where a test says so. It speaks as much of RFC 5321 as a client needs.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use footnote::supervisor::{self, AbortOnDrop};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Head and body, as they were sent.
    pub text: String,
}

impl Received {
    /// The value of a header.
    #[track_caller]
    pub fn header(&self, name: &str) -> String {
        let (head, _) = self.text.split_once("\r\n\r\n").expect("a head");
        let found: Vec<&str> =
            head.split("\r\n").filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect();
        assert_eq!(found.len(), 1, "{name} in {head}");
        found[0].to_owned()
    }

    /// The body without the soft line breaks of quoted-printable.
    pub fn unfolded(&self) -> String {
        self.text.replace("=\r\n", "").replace("=3D", "=")
    }
}

/// What the server does to the next mail instead of taking it.
#[derive(Clone, Copy, Debug)]
pub enum Mishap {
    /// Refuses the recipient with this line.
    Refuse(&'static str),
    /// Closes the connection in the middle of the data.
    CutData,
    /// Takes the mail, and closes the connection before it says so.
    LoseAnswer,
}

#[derive(Default)]
struct State {
    received: Mutex<Vec<Received>>,
    mishaps: Mutex<VecDeque<Mishap>>,
}

/// A running mail server; ends when it is dropped.
pub struct Mailbox {
    address: SocketAddr,
    state: Arc<State>,
    _serving: AbortOnDrop<()>,
}

impl Mailbox {
    /// On a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let shared = state.clone();
        let serving = supervisor::spawn("mailbox", async move {
            while let Ok((stream, _)) = listener.accept().await {
                supervisor::spawn("mail connection", converse(stream, shared.clone()));
            }
        });
        Self { address, state, _serving: serving.abort_on_drop() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What arrived so far.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().expect("no panic").clone()
    }

    /// The next mails meet with these, one each.
    pub fn fail(&self, mishaps: impl IntoIterator<Item = Mishap>) {
        self.state.mishaps.lock().expect("no panic").extend(mishaps);
    }
}

/// Ends with the connection, whichever side closes it.
async fn converse(stream: TcpStream, state: Arc<State>) {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from);
    let mut recipients = Vec::new();
    let mut answer = "220 mailbox";
    loop {
        if to.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let mut line = String::new();
        if !matches!(lines.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        answer = match verb.as_str() {
            "EHLO" => "250-mailbox\r\n250 8BITMIME",
            "RCPT" => {
                if let Some(Mishap::Refuse(reply)) =
                    mishap(&state, |mishap| matches!(mishap, Mishap::Refuse(_)))
                {
                    reply
                } else {
                    recipients.push(line.trim().to_owned());
                    "250 OK"
                }
            }
            "DATA" => {
                if to.write_all(b"354 Go on\r\n").await.is_err() {
                    return;
                }
                let cut = mishap(&state, |mishap| matches!(mishap, Mishap::CutData)).is_some();
                let Some(text) = data(&mut lines, cut).await else { return };
                let received = Received { to: std::mem::take(&mut recipients), text };
                state.received.lock().expect("no panic").push(received);
                if mishap(&state, |mishap| matches!(mishap, Mishap::LoseAnswer)).is_some() {
                    return;
                }
                "250 OK"
            }
            "QUIT" => {
                let _ = to.write_all(b"221 Bye\r\n").await;
                return;
            }
            _ => "250 OK",
        };
    }
}

/// The next mishap, if it is one of these.
fn mishap(state: &State, which: impl Fn(&Mishap) -> bool) -> Option<Mishap> {
    let mut mishaps = state.mishaps.lock().expect("no panic");
    if mishaps.front().is_some_and(which) { mishaps.pop_front() } else { None }
}

/// The data up to the line with a dot; none where the connection ends before, by the client or by us.
async fn data(lines: &mut BufReader<tokio::net::tcp::OwnedReadHalf>, cut: bool) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if !matches!(lines.read_line(&mut line).await, Ok(1..)) {
            return None;
        }
        if line == ".\r\n" {
            return Some(text);
        }
        if cut && text.len() > 200 {
            return None;
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
