// <seg-meter>: asks the server how many segments a text takes, while somebody writes. The server's count decides.
// The characters that make a text longer are marked behind the text.

const PAUSE = 200;
const STEADY = 1000; // a count is read out once the writer rests

class SegmentMeter extends HTMLElement {
  connectedCallback() {
    this.textarea = document.getElementById(this.dataset.text);
    this.form = this.closest("form");
    this.announcer = document.createElement("span");
    this.announcer.className = "visually-hidden";
    this.announcer.setAttribute("role", "status");
    this.after(this.announcer);
    this.marks = document.createElement("div");
    this.marks.className = "composer-marks";
    this.marks.setAttribute("aria-hidden", "true");
    this.marks.dir = "auto";
    this.textarea.before(this.marks);
    this.fit = new ResizeObserver(() => {
      this.marks.style.setProperty("width", `${this.textarea.clientWidth}px`); // without its scroll bar
    });
    this.fit.observe(this.textarea);
    this.later = () => {
      this.paint();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.measure(), PAUSE);
    };
    this.scroll = () => {
      this.marks.scrollTop = this.textarea.scrollTop;
    };
    this.textarea.addEventListener("input", this.later);
    this.textarea.addEventListener("scroll", this.scroll);
    this.form.addEventListener("change", this.later);
    addEventListener("online", this.later);
    this.addEventListener("click", (event) => this.usePlain(event));
    this.paint();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    clearTimeout(this.reading);
    this.request?.abort();
    this.fit.disconnect();
    this.textarea.removeEventListener("input", this.later);
    this.textarea.removeEventListener("scroll", this.scroll);
    this.form.removeEventListener("change", this.later);
    removeEventListener("online", this.later);
    this.announcer.remove();
    this.marks.remove();
  }

  async measure() {
    const all = new FormData(this.form);
    const stream = this.dataset.stream ?? all.get(this.dataset.streamField);
    if (!stream) return;
    const asked = new FormData();
    asked.set("csrfmiddlewaretoken", all.get("csrfmiddlewaretoken"));
    asked.set("stream", stream);
    const body = this.textarea.value;
    asked.set("body", body);
    this.request?.abort();
    this.request = new AbortController();
    let markup;
    try {
      const response = await fetch(this.dataset.measure, {
        method: "POST",
        body: asked,
        signal: this.request.signal,
      });
      if (!response.ok || response.redirected) return;
      markup = await response.text();
    } catch (error) {
      // The old count is of another text. The server counts again when the message is sent.
      if (error.name !== "AbortError") this.showNothing();
      return;
    }
    this.show(markup);
    this.measured = body;
  }

  show(markup) {
    const segments = () => this.querySelector("[data-segments]")?.dataset.segments;
    const before = segments();
    this.innerHTML = markup;
    this.paint();
    if (before === segments()) return;
    clearTimeout(this.reading);
    this.reading = setTimeout(() => {
      this.announcer.textContent = this.querySelector(".meter b")?.textContent ?? "";
    }, STEADY);
  }

  showNothing() {
    const meter = document.createElement("div");
    meter.className = "meter";
    meter.textContent = "Segments are counted when the server answers again";
    this.replaceChildren(meter);
    this.measured = undefined;
    this.paint();
  }

  /** Mark every character that forces the longer encoding, where it stands. */
  paint() {
    const forcing = new Set(this.querySelector("[data-forcing]")?.dataset.forcing ?? "");
    this.marks.replaceChildren();
    if (!forcing.size) return;
    let plain = "";
    for (const character of this.textarea.value) {
      if (!forcing.has(character)) {
        plain += character;
        continue;
      }
      const mark = document.createElement("mark");
      mark.textContent = character;
      this.marks.append(plain, mark);
      plain = "";
    }
    this.marks.append(`${plain} `); // a last empty line counts only with something in it
    this.scroll();
  }

  async usePlain(event) {
    if (!event.target.closest("[data-plain]")) return;
    if (this.measured !== this.textarea.value) await this.measure(); // the server's text must be of these words
    const button = this.querySelector("[data-plain]");
    if (!button || this.measured !== this.textarea.value) return;
    this.textarea.value = button.dataset.plain;
    this.textarea.focus();
    this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

customElements.define("seg-meter", SegmentMeter);
