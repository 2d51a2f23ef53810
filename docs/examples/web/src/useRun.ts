import { useEffect, useState } from "react";
import type { RunQuery } from "./__generated__/graphql";
import { ApiError, request } from "./api";
import { type Connection, follow, type RunEvent } from "./follow";
import { RunDocument } from "./operations";
import type { Session } from "./session";

export type Run = NonNullable<RunQuery["agentRun"]>;

export type Followed = {
  events: RunEvent[];
  connection: Connection;
  /** The run as it is stored, once it has ended: its answer with every citation in context. */
  run: Run | null;
  problem: ApiError | null;
};

const BEGIN: Followed = { events: [], connection: { state: "connecting", sockets: 1 }, run: null, problem: null };

/** Follows a run from its first event, and reads it when it has ended. */
export function useRun(session: Session, id: string): Followed {
  const [followed, setFollowed] = useState(BEGIN);

  useEffect(() => {
    const abort = new AbortController();
    const update = (change: (now: Followed) => Partial<Followed>) => {
      if (!abort.signal.aborted) setFollowed((now) => ({ ...now, ...change(now) }));
    };
    setFollowed(BEGIN);
    (async () => {
      try {
        for await (const event of follow(session, id, abort.signal, (connection) => update(() => ({ connection })))) {
          update(({ events }) => ({ events: [...events, event] }));
        }
        const { agentRun } = await request(session, RunDocument, { id }, { signal: abort.signal });
        update(() => ({ run: agentRun }));
      } catch (error) {
        update(() => ({ problem: ApiError.of(error) }));
      }
    })();
    return () => abort.abort();
  }, [session, id]);

  return followed;
}
