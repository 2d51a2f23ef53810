import { Fragment } from "react";
import type { Run } from "./useRun";

export type Citation = Run["citations"]["nodes"][number];
type Props = { answer: NonNullable<Run["answer"]>; citations: Citation[] };

/** The answer, each supported span followed by the numbers of its citations. */
export function Answer({ answer, citations }: Props) {
  const { supported, sentences } = answer.coverage;
  return (
    <>
      <p>
        {spans(answer.text, citations).map((span) => (
          <Fragment key={span.start}>
            {span.supported ? <span className="supported">{span.text}</span> : span.text}
            {span.citations.map((citation) => (
              <sup key={citation.id}>
                <a href={`#${citation.id}`} aria-label={`Citation ${citation.ordinal + 1}`}>{citation.ordinal + 1}</a>
              </sup>
            ))}
          </Fragment>
        ))}
      </p>
      <p className="hint">
        {answer.abstained ? "The documents do not answer this." : `${supported} of ${sentences} sentences supported by verified citations.`}
      </p>
    </>
  );
}

type Span = { start: number; text: string; supported: boolean; citations: Citation[] };

/** Cuts the answer where a citation's span begins or ends. Offsets are UTF-16, as JavaScript slices. */
function spans(text: string, citations: Citation[]): Span[] {
  const verified = citations.filter((each) => each.verification === "VERIFIED");
  const cuts = [0, text.length, ...verified.flatMap((each) => [each.answerStartOffset, each.answerEndOffset])];
  const sorted = [...new Set(cuts)].sort((one, other) => one - other);
  return sorted.slice(0, -1).map((start, index) => {
    const end = sorted[index + 1]!;
    return {
      start,
      text: text.slice(start, end),
      supported: verified.some((each) => each.answerStartOffset <= start && each.answerEndOffset >= end),
      citations: verified.filter((each) => each.answerEndOffset === end),
    };
  });
}
