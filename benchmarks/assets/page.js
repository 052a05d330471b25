document.querySelectorAll("table.sortable").forEach(table => {
  const heads = table.querySelectorAll("th");
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const value = row => row.cells[column].dataset.v ?? row.cells[column].textContent;
    const rank = (a, b) => {
      const x = value(a), y = value(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return up ? order : -order;
    };
    [...body.rows].sort(rank).forEach(row => body.append(row));
  }));
});
