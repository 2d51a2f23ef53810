/** The example app in Chromium: signs in, searches, and follows a run whose connection is cut in the middle. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { request } from "../codegen/client.ts";
import type { Told } from "./demo.ts";
import { RunIds, Status } from "./operations.ts";
import { CuttingProxy } from "./proxy.ts";
import { serve } from "./site.ts";
import { Wire } from "./wire.ts";

const QUESTION = "How can an index be built without locking out writes to the table?";
const SEEN_BEFORE_CUT = 2;
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export type Where = { told: Told; site: string; shots: string; chromium: string };

/** Runs the whole visit; returns a line about it. */
export async function visitApp({ told, site, shots, chromium: executablePath }: Where): Promise<string> {
  const proxy = new CuttingProxy(told.endpoint);
  const endpoint = `http://127.0.0.1:${await proxy.listen()}/graphql`;
  const server = await serve(site);
  let browser: Browser | undefined;
  let page: Page | undefined;
  try {
    browser = await chromium.launch({ executablePath, headless: true });
    page = await browser.newPage({ viewport: { width: 1360, height: 900 } });
    page.setDefaultTimeout(15_000);
    const wire = new Wire(page);
    await page.goto(server.address);
    assert.notEqual(new URL(server.address).origin, new URL(endpoint).origin, "the app must be on another origin");
    await signIn(page, endpoint, told);
    await search(page);
    await showErrors(page);
    await startOnce(page, wire, proxy, told);
    const line = await followThroughCut(page, wire, proxy, told, shots);
    await page.screenshot({ path: join(shots, "answer.png"), fullPage: true });
    await accessible(page);
    await storesNothing(page);
    await withPassword(page, endpoint, told);
    await onPhone(browser, server.address, endpoint, told, shots);
    wire.assertNoFault();
    return line;
  } catch (error) {
    await page?.screenshot({ path: join(shots, "failure.png"), fullPage: true }).catch(() => undefined);
    throw error;
  } finally {
    await browser?.close();
    server.close();
    proxy.close();
  }
}

/** First with a token that does not hold, then with what the demo printed. */
async function signIn(page: Page, endpoint: string, told: Told): Promise<void> {
  await page.getByLabel("Endpoint").fill(endpoint);
  await page.getByText("With a token of the command line").click();
  await page.getByLabel("Headers").fill("authorization: Bearer nonsense\nx-workspace: acme");
  await page.getByRole("button", { name: "Open the workspace" }).click();
  await page.locator('.problem[data-code="UNAUTHENTICATED"]').waitFor();
  await page.getByText("With a token of the command line").click();
  await page.getByLabel("Headers").fill(JSON.stringify(told.users[0]?.headers));
  await page.getByLabel("Endpoint").fill(endpoint);
  await page.getByRole("button", { name: "Open the workspace" }).click();
  await page.getByRole("heading", { name: "Ask the documents" }).waitFor();
}

/** Leaves, signs in with a password, goes on after a reload in two tabs at once, and signs out of both. */
async function withPassword(page: Page, endpoint: string, told: Told): Promise<void> {
  const person = told.users[0];
  assert.ok(person, "the demo has nobody");
  const desk = (tab: Page) => tab.getByRole("heading", { name: "Ask the documents" }).waitFor();
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByLabel("Endpoint").fill(endpoint);
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator('.problem[data-code="UNAUTHENTICATED"]').waitFor();
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await desk(page);
  await accessible(page);
  await storesNothing(page);
  const kept = await page.evaluate(() => JSON.stringify(sessionStorage));
  assert.ok(!kept.includes("Bearer") && !kept.includes(person.password), "a secret is stored");

  // A tab that the page opens has a copy of what this one keeps. Both lose their token by the reload, and ask at the same time.
  const [second] = await Promise.all([page.waitForEvent("popup"), page.evaluate(() => void window.open(location.href))]);
  second.setDefaultTimeout(15_000);
  await desk(second);
  await Promise.all([page.reload(), second.reload()]);
  await Promise.all([desk(page), desk(second)]);

  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await second.reload();
  await second.locator('.problem[data-code="UNAUTHENTICATED"]').waitFor();
  await second.close();
}

async function search(page: Page): Promise<void> {
  await page.getByLabel("Search the documents").fill("build an index without locking out writes");
  await page.getByRole("button", { name: "Search" }).click();
  await page.locator(".hit mark").first().waitFor();
  const hits = await page.locator(".hit").count();
  assert.ok(hits >= 3, `the search shows ${hits} passages`);
  assert.ok((await page.locator(".hit h3").allInnerTexts()).every((title) => title.trim()), "a hit has no title");
}

/** A question without a word is refused with its code and the bad field. */
async function showErrors(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  const problem = page.locator('.problem[data-code="BAD_USER_INPUT"]');
  await problem.waitFor();
  assert.match(await problem.locator("li").first().innerText(), /input/, "the bad field is not named");
}

/** The answer to a question is lost on its way, and the question is sent again: one run, not two. */
async function startOnce(page: Page, wire: Wire, proxy: CuttingProxy, told: Told): Promise<void> {
  const server = { ...told, headers: told.users[0]?.headers ?? {} };
  const runs = async () => (await request(server, RunIds, {})).agentRuns.nodes.map(({ id }) => id);
  const before = (await runs()).length;
  const keys = wire.idempotencyKeys.size;
  proxy.loseAnswers();
  await page.getByLabel("Your question").fill("What is a covering index?");
  await page.getByLabel("Your question").press("Enter");
  await page.locator('.problem[data-code="NETWORK"]').waitFor();
  // Chromium by itself sends a POST again whose connection broke before the answer: the key is the same.
  assert.equal((await runs()).length, before + 1, "the question did not reach the server once");
  proxy.mend();
  await page.getByRole("button", { name: "Try again" }).click();
  const article = page.locator("article.run");
  await article.locator('.connection[data-state="done"]').waitFor();
  const now = await runs();
  assert.equal(now.length, before + 1, "the question that was sent again started another run");
  assert.equal(await article.getAttribute("data-run"), now[0], "the app shows another run than the one that was started");
  assert.equal(wire.idempotencyKeys.size, keys + 1, "the question was sent again with another key");
  wire.forget();
}

async function followThroughCut(page: Page, wire: Wire, proxy: CuttingProxy, told: Told, shots: string): Promise<string> {
  proxy.holdAfter(SEEN_BEFORE_CUT);
  await page.getByLabel("Your question").fill(QUESTION);
  await page.getByLabel("Your question").press("Enter");
  const article = page.getByRole("article", { name: QUESTION });
  const connection = article.locator(".connection");
  await article.locator(`li[data-seq="${SEEN_BEFORE_CUT}"]`).waitFor();
  const id = (await article.getAttribute("data-run")) ?? "";

  proxy.cut();
  await connection.and(page.locator('[data-state="lost"]')).waitFor();
  await until(async () => {
    const { agentRun } = await request({ ...told, headers: told.users[0]?.headers ?? {} }, Status, { id });
    return agentRun?.status === "SUCCEEDED";
  }, "the run does not succeed");
  await until(async () => proxy.refused > 0, "the app does not try again");
  assert.deepEqual(await seqs(page), counting(SEEN_BEFORE_CUT), "during the cut the app shows other events than it got");
  await page.screenshot({ path: join(shots, "cut.png"), fullPage: true });

  proxy.mend();
  await connection.and(page.locator('[data-state="done"]')).waitFor();
  await article.locator(".citations li").first().waitFor();
  const shown = await seqs(page);
  assert.ok(shown.length > SEEN_BEFORE_CUT + 1, `the run has ${shown.length} events`);
  assert.deepEqual(shown, counting(shown.length), "the app's events are not contiguous from 1");
  assert.deepEqual(wire.seqs(), shown, "an event came twice, or was lost, on the way");
  assert.equal(wire.lastAfter(), wire.cursor(SEEN_BEFORE_CUT), "the app did not resume from the last cursor");
  assert.ok(wire.idempotencyKeys.size >= 2, "the mutations had no idempotency keys of their own");

  const pieces = wire.text();
  const answer = await article.locator(".answer p").first().evaluate((paragraph) => {
    const copy = paragraph.cloneNode(true) as HTMLElement;
    for (const mark of copy.querySelectorAll("sup")) mark.remove();
    return copy.textContent;
  });
  assert.ok(pieces.length > 20, "there is no answer");
  assert.equal(answer, pieces, "the answer shown is not the answer streamed");
  const quotes = await article.locator('.citations li[data-citation="VERIFIED"] mark').allTextContents();
  assert.ok(quotes.length > 0, "no verified citation is shown");
  assert.deepEqual(quotes, wire.quotes(), "the citations shown are not those of the events");
  assert.equal(await article.locator(".answer sup a").count(), quotes.length, "a citation is not marked in the answer");
  const around = await article.locator(".citations blockquote").first().textContent();
  assert.ok((around ?? "").length > (quotes[0] ?? "").length + 20, "a quote is shown without its context");
  return `${shown.length} events over a cut after ${SEEN_BEFORE_CUT} (${proxy.lost} sent and lost, ${proxy.refused} attempts refused), ${quotes.length} citations`;
}

/** No rule of WCAG 2 A and AA that axe can check is broken. */
async function accessible(page: Page): Promise<void> {
  await page.addScriptTag({ path: AXE });
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
    const { violations } = await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] });
    return violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 120)).join(" ")}`);
  });
  assert.deepEqual(found, [], "the page has faults of accessibility");
}

/** The token is in this tab's storage alone. */
async function storesNothing(page: Page): Promise<void> {
  const kept = await page.evaluate(() => ({ local: localStorage.length, cookie: document.cookie, tab: sessionStorage.length }));
  assert.deepEqual(kept, { local: 0, cookie: "", tab: 1 });
}

/** A small dark screen that gets its headers from the fragment, which is gone at once. */
async function onPhone(browser: Browser, address: string, endpoint: string, told: Told, shots: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: "dark", deviceScaleFactor: 2 });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const headers = Buffer.from(JSON.stringify(told.users[0]?.headers)).toString("base64url");
  await page.goto(`${address}#endpoint=${encodeURIComponent(endpoint)}&headers=${headers}`);
  await page.getByRole("button", { name: QUESTION }).first().click();
  await page.locator(".citations li").first().waitFor();
  assert.equal(new URL(page.url()).hash, "", "the token stays in the address");
  const { wide, view } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, view: innerWidth }));
  assert.ok(wide <= view, `the page is ${wide} wide on a screen of ${view}`);
  await page.screenshot({ path: join(shots, "phone.png") });
  await accessible(page);
  await context.close();
}

async function seqs(page: Page): Promise<number[]> {
  return (await page.locator("li[data-seq]").evaluateAll((lines) => lines.map((line) => line.getAttribute("data-seq")))).map(Number);
}

function counting(length: number): number[] {
  return Array.from({ length }, (_, index) => index + 1);
}

async function until(condition: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(otherwise);
}
