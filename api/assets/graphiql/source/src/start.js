// What the editors hold when the page opens: the link's presets, else the tab that was last open, else the welcome.
//
// GraphiQL keeps its tabs in the browser's storage, but finds the last one again only if it is told that tab's contents,
// and it forgets its separate copy of the headers whenever it starts. So the contents come from the tabs themselves.

const TABS = "graphiql:tabState";
const PERSIST_HEADERS = "graphiql:shouldPersistHeaders";
const HEADERS_TEMPLATE = JSON.stringify({ authorization: "", "x-workspace": "" }, null, 2);

/**
 * Chooses the editors' first contents.
 *
 * @param {{ headers?: string, query?: string, refusal?: string }} link what `readLink` gave
 * @param {string} welcome the document for a first visit
 * @param {string | null} tabs what `readTabs` gave
 * @returns {{ query: string, variables: string, headers: string }}
 */
export function start(link, welcome, tabs) {
  const last = lastTab(tabs);
  const query = link.refusal ? `# The link was not used: ${link.refusal}.\n\n${welcome}` : link.query;
  return {
    query: query ?? last.query ?? welcome,
    // Variables belong to a query: those of another one would only confuse.
    variables: query === undefined ? (last.variables ?? "") : "",
    headers: link.headers ?? last.headers ?? HEADERS_TEMPLATE,
  };
}

/** Gives GraphiQL's stored tabs as text; null on a first visit and where the browser refuses storage. */
export function readTabs() {
  return read(TABS);
}

/**
 * Tells whether headers are kept over a reload: yes, unless someone switched it off in the settings.
 *
 * @returns {true | undefined} undefined for no: given `false`, GraphiQL would hide the switch
 */
export function persistsHeaders() {
  return read(PERSIST_HEADERS) === "false" ? undefined : true;
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function lastTab(tabs) {
  try {
    const { tabs: list, activeTabIndex } = JSON.parse(tabs);
    const { query, variables, headers } = list[activeTabIndex];
    return Object.fromEntries(
      Object.entries({ query, variables, headers }).filter(([, content]) => typeof content === "string"),
    );
  } catch {
    return {};
  }
}
