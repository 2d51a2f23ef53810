/** What passed between the page and the server, as the browser saw it. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";

type Body = { __typename: string; text?: string; quote?: string; verification?: string };
type Event = { seq: number; cursor: string; event: Body };

export class Wire {
  /** Of every mutation that was sent. */
  readonly idempotencyKeys = new Set<string>();
  readonly #events: Event[] = [];
  readonly #afters: (string | null)[] = [];
  readonly #faults: string[] = [];

  constructor(page: Page) {
    page.on("pageerror", (error) => this.#faults.push(error.message));
    page.on("console", (message) => {
      // The browser itself reports what was refused, and the broken connections that this test is about.
      const expected = /status of 40[01]|WebSocket connection to .* failed|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_FAILED/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !expected) this.#faults.push(message.text());
    });
    page.on("request", (request) => {
      const key = request.headers()["idempotency-key"];
      const sent = request.postData() ?? "";
      // Mutations of a session take no key.
      if (sent.includes("mutation ") && !/mutation (SignIn|Refresh|SignOut)\b/.test(sent)) key ? this.idempotencyKeys.add(key) : this.#faults.push("a mutation had no key");
    });
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => {
        const message = JSON.parse(String(payload));
        if (message.type === "subscribe") this.#afters.push(message.payload.variables.after);
      });
      socket.on("framereceived", ({ payload }) => {
        const message = JSON.parse(String(payload));
        if (message.type !== "next") return;
        if (message.payload.errors) this.#faults.push(JSON.stringify(message.payload.errors));
        else this.#events.push(message.payload.data.agentRunEvents);
      });
    });
  }

  /** Forgets the events so far: another run begins. */
  forget(): void {
    this.#events.length = 0;
    this.#afters.length = 0;
  }

  /** The numbers of all events that came, over all sockets, in their order. */
  seqs(): number[] {
    return this.#events.map(({ seq }) => seq);
  }

  cursor(seq: number): string | undefined {
    return this.#events.find((event) => event.seq === seq)?.cursor;
  }

  /** The cursor that the last subscription began behind. */
  lastAfter(): string | null | undefined {
    assert.equal(this.#afters[0], null, "the first subscription began behind a cursor");
    return this.#afters.at(-1);
  }

  /** The answer's pieces, one after the other. */
  text(): string {
    return this.#events.map(({ event }) => event.text ?? "").join("");
  }

  /** The quotes of the verified citations, in their order. */
  quotes(): string[] {
    return this.#events.flatMap(({ event }) => (event.verification === "VERIFIED" ? [event.quote ?? ""] : []));
  }

  assertNoFault(): void {
    assert.deepEqual(this.#faults, [], "the page reported faults");
  }
}
