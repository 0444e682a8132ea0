// The pane of a conversation, exchanged by htmx when a row is followed: marks the row, scrolls to the newest
// message, and keeps the reader's place when older messages come in above.

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
