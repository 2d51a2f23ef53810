/**
 * People who sign in with a password: the recipe with the cookie. The access token is in memory alone; the refresh token is a
 * cookie that scripts cannot read, and that the browser sends to the server by itself.
 */

import type { TypedDocumentString } from "./__generated__/graphql";
import { ApiError, post } from "./api";
import { RefreshDocument, SignInDocument, SignOutDocument } from "./operations";

type Access = { authorization: string; endsAt: number };

/** A token that ends within this time is exchanged before it is used. */
const EARLY = 30_000;
const LOCK = "footnote.refresh";

let access: Access | null = null;
let exchange: Promise<Access> | null = null;

/** Opens a session. Throws UNAUTHENTICATED for a wrong address or password alike, RATE_LIMITED after too many. */
export async function signIn(endpoint: string, email: string, password: string): Promise<void> {
  const { signIn: session } = await ask(endpoint, SignInDocument, { input: { email, password, delivery: "COOKIE" } });
  access = kept(session);
}

/** The header for the next request, from a token that holds for a while. Throws UNAUTHENTICATED where the session has ended. */
export async function authorization(endpoint: string): Promise<string> {
  if (access && access.endsAt - Date.now() > EARLY) return access.authorization;
  return (await renew(endpoint)).authorization;
}

/** The token was refused although it was not old: the next request gets another, or learns that the session has ended. */
export function distrust(): void {
  access = null;
}

/** Ends the session on the server; the answer takes the cookie away. */
export async function signOut(endpoint: string): Promise<void> {
  const headers: Record<string, string> = access ? { authorization: access.authorization } : {};
  access = null;
  await ask(endpoint, SignOutDocument, { input: {} }, headers);
}

/**
 * Exchanges the cookie for the next one and an access token. Requests of this tab wait for one exchange, and tabs take turns where the
 * browser can arrange it; where it cannot, the server's grace window gives both tabs the same session.
 */
function renew(endpoint: string): Promise<Access> {
  const work = async () => {
    const { sessionRefresh } = await ask(endpoint, RefreshDocument, { input: {} });
    access = kept(sessionRefresh);
    return access;
  };
  exchange ??= Promise.resolve(navigator.locks ? navigator.locks.request(LOCK, work) : work()).finally(() => {
    exchange = null;
  });
  return exchange;
}

function kept(session: { accessToken: string | null; accessTokenExpiresAt: string }): Access {
  return { authorization: `Bearer ${session.accessToken}`, endsAt: Date.parse(session.accessTokenExpiresAt) };
}

async function ask<Data, Variables>(
  endpoint: string,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  headers: Record<string, string> = {},
): Promise<Data> {
  const { data, errors } = await post<Data>(endpoint, { query: document.toString(), variables }, headers, { credentials: "include" });
  if (errors?.[0]) throw ApiError.from(errors[0]);
  return data as Data;
}
