/** A client in thirty lines: documents carry their types, so neither variables nor data are named twice. */

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { createClient } from "graphql-ws";

/** Where the server is and who asks: an entry of `footnote demo --json`. */
export type Server = { endpoint: string; websocket: string; headers: Record<string, string> };

type Answer<Data> = { data?: Data | null; errors?: readonly { message: string }[] };

/** Sends a query or a mutation. */
export async function request<Data, Variables>(
  server: Server,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetch(server.endpoint, {
    method: "POST",
    headers: { ...server.headers, "content-type": "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Data>;
  if (errors?.length || !data) throw new Error(JSON.stringify(errors));
  return data;
}

/** Follows a subscription to its end. */
export async function* follow<Data, Variables extends Record<string, unknown>>(
  { websocket, headers }: Server,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): AsyncGenerator<Data> {
  const client = createClient({ url: websocket, connectionParams: headers });
  try {
    for await (const { data, errors } of client.iterate<Data>({ query: print(document), variables })) {
      if (errors || !data) throw new Error(JSON.stringify(errors));
      yield data;
    }
  } finally {
    await client.dispose();
  }
}
