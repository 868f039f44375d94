"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  let left = data.length;

  function text(cell) {
    const made = document.createElement("span");
    made.textContent = (cell.getValue() || { text: "" }).text;
    return made;
  }

  function link(cell) {
    const made = document.createElement("a");
    made.textContent = cell.getValue().text;
    made.href = cell.getRow().getData().row.link;
    return made;
  }

  // Tabulator takes a title for markup; a category's name comes from the data.
  function title(cell) {
    return document.createTextNode(cell.getValue());
  }

  // Missing values sort last whichever way the column is sorted.
  function order(a, b, one, other, column, direction) {
    const [x, y] = [a, b].map((cell) => (cell ? cell.value : null));
    if (x === null || y === null) {
      const last = direction === "asc" ? 1 : -1;
      return x === y ? 0 : x === null ? last : -last;
    }
    if (typeof x === "number" && typeof y === "number") return x - y;
    return String(x).localeCompare(String(y));
  }

  data.forEach((section, place) => {
    const columns = section.columns.map((name, i) => ({
      title: name, titleFormatter: title, field: "c" + i, formatter: name === "model" ? link : text, sorter: order,
      frozen: name === "model", headerSortStartingDir: "desc", headerHozAlign: "left",
      minWidth: name === "#" ? 40 : name === "model" ? 120 : 70,
    }));
    const rows = section.rows.map((row, id) => {
      const made = { id: id, row: row };
      section.columns.forEach((name, i) => { made["c" + i] = row[name]; });
      return made;
    });
    const table = new Tabulator("#board-" + place, {
      data: rows, columns: columns, layout: "fitDataTable",
      columnDefaults: { resizable: false }, headerSortTristate: true,
    });
    table.on("tableBuilt", () => {
      left -= 1;
      if (!left) document.body.dataset.ready = "yes";
    });
  });
})();
