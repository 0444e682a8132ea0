// The one event stream of a tab. It says what changed, and other modules ask for it: parley:event with the change,
// parley:connected whenever the stream stands (anew), because what happened before was not told.

const AGAIN = 20_000;

let source = null;
let ended = false;

/** Does the server tell this page what changes? */
export const hears = () => source?.readyState === EventSource.OPEN;

function listen() {
  source = new EventSource("/events");
  const connected = () => document.dispatchEvent(new CustomEvent("parley:connected"));
  source.addEventListener("hello", connected);
  source.addEventListener("reload", connected);
  source.addEventListener("message", (event) => {
    document.dispatchEvent(new CustomEvent("parley:event", { detail: JSON.parse(event.data) }));
  });
}

document.addEventListener("parley:signed-out", () => {
  ended = true;
  source?.close();
});
document.addEventListener("parley:signed-in", () => {
  ended = false;
  listen();
});

listen();
setInterval(() => {
  if (!ended && source.readyState === EventSource.CLOSED) listen();
}, AGAIN);
