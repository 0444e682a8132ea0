// What runs down. <window-clock until="2026-11-19T17:42:00+00:00" words="Closes in {}">: the time that is left, in the
// last minute by the second. <undo-bar>: while a message can still be taken back; Ctrl+Z outside a text presses Undo.

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** 2 d 4 h, 22 h, 3 h 08 m, 41 m, 6 s; the same words as the server's. */
function timeLeft(milliseconds) {
  if (milliseconds < MINUTE) return `${Math.max(1, Math.floor(milliseconds / SECOND))} s`;
  const minutes = Math.floor(milliseconds / MINUTE);
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours >= 4) return `${hours} h`;
  return hours ? `${hours} h ${String(rest).padStart(2, "0")} m` : `${rest} m`;
}

class WindowClock extends HTMLElement {
  connectedCallback() {
    this.show();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  show() {
    const left = new Date(this.getAttribute("until")) - Date.now();
    if (left <= 0) {
      document.dispatchEvent(new CustomEvent("parley:refresh")); // the server says what holds now
      return;
    }
    const words = this.getAttribute("words").replace("{}", timeLeft(left));
    if (this.textContent !== words) this.textContent = words;
    this.timer = setTimeout(() => this.show(), left < MINUTE + SECOND ? SECOND : Math.min(MINUTE / 4, left - MINUTE));
  }
}

customElements.define("window-clock", WindowClock);

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
