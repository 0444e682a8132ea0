// The list of conversations: which rows are selected, where the keys are, and how it changes under somebody's hands.
// While the pointer or the keys are in it, nothing moves: rows change in place, one that has left the list fades, and
// new ones wait behind a button on top.

import { settle } from "./pane.js";
import { patchChildren } from "./patch.js";
import { wordsFor } from "./toasts.js";

const CALM = 1500; // after the pointer has left
const OPEN_AFTER = 250; // after the last J or K
const SETTLED = 100; // after an answer: htmx has put it in its place
const hovers = matchMedia("(hover: hover)");

let waiting = null; // the rows as they should be, when nobody is in the way
let calming = 0;
let opening = 0;
let held = null; // rows that came while a conversation was on its way
let last = ""; // the value of the box that was checked last, for a range: its row may be exchanged meanwhile
let atOnce = false; // this page has taken something back: its list may move for that
let selecting = false; // boxes are shown although none is checked
let opened = { id: "", at: 0 }; // the row of the open conversation, and where it stood
const done = new Set(); // what this page has just put out of the list by itself

const list = () => document.getElementById("list");
const rowList = () => document.getElementById("list-rows");
const bar = () => document.getElementById("bulk");
const checks = () => [...(rowList()?.querySelectorAll(".row-check input") ?? [])];

export const rows = () => [...(rowList()?.querySelectorAll(".row-item:not(.row-gone) .conversation-row") ?? [])];
const openRow = () => rowList()?.querySelector(".conversation-row[aria-current]") ?? null;
export const selected = () => checks().filter((one) => one.checked);

/* Following the server */

const idsOf = (parent) => [...parent.children].map((one) => one.id).filter((id) => id.startsWith("item-"));

function inUse() {
  const rowsPane = rowList();
  const pointed = hovers.matches && rowsPane.matches(":hover");
  return pointed || rowsPane.scrollTop > 8 || rowsPane.querySelector(":focus-visible") !== null || selected().length > 0;
}

// When its answer is there, htmx reads off the row that was followed what to do with it: until then the row stays.
const isOpening = () => rowList().querySelector(".conversation-row.htmx-request") !== null;

/** Show these rows: at once when nobody is at the list, else as far as nothing moves. */
export function follow(fresh) {
  if (!rowList() || !fresh) return;
  held = null;
  if (isOpening()) {
    held = fresh;
    return;
  }
  waiting = withTheRest(fresh);
  if (inUse() && !atOnce) changeInPlace(waiting);
  else apply();
}

/** The server sends so many rows at most: what was loaded beyond stays as it is. */
function withTheRest(fresh) {
  const sent = new Set(idsOf(fresh));
  const here = [...rowList().querySelectorAll(".row-item")];
  const more = fresh.querySelector("#load-older");
  if (!more || here.length <= sent.size) return fresh;
  const known = here.map((item) => sent.has(item.id)).lastIndexOf(true);
  const rest = here.slice(known + 1).map((item) => item.cloneNode(true));
  const older = document.getElementById("load-older")?.cloneNode(true);
  more.replaceWith(...rest, ...(older ? [older] : []));
  return fresh;
}

function apply() {
  if (!waiting || !rowList()) return;
  const checked = new Set(selected().map((one) => one.value));
  const focused = document.activeElement?.id;
  patchChildren(rowList(), waiting.cloneNode(true));
  for (const input of checks()) input.checked = checked.has(input.value);
  for (const item of rowList().querySelectorAll(".row-gone")) comeBack(item);
  if (focused && rowList().contains(document.getElementById(focused))) document.getElementById(focused).focus();
  waiting = null;
  atOnce = false;
  showPill(0);
  tidy();
}

function changeInPlace(fresh) {
  const wanted = new Map([...fresh.children].map((one) => [one.id, one]));
  for (const item of [...rowList().children]) {
    const now = wanted.get(item.id);
    if (!now) {
      if (done.delete(item.id)) item.remove();
      else if (item.matches(".row-item")) fade(item);
    } else if (now.dataset.version !== item.dataset.version) {
      exchange(item, now.cloneNode(true));
    } else {
      comeBack(item);
    }
  }
  const here = new Set(idsOf(rowList()));
  const added = idsOf(fresh).filter((id) => !here.has(id)).length;
  showPill(added);
  tidy();
}

function exchange(item, node) {
  const focused = item.contains(document.activeElement) ? document.activeElement.id : "";
  const check = item.querySelector(".row-check input");
  if (check) node.querySelector(".row-check input").checked = check.checked;
  item.replaceWith(node);
  window.htmx.process(node);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function fade(item) {
  item.classList.add("row-gone");
  item.querySelector(".row-check input").checked = false;
  item.querySelector(".conversation-row").setAttribute("aria-description", "No longer in this list");
}

function comeBack(item) {
  item.classList.remove("row-gone");
  item.querySelector(".conversation-row")?.removeAttribute("aria-description");
}

function showPill(number) {
  let pill = list().querySelector(".list-pill");
  if (!number) return pill?.remove();
  if (!pill) {
    pill = document.createElement("button");
    pill.type = "button";
    pill.className = "button button-small button-primary new-pill list-pill";
    pill.addEventListener("click", () => {
      apply();
      rowList().scrollTop = 0;
      rows()[0]?.focus();
    });
    rowList().before(pill);
  }
  const words = `${number} new`;
  if (pill.textContent !== words) pill.textContent = words;
}

/** Once nobody has been at the list for a moment, it may move. */
function whenCalm() {
  clearTimeout(calming);
  calming = setTimeout(() => {
    if (rowList() && waiting && !inUse() && !isOpening()) apply();
  }, CALM);
}

/* One row at a time is in the order of Tab; the others are reached by arrows */

function tidy() {
  const all = rows();
  const open = `row-${document.getElementById("pane")?.dataset.conversation}`;
  const at = all.findIndex((row) => row.id === open);
  if (at >= 0) opened = { id: open, at };
  for (const row of all) {
    // The rows may have been asked for while another conversation was open.
    if (row.id === open) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  const here = all.find((row) => row === document.activeElement) ?? openRow() ?? all[0];
  for (const row of all) row.tabIndex = row === here ? 0 : -1;
  for (const check of checks()) check.tabIndex = -1;
  showSelection();
}

/** Go up or down by so many rows and open where the keys come to rest. */
export function move(step) {
  const all = rows();
  const from = all.indexOf(document.activeElement.closest?.(".conversation-row") ?? openRow());
  const next = all[Math.max(0, Math.min(all.length - 1, from + (from < 0 ? 1 : step)))];
  if (!next) return;
  focusOn(next);
  clearTimeout(opening);
  opening = setTimeout(() => next.isConnected && !next.hasAttribute("aria-current") && next.click(), OPEN_AFTER);
}

/** Open the row with the keys at once. */
export function openHere() {
  clearTimeout(opening);
  const row = document.activeElement.closest?.(".conversation-row") ?? rows()[0];
  row?.click();
}

function focusOn(row) {
  for (const one of rows()) one.tabIndex = one === row ? 0 : -1;
  row.focus();
  row.scrollIntoView({ block: "nearest" });
}

/* Selecting */

function check(input, on) {
  input.checked = on;
  last = input.value;
  showSelection();
}

export function toggleHere() {
  const row = document.activeElement.closest?.(".conversation-row") ?? openRow();
  const input = row?.parentElement.querySelector(".row-check input");
  if (input) check(input, !input.checked);
}

/** Go up or down and take the rows on the way along. */
export function extend(step) {
  const all = rows();
  const from = Math.max(0, all.indexOf(document.activeElement.closest?.(".conversation-row") ?? openRow()));
  const to = all[Math.max(0, Math.min(all.length - 1, from + step))];
  for (const row of [all[from], to]) if (row) check(row.parentElement.querySelector(".row-check input"), true);
  if (to) focusOn(to);
}

export function clearSelection() {
  for (const input of checks()) input.checked = false;
  showSelection();
  whenCalm();
}

function showSelection() {
  if (!bar()) return;
  const number = selected().length;
  list().toggleAttribute("data-selecting", number > 0 || selecting);
  bar().toggleAttribute("data-used", number > 0);
  const words = number ? `${number} selected` : "";
  const place = bar().querySelector(".bulk-count");
  if (place.textContent !== words) place.textContent = words;
}

document.addEventListener("click", (event) => {
  const input = event.target.closest?.(".row-check input");
  if (input) {
    const all = checks();
    const before = all.findIndex((one) => one.value === last);
    if (event.shiftKey && before >= 0) {
      const [from, to] = [before, all.indexOf(input)].sort((a, b) => a - b);
      for (const one of all.slice(from, to + 1)) one.checked = input.checked;
    }
    check(input, input.checked);
  }
  if (event.target.closest?.(".conversation-row")) clearTimeout(opening);
  const toggle = event.target.closest?.(".select-toggle");
  if (toggle) {
    selecting = !selecting;
    toggle.closest("details").open = false;
    showSelection();
  }
  if (event.target.closest?.(".bulk-clear")) clearSelection();
});

/* After an action: the rows it took away go, and the next one is opened */

document.addEventListener("parley:handled", (event) => {
  const { conversations, effect } = event.detail;
  clearSelection();
  if (effect === "restores") {
    atOnce = true;
    done.clear();
  }
  if (effect !== "leaves") return;
  for (const pk of conversations) done.add(`item-${pk}`);
  const pk = document.getElementById("pane")?.dataset.conversation;
  if (opened.id !== `row-${pk}` || !done.has(`item-${pk}`)) return;
  // The row may have left the list before the answer came: then the next one stands in its place.
  const open = document.getElementById(opened.id);
  const all = rows();
  const rest = [...all.slice(opened.at), ...all.slice(0, opened.at).reverse()];
  const next = rest.find((row) => !done.has(row.parentElement.id));
  if (next && matchMedia("(min-width: 768px)").matches) {
    const keysHere = document.activeElement === open || document.activeElement === document.body;
    next.click();
    if (keysHere) focusOn(next);
  }
});

/* A conversation that takes its time says so where it will be; one that does not come can be asked for again */

let slow = 0;
let slower = 0;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "pane") return;
  const pane = event.detail.target;
  slow = setTimeout(() => pane.classList.add("pane-loading"), 150);
  slower = setTimeout(() => pane.setAttribute("data-slow", "Still loading. The conversation is slow today."), 5000);
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.target?.id !== "pane") return;
  clearTimeout(slow);
  clearTimeout(slower);
  event.detail.target.classList.remove("pane-loading");
  event.detail.target.removeAttribute("data-slow");
  setTimeout(() => follow(held), SETTLED);
  if (event.detail.successful || event.detail.xhr.status === 422) return;
  const row = event.detail.elt;
  const notice = document.createElement("div");
  notice.className = "pane-failed empty-state";
  notice.setAttribute("role", "alert");
  const words = document.createElement("p");
  const { status } = event.detail.xhr;
  const final = status >= 400 && status < 429; // the same when asked again
  words.textContent = final ? wordsFor(status) : "This part did not load.";
  const again = document.createElement("button");
  again.type = "button";
  again.className = "button";
  again.textContent = "Try again";
  again.addEventListener("click", () => {
    notice.remove();
    row.click();
  });
  notice.append(words, ...(final ? [] : [again]));
  event.detail.target.querySelector(".pane-failed")?.remove();
  event.detail.target.append(notice);
});

document.addEventListener("pointerover", (event) => {
  if (!event.target.closest?.("#list-rows")) whenCalm();
});
document.addEventListener("focusout", whenCalm);
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.closest?.("#list-rows") || event.detail.target?.id === "load-older") tidy();
});

if (list()) {
  settle(tidy);
  const clear = document.createElement("button");
  clear.type = "button";
  clear.className = "button-link small bulk-clear";
  clear.textContent = "Clear";
  bar()?.querySelector(".bulk-count").after(clear);
}
