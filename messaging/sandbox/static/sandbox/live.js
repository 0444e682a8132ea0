// Fetches the parts of the page that changed and works them in without disturbing what a person is doing.
import { weave } from "./weave.js";

const PAUSE = 700; // milliseconds between two looks
const PATIENCE = 3; // looks without an answer before the page says so

let address = null;
let version = "";
let failures = 0;
let timer = 0;
let looking = null;

/** Look for changes at `makeAddress()` from now on. */
export function keepCurrent(makeAddress) {
  address = makeAddress;
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  refresh();
}

/** Look at once; resolves when the page is current. */
export async function refresh() {
  if (!address) return;
  clearTimeout(timer);
  if (looking) await looking; // it may have left before the change that is asked for
  looking = look();
  await looking;
  looking = null;
  clearTimeout(timer);
  timer = setTimeout(() => document.hidden || looking || refresh(), PAUSE);
}

async function look() {
  const from = address().href;
  try {
    const answer = await fetch(from, { headers: version ? { "If-None-Match": version } : {}, cache: "no-store" });
    if (answer.status !== 304 && !answer.ok) throw new Error(`answered ${answer.status}`);
    if (answer.ok && from === address().href) {
      version = answer.headers.get("ETag") ?? "";
      workIn(await answer.text());
    }
    failures = 0;
  } catch {
    failures += 1;
  }
  document.getElementById("offline").hidden = failures < PATIENCE;
}

function workIn(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.body.children) {
    const present = document.getElementById(part.id);
    if (present) weave(present, part);
  }
}
