import { useCallback, useEffect, useState } from "react";
import type { ViewerQuery } from "./__generated__/graphql";
import { signOut } from "./account";
import { ApiError, request } from "./api";
import { Ask } from "./Ask";
import { ViewerDocument } from "./operations";
import { Problem } from "./Problem";
import { Search } from "./Search";
import { loadSession, saveSession, type Session } from "./session";
import { SignIn } from "./SignIn";

export function App() {
  const [session, setSession] = useState(loadSession);
  const [viewer, setViewer] = useState<ViewerQuery | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);

  const enter = useCallback((next: Session | null) => {
    saveSession(next);
    setViewer(null);
    setProblem(null);
    setSession(next);
  }, []);

  async function leave() {
    if (session?.signedIn) {
      try {
        await signOut(session.endpoint);
      } catch (error) {
        const problem = ApiError.of(error);
        // A session that has ended needs no end; one that could not be ended goes on, and whoever leaves has to know.
        if (problem.code !== "UNAUTHENTICATED") return setProblem(problem);
      }
    }
    enter(null);
  }

  useEffect(() => {
    if (!session) return;
    const abort = new AbortController();
    request(session, ViewerDocument, {}, { signal: abort.signal })
      .then(setViewer)
      .catch((error) => abort.signal.aborted || setProblem(ApiError.of(error)));
    return () => abort.abort();
  }, [session]);

  if (!session || problem) {
    return (
      <main className="gate">
        <SignIn previous={session} onSession={enter} problem={problem && <Problem problem={problem} />} />
      </main>
    );
  }
  if (!viewer) return <p className="loading" role="status">Opening the workspace …</p>;

  return (
    <>
      <header className="bar">
        <p className="brand">Footnote<sup>1</sup></p>
        <p className="who">
          <strong>{viewer.workspace.name}</strong>
          <span>{viewer.viewer.user.name}, {viewer.viewer.role?.toLowerCase()}</span>
        </p>
        <button className="quiet" onClick={() => void leave()}>Leave</button>
      </header>
      <main className="desk">
        <Ask session={session} agents={viewer.agents.nodes} may={viewer.viewer.permissions.includes("agent_run:write")} />
        <Search session={session} />
      </main>
    </>
  );
}
