/**
 * main BINARY SCREENSHOTS: the clients against a running `footnote demo`: the typed program, Relay's runtime, and
 * the built example app in Chromium, of which it leaves screenshots in a folder (`failure.png` where it stopped).
 */

import { mkdir, mkdtemp, chmod, readFile, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { useTypedCode } from "../codegen/program.ts";
import { visitAccount, visitInvitation } from "./account.ts";
import { visitApp } from "./app.ts";
import { Demo } from "./demo.ts";
import { visitGraphiql } from "./graphiql.ts";

// Relay's artifacts name each other without an ending, as bundlers take it.
registerHooks({ resolve: (name, context, next) => next(name.endsWith(".graphql") ? `${name}.ts` : name, context) });
const { useRelay } = await import("./relay.ts");

const SITE = resolve(import.meta.dirname, "../../../docs/examples/web/dist");
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const [binary, shots] = process.argv.slice(2);
if (!binary || !shots) throw new Error("usage: main BINARY SCREENSHOTS");
const chromium = process.env.CHROMIUM ?? BROWSERS.find((path) => existsSync(path));
if (!chromium) throw new Error("there is no Chromium: install Debian's package chromium, or name a browser in CHROMIUM");
if (!existsSync(join(SITE, "index.html"))) throw new Error("the app is not built: npm --prefix docs/examples/web run build");

await mkdir(shots, { recursive: true });
await rm(join(shots, "failure.png"), { force: true });
const folder = await mkdtemp(join(tmpdir(), "footnote-clients-"));
// As root, the server's PostgreSQL runs as another user, who must get through to its data.
await chmod(folder, 0o755);
const log = join(folder, "log");
const begun = performance.now();
const say = (line: string) => console.log(`clients: ${line} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);

let demo: Demo | undefined;
try {
  demo = await Demo.start(resolve(binary), join(folder, "data"), log);
  say("the demo is ready");
  const { endpoint, websocket, users } = demo.told;
  const server = { endpoint, websocket, headers: users[0]?.headers ?? {} };
  say(await useTypedCode(server));
  say(await useRelay(server));
  say(await visitGraphiql(demo.told, shots, chromium));
  say(await visitAccount(demo.told, join(folder, "data"), shots, chromium));
  say(await visitInvitation(demo.told, join(folder, "data"), shots, chromium));
  say(await visitApp({ told: demo.told, site: SITE, shots, chromium }));
  await demo.stop();
  demo = undefined;
} catch (error) {
  const tail = existsSync(log) ? (await readFile(log, "utf8")).split("\n").slice(-30).join("\n") : "";
  console.error(`clients: the end of the demo's log:\n${tail}`);
  throw error;
} finally {
  await demo?.stop().catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
}
