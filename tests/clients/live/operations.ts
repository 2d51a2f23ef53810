/** What the tests ask beside the app, straight from the server. */

import { graphql } from "../codegen/__generated__/gql.ts";

export const Status = graphql(`
  query Status($id: ID!) {
    agentRun(id: $id) {
      status
    }
  }
`);
