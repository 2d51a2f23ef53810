/** GraphQL over HTTP: typed documents in, data out, and one kind of error. */

import type { TypedDocumentString } from "./__generated__/graphql";
import { distrust } from "./account";
import { headersOf, type Session } from "./session";

export type Issue = { path: (string | number)[]; code: string; message: string };
type Extensions = { code?: string; requestId?: string; retryable?: boolean; issues?: Issue[] };
export type GraphQLFailure = { message: string; extensions?: Extensions };

/** What went wrong. Decide by `code`; `message` is a sentence for people. */
export class ApiError extends Error {
  readonly code: string;
  readonly requestId: string | undefined;
  readonly retryable: boolean;
  readonly issues: Issue[];

  constructor(message: string, extensions: Extensions = {}) {
    super(message);
    this.code = extensions.code ?? "INTERNAL";
    this.requestId = extensions.requestId;
    this.retryable = extensions.retryable ?? false;
    this.issues = extensions.issues ?? [];
  }

  static from(failure: GraphQLFailure): ApiError {
    return new ApiError(failure.message, failure.extensions);
  }

  /** Whatever was thrown, as an ApiError. */
  static of(thrown: unknown): ApiError {
    if (thrown instanceof ApiError) return thrown;
    return new ApiError(thrown instanceof Error ? thrown.message : "The connection was refused.", { code: "NETWORK", retryable: true });
  }
}

type Answer<Data> = { data?: Data | null; errors?: GraphQLFailure[] };

/** Posts one operation. */
export async function post<Data>(
  endpoint: string,
  operation: { query: string; variables: unknown },
  headers: Record<string, string>,
  options: { signal?: AbortSignal | undefined; credentials?: RequestCredentials } = {},
): Promise<Answer<Data>> {
  let response: Response;
  try {
    response = await fetch(endpoint, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json;q=0.9",
      },
      body: JSON.stringify(operation),
      credentials: options.credentials ?? "same-origin",
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(`${new URL(endpoint).host} does not answer.`, { code: "NETWORK", retryable: true });
  }
  return (await response.json()) as Answer<Data>;
}

/**
 * Sends one operation. A mutation takes an idempotency key: one for each thing that a person wants, the same when it
 * is tried again, so that it happens once.
 */
export async function request<Data, Variables>(
  session: Session,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  options: { idempotencyKey?: string; signal?: AbortSignal } = {},
): Promise<Data> {
  const operation = { query: document.toString(), variables };
  const key: Record<string, string> = options.idempotencyKey ? { "idempotency-key": options.idempotencyKey } : {};
  const send = async () => post<Data>(session.endpoint, operation, { ...(await headersOf(session)), ...key }, { signal: options.signal });
  let { data, errors } = await send();
  if (session.signedIn && errors?.[0]?.extensions?.code === "UNAUTHENTICATED") {
    // The token may have ended on its way; a session that has ended throws here.
    distrust();
    ({ data, errors } = await send());
  }
  if (errors?.[0]) throw ApiError.from(errors[0]);
  return data as Data;
}
