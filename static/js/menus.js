// Menus made of <details>: one is open at a time, Esc and a click elsewhere close it. And a few small buttons.

import { toast } from "./toasts.js";

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;

  const drawer = document.querySelector("#views:target, #panel:target");
  const floats = drawer && getComputedStyle(drawer).position === "fixed";
  if (floats && !drawer.contains(event.target)) location.hash = "content";

  const opener = event.target.closest("[data-opens-details]");
  const details = opener && document.getElementById(opener.dataset.opensDetails);
  if (details) details.open = true;

  const dialog = document.getElementById(event.target.closest("[data-opens]")?.dataset.opens);
  if (dialog) {
    event.preventDefault();
    dialog.showModal();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("submit", (event) => {
  const menu = event.target.closest("details.menu, details.confirm-send");
  if (menu) menu.open = false;
});

document.addEventListener("click", async (event) => {
  if (event.target.closest(".print-button")) print();
  const link = event.target.closest(".copy-link");
  if (!link) return;
  event.preventDefault();
  link.closest("details.menu")?.removeAttribute("open");
  try {
    await navigator.clipboard.writeText(link.href);
    toast("Link copied.");
  } catch {
    toast("The browser did not let the link be copied.", { tone: "error" });
  }
});

// A link to #record-permission opens what it leads to.
const target = location.hash && document.getElementById(location.hash.slice(1));
if (target instanceof HTMLDetailsElement) target.open = true;
