/** Everything that the app asks. The types of variables and data are generated from these texts. */

import { graphql } from "./__generated__";

export const SignInDocument = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) { accessToken accessTokenExpiresAt }
  }
`);

export const RefreshDocument = graphql(`
  mutation Refresh($input: SessionRefreshInput!) {
    sessionRefresh(input: $input) { accessToken accessTokenExpiresAt }
  }
`);

export const SignOutDocument = graphql(`
  mutation SignOut($input: SignOutInput!) {
    signOut(input: $input) { sessionsEnded }
  }
`);

export const WorkspacesDocument = graphql(`
  query Workspaces {
    viewer {
      workspaces { slug name }
    }
  }
`);

export const ViewerDocument = graphql(`
  query Viewer {
    viewer {
      user { name email }
      role
      permissions
    }
    workspace { name slug }
    agents(first: 20) { nodes { id name } }
  }
`);

export const SearchDocument = graphql(`
  query Search($query: String!) {
    search(query: $query, first: 6) {
      nodes {
        passage
        headingPath
        score
        target {
          __typename
          ... on Chunk { id document { title } }
        }
      }
    }
  }
`);

export const RecentRunsDocument = graphql(`
  query RecentRuns($after: String) {
    agentRuns(first: 5, after: $after) {
      nodes { id input status createdAt }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export const StartDocument = graphql(`
  mutation Start($input: AgentRunStartInput!) {
    agentRunStart(input: $input) {
      agentRun { id input status createdAt }
    }
  }
`);

export const EventsDocument = graphql(`
  subscription Events($run: ID!, $after: String) {
    agentRunEvents(agentRunId: $run, after: $after) {
      cursor
      seq
      occurredAt
      statusAfter
      event {
        __typename
        ... on AgentRunStatusChanged { status message }
        ... on AgentRunStepFinished { kind detail }
        ... on AgentRunAnswerDelta { text replaces }
        ... on AgentRunCitationAdded { quote verification }
      }
    }
  }
`);

export const RunDocument = graphql(`
  query Run($id: ID!) {
    agentRun(id: $id) {
      status
      failureMessage
      answer {
        text
        abstained
        coverage { sentences supported }
      }
      citations(first: 50) {
        nodes {
          id
          ordinal
          quote
          answerStartOffset(unit: UTF16)
          answerEndOffset(unit: UTF16)
          verification
          sourceStatus
          context(before: 160, after: 160) { before after }
          document { title }
          chunk { headingPath }
        }
      }
    }
  }
`);
