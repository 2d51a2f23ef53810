/** Runs: a list in a list in a list, pages backward, a refetch through `node(id:)`, and the events of a run. */

import { useMemo } from "react";
import {
  graphql,
  useMutation,
  usePaginationFragment,
  useRefetchableFragment,
  useSubscription,
} from "react-relay";
import type { runsAnswer_run$key } from "./__generated__/runsAnswer_run.graphql";
import type { runsAnswerRefetchQuery } from "./__generated__/runsAnswerRefetchQuery.graphql";
import type { runsCancelMutation } from "./__generated__/runsCancelMutation.graphql";
import type { runsCitations_run$key } from "./__generated__/runsCitations_run.graphql";
import type { runsCitationsPageQuery } from "./__generated__/runsCitationsPageQuery.graphql";
import type { runsEventsSubscription } from "./__generated__/runsEventsSubscription.graphql";
import type { runsOfAgent_agent$key } from "./__generated__/runsOfAgent_agent.graphql";
import type { runsOfAgentPageQuery } from "./__generated__/runsOfAgentPageQuery.graphql";
import type { runsStartMutation } from "./__generated__/runsStartMutation.graphql";
import type { runsVersions_document$key } from "./__generated__/runsVersions_document.graphql";
import type { runsVersionsPageQuery } from "./__generated__/runsVersionsPageQuery.graphql";

/** Agents, their runs, and the runs' citations: three lists, one inside the other. */
export const runsQuery = graphql`
  query runsQuery($agents: Int = 20, $after: String) {
    agents(first: $agents, after: $after) @connection(key: "runsQuery_agents") {
      __id
      edges {
        cursor
        node {
          id
          name
          ...runsOfAgent_agent
        }
      }
      nodes {
        id
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

export const ofAgentFragment = graphql`
  fragment runsOfAgent_agent on Agent
  @refetchable(queryName: "runsOfAgentPageQuery")
  @argumentDefinitions(runs: { type: "Int", defaultValue: 5 }, after: { type: "String" }) {
    id
    agentRuns(first: $runs, after: $after) @connection(key: "runsOfAgent_agentRuns") {
      __id
      edges {
        node {
          id
          input
          status
          ...runsCitations_run
          ...runsAnswer_run
        }
      }
    }
  }
`;

export const citationsFragment = graphql`
  fragment runsCitations_run on AgentRun
  @refetchable(queryName: "runsCitationsPageQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 3 }, after: { type: "String" }) {
    citations(first: $first, after: $after) @connection(key: "runsCitations_citations") {
      edges {
        node {
          id
          quote
          startOffset(unit: UTF16)
          endOffset(unit: UTF16)
          verification
          sourceStatus
          document {
            id
            title
          }
        }
      }
    }
  }
`;

export const answerFragment = graphql`
  fragment runsAnswer_run on AgentRun @refetchable(queryName: "runsAnswerRefetchQuery") {
    id
    status
    failureClass
    waitReason
    answer {
      text
      abstained
      coverage {
        ratio
      }
    }
    steps(first: 10) {
      nodes {
        id
        kind
        status
      }
    }
  }
`;

export const versionsFragment = graphql`
  fragment runsVersions_document on Document
  @refetchable(queryName: "runsVersionsPageQuery")
  @argumentDefinitions(last: { type: "Int", defaultValue: 3 }, before: { type: "String" }) {
    versions(last: $last, before: $before) @connection(key: "runsVersions_versions") {
      pageInfo {
        startCursor
      }
      edges {
        node {
          id
          ordinal
        }
      }
    }
  }
`;

export const startMutation = graphql`
  mutation runsStartMutation($input: AgentRunStartInput!, $connections: [ID!]!) {
    agentRunStart(input: $input) {
      agentRun @prependNode(connections: $connections, edgeTypeName: "AgentRunEdge") {
        id
        ...runsAnswer_run
      }
    }
  }
`;

export const cancelMutation = graphql`
  mutation runsCancelMutation($input: AgentRunCancelInput!) {
    agentRunCancel(input: $input) {
      agentRun {
        ...runsAnswer_run
        version
        canceledAt
      }
    }
  }
`;

export const eventsSubscription = graphql`
  subscription runsEventsSubscription($run: ID!, $after: String) {
    agentRunEvents(agentRunId: $run, after: $after) {
      cursor
      seq
      occurredAt
      statusAfter
      event {
        __typename
        ... on AgentRunStatusChanged {
          status
          failureClass
          message
        }
        ... on AgentRunStepFinished {
          kind
          detail
        }
        ... on AgentRunAnswerDelta {
          text
        }
        ... on AgentRunCitationAdded {
          quote
          verification
        }
      }
    }
  }
`;

/** The runs of an agent; a run that is started stands first in the list. */
export function useRuns(agent: runsOfAgent_agent$key) {
  const list = usePaginationFragment<runsOfAgentPageQuery, runsOfAgent_agent$key>(ofAgentFragment, agent);
  const [start] = useMutation<runsStartMutation>(startMutation);
  const [cancel] = useMutation<runsCancelMutation>(cancelMutation);
  const { id: agentId, agentRuns } = list.data;
  return {
    runs: agentRuns.edges.map(({ node }) => node),
    more: () => list.loadNext(5),
    start: (input: string) => start({ variables: { connections: [agentRuns.__id], input: { agentId, input } } }),
    cancel: (id: string) => cancel({ variables: { input: { id } } }),
  };
}

/** The citations of a run, and further ones on demand. */
export function useCitations(run: runsCitations_run$key) {
  const list = usePaginationFragment<runsCitationsPageQuery, runsCitations_run$key>(citationsFragment, run);
  return { quotes: list.data.citations.edges.map(({ node }) => node.quote), more: () => list.loadNext(10) };
}

/** The answer, and how to read it again once the run has ended. */
export function useAnswer(run: runsAnswer_run$key) {
  const [data, refetch] = useRefetchableFragment<runsAnswerRefetchQuery, runsAnswer_run$key>(answerFragment, run);
  return { text: data.answer?.text ?? "", refetch: () => refetch({}, { fetchPolicy: "network-only" }) };
}

/** The newest versions of a document, older ones on demand. */
export function useVersions(document: runsVersions_document$key) {
  const list = usePaginationFragment<runsVersionsPageQuery, runsVersions_document$key>(versionsFragment, document);
  return { versions: list.data.versions.edges, older: () => list.hasPrevious && list.loadPrevious(3) };
}

/** Follows a run; `show` gets each piece of the answer. */
export function useEvents(run: string, show: (text: string) => void) {
  useSubscription<runsEventsSubscription>(
    useMemo(
      () => ({
        subscription: eventsSubscription,
        variables: { run },
        onNext(response) {
          const event = response?.agentRunEvents.event;
          if (event?.__typename === "AgentRunAnswerDelta") show(event.text);
        },
      }),
      [run, show],
    ),
  );
}
