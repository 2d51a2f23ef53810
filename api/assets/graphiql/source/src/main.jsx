// The page: GraphiQL on this origin's `/graphql` and `/graphql/ws`, with the headers editor open.

import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import "graphiql/graphiql.css";
import "./page.css";
import { createFetcher } from "./fetcher.js";
import { readLink } from "./link.js";
import { createSession } from "./session.js";
import { SignInBar } from "./SignInBar.jsx";
import { persistsHeaders, readTabs, start } from "./start.js";
import welcome from "./welcome.graphql";

const link = readLink(location.hash);
if (location.hash) {
  // The link may hold a token: keep it out of the address bar, the history and bookmarks.
  history.replaceState(null, "", location.pathname + location.search);
}
// A link pasted into the open page changes only the fragment, which loads nothing by itself.
addEventListener("hashchange", () => location.reload());

const first = start(link, welcome, readTabs());
const socket = new URL("/graphql/ws", location.origin);
socket.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const endpoint = new URL("/graphql", location.origin).href;
const session = createSession({ endpoint });
session.resume();
const fetcher = createFetcher({ endpoint, socket: socket.href, session });

createRoot(document.getElementById("page")).render(
  <>
    <SignInBar session={session} />
    <div className="footnote-editor">
      <GraphiQL
        fetcher={fetcher}
        query={first.query}
        variables={first.variables}
        headers={first.headers}
        defaultQuery={welcome}
        defaultHeaders={first.headers}
        defaultEditorToolsVisibility="headers"
        shouldPersistHeaders={persistsHeaders()}
      >
        <GraphiQL.Logo>
          <span className="footnote-logo">
            Footnote<sup>1</sup>
          </span>
        </GraphiQL.Logo>
      </GraphiQL>
    </div>
  </>,
);
