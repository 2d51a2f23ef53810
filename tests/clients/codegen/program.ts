/** Searches, starts a run, follows it, and finds it again, with generated types alone. */

import assert from "node:assert/strict";
import { unmask } from "./__generated__/fragment-masking.ts";
import type { AgentRunStatus } from "./__generated__/graphql.ts";
import { follow, request, type Server } from "./client.ts";
import { Agents, AnyNode, Events, RunLine, Runs, Search, Start } from "./operations.ts";

const ENDED: AgentRunStatus[] = ["SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"];

/** Does it all against a server; returns a line about it. */
export async function useTypedCode(server: Server): Promise<string> {
  const { search } = await request(server, Search, { query: "What is a partial index?" });
  assert.ok(search.nodes.every((hit) => hit.passage.length > 0 && hit.target.__typename === "Chunk"));

  const [agent] = (await request(server, Agents, {})).agents.nodes;
  assert.ok(agent, "there is no agent");
  const input = "Which index type should be used for an array column?";
  const started = await request(server, Start, { input: { agentId: agent.id, input } });
  const { id } = unmask(RunLine, started.agentRunStart.agentRun);

  let text = "";
  const seqs: number[] = [];
  for await (const { agentRunEvents } of follow(server, Events, { run: id })) {
    seqs.push(agentRunEvents.seq);
    const { event } = agentRunEvents;
    if (event.__typename === "AgentRunAnswerDelta") text += event.text;
  }
  assert.deepEqual(seqs, seqs.map((_, index) => index + 1));

  const { node } = await request(server, AnyNode, { id });
  assert.ok(node?.__typename === "AgentRun", "node(id:) does not give the run");
  const run = unmask(RunLine, node);
  assert.ok(ENDED.includes(run.status));
  assert.equal(run.answer?.text, text, "the pieces are not the answer");

  const found: string[] = [];
  for (let after: string | null = null; ; ) {
    const { agentRuns }: Awaited<ReturnType<typeof page>> = await page(server, after);
    found.push(...unmask(RunLine, agentRuns.nodes).map((each) => each.id));
    after = agentRuns.pageInfo.endCursor;
    if (agentRuns.pageInfo.hasNextPage) continue;
    assert.equal(found.length, agentRuns.totalCount, "totalCount is not the number of nodes");
    break;
  }
  assert.ok(found.includes(id), "the list does not have the run");
  assert.equal(new Set(found).size, found.length, "the list has a run twice");
  return `typed code: ${search.nodes.length} hits, ${seqs.length} events, ${found.length} runs in pages of 1`;
}

function page(server: Server, after: string | null) {
  const filter = { status: { in: ENDED } };
  return request(server, Runs, { filter, orderBy: { field: "CREATED_AT", direction: "ASC" }, first: 1, after });
}
