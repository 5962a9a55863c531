// Sorting by a press on a heading: numbers by size, words by letter, what has no value last.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const words = new Intl.Collator("en", { numeric: true });
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      const numeric = heading.classList.contains("num");
      const key = (row) => {
        const text = row.cells[column].textContent;
        return numeric ? Number.parseFloat(text.replace("−", "-")) : text;
      };
      const empty = (value) => (numeric ? Number.isNaN(value) : value === "");
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => {
        if (empty(a) || empty(b)) return empty(a) - empty(b);
        const order = numeric ? a - b : words.compare(a, b);
        return down ? -order : order;
      });
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...rows.map(([, row]) => row));
    });
  });
}
