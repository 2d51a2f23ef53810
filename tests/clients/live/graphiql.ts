/** GraphiQL in Chromium: signs in through its bar, asks as that person, chooses a workspace, goes on after a reload, signs out. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Told } from "./demo.ts";

const QUERY = "{ viewer { user { email } role } }";

/** Runs the whole visit; returns a line about it. */
export async function visitGraphiql(told: Told, shots: string, executablePath: string): Promise<string> {
  const person = told.users[0];
  assert.ok(person, "the demo has nobody");
  let browser: Browser | undefined;
  let page: Page | undefined;
  try {
    browser = await chromium.launch({ executablePath, headless: true });
    page = await browser.newPage({ viewport: { width: 1360, height: 900 } });
    page.setDefaultTimeout(15_000);
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
    });
    await page.goto(`${told.graphiql}#query=${encodeURIComponent(QUERY)}`);
    assert.match(await ask(page), /UNAUTHENTICATED/);
    const signIn = page.getByRole("button", { name: "Sign in" });
    await page.getByLabel("E-mail").fill(person.email);
    await page.getByLabel("Password").fill("not the password");
    await signIn.click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Password").fill(person.password);
    await signIn.click();
    await page.getByLabel("Workspace").selectOption(person.workspace);
    const asked = await ask(page);
    assert.ok(asked.includes(person.email) && asked.includes(person.role), `the answer is not ${person.email}'s: ${asked}`);
    await page.screenshot({ path: join(shots, "graphiql.png") });
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
    assert.ok(!/eyJ/.test(stored) && !stored.includes(person.password), "a secret is stored");
    await page.reload();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    assert.ok((await ask(page)).includes(person.email), "the session does not go on after a reload");
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn.waitFor();
    assert.match(await ask(page), /UNAUTHENTICATED/);
    await byLink(browser, told);
    assert.deepEqual(faults, [], "the page reported faults");
    return "GraphiQL: signed in, asked, reloaded, signed out; a link with a token works without";
  } catch (error) {
    await page?.screenshot({ path: join(shots, "failure.png") }).catch(() => undefined);
    throw error;
  } finally {
    await browser?.close();
  }
}

/** The demo's links need nobody to sign in. */
async function byLink(browser: Browser, told: Told): Promise<void> {
  const person = told.users[1] ?? told.users[0];
  assert.ok(person);
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  const headers = Buffer.from(JSON.stringify(person.headers)).toString("base64url");
  await page.goto(`${told.graphiql}#headers=${headers}&query=${encodeURIComponent(QUERY)}`);
  assert.ok((await ask(page)).includes(person.email), "a link's token is not used");
  await page.close();
}

/** Presses the play button; the text of the answer. */
async function ask(page: Page): Promise<string> {
  const answered = page.waitForResponse((response) => (response.request().postData() ?? "").includes("viewer { user { email } role }"));
  await page.getByRole("button", { name: /^Execute query/ }).click();
  return (await answered).text();
}
