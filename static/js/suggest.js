// Lists under the caret: "/" offers canned replies, "@" colleagues. The server fills the values in and makes the
// list; here it is shown, walked through by keys, and what is chosen is put in place of what was typed.

import { toast } from "./toasts.js";

const PAUSE = 120;

// What is typed before the caret, after the beginning of a line or a space.
const KINDS = [
  { data: "canned", pattern: /(?:^|\s)(\/([^\s/]{0,40}))$/u, noun: "canned replies" },
  { data: "colleagues", pattern: /(?:^|\s)(@([\p{L}\p{M}.'’-]{0,30}(?: [\p{L}\p{M}.'’-]{1,30})?))$/u, noun: "colleagues" },
];

let open = null; // {text, start, popup, options, active}
let timer = 0;
let request = null;

function wanted(text) {
  if (text.selectionStart !== text.selectionEnd) return null;
  const before = text.value.slice(0, text.selectionStart);
  for (const kind of KINDS) {
    const found = text.dataset[kind.data] && kind.pattern.exec(before);
    if (found) return { kind, start: before.length - found[1].length, query: found[2] };
  }
  return null;
}

function later(text) {
  clearTimeout(timer);
  const found = wanted(text);
  if (!found) return close();
  timer = setTimeout(() => ask(text, found), open ? PAUSE : 0);
}

async function ask(text, { kind, start, query }) {
  const address = new URL(text.dataset[kind.data], location.href);
  address.searchParams.set("q", query);
  for (const name of (text.dataset.cannedFields ?? "").split(" ").filter(Boolean)) {
    address.searchParams.set(name, new FormData(text.form).get(name) ?? "");
  }
  request?.abort();
  request = new AbortController();
  let markup;
  try {
    const response = await fetch(address, { headers: { "HX-Request": "true" }, signal: request.signal });
    if (response.redirected) document.dispatchEvent(new CustomEvent("parley:signed-out"));
    else if (!response.ok) toast(`The ${kind.noun} did not load.`, { tone: "error" });
    if (!response.ok || response.redirected) return close();
    markup = await response.text();
  } catch {
    return; // another key was quicker, or the server is away: what is typed stays as it is
  }
  show(text, start, kind, markup);
}

function show(text, start, kind, markup) {
  if (document.activeElement !== text) return;
  if (open?.text !== text) close();
  const popup = open?.popup ?? document.createElement("div");
  popup.className = "suggestions";
  popup.innerHTML = markup;
  if (!open) {
    const status = document.createElement("span");
    status.className = "visually-hidden";
    status.setAttribute("role", "status");
    text.before(popup);
    popup.after(status);
    open = { text, popup, status };
  }
  const list = popup.querySelector("[role=listbox]");
  list.id = "suggestions";
  Object.assign(open, { start, options: [...list.children], active: -1 });
  text.setAttribute("aria-controls", list.id);
  text.setAttribute("aria-autocomplete", "list");
  text.setAttribute("aria-haspopup", "listbox");
  const count = open.options.length;
  open.status.textContent = count ? `${count} ${kind.noun}. Arrow keys choose, Enter inserts.` : popup.textContent.trim();
  activate(0);
}

function activate(index) {
  const { options, text } = open;
  options[open.active]?.setAttribute("aria-selected", "false");
  if (!options.length) return text.removeAttribute("aria-activedescendant");
  open.active = (index + options.length) % options.length;
  const option = options[open.active];
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  text.setAttribute("aria-activedescendant", option.id);
}

function close() {
  clearTimeout(timer);
  request?.abort();
  if (!open) return;
  const { text, popup, status } = open;
  popup.remove();
  status.remove();
  for (const name of ["aria-activedescendant", "aria-controls", "aria-autocomplete", "aria-haspopup"]) {
    text.removeAttribute(name);
  }
  open = null;
}

function insert(option) {
  const { text, start } = open;
  close();
  text.focus();
  text.setSelectionRange(start, text.selectionStart);
  // The old command keeps the browser's own undo; setRangeText does not.
  if (!document.execCommand("insertText", false, option.dataset.insert)) {
    text.setRangeText(option.dataset.insert, start, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }
  selectMissing(text, start);
}

/** Select the first field that has no value, so that typing fills it in. */
function selectMissing(text, from = 0) {
  const found = /\$\{[a-z][a-z0-9_]*\}/.exec(text.value.slice(from));
  if (!found) return;
  text.focus();
  text.setSelectionRange(from + found.index, from + found.index + found[0].length);
}

const keys = {
  ArrowDown: () => activate(open.active + 1),
  ArrowUp: () => activate(open.active - 1),
  Enter: () => insert(open.options[open.active]),
  Tab: () => insert(open.options[open.active]),
  Escape: close,
};

document.addEventListener(
  "keydown",
  (event) => {
    if (!open || event.target !== open.text || event.isComposing || event.ctrlKey || event.metaKey) return;
    if (!keys[event.key] || event.shiftKey || (!open.options.length && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  },
  true,
);

document.addEventListener("input", (event) => {
  if (event.target.matches?.(".composer-text") && !event.isComposing) later(event.target);
});
document.addEventListener("focusout", (event) => {
  if (open && event.target === open.text) close();
});
document.addEventListener("pointerdown", (event) => {
  if (event.target.closest?.(".suggestions")) event.preventDefault(); // the text keeps the focus
});
document.addEventListener("click", (event) => {
  const option = event.target.closest?.(".suggestions [role=option]");
  if (option) return insert(option);
  const button = event.target.closest?.("[data-suggests]");
  if (!button) return;
  const text = document.getElementById(button.dataset.suggests);
  text.focus();
  const before = text.value.slice(0, text.selectionStart);
  text.setRangeText(before && !/\s$/.test(before) ? " /" : "/", text.selectionStart, text.selectionEnd, "end");
  text.dispatchEvent(new Event("input", { bubbles: true }));
});
// A text that was sent back: htmx settles its attributes later, so what was refused shows by the words below it.
document.addEventListener("htmx:afterSwap", (event) => {
  const problem = event.detail.elt.querySelector?.(".composer-field > .composer-problem");
  const text = problem?.parentElement.querySelector(".composer-text");
  if (text?.checkVisibility()) selectMissing(text);
});
