import { type FormEvent, useState } from "react";
import { parsePasted } from "./session";

type Props = { onEndpoint: (endpoint: string) => void; onHeaders: (headers: Record<string, string>) => void };

/** For whoever has a token already: what the command line printed. */
export function Paste({ onEndpoint, onHeaders }: Props) {
  const [pasted, setPasted] = useState("");
  const [unreadable, setUnreadable] = useState(false);

  function paste(text: string) {
    setPasted(text);
    setUnreadable(false);
    const told = parsePasted(text)?.endpoint;
    if (told) onEndpoint(told);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const headers = parsePasted(pasted)?.headers;
    if (headers) onHeaders(headers);
    else setUnreadable(true);
  }

  return (
    <details>
      <summary>With a token of the command line</summary>
      <form className="fields" onSubmit={submit}>
        <p className="hint">Paste what <code>footnote demo --json</code> or <code>footnote token</code> printed.</p>
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
    </details>
  );
}
