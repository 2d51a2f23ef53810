import assert from "node:assert/strict";
import { test } from "node:test";
import { createSession } from "./session.js";

const VIEWER = { viewer: { user: { name: "Ada", email: "ada@acme.example" }, workspaces: [{ slug: "acme", name: "Acme" }, { slug: "globex", name: "Globex" }] } };

// A server that answers by the operation's name, and remembers what it was asked.
function server(answers) {
  const asked = [];
  return {
    asked,
    names: () => asked.map(({ name }) => name),
    async send(_endpoint, { headers, body, credentials }) {
      const { query, variables } = JSON.parse(body);
      const name = /(?:query|mutation) (\w+)/.exec(query)[1];
      asked.push({ name, headers, variables, credentials });
      const answer = answers[name];
      const value = typeof answer === "function" ? await answer() : answer;
      return { json: async () => (value instanceof Error ? { errors: [{ message: value.message, extensions: { code: value.code } }] } : { data: value }) };
    },
  };
}

function tokens(name, ...values) {
  let at = 0;
  return () => ({ [name]: { accessToken: values[Math.min(at++, values.length - 1)], accessTokenExpiresAt: "2030-01-01T00:10:00Z" } });
}

function refusal(code) {
  return Object.assign(new Error("refused"), { code });
}

function storage(kept = {}) {
  const map = new Map(Object.entries(kept));
  return { getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, value), removeItem: (key) => map.delete(key), map };
}

const early = () => Date.parse("2030-01-01T00:00:00Z");
const late = () => Date.parse("2030-01-01T00:09:45Z");

test("signing in keeps the token in memory and sends it with the chosen workspace", async () => {
  const { send, asked } = server({ SignIn: tokens("signIn", "t1"), Viewer: VIEWER });
  const kept = storage();
  const session = createSession({ endpoint: "/", send, storage: kept, now: early });
  await session.signIn("ada@acme.example", "correct horse");
  assert.equal(session.get().status, "in");
  assert.deepEqual(asked[0].variables, { input: { email: "ada@acme.example", password: "correct horse", delivery: "COOKIE" } });
  session.choose("globex");
  assert.deepEqual(await session.headers({}), { authorization: "Bearer t1", "x-workspace": "globex" });
  assert.ok(![...kept.map.values()].some((value) => value.includes("t1") || value.includes("horse")));
});

test("headers of the editor win over the session", async () => {
  const { send } = server({ SignIn: tokens("signIn", "t1"), Viewer: VIEWER });
  const session = createSession({ endpoint: "/", send, storage: storage(), now: early });
  await session.signIn("a", "b");
  const link = { authorization: "Bearer of-a-link", "x-workspace": "initech" };
  assert.deepEqual(await session.headers(link), link);
  assert.equal(await session.renewAfter(link), false);
  assert.deepEqual(await session.headers({ "x-workspace": "globex" }), { authorization: "Bearer t1", "x-workspace": "globex" });
});

test("many requests with an old token wait for one exchange", async () => {
  const { send, names } = server({ SignIn: tokens("signIn", "t1"), Viewer: VIEWER, Refresh: tokens("sessionRefresh", "t2") });
  const session = createSession({ endpoint: "/", send, storage: storage(), now: late });
  await session.signIn("a", "b");
  const sent = await Promise.all([session.headers({}), session.headers({}), session.headers({})]);
  assert.deepEqual(sent.map(({ authorization }) => authorization), ["Bearer t2", "Bearer t2", "Bearer t2"]);
  assert.equal(names().filter((name) => name === "Refresh").length, 1);
});

test("a refused token is exchanged once, and a refused exchange signs out", async () => {
  let alive = true;
  const { send } = server({ SignIn: tokens("signIn", "t1"), Viewer: VIEWER, Refresh: () => (alive ? tokens("sessionRefresh", "t2")() : refusal("UNAUTHENTICATED")) });
  const kept = storage();
  const session = createSession({ endpoint: "/", send, storage: kept, now: early });
  await session.signIn("a", "b");
  assert.equal(await session.renewAfter({ authorization: "Bearer t1" }), true);
  alive = false;
  assert.equal(await session.renewAfter({ authorization: "Bearer t2" }), false);
  assert.equal(session.get().status, "out");
  assert.equal(kept.getItem("footnote:signedIn"), null);
  assert.deepEqual(await session.headers({}), {});
});

test("a reload goes on with the cookie, and a first visit asks nothing", async () => {
  const first = server({});
  await createSession({ endpoint: "/", send: first.send, storage: storage(), now: early }).resume();
  assert.deepEqual(first.names(), []);
  const again = server({ Refresh: tokens("sessionRefresh", "t1"), Viewer: VIEWER });
  const session = createSession({ endpoint: "/", send: again.send, storage: storage({ "footnote:signedIn": "yes", "footnote:workspace": "globex" }), now: early });
  await session.resume();
  assert.deepEqual([session.get().status, session.get().workspace], ["in", "globex"]);
  assert.equal(again.asked[0].credentials, "same-origin");
});

test("a wrong password is told and a missing network keeps the session", async () => {
  const wrong = server({ SignIn: refusal("UNAUTHENTICATED") });
  const session = createSession({ endpoint: "/", send: wrong.send, storage: storage(), now: early });
  await session.signIn("a", "b");
  assert.deepEqual([session.get().status, session.get().problem], ["out", "refused"]);
  const kept = storage({ "footnote:signedIn": "yes" });
  const away = createSession({ endpoint: "/", send: async () => { throw new Error("no network"); }, storage: kept, now: early });
  await away.resume();
  assert.equal(away.get().problem, "no network");
  assert.equal(kept.getItem("footnote:signedIn"), "yes", "the next reload tries again");
});

test("signing out ends the session on the server and here", async () => {
  const { send, asked } = server({ SignIn: tokens("signIn", "t1"), Viewer: VIEWER, SignOut: { signOut: { sessionsEnded: 1 } } });
  const session = createSession({ endpoint: "/", send, storage: storage(), now: early });
  await session.signIn("a", "b");
  await session.signOut();
  assert.equal(asked.at(-1).headers.authorization, "Bearer t1");
  assert.equal(session.get().status, "out");
});
