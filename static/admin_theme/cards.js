// On a phone each row of a list is a card: every cell says of what it is, and an empty one is left out.
"use strict";
{
  document.addEventListener("DOMContentLoaded", () => {
    const table = document.getElementById("result_list");
    if (!table || !table.tHead) return;
    const names = [...table.tHead.rows[0].cells].map((cell) => (cell.querySelector(".text") ?? cell).textContent.trim());
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, place) => {
        if (cell.matches("td:not(.action-checkbox)")) cell.dataset.label = names[place];
        cell.classList.toggle("empty", /^[-–]?$/.test(cell.textContent.trim()) && !cell.querySelector("img, input"));
      });
    }
    table.classList.add("list-cards");
  });
}
