// Writing goes on without a connection: what is sent then waits on this device, and leaves by itself, in order. Its
// key makes sure that it leaves once, however often it is tried.

import { toast } from "./toasts.js";

const AGAIN = 20_000;
const STORE = `parley:outbox:${document.body.dataset.user}`;

/** What this device holds of texts that the server may not have; "new" or a conversation and a kind follow. */
export const DRAFTS = `parley:draft:${document.body.dataset.user}:`;

/** The forms that wait: {conversation, address, name, fields: [[name, value], ...]}. */
export const waiting = () => JSON.parse(localStorage.getItem(STORE) ?? "[]");

function keep(forms) {
  if (forms.length) localStorage.setItem(STORE, JSON.stringify(forms));
  else localStorage.removeItem(STORE);
  show();
}

/* Taking in */

const composer = () => document.getElementById("composer");

function take(form, submitter) {
  const fields = [...new FormData(form, submitter)].filter(([name]) => name !== "csrfmiddlewaretoken");
  const kind = form.elements.mode.value;
  const text = form.querySelector(`.composer-text[data-kind="${kind}"]`);
  if (!text.value.trim()) return;
  const { conversation } = form.dataset;
  const name = document.querySelector(".thread-name")?.textContent ?? "";
  keep([...waiting(), { conversation, address: form.getAttribute("action"), name, fields }]);
  text.value = "";
  form.elements.client_key.value = crypto.randomUUID();
  form.elements[`${kind}_version`].value = 0; // the draft goes with the message
  document.dispatchEvent(new CustomEvent("parley:queued", { detail: { text } }));
  text.focus();
}

document.addEventListener("htmx:confirm", (event) => {
  const { elt, triggeringEvent } = event.detail;
  if (elt.id !== "composer" || navigator.onLine) return;
  event.preventDefault();
  take(elt, triggeringEvent?.submitter);
});
document.addEventListener("htmx:sendError", (event) => {
  const { elt, requestConfig } = event.detail;
  if (elt.id === "composer") take(elt, requestConfig.triggeringEvent?.submitter);
});

/* Letting go */

async function send() {
  show();
  if (!waiting().length || !navigator.onLine) return;
  await navigator.locks.request(STORE, { ifAvailable: true }, async (lock) => {
    if (lock) await sendAll();
  });
}

/** Whoever signs out and was asked leaves it behind. */
export const forgetWaiting = () => localStorage.removeItem(STORE);

async function sendAll() {
  let sent = 0;
  while (waiting().length) {
    const [first] = waiting();
    const outcome = await sendOne(first);
    if (outcome === "later") break;
    if (outcome === "sent") {
      sent += 1;
      keep(waiting().slice(1));
    } else putBack(first);
  }
  if (!sent) return;
  toast(`Back online. ${sent} message${sent === 1 ? "" : "s"} sent.`);
  document.dispatchEvent(new CustomEvent("parley:refresh"));
}

async function sendOne({ address, fields }) {
  const body = new FormData();
  for (const [name, value] of fields) body.append(name, value);
  const headers = { "HX-Request": "true", ...JSON.parse(document.body.getAttribute("hx-headers")) };
  try {
    const response = await fetch(address, { method: "POST", body, headers });
    if (response.redirected || response.status >= 500 || response.status === 403) return "later";
    return response.ok ? "sent" : "refused";
  } catch {
    return "later";
  }
}

/** Somebody has to look at it: everything that waits for this conversation is a draft again, in its order. */
function putBack({ conversation, name, address }) {
  const here = waiting().filter((one) => one.conversation === conversation);
  keep(waiting().filter((one) => one.conversation !== conversation));
  for (const kind of ["reply", "remark"]) {
    const field = kind === "reply" ? "body" : "remark";
    const texts = here.map(({ fields }) => new Map(fields)).filter((fields) => fields.get("mode") === kind);
    const body = texts.map((fields) => fields.get(field)).join("\n\n");
    if (body) localStorage.setItem(`${DRAFTS}${conversation}:${kind}`, JSON.stringify({ body, version: 0 }));
  }
  toast(`What you wrote to ${name} was not sent: somebody wrote meanwhile, or a rule is against it.`, {
    tone: "error",
    link: { text: "Look at it", href: address.replace("/reply/", "/") },
  });
}

/* Saying so */

function show() {
  const form = composer();
  if (!form) return;
  const count = waiting().length;
  const offline = !navigator.onLine;
  const bar = form.querySelector(".offline-bar");
  bar.hidden = !offline && !count;
  bar.querySelector("b").textContent = offline ? "You are offline." : "Not sent yet.";
  bar.querySelector(".composer-waiting").textContent = count
    ? `${count} message${count === 1 ? " waits" : "s wait"} on this device.`
    : "What you write is kept on this device.";
  bar.querySelector("[data-tries-again]").hidden = !count;
  const word = form.querySelector(".composer-send .for-now");
  if (!word) return;
  word.dataset.word ??= word.textContent;
  word.textContent = offline ? "Queue" : word.dataset.word;
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-tries-again]")) send();
});
document.addEventListener("htmx:afterSettle", show);
window.addEventListener("offline", show);
window.addEventListener("online", async () => {
  await send();
  document.dispatchEvent(new CustomEvent("parley:online"));
});
document.addEventListener("parley:signed-in", send);
setInterval(send, AGAIN);
send();
