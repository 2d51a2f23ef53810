//! Answers with a chat model from what the run has found, in rounds: the model answers, or asks for another search, which becomes a
//! step of the run with its hits.
//!
//! The model's word counts for nothing by itself: it may cite only what this run found, and each quote passes the check that every
//! citation passes. Between the model's pieces the run is looked at, so one that was canceled, is late, or lost its starter's
//! permission stops within a second. No transaction is open while the model speaks. A failure of the model is the run's, in its
//! own class; what may pass is tried again, beginning after the last stored search.

mod grounding;
mod marks;
mod prompt;
mod shown;

use std::fmt::Write as _;

use entity::agent_run;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::MissedTickBehavior;

use self::grounding::Judged;
use self::marks::Marks;
use self::prompt::{Prompt, SEARCH};
use self::shown::{GATHER, Shown};
use super::execution::go_on;
use super::recording::{Answered, conclude};
use super::retrieving::{Found, agent_of, found, retrieve};
use crate::adapters::llm::{ChatError, ChatEvent, ChatModel, ChatRequest, Completion, ToolCall, Usage};
use crate::error::Result;
use crate::knowledge::retrieval::LONGEST_QUERY;
use crate::tenancy::Permission;
use crate::worker::{Awaited, JobContext, JobFailure};

/// The most searches that a model may ask for, those that could not be made included.
const MOST_SEARCHES: usize = 3;

/// A call that was not carried out.
struct Refusal {
    call: ToolCall,
    /// Why, for the model.
    reason: &'static str,
}

/// What a round came to.
struct Round {
    marks: Marks,
    completion: Completion,
}

/// Answers, and ends run and job together.
pub(super) async fn answer(
    context: &JobContext,
    run: &agent_run::Model,
    model: &dyn ChatModel,
) -> Result<(), JobFailure> {
    let started_at = crate::clock::now();
    let mut refusals = Vec::new();
    let mut usage = Usage::default();
    let operation = context.operation().await?;
    let mut shown = Shown::of(&operation, run.id).await?;
    drop(operation);
    loop {
        let operation = context.operation().await?;
        // Jobs see documents whoever started them, so the starter's permission is asked for here.
        let _ = operation.require(Permission::DocumentRead)?;
        let instructions = agent_of(&operation, run).await?.instructions;
        let found = found(&operation, run.id).await?;
        drop(operation);
        let asked = found.searches.len().saturating_sub(1) + refusals.len();
        let searches = asked < MOST_SEARCHES;
        let request = prompt::request(&Prompt {
            instructions: &instructions,
            question: &run.input,
            found: &found,
            refusals: &refusals,
            searches,
            fence: &format!("passage-{:016x}", rand::random::<u64>()),
        });
        let Some(Round { marks, completion }) = listen(context, model, request, &mut shown).await? else {
            return Ok(());
        };
        usage.input += completion.usage.unwrap_or_default().input;
        usage.output += completion.usage.unwrap_or_default().output;
        if completion.tool_calls.is_empty() {
            let (text, marks) = marks.end();
            let judged = grounding::judge(text, marks, &found.passages)
                .ok_or_else(|| failed(&ChatError::InvalidOutput("it has no text")))?;
            let words = Words { model: model.id(), read: found.passages.len(), usage };
            return finish(context, run, (&found, &shown), (judged, words, started_at)).await;
        }
        if !searches {
            return Err(failed(&ChatError::InvalidOutput("it calls a tool that it was not given")));
        }
        shown.begin_again();
        for call in completion.tool_calls.into_iter().take(MOST_SEARCHES - asked) {
            match query(&call) {
                Ok(query) => {
                    if !retrieve(context, run, &query).await? {
                        return Ok(());
                    }
                }
                Err(reason) => refusals.push(refuse(call, reason, refusals.len())),
            }
        }
    }
}

/// Listens to the model until it has said all, and shows its text; none where the run is not to go on.
async fn listen(
    context: &JobContext,
    model: &dyn ChatModel,
    request: ChatRequest,
    shown: &mut Shown,
) -> Result<Option<Round>, JobFailure> {
    let mut stream = model.stream(request);
    let mut marks = Marks::default();
    let mut tick = tokio::time::interval(GATHER);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = stream.next() => match event {
                Some(Ok(ChatEvent::Text(text))) => shown.add(&marks.push(&text)),
                Some(Ok(ChatEvent::Done(completion))) => return Ok(Some(Round { marks, completion })),
                Some(Err(error)) => return Err(failed(&error)),
                None => return Err(failed(&ChatError::Unavailable)),
            },
            _ = tick.tick() => {
                if !shown.keep_up(context).await? {
                    return Ok(None);
                }
            }
        }
    }
}

/// The words for the step.
struct Words<'a> {
    model: &'a str,
    read: usize,
    usage: Usage,
}

async fn finish(
    context: &JobContext,
    run: &agent_run::Model,
    (found, shown): (&Found, &Shown),
    (judged, words, started_at): (Judged, Words<'_>, chrono::DateTime<chrono::Utc>),
) -> Result<(), JobFailure> {
    let operation = context.operation().await?;
    let _ = operation.require(Permission::DocumentRead)?;
    let Some((operation, run)) = go_on(context, operation, run.id).await? else { return Ok(()) };
    let Judged { answer, unknown, bare } = judged;
    let detail = {
        let (cited, abstained) = (answer.citations.len(), answer.abstained);
        move |verified: usize| words.describe((cited, verified), (unknown, bare), abstained)
    };
    let rest = shown.rest(&answer.text);
    Ok(conclude(context, (operation, &run), &found.hits, Answered { answer, rest, started_at }, detail)
        .await?)
}

impl Words<'_> {
    fn describe(
        &self,
        (cited, verified): (usize, usize),
        (unknown, bare): (usize, usize),
        abstained: bool,
    ) -> String {
        let Self { model, read, usage } = self;
        let mut detail = if abstained {
            format!("{model} read {read} passages; they do not answer the question.")
        } else {
            let plural = if verified == 1 { "" } else { "s" };
            format!("{model} answered from {read} passages with {verified} verified citation{plural}.")
        };
        let rejected = cited - verified;
        // Writing to a string does not fail.
        for (count, what) in [
            (rejected, "of its quotes do not stand in their passage"),
            (unknown, "of its citations name a passage that was not found"),
            (bare, "of its citations have no quote"),
        ] {
            if count > 0 {
                let _ = write!(detail, " {count} {what}.");
            }
        }
        if *usage != Usage::default() {
            let _ = write!(detail, " Tokens: {} read, {} written.", usage.input, usage.output);
        }
        detail
    }
}

/// What the model wants searched; otherwise a sentence for it.
fn query(call: &ToolCall) -> Result<String, &'static str> {
    if call.name != SEARCH {
        return Err("there is no such tool.");
    }
    let arguments: Value =
        serde_json::from_str(&call.arguments).map_err(|_| "the arguments are not JSON.")?;
    let query = arguments.get("query").and_then(Value::as_str).ok_or("`query` is missing.")?;
    let query: String =
        query.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_QUERY).collect();
    let query = query.trim();
    if query.is_empty() { Err("`query` is empty.") } else { Ok(query.to_owned()) }
}

/// Ids of calls are the model's own; ours keep them apart.
fn refuse(call: ToolCall, reason: &'static str, number: usize) -> Refusal {
    let id = format!("refused_{number}");
    // Providers refuse a conversation with arguments that are not JSON, and with names that no tool may have.
    let well_formed = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let name = Some(call.name).filter(|name| name.len() <= 64 && well_formed(name));
    let call = ToolCall { id, name: name.unwrap_or_else(|| SEARCH.to_owned()), arguments: "{}".to_owned() };
    Refusal { call, reason }
}

fn failed(error: &ChatError) -> JobFailure {
    match error {
        ChatError::Unavailable | ChatError::RateLimited { .. } => {
            JobFailure::waiting(Awaited::Model, error.class(), error.to_string())
        }
        _ => JobFailure::new(error.class(), error.to_string(), error.retryable()),
    }
}

#[cfg(test)]
mod tests {
    use super::{SEARCH, ToolCall, Usage, Words, query, refuse};

    fn call(name: &str, arguments: &str) -> ToolCall {
        ToolCall { id: "x".repeat(200), name: name.to_owned(), arguments: arguments.to_owned() }
    }

    #[test]
    fn only_a_search_with_a_query_is_carried_out() {
        assert_eq!(query(&call(SEARCH, "{\"query\":\" a\\u0000b \"}")), Ok("a b".to_owned()));
        for (name, arguments) in [
            ("delete_documents", "{\"query\":\"x\"}"),
            (SEARCH, "query"),
            (SEARCH, "{\"query\":7}"),
            (SEARCH, "{\"query\":\" \\n\"}"),
            (SEARCH, "[]"),
        ] {
            query(&call(name, arguments)).expect_err("refused");
        }
        let long = format!("{{\"query\":\"{}\"}}", "x".repeat(9_000));
        assert_eq!(query(&call(SEARCH, &long)).map(|query| query.len()), Ok(2_000));
    }

    #[test]
    fn a_refused_call_goes_back_in_a_form_that_every_provider_reads() {
        let refused = refuse(call("rm -rf\n", "not JSON"), "there is no such tool.", 1);
        assert_eq!(
            (refused.call.id.as_str(), refused.call.name.as_str(), refused.call.arguments.as_str()),
            ("refused_1", SEARCH, "{}")
        );
    }

    #[test]
    fn the_step_says_what_the_model_did_and_what_of_it_was_refused() {
        let words = Words { model: "small", read: 4, usage: Usage { input: 800, output: 60 } };
        assert_eq!(
            words.describe((3, 1), (2, 1), false),
            "small answered from 4 passages with 1 verified citation. 2 of its quotes do not stand in their passage. \
             2 of its citations name a passage that was not found. 1 of its citations have no quote. Tokens: 800 read, 60 written."
        );
        let silent = Words { usage: Usage::default(), ..words };
        assert_eq!(
            silent.describe((0, 0), (0, 0), true),
            "small read 4 passages; they do not answer the question."
        );
    }
}
