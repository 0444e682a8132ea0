// The pane of a conversation, exchanged by htmx when a row is followed: marks the row, scrolls to the newest
// message, and keeps the reader's place when older messages come in above or new ones below.

const CLOSE_TO_END = 80;
const settlers = [];

/** Run now, and whenever another conversation is shown. */
export function settle(action) {
  settlers.push(action);
  action();
}

export const timeline = () => document.getElementById("timeline");

/** Does the reader look at the newest message? */
export function atEnd() {
  const log = timeline();
  return !log || log.scrollHeight - log.scrollTop - log.clientHeight < CLOSE_TO_END;
}

export function toEnd() {
  const log = timeline();
  if (log) log.scrollTop = log.scrollHeight;
}

function showConversation() {
  const pane = document.getElementById("pane");
  const workspace = document.getElementById("workspace");
  if (!workspace || !pane?.dataset.conversation) return;
  workspace.dataset.pane = "conversation";
  for (const row of document.querySelectorAll(".conversation-row[aria-current]")) row.removeAttribute("aria-current");
  const row = document.getElementById(`row-${pane.dataset.conversation}`);
  row?.setAttribute("aria-current", "true");
  row?.scrollIntoView({ block: "nearest" });
  if (timeline()?.dataset.newest === "true") toEnd();
}

/* Who reads the end goes on reading it, also when the composer grows and takes its room. Who reads above stays there,
   and a button leads down to what came. */

let reading = true;
let shownTo = 0; // the newest message when the reader was last at the end
const room = new ResizeObserver(() => {
  if (reading) toEnd();
});

export const messages = () => [...(timeline()?.querySelectorAll(":scope > [data-message]") ?? [])];
const newest = () => Math.max(0, ...messages().map((one) => one.dataset.message));
const button = () => document.querySelector(".new-messages");

/** Does somebody have the newest message before them? */
export const seesNewest = () => atEnd() && timeline()?.dataset.newest === "true";

/** Say how many messages of the customer stand below that came since. */
export function tellOfNew() {
  reading = atEnd();
  const came = messages().filter((one) => one.matches(".message-in") && one.dataset.message > shownTo).length;
  if (reading || !came) {
    if (reading) shownTo = newest();
    if (!button()) return;
    button().remove();
    return document.dispatchEvent(new CustomEvent("parley:refresh")); // now it is read
  }
  if (!button()) {
    const made = document.createElement("button");
    made.className = "button button-small button-primary new-pill new-messages";
    timeline().after(made);
  }
  button().textContent = came === 1 ? "1 new message" : `${came} new messages`;
}

document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".new-messages")) return;
  toEnd();
  timeline().focus({ preventScroll: true });
});

let heightBefore = 0;

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id === "older-messages") heightBefore = timeline()?.scrollHeight ?? 0;
});

document.addEventListener("htmx:afterSwap", (event) => {
  const log = timeline();
  if (heightBefore && log && log.contains(event.detail.elt)) {
    // The first day of the older page may be the one that stood on top.
    for (const line of log.querySelectorAll(":scope > .day-line")) {
      const [, ...repeated] = log.querySelectorAll(`:scope > [id="${line.id}"]`);
      for (const one of repeated) one.remove();
    }
    log.scrollTop += log.scrollHeight - heightBefore;
    heightBefore = 0;
  }
});

// What is opened under a message at the end is seen without scrolling; its words come a moment later.
function showWhole(opened) {
  if (opened?.open && timeline()?.contains(opened)) opened.scrollIntoView({ block: "nearest" });
}

document.addEventListener("toggle", (event) => showWhole(event.target), true);
document.addEventListener("htmx:afterSettle", (event) => showWhole(event.detail.elt.closest("details")));

// Page Up and Page Down go from message to message, as in a feed.
document.addEventListener("keydown", (event) => {
  const step = { PageUp: -1, PageDown: 1 }[event.key];
  const log = timeline();
  if (!step || !log?.contains(event.target) || event.target.matches("textarea, input, pre")) return;
  const messages = [...log.querySelectorAll(":scope > article.message")];
  const here = messages.indexOf(event.target.closest("article.message"));
  const next = here < 0 ? messages.at(-1) : messages[here + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.id === "pane") {
    for (const action of settlers) action();
  }
});

settle(showConversation);
settle(() => {
  room.disconnect();
  if (!timeline()) return;
  reading = atEnd();
  shownTo = newest();
  room.observe(timeline());
  timeline().addEventListener("scroll", tellOfNew);
});

// A link to a message brings it into the middle, after the pane has gone to its newest message.
const wanted = /^#message-\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
if (wanted) {
  wanted.scrollIntoView({ block: "center" });
  wanted.tabIndex = -1;
  wanted.focus({ preventScroll: true });
}
