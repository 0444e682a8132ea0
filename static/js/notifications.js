// Tells somebody what happened to what is theirs: a notice on the page, a notification of the device, a sound, the
// number on the bell. Of all tabs of a browser one tells each thing, the one that is looked at if there is one.

import { hears } from "./events.js";
import { openConversation } from "./live.js";
import { toast } from "./toasts.js";

const user = document.body.dataset.user;
const MANY = 3; // more than these at once are one notice
const OVERLAP = 100; // what is written at the same time may be seen in another order than its ids
const SOON = 200;
const AFTER_OTHERS = 1500; // so that a tab that is looked at comes first
const POLL = 20_000;

const bells = () => document.querySelectorAll(".bell");
const icon = document.querySelector('link[rel="icon"]');
const plainIcon = icon?.getAttribute("href");
const plainTitle = document.title;
let asking = 0;

/* What is new */

function ask() {
  if (bells().length) asking ||= setTimeout(tell, document.hidden ? AFTER_OTHERS : SOON);
}

async function tell() {
  asking = 0;
  const { from, ids } = await withMemory((told) => told);
  const after = Math.max(from, Math.max(0, ...ids) - OVERLAP);
  const news = await newsAfter(after).catch(() => null); // no network: the next event, or the poll, asks again
  if (!news) return;
  showNumber(news.unread);
  let fresh = [];
  await withMemory((told) => {
    fresh = news.items.filter((one) => !told.ids.includes(one.id));
    return { from, ids: [...told.ids, ...fresh.map((one) => one.id)].slice(-OVERLAP) };
  });
  announce(fresh, news.volume);
}

async function newsAfter(id) {
  const response = await fetch(`/notifications/news/?after=${id}`);
  if (response.redirected) document.dispatchEvent(new CustomEvent("parley:signed-out"));
  return response.redirected || !response.ok ? null : response.json();
}

/* What this browser has told: {from, ids}, nothing up to `from`, and of the others these. Of two tabs that look at
   the same time the second one sees what the first has written: a transaction of the database sees to that */

let opened = null;

function memory() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("parley", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("told");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** Change what is remembered, in one go; returns it as it is then. */
async function withMemory(change) {
  const transaction = (await memory()).transaction("told", "readwrite");
  const store = transaction.objectStore("told");
  return new Promise((resolve, reject) => {
    let told = null;
    store.get(user).onsuccess = ({ target }) => {
      told = change(target.result ?? { from: Number(bells()[0].dataset.newest), ids: [] });
      store.put(told, user);
    };
    transaction.oncomplete = () => resolve(told);
    transaction.onabort = () => reject(transaction.error);
  });
}

function announce(fresh, volume) {
  const here = document.hasFocus() ? openConversation() : "";
  const elsewhere = fresh.filter((one) => String(one.conversation) !== here);
  const by = (way) => elsewhere.filter((one) => one.ways.includes(way));
  if (by("sound").length) play(volume);
  for (const { words, address } of asOne(by("page"))) toast(words, { link: { text: "Show", href: address } });
  if (!document.hasFocus()) for (const one of asOne(by("desktop"))) showOnDevice(one);
}

/** After an absence there is one notice instead of many. */
function asOne(found) {
  if (found.length <= MANY) return found;
  return [{ id: "many", words: `${found.length} new notifications`, address: "/notifications/" }];
}

function showNumber(number) {
  for (const bell of bells()) {
    const count = bell.querySelector(".bell-count");
    count.textContent = number > 99 ? "99+" : String(number);
    count.hidden = !number;
    bell.setAttribute("aria-label", number ? `Notifications, ${number} unread` : "Notifications");
  }
  // The title of the inbox counts what is unread there.
  if (!document.getElementById("workspace")) document.title = number ? `(${number}) ${plainTitle}` : plainTitle;
  icon?.setAttribute("href", number ? icon.dataset.news : plainIcon);
}

/* The device: asked for by a click only */

const device = () => document.querySelector("[data-asks-device]");

function showOnDevice({ id, words, address }) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const shown = new Notification("Parley", { body: words, tag: `parley-${id}`, silent: true });
  shown.addEventListener("click", () => {
    window.focus();
    location.href = address;
  });
}

function showPermission() {
  const place = device();
  if (!place) return;
  const state = "Notification" in window ? Notification.permission : "missing";
  const words = {
    default: "This browser shows none yet.",
    granted: "This browser shows them.",
    denied: "This browser blocks them. Allow notifications for this site in the browser's settings.",
    missing: "This browser has none.",
  };
  place.hidden = false;
  place.querySelector("span").textContent = words[state];
  place.querySelector("button").hidden = state !== "default";
}

/* The sound: two short tones, made here. Browsers allow it after the first click or key */

let audio = null;

function unlock() {
  if (audio?.state === "running" || !navigator.userActivation?.hasBeenActive) return; // a key such as Ctrl alone is no sign that somebody is there
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume();
}

function play(volume) {
  if (audio?.state !== "running" || !volume) return;
  [
    [880, 0],
    [1175, 0.13],
  ].forEach(([frequency, later]) => {
    const tone = new OscillatorNode(audio, { frequency });
    const gain = new GainNode(audio, { gain: 0 });
    const at = audio.currentTime + later;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime((volume / 100) * 0.4, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.3);
    tone.connect(gain).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.32);
  });
}

for (const name of ["pointerdown", "keydown"]) addEventListener(name, unlock, { capture: true, passive: true });

document.addEventListener("click", async (event) => {
  if (event.target.closest?.("[data-plays]")) {
    unlock();
    await audio.resume();
    play(Number(document.querySelector('[name="sound_volume"]').value));
  }
  if (event.target.closest?.("[data-asks-device] button")) {
    await Notification.requestPermission();
    showPermission();
  }
});

/* When to ask */

document.addEventListener("parley:event", (event) => {
  if (event.detail.kind === "notification") ask();
});
document.addEventListener("parley:connected", ask);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) ask();
});
setInterval(() => {
  if (!hears()) ask();
}, POLL);

// What has been read gives the keys back to the panel it was in.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.matches?.(".notices")) document.getElementById("notices-title")?.focus();
});

for (const one of document.querySelectorAll("[data-with-script]")) one.hidden = false;
showPermission();
if (bells().length) showNumber(Number(bells()[0].dataset.number));
