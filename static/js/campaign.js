// Puts a field into the text of a campaign where the cursor stands; the words stay plain text.

document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-inserts]");
  const box = chip && document.getElementById(chip.dataset.into);
  if (!box) return;
  box.focus();
  box.setRangeText(chip.dataset.inserts, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
});
