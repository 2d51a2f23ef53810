// The page behind the links of mails: `/account#verify=TOKEN`, `/account#reset=TOKEN` and `/account#invite=TOKEN`.
//
// A fragment is not sent to any server. It is taken out of the address at once, and nothing happens before a button is
// pressed, so a program that opens the links of mails uses none up.

const VERIFY = "mutation Verify($input: EmailVerifyInput!) { emailVerify(input: $input) { __typename } }";
const RESET = "mutation Reset($input: PasswordResetInput!) { passwordReset(input: $input) { __typename } }";

const SIGN_IN = "mutation SignIn($input: SignInInput!) { signIn(input: $input) { accessToken } }";
const SIGN_UP = "mutation SignUp($input: SignUpInput!) { signUp(input: $input) { __typename } }";
const ACCEPT =
  "mutation Accept($input: InvitationAcceptInput!) { invitationAccept(input: $input) { workspace { name slug } } }";

const [kind, token] = readLink(location.hash);
history.replaceState(null, "", location.pathname);
addEventListener("hashchange", () => location.reload());

const outcome = document.getElementById("outcome");
if (kind === "verify") {
  offer(kind, VERIFY, () => ({ token }), "The address is confirmed. You can sign in now.");
} else if (kind === "reset") {
  const newPassword = () => document.getElementById("password").value;
  offer(kind, RESET, () => ({ token, newPassword: newPassword() }), "The password is saved. Sign in with it.");
} else if (kind === "invite") {
  invite();
} else {
  outcome.textContent = "This page needs the whole link of a mail. Open it from there.";
}

function readLink(fragment) {
  const found = /^#(verify|reset|invite)=([A-Za-z0-9_-]{20,200})$/.exec(fragment);
  return found ? [found[1], found[2]] : [];
}

function offer(name, query, input, done) {
  const form = document.getElementById(name);
  const button = form.querySelector("button");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const { refusal } = await send(query, input());
    button.disabled = false;
    form.hidden = refusal === undefined;
    outcome.textContent = refusal ?? done;
  });
}

// Signs in and accepts; or signs up, after which the mail of the sign-up has to be opened first.
function invite() {
  const form = document.getElementById("invite");
  const field = (name) => document.getElementById(name).value;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const signUp = event.submitter?.value === "sign-up";
    const buttons = form.querySelectorAll("button");
    buttons.forEach((button) => (button.disabled = true));
    const [email, password] = [field("invite-email"), field("invite-password")];
    outcome.textContent = signUp
      ? await afterSignUp({ email, password, name: field("invite-name") || email })
      : await accept({ email, password }, form);
    buttons.forEach((button) => (button.disabled = false));
  });
}

async function afterSignUp(input) {
  const { refusal } = await send(SIGN_UP, input);
  return refusal ?? "Open the link of the mail that you get now. Then come back here by the invitation's link, and sign in.";
}

async function accept(input, form) {
  const session = await send(SIGN_IN, input);
  if (session.refusal) return session.refusal;
  const { refusal, data } = await send(ACCEPT, { token }, session.data.signIn.accessToken);
  if (refusal) return refusal;
  form.hidden = true;
  const { name, slug } = data.invitationAccept.workspace;
  return `You are a member of ${name} now. Its name in addresses and headers is ${slug}.`;
}

// Gives the data, or the sentence of the refusal.
async function send(query, input, accessToken) {
  const authorization = accessToken ? { authorization: `Bearer ${accessToken}` } : {};
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      redirect: "error",
      headers: { accept: "application/graphql-response+json", "content-type": "application/json", ...authorization },
      body: JSON.stringify({ query, variables: { input } }),
    });
    const { data, errors } = await response.json();
    return errors ? { refusal: errors[0].message } : { data };
  } catch {
    return { refusal: "The server cannot be reached. Try again in a moment." };
  }
}
