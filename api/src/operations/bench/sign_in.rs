//! How many people sign in per second, and what that does to everybody else: a point read over HTTP, alone and beside them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::connection::{Connection, request, request_with};
use super::place::Place;
use super::{Latencies, Machine, rounded};
use crate::accounts::passwords::PARAMETERS;
use crate::operations::Failure;
use crate::server::ServeOptions;
use crate::supervisor;

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) { accessToken refreshToken } }";
const READ: &str = "{ workspace { slug name } }";

/// Who does what, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct SignInLoad {
    /// People who sign in again and again, each with an account of their own.
    pub people: u16,
    /// Clients that read.
    pub readers: u16,
    /// The length of each of the two parts, in seconds.
    pub seconds: u32,
}

/// Requests of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Rate {
    /// How many were answered.
    pub requests: usize,
    /// How many of them per second.
    pub per_second: f64,
    /// How long they took.
    #[serde(flatten)]
    pub latencies: Latencies,
}

/// How fast people sign in.
#[derive(Clone, Debug, Serialize)]
pub struct SignInReport {
    /// On what.
    pub machine: Machine,
    /// Of Argon2id: memory in KiB, passes, lanes.
    pub parameters: [u32; 3],
    /// People who signed in at a time.
    pub people: u16,
    /// Clients that read at a time.
    pub readers: u16,
    /// The sign-ins.
    pub sign_ins: Rate,
    /// Point reads while nobody signed in.
    pub reads_alone: Rate,
    /// Point reads meanwhile.
    pub reads_beside: Rate,
}

/// Measures.
///
/// # Errors
///
/// [`Failure::DoesNotHold`] where an answer is wrong; otherwise what did not start, or what was refused.
pub async fn measure(place: &mut Place, load: &SignInLoad) -> Result<SignInReport, Failure> {
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let refused = |source| Failure::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let workspace = place.workspace("sign-in").await?;
    let mut people = Vec::new();
    for n in 0..load.people {
        let email = format!("person-{n}@example.com");
        let password = place.person(&email).await?;
        let input = json!({ "email": email, "password": password });
        let body = json!({ "query": SIGN_IN, "variables": { "input": input } }).to_string();
        people.push(request_with(address, &[], &body));
    }
    let body = json!({ "query": READ }).to_string();
    let read = request(address, &place.authorization()?, workspace.slug, &body);
    place.stack().start_server(listener, ServeOptions::default());
    let length = Duration::from_secs(u64::from(load.seconds));
    let readers = vec![read; usize::from(load.readers)];
    let reading = |length| run(address, &readers, r#"{"data":{"workspace":{"slug":""#, length);
    // Warms pools and prepared statements.
    reading(Duration::from_millis(300)).await?;
    let reads_alone = reading(length).await?;
    let signing = run(address, &people, r#"{"data":{"signIn":{"accessToken":""#, length);
    let (sign_ins, reads_beside) = tokio::try_join!(signing, reading(length))?;
    Ok(SignInReport {
        machine: Machine::here(),
        parameters: [PARAMETERS.0, PARAMETERS.1, PARAMETERS.2],
        people: load.people,
        readers: load.readers,
        sign_ins,
        reads_alone,
        reads_beside,
    })
}

/// Each request again and again over a connection of its own; every answer must begin as it should.
async fn run(
    address: SocketAddr,
    requests: &[Vec<u8>],
    begins: &'static str,
    length: Duration,
) -> Result<Rate, Failure> {
    let began = Instant::now();
    let tasks: Vec<_> = requests
        .iter()
        .map(|request| {
            let asking = ask(address, request.clone(), begins, began + length);
            supervisor::spawn("bench client", asking).abort_on_drop()
        })
        .collect();
    let mut latencies = Vec::new();
    for mut task in tasks {
        let asked = task.join().await.unwrap_or_else(|| Err(Failure::Start("a client panicked".to_owned())));
        latencies.extend(asked?);
    }
    let requests = latencies.len();
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
    let per_second = rounded(requests as f64 / began.elapsed().as_secs_f64());
    Ok(Rate { requests, per_second, latencies: Latencies::of(latencies) })
}

async fn ask(
    address: SocketAddr,
    request: Vec<u8>,
    begins: &'static str,
    until: Instant,
) -> Result<Vec<Duration>, Failure> {
    let failed = |error: std::io::Error| Failure::DoesNotHold(format!("a request failed: {error}"));
    let mut connection = Connection::open(address).await.map_err(failed)?;
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        let answer = connection.exchange(&request).await.map_err(failed)?;
        latencies.push(began.elapsed());
        if !answer.starts_with(begins.as_bytes()) {
            // Not the answer itself, which may hold a token.
            return Err(Failure::DoesNotHold(format!("an answer does not begin with {begins}")));
        }
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::{SignInLoad, measure};
    use crate::config::Limits;
    use crate::operations::bench::Place;

    #[tokio::test(flavor = "multi_thread")]
    async fn people_sign_in_and_others_read_meanwhile() {
        let mut place = Place::open(None, Limits::default()).await.expect("a place");
        let report = measure(&mut place, &SignInLoad { people: 2, readers: 1, seconds: 1 }).await;
        place.close().await.expect("closed");
        let report = report.expect("measured");
        assert!(report.sign_ins.requests > 0 && report.reads_alone.requests > 0);
        assert!(report.reads_beside.requests > 0);
    }
}
