import assert from "node:assert/strict";
import { test } from "node:test";
import { readLink } from "./link.js";

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

test("a link presets headers and query", () => {
  const headers = { authorization: "Bearer a?b>c~d", "x-workspace": "acme" };
  const query = '{ search(query: "a & b = c + 100 %, ü #1") { nodes { score } } }';
  const preset = readLink(`#headers=${encode(headers)}&query=${encodeURIComponent(query)}`);
  assert.deepEqual(JSON.parse(preset.headers), headers);
  assert.equal(preset.query, query);
});

test("either half may be missing", () => {
  assert.deepEqual(readLink("#query=%7Bviewer%7D"), { query: "{viewer}" });
  assert.deepEqual(readLink(`#headers=${encode({})}`), { headers: "{}" });
});

test("a fragment without presets changes nothing", () => {
  for (const fragment of ["", "#", "#top", "#subquery=1"]) {
    assert.deepEqual(readLink(fragment), {}, fragment);
  }
});

test("a malformed link is refused as a whole", () => {
  const refused = [
    "#headers=%%%",
    `#headers=${Buffer.from("not JSON").toString("base64url")}`,
    `#headers=${Buffer.from([0x22, 0xff, 0x22]).toString("base64url")}`,
    `#headers=${encode(["authorization"])}`,
    `#headers=${encode(null)}`,
    `#headers=${encode({ authorization: 1 })}`,
    `#headers=${encode({ "bad name": "x" })}`,
    `#headers=${encode({ authorization: "x\r\ncookie: y" })}`,
    `#headers=${encode(Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, ""])))}`,
    "#query=%E0%A4%A",
    `#query=${"a".repeat(64 * 1024)}`,
  ];
  for (const fragment of refused) {
    const preset = readLink(`${fragment}&query=%7Bviewer%7D`);
    assert.deepEqual(Object.keys(preset), ["refusal"], fragment.slice(0, 60));
  }
});
