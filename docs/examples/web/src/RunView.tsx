import { Answer } from "./Answer";
import { Citations } from "./Citations";
import type { Connection, RunEvent } from "./follow";
import { Problem } from "./Problem";
import type { Session } from "./session";
import { useRun } from "./useRun";

const CONNECTION: Record<Connection["state"], string> = {
  connecting: "Connecting",
  live: "Live",
  lost: "Connection lost, trying again",
  done: "Complete",
};

export function RunView({ session, id, input }: { session: Session; id: string; input: string }) {
  const { events, connection, run, problem } = useRun(session, id);
  const pieces = events.reduce(
    (text, { event }) => (event.__typename === "AgentRunAnswerDelta" ? (event.replaces ? "" : text) + event.text : text),
    "",
  );
  const last = events.at(-1);
  const ended = connection.state === "done";

  return (
    <article className="card run" aria-labelledby="run-title" data-run={id}>
      <header>
        <h2 id="run-title">{input}</h2>
        <p className="connection" role="status" data-state={connection.state}>
          {CONNECTION[connection.state]}
          {connection.state === "lost" && last && ` from event ${last.seq}`}
          {ended && connection.sockets > 1 && `, over ${connection.sockets} connections`}
        </p>
      </header>
      {problem && <Problem problem={problem} />}
      <div className="answer" aria-live="polite" aria-busy={!ended}>
        {run?.answer ? <Answer answer={run.answer} citations={run.citations.nodes} /> : <p>{pieces || (problem ? "" : "Reading …")}</p>}
      </div>
      {run?.failureMessage && <p className="hint wrong">{run.failureMessage}</p>}
      {run && <Citations citations={run.citations.nodes} />}
      <details className="log" open>
        <summary>What happened <span>{events.length} events</span></summary>
        <ol>
          {events.map((event) => (
            <li key={event.seq} data-seq={event.seq} data-kind={event.event.__typename}>
              <span className="seq">{event.seq}</span>
              <span>{describe(event)}</span>
              <time dateTime={event.occurredAt}>+{milliseconds(events[0]!, event)} ms</time>
            </li>
          ))}
        </ol>
      </details>
    </article>
  );
}

function milliseconds(first: RunEvent, event: RunEvent): number {
  return Date.parse(event.occurredAt) - Date.parse(first.occurredAt);
}

/** A line about an event. More types may come: they are named and do no harm. */
function describe({ event }: RunEvent): string {
  switch (event.__typename) {
    case "AgentRunStatusChanged":
      return event.message ?? `Status: ${event.status.toLowerCase()}`;
    case "AgentRunStepFinished":
      return event.detail;
    case "AgentRunAnswerDelta":
      return `${event.text.length} characters of the answer`;
    case "AgentRunCitationAdded":
      return `Citation ${event.verification.toLowerCase()}: “${event.quote.length > 48 ? `${event.quote.slice(0, 48)}…` : event.quote}”`;
    default:
      return (event as { __typename: string }).__typename;
  }
}
