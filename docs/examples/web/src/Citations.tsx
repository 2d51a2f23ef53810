import type { Citation } from "./Answer";

const AROUND = 160;
const SOURCE: Record<string, string> = {
  CURRENT: "current version",
  SUPERSEDED: "an earlier version",
  DELETED: "deleted since",
};

/** What the answer rests on: each quote where it stands in its document. */
export function Citations({ citations }: { citations: Citation[] }) {
  if (citations.length === 0) return null;
  return (
    <section className="citations" aria-labelledby="citations-title">
      <h3 id="citations-title">Sources</h3>
      <ol>
        {citations.map((citation) => (
          <li key={citation.id} id={citation.id} tabIndex={-1} data-citation={citation.verification}>
            <p className="source">
              <strong>{citation.document?.title ?? "Deleted document"}</strong>
              <span className={citation.verification === "VERIFIED" ? "badge good" : "badge bad"}>{citation.verification.toLowerCase()}</span>
              <span className="badge">{SOURCE[citation.sourceStatus] ?? citation.sourceStatus.toLowerCase()}</span>
            </p>
            <Path headings={citation.chunk?.headingPath ?? []} title={citation.document?.title} />
            <blockquote>
              {fromWord(citation.context.before)}<mark>{citation.quote}</mark>{toWord(citation.context.after)}
            </blockquote>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Path({ headings, title }: { headings: string[]; title: string | undefined }) {
  const below = headings.filter((heading) => heading !== title);
  return below.length > 0 ? <p className="path">{below.join(" › ")}</p> : null;
}

/** Context is cut by characters: where it was cut, it begins and ends with a whole word. */
function fromWord(text: string): string {
  return [...text].length < AROUND ? text : text.replace(/^\S*\s+/, "… ");
}

function toWord(text: string): string {
  return [...text].length < AROUND ? text : text.replace(/\s+\S*$/, " …");
}
