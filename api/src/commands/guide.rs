//! What the demo tells people when it is ready: where to click, what to send, what to paste.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ready::{Headers, Ready};
use crate::operations::seed::{QUESTION, Seeded};

/// What the first query looks for.
const SEARCH: &str = "how do I stop one tenant seeing another's rows";

/// Marks for a terminal; empty where none shows them.
struct Marks {
    bold: &'static str,
    dim: &'static str,
    accent: &'static str,
    end: &'static str,
}

impl Marks {
    fn for_this_output() -> Self {
        // https://no-color.org
        if io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            Self { bold: "\u{1b}[1m", dim: "\u{1b}[2m", accent: "\u{1b}[36m", end: "\u{1b}[0m" }
        } else {
            Self { bold: "", dim: "", accent: "", end: "" }
        }
    }
}

/// The whole text.
pub fn text(ready: &Ready, seeded: &Seeded, mails: &Path, took: Duration) -> String {
    let Marks { bold, dim, accent, end } = Marks::for_this_output();
    let queries = queries(seeded);
    let mut text = format!(
        "\n{bold}Footnote is ready{end} {dim}after {:.1} s{end}\n\n{}",
        took.as_secs_f64(),
        ready.lines()
    );
    let page = ready.graphiql.as_deref().unwrap_or_default();
    let _ =
        write!(text, "\n{bold}GraphiQL, signed in{end} {dim}(each link carries a token of 12 hours){end}\n");
    for user in &ready.users {
        let link = link(page, &user.headers, &queries[0].1);
        let _ = write!(
            text,
            "\n  {bold}{}{end}  {} of {}  {dim}password{end} {}\n  {accent}{link}{end}\n",
            user.email, user.role, user.workspace, user.password
        );
    }
    let _ = write!(text, "\n{bold}Headers{end} {dim}for any other client{end}\n");
    for user in &ready.users {
        let headers = serde_json::to_string(&user.headers).unwrap_or_default();
        let _ = write!(text, "\n  {dim}# {}{end}\n  {headers}\n", user.email);
    }
    let _ = write!(text, "\n{bold}To paste{end} {dim}as somebody of acme; each is asked alone{end}\n");
    for (title, query) in &queries {
        let _ = write!(text, "\n  {dim}# {title}{end}\n");
        for line in query.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    let _ = write!(text, "\n{bold}Mail{end} {dim}becomes files of{end} {}\n", mails.display());
    let _ = write!(text, "\n{bold}Ctrl-C{end} stops everything.\n");
    text
}

/// GraphiQL's page with headers and a query; the fragment never leaves the browser.
fn link(page: &str, headers: &Headers, query: &str) -> String {
    let headers = URL_SAFE_NO_PAD.encode(serde_json::to_vec(headers).unwrap_or_default());
    format!("{page}#headers={headers}&query={}", encoded(query))
}

/// Each query, with what it does.
fn queries(seeded: &Seeded) -> [(&'static str, String); 3] {
    let Seeded { agent_id, agent_run_id } = seeded;
    [
        (
            "search the manual",
            format!(
                "query {{\n  search(query: \"{SEARCH}\", first: 5) {{\n    nodes {{ score headingPath passage \
                 target {{ ... on Chunk {{ document {{ title }} }} }} }}\n  }}\n}}"
            ),
        ),
        (
            "ask an agent (an OWNER or a MEMBER may)",
            format!(
                "mutation {{\n  agentRunStart(input: {{ agentId: \"{agent_id}\", input: \"{QUESTION}\" }}) {{\n    \
                 agentRun {{ id status }}\n  }}\n}}"
            ),
        ),
        (
            "follow a run from its first event, and read its answer with the citations",
            format!(
                "subscription Follow {{\n  agentRunEvents(agentRunId: \"{agent_run_id}\") {{\n    \
                 cursor seq statusAfter event {{ __typename ... on AgentRunAnswerDelta {{ text }} ... on AgentRunCitationAdded {{ quote }} }}\n  }}\n}}\n\
                 query Read {{\n  agentRun(id: \"{agent_run_id}\") {{\n    status answer {{ text coverage {{ supported sentences ratio }} }}\n    \
                 citations(first: 10) {{ nodes {{ quote verification sourceStatus document {{ title }} }} }}\n  }}\n}}"
            ),
        ),
    ]
}

/// As JavaScript's `encodeURIComponent` writes it, but for a few marks that it would leave.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::{Headers, Seeded, encoded, link, queries};

    #[test]
    fn a_link_carries_the_headers_and_the_query_in_its_fragment() {
        let headers = Headers { authorization: "Bearer a.b".to_owned(), workspace: "acme".to_owned() };
        let link = link("http://127.0.0.1:1/graphiql", &headers, "{ a(b: \"é&#\") }");
        let fragment = link.strip_prefix("http://127.0.0.1:1/graphiql#headers=").expect("the page");
        let (headers, query) = fragment.split_once("&query=").expect("both");
        assert_eq!(
            URL_SAFE_NO_PAD.decode(headers).expect("base64url"),
            br#"{"authorization":"Bearer a.b","x-workspace":"acme"}"#
        );
        assert_eq!(query, "%7B%20a%28b%3A%20%22%C3%A9%26%23%22%29%20%7D");
        assert_eq!(encoded("aZ9-._~"), "aZ9-._~");
    }

    #[test]
    fn the_queries_are_documents_over_root_fields_of_the_schema() {
        let schema = crate::graphql::sdl();
        let seeded = Seeded {
            agent_id: "agent_01h455vb4pex5vsknk084sn02q".to_owned(),
            agent_run_id: "run_01h455vb4pex5vsknk084sn02q".to_owned(),
        };
        for (title, query) in queries(&seeded) {
            async_graphql::parser::parse_query(&query).expect(title);
            for field in ["search(", "agentRunStart(", "agentRunEvents("] {
                assert!(!query.contains(field) || schema.contains(field), "{field}");
            }
        }
    }
}
