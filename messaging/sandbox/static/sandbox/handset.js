// Spares the handset its page loads: buttons and answers are sent in the background, and what changes is fetched.
import { keepCurrent, refresh } from "./live.js";

const handset = document.querySelector(".handset");

// ---- forms: done, or one sentence that says why not ----
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-quiet]");
  if (!form) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  const data = new FormData(form, event.submitter);
  const problem = await send(form.action, data);
  form.removeAttribute("aria-busy");
  tell(form, problem);
  if (!problem !== form.hasAttribute("data-sends-itself")) form.reset(); // emptied when sent; a refused choice goes back
  showChosenFile(form);
  await refresh();
});

async function send(address, data) {
  try {
    const answer = await fetch(address, { method: "POST", body: data, headers: { Accept: "text/plain" } });
    if (answer.ok) return "";
    return answer.status === 422 ? await answer.text() : "The sandbox could not do this. Reload the page and try again.";
  } catch {
    return "The sandbox does not answer. Start it again, then send this once more.";
  }
}

function tell(form, problem) {
  const place = form.querySelector("[data-problem]");
  if (!place) return;
  place.textContent = problem;
  place.hidden = !problem;
}

// ---- answering: Enter sends, Shift+Enter breaks the line, and a half-typed word of an input method is left alone ----
document.addEventListener("keydown", (event) => {
  const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
  if (!sends || !event.target.matches("[data-enter-sends]")) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.hasAttribute("data-sends-itself")) form.requestSubmit();
  if (event.target.type === "file") showChosenFile(form);
});

function showChosenFile(form) {
  const place = form.querySelector("[data-file]");
  if (!place) return;
  const file = form.querySelector("input[type=file]").files[0];
  place.textContent = file ? `Goes along: ${file.name}` : "";
  place.hidden = !file;
}

// ---- one pane at a time on a narrow screen ----
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-pane-link]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  handset.dataset.pane = link.dataset.paneLink;
  history.replaceState(null, "", link.href);
  for (const other of document.querySelectorAll("[data-pane-link]")) {
    if (other.dataset.paneLink === link.dataset.paneLink) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
});

// ---- what arrives: a thread in which something is being typed stays open, whatever arrives elsewhere ----
function address() {
  const url = new URL(location.href);
  url.pathname = `/handset/${handset.dataset.phone}/live/`;
  url.searchParams.set("pane", handset.dataset.pane);
  for (const channel of ["whatsapp", "sms"]) {
    const typed = document.querySelector(`#composer-${channel} textarea`)?.value;
    const thread = document.getElementById(`screen-${channel}`)?.dataset.thread;
    if (typed && thread) url.searchParams.set(channel, thread);
  }
  return url;
}

if (handset.dataset.phone) keepCurrent(address);
