// Short notices: the server asks for one by the event parley:toast, and modules for their own. Undo takes an action back.

const STAYS = 10_000;
const place = document.getElementById("toasts");
const home = place?.parentElement;

/** A dialog covers the page: notices move into the one on top, and back when it closes. */
function keepInSight() {
  const dialog = [...document.querySelectorAll("dialog:modal")].at(-1);
  if (place.parentElement === (dialog ?? home) && place.isConnected) return;
  (dialog ?? home).append(place);
  dialog?.addEventListener("close", keepInSight, { once: true });
}

/** Show a sentence for ten seconds, longer while somebody points at it. `link` is {text, href}, `undo` an action. */
export function toast(text, { tone = "", link = null, undo = null } = {}) {
  for (const other of document.querySelectorAll("#toasts > .toast:not(:has(.toast-undo))")) {
    if (other.querySelector("span").textContent === text) other.remove(); // stands once
  }
  const notice = document.createElement("div");
  notice.className = tone === "error" ? "toast toast-error" : "toast";
  if (tone === "error") notice.setAttribute("role", "alert");
  const words = document.createElement("span");
  words.textContent = text;
  notice.append(words);
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.text;
    notice.append(anchor);
  }
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button-link toast-undo";
    button.dataset.undo = undo;
    button.innerHTML = "Undo <kbd>Z</kbd>";
    notice.append(button);
  }
  if (!place) return;
  keepInSight();
  place.append(notice);
  dismissLater(notice);
}

function dismissLater(notice) {
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button-link";
  close.textContent = "Dismiss";
  close.addEventListener("click", () => notice.remove());
  notice.append(close);
  let timer = setTimeout(() => notice.remove(), STAYS);
  const stay = () => clearTimeout(timer);
  const go = () => {
    timer = setTimeout(() => notice.remove(), STAYS);
  };
  for (const name of ["pointerenter", "focusin"]) notice.addEventListener(name, stay);
  for (const name of ["pointerleave", "focusout"]) notice.addEventListener(name, go);
}

/** Take back what the newest notice tells of, or without one the last action. */
export function undoLast() {
  const offers = document.querySelectorAll("#toasts .toast-undo");
  takeBack(offers[offers.length - 1]?.dataset.undo ?? "");
}

function takeBack(handling) {
  for (const offer of document.querySelectorAll("#toasts .toast-undo")) {
    if (!handling || offer.dataset.undo === handling) offer.closest(".toast").remove();
  }
  window.htmx.ajax("POST", "/handle/undo/", { source: document.body, swap: "none", values: { handling } });
}

document.addEventListener("click", (event) => {
  const offer = event.target.closest?.(".toast-undo");
  if (!offer) return;
  event.preventDefault();
  takeBack(offer.dataset.undo);
});

for (const notice of document.querySelectorAll("#toasts > .toast")) dismissLater(notice);

document.addEventListener("parley:toast", (event) => toast(event.detail.text, event.detail));
const NO_ANSWER = "The server does not answer. Try again.";
const REFUSED = {
  400: "This could not be read. Nothing was sent or changed.",
  403: "You do not have access to this, or the page is out of date. Reload it.",
  404: "This is not here any more.",
  413: "That is too long to be sent.",
  429: "That was too often in a short time. Wait a moment and try again.",
  502: NO_ANSWER, // said by the web server in front
  503: NO_ANSWER,
  504: NO_ANSWER,
};

export const wordsFor = (status) => REFUSED[status] ?? "Something broke here, not on your side. Try again.";

// A pane that somebody sees says it itself (list.js); on a phone it lies behind the list.
const saysItself = (target) => target?.id === "pane" && target.checkVisibility();

document.addEventListener("htmx:sendError", ({ detail }) => {
  if (detail.elt.id === "composer" || saysItself(detail.target)) return;
  toast(navigator.onLine ? NO_ANSWER : "You are offline. Nothing was changed.", {
    tone: "error",
  });
});
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (!saysItself(detail.target)) toast(wordsFor(detail.xhr.status), { tone: "error" });
});
