// A first message has no conversation yet in which its draft could lie: this device keeps it until it is sent.

import { DRAFTS } from "./offline.js";

const KEY = `${DRAFTS}new`;

const form = () => document.getElementById("new-message");
const text = () => document.getElementById("new-body");

function restore() {
  const kept = localStorage.getItem(KEY);
  if (!kept || form()?.dataset.fresh !== "yes") return;
  text().value = kept;
  text().dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("input", (event) => {
  if (event.target.id !== "new-body") return;
  if (event.target.value) localStorage.setItem(KEY, event.target.value);
  else localStorage.removeItem(KEY);
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { elt, xhr } = event.detail;
  if (elt.id === "new-message" && xhr.getResponseHeader("HX-Redirect")?.startsWith("/c/")) localStorage.removeItem(KEY);
});

// Until somebody chooses a stream, the best one for whoever is typed into To is chosen.
document.addEventListener("change", (event) => {
  if (event.target.name === "stream" && form()?.contains(event.target)) form().dataset.chose = "";
});
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters } = event.detail;
  if (elt.name === "to" && form()?.contains(elt) && !("chose" in form().dataset)) delete parameters.stream;
});

restore();
