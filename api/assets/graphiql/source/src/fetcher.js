// How the page talks to the server: queries and mutations by POST, subscriptions over `graphql-transport-ws`.
//
// Both carry what the headers editor holds, and the page's session where it holds no token: as request headers, and as the
// payload of `connection_init`. A request whose token has just ended is sent once more with the next one. Failures of the
// transport (a refused socket, an answer that is not JSON) show as text, never as an empty pane. A socket is never
// reopened silently, because a resumed subscription would show items twice.

import { getOperationAST, parse } from "graphql";
import { createClient } from "graphql-ws";

const ITEMS_KEPT = 100;
// A replay can bring hundreds of items at once; the pane is redrawn at most this often.
const REDRAW_MS = 50;

/**
 * Makes GraphiQL's fetcher for one server.
 *
 * @param {{ endpoint: string, socket: string, session: { headers: Function, renewAfter: Function } }} parts the addresses
 *   of HTTP and of the WebSocket, both absolute, and who is signed in
 */
export function createFetcher({ endpoint, socket, session }) {
  return async (request, options) => {
    const headers = await session.headers(sendable(options?.headers));
    if (isSubscription(request)) {
      return follow(socket, request, headers);
    }
    const answer = await post(endpoint, request, headers);
    if (isSignedOut(answer) && (await session.renewAfter(headers))) {
      return post(endpoint, request, await session.headers(sendable(options?.headers)));
    }
    return answer;
  };
}

function isSignedOut({ errors }) {
  return errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED") ?? false;
}

/** Gives header names in lower case, without those whose value is empty (an unfilled template). */
export function sendable(headers) {
  return Object.fromEntries(
    Object.entries(headers ?? {})
      .filter(([, value]) => value !== null && value !== "")
      .map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

/** Tells whether the request's selected operation is a subscription; what does not parse is left to the server. */
export function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false;
  }
}

async function post(endpoint, request, headers) {
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      redirect: "error",
      headers: {
        accept: "application/graphql-response+json, application/json;q=0.9",
        "content-type": "application/json",
        ...headers,
      },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      return failure(`HTTP ${response.status}, not JSON: ${text.slice(0, 500)}`);
    }
  } catch (error) {
    return failure(`The request could not be sent: ${error.message}`);
  }
}

/**
 * Follows a subscription on a socket of its own.
 *
 * @returns an observable whose values are the whole state of the pane: `status`, `received` (a count), and the last
 *   hundred items, `newestFirst`
 */
export function follow(socket, request, headers, clientOptions = {}) {
  return {
    subscribe(observer) {
      const state = { status: "connecting", received: 0, newestFirst: [] };
      let redraw;
      const draw = () => {
        clearTimeout(redraw);
        redraw = undefined;
        observer.next({ ...state });
      };
      const end = (ending) => {
        Object.assign(state, ending);
        draw();
      };
      const client = createClient({
        url: socket,
        connectionParams: headers,
        retryAttempts: 0,
        ...clientOptions,
      });
      client.on("connected", () => end({ status: "following" }));
      const unsubscribe = client.subscribe(request, {
        next(item) {
          state.received += 1;
          state.newestFirst = [item, ...state.newestFirst].slice(0, ITEMS_KEPT);
          redraw ??= setTimeout(draw, REDRAW_MS);
        },
        error(cause) {
          end(ending(cause));
          observer.complete();
        },
        complete() {
          if (state.status === "following") {
            end({ status: "complete" });
          }
          observer.complete();
        },
      });
      return {
        unsubscribe() {
          end({ status: "stopped" });
          unsubscribe();
        },
      };
    },
  };
}

function ending(cause) {
  if (Array.isArray(cause)) {
    return { status: "refused", errors: cause };
  }
  if (typeof cause?.code === "number") {
    return { status: `closed: ${cause.code} ${cause.reason ?? ""}`.trimEnd() };
  }
  return { status: `failed: ${cause?.message ?? "the socket could not be opened"}` };
}

function failure(message) {
  return { errors: [{ message }] };
}
