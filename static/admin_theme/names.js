// Select2 draws a text box of its own over a choice and leaves it without a name. This gives it the label's.
"use strict";
{
  const nameAll = () => {
    for (const select of document.querySelectorAll("select.admin-autocomplete")) {
      const box = select.parentElement.querySelector(".select2-selection__rendered");
      const label = select.labels[0]?.textContent.replace(/:\s*$/, "").trim() || select.getAttribute("aria-label");
      if (box && label) {
        box.setAttribute("aria-label", label);
      }
    }
  };
  window.addEventListener("load", () => setTimeout(nameAll));
  document.addEventListener("formset:added", () => setTimeout(nameAll));
}
