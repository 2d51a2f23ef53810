/** Relay's runtime over the typed client's transport, without React: pages are read as `usePaginationFragment` does. */

import { createRequire } from "node:module";
import { createClient } from "graphql-ws";
import type { ConcreteRequest, GraphQLResponse, GraphQLTaggedNode, OperationType, RequestParameters, Variables } from "relay-runtime";
import type { Server } from "../codegen/client.ts";

// A CommonJS package whose names Node cannot list.
const relay = createRequire(import.meta.url)("relay-runtime") as typeof import("relay-runtime");
const { Environment, Network, Observable, RecordSource, Store } = relay;

export type Artifact = ConcreteRequest;

export class Client {
  /** What the runtime warned of: records of two types under one id, fields that were not sent, … */
  readonly warnings: string[] = [];
  readonly #environment: InstanceType<typeof Environment>;

  constructor(server: Server) {
    const send = (operation: RequestParameters, variables: Variables) => post(server, operation.text ?? "", variables);
    const follow = (operation: RequestParameters, variables: Variables) => stream(server, operation.text ?? "", variables);
    this.#environment = new Environment({ network: Network.create(send, follow), store: new Store(new RecordSource()) });
  }

  /** Runs something while listening for warnings. */
  async listening<T>(work: () => Promise<T>): Promise<T> {
    const say = console.error;
    console.error = (...words: unknown[]) => this.warnings.push(words.map(String).join(" "));
    try {
      return await work();
    } finally {
      console.error = say;
    }
  }

  /** Reads from the server and keeps what came. */
  async fetch<O extends OperationType>(query: Artifact, variables: O["variables"]): Promise<void> {
    const operation = relay.createOperationDescriptor(relay.getRequest(query), variables);
    this.#environment.retain(operation);
    await relay.fetchQuery<O>(this.#environment, query, variables, { fetchPolicy: "network-only" }).toPromise();
  }

  /** A fragment's data as the store has them, below the root or the `node` of a query. */
  read<Data>(query: Artifact, variables: Variables, fragment: GraphQLTaggedNode): Data {
    const operation = relay.createOperationDescriptor(relay.getRequest(query), variables);
    const root = this.#environment.lookup(operation.fragment).data as Record<string, unknown>;
    const selector = relay.getSingularSelector(relay.getFragment(fragment), "node" in root ? root.node : root);
    if (!selector) throw new Error("the store has nothing for this fragment");
    return this.#environment.lookup(selector).data as Data;
  }

  /** Whether the store knows that a record is gone. */
  isDeleted(id: string): boolean {
    return this.#environment.getStore().getSource().get(id) === null;
  }

  commit<O extends { variables: Variables; response: unknown }>(mutation: Artifact, variables: O["variables"]): Promise<O["response"]> {
    return new Promise((resolve, reject) => {
      relay.commitMutation(this.#environment, {
        mutation,
        variables,
        onCompleted: (response, errors) => (errors ? reject(new Error(JSON.stringify(errors))) : resolve(response as O["response"])),
        onError: reject,
      });
    });
  }

  /** Everything that a subscription sends, once it has completed. */
  subscribe<O extends OperationType>(subscription: Artifact, variables: O["variables"]): Promise<O["response"][]> {
    return new Promise((resolve, reject) => {
      const all: O["response"][] = [];
      relay.requestSubscription<O>(this.#environment, {
        subscription,
        variables,
        onNext: (response) => void (response && all.push(response)),
        onCompleted: () => resolve(all),
        onError: reject,
      });
    });
  }
}

async function post(server: Server, query: string, variables: Variables): Promise<GraphQLResponse> {
  const response = await fetch(server.endpoint, {
    method: "POST",
    headers: { ...server.headers, "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as GraphQLResponse;
}

function stream({ websocket, headers }: Server, query: string, variables: Variables) {
  return Observable.create<GraphQLResponse>((sink) => {
    const client = createClient({ url: websocket, connectionParams: headers });
    client.subscribe(
      { query, variables },
      {
        next: (value) => sink.next(value as GraphQLResponse),
        error: (error) => sink.error(error as Error),
        complete: () => sink.complete(),
      },
    );
    return () => void client.dispose();
  });
}
