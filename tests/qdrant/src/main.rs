//! The test server as a program, to measure against or to look at by hand.

use std::io::Write as _;
use std::net::SocketAddr;

use clap::Parser;
use footnote_qdrant_server::{Options, Server};

/// Serves Qdrant's gRPC protocol over Qdrant's engine in this process, until it is ended; nothing is kept.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:6334")]
    listen: SocketAddr,
    /// The API key to ask for; none if it asks for none.
    #[arg(long)]
    api_key: Option<String>,
}

fn main() -> std::io::Result<()> {
    let Arguments { listen, api_key } = Arguments::parse();
    let server = Server::start_with(Options { listen, api_key, ..Options::default() })?;
    writeln!(std::io::stdout(), "{}", server.url())?;
    server.wait();
    Ok(())
}
