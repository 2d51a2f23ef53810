import assert from "node:assert/strict";
import { test } from "node:test";
import { follow, isSubscription, sendable } from "./fetcher.js";

test("headers are sent in lower case and unfilled ones not at all", () => {
  assert.deepEqual(sendable({ Authorization: "Bearer a", "X-Workspace": "", n: null, "x-count": 2 }), {
    authorization: "Bearer a",
    "x-count": "2",
  });
  assert.deepEqual(sendable(undefined), {});
});

test("the selected operation decides how a request travels", () => {
  const query = "query A { a } subscription B { b }";
  assert.equal(isSubscription({ query, operationName: "A" }), false);
  assert.equal(isSubscription({ query, operationName: "B" }), true);
  assert.equal(isSubscription({ query: "subscription { b }" }), true);
  assert.equal(isSubscription({ query }), false);
  assert.equal(isSubscription({ query: "subscription {" }), false);
});

// A server's side of `graphql-transport-ws`: answers what it is told to.
function socketThat(onSubscribe) {
  return class {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    constructor(_url, protocol) {
      this.protocol = protocol;
      this.readyState = 0;
      queueMicrotask(() => {
        this.readyState = 1;
        this.onopen();
      });
    }
    answer(message) {
      queueMicrotask(() => this.onmessage({ data: JSON.stringify(message) }));
    }
    send(text) {
      const message = JSON.parse(text);
      if (message.type === "connection_init") {
        this.initPayload = message.payload;
        this.answer({ type: "connection_ack" });
      } else if (message.type === "subscribe") {
        onSubscribe(this, message);
      }
    }
    close(code, reason) {
      this.readyState = 3;
      queueMicrotask(() => this.onclose({ code, reason, wasClean: true }));
    }
  };
}

function last(webSocketImpl, headers = {}) {
  return new Promise((resolve) => {
    let shown;
    follow("ws://localhost/graphql/ws", { query: "subscription { a }" }, headers, { webSocketImpl }).subscribe({
      next: (state) => {
        shown = state;
      },
      complete: () => resolve(shown),
    });
  });
}

test("a subscription keeps its last hundred items, newest first, and counts all", async () => {
  const shown = await last(
    socketThat((socket, { id }) => {
      for (let seq = 1; seq <= 150; seq += 1) {
        socket.answer({ id, type: "next", payload: { data: { seq, sent: socket.initPayload } } });
      }
      socket.answer({ id, type: "complete" });
    }),
    { authorization: "Bearer a" },
  );
  assert.equal(shown.status, "complete");
  assert.equal(shown.received, 150);
  assert.equal(shown.newestFirst.length, 100);
  assert.deepEqual(shown.newestFirst[0].data, { seq: 150, sent: { authorization: "Bearer a" } });
});

test("a refused subscription shows the errors", async () => {
  const errors = [{ message: "no such run", extensions: { code: "NOT_FOUND" } }];
  const shown = await last(socketThat((socket, { id }) => socket.answer({ id, type: "error", payload: errors })));
  assert.equal(shown.status, "refused");
  assert.equal(shown.errors[0].extensions.code, "NOT_FOUND");
});

test("a closed socket shows its code and keeps what had arrived", async () => {
  const shown = await last(
    socketThat((socket, { id }) => {
      socket.answer({ id, type: "next", payload: { data: { seq: 1 } } });
      queueMicrotask(() => socket.close(4401, "Unauthorized"));
    }),
  );
  assert.equal(shown.status, "closed: 4401 Unauthorized");
  assert.equal(shown.received, 1);
});
