"use strict";
(() => {
  // ---- a class picked out of the curves
  const charts = document.querySelector(".charts");
  const chips = [...document.querySelectorAll(".legend button")];
  const curves = [...document.querySelectorAll(".charts [data-class]")];
  let picked = null;
  chips.forEach((chip) => chip.addEventListener("click", () => {
    picked = picked === chip.dataset.pick ? null : chip.dataset.pick;
    charts.classList.toggle("picked", picked !== null);
    chips.forEach((other) => other.setAttribute("aria-pressed", other.dataset.pick === picked));
    curves.forEach((curve) => curve.classList.toggle("on", curve.dataset.class === picked));
  }));

  // ---- shares of a row, as the ground of the matrix's cells
  document.querySelectorAll("[data-share]").forEach((cell) => cell.style.setProperty("--share", cell.dataset.share));

  // ---- tables in the order of a column; undefined figures last
  const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const sort = (header, column) => {
    const table = header.closest("table");
    const now = header.getAttribute("aria-sort");
    const ascending = column ? now === "descending" : now !== "ascending"; // figures begin with the largest
    const rows = [...table.tBodies[0].rows];
    const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    rows.sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (!column) return (ascending ? 1 : -1) * byName.compare(a, b);
      const [x, y] = [Number.parseFloat(a), Number.parseFloat(b)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return (ascending ? 1 : -1) * (x - y);
    });
    table.tBodies[0].append(...rows);
    table.querySelectorAll("thead th").forEach((other) => other.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  };
  document.querySelectorAll("table.sortable thead th").forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => sort(header, column));
  });

  // ---- the photos: which boxes, how large
  const photos = document.querySelector(".photos");
  document.querySelectorAll("[data-show]").forEach((chip) => chip.addEventListener("click", () => {
    const hidden = photos.classList.toggle(`no-${chip.dataset.show}`);
    chip.setAttribute("aria-pressed", !hidden);
  }));
  document.querySelector("#large")?.addEventListener("click", (event) => {
    event.currentTarget.setAttribute("aria-pressed", photos.classList.toggle("large"));
  });
})();
