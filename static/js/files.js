// Files. The one of a template's header goes to the server as soon as it is chosen, with progress, and can be stopped;
// without a script it goes with the form. One that is dropped anywhere on a page goes into the field that takes it;
// where there is none, the browser does not leave the page for it.

import { toast } from "./toasts.js";

const FORM = "[data-uploads]";

class Upload {
  constructor(input) {
    this.input = input;
    this.form = input.closest(FORM);
    this.place = document.createElement("div");
    this.place.className = "upload";
    this.place.setAttribute("role", "status");
    input.parentElement.querySelector(".upload")?.remove();
    input.after(this.place);
  }

  start() {
    const file = this.input.files[0];
    this.ref = this.form.elements.media_ref;
    this.ref.value = "";
    if (!file) return;
    const data = new FormData();
    data.append("template", this.form.elements.template.value);
    data.append("file", file);
    this.request = new XMLHttpRequest();
    this.request.open("POST", this.form.dataset.uploads);
    this.request.setRequestHeader("X-CSRFToken", this.form.elements.csrfmiddlewaretoken.value);
    this.request.responseType = "json";
    this.request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) this.bar.value = event.loaded / event.total;
    });
    this.request.addEventListener("load", () => this.end(this.request.response, this.request.status));
    this.request.addEventListener("error", () => this.fail("The connection broke. Choose the file again."));
    this.bar = document.createElement("progress");
    this.bar.setAttribute("aria-label", `Uploading ${file.name}`);
    this.bar.max = 1;
    this.bar.value = 0;
    const stop = document.createElement("button");
    stop.type = "button";
    stop.className = "button button-small button-ghost";
    stop.textContent = "Stop";
    stop.addEventListener("click", () => {
      this.request.abort();
      this.fail("");
    });
    this.place.replaceChildren(this.bar, stop);
    this.form.querySelector(".upload-kept")?.remove();
    this.send(data);
  }

  send(data) {
    this.form.setAttribute("aria-busy", "true");
    this.request.send(data);
  }

  end(answer, status) {
    if (status === 413) return this.fail("This file is too large for Parley. Choose a smaller one.");
    if (!answer || !answer.ref) return this.fail(answer?.error ?? "The file was not taken. Choose it again.");
    this.form.removeAttribute("aria-busy");
    this.ref.value = answer.ref;
    this.input.value = "";
    const name = document.createElement("bdi");
    name.textContent = answer.name;
    this.place.replaceChildren(name, ` ${answer.size}, uploaded`);
    this.input.removeAttribute("aria-invalid");
    this.input.closest(".field").querySelector(".field-error")?.remove();
    this.form.dispatchEvent(new Event("input", { bubbles: true })); // the picture follows
  }

  fail(sentence) {
    this.form.removeAttribute("aria-busy");
    this.input.value = "";
    this.place.replaceChildren();
    if (!sentence) return;
    const said = document.createElement("p");
    said.className = "field-error";
    said.textContent = sentence;
    this.place.append(said);
  }
}

document.addEventListener("change", (event) => {
  const input = event.target;
  if (input instanceof HTMLInputElement && input.dataset.upload !== undefined && input.closest(FORM)) {
    new Upload(input).start();
  }
});

document.addEventListener("submit", (event) => {
  if (event.target instanceof HTMLFormElement && event.target.getAttribute("aria-busy") === "true") {
    event.preventDefault(); // the file is still on its way
  }
});

/* Dropped */

const brings = (transfer) => transfer?.types.includes("Files");
const refuse = (words) => toast(words, { tone: "error" });
const whyNone = () => document.querySelector("[data-no-files]")?.dataset.noFiles;

/** The field that a file dropped here is meant for: its form's, else the only one that is seen. */
function fieldFor(target) {
  const seen = [...document.querySelectorAll("input[type=file]:enabled")].filter((one) => one.checkVisibility());
  return seen.find((one) => one.form === target.closest?.("form")) ?? (seen.length === 1 ? seen[0] : null);
}

function mark(field) {
  for (const one of document.querySelectorAll("[data-drop-here]")) delete one.dataset.dropHere;
  if (field) field.dataset.dropHere = "";
}

document.addEventListener("dragover", (event) => {
  if (!brings(event.dataTransfer)) return;
  event.preventDefault(); // else there is no drop to answer
  mark(fieldFor(event.target));
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) mark(null); // the window was left
});

document.addEventListener("drop", (event) => {
  if (!brings(event.dataTransfer)) return;
  event.preventDefault();
  mark(null);
  const field = fieldFor(event.target);
  const { files, items } = event.dataTransfer;
  if (!field) return refuse(whyNone() ?? "No file is taken here.");
  if (items[0].webkitGetAsEntry()?.isDirectory) return refuse("That is a folder. Drop a file of it.");
  if (files.length > 1) return refuse(`These are ${files.length} files. Drop one.`);
  field.files = files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  field.focus();
});

document.addEventListener("paste", (event) => {
  const { clipboardData, target } = event;
  if (!brings(clipboardData) || clipboardData.types.includes("text/plain") || target.closest("input[type=file]")) return;
  if (!whyNone()) return;
  event.preventDefault();
  refuse(whyNone());
});
