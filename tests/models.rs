//! Models of a provider: what they say is checked, what they fail at is said in its class, and what is away is waited for.

use std::time::{Duration, Instant};

use footnote::config::Limits;
use serde_json::{Value, json};

use crate::agents::follow;
use crate::support::provider::{Provider, Turn, answering, embedding};
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::world::text;
use crate::support::{Who, World};

const LEAVE: &str = "# Leave\n\nEvery employee has thirty days of paid leave in a calendar year. 🦀 Unused days expire in March.";
const QUESTION: &str = "How many days of paid leave does an employee have?";

/// A world whose runs are answered by the provider, with one document and an agent; the agent.
async fn ready(address: &str) -> (World, String) {
    let mut world = World::with(Limits::default(), answering(address)).await;
    world.stack.start_worker();
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", LEAVE).await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    let agent = world.agent(Who::Owner, "Assistant").await;
    (world, agent)
}

async fn asked(world: &World, agent: &str) -> Value {
    let run = world.run(Who::Member, agent, QUESTION).await;
    world.finished(Who::Member, &run).await
}

/// The answer's text as a subscriber puts it together.
fn replayed(events: &[Value]) -> String {
    let mut said = String::new();
    for event in events.iter().map(|event| &event["event"]).filter(|event| event["text"].is_string()) {
        if event["replaces"] == json!(true) {
            said.clear();
        }
        said.push_str(event["text"].as_str().unwrap_or_default());
    }
    said
}

/// Waits until a run has this status.
async fn until_status(world: &World, run: &str, status: &str) -> Value {
    let begun = Instant::now();
    loop {
        let query = "query($id: ID!) { agentRun(id: $id) { status waitReason } }";
        let found = world.ask(Who::Member, query, json!({ "id": run })).await.data()["agentRun"].clone();
        if found["status"] == status {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "still {found}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test]
async fn a_model_is_shown_as_it_speaks_and_its_citations_stand_at_their_offsets() {
    let provider = Provider::open([Turn::Slowly(
        vec![
            "🦀 An employee has thirty",
            " days. [1",
            ": \"thirty days of paid",
            " leave\"] Unused days expire",
            " [1: \"expire in March\"].",
        ],
        Duration::from_millis(150),
    )])
    .await;
    let (world, agent) = ready(&provider.address).await;
    let run = world.run(Who::Member, &agent, QUESTION).await;
    let events = follow(&world, Who::Member, &run, None, usize::MAX).await;
    let run = world.finished(Who::Member, &run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let said = text(&run["answer"]["text"]);
    assert_eq!(said, "🦀 An employee has thirty days. Unused days expire.");
    assert_eq!(run["answer"]["coverage"]["ratio"], json!(1.0));
    let pieces = events.iter().filter(|event| event["event"]["text"].is_string()).count();
    assert!(
        pieces > 1 && events.iter().all(|event| event["event"]["replaces"] != json!(true)),
        "{events:#?}"
    );
    assert_eq!(replayed(&events), said);
    let citations = run["citations"]["nodes"].as_array().expect("citations");
    let spans: Vec<(String, String)> = citations
        .iter()
        .map(|citation| {
            assert_eq!(citation["verification"], "VERIFIED");
            let offset =
                |name: &str| usize::try_from(citation[name].as_u64().expect("an offset")).expect("small");
            let (start, end) = (offset("answerStartOffset"), offset("answerEndOffset"));
            (text(&citation["quote"]), said.chars().skip(start).take(end - start).collect())
        })
        .collect();
    let expected = [
        ("thirty days of paid leave", "🦀 An employee has thirty days."),
        ("expire in March", "Unused days expire."),
    ];
    assert_eq!(spans, expected.map(|(quote, span)| (quote.to_owned(), span.to_owned())));
    let steps = run["steps"]["nodes"].as_array().expect("steps");
    assert_eq!(steps.len(), 2);
    assert_eq!(
        steps[1]["detail"],
        "scripted answered from 1 passages with 2 verified citations. Tokens: 40 read, 9 written."
    );
}

#[tokio::test]
async fn a_quote_that_does_not_stand_in_its_passage_supports_nothing() {
    let provider = Provider::open([
        Turn::Say(vec!["It has thirty days [1: \"thirty days\"]. It has forty days [1: \"forty days of paid leave\"]. Or ten [9: \"ten\"]."]),
        Turn::Say(vec!["It has forty days [1: \"forty days of paid leave\"]. Or ten [9: \"ten\"]. Or none [1]."]),
    ])
    .await;
    let (world, agent) = ready(&provider.address).await;
    let run = asked(&world, &agent).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let verdicts: Vec<_> = run["citations"]["nodes"]
        .as_array()
        .expect("citations")
        .iter()
        .map(|cited| cited["verification"].clone())
        .collect();
    assert_eq!(verdicts, [json!("VERIFIED"), json!("REJECTED")]);
    assert_eq!(
        (&run["answer"]["coverage"]["supported"], &run["answer"]["coverage"]["sentences"]),
        (&json!(1), &json!(3))
    );
    let run = asked(&world, &agent).await;
    assert_eq!((&run["status"], &run["failureClass"]), (&json!("FAILED"), &json!("UNGROUNDED")), "{run:#}");
}

#[tokio::test]
async fn a_search_that_the_model_asks_for_is_a_step_with_its_hits() {
    let provider = Provider::open([
        Turn::Call("Let me look.", "search_documents", "{\"query\":\"unused days March\"}"),
        Turn::Call("", "drop_tables", "{}"),
        Turn::Say(vec!["They expire in March. [1: \"Unused days expire in March\"]"]),
        Turn::Call("", "search_documents", "{\"query\":\"more\"}"),
    ])
    .await;
    let (world, agent) = ready(&provider.address).await;
    let id = world.run(Who::Member, &agent, QUESTION).await;
    let run = world.finished(Who::Member, &id).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let kinds: Vec<_> =
        run["steps"]["nodes"].as_array().expect("steps").iter().map(|step| step["kind"].clone()).collect();
    assert_eq!(kinds, [json!("RETRIEVAL"), json!("RETRIEVAL"), json!("ANSWER")]);
    assert_eq!(world.count("select count(*) from retrieval_hits").await, 2);
    let events = follow(&world, Who::Member, &id, None, usize::MAX).await;
    assert_eq!(replayed(&events), "They expire in March.", "{events:#?}");
    let asked = provider.asked();
    assert_eq!(asked[1]["messages"][3]["role"], "tool");
    assert!(text(&asked[2]["messages"][5]["content"]).contains("no such tool"), "{:#}", asked[2]);

    let endless = world.run(Who::Member, &agent, QUESTION).await;
    let run = world.finished(Who::Member, &endless).await;
    assert_eq!(
        (&run["status"], &run["failureClass"]),
        (&json!("FAILED"), &json!("INVALID_OUTPUT")),
        "{run:#}"
    );
    assert_eq!(provider.asked().len(), 7, "three searches, then an answer is wanted");
    assert!(provider.asked()[6].get("tools").is_none());
}

#[tokio::test]
async fn a_model_that_finds_no_answer_abstains() {
    let provider =
        Provider::open([Turn::Say(vec!["The documents given do not ", "answer this question"])]).await;
    let (world, agent) = ready(&provider.address).await;
    let run = asked(&world, &agent).await;
    assert_eq!((&run["status"], &run["answer"]["abstained"]), (&json!("SUCCEEDED"), &json!(true)), "{run:#}");
    assert_eq!(run["answer"]["text"], "The documents given do not answer this question.");
    assert_eq!(run["citations"]["nodes"], json!([]));
}

#[tokio::test]
async fn the_model_reads_passages_of_its_own_workspace_alone() {
    let provider = Provider::open([Turn::Say(vec!["Thirty. [1: \"thirty days\"]"])]).await;
    let (world, agent) = ready(&provider.address).await;
    let collection = world.collection(Who::Stranger, "Secrets").await;
    let secret = "Every employee of Globex has ninety days of paid leave.";
    let document = world.document(Who::Stranger, &collection, "Leave", secret).await;
    assert_eq!(world.ingested(Who::Stranger, &document).await["status"], "SUCCEEDED");
    asked(&world, &agent).await;
    let prompts = provider.asked().iter().map(Value::to_string).collect::<String>();
    assert!(prompts.contains("thirty days") && !prompts.contains("ninety"), "{prompts}");
}

#[tokio::test]
async fn a_failure_of_the_model_ends_the_run_in_its_class_without_a_word_of_the_provider() {
    let too_long = "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"SECRET\"}}";
    let expected = [
        (Turn::Answer(400, "application/json", "{\"error\":{\"message\":\"SECRET\"}}"), "PROVIDER_ERROR"),
        (Turn::Answer(400, "application/json", too_long), "CONTEXT_TOO_LONG"),
        (Turn::Answer(200, "text/html", "<html>SECRET</html>"), "INVALID_OUTPUT"),
        (Turn::Say(vec![" \n"]), "INVALID_OUTPUT"),
    ];
    let provider = Provider::open(expected.iter().map(|(turn, _)| turn.clone())).await;
    let (world, agent) = ready(&provider.address).await;
    for (turn, class) in expected {
        let run = asked(&world, &agent).await;
        assert_eq!(
            (&run["status"], &run["failureClass"]),
            (&json!("FAILED"), &json!(class)),
            "{turn:?}: {run:#}"
        );
        assert!(!run.to_string().contains("SECRET"));
    }
}

#[tokio::test]
async fn a_stream_that_was_cut_begins_anew_and_its_replay_is_the_answer() {
    let provider = Provider::open([
        Turn::Cut(vec!["An employee", " has a great", " many days"]),
        Turn::Say(vec!["Thirty days. [1: \"thirty days\"]"]),
    ])
    .await;
    let (world, agent) = ready(&provider.address).await;
    let id = world.run(Who::Member, &agent, QUESTION).await;
    let run = world.finished(Who::Member, &id).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let events = follow(&world, Who::Member, &id, None, usize::MAX).await;
    assert_eq!(replayed(&events), "Thirty days.", "{events:#?}");
    assert!(events.iter().any(|event| event["event"]["replaces"] == json!(true)));
    assert_eq!(run["steps"]["nodes"].as_array().map(Vec::len), Some(2), "the search was not made again");
}

#[tokio::test]
async fn a_run_that_is_canceled_while_the_model_speaks_stops_it() {
    let provider = Provider::open([Turn::Slowly(vec!["and so on "; 600], Duration::from_millis(100))]).await;
    let (world, agent) = ready(&provider.address).await;
    let run = world.run(Who::Member, &agent, QUESTION).await;
    let first = follow(&world, Who::Member, &run, None, 4).await;
    assert!(first.iter().any(|event| event["event"]["text"].is_string()), "it speaks: {first:#?}");
    let cancel = "mutation($id: ID!) { agentRunCancel(input: { id: $id }) { agentRun { status } } }";
    let canceled = world.ask(Who::Member, cancel, json!({ "id": run })).await.data();
    assert_eq!(canceled["agentRunCancel"]["agentRun"]["status"], "CANCELED");
    let stopped = tokio::time::timeout(Duration::from_secs(5), provider.over(1)).await;
    assert!(stopped.is_ok(), "the request to the provider has ended");
    assert_eq!(world.finished(Who::Member, &run).await["status"], "CANCELED");
}

#[tokio::test]
async fn a_run_ends_at_its_deadline_while_the_model_speaks() {
    let provider = Provider::open([Turn::Slowly(vec!["and so on "; 600], Duration::from_millis(100))]).await;
    let limits = Limits { run_seconds: 3, ..Limits::default() };
    let mut world = World::with(limits, answering(&provider.address)).await;
    world.stack.start_worker();
    let agent = world.agent(Who::Owner, "Assistant").await;
    let begun = Instant::now();
    let run = asked(&world, &agent).await;
    assert_eq!(run["status"], "EXPIRED", "{run:#}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_run_waits_for_a_model_that_is_away_and_goes_on_when_it_is_back() {
    let provider = Provider::open([Turn::Say(vec!["Thirty days. [1: \"thirty days\"]"])]).await;
    let proxy = FaultProxy::before(provider.address.clone()).await;
    let (world, agent) = ready(&proxy.address().to_string()).await;
    for (fault, reason) in [(Fault::Cut, "MODEL"), (Fault::Reset, "MODEL"), (Fault::Silence, "RETRY")] {
        proxy.set(fault);
        let run = world.run(Who::Member, &agent, QUESTION).await;
        let waiting = until_status(&world, &run, "WAITING").await;
        assert_eq!(waiting["waitReason"], reason, "{fault:?}");
        proxy.set(Fault::None);
        let run = world.finished(Who::Member, &run).await;
        assert_eq!(run["status"], "SUCCEEDED", "{fault:?}: {run:#}");
    }
}

#[tokio::test]
async fn ingestion_waits_for_embeddings_and_search_by_words_goes_on_without() {
    let provider = Provider::open([Turn::Say(vec![""])]).await;
    let proxy = FaultProxy::before(provider.address.clone()).await;
    let mut world = World::with(Limits::default(), embedding(&proxy.address().to_string())).await;
    world.stack.start_worker();
    let collection = world.collection(Who::Owner, "Handbook").await;
    let first = world.document(Who::Owner, &collection, "Leave", LEAVE).await;
    assert_eq!(world.ingested(Who::Owner, &first).await["status"], "SUCCEEDED");
    let search = "query($mode: SearchMode!) { search(query: \"paid leave\", mode: $mode, first: 5) { nodes { passage } } }";
    for fault in [Fault::Cut, Fault::Silence] {
        proxy.set(fault);
        let second = world.document(Who::Owner, &collection, "Leave again", LEAVE).await;
        let begun = Instant::now();
        loop {
            let query = "query($id: ID!) { document(id: $id) { ingestion { status waitReason } } }";
            let data = world.ask(Who::Owner, query, json!({ "id": second })).await.data();
            if data["document"]["ingestion"]["waitReason"] == "EMBEDDINGS" {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{data}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let begun = Instant::now();
        let unavailable = world.ask(Who::Owner, search, json!({ "mode": "HYBRID" })).await;
        assert_eq!(unavailable.code(), "UNAVAILABLE", "{fault:?}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        let found = world.ask(Who::Owner, search, json!({ "mode": "KEYWORD" })).await.data();
        assert_ne!(found["search"]["nodes"], json!([]), "{fault:?}");
        proxy.set(Fault::None);
        assert_eq!(world.ingested(Who::Owner, &second).await["status"], "SUCCEEDED", "{fault:?}");
    }
    let found = world.ask(Who::Owner, search, json!({ "mode": "HYBRID" })).await.data();
    assert_ne!(found["search"]["nodes"], json!([]));
}

/// What readiness says of a part, once it says this; and how long that took.
async fn until_ready_says(world: &World, part: &str, status: &str) -> Duration {
    let begun = Instant::now();
    loop {
        let response = world.http().get(format!("{}/readyz", world.address)).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "requests can do without models");
        let report: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
        let parts = report["dependencies"].as_array().expect("dependencies");
        if parts.iter().any(|each| each["name"] == part && each["status"] == status) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{report:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn readiness_tells_whether_the_providers_are_there() {
    let provider = Provider::open([Turn::Say(vec![""])]).await;
    let proxy = FaultProxy::before(provider.address.clone()).await;
    let mut services = answering(&proxy.address().to_string());
    services.embeddings = embedding(&proxy.address().to_string()).embeddings;
    let world = World::with(Limits::default(), services).await;
    for (fault, status) in [(Fault::None, "ok"), (Fault::Silence, "unavailable"), (Fault::None, "ok")] {
        proxy.set(fault);
        for part in ["embeddings", "model"] {
            let took = until_ready_says(&world, part, status).await;
            assert!(took < Duration::from_secs(12), "{part} {status}: {took:?}");
        }
    }
    let plain = World::without_worker().await;
    until_ready_says(&plain, "embeddings", "unused").await;
    until_ready_says(&plain, "model", "unused").await;
}

#[tokio::test]
async fn a_starter_who_left_the_workspace_hears_no_more_of_the_model() {
    let provider = Provider::open([Turn::Slowly(vec!["and so on "; 600], Duration::from_millis(100))]).await;
    let (world, agent) = ready(&provider.address).await;
    let run = world.run(Who::Member, &agent, QUESTION).await;
    follow(&world, Who::Owner, &run, None, 4).await;
    world.plant("update memberships set status = 'REMOVED' where role_id in (select id from roles where built_in = 'MEMBER')").await;
    let stopped = tokio::time::timeout(Duration::from_secs(5), provider.over(1)).await;
    assert!(stopped.is_ok(), "the request to the provider has ended");
    let run = world.finished(Who::Owner, &run).await;
    assert_eq!(
        (&run["status"], &run["failureClass"]),
        (&json!("FAILED"), &json!("POLICY_DENIED")),
        "{run:#}"
    );
}

#[tokio::test]
async fn vectors_of_two_models_never_meet_in_one_index() {
    let world = World::new().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let first = world.document(Who::Owner, &collection, "Leave", LEAVE).await;
    assert_eq!(world.ingested(Who::Owner, &first).await["status"], "SUCCEEDED");
    let mut superuser = world.superuser().await;
    let set_model = async |connection: &mut sqlx::PgConnection, model: &str| {
        sqlx::query("update embedding_indexes set model = $1")
            .bind(model)
            .execute(connection)
            .await
            .expect("set");
    };
    // As if the server had been started with another model since.
    set_model(&mut superuser, "another-model").await;
    let search = "query($mode: SearchMode!) { search(query: \"paid leave\", mode: $mode, first: 5) { nodes { passage } } }";
    for mode in ["HYBRID", "SEMANTIC"] {
        assert_eq!(
            world.ask(Who::Owner, search, json!({ "mode": mode })).await.code(),
            "UNAVAILABLE",
            "{mode}"
        );
    }
    let found = world.ask(Who::Owner, search, json!({ "mode": "KEYWORD" })).await.data();
    assert_ne!(found["search"]["nodes"], json!([]), "words need no model");
    let second = world.document(Who::Owner, &collection, "Sickness", "Sick days are paid.").await;
    let failed = world.ingested(Who::Owner, &second).await;
    assert_eq!(
        (&failed["status"], &failed["failureClass"]),
        (&json!("FAILED"), &json!("EMBEDDING_ERROR")),
        "{failed}"
    );
    assert!(text(&failed["failureMessage"]).contains("another embedding model"), "{failed}");
    // The way back: the model that the index is of, and the dead job again.
    set_model(&mut superuser, "wordllama-l2-supercat-256").await;
    let jobs = world.ask(Who::Owner, "{ jobs { nodes { id status } } }", json!({})).await.data();
    let retry = "mutation($id: ID!) { jobRetry(input: { id: $id }) { job { id } } }";
    world.ask(Who::Owner, retry, json!({ "id": jobs["jobs"]["nodes"][0]["id"] })).await.data();
    let begun = Instant::now();
    while world.ingested(Who::Owner, &second).await["status"] != "SUCCEEDED" {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
