import { type FormEvent, type ReactNode, useState } from "react";
import { signIn } from "./account";
import { ApiError, request } from "./api";
import { WorkspacesDocument } from "./operations";
import { Paste } from "./Paste";
import { Problem } from "./Problem";
import { DEFAULT_ENDPOINT, type Session } from "./session";

type Props = { previous: Session | null; problem: ReactNode; onSession: (session: Session) => void };
type Workspace = { slug: string; name: string };

/** By address and password, then into one of the person's workspaces; or with headers that somebody has. */
export function SignIn({ previous, problem, onSession }: Props) {
  const [endpoint, setEndpoint] = useState(previous?.endpoint ?? DEFAULT_ENDPOINT);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [workspaces, setWorkspaces] = useState<Workspace[] | null>(null);
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);

  const open = ({ slug }: Workspace) => onSession({ endpoint, headers: { "x-workspace": slug }, signedIn: true });

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setRefusal(null);
    try {
      await signIn(endpoint, email, password);
      setPassword("");
      const { viewer } = await request({ endpoint, headers: {}, signedIn: true }, WorkspacesDocument, {});
      const [only, ...others] = viewer.workspaces;
      if (only && others.length === 0) return open(only);
      setWorkspaces(viewer.workspaces);
    } catch (error) {
      setRefusal(ApiError.of(error));
    }
    setBusy(false);
  }

  return (
    <div className="card sign-in">
      <p className="brand">Footnote<sup>1</sup></p>
      <p className="lead">Answers with their sources.</p>
      {refusal ? <Problem problem={refusal} /> : problem}
      <label htmlFor="endpoint">Endpoint</label>
      <input id="endpoint" type="url" required value={endpoint} onChange={(event) => setEndpoint(event.target.value)} />
      {workspaces ? (
        <section aria-labelledby="workspaces-title">
          <h1 id="workspaces-title">Your workspaces</h1>
          {workspaces.length === 0 && <p className="hint">You are in none yet.</p>}
          <ul className="workspaces">
            {workspaces.map((workspace) => (
              <li key={workspace.slug}>
                <button className="quiet" onClick={() => open(workspace)}>{workspace.name}</button>
              </li>
            ))}
          </ul>
        </section>
      ) : (
        <form className="fields" onSubmit={submit}>
          <label htmlFor="email">E-mail</label>
          <input id="email" type="email" required autoComplete="username" value={email} onChange={(event) => setEmail(event.target.value)} />
          <label htmlFor="password">Password</label>
          <input
            id="password"
            type="password"
            required
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
          <button className="primary" disabled={busy}>Sign in</button>
        </form>
      )}
      <Paste onEndpoint={setEndpoint} onHeaders={(headers) => onSession({ endpoint, headers })} />
    </div>
  );
}
