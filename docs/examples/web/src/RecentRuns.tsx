import { useEffect, useState } from "react";
import type { RecentRunsQuery } from "./__generated__/graphql";
import { ApiError, request } from "./api";
import { RecentRunsDocument } from "./operations";
import { Problem } from "./Problem";
import type { Session } from "./session";

type Page = RecentRunsQuery["agentRuns"];
type Props = { session: Session; current: string | undefined; onOpen: (run: Page["nodes"][number]) => void };

/** The newest runs, older ones page by page. */
export function RecentRuns({ session, current, onOpen }: Props) {
  const [page, setPage] = useState<Page | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);

  useEffect(() => {
    void more(null);
  }, [session, current]);

  async function more(before: Page | null) {
    try {
      const { agentRuns } = await request(session, RecentRunsDocument, { after: before?.pageInfo.endCursor });
      setPage({ nodes: [...(before?.nodes ?? []), ...agentRuns.nodes], pageInfo: agentRuns.pageInfo });
      setProblem(null);
    } catch (error) {
      setProblem(ApiError.of(error));
    }
  }

  const others = page?.nodes.filter((run) => run.id !== current) ?? [];
  if (!problem && others.length === 0) return null;
  return (
    <nav className="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">Earlier questions</h2>
      {problem && <Problem problem={problem} onRetry={() => void more(page)} />}
      <ul>
        {others.map((run) => (
          <li key={run.id}>
            <button className="link" onClick={() => onOpen(run)}>{run.input}</button>
            <time dateTime={run.createdAt}>{new Date(run.createdAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}</time>
          </li>
        ))}
      </ul>
      {page?.pageInfo.hasNextPage && <button className="quiet" onClick={() => void more(page)}>Show more</button>}
    </nav>
  );
}
