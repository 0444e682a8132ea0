// <undo-bar>: counts down while a message can still be taken back. Ctrl+Z outside a text presses Undo.

class UndoBar extends HTMLElement {
  connectedCallback() {
    this.ends = Date.now() + Number(this.dataset.seconds) * 1000;
    this.timer = setInterval(() => this.show(), 250);
    const status = document.createElement("span");
    status.className = "visually-hidden";
    status.setAttribute("role", "status");
    this.append(status);
    setTimeout(() => {
      const words = this.words(this.dataset.seconds).replace(/ s$/, " seconds");
      status.textContent = `${words}. Control Z takes it back.`;
    }, 100);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  show() {
    const left = Math.ceil((this.ends - Date.now()) / 1000);
    if (left <= 0) {
      this.remove();
      document.dispatchEvent(new CustomEvent("parley:refresh"));
      return;
    }
    this.querySelector("progress").value = left;
    const shown = this.querySelector(".undo-words");
    const words = this.words(left);
    if (shown.textContent !== words) shown.textContent = words;
  }

  words(seconds) {
    return this.querySelector(".undo-words").dataset.words.replace("{}", seconds);
  }
}

customElements.define("undo-bar", UndoBar);

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  const button = document.querySelector("undo-bar button");
  // In a text with something in it, Ctrl+Z is the text's own.
  if (!button || (event.target.matches?.("input, textarea, select") && event.target.value)) return;
  event.preventDefault();
  button.click();
});
