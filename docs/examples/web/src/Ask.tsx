import { type FormEvent, useRef, useState } from "react";
import { ApiError, request } from "./api";
import { StartDocument } from "./operations";
import { Problem } from "./Problem";
import { RecentRuns } from "./RecentRuns";
import { RunView } from "./RunView";
import type { Session } from "./session";

type Props = { session: Session; agents: { id: string; name: string }[]; may: boolean };

export function Ask({ session, agents, may }: Props) {
  const [agentId, setAgentId] = useState(agents[0]?.id ?? "");
  const [input, setInput] = useState("");
  const [run, setRun] = useState<{ id: string; input: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const wanted = useRef({ wish: "", key: "" });

  async function start(event?: FormEvent) {
    event?.preventDefault();
    // One key for each question that was sent: after a lost answer the same question with the same key starts nothing twice.
    const wish = JSON.stringify([agentId, input]);
    if (wanted.current.wish !== wish) wanted.current = { wish, key: crypto.randomUUID() };
    setBusy(true);
    setProblem(null);
    try {
      const started = await request(session, StartDocument, { input: { agentId, input } }, { idempotencyKey: wanted.current.key });
      wanted.current.wish = "";
      setRun(started.agentRunStart.agentRun);
    } catch (error) {
      setProblem(ApiError.of(error));
    }
    setBusy(false);
  }

  return (
    <section className="ask" aria-labelledby="ask-title">
      <h1 id="ask-title">Ask the documents</h1>
      {may ? (
        <form className="card question" onSubmit={start}>
          <label className="unseen" htmlFor="question">Your question</label>
          <textarea
            id="question"
            rows={2}
            placeholder="How can an index be built without locking out writes to the table?"
            value={input}
            onChange={(event) => setInput(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.shiftKey) {
                event.preventDefault();
                event.currentTarget.form?.requestSubmit();
              }
            }}
          />
          <div className="line">
            <label className="unseen" htmlFor="agent">Agent</label>
            <select id="agent" value={agentId} onChange={(event) => setAgentId(event.target.value)}>
              {agents.map((agent) => <option key={agent.id} value={agent.id}>{agent.name}</option>)}
            </select>
            <button className="primary" disabled={busy}>Ask</button>
          </div>
        </form>
      ) : (
        <p className="card hint">Your role may read runs, not start them.</p>
      )}
      {problem && <Problem problem={problem} onRetry={() => void start()} />}
      {run && <RunView key={run.id} session={session} id={run.id} input={run.input} />}
      <RecentRuns session={session} current={run?.id} onOpen={setRun} />
    </section>
  );
}
