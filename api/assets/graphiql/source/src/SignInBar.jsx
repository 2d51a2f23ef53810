// The bar above the editors: signs in and out, and chooses the workspace.

import { useSyncExternalStore } from "react";

export function SignInBar({ session }) {
  const { status, user, workspaces, workspace, problem } = useSyncExternalStore(session.subscribe, session.get);
  const told = problem && (
    <span className="footnote-problem" role="alert">
      {problem}
    </span>
  );
  if (status === "in") {
    return (
      <header className="footnote-bar" aria-label="Account">
        <span>{user.email ?? user.name}</span>
        <label>
          Workspace{" "}
          <select value={workspace} onChange={(event) => session.choose(event.target.value)}>
            {workspaces.length === 0 && <option value="">none yet</option>}
            {workspaces.map(({ slug, name }) => (
              <option key={slug} value={slug}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => session.signOut()}>
          Sign out
        </button>
        <span className="footnote-hint">Headers in the editor win over this.</span>
        {told}
      </header>
    );
  }
  return (
    <header className="footnote-bar" aria-label="Account">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const { email, password } = event.currentTarget.elements;
          session.signIn(email.value, password.value);
        }}
      >
        <label>
          E-mail <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button disabled={status === "busy"}>Sign in</button>
      </form>
      {told}
    </header>
  );
}
