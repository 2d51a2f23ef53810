import type { ReactNode } from "react";

const COMMON = new Set("a an and are as at be but by can do does for from has have how if in into is it its not of on or should that the then there these this to was what when where which who why will with without".split(" "));
const LENGTH = 300;

/** A pattern for the words of a query, and for longer words that begin with them; null where all are common. */
export function patternOf(query: string): RegExp | null {
  const words = query.toLowerCase().match(/[\p{L}\p{N}_]{2,}/gu) ?? [];
  const stems = words.filter((word) => !COMMON.has(word)).map((word) => word.replace(/(?<=....)(?:s|ed|es|ing)$/, ""));
  return stems.length ? new RegExp(`(?<![\\p{L}\\p{N}])(?:${stems.join("|")})[\\p{L}\\p{N}]*`, "giu") : null;
}

/** The part of a passage with the most of these words. */
export function excerpt(passage: string, pattern: RegExp | null): string {
  if (passage.length <= LENGTH * 1.3) return passage;
  const places = pattern ? [...passage.matchAll(pattern)].map((found) => found.index) : [];
  const within = (start: number) => places.filter((place) => place >= start && place < start + LENGTH).length;
  const best = places.reduce((chosen, place) => (within(place) > within(chosen) ? place : chosen), places[0] ?? 0);
  const start = best < 80 ? 0 : passage.lastIndexOf(" ", best - 40) + 1;
  const end = passage.indexOf(" ", start + LENGTH);
  return `${start > 0 ? "… " : ""}${passage.slice(start, end < 0 ? undefined : end)}${end < 0 ? "" : " …"}`;
}

/** A text with the words of the pattern marked. */
export function highlight(text: string, pattern: RegExp | null): ReactNode[] {
  if (!pattern) return [text];
  const parts: ReactNode[] = [];
  let done = 0;
  for (const found of text.matchAll(pattern)) {
    parts.push(text.slice(done, found.index), <mark key={found.index}>{found[0]}</mark>);
    done = found.index + found[0].length;
  }
  return [...parts, text.slice(done)];
}
