import { type FormEvent, useRef, useState } from "react";
import type { SearchQuery } from "./__generated__/graphql";
import { ApiError, request } from "./api";
import { excerpt, highlight, patternOf } from "./highlight";
import { SearchDocument } from "./operations";
import { Problem } from "./Problem";
import type { Session } from "./session";

type Hit = SearchQuery["search"]["nodes"][number];
type Found = { query: string; hits: Hit[] };

export function Search({ session }: { session: Session }) {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<Found | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const latest = useRef<AbortController>(undefined);

  async function search(event?: FormEvent) {
    event?.preventDefault();
    latest.current?.abort();
    const abort = (latest.current = new AbortController());
    setBusy(true);
    setProblem(null);
    try {
      const { search } = await request(session, SearchDocument, { query }, { signal: abort.signal });
      setFound({ query, hits: search.nodes });
    } catch (error) {
      if (abort.signal.aborted) return;
      setFound(null);
      setProblem(ApiError.of(error));
    }
    setBusy(false);
  }

  const pattern = found ? patternOf(found.query) : null;
  return (
    <section className="search" aria-labelledby="search-title">
      <h2 id="search-title">Search</h2>
      <form className="line" role="search" onSubmit={search}>
        <label className="unseen" htmlFor="query">Search the documents</label>
        <input id="query" type="search" placeholder="Words, or a whole sentence" value={query} onChange={(event) => setQuery(event.target.value)} />
        <button className="primary" disabled={busy}>Search</button>
      </form>
      {problem && <Problem problem={problem} onRetry={() => void search()} />}
      <p className="hint" role="status">{found && `The nearest ${found.hits.length} passages, best first.`}</p>
      <ol className="hits" aria-busy={busy}>
        {found?.hits.map((hit, index) => <Passage key={index} hit={hit} pattern={pattern} />)}
      </ol>
    </section>
  );
}

function Passage({ hit, pattern }: { hit: Hit; pattern: RegExp | null }) {
  const [whole, setWhole] = useState(false);
  const short = excerpt(hit.passage, pattern);
  // More targets may come: one that is not a chunk shows its passage all the same.
  const title = hit.target.__typename === "Chunk" ? hit.target.document?.title : undefined;
  const below = hit.headingPath.filter((heading) => heading !== title);
  return (
    <li className="card hit">
      <h3>{title ?? "Passage"}</h3>
      {below.length > 0 && <p className="path">{below.join(" › ")}</p>}
      <p className={whole ? "passage whole" : "passage"}>{highlight(whole ? hit.passage : short, pattern)}</p>
      {short !== hit.passage && (
        <button className="link" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? "Show less" : "Show the whole passage"}
        </button>
      )}
    </li>
  );
}
