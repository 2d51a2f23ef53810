/** Starts `footnote demo` and ends it with the signal of Ctrl-C. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";

const READY_SECONDS = 600;
const STOP_SECONDS = 40;

/** What the demo's line says, as far as it is needed here. */
export type Told = {
  endpoint: string;
  websocket: string;
  graphiql: string;
  users: { email: string; password: string; role: string; workspace: string; headers: Record<string, string> }[];
};

export class Demo {
  readonly told: Told;
  readonly #process: ChildProcess;

  private constructor(told: Told, process: ChildProcess) {
    this.told = told;
    this.#process = process;
  }

  /** Waits until it is ready; its log goes into a file. */
  static async start(binary: string, data: string, log: string): Promise<Demo> {
    const child = spawn(binary, ["demo", "--json", "--listen", "127.0.0.1:0", "--data", data], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.pipe(createWriteStream(log));
    const timer = setTimeout(() => child.kill("SIGINT"), READY_SECONDS * 1000);
    try {
      for await (const line of createInterface({ input: child.stdout })) return new Demo(JSON.parse(line) as Told, child);
    } finally {
      clearTimeout(timer);
    }
    throw new Error("the demo ended before it was ready");
  }

  /** Presses Ctrl-C and waits for the end. */
  async stop(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGINT");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), STOP_SECONDS * 1000);
    const [code] = (await ended) as [number | null];
    clearTimeout(timer);
    assert.equal(code, 0, `the demo's exit code is ${code}`);
  }
}
