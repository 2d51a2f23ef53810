/** The operations of the program; `graphql` gives each its type from the generated code. */

import { graphql } from "./__generated__/gql.ts";

export const Runs = graphql(`
  query Runs($filter: AgentRunFilter, $orderBy: AgentRunOrder, $first: Int, $after: String) {
    agentRuns(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      totalCount
      nodes {
        ...RunLine
      }
      edges {
        cursor
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const RunLine = graphql(`
  fragment RunLine on AgentRun {
    id
    input
    status
    createdAt
    answer {
      text
      abstained
    }
  }
`);

export const Agents = graphql(`
  query Agents {
    agents(first: 1) {
      nodes {
        id
        name
      }
    }
  }
`);

export const AnyNode = graphql(`
  query AnyNode($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Document {
        title
      }
      ... on AgentRun {
        ...RunLine
      }
    }
  }
`);

export const Search = graphql(`
  query Search($query: String!) {
    search(query: $query, first: 3) {
      nodes {
        passage
        target {
          __typename
          ... on Chunk {
            id
          }
        }
      }
    }
  }
`);

export const Start = graphql(`
  mutation Start($input: AgentRunStartInput!) {
    agentRunStart(input: $input) {
      agentRun {
        ...RunLine
      }
    }
  }
`);

export const Events = graphql(`
  subscription Events($run: ID!, $after: String) {
    agentRunEvents(agentRunId: $run, after: $after) {
      cursor
      seq
      event {
        __typename
        ... on AgentRunStatusChanged {
          status
        }
        ... on AgentRunAnswerDelta {
          text
        }
        ... on AgentRunCitationAdded {
          quote
        }
      }
    }
  }
`);
