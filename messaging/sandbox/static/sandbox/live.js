// Fetches the parts of the page that changed and works them in without disturbing what a person is doing.
import { weave } from "./weave.js";

const PAUSE = 700; // milliseconds between two looks
const PATIENCE = 3; // looks in vain before the page says so

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
  const trouble = await troubleWithLooking();
  failures = trouble ? failures + 1 : 0;
  for (const id of ["offline", "stuck"]) document.getElementById(id).hidden = id !== trouble || failures < PATIENCE;
}

// The id of the notice that says what went wrong; nothing when the page is current.
async function troubleWithLooking() {
  const from = address().href;
  let answer, html;
  try {
    answer = await fetch(from, { headers: version ? { "If-None-Match": version } : {}, cache: "no-store" });
    html = await answer.text();
  } catch {
    return "offline";
  }
  if (answer.status === 304 || from !== address().href) return "";
  if (!answer.ok) return "stuck";
  try {
    workIn(html);
  } catch (error) {
    if (!failures) reportError(error); // ours: whoever mends it finds it in the console, once
    return "stuck";
  }
  version = answer.headers.get("ETag") ?? ""; // of what is shown, so that what could not be is fetched again
  return "";
}

function workIn(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.body.children) {
    const present = document.getElementById(part.id);
    if (present) weave(present, part);
  }
}
