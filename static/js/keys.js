// Single keys outside fields, and only those whose control is on the page: an element with data-key is pressed. While
// rows of the list are selected, the keys are for them (data-bulk-key). G and another key goes to a page (data-go).

import { clearSelection, extend, move, openHere, selected, toggleHere } from "./list.js";
import { undoLast } from "./toasts.js";

const SECOND_KEY = 1500;
const PANES = ["#views", "#list-rows", "#timeline", "#composer", "#panel"];

// Boxes and knobs take no letters; but whoever chose Reply where nothing can be written means to write.
const inField = (element) =>
  element.closest?.(
    "input:not([type=checkbox], [type=radio]), #composer [type=radio], textarea, select, [contenteditable]",
  );

const actions = {
  j: () => move(1),
  k: () => move(-1),
  J: () => extend(1),
  K: () => extend(-1),
  x: toggleHere,
  o: openHere,
  z: undo,
  r: () => write("mode-reply"),
  n: () => write("mode-remark"),
  "[": () => nextView(-1),
  "]": () => nextView(1),
  "?": () => document.getElementById("key-help")?.showModal(),
};
const onRow = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Home: () => move(-1e6), End: () => move(1e6) };

let going = 0;

function undo() {
  const held = document.querySelector("undo-bar button");
  if (held) held.click();
  else undoLast();
}

function nextView(step) {
  const views = [...document.querySelectorAll("#views [data-view]")];
  const here = views.findIndex((view) => view.hasAttribute("aria-current"));
  views[(here + step + views.length) % views.length]?.click();
}

function write(mode) {
  const choice = document.getElementById(mode);
  if (!choice) return;
  choice.checked = true;
  choice.dispatchEvent(new Event("change", { bubbles: true }));
  const text = [...document.querySelectorAll("#composer .composer-text")].find((one) => one.checkVisibility());
  if (text) text.focus();
  else choice.focus();
}

function changePane(step) {
  const panes = PANES.map((pane) => document.querySelector(pane)).filter((pane) => pane?.checkVisibility());
  const here = panes.findIndex((pane) => pane.contains(document.activeElement));
  const pane = panes[(here + step + panes.length) % panes.length];
  if (!pane) return;
  const found = [...pane.querySelectorAll("[aria-current], textarea, a[href], button:not([disabled]), [tabindex='0']")];
  const seen = found.filter((one) => one.checkVisibility() && one.tabIndex >= 0 && !one.hidden);
  const best = seen.find((one) => one.matches("[aria-current], textarea:not([readonly])")) ?? seen[0];
  (pane.id === "timeline" ? pane : (best ?? pane)).focus();
}

/** The action of a key, if there is one here. Letters with Shift are others than without. */
function actionOf(key) {
  if (going) {
    clearTimeout(going);
    going = 0;
    const place = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    return place && (() => place.click());
  }
  if (key === "g") {
    return () => {
      going = setTimeout(() => {
        going = 0;
      }, SECOND_KEY);
    };
  }
  const named = CSS.escape(key);
  const control =
    (selected().length && document.querySelector(`[data-bulk-key="${named}"]`)) ||
    document.querySelector(`[data-key="${named}"]`);
  return actions[key] ?? (control && (() => control.click()));
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  if (document.querySelector("dialog:modal")) return; // the page behind it takes no keys
  if (event.key === "F6") {
    event.preventDefault();
    changePane(event.shiftKey ? -1 : 1);
    return;
  }
  const combined = event.ctrlKey || event.metaKey;
  if (combined && event.key.toLowerCase() === "z" && !event.shiftKey && !inField(event.target)) {
    if (document.querySelector("undo-bar button") || !document.querySelector("#toasts .toast-undo")) return;
    event.preventDefault();
    undoLast();
    return;
  }
  if (combined) return;
  if (event.key === "Escape") {
    if (event.target.matches?.("textarea, input")) event.target.blur();
    else if (selected().length) clearSelection();
  }
  if (inField(event.target)) return;
  const row = event.target.closest?.(".conversation-row");
  if (row && onRow[event.key]) {
    event.preventDefault();
    onRow[event.key]();
    return;
  }
  if (document.body.dataset.singleKeys === "off") return;
  const letter = event.key.length === 1;
  const action = actionOf(letter ? event.key[event.shiftKey ? "toUpperCase" : "toLowerCase"]() : event.key);
  if (!action) return;
  event.preventDefault();
  action();
});
