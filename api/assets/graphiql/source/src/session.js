// Who is signed in on this page.
//
// The access token is kept in memory alone; the refresh token is a cookie that scripts cannot read, so a reload and a second
// tab go on by `sessionRefresh`. What is stored is that there was such a session, and the workspace that was chosen. Headers
// in the editor win over the session: a link with a token works whoever is signed in.

const SIGN_IN = `mutation SignIn($input: SignInInput!) { signIn(input: $input) { accessToken accessTokenExpiresAt } }`;
const REFRESH = `mutation Refresh($input: SessionRefreshInput!) { sessionRefresh(input: $input) { accessToken accessTokenExpiresAt } }`;
const SIGN_OUT = `mutation SignOut($input: SignOutInput!) { signOut(input: $input) { sessionsEnded } }`;
const VIEWER = `query Viewer { viewer { user { name email } workspaces { slug name } } }`;

const SIGNED_IN = "footnote:signedIn";
const WORKSPACE = "footnote:workspace";
// A token that ends within this time is renewed before it is used.
const EARLY_MS = 30_000;
const OUT = { status: "out", user: null, workspaces: [], workspace: "", problem: null };

/**
 * Makes the page's session.
 *
 * @param {{ endpoint: string, send?: typeof fetch, storage?: Storage, now?: () => number }} parts
 */
export function createSession({ endpoint, send = (...args) => fetch(...args), storage = safeStorage(), now = Date.now }) {
  let state = OUT;
  let token = null;
  let renewing = null;
  const listeners = new Set();

  const set = (change) => {
    state = { ...state, ...change };
    for (const listener of listeners) {
      listener();
    }
  };

  async function ask(query, variables, headers = {}) {
    const response = await send(endpoint, {
      method: "POST",
      redirect: "error",
      credentials: "same-origin",
      headers: { accept: "application/graphql-response+json", "content-type": "application/json", ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    if (errors?.length) {
      throw Object.assign(new Error(errors[0].message), { code: errors[0].extensions?.code });
    }
    return data;
  }

  function keep({ accessToken, accessTokenExpiresAt }) {
    const value = /^bearer /i.test(accessToken) ? accessToken : `Bearer ${accessToken}`;
    token = { value, endsAt: Date.parse(accessTokenExpiresAt) };
  }

  // Several requests that find the token old wait for one exchange.
  function renew() {
    renewing ??= ask(REFRESH, { input: {} })
      .then(({ sessionRefresh }) => keep(sessionRefresh))
      .catch((error) => {
        // Only a refusal ends the session; without a network it goes on when there is one.
        if (error.code === "UNAUTHENTICATED") {
          forget();
        }
        throw error;
      })
      .finally(() => {
        renewing = null;
      });
    return renewing;
  }

  function forget() {
    token = null;
    storage.removeItem(SIGNED_IN);
    set(OUT);
  }

  async function enter() {
    const { viewer } = await ask(VIEWER, {}, { authorization: token.value });
    const slugs = viewer.workspaces.map(({ slug }) => slug);
    const last = storage.getItem(WORKSPACE);
    const workspace = slugs.includes(last) ? last : (slugs[0] ?? "");
    storage.setItem(SIGNED_IN, "yes");
    set({ status: "in", user: viewer.user, workspaces: viewer.workspaces, workspace, problem: null });
  }

  const attempt = async (work) => {
    set({ status: "busy", problem: null });
    try {
      await work();
    } catch (error) {
      set({ ...OUT, problem: error.message });
    }
  };

  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    signIn: (email, password) =>
      attempt(async () => {
        const { signIn } = await ask(SIGN_IN, { input: { email, password, delivery: "COOKIE" } });
        keep(signIn);
        await enter();
      }),
    /** Goes on with the session of an earlier visit, if there was one; says nothing where it has ended. */
    async resume() {
      if (storage.getItem(SIGNED_IN) === null) {
        return;
      }
      set({ status: "busy" });
      try {
        await renew();
        await enter();
      } catch (error) {
        set({ ...OUT, problem: error.code === "UNAUTHENTICATED" ? null : error.message });
      }
    },
    async signOut() {
      const headers = token ? { authorization: token.value } : {};
      try {
        await ask(SIGN_OUT, { input: {} }, headers);
        forget();
      } catch (error) {
        if (error.code === "UNAUTHENTICATED") {
          forget();
        } else {
          set({ problem: error.message });
        }
      }
    },
    choose(workspace) {
      storage.setItem(WORKSPACE, workspace);
      set({ workspace });
    },
    /** What a request is sent with: the editor's headers, and the session's where the editor has no token. */
    async headers(editor) {
      if (editor.authorization || token === null) {
        return editor;
      }
      if (token.endsAt - now() < EARLY_MS) {
        await renew().catch(() => undefined);
      }
      const own = token === null ? {} : { authorization: token.value };
      return { ...own, ...(state.workspace ? { "x-workspace": state.workspace } : {}), ...editor };
    },
    /** After a refusal: renews the session if the request was sent with its token, and tells whether another attempt makes sense. */
    async renewAfter(sent) {
      if (token === null || sent.authorization !== token.value) {
        return false;
      }
      return renew().then(
        () => true,
        () => false,
      );
    },
  };
}

/** The browser's storage, or one for this visit where the browser refuses it. */
function safeStorage() {
  try {
    localStorage.getItem(SIGNED_IN);
    return localStorage;
  } catch {
    const kept = new Map();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
  }
}
