// Filling in a WhatsApp template: what was mended stops being marked as wrong, and a date can come from a calendar.

const OF_SHAPE = {
  weekday: { weekday: "long" },
  day: { day: "numeric" },
  month: { month: "long" },
  "month-short": { month: "short" },
  year: { year: "numeric" },
};

/** A day (2026-11-26) as the template's sample writes its own. */
function written(day, shape, language) {
  if (!shape || shape === "iso") return day;
  const parts = shape.split(" ").map((part) => OF_SHAPE[part]);
  const options = Object.assign({ numberingSystem: "latn" }, ...parts);
  return new Intl.DateTimeFormat(language.replace("_", "-"), options).format(new Date(`${day}T12:00`));
}

function mended(field) {
  const error = document.getElementById(`${field.id}_error`);
  field.removeAttribute("aria-invalid");
  if (!error) return;
  const others = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== error.id);
  if (others.length) field.setAttribute("aria-describedby", others.join(" "));
  else field.removeAttribute("aria-describedby");
  error.remove();
}

document.addEventListener("htmx:oobAfterSwap", () => {
  const count = document.getElementById("to-fix");
  if (!count) return;
  const wrong = new Set(count.dataset.wrong.split(" "));
  for (const field of document.querySelectorAll("#template-form [aria-invalid=true]")) {
    if (!wrong.has(field.name)) mended(field);
  }
});

document.addEventListener("click", (event) => {
  event.target.closest("[data-opens-calendar]")?.parentElement.querySelector("[type=date]").showPicker();
});

document.addEventListener("change", (event) => {
  const { shape, language } = event.target.dataset ?? {};
  if (shape === undefined || !event.target.value) return;
  const field = event.target.parentElement.querySelector(".input");
  field.value = written(event.target.value, shape, language);
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// Whoever was quicker than this page's scripts has typed into the search already. htmx listens by now.
document.addEventListener("DOMContentLoaded", () => {
  const words = document.querySelector(".picker-words-field");
  if (words && words.value !== words.defaultValue) words.dispatchEvent(new Event("change", { bubbles: true }));
});
