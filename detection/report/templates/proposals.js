"use strict";
(() => {
  const chips = [...document.querySelectorAll(".chip")];
  const lines = [...document.querySelectorAll(".charts svg [data-proposer]")];
  let picked = null; // the proposer whose lines stand out

  const pick = (proposer) => {
    picked = proposer === picked ? null : proposer;
    document.querySelector(".charts").classList.toggle("picked", picked !== null);
    chips.forEach((chip) => chip.setAttribute("aria-pressed", chip.dataset.proposer === picked));
    lines.forEach((line) => line.classList.toggle("on", line.dataset.proposer === picked));
  };
  chips.forEach((chip) => chip.addEventListener("click", () => pick(chip.dataset.proposer)));
})();
