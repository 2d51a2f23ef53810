// The page behind the links of mails: `/account#verify=TOKEN` and `/account#reset=TOKEN`.
//
// A fragment is not sent to any server. It is taken out of the address at once, and nothing happens before a button is
// pressed, so a program that opens the links of mails uses none up.

const VERIFY = "mutation Verify($input: EmailVerifyInput!) { emailVerify(input: $input) { __typename } }";
const RESET = "mutation Reset($input: PasswordResetInput!) { passwordReset(input: $input) { __typename } }";

const [kind, token] = readLink(location.hash);
history.replaceState(null, "", location.pathname);
addEventListener("hashchange", () => location.reload());

const outcome = document.getElementById("outcome");
if (kind === "verify") {
  offer(kind, VERIFY, () => ({ token }), "The address is confirmed. You can sign in now.");
} else if (kind === "reset") {
  const newPassword = () => document.getElementById("password").value;
  offer(kind, RESET, () => ({ token, newPassword: newPassword() }), "The password is saved. Sign in with it.");
} else {
  outcome.textContent = "This page needs the whole link of a mail. Open it from there.";
}

function readLink(fragment) {
  const found = /^#(verify|reset)=([A-Za-z0-9_-]{20,200})$/.exec(fragment);
  return found ? [found[1], found[2]] : [];
}

function offer(name, query, input, done) {
  const form = document.getElementById(name);
  const button = form.querySelector("button");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const refusal = await send(query, input());
    button.disabled = false;
    form.hidden = refusal === null;
    outcome.textContent = refusal ?? done;
  });
}

// Gives the sentence of the refusal, or null.
async function send(query, input) {
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      redirect: "error",
      headers: { accept: "application/graphql-response+json", "content-type": "application/json" },
      body: JSON.stringify({ query, variables: { input } }),
    });
    const { errors } = await response.json();
    return errors?.[0]?.message ?? null;
  } catch {
    return "The server cannot be reached. Try again in a moment.";
  }
}
