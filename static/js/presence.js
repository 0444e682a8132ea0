// Says that somebody has a conversation open, and shows who else has. Lost words are no harm: they are said again.

import { openConversation } from "./live.js";
import { settle } from "./pane.js";

const STILL_HERE = 15_000;
const TYPING = 4_000; // at most one word about typing in that time
const ASK_AFTER = 600; // so that several changes are one question

let at = "";
let told = 0;
let asking = 0;
const changed = new Set();

// What a page says of its own accord must not take back that somebody types there.
const state = () => (Date.now() - told < TYPING ? "typing" : "here");
const place = () => document.getElementById("thread-presence");

async function say(word) {
  const address = place()?.dataset.presence;
  if (!address || document.hidden) return;
  const conversation = openConversation();
  const body = new FormData();
  body.set("state", word);
  try {
    const response = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": token() } });
    if (!response.ok || response.redirected || conversation !== openConversation()) return;
    show(place(), await response.text());
  } catch {
    // Said again in a moment.
  }
}

const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

function show(element, markup) {
  if (element && element.innerHTML.trim() !== markup.trim()) element.innerHTML = markup;
}

function leave() {
  if (!at) return;
  const body = new FormData();
  body.set("state", "gone");
  body.set("csrfmiddlewaretoken", token());
  navigator.sendBeacon(`/c/${at}/presence/`, body);
  at = "";
}

function arrive() {
  const conversation = openConversation();
  if (conversation === at) return;
  leave();
  at = conversation;
  told = 0;
  if (at) say("here");
}

async function ask() {
  asking = 0;
  const rows = [...changed].filter((pk) => document.getElementById(`presence-${pk}`));
  if (changed.has(openConversation())) say(state());
  changed.clear();
  if (!rows.length || document.hidden) return;
  try {
    const words = new URLSearchParams(rows.map((pk) => ["c", pk]));
    const response = await fetch(`/inbox/presence/?${words}`);
    if (!response.ok || response.redirected) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const pk of rows) {
      const id = `presence-${pk}`;
      show(document.getElementById(id), fresh.getElementById(id)?.innerHTML ?? "");
    }
  } catch {
    // The next refresh of the list shows it.
  }
}

document.addEventListener("parley:presence", (event) => {
  changed.add(String(event.detail.conversation));
  asking ||= setTimeout(ask, ASK_AFTER);
});

document.addEventListener("input", (event) => {
  if (!event.target.closest?.("#composer textarea") || Date.now() - told < TYPING) return;
  told = Date.now();
  say("typing");
});

if (document.getElementById("workspace")) {
  settle(arrive);
  setInterval(() => {
    if (at) say(state());
    // Who left without a word is forgotten by the server: ask again about everybody who is shown.
    for (const one of document.querySelectorAll(".row-presence:not(:empty)")) changed.add(one.id.replace("presence-", ""));
    if (changed.size) asking ||= setTimeout(ask, ASK_AFTER);
  }, STILL_HERE);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : arrive()));
  addEventListener("pagehide", leave);
}
