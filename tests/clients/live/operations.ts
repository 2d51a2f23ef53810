/** What the tests ask beside the app, straight from the server. */

import { graphql } from "../codegen/__generated__/gql.ts";

export const Status = graphql(`
  query Status($id: ID!) {
    agentRun(id: $id) {
      status
    }
  }
`);

export const Ids = graphql(`
  query Ids {
    agents(first: 1) {
      nodes {
        id
      }
    }
    collections(first: 1) {
      nodes {
        id
      }
    }
  }
`);

export const Revise = graphql(`
  mutation Revise($input: DocumentUpdateInput!) {
    documentUpdate(input: $input) {
      document {
        id
        version
      }
    }
  }
`);

export const RunIds = graphql(`
  query RunIds {
    agentRuns(first: 100) {
      nodes {
        id
      }
    }
  }
`);
