/** Where the server is and who asks. Kept for this tab only; a token that was pasted is never written anywhere else. */

import { authorization } from "./account";

/** `signedIn`: by password; the headers then have the workspace alone, and the token comes from `account.ts`. */
export type Session = { endpoint: string; headers: Record<string, string>; signedIn?: boolean };

export const DEFAULT_ENDPOINT = "http://127.0.0.1:8787/graphql";
const KEY = "footnote.session";

/** The session of the address's fragment (`#endpoint=…&headers=<base64url of a JSON object>`), or else of this tab. */
export function loadSession(): Session | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const encoded = fragment.get("headers");
  if (encoded) {
    history.replaceState(null, "", location.pathname + location.search);
    try {
      const json = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
      const session = { endpoint: fragment.get("endpoint") ?? DEFAULT_ENDPOINT, headers: JSON.parse(json) };
      saveSession(session);
      return session;
    } catch {
      return null;
    }
  }
  const saved = sessionStorage.getItem(KEY);
  return saved ? (JSON.parse(saved) as Session) : null;
}

export function saveSession(session: Session | null): void {
  if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
  else sessionStorage.removeItem(KEY);
}

/** Reads what one pastes: the line of `footnote demo --json`, a user of it, or `name: value` lines as `footnote token` prints. */
export function parsePasted(text: string): Partial<Session> | null {
  try {
    const told = JSON.parse(text);
    const headers = told.users?.[0]?.headers ?? told.headers ?? told;
    return headers.authorization ? { endpoint: told.endpoint, headers } : null;
  } catch {
    const lines = text.split("\n").map((line) => line.match(/^\s*([\w-]+)\s*:\s*(.+?)\s*$/));
    const headers = Object.fromEntries(lines.flatMap((found) => (found ? [[found[1]!.toLowerCase(), found[2]!]] : [])));
    return headers.authorization ? { headers } : null;
  }
}

/** The headers of the next request, or of `connection_init`. */
export async function headersOf(session: Session): Promise<Record<string, string>> {
  return session.signedIn ? { ...session.headers, authorization: await authorization(session.endpoint) } : session.headers;
}

/** The socket's address: beside the endpoint. */
export function websocketOf(session: Session): string {
  const url = new URL(session.endpoint);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.pathname += "/ws";
  return url.href;
}
