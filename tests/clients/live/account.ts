/**
 * The page behind the links of mails, in Chromium: asks for a new password, finds the mail as a file, opens its link, signs in; invites
 * somebody, who signs up, confirms the address and joins.
 */

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Told } from "./demo.ts";

const PASSWORD = "a new and much longer password";

type Answer = { data?: unknown; errors?: { message: string; extensions: { code: string } }[] };

/** Runs the whole visit; `data` is the demo's folder. Returns a line about it. */
export async function visitAccount(told: Told, data: string, shots: string, executablePath: string): Promise<string> {
  const person = told.users.at(-1);
  assert.ok(person, "the demo has nobody");
  const before = new Set(await mails(data));
  const asked = await ask(told, "mutation($input: PasswordResetRequestInput!) { passwordResetRequest(input: $input) { __typename } }", {
    email: person.email,
  });
  assert.equal(asked.errors, undefined, JSON.stringify(asked.errors));
  const link = await linkOf("reset", data, before);
  assert.ok(link.startsWith(new URL(told.endpoint).origin), `the link leads elsewhere: ${link.split("#")[0]}`);
  const browser = await chromium.launch({ executablePath, headless: true });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    const sent: string[] = [];
    page.on("request", (request) => sent.push(request.url()));
    await page.goto(link);
    assert.equal(new URL(page.url()).hash, "", "the token stays in the address");
    await page.getByLabel("New password").fill("password");
    await page.getByRole("button", { name: "Save the password" }).click();
    await page.getByRole("status").filter({ hasText: /./ }).waitFor();
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Save the password" }).click();
    await page.getByText("The password is saved").waitFor();
    await page.screenshot({ path: join(shots, "account.png") });
    const token = link.split("=").at(-1) ?? "";
    assert.ok(!sent.some((url) => url.includes(token)), "the token went to the server in an address");
    await page.goto("about:blank");
    await page.goto(link);
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Save the password" }).click();
    await page.getByRole("status").filter({ hasText: /./ }).waitFor();
    assert.ok(await page.getByLabel("New password").isVisible(), "a link worked twice");
  } finally {
    await browser.close();
  }
  const signIn = (password: string) =>
    ask(told, "mutation($input: SignInInput!) { signIn(input: $input) { __typename } }", { email: person.email, password });
  assert.equal((await signIn(person.password)).errors?.[0]?.extensions.code, "UNAUTHENTICATED", "the old password works");
  assert.equal((await signIn(PASSWORD)).errors, undefined, "the new password does not work");
  return "Account: a mail's link took a new password, once";
}

/** Somebody new is invited by the owner, signs up on the page of the invitation's link, confirms the address, and joins by it. */
export async function visitInvitation(told: Told, data: string, shots: string, executablePath: string): Promise<string> {
  const owner = told.users[0];
  assert.ok(owner, "the demo has nobody");
  const email = "newcomer@example.com";
  let before = new Set(await mails(data));
  const roles = await ask(told, "{ roles(filter: { name: { eq: \"VIEWER\" } }) { nodes { id } } }", {}, owner.headers);
  const roleId = (roles.data as { roles: { nodes: { id: string }[] } }).roles.nodes[0]?.id;
  const invite = "mutation($input: InvitationCreateInput!) { invitationCreate(input: $input) { invitation { id } } }";
  const invited = await ask(told, invite, { email, roleId }, owner.headers);
  assert.equal(invited.errors, undefined, JSON.stringify(invited.errors));
  const link = await linkOf("invite", data, before);
  before = new Set(await mails(data));
  const browser = await chromium.launch({ executablePath, headless: true });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    const fill = async (button: string) => {
      await page.goto("about:blank");
      await page.goto(link);
      await page.getByLabel("Address", { exact: true }).fill(email);
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByRole("button", { name: button }).click();
    };
    await fill("Sign up");
    await page.getByText("Open the link of the mail").waitFor();
    await page.goto(await linkOf("verify", data, before));
    await page.getByRole("button", { name: "Confirm the address" }).click();
    await page.getByText("The address is confirmed").waitFor();
    await fill("Sign in and join");
    await page.getByText("You are a member of").waitFor();
    await page.screenshot({ path: join(shots, "invitation.png") });
    await fill("Sign in and join");
    await page.getByText("accepted already").waitFor();
  } finally {
    await browser.close();
  }
  return "Invitation: somebody new signed up and joined by its link, once";
}

async function ask(told: Told, query: string, input: object, shown: Record<string, string> = {}): Promise<Answer> {
  const headers = { ...shown, "content-type": "application/json", accept: "application/graphql-response+json" };
  const response = await fetch(told.endpoint, { method: "POST", headers, body: JSON.stringify({ query, variables: { input } }) });
  return (await response.json()) as Answer;
}

async function mails(data: string): Promise<string[]> {
  return (await readdir(join(data, "mail"))).filter((name) => name.endsWith(".eml"));
}

/** The link of the mail that was not there before. */
async function linkOf(kind: string, data: string, before: Set<string>): Promise<string> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    for (const name of (await mails(data)).filter((each) => !before.has(each))) {
      const text = (await readFile(join(data, "mail", name), "utf8")).replaceAll("=\r\n", "").replaceAll("=3D", "=");
      const link = new RegExp(`http:\\S+/account#${kind}=[\\w-]+`).exec(text)?.[0];
      if (link) return link;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("no mail came");
}
