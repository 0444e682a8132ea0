// <draft-saver>: keeps both texts of a composer on the server while somebody writes, and on this device until the
// server has them. A text that was changed in another window is never overwritten unasked.

import { DRAFTS, forgetWaiting, waiting } from "./offline.js";
import { toast } from "./toasts.js";

const PAUSE = 600; // milliseconds after the last key
const PATIENCE = 1500; // how long sending waits for a save that is under way

let lastMode = { conversation: "", mode: "" };

class DraftSaver extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.held = new Set(); // kinds that wait for a choice between two texts
    this.saved = new Map();
    this.texts = [...this.form.querySelectorAll(".composer-text[data-kind]")];
    this.undecided = Boolean(this.form.querySelector("[data-undecided]"));
    for (const text of this.texts) {
      this.saved.set(text, this.undecided ? null : text.value);
      text.addEventListener("input", () => this.changed(text));
      text.addEventListener("blur", () => this.save());
    }
    this.form.addEventListener("htmx:confirm", (event) => this.beforeSending(event));
    this.keepMode();
    for (const text of this.texts) this.restore(text);
  }

  disconnectedCallback() {
    this.save({ leaving: true }); // not while a message is on its way: its texts are read-only then
  }

  changed(text) {
    this.remember(text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), PAUSE);
  }

  isDirty(text) {
    return !this.held.has(text) && !text.readOnly && this.saved.get(text) !== text.value;
  }

  /** Save what has changed; of two calls at once the second waits for the first. */
  async save({ leaving = false } = {}) {
    clearTimeout(this.timer);
    if (this.undecided || !this.texts.some((text) => this.isDirty(text))) return;
    // The draft that the server has goes with the message that waits here.
    if (waiting().some((one) => one.conversation === this.form.dataset.conversation)) return this.onThisDevice();
    if (this.saving) {
      await this.saving;
      return this.save({ leaving });
    }
    this.saving = this.send(leaving);
    await this.saving;
    this.saving = null;
  }

  async send(leaving) {
    const sent = new Map(this.texts.map((text) => [text, text.value]));
    const all = new FormData(this.form);
    for (const name of ["later", "scheduled_for", "seen"]) all.delete(name);
    try {
      const response = await fetch(this.dataset.url, {
        method: "POST",
        body: all,
        headers: { Accept: "application/json" },
        keepalive: leaving,
      });
      if (response.redirected || response.status === 403) {
        this.onThisDevice();
        document.dispatchEvent(new CustomEvent("parley:signed-out"));
        return;
      }
      const answer = await response.json();
      if (answer.sentence) this.say(answer.sentence);
      else for (const text of this.texts) this.take(text, sent.get(text), answer[text.dataset.kind]);
    } catch {
      this.onThisDevice();
    }
  }

  /** What the server made of one text. */
  take(text, sent, answer) {
    if (answer.sentence) return this.say(answer.sentence);
    if (answer.code === "already_sent") return this.say("This text has been sent");
    if (answer.code) return this.choose(text, answer);
    const before = this.version(text).value;
    this.version(text).value = answer.version;
    this.saved.set(text, sent);
    if (text.value === sent) this.forget(text);
    else this.changed(text);
    if (text.checkVisibility()) this.say(answer.words ?? "");
    // The list shows who has begun something: only that is news to it.
    if ((before === "0") !== (answer.version === 0)) document.dispatchEvent(new CustomEvent("parley:refresh"));
  }

  /** Two texts for one place: both are kept until somebody has chosen. */
  choose(text, theirs) {
    this.held.add(text);
    this.onThisDevice();
    const notice = this.form.querySelector("template.draft-conflict").content.firstElementChild.cloneNode(true);
    notice.querySelector(".other-text").textContent = theirs.body || "nothing: it was sent or deleted";
    const decide = (value) => {
      notice.remove();
      this.held.delete(text);
      this.version(text).value = theirs.version;
      this.saved.set(text, theirs.body);
      text.value = value;
      text.dispatchEvent(new Event("input", { bubbles: true }));
      text.focus();
    };
    notice.querySelector("[data-use-other]").addEventListener("click", () => decide(theirs.body));
    notice.querySelector("[data-keep-mine]").addEventListener("click", () => decide(text.value));
    text.before(notice);
  }

  onThisDevice() {
    this.say("Kept on this device");
    this.toggleAttribute("data-only-here", true);
  }

  say(words) {
    const place = this.querySelector(".draft-words");
    if (place.textContent !== words) place.textContent = words;
    this.removeAttribute("data-only-here");
  }

  version(text) {
    return this.form.elements[`${text.dataset.kind}_version`];
  }

  key(text) {
    return `${DRAFTS}${this.form.dataset.conversation}:${text.dataset.kind}`;
  }

  remember(text) {
    const entry = JSON.stringify({ body: text.value, version: Number(this.version(text).value) });
    localStorage.setItem(this.key(text), entry);
  }

  forget(text) {
    localStorage.removeItem(this.key(text));
  }

  /** Put back what this device holds and the server does not have. */
  restore(text) {
    const entry = JSON.parse(localStorage.getItem(this.key(text)) ?? "null");
    if (!entry) return;
    const server = text.value;
    if (entry.body === server || wasJustSent(entry.body)) return this.forget(text);
    const isNewer = entry.version === Number(this.version(text).value) || entry.body.includes(server.trim());
    text.value = entry.body;
    text.closest(".composer-field").hidden = false;
    if (!isNewer) return this.choose(text, { body: server, version: this.version(text).value });
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** An exchanged composer stays with the reply or the remark that was being written. */
  keepMode() {
    const { conversation } = this.form.dataset;
    const mode = this.form.elements.mode;
    if (lastMode.conversation === conversation && lastMode.mode) mode.value = lastMode.mode;
    this.form.addEventListener("change", (event) => {
      if (event.target.name === "mode") lastMode = { conversation, mode: mode.value };
    });
  }

  /** A save that is under way must not come in after the message. */
  async beforeSending(event) {
    clearTimeout(this.timer);
    if (!this.saving || !navigator.onLine) return; // without a connection it waits: offline.js
    event.preventDefault();
    await Promise.race([this.saving, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    event.detail.issueRequest(true);
  }
}

customElements.define("draft-saver", DraftSaver);

const saver = () => document.querySelector("draft-saver");

function wasJustSent(body) {
  const ours = [...document.querySelectorAll("#timeline .message-out .bubble-text")];
  return Boolean(body) && ours.at(-1)?.textContent === body;
}

// The server took the text: this device need not hold it any more.
document.addEventListener("parley:written", () => {
  const form = document.getElementById("composer");
  const text = form?.querySelector(`.composer-text[data-kind="${form.elements.mode.value}"]`);
  if (text) saver()?.forget(text);
});

document.addEventListener("parley:undone", () => {
  lastMode = { conversation: "", mode: "" };
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) saver()?.save({ leaving: true });
});
for (const back of ["parley:online", "parley:signed-in"]) document.addEventListener(back, () => saver()?.save());
document.addEventListener("parley:queued", (event) => {
  const { text } = event.detail;
  saver()?.saved.set(text, "");
  saver()?.forget(text);
  saver()?.say("");
});

// Whoever signs out leaves nothing behind on this device; what the server does not have yet keeps them here.
document.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-signs-out]") || event.target.dataset.ready) return;
  event.preventDefault();
  await saver()?.save();
  const own = Object.keys(localStorage).filter((key) => key.startsWith(DRAFTS));
  const open = own.length || waiting().length;
  if (open && !event.target.dataset.warned) {
    event.target.dataset.warned = "yes";
    toast("Something you wrote is on this device only. Sign out again to leave it behind.", { tone: "error" });
    return;
  }
  for (const key of own) localStorage.removeItem(key);
  forgetWaiting();
  sessionStorage.clear();
  event.target.dataset.ready = "yes";
  setTimeout(() => event.target.requestSubmit()); // a form cannot be sent while its own event is under way
});
