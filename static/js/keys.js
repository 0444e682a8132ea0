// Single keys outside fields, and only those whose control is on the page: an element with data-key is pressed.

const OFF = "parley:no-single-keys";

const inField = (element) => element.closest?.("input, textarea, select, [contenteditable], dialog[open]");

const actions = {
  j: () => move(1),
  k: () => move(-1),
  r: () => write("mode-reply"),
  n: () => write("mode-remark"),
  "?": () => document.getElementById("key-help")?.showModal(),
};

function move(step) {
  const rows = [...document.querySelectorAll(".conversation-row")];
  const here = rows.findIndex((row) => row.hasAttribute("aria-current"));
  const next = rows[here < 0 ? 0 : here + step];
  next?.click();
  next?.focus();
}

function write(mode) {
  const choice = document.getElementById(mode);
  if (!choice) return;
  choice.checked = true;
  choice.dispatchEvent(new Event("change", { bubbles: true }));
  const text = [...document.querySelectorAll("#composer .composer-text")].find((one) => one.checkVisibility());
  if (text) text.focus();
  else choice.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && event.target.matches?.("textarea, input")) event.target.blur();
  if (inField(event.target) || localStorage.getItem(OFF)) return;
  const key = event.key.toLowerCase();
  const control = /^[a-z]$/.test(key) ? document.querySelector(`[data-key="${key}"]`) : null;
  const action = actions[key] ?? (control && (() => control.click()));
  if (!action) return;
  event.preventDefault();
  action();
});

const choice = document.getElementById("single-keys");
if (choice) {
  choice.checked = !localStorage.getItem(OFF);
  choice.addEventListener("change", () => {
    if (choice.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
}
