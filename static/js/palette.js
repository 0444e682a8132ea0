// The command palette: a combobox over what the server finds. Ctrl+K opens it anywhere, / searches the list.

const PAUSE = 120;
const dialog = document.getElementById("palette");
const text = document.getElementById("palette-text");
const list = document.getElementById("palette-options");
const count = document.getElementById("palette-count");

let timer = 0;
let request = null;
let chosen = null;
let shownFor = null;

const options = () => [...list.querySelectorAll("[role=option]")].filter((one) => !one.closest("[hidden]"));

function open() {
  if (document.querySelector("dialog[open]")) return;
  dialog.showModal();
  text.select();
  if (shownFor !== text.value) ask();
}

async function ask() {
  const asked = text.value;
  request?.abort();
  request = new AbortController();
  list.setAttribute("aria-busy", "true");
  let markup;
  try {
    const address = `${dialog.dataset.options}?${new URLSearchParams({ q: asked })}`;
    const response = await fetch(address, { headers: { Accept: "text/html" }, signal: request.signal });
    if (response.redirected) return document.dispatchEvent(new CustomEvent("parley:signed-out"));
    if (!response.ok) return fail();
    markup = await response.text();
  } catch (error) {
    if (error.name !== "AbortError") fail();
    return;
  }
  show(markup, asked);
}

function fail() {
  list.removeAttribute("aria-busy");
  shownFor = null;
  list.replaceChildren();
  choose(null);
  count.className = "palette-failed tone-danger"; // a notice lies behind
  count.textContent = "The search did not answer. Type on to try again.";
}

function show(markup, asked) {
  list.innerHTML = markup;
  list.removeAttribute("aria-busy");
  shownFor = asked;
  for (const control of list.querySelectorAll("[data-press]")) {
    if (!document.querySelector(control.dataset.press)) control.remove();
  }
  for (const group of list.querySelectorAll("[role=group]")) {
    if (!group.querySelector("[role=option]")) group.remove();
  }
  for (const [index, option] of list.querySelectorAll("[role=option]").entries()) option.id = `palette-option-${index}`;
  const found = options();
  count.className = "visually-hidden";
  count.textContent = found.length === 1 ? "1 result" : `${found.length} results`;
  text.setAttribute("aria-expanded", String(found.length > 0));
  chosen = null;
  choose(found[0]);
}

function choose(option) {
  chosen?.setAttribute("aria-selected", "false");
  chosen = option ?? null;
  if (!chosen) {
    text.removeAttribute("aria-activedescendant");
    return;
  }
  chosen.setAttribute("aria-selected", "true");
  text.setAttribute("aria-activedescendant", chosen.id);
  if (chosen.dataset.person) showWhatFits(chosen.dataset.person);
  chosen.scrollIntoView({ block: "nearest" });
}

/** The actions of one person at a time. */
function showWhatFits(person) {
  for (const group of list.querySelectorAll("[data-for-person]")) group.hidden = group.dataset.forPerson !== person;
}

function move(step) {
  const all = options();
  const here = all.indexOf(chosen);
  choose(all[(here + step + all.length) % all.length]);
}

function follow(option, newTab) {
  if (!option) return;
  if (option.dataset.press) {
    const control = document.querySelector(option.dataset.press);
    dialog.close();
    press(control, option.dataset.focus);
  } else if (newTab) {
    window.open(option.href, "_blank", "noopener");
  } else {
    dialog.close();
    location.assign(option.href);
  }
}

/** Use a control of the page; `focus` is a selector of fields, of which the one that shows then gets the focus. */
function press(control, focus) {
  control?.click();
  if (focus) [...document.querySelectorAll(focus)].find((one) => one.checkVisibility())?.focus();
}

const keys = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  PageDown: () => choose(options().at(-1)),
  PageUp: () => choose(options()[0]),
};

text.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter") {
    event.preventDefault();
    if (shownFor === text.value) follow(chosen, event.ctrlKey || event.metaKey);
    else dialog.querySelector("form").requestSubmit(); // faster than the answer: the page shows the same
    return;
  }
  const action = keys[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  action();
});

text.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
});

list.addEventListener("pointermove", (event) => {
  const option = event.target.closest("[role=option]");
  if (option && option !== chosen) choose(option);
});

list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (!option || ((event.ctrlKey || event.metaKey || event.shiftKey) && option.href)) return;
  event.preventDefault();
  follow(option, false);
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest(".palette-close")) dialog.close();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-opens-palette]") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  open();
});

document.addEventListener("keydown", (event) => {
  const combination = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (!combination || event.key.toLowerCase() !== "k" || event.isComposing) return;
  event.preventDefault();
  if (dialog.open) dialog.close();
  else open();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.defaultPrevented || event.ctrlKey || event.metaKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]")) return;
  if (document.body.dataset.singleKeys === "off") return;
  event.preventDefault();
  const field = document.querySelector("main form[role=search] input[name=q]");
  if (!field) {
    open();
    return;
  }
  const menu = field.closest("details");
  if (menu) menu.open = true;
  field.select();
  field.focus();
});

// A link of the palette that leads to a control of the composer.
if (location.hash === "#write-remark") press(document.getElementById("mode-remark"), "#composer .composer-text");
