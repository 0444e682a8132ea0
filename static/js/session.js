// The session has ended: a dialog over the page asks for the password again, so that nothing on the page is lost.

import { toast } from "./toasts.js";

const OFTEN = 10_000; // what goes on refusing a session that stands does not ask more often
const PAUSE = 1000; // milliseconds without a key: the dialog takes the focus, and letters must not land in it

let dialog = null;
let typed = -PAUSE;
let asking = false;
let takenOver = -OFTEN;

const signIn = () => `/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`;

function make() {
  dialog = document.createElement("dialog");
  dialog.className = "dialog session-dialog";
  dialog.setAttribute("aria-labelledby", "session-title");
  dialog.innerHTML = `
    <form class="dialog-body form-stack">
      <h2 class="dialog-title" id="session-title">You are signed out</h2>
      <p>What you have typed stays on this page. Sign in to go on.</p>
      <p class="field-error" role="alert" hidden></p>
      <div class="field"><label class="field-label" for="session-name">Work e-mail</label>
        <input class="input" id="session-name" name="username" type="email" autocomplete="username" required></div>
      <div class="field"><label class="field-label" for="session-password">Password</label>
        <input class="input" id="session-password" name="password" type="password" autocomplete="current-password" required></div>
      <div class="button-row"><button class="button button-primary">Sign in</button><a class="button button-ghost">Use the sign-in page</a></div>
    </form>`;
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.target);
  });
  document.body.append(dialog);
}

async function askToSignIn() {
  if (asking || dialog?.open) return;
  asking = true;
  const answer = await fetch("/account/").then(parsed).catch(() => null);
  // A late answer to the session before, or somebody signed in again in another tab.
  const stands = answer?.body.dataset.user === document.body.dataset.user;
  await (stands ? until(takenOver + OFTEN) : pauseInTyping());
  asking = false;
  if (stands) {
    takenOver = performance.now();
    return takeOver(answer);
  }
  if (!dialog) make();
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  dialog.querySelector("a").href = signIn();
  dialog.querySelector("[name=username]").value = document.body.dataset.email ?? "";
  dialog.showModal();
  dialog.querySelector("[name=password]").focus();
}

const until = (moment) => new Promise((resolve) => setTimeout(resolve, moment - performance.now()));

async function pauseInTyping() {
  while (typed + PAUSE > performance.now()) await until(typed + PAUSE);
}

async function send(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  const answer = await answerTo(form).catch(() => null);
  button.disabled = false;
  if (!answer) return refuse(form, "The server does not answer. Try again.");
  if (answer.body.dataset.user === document.body.dataset.user) return goOn(answer);
  if (answer.body.dataset.user) return location.reload(); // somebody else works here now
  const said = answer.querySelector(".error-summary")?.textContent.trim(); // also that it is shut for a while
  if (said) return refuse(form, said);
  location.href = signIn(); // more is asked for than a password
}

async function answerTo(form) {
  const page = await parsed(await fetch("/sign-in/"));
  const body = new FormData(form);
  body.set("csrfmiddlewaretoken", page.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "");
  body.set("next", "/account/");
  return parsed(await fetch("/sign-in/", { method: "POST", body }));
}

const parsed = async (response) => new DOMParser().parseFromString(await response.text(), "text/html");

function refuse(form, words) {
  const place = form.querySelector(".field-error");
  place.textContent = words;
  place.hidden = false;
  form.querySelector("[name=password]").select();
}

function goOn(answer) {
  dialog.querySelector("form").reset();
  dialog.close();
  toast("Signed in again.");
  takeOver(answer);
}

/** The new session has a new token: every form of the page takes it over. */
function takeOver(answer) {
  const headers = answer.body.getAttribute("hx-headers");
  document.body.setAttribute("hx-headers", headers);
  const fresh = JSON.parse(headers)["X-CSRFToken"];
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = fresh;
  document.dispatchEvent(new CustomEvent("parley:signed-in"));
}

document.addEventListener("input", () => (typed = performance.now()), true);
document.addEventListener("parley:signed-out", askToSignIn);
