// The file of a template's header goes to the server as soon as it is chosen, with progress, and can be stopped.
// Without a script it goes with the form.

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
