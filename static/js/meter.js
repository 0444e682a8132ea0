// <seg-meter>: asks the server how many segments a text takes, while somebody writes. The server's count decides.

const PAUSE = 200;

class SegmentMeter extends HTMLElement {
  connectedCallback() {
    this.textarea = document.getElementById(this.dataset.text);
    this.form = this.closest("form");
    this.announcer = document.createElement("span");
    this.announcer.className = "visually-hidden";
    this.announcer.setAttribute("role", "status");
    this.after(this.announcer);
    this.later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.measure(), PAUSE);
    };
    this.textarea.addEventListener("input", this.later);
    this.form.addEventListener("change", this.later);
    this.addEventListener("click", (event) => this.usePlain(event));
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.textarea.removeEventListener("input", this.later);
    this.form.removeEventListener("change", this.later);
    this.announcer.remove();
  }

  async measure() {
    const all = new FormData(this.form);
    const stream = this.dataset.stream ?? all.get(this.dataset.streamField);
    if (!stream) return;
    const asked = new FormData();
    asked.set("csrfmiddlewaretoken", all.get("csrfmiddlewaretoken"));
    asked.set("stream", stream);
    asked.set("body", this.textarea.value);
    this.request?.abort();
    this.request = new AbortController();
    try {
      const response = await fetch(this.dataset.measure, {
        method: "POST",
        body: asked,
        signal: this.request.signal,
      });
      if (!response.ok || response.redirected) return;
      this.show(await response.text());
    } catch {
      // The count stays as it was; the server counts again when the message is sent.
    }
  }

  show(markup) {
    const before = this.querySelector("[data-segments]")?.dataset.segments;
    this.innerHTML = markup;
    const after = this.querySelector("[data-segments]")?.dataset.segments;
    if (before !== after) this.announcer.textContent = this.querySelector(".meter b")?.textContent ?? "";
  }

  usePlain(event) {
    const button = event.target.closest("[data-plain]");
    if (!button) return;
    this.textarea.value = button.dataset.plain;
    this.textarea.focus();
    this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

customElements.define("seg-meter", SegmentMeter);
