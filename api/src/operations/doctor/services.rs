//! Whether the parts that run elsewhere take connections. What they then say is shown by the server's readiness.

use tokio::net::TcpStream;
use url::Url;

use super::{Finding, PATIENCE};
use crate::config::{SecretSetting, Services};

/// Looks at every part that is set.
pub(super) async fn examine(services: &Services, findings: &mut Vec<Finding>) {
    let objects = services.objects.objects_endpoint.as_deref();
    let mail = services.mail.smtp_url.as_ref().map(SecretSetting::reveal);
    let parts = [
        ("vectors", services.vectors.qdrant_url.as_deref(), "Qdrant's engine in this process"),
        ("embeddings", services.embeddings.embeddings_url.as_deref(), "the model in the binary"),
        ("model", services.model.llm_url.as_deref(), "the extractive answerer"),
        ("objects", objects, "no address of their own is set"),
        ("mail", mail, "each mail becomes a file in the data folder"),
    ];
    for (name, url, otherwise) in parts {
        findings.push(match url {
            Some(url) => reach(name, url).await,
            None => Finding::ok(name, otherwise),
        });
    }
}

async fn reach(name: &str, url: &str) -> Finding {
    let advice = "Look at the address in the settings, at the service, and at what stands between.";
    let parsed = Url::parse(url).ok();
    let place = parsed
        .as_ref()
        .and_then(|url| Some((url.host_str()?, url.port_or_known_default().or_else(|| mail_port(url))?)));
    let Some((host, port)) = place else {
        return Finding::fault(name, "the setting is no address", "Run `footnote config --check`.");
    };
    // A literal address of version 6 stands in brackets in a URL, and without them in a socket's address.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match tokio::time::timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Finding::ok(name, format!("{host}:{port} takes connections")),
        Ok(Err(error)) => Finding::fault(name, format!("{host}:{port}: {error}"), advice),
        Err(_) => Finding::fault(name, format!("{host}:{port} did not answer in five seconds"), advice),
    }
}

fn mail_port(url: &Url) -> Option<u16> {
    match url.scheme() {
        "smtps" => Some(465),
        "smtp" => Some(587),
        _ => None,
    }
}
