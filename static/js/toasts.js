// Short notices: the server asks for one by the event parley:toast, and live.js for its own.

const STAYS = 10_000;

/** Show a sentence for ten seconds, longer while somebody points at it. `link` is {text, href}. */
export function toast(text, { tone = "", link = null } = {}) {
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
  document.getElementById("toasts")?.append(notice);
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
  notice.addEventListener("pointerenter", () => clearTimeout(timer));
  notice.addEventListener("pointerleave", () => {
    timer = setTimeout(() => notice.remove(), STAYS);
  });
}

for (const notice of document.querySelectorAll("#toasts > .toast")) dismissLater(notice);

document.addEventListener("parley:toast", (event) => toast(event.detail.text, event.detail));
document.addEventListener("htmx:sendError", () => toast("The server does not answer. Try again.", { tone: "error" }));
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  const words = {
    403: "You do not have access to this, or the page is out of date. Reload it.",
    404: "This is not here any more.",
    413: "That is too long to be sent.",
  };
  toast(words[status] ?? "Something broke here, not on your side. Try again.", { tone: "error" });
});
