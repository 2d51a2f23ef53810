/** Relay's runtime against the server: pages merge into lists, mutations change them, and no record has two types. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request, type Server } from "../codegen/client.ts";
import create from "../relay/__generated__/documentsCreateMutation.graphql.ts";
import type { documentsCreateMutation } from "../relay/__generated__/documentsCreateMutation.graphql.ts";
import remove from "../relay/__generated__/documentsDeleteMutation.graphql.ts";
import type { documentsDeleteMutation } from "../relay/__generated__/documentsDeleteMutation.graphql.ts";
import list from "../relay/__generated__/documentsList_query.graphql.ts";
import type { documentsList_query$data } from "../relay/__generated__/documentsList_query.graphql.ts";
import listPage from "../relay/__generated__/documentsListPageQuery.graphql.ts";
import ofCollection from "../relay/__generated__/documentsOfCollection_collection.graphql.ts";
import type { documentsOfCollection_collection$data } from "../relay/__generated__/documentsOfCollection_collection.graphql.ts";
import ofCollectionPage from "../relay/__generated__/documentsOfCollectionPageQuery.graphql.ts";
import answer from "../relay/__generated__/runsAnswer_run.graphql.ts";
import type { runsAnswer_run$data } from "../relay/__generated__/runsAnswer_run.graphql.ts";
import answerRefetch from "../relay/__generated__/runsAnswerRefetchQuery.graphql.ts";
import events from "../relay/__generated__/runsEventsSubscription.graphql.ts";
import type { runsEventsSubscription } from "../relay/__generated__/runsEventsSubscription.graphql.ts";
import runs from "../relay/__generated__/runsQuery.graphql.ts";
import start from "../relay/__generated__/runsStartMutation.graphql.ts";
import type { runsStartMutation } from "../relay/__generated__/runsStartMutation.graphql.ts";
import versions from "../relay/__generated__/runsVersions_document.graphql.ts";
import type { runsVersions_document$data } from "../relay/__generated__/runsVersions_document.graphql.ts";
import versionsPage from "../relay/__generated__/runsVersionsPageQuery.graphql.ts";
import viewer from "../relay/__generated__/viewerQuery.graphql.ts";
import { Client } from "./environment.ts";
import { Ids, Revise } from "./operations.ts";

const PAGE = 20;

/** Does it all against a server; returns a line about it. */
export async function useRelay(server: Server): Promise<string> {
  const client = new Client(server);
  const line = await client.listening(async () => {
    const { agents, collections } = await request(server, Ids, {});
    const [agent, collection] = [agents.nodes[0], collections.nodes[0]];
    assert.ok(agent && collection, "the demo has no agent, or no collection");
    const all = await pagesOfAList(client);
    const below = await pagesOfANode(client, collection.id);
    await mutationsChangeTheList(client, server, collection.id);
    const seen = await runByRelay(client, agent.id);
    await client.fetch(viewer, {});
    await client.fetch(runs, { agents: 5 });
    return `Relay: ${all} documents in pages of ${PAGE}, ${below} below a node, ${seen} events`;
  });
  assert.deepEqual(client.warnings.filter((warning) => !isKnown(warning)), [], "Relay's runtime warns");
  return line;
}

/** `viewer { workspaces }` and `workspace` have one id under two types, as long as the schema gives the first an `id`. */
function isKnown(warning: string): boolean {
  const schema = readFileSync(new URL("../../../schema.graphql", import.meta.url), "utf8");
  const shared = /^type WorkspaceOfViewer \{[^}]*^\tid: ID!/m.test(schema);
  return shared && warning.includes("conflicting types `WorkspaceOfViewer` and `Workspace`");
}

/** Forward through the whole list: each document once. */
async function pagesOfAList(client: Client): Promise<number> {
  const read = () => client.read<documentsList_query$data>(listPage, { first: PAGE }, list).documents;
  await client.fetch(listPage, { first: PAGE });
  for (let page = read().pageInfo; page.hasNextPage; page = read().pageInfo) {
    await client.fetch(listPage, { first: PAGE, after: page.endCursor });
  }
  const newestFirst = read().edges.map(({ node }) => node.id);
  assert.equal(newestFirst.length, read().totalCount, "totalCount is not the number of edges");
  const oldest = { first: PAGE, orderBy: { field: "CREATED_AT", direction: "ASC" } };
  await client.fetch(listPage, oldest);
  const oldestFirst = client.read<documentsList_query$data>(listPage, oldest, list).documents.edges.map(({ node }) => node.id);
  assert.deepEqual(oldestFirst, newestFirst.slice(-PAGE).reverse(), "the two directions are not each other's reverse");
  return distinct(newestFirst, 3 * PAGE);
}

/** A filter makes a list of its own beside the whole one. */
async function filteredList(client: Client, id: string): Promise<void> {
  const variables = { first: PAGE, filter: { id: { eq: id } } };
  await client.fetch(listPage, variables);
  const { edges, totalCount } = client.read<documentsList_query$data>(listPage, variables, list).documents;
  assert.deepEqual([edges.map(({ node }) => node.id), totalCount], [[id], 1]);
}

/** The same through `node(id:)`, two pages of it. */
async function pagesOfANode(client: Client, id: string): Promise<number> {
  const read = () => client.read<documentsOfCollection_collection$data>(ofCollectionPage, { id, first: 5 }, ofCollection).documents;
  await client.fetch(ofCollectionPage, { id, first: 5 });
  await client.fetch(ofCollectionPage, { id, first: 5, after: read().pageInfo.endCursor });
  return distinct(read().edges.map(({ node }) => node.id), 10);
}

/** A new document stands first, its versions page backward, and when it is deleted it is gone from the list and the store. */
async function mutationsChangeTheList(client: Client, server: Server, collectionId: string): Promise<void> {
  const read = () => client.read<documentsList_query$data>(listPage, { first: PAGE }, list).documents;
  const connections = [read().__id];
  const before = read().edges.length;
  const input = { collectionId, title: "Relay was here", text: "One." };
  const { document } = (await client.commit<documentsCreateMutation>(create, { connections, input })).documentCreate;
  assert.deepEqual([read().edges.length, read().edges[0]?.node.id], [before + 1, document.id]);

  await filteredList(client, document.id);
  for (const [index, text] of ["One. Two.", "One. Two. Three."].entries()) {
    await request(server, Revise, { input: { id: document.id, version: index + 1, text } });
  }
  const ordinals = () =>
    client.read<runsVersions_document$data>(versionsPage, { id: document.id, last: 2 }, versions).versions;
  await client.fetch(versionsPage, { id: document.id, last: 2 });
  assert.deepEqual(ordinals().edges.map(({ node }) => node.ordinal), [2, 3]);
  await client.fetch(versionsPage, { id: document.id, last: 2, before: ordinals().pageInfo.startCursor });
  assert.deepEqual(ordinals().edges.map(({ node }) => node.ordinal), [1, 2, 3]);

  const deleted = await client.commit<documentsDeleteMutation>(remove, { connections, input: { id: document.id } });
  assert.equal(deleted.documentDelete.deletedId, document.id);
  assert.equal(read().edges.length, before);
  assert.ok(client.isDeleted(document.id), "the store still has the deleted document");
}

/** Starts a run, follows it to its end, and reads it again through `node(id:)`. */
async function runByRelay(client: Client, agentId: string): Promise<number> {
  const input = { agentId, input: "What does VACUUM do with dead rows?" };
  const { agentRun } = (await client.commit<runsStartMutation>(start, { connections: [], input })).agentRunStart;
  const seen = (await client.subscribe<runsEventsSubscription>(events, { run: agentRun.id })).map((each) => each.agentRunEvents);
  assert.deepEqual(seen.map(({ seq }) => seq), seen.map((_, index) => index + 1));
  await client.fetch(answerRefetch, { id: agentRun.id });
  const run = client.read<runsAnswer_run$data>(answerRefetch, { id: agentRun.id }, answer);
  const text = seen.map(({ event }) => (event.__typename === "AgentRunAnswerDelta" ? event.text : "")).join("");
  assert.deepEqual([run.status, run.answer?.text], ["SUCCEEDED", text]);
  return seen.length;
}

function distinct(ids: string[], atLeast: number): number {
  assert.ok(ids.length >= atLeast, `the list has ${ids.length} edges; ${atLeast} were expected`);
  assert.equal(new Set(ids).size, ids.length, "a list has an object twice");
  return ids.length;
}
