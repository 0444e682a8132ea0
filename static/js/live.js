// Keeps an open inbox as it is on the server. The event stream says what changed; the page then asks for its parts
// once and exchanges those that differ. The composer is left alone unless what may be written has changed.

import { hears } from "./events.js";
import { follow } from "./list.js";
import { waiting } from "./offline.js";
import { atEnd, seesNewest, settle, tellOfNew, timeline, toEnd } from "./pane.js";
import { patchChildren, replaceIfChanged } from "./patch.js";
import { toast } from "./toasts.js";

const BETWEEN = 400; // at most one request in that time, however many events come
const POLL = 20_000;

const workspace = () => document.getElementById("workspace");
export const openConversation = () => document.getElementById("pane")?.dataset.conversation ?? "";

let timer = 0;
let running = false;
let wanted = false;
let wholePage = false;
let ended = false;
let lost = ""; // the open conversation, once its reader may not see it any more

/** Ask for the parts of the page soon; `withConversation` says that the open one may have changed. */
function refresh(withConversation) {
  wanted = true;
  wholePage ||= withConversation;
  if (!timer && !running) timer = setTimeout(ask, BETWEEN / 4);
}

async function ask() {
  timer = 0;
  if (!workspace() || ended || document.hidden) return; // asked again when somebody looks
  running = true;
  wanted = false;
  const conversation = wholePage && openConversation() !== lost ? openConversation() : "";
  wholePage = false;
  try {
    await bringUpToDate(conversation);
  } catch (error) {
    reportError(error); // a fault of this page: the server did answer
  }
  await new Promise((resolve) => setTimeout(resolve, BETWEEN));
  running = false;
  if (wanted) refresh(wholePage);
}

async function bringUpToDate(conversation) {
  let response, markup;
  try {
    response = await fetch(address(conversation), { headers: { Accept: "text/html" } });
    markup = await response.text();
  } catch {
    return disconnected(); // the poll asks again, and so does the event stream when it is back
  }
  if (response.status >= 500) return disconnected();
  try {
    if (response.redirected) signedOut();
    else if (response.ok) take(new DOMParser().parseFromString(markup, "text/html"), conversation);
    else if (response.status === 404 && conversation) goOnWithout(conversation);
  } finally {
    connected();
  }
}

function take(fresh, conversation) {
  // What was pressed must still be there when it is answered: else nobody hears what came of it.
  if (workspace().querySelector(".htmx-request")) refresh(Boolean(conversation));
  else exchange(fresh, conversation);
}

/** The list goes on; what is typed into the conversation stays where it is. */
function goOnWithout(conversation) {
  lost = conversation;
  toast("This conversation is not here any more.", { tone: "error" });
  refresh(false);
}

function address(conversation) {
  const url = new URL(workspace().dataset.updates, location.href);
  url.searchParams.set("rows", Math.max(24, document.querySelectorAll(".conversation-row").length));
  if (conversation) {
    url.searchParams.set("open", conversation);
    url.searchParams.set("seen", document.hasFocus() && seesNewest() && conversation !== keptUnread ? 1 : 0);
    const shown = [...(timeline()?.querySelectorAll("[data-message]") ?? [])].map((one) => Number(one.dataset.message));
    if (shown.length) url.searchParams.set("since", Math.min(...shown)); // times may be out of the order of ids
  }
  return url;
}

function exchange(fresh, conversation) {
  const part = (id) => fresh.getElementById(id);
  const here = (id) => document.getElementById(id);
  replaceIfChanged(here("views"), part("views"));
  replaceIfChanged(here("list-header"), part("list-header"));
  follow(part("list-rows"));
  showUnread();
  if (!conversation || conversation !== openConversation()) return;
  replaceIfChanged(here("thread-header"), part("thread-header"));
  const end = atEnd();
  if (timeline()?.dataset.newest === "true") patchChildren(timeline(), withWhatStandsAbove(part("timeline")));
  if (end) toEnd();
  tellOfNew();
  if (here("composer")?.dataset.state !== part("composer")?.dataset.state) exchangeComposer(part("composer"));
  if (!here("panel")?.querySelector("details[open]")) replaceIfChanged(here("panel"), part("panel"));
}

/** The server sends so many messages at most: what was loaded above them stays as it is. */
function withWhatStandsAbove(fresh) {
  const first = fresh.querySelector(":scope > [data-message]");
  const here = [...timeline().children];
  const above = here.slice(0, Math.max(0, here.findIndex((one) => one.id === first?.id)));
  if (!above.some((one) => one.matches("[data-message]"))) return fresh;
  while (fresh.firstElementChild !== first) fresh.firstElementChild.remove();
  fresh.prepend(...above.map((one) => one.cloneNode(true)));
  return fresh;
}

function exchangeComposer(fresh) {
  const focused = document.activeElement?.id;
  document.getElementById("composer")?.replaceWith(fresh);
  window.htmx.process(fresh);
  if (focused) document.getElementById(focused)?.focus();
}

function showUnread() {
  const unread = Number(document.getElementById("views")?.dataset.unread ?? 0);
  document.title = document.title.replace(/^(\(\d+\) )?/, unread ? `(${unread}) ` : "");
  const badge = document.querySelector(".rail-badge");
  if (!badge) return;
  const words = unread > 99 ? "99+" : String(unread);
  if (badge.firstChild.data !== words) badge.firstChild.data = words;
  badge.hidden = !unread;
}

function signedOut() {
  if (ended) return;
  ended = true;
  document.dispatchEvent(new CustomEvent("parley:signed-out"));
}

document.addEventListener("parley:signed-in", () => {
  ended = false;
  refresh(true);
});

/* The server, or the way to it, is away: the page says so and stays readable */

let away = null;

function disconnected() {
  if (away || ended) return;
  away = document.createElement("div");
  away.className = "connection-bar";
  away.setAttribute("role", "status");
  const at = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  away.textContent = navigator.onLine
    ? `The server does not answer. The list is as it was at ${at}; it is asked again by itself.`
    : `You are offline. The list is as it was at ${at}.`;
  document.querySelector(".shell")?.before(away);
  document.documentElement.classList.add("is-offline");
}

function connected() {
  if (!away) return;
  away.remove();
  away = null;
  document.documentElement.classList.remove("is-offline");
  document.querySelector(".pane-failed button")?.click();
  const said = [...document.querySelectorAll("#toasts .toast")].some((one) => one.textContent.startsWith("Back online."));
  if (!waiting().length && !said) toast("Back online."); // else offline.js says what was sent
}

addEventListener("offline", disconnected);
addEventListener("online", () => refresh(true));

/* What changed */

document.addEventListener("parley:event", ({ detail: change }) => {
  if (change.kind === "presence") document.dispatchEvent(new CustomEvent("parley:presence", { detail: change }));
  else if (change.kind === "stream") refresh(true);
  else if (change.kind !== "notification") refresh(String(change.conversation) === openConversation());
});
document.addEventListener("parley:connected", () => refresh(true));
document.addEventListener("parley:refresh", () => refresh(true));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh(true);
});

// Whoever marks the open conversation as unread wants it to stay so, although they still look at it.
let keptUnread = "";
document.addEventListener("parley:handled", (event) => {
  const { conversations, effect } = event.detail;
  const here = conversations.includes(Number(openConversation()));
  keptUnread = effect === "unread" && here ? openConversation() : "";
});

if (workspace()) {
  settle(() => {
    lost = ""; // asked for and shown anew
  });
  setInterval(() => {
    if (!ended && (!hears() || away)) refresh(true);
  }, POLL);
}
