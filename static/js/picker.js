// Choosing a WhatsApp template and filling it in. From a conversation its page comes as a dialog over it; a narrow window,
// and a browser without scripts, goes to the page itself. What was mended stops being marked as wrong, and a date can
// come from a calendar.

import { toast } from "./toasts.js";

const ROOM = matchMedia("(min-width: 900px)");
const FIRST_FIELDS = ["[aria-invalid=true]", "#template-form .input", ".composer-send", ".picker-words-field"];
const NAMING = ["for", "aria-describedby", "data-field"];

const dialog = () => document.getElementById("picker-dialog");

/** The page at an address, or what the server answers to a form of it; null where it leads away from the page. */
async function pageOf(address, options) {
  const response = await fetch(address, { headers: { Accept: "text/html" }, redirect: "manual", ...options });
  if (response.type === "opaqueredirect") return null;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const page = fresh.querySelector(".picker-page");
  if (!page) throw new Error(`no picker in the answer ${response.status}`);
  await Promise.all([...fresh.querySelectorAll("link[rel=stylesheet]")].map(styled));
  return document.importNode(page, true);
}

/** Resolves when a style sheet of the page holds here too. */
function styled({ href }) {
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return null;
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  document.head.append(link);
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve;
  });
}

/** Two forms are on the page now. What the composer calls by the same name gets another one here. */
function rename(page) {
  const taken = [...page.querySelectorAll("[id]")].filter(({ id }) => document.getElementById(id));
  const fresh = new Map(taken.map((one) => [one.id, `picker-${one.id}`]));
  for (const one of taken) one.id = fresh.get(one.id);
  for (const name of NAMING) {
    for (const one of page.querySelectorAll(`[${name}]`)) {
      const words = one.getAttribute(name).split(" ");
      one.setAttribute(name, words.map((word) => fresh.get(word) ?? word).join(" "));
    }
  }
}

function show(page) {
  const box = dialog() ?? document.body.appendChild(document.createElement("dialog"));
  box.id = "picker-dialog";
  box.className = "picker-dialog";
  box.tabIndex = -1;
  box.setAttribute("aria-label", page.querySelector("h1").textContent);
  box.replaceChildren();
  rename(page);
  box.append(page);
  window.htmx.process(page);
  if (!box.open) box.showModal();
  const fields = FIRST_FIELDS.flatMap((what) => [...page.querySelectorAll(what)]);
  fields.find((one) => one.checkVisibility())?.focus();
}

async function open(address, options) {
  const back = dialog()?.querySelector(".picker-head a")?.href;
  let page;
  try {
    page = await pageOf(address, options);
  } catch {
    // Whether it was sent nobody knows here; its key sees to it that it is sent once.
    const words = options ? "No answer came. Try again: it is sent once." : "The templates did not load. Try again.";
    toast(words, { tone: "error" });
    return;
  }
  if (page) show(page);
  else location.assign(back ?? address);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  if (link.closest("#picker-dialog")) {
    event.preventDefault();
    if (link.matches(".picker-choice, .picker-back")) open(link.href);
    else dialog().close();
  } else if (link.dataset.picker !== undefined && ROOM.matches) {
    event.preventDefault();
    open(link.href);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id !== "template-form" || !form.closest("#picker-dialog") || event.defaultPrevented) return;
  event.preventDefault();
  open(form.action, { method: "POST", body: new FormData(form, event.submitter) });
});

// Escape leaves a field first, so that what was filled in is not gone with it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.matches?.("#picker-dialog :is(input, textarea, select)")) return;
  event.preventDefault();
  dialog().focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || !dialog()?.open || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  dialog().querySelector(".picker-words-field").focus();
});

document.addEventListener(
  "close",
  (event) => {
    if (event.target.id === "picker-dialog") event.target.remove();
  },
  true,
);

/* Filling in */

const OF_SHAPE = {
  weekday: { weekday: "long" },
  day: { day: "numeric" },
  month: { month: "long" },
  "month-short": { month: "short" },
  year: { year: "numeric" },
};

/** A day (2026-11-26) as the template's sample writes its own. */
function written(day, shape, language) {
  if (!shape || shape === "iso") return day;
  const parts = shape.split(" ").map((part) => OF_SHAPE[part]);
  const options = Object.assign({ numberingSystem: "latn" }, ...parts);
  return new Intl.DateTimeFormat(language.replace("_", "-"), options).format(new Date(`${day}T12:00`));
}

function mended(field) {
  const error = document.getElementById(`${field.id}_error`);
  field.removeAttribute("aria-invalid");
  if (!error) return;
  const others = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== error.id);
  if (others.length) field.setAttribute("aria-describedby", others.join(" "));
  else field.removeAttribute("aria-describedby");
  error.remove();
}

document.addEventListener("htmx:oobAfterSwap", () => {
  const count = document.getElementById("to-fix");
  if (!count) return;
  const wrong = new Set(count.dataset.wrong.split(" "));
  for (const field of document.querySelectorAll("#template-form [aria-invalid=true]")) {
    if (!wrong.has(field.name)) mended(field);
  }
});

document.addEventListener("click", (event) => {
  event.target.closest("[data-opens-calendar]")?.parentElement.querySelector("[type=date]").showPicker();
});

document.addEventListener("change", (event) => {
  const { shape, language } = event.target.dataset ?? {};
  if (shape === undefined || !event.target.value) return;
  const field = event.target.parentElement.querySelector(".input");
  field.value = written(event.target.value, shape, language);
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// Whoever was quicker than this page's scripts has typed into the search already. htmx listens by now.
document.addEventListener("DOMContentLoaded", () => {
  const words = document.querySelector(".picker-words-field");
  if (words && words.value !== words.defaultValue) words.dispatchEvent(new Event("change", { bubbles: true }));
});
