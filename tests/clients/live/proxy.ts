/**
 * A TCP proxy before the server that breaks connections. It lets a chosen number of events through each
 * WebSocket, holds back what the server sends then, and cuts: what was held is lost, as on a broken line.
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

type Frame = { bytes: Buffer; text: string };

export class CuttingProxy {
  /** Connections that were refused since the cut. */
  refused = 0;
  /** Events that the server had sent and no browser ever saw. */
  lost = 0;
  #limit = Number.POSITIVE_INFINITY;
  #refusing = false;
  #losing = false;
  readonly #open = new Set<Socket>();
  readonly #server: Server;
  readonly #target: URL;

  constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on a WebSocket gets so many events and nothing after them. */
  holdAfter(events: number): void {
    this.#limit = events;
  }

  /** From now on requests reach the server, and the answers to their POSTs are lost: the connection is reset instead. */
  loseAnswers(): void {
    this.#losing = true;
  }

  /** Resets every connection and refuses new ones. */
  cut(): void {
    this.#refusing = true;
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  /** Serves again, without a limit. */
  mend(): void {
    this.#limit = Number.POSITIVE_INFINITY;
    this.#refusing = false;
    this.#losing = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #accept(browser: Socket): void {
    browser.on("error", () => browser.destroy());
    if (this.#refusing) {
      this.refused += 1;
      browser.resetAndDestroy();
      return;
    }
    const server = connect(Number(this.#target.port), this.#target.hostname);
    for (const socket of [browser, server]) {
      this.#open.add(socket);
      socket.on("close", () => {
        this.#open.delete(socket);
        browser.destroy();
        server.destroy();
      });
    }
    server.on("error", () => browser.destroy());
    browser.pipe(server);
    browser.once("data", (request) => {
      if (/^upgrade:\s*websocket/im.test(request.toString("latin1"))) this.#forwardFrames(server, browser);
      else this.#forwardAnswers(server, browser);
    });
  }

  /** Forwards answers, unless those to POSTs are to be lost. */
  #forwardAnswers(server: Socket, browser: Socket): void {
    let posted = true;
    browser.on("data", (request) => {
      if (/^[A-Z]+ \//.test(request.toString("latin1"))) posted = request.toString("latin1").startsWith("POST ");
    });
    server.on("data", (answer) => {
      if (this.#losing && posted) browser.resetAndDestroy();
      else browser.write(answer);
    });
    server.on("end", () => browser.end());
  }

  /** Forwards the answer's head, then frame by frame up to the limit. */
  #forwardFrames(server: Socket, browser: Socket): void {
    let buffer = Buffer.alloc(0);
    let events = 0;
    let upgraded = false;
    server.on("data", (data) => {
      buffer = Buffer.concat([buffer, data]);
      if (!upgraded) {
        const end = buffer.indexOf("\r\n\r\n");
        if (end < 0) return;
        browser.write(buffer.subarray(0, end + 4));
        buffer = buffer.subarray(end + 4);
        upgraded = true;
      }
      for (let frame = firstFrame(buffer); frame; frame = firstFrame(buffer)) {
        buffer = buffer.subarray(frame.bytes.length);
        const isEvent = frame.text.includes('"type":"next"');
        if (events >= this.#limit) {
          if (isEvent) this.lost += 1;
          continue;
        }
        if (isEvent) events += 1;
        browser.write(frame.bytes);
      }
    });
  }
}

/** The first whole frame of a buffer (RFC 6455, section 5.2; a server's frames have no mask). */
function firstFrame(buffer: Buffer): Frame | null {
  if (buffer.length < 2) return null;
  const short = buffer.readUInt8(1) & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (buffer.length < head) return null;
  const length = short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short;
  if (buffer.length < head + length) return null;
  return { bytes: buffer.subarray(0, head + length), text: buffer.toString("utf8", head, head + length) };
}
