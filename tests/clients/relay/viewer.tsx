/** Who asks, and the workspace with its members: objects beside the lists. */

import { graphql, useLazyLoadQuery, usePaginationFragment } from "react-relay";
import type { viewerMembers_workspace$key } from "./__generated__/viewerMembers_workspace.graphql";
import type { viewerMembersPageQuery } from "./__generated__/viewerMembersPageQuery.graphql";
import type { viewerQuery } from "./__generated__/viewerQuery.graphql";

export const query = graphql`
  query viewerQuery {
    viewer {
      user {
        id
        name
      }
      role
      permissions
      workspaces {
        slug
        name
        role
      }
    }
    workspace {
      id
      name
      ...viewerMembers_workspace
    }
  }
`;

export const membersFragment = graphql`
  fragment viewerMembers_workspace on Workspace
  @refetchable(queryName: "viewerMembersPageQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }) {
    memberships(first: $first, after: $after) @connection(key: "viewerMembers_memberships") {
      edges {
        node {
          id
          role {
            name
          }
          status
          user {
            id
            name
          }
        }
      }
    }
  }
`;

/** Whether a button for this permission is shown. */
export function useMay(permission: string): boolean {
  return useLazyLoadQuery<viewerQuery>(query, {}).viewer.permissions.includes(permission);
}

/** The members of the workspace, further ones on demand. */
export function useMembers(workspace: viewerMembers_workspace$key) {
  const list = usePaginationFragment<viewerMembersPageQuery, viewerMembers_workspace$key>(membersFragment, workspace);
  return { members: list.data.memberships.edges.map(({ node }) => node), more: () => list.loadNext(20) };
}
