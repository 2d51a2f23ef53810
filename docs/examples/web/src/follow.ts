/** Follows a run over as many sockets as it takes: each begins behind the last event that was seen. */

import { type Client, createClient } from "graphql-ws";
import type { EventsSubscription } from "./__generated__/graphql";
import { ApiError, type GraphQLFailure } from "./api";
import { EventsDocument } from "./operations";
import { headersOf, type Session, websocketOf } from "./session";

export type RunEvent = EventsSubscription["agentRunEvents"];

export type Connection = { state: "connecting" | "live" | "lost" | "done"; sockets: number };

const FATAL = new Set(["NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED", "BAD_USER_INPUT"]);
const FORBIDDEN_SOCKET = 4403;

/**
 * The events of a run, each once and in order, until it has ended or `signal` is given. A lost connection is
 * made again, at first at once, later every few seconds. Throws where another attempt could not help.
 */
export async function* follow(
  session: Session,
  run: string,
  signal: AbortSignal,
  onConnection: (connection: Connection) => void,
): AsyncGenerator<RunEvent, void> {
  let after: string | null = null;
  for (let sockets = 1, failures = 0; !signal.aborted; sockets += 1) {
    onConnection({ state: failures ? "lost" : "connecting", sockets });
    let client: Client | undefined;
    const stop = () => void client?.dispose();
    signal.addEventListener("abort", stop);
    try {
      client = createClient({
        url: websocketOf(session),
        connectionParams: await headersOf(session),
        retryAttempts: 0,
        on: { connected: () => onConnection({ state: "live", sockets }) },
      });
      const query = EventsDocument.toString();
      for await (const { data, errors } of client.iterate<EventsSubscription>({ query, variables: { run, after } })) {
        if (errors?.[0]) throw ApiError.from(errors[0] as GraphQLFailure);
        if (!data) continue;
        after = data.agentRunEvents.cursor;
        failures = 0;
        yield data.agentRunEvents;
      }
      if (!signal.aborted) onConnection({ state: "done", sockets });
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && FATAL.has(error.code)) throw error;
      if (error instanceof CloseEvent && error.code === FORBIDDEN_SOCKET) {
        throw new ApiError("The token does not hold; sign in again.", { code: "UNAUTHENTICATED" });
      }
      onConnection({ state: "lost", sockets });
      failures += 1;
      await pause(Math.random() * Math.min(250 * 2 ** failures, 5000), signal);
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
