//! What a server says when it is ready: the line of `--json`, and the addresses in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;
use tokio::net::TcpListener;

use crate::operations::Failure;

/// The headers that a client sends.
#[derive(Clone, Debug, Serialize)]
pub struct Headers {
    /// The bearer token, with its scheme.
    pub authorization: String,
    /// The workspace's slug.
    #[serde(rename = "x-workspace")]
    pub workspace: String,
}

/// A user who can sign in.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyUser {
    /// The address.
    pub email: String,
    /// The role in the workspace.
    pub role: String,
    /// The workspace's slug.
    pub workspace: String,
    /// What they sign in with, until the next start.
    pub password: String,
    /// What a client of this user sends.
    pub headers: Headers,
}

/// Where everything is.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// GraphQL over HTTP.
    pub endpoint: String,
    /// GraphQL over WebSocket.
    pub websocket: String,
    /// GraphiQL's page; null where it is switched off.
    pub graphiql: Option<String>,
    /// The database as `footnote_app`.
    pub database_url: String,
    /// The database as `footnote_owner`; only from the demo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_database_url: Option<String>,
    /// The people; only from the demo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<ReadyUser>,
}

impl Ready {
    /// What a server at this address has.
    pub fn at(address: SocketAddr, graphiql: bool, database_url: &str) -> Self {
        let host = reachable(address);
        Self {
            endpoint: format!("http://{host}/graphql"),
            websocket: format!("ws://{host}/graphql/ws"),
            graphiql: graphiql.then(|| format!("http://{host}/graphiql")),
            database_url: database_url.to_owned(),
            owner_database_url: None,
            users: Vec::new(),
        }
    }

    /// The addresses for people, one a line.
    pub fn lines(&self) -> String {
        let addresses = [
            ("GraphQL", Some(&self.endpoint)),
            ("WebSocket", Some(&self.websocket)),
            ("GraphiQL", self.graphiql.as_ref()),
        ];
        let lines = addresses.into_iter().filter_map(|(name, url)| Some(format!("  {name:<10} {}\n", url?)));
        lines.collect()
    }
}

/// Takes the address, so that a taken one is noticed before anything is started.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let refused = |source| Failure::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// The address of this server's pages for other commands, without any secret.
pub fn base(address: SocketAddr) -> String {
    format!("http://{}", reachable(address))
}

/// An address that a client on this machine can connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::Ready;

    #[test]
    fn the_line_has_the_keys_of_the_contract_and_the_rest_only_from_the_demo() {
        let ready = Ready::at(
            "0.0.0.0:8787".parse().expect("an address"),
            true,
            "postgresql://footnote_app@db/footnote",
        );
        let line = serde_json::to_value(&ready).expect("JSON");
        assert_eq!(
            line,
            serde_json::json!({
                "endpoint": "http://127.0.0.1:8787/graphql",
                "websocket": "ws://127.0.0.1:8787/graphql/ws",
                "graphiql": "http://127.0.0.1:8787/graphiql",
                "database_url": "postgresql://footnote_app@db/footnote",
            })
        );
        let v6 = Ready::at("[::]:1".parse().expect("an address"), false, "");
        assert_eq!((v6.endpoint.as_str(), v6.graphiql), ("http://[::1]:1/graphql", None));
    }
}
