// The composer: its keys, where the caret is after it was exchanged, and what of the conversation its writer has seen.

import { atEnd, messages, timeline } from "./pane.js";

document.documentElement.classList.add("scripted");

const LOOK = 1000; // milliseconds
const LOOKS = 3; // a customer's message that was on the screen so many times has been seen

/* Keys */

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.defaultPrevented) return;
  const form = event.target.closest?.("form:has(.composer-send)");
  const strong = event.ctrlKey || event.metaKey;
  const plain = !strong && !event.shiftKey && !event.altKey;
  if (!form || (!strong && !(plain && "enterSends" in form.dataset && event.target.matches(".composer-text")))) return;
  const wanted = strong && event.shiftKey ? ".composer-resolve" : ".composer-send";
  const button = [...form.querySelectorAll(wanted)].find((one) => one.checkVisibility());
  if (!button || button.disabled) return;
  event.preventDefault();
  button.click();
});

/* Focus: an exchanged composer is ready for the next words */

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, requestConfig } = event.detail;
  if (requestConfig.verb === "post" && elt.closest?.("#composer")) setReadOnly(true);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.closest?.("#composer")) setReadOnly(false);
});

/** What is typed while a message is on its way would be lost with the old composer. */
function setReadOnly(busy) {
  for (const text of document.querySelectorAll("#composer .composer-text")) {
    if (busy && !text.readOnly) text.dataset.busy = "";
    if ("busy" in text.dataset) text.readOnly = busy;
    if (!busy) delete text.dataset.busy;
  }
}

// Right after the exchange: later, somebody may be typing again. Where the caret was in the text, htmx leaves it.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.elt.id !== "composer" || document.activeElement?.matches("#composer .composer-text")) return;
  const text = [...document.querySelectorAll("#composer .composer-text")].find((one) => one.checkVisibility());
  text?.focus();
  text?.setSelectionRange(text.value.length, text.value.length);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-takes]");
  const text = button && button.form.querySelector(`.composer-text[data-kind="${button.form.elements.mode.value}"]`);
  if (!text) return;
  text.value = button.dataset.takes;
  button.closest(".composer-notice").remove();
  text.dispatchEvent(new Event("input", { bubbles: true }));
  text.focus();
});

/* Pictures, values and fields go where the caret was, or in place of what is selected */

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-inserts]");
  const text = button && document.getElementById(button.dataset.into ?? "composer-body");
  if (!text || text.readOnly) return;
  text.setRangeText(button.dataset.inserts, text.selectionStart, text.selectionEnd, "end");
  text.dispatchEvent(new Event("input", { bubbles: true }));
  button.closest("details")?.removeAttribute("open");
  text.focus();
});

/* What has been seen: whatever was there when the text was begun, and what somebody looks at meanwhile */

let looks = { message: 0, times: 0 };

const seenField = () => document.getElementById("composer")?.elements.seen;

function see(id) {
  const field = seenField();
  if (field && id > Number(field.value)) field.value = id;
}

function seeAll() {
  const last = messages().at(-1);
  if (last && timeline().dataset.newest === "true") see(Number(last.dataset.message));
}

function look() {
  if (!seenField() || !document.hasFocus() || !atEnd()) return;
  if (!document.getElementById("composer-body")?.value) return seeAll();
  // A colleague's reply is not seen by being on the screen: it may make the begun text needless.
  let message = 0;
  for (const one of messages()) {
    if (Number(one.dataset.message) <= Number(seenField().value)) continue;
    if (!one.matches(".message-in")) break;
    message = Number(one.dataset.message);
  }
  looks = message && message === looks.message ? { message, times: looks.times + 1 } : { message, times: 1 };
  if (looks.times > LOOKS) see(message);
}

setInterval(look, LOOK);
document.addEventListener("pointerdown", (event) => {
  if (event.target.closest?.("#timeline")) seeAll();
});
document.addEventListener("focusin", (event) => {
  if (event.target.closest?.("#timeline")) seeAll();
});

/* Schedule */

document.addEventListener("click", (event) => {
  const preset = event.target.closest?.("schedule-presets [data-value]");
  if (!preset) return;
  const field = document.getElementById(preset.parentElement.dataset.field);
  field.value = preset.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

document.addEventListener("input", (event) => {
  if (event.target.name !== "scheduled_for") return;
  const { form, value } = event.target;
  for (const preset of form.querySelectorAll("schedule-presets [data-value]")) {
    preset.setAttribute("aria-pressed", preset.dataset.value === value);
  }
  const words = form.querySelector(".schedule-words");
  const moment = value ? new Date(value) : null;
  const day = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" };
  if (words) words.textContent = moment && !Number.isNaN(moment.valueOf()) ? moment.toLocaleString("en-GB", day) : "";
});
