"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const two = data.rows.some((row) => "flip" in row);
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const wanted = { status: "", right: "", flip: "", text: "", groups: {} };

  // Text only ever enters the page as text.
  function make(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined && text !== null) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function shown(cell, name) {
    return make("span", cell, name);
  }

  for (const row of data.rows) {
    row.line = row.question.replace(/\s+/g, " ").trim();
    row.found = [row.key, row.video, row.question, row.options.join(" "), row.response || "",
      row.thinking, row.told, row.reason, row.second ? row.second.response || "" : ""]
      .join("\n").toLowerCase();
  }

  function passes(row) {
    if (wanted.status && row.status !== wanted.status) return false;
    if (wanted.right && row.right !== wanted.right) return false;
    if (wanted.flip && row.flip !== wanted.flip) return false;
    for (const [name, value] of Object.entries(wanted.groups)) {
      if (value && !(row.groups[name] || []).includes(value)) return false;
    }
    return !wanted.text || row.found.includes(wanted.text);
  }

  const columns = [
    { title: "question", field: "line", widthGrow: 4, minWidth: 140, responsive: 0 },
    { title: "right", field: "target", width: 70, responsive: 1 },
    { title: two ? "first" : "answer", field: "answer", width: 80, responsive: 0, right: "right" },
    { title: "status", field: "status", width: 90, responsive: 2 },
    { title: "id", field: "key", width: 110, responsive: 3 },
  ];
  if (two) {
    columns.splice(3, 0,
      { title: "second", field: "second.answer", width: 80, responsive: 0, right: "second.right" },
      { title: "change", field: "flip", width: 80, responsive: 1 });
  }
  for (const column of columns) {
    const right = column.right;
    delete column.right;
    column.formatter = function (cell) {
      const row = cell.getData();
      const how = right === "right" ? row.right : right ? (row.second || {}).right : "";
      return shown(cell.getValue(), how);
    };
    column.headerTooltip = false;
  }

  const table = new Tabulator("#list", {
    data: data.rows, index: "key", columns: columns, layout: "fitColumns",
    responsiveLayout: "hide", height: "80vh", selectableRows: 1, placeholder: "no question like that",
    columnDefaults: { resizable: false },
  });
  table.on("rowClick", (event, row) => {
    open(row.getData());
    const article = document.getElementById("sample");
    if (window.matchMedia("(max-width: 760px)").matches) article.scrollIntoView();
  });
  table.on("tableBuilt", () => {
    if (data.rows.length) open(data.rows[0]);
    refilter();
    document.body.dataset.ready = "yes";
  });

  const count = make("span", "", "note");
  count.id = "count";
  function refilter() {
    table.setFilter(passes);
    const left = table.getDataCount("active");
    count.textContent = left + " of " + data.rows.length + " questions";
  }

  function choice(label, values, set) {
    if (values.length < 2) return;
    const select = make("select");
    select.setAttribute("aria-label", label);
    select.append(new Option(label + ": all", ""));
    for (const value of values) select.append(new Option(value, value));
    select.addEventListener("change", () => { set(select.value); refilter(); });
    document.getElementById("filters").append(select);
  }

  function several(of) {
    return [...new Set(data.rows.flatMap(of))].sort();
  }

  choice("status", several((row) => row.status), (value) => { wanted.status = value; });
  choice("score", several((row) => row.right), (value) => { wanted.right = value; });
  if (two) choice("change", several((row) => row.flip), (value) => { wanted.flip = value; });
  for (const name of data.groups) {
    choice(name, several((row) => row.groups[name] || []), (value) => { wanted.groups[name] = value; });
  }
  const search = make("input");
  search.type = "search";
  search.placeholder = "search questions and responses";
  search.setAttribute("aria-label", "search");
  search.addEventListener("input", () => { wanted.text = search.value.toLowerCase(); refilter(); });
  document.getElementById("filters").append(search, count);

  function folded(title, text, isOpen) {
    const made = make("details");
    made.open = Boolean(isOpen);
    made.append(make("summary", title), make("pre", text));
    return made;
  }

  function strip(clip) {
    const made = make("div", null, "strip");
    clip.frames.forEach((frame, i) => {
      const figure = make("figure");
      const image = make("img");
      image.loading = "lazy";
      image.alt = "frame " + frame;
      image.addEventListener("error", () => { image.remove(); });
      image.src = clip.at + "/" + frame + ".jpg";
      const time = clip.times[i];
      figure.append(image, make("figcaption", time === undefined ? "frame " + frame : time.toFixed(2) + " s"));
      made.append(figure);
    });
    return made;
  }

  function options(row) {
    const list = make("ol", null, "options");
    row.options.forEach((text, i) => {
      const letter = LETTERS[i] || String(i + 1);
      const item = make("li", letter + ". " + text);
      const marks = [];
      if (row.target === letter) { item.classList.add("target"); marks.push("right"); }
      if (row.answer === letter) { item.classList.add("chosen"); marks.push(two ? "first" : "chosen"); }
      if (row.second && row.second.answer === letter) marks.push("second");
      if (marks.length) item.append(make("span", marks.join(", "), "tag"));
      list.append(item);
    });
    return list;
  }

  function said(title, one) {
    const made = make("div");
    made.append(make("h2", title));
    if (one.thinking) made.append(folded("thinking", one.thinking, false));
    made.append(one.response === null ? make("p", "no response", "warn") : make("pre", one.response));
    if (one.reason) made.append(make("p", one.reason, "warn"));
    return made;
  }

  function read(rules) {
    const answers = Object.keys(rules);
    if (!answers.length) return make("span");
    const made = make("details");
    made.open = answers.length > 1;
    const all = answers.length === 1 ? "every rule reads " + answers[0] : "the rules disagree";
    made.append(make("summary", "extraction: " + all));
    const list = make("dl");
    for (const answer of answers) list.append(make("dt", answer), make("dd", rules[answer].join(", ")));
    made.append(list);
    return made;
  }

  function open(row) {
    const article = document.getElementById("sample");
    const parts = [make("p", row.key + " · " + row.video, "note"), strip(data.clips[row.clip]),
      make("p", row.question)];
    if (row.options.length) parts.push(options(row));
    else parts.push(make("p", "right: " + row.target), make("p", "read: " + row.answer));
    if (row.worth !== null) parts.push(make("p", "score " + row.worth, row.right));
    parts.push(said(two ? "First response" : "Response", row));
    if (two) parts.push(row.second ? said("Second response", row.second) : make("p", "not asked by the second"));
    if (row.told) parts.push(folded("what the scorer or judge said", row.told, true));
    if (row.rules) parts.push(read(row.rules));
    for (const note of row.notes) parts.push(make("p", note, "note"));
    if (row.tokens) parts.push(make("p", row.tokens + (row.finish ? ", ended: " + row.finish : ""), "note"));
    parts.push(folded("prompt", row.prompt, false));
    article.replaceChildren(...parts);
    article.scrollTop = 0;
  }
})();
