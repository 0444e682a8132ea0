// A link to a message: brings it into the middle, after the pane has gone to its newest message.

const wanted = /^#message-\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
if (wanted) {
  wanted.scrollIntoView({ block: "center" });
  wanted.tabIndex = -1;
  wanted.focus({ preventScroll: true });
}
