import type { ApiError } from "./api";

/** What a person may do, by code. A code that is not here is read as INTERNAL. */
const ADVICE: Record<string, string> = {
  UNAUTHENTICATED: "Sign in again.",
  FORBIDDEN: "Your role does not allow this.",
  NOT_FOUND: "It is not there, or not yours to see.",
  BAD_USER_INPUT: "Please check what you typed.",
  CONFLICT: "Somebody was faster.",
  RATE_LIMITED: "Too many attempts. Wait a little.",
  PAYLOAD_TOO_LARGE: "That is too much at once.",
  QUERY_TOO_COSTLY: "That is too much at once.",
  UNAVAILABLE: "The server is busy. Try again in a moment.",
  DEADLINE_EXCEEDED: "It took too long. Try again.",
  NETWORK: "The server cannot be reached. Is it running?",
  INTERNAL: "A fault of ours. Please report the number below.",
};

export function Problem({ problem, onRetry }: { problem: ApiError; onRetry?: (() => void) | undefined }) {
  return (
    <div className="problem" role="alert" data-code={problem.code}>
      <p className="problem-head">
        <strong>{ADVICE[problem.code] ?? ADVICE.INTERNAL}</strong>
        <code>{problem.code}</code>
      </p>
      {problem.issues.length > 0 ? (
        <ul>
          {problem.issues.map((issue) => (
            <li key={issue.path.join(".") + issue.code}>
              <code>{issue.path.join(".")}</code> {issue.message}
            </li>
          ))}
        </ul>
      ) : (
        <p>{problem.message}</p>
      )}
      {problem.requestId && <p className="hint">Request {problem.requestId}</p>}
      {problem.retryable && onRetry && <button className="quiet" onClick={onRetry}>Try again</button>}
    </div>
  );
}
