// What is chosen for one conversation or for the selected ones (to whom, until when, which tags, which filter): the
// server's form in a dialog beside the control that asked for it. Without this module the control leads to a page.

import { selected } from "./list.js";
import { toast } from "./toasts.js";

let dialog = null;
let opener = null;
let asked = "";

/** A control, or the button of the closed menu that it is in. */
const shown = (control) => (control.checkVisibility() ? control : control.closest("details")?.querySelector("summary"));

function make() {
  dialog = document.createElement("dialog");
  dialog.className = "choices-dialog";
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    // What opened it may have been exchanged meanwhile: another control asks for the same then.
    const others = document.querySelectorAll(`[data-choices="${CSS.escape(asked)}"]`);
    [opener, ...[...others].map(shown)].find((one) => one?.isConnected && one.checkVisibility())?.focus();
  });
  dialog.addEventListener("keydown", walk);
  dialog.addEventListener("input", (event) => {
    if (event.target.matches("[data-filters-choices]")) filter(event.target);
  });
  document.body.append(dialog);
}

async function open(control) {
  const address = new URL(control.dataset.choices, location.href);
  if (control.closest("#bulk")) for (const one of selected()) address.searchParams.append("c", one.value);
  let markup;
  try {
    const response = await fetch(address, { headers: { "HX-Request": "true" } });
    if (response.redirected) return document.dispatchEvent(new CustomEvent("parley:signed-out"));
    if (!response.ok) throw new Error(String(response.status));
    markup = await response.text();
  } catch {
    toast("That did not open. Try again.", { tone: "error" });
    return;
  }
  if (!dialog) make();
  if (dialog.open) dialog.close();
  opener = shown(control);
  asked = control.dataset.choices;
  control.closest("details.menu")?.removeAttribute("open");
  dialog.innerHTML = markup;
  const heading = dialog.querySelector(".menu-heading");
  if (heading) heading.id ||= "choices-title";
  dialog.setAttribute("aria-labelledby", heading?.id ?? "");
  window.htmx.process(dialog);
  dialog.showModal();
  place(opener);
  (dialog.querySelector("[data-filters-choices]") ?? dialog.querySelector("button, input, select"))?.focus();
}

/** Beside the control, within the window; on a phone the style sheet puts it at the bottom. */
function place(control) {
  dialog.style.removeProperty("inset-block-start");
  dialog.style.removeProperty("inset-inline-start");
  if (!control || matchMedia("(max-width: 767px)").matches) return;
  const from = control.getBoundingClientRect();
  const own = dialog.getBoundingClientRect();
  const below = from.bottom + 4 + own.height < innerHeight;
  const top = below ? from.bottom + 4 : Math.max(8, from.top - own.height - 4);
  const left = Math.max(8, Math.min(from.left, innerWidth - own.width - 8));
  dialog.style.setProperty("inset-block-start", `${top}px`);
  dialog.style.setProperty("inset-inline-start", `${left}px`);
}

const items = () => [...dialog.querySelectorAll(".menu-item")].filter((one) => !one.hidden);
const focusable = (item) => (item.matches("button") ? item : item.querySelector("input, button"));

function filter(text) {
  const words = text.value.trim().toLocaleLowerCase().split(/\s+/);
  for (const item of text.closest("form").querySelectorAll(".choices-list .menu-item")) {
    const name = item.textContent.toLocaleLowerCase();
    item.hidden = !words.every((word) => name.includes(word));
  }
}

function walk(event) {
  const typing = event.target.matches("[data-filters-choices]");
  if (event.key === "Enter" && typing) {
    event.preventDefault();
    const first = focusable(items()[0] ?? dialog);
    if (first?.matches("button, input")) first.click();
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target.matches("select, input[type=datetime-local]")) return;
  event.preventDefault();
  const all = items();
  const here = all.findIndex((one) => one.contains(event.target));
  focusable(all[Math.max(0, Math.min(all.length - 1, here + step))] ?? dialog)?.focus();
}

document.addEventListener("click", (event) => {
  const control = event.target.closest?.("[data-choices]");
  if (!control || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(control);
});

// Done, refused or taken elsewhere: the toast says which.
for (const name of ["parley:handled", "parley:toast"]) {
  document.addEventListener(name, () => dialog?.open && dialog.close());
}
