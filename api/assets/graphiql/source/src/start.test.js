import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./start.js";

const tabs = JSON.stringify({
  activeTabIndex: 1,
  tabs: [
    { query: "{ other }", variables: null, headers: null },
    { query: "{ viewer }", variables: '{"id":1}', headers: '{"x-workspace":"acme"}' },
  ],
});

test("a first visit shows the welcome and a template of the headers", () => {
  const first = start({}, "# welcome", null);
  assert.equal(first.query, "# welcome");
  assert.deepEqual(JSON.parse(first.headers), { authorization: "", "x-workspace": "" });
});

test("a reload shows the tab that was open", () => {
  const opened = start({}, "# welcome", tabs);
  assert.deepEqual(opened, { query: "{ viewer }", variables: '{"id":1}', headers: '{"x-workspace":"acme"}' });
});

test("a link with headers alone keeps the query and its variables", () => {
  const opened = start({ headers: "{}" }, "# welcome", tabs);
  assert.deepEqual(opened, { query: "{ viewer }", variables: '{"id":1}', headers: "{}" });
});

test("a link's query does not inherit another query's variables", () => {
  assert.equal(start({ query: "{ plans { id } }" }, "# welcome", tabs).variables, "");
});

test("a refused link says why and keeps the headers", () => {
  const opened = start({ refusal: "it is too long" }, "# welcome", tabs);
  assert.equal(opened.query, "# The link was not used: it is too long.\n\n# welcome");
  assert.equal(opened.headers, '{"x-workspace":"acme"}');
});

test("damaged storage counts as a first visit", () => {
  for (const damaged of ["", "{", "null", '{"tabs":[]}', '{"tabs":[null],"activeTabIndex":0}', '{"tabs":[{"query":1}],"activeTabIndex":0}']) {
    assert.equal(start({}, "# welcome", damaged).query, "# welcome", damaged);
  }
});
