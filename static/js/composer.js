// The composer: Ctrl+Enter sends, and what is typed survives a change of page in this tab.

import { settle } from "./pane.js";

const kept = (composer) => `parley:text:${document.body.dataset.user}:${composer.dataset.conversation}`;

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  const form = event.target.closest?.("form:has(.composer-send)");
  const button = form?.querySelector(".composer-send:not([hidden])");
  if (!button || button.disabled) return;
  event.preventDefault();
  form.requestSubmit();
});

document.addEventListener("input", (event) => {
  const composer = event.target.closest?.("#composer");
  if (!composer || event.target.name !== "body") return;
  if (event.target.value) sessionStorage.setItem(kept(composer), event.target.value);
  else sessionStorage.removeItem(kept(composer));
});

// The server took the message: the text is not needed any more.
document.addEventListener("parley:written", () => {
  const composer = document.getElementById("composer");
  if (composer) sessionStorage.removeItem(kept(composer));
  const text = document.getElementById("composer-body");
  if (text) {
    text.value = "";
    text.focus();
  }
});

document.addEventListener("input", (event) => {
  if (event.target.name !== "scheduled_for") return;
  const words = event.target.form?.querySelector(".schedule-words");
  const moment = event.target.value ? new Date(event.target.value) : null;
  if (!words) return;
  const day = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" };
  words.textContent = moment && !Number.isNaN(moment.valueOf()) ? moment.toLocaleString("en-GB", day) : "";
});

/** Put back what was typed here before. */
export function restoreText() {
  const composer = document.getElementById("composer");
  const text = document.getElementById("composer-body");
  if (!composer || !text || text.value) return;
  const before = sessionStorage.getItem(kept(composer));
  if (!before) return;
  text.value = before;
  text.dispatchEvent(new Event("input", { bubbles: true }));
}

settle(restoreText);

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-signs-out]")) sessionStorage.clear();
});
