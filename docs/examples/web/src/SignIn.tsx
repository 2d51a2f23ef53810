import { type FormEvent, type ReactNode, useState } from "react";
import { DEFAULT_ENDPOINT, parsePasted, type Session } from "./session";

type Props = { previous: Session | null; problem: ReactNode; onSession: (session: Session) => void };

export function SignIn({ previous, problem, onSession }: Props) {
  const [endpoint, setEndpoint] = useState(previous?.endpoint ?? DEFAULT_ENDPOINT);
  const [pasted, setPasted] = useState("");
  const [unreadable, setUnreadable] = useState(false);

  function paste(text: string) {
    setPasted(text);
    setUnreadable(false);
    const told = parsePasted(text)?.endpoint;
    if (told) setEndpoint(told);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const headers = parsePasted(pasted)?.headers;
    if (headers) onSession({ endpoint, headers });
    else setUnreadable(true);
  }

  return (
    <form className="card sign-in" onSubmit={submit}>
      <p className="brand">Footnote<sup>1</sup></p>
      <p className="lead">Answers with their sources. Paste what <code>footnote demo --json</code> or <code>footnote token</code> printed.</p>
      {problem}
      <label htmlFor="endpoint">Endpoint</label>
      <input id="endpoint" type="url" required value={endpoint} onChange={(event) => setEndpoint(event.target.value)} />
      <label htmlFor="headers">Headers</label>
      <textarea
        id="headers"
        rows={6}
        required
        spellCheck={false}
        autoComplete="off"
        placeholder={"authorization: Bearer …\nx-workspace: acme"}
        aria-invalid={unreadable}
        aria-describedby="headers-hint"
        value={pasted}
        onChange={(event) => paste(event.target.value)}
      />
      <p id="headers-hint" className={unreadable ? "hint wrong" : "hint"} role={unreadable ? "alert" : undefined}>
        {unreadable ? "There is no authorization header in this." : "They stay in this tab, and are gone when it is closed."}
      </p>
      <button className="primary">Open the workspace</button>
    </form>
  );
}
