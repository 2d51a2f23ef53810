// What a link presets: `#headers=<base64url of JSON>&query=<encodeURIComponent of a document>`.
//
// A fragment never leaves the browser, which is why a link may carry a token at all. It is still input from whoever
// wrote the link: bounded in length, decoded strictly, accepted as a whole or refused with one sentence. Nothing runs
// because of a link; a person presses the button.

const LONGEST_FRAGMENT = 64 * 1024;
const MOST_HEADERS = 20;
const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;
const BASE64URL = /^[A-Za-z0-9_-]*={0,2}$/;
// Visible ASCII and spaces: what fetch accepts in every browser.
const HEADER_VALUE = /^[\x20-\x7e]{0,8192}$/;

/**
 * Reads a location's fragment.
 *
 * @param {string} fragment with or without its `#`
 * @returns {{ headers?: string, query?: string, refusal?: string }} `headers` as indented JSON for the editor;
 *   an empty object if the fragment presets nothing
 */
export function readLink(fragment) {
  const text = fragment.startsWith("#") ? fragment.slice(1) : fragment;
  if (!/(^|&)(headers|query)=/.test(text)) {
    return {};
  }
  if (text.length > LONGEST_FRAGMENT) {
    return { refusal: `it is longer than ${LONGEST_FRAGMENT} characters` };
  }
  const preset = {};
  for (const part of text.split("&")) {
    const [name, value] = splitOnce(part, "=");
    try {
      if (name === "headers") {
        preset.headers = readHeaders(value);
      } else if (name === "query") {
        preset.query = decodeURIComponent(value);
      }
    } catch (error) {
      return { refusal: `its ${name} cannot be read (${error.message})` };
    }
  }
  return preset;
}

function readHeaders(encoded) {
  if (!BASE64URL.test(encoded)) {
    throw new Error("not base64url");
  }
  const bytes = Uint8Array.from(atob(encoded.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
  const headers = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    throw new Error("not a JSON object");
  }
  const entries = Object.entries(headers);
  if (entries.length > MOST_HEADERS) {
    throw new Error(`more than ${MOST_HEADERS} headers`);
  }
  for (const [name, value] of entries) {
    if (!HEADER_NAME.test(name) || typeof value !== "string" || !HEADER_VALUE.test(value)) {
      throw new Error("not header names with header values");
    }
  }
  return JSON.stringify(headers, null, 2);
}

function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
