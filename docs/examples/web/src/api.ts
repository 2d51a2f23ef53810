/** GraphQL over HTTP: typed documents in, data out, and one kind of error. */

import type { TypedDocumentString } from "./__generated__/graphql";
import type { Session } from "./session";

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
  let response: Response;
  try {
    response = await fetch(session.endpoint, {
      method: "POST",
      headers: {
        ...session.headers,
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json;q=0.9",
        ...(options.idempotencyKey ? { "idempotency-key": options.idempotencyKey } : {}),
      },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(`${new URL(session.endpoint).host} does not answer.`, { code: "NETWORK", retryable: true });
  }
  const { data, errors } = (await response.json()) as { data?: Data | null; errors?: GraphQLFailure[] };
  if (errors?.[0]) throw ApiError.from(errors[0]);
  return data as Data;
}
