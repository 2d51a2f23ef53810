/** Documents: a list that pages forward and narrows, the pages of a node, and mutations that change the lists. */

import { graphql, useFragment, useMutation, usePaginationFragment } from "react-relay";
import type { documentsCreateMutation } from "./__generated__/documentsCreateMutation.graphql";
import type { documentsDeleteMutation } from "./__generated__/documentsDeleteMutation.graphql";
import type { documentsList_query$key } from "./__generated__/documentsList_query.graphql";
import type { documentsListPageQuery } from "./__generated__/documentsListPageQuery.graphql";
import type { documentsOfCollection_collection$key } from "./__generated__/documentsOfCollection_collection.graphql";
import type { documentsOfCollectionPageQuery } from "./__generated__/documentsOfCollectionPageQuery.graphql";
import type { documentsRow_document$key } from "./__generated__/documentsRow_document.graphql";

/** The page: the first documents, and the collections with their first documents in one request. */
export const documentsQuery = graphql`
  query documentsQuery {
    ...documentsList_query
    collections(first: 10) @connection(key: "documentsQuery_collections") {
      edges {
        node {
          id
          name
          ...documentsOfCollection_collection
        }
      }
    }
  }
`;

const row = graphql`
  fragment documentsRow_document on Document {
    id
    title
    updatedAt
    currentVersion {
      id
      ordinal
      charCount
    }
    ingestion {
      id
      status
      failureClass
    }
  }
`;

export const listFragment = graphql`
  fragment documentsList_query on Query
  @refetchable(queryName: "documentsListPageQuery")
  @argumentDefinitions(
    filter: { type: "DocumentFilter" }
    orderBy: { type: "DocumentOrder" }
    first: { type: "Int", defaultValue: 20 }
    after: { type: "String" }
  ) {
    documents(filter: $filter, orderBy: $orderBy, first: $first, after: $after)
      @connection(key: "documentsList_documents", filters: ["filter", "orderBy"]) {
      __id
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          id
          ...documentsRow_document
        }
      }
    }
  }
`;

export const ofCollectionFragment = graphql`
  fragment documentsOfCollection_collection on Collection
  @refetchable(queryName: "documentsOfCollectionPageQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 5 }, after: { type: "String" }) {
    name
    documents(first: $first, after: $after) @connection(key: "documentsOfCollection_documents") {
      __id
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          id
          ...documentsRow_document
        }
      }
    }
  }
`;

export const createMutation = graphql`
  mutation documentsCreateMutation($input: DocumentCreateInput!, $connections: [ID!]!) {
    documentCreate(input: $input) {
      document @prependNode(connections: $connections, edgeTypeName: "DocumentEdge") {
        id
        ...documentsRow_document
      }
    }
  }
`;

export const deleteMutation = graphql`
  mutation documentsDeleteMutation($input: DocumentDeleteInput!, $connections: [ID!]!) {
    documentDelete(input: $input) {
      deletedId @deleteEdge(connections: $connections)
      record: deletedId @deleteRecord # The compiler takes one of the two for each field, hence the alias.
    }
  }
`;

/** One line of a list. */
export function DocumentRow(props: { document: documentsRow_document$key }): string {
  const document = useFragment(row, props.document);
  const { currentVersion, ingestion } = document;
  return `${document.title}, version ${currentVersion?.ordinal ?? "none"}, ${ingestion?.status ?? "in deletion"}`;
}

/** The list: further pages on demand, and a document less where one was deleted. */
export function useDocuments(query: documentsList_query$key) {
  const list = usePaginationFragment<documentsListPageQuery, documentsList_query$key>(listFragment, query);
  const [create] = useMutation<documentsCreateMutation>(createMutation);
  const [remove] = useMutation<documentsDeleteMutation>(deleteMutation);
  const connections = [list.data.documents.__id];
  return {
    documents: list.data.documents.edges.map((edge) => edge.node),
    count: list.data.documents.totalCount,
    more: () => list.hasNext && list.loadNext(20),
    find: (title: string) => list.refetch({ filter: { title: { eq: title } }, orderBy: { field: "TITLE", direction: "ASC" } }),
    create: (collectionId: string, title: string, markdown: string) =>
      create({ variables: { connections, input: { collectionId, title, markdown } } }),
    remove: (id: string) => remove({ variables: { connections, input: { id } } }),
  };
}

/** The documents of one collection: its further pages are read through `node(id:)`. */
export function useDocumentsOf(collection: documentsOfCollection_collection$key) {
  const list = usePaginationFragment<documentsOfCollectionPageQuery, documentsOfCollection_collection$key>(
    ofCollectionFragment,
    collection,
  );
  return { documents: list.data.documents.edges, more: () => list.loadNext(5), anew: () => list.refetch({ first: 10 }) };
}
