// <window-clock until="2026-11-19T17:42:00+00:00" words="Closes in {}">: the time that is left, kept running; in the
// last minute by the second.

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
